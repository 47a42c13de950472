//! Event streams in every way of writing them, cut in every way.

use proptest::prelude::*;

use super::{Fault, Fields, Frame, Parser, WriteError, write};

/// All frames of a stream that comes in the given pieces, and what is left.
fn read(pieces: &[&[u8]], frame_bytes_max: usize) -> (Vec<Frame>, Result<Vec<u8>, Fault>) {
    let mut parser = Parser::new(frame_bytes_max);
    let mut frames = Vec::new();
    for piece in pieces {
        parser.feed(piece);
        loop {
            match parser.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(fault) => return (frames, Err(fault)),
            }
        }
    }
    let (last, rest) = parser.finish();
    frames.extend(last);
    (frames, Ok(rest.to_vec()))
}

fn whole(stream: &str) -> Vec<Frame> {
    read(&[stream.as_bytes()], 1000).0
}

fn data(stream: &str) -> Vec<Option<String>> {
    whole(stream).into_iter().map(|frame| frame.fields.data).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "fields are optional")]
fn some(data: &str) -> Option<String> {
    Some(data.to_owned())
}

#[test]
fn the_examples_of_the_standard_read_as_it_says() {
    let stream = "data: YHOO\ndata: +2\ndata: 10\n\n";
    assert_eq!(data(stream), [some("YHOO\n+2\n10")]);

    let stream =
        ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third";
    let frames = whole(&format!("{stream} event\n\n"));
    assert_eq!(frames.len(), 4);
    assert_eq!(frames[0].fields, Fields::default());
    let first = Fields { data: some("first event"), id: some("1"), ..Fields::default() };
    assert_eq!(frames[1].fields, first);
    let second = Fields { data: some("second event"), id: some(""), ..Fields::default() };
    assert_eq!(frames[2].fields, second);
    assert_eq!(frames[3].fields.data, some(" third event"));

    assert_eq!(data("data\n\ndata\ndata\n\ndata:"), [some(""), some("\n")]);
    assert_eq!(data("data:test\n\ndata: test\n\n"), [some("test"), some("test")]);
}

#[test]
fn every_field_is_read() {
    let frames = whole("event: a\nevent: delta\nretry: 1500\nid: 7\ndata: {}\nfoo: bar\n\n");
    let expected =
        Fields { data: some("{}"), event: some("delta"), id: some("7"), retry: Some(1500) };
    assert_eq!(frames[0].fields, expected);
    let frames = whole("event: a\nevent\nretry: 1s\nretry:\nid: a\0b\nDATA: x\n data: x\n\n");
    assert_eq!(frames[0].fields, Fields::default());
    assert_eq!(whole("retry: 99999999999999999999999\n\n")[0].fields.retry, Some(u64::MAX));
}

#[test]
fn a_byte_order_mark_is_skipped_at_the_start_and_nowhere_else() {
    assert_eq!(data("\u{feff}data: 1\n\n\u{feff}data: 2\n\n"), [some("1"), None]);
    assert_eq!(whole("\u{feff}\n\n").len(), 2);
    assert_eq!(whole("\u{feff}data: 1\n\n")[0].raw.as_ref(), "\u{feff}data: 1\n\n".as_bytes());
}

#[test]
fn a_frame_has_the_bytes_it_came_as_whatever_ends_its_lines() {
    for (stream, raws) in [
        ("data: 1\n\ndata: 2\n\nrest", vec!["data: 1\n\n", "data: 2\n\n"]),
        ("data: 1\r\n\r\ndata: 2\r\n\r\n", vec!["data: 1\r\n\r\n", "data: 2\r\n\r\n"]),
        ("data: 1\r\rdata: 2\r\r", vec!["data: 1\r\r", "data: 2\r\r"]),
        ("data: 1\n\rdata: 2\r\n\n", vec!["data: 1\n\r", "data: 2\r\n\n"]),
        ("data: 1\r\r\ndata: 2\r\r\n\r\n", vec!["data: 1\r\r", "\ndata: 2\r\r", "\n\r\n"]),
        (": ping\n\n\n\n", vec![": ping\n\n", "\n", "\n"]),
    ] {
        let frames = whole(stream);
        let found: Vec<_> = frames.iter().map(|frame| frame.raw.as_ref()).collect();
        assert_eq!(found, raws.iter().map(|raw| raw.as_bytes()).collect::<Vec<_>>());
    }
}

#[test]
fn a_frame_is_given_as_soon_as_its_last_byte_is_there() {
    for stream in ["data: 1\n\n", "data: 1\r\n\r\n", "data: 1\r\r"] {
        let mut parser = Parser::new(1000);
        for byte in stream.as_bytes() {
            assert_eq!(parser.next_frame(), Ok(None));
            parser.feed(&[*byte]);
        }
        assert_eq!(parser.next_frame().unwrap().unwrap().fields.data, some("1"));
    }
}

#[test]
fn an_event_that_the_end_of_the_stream_cuts_is_left_over() {
    let (frames, rest) = read(&[b"data: 1\n\ndata: 2\n"], 1000);
    assert_eq!((frames.len(), rest.unwrap().as_slice()), (1, &b"data: 2\n"[..]));
    let (frames, rest) = read(&[b"data: 1\r\n\r"], 1000);
    assert_eq!((frames[0].fields.data.clone(), rest), (some("1"), Ok(vec![])));
}

#[test]
fn a_frame_over_the_limit_is_a_fault_that_stays() {
    let fault = Fault::TooLong { bytes_max: 9, offset: 9 };
    let text = "a frame longer than 9 bytes at byte 9 of the event stream";
    assert_eq!(fault.to_string(), text);
    for stream in ["data: 1\n\ndata: 12\n\n", "data: 1\n\ndata: 1234", "data: 1\n\n\r\rdata: 1\n\n"]
    {
        let (frames, rest) = read(&[stream.as_bytes()], 9);
        let over = !stream.contains('\r');
        assert_eq!(rest.is_err(), over);
        assert_eq!(frames.len(), if over { 1 } else { 4 });
    }
    let mut parser = Parser::new(9);
    parser.feed(b"data: 1\n\n: 34567890");
    assert!(parser.next_frame().unwrap().is_some());
    assert_eq!(parser.next_frame(), Err(fault));
    parser.feed(b"\n\n");
    assert_eq!(parser.next_frame(), Err(fault));
}

#[test]
fn a_field_of_more_than_one_line_is_not_written() {
    let fields = Fields { event: some("a\ndata: forged"), ..Fields::default() };
    let value = "a\ndata: forged".to_owned();
    assert_eq!(write(&fields), Err(WriteError::NotOneLine { field: "event", value }));
}

/// Streams rich in all that matters.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let pieces: [&[u8]; 18] = [
        b"\n",
        b"\n",
        b"\r",
        b"\r",
        b"\r\n",
        b"\r\n",
        b"\n\n",
        b"\r\n\r\n",
        b"data: x",
        b"data: x",
        b"data",
        b"event:e",
        b"id: 1",
        b"retry: 5",
        b": ping",
        b"\xEF\xBB\xBF",
        b"\xEF",
        b"\xFF\x00",
    ];
    let piece = prop::sample::select(pieces.to_vec());
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// The events of a stream by the letter of the standard: first lines, then fields.
fn events_by_the_standard(stream: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stream);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<_> = text.split('\n').collect();
    lines.pop();
    let (mut events, mut buffer) = (Vec::new(), String::new());
    for line in lines {
        if line.is_empty() {
            if !buffer.is_empty() {
                buffer.pop();
                events.push(std::mem::take(&mut buffer));
            }
        } else if let Some(value) = line.strip_prefix("data:") {
            buffer.push_str(value.strip_prefix(' ').unwrap_or(value));
            buffer.push('\n');
        } else if line == "data" {
            buffer.push('\n');
        }
    }
    events
}

proptest! {
    #[test]
    fn frames_and_rest_are_the_stream(stream in streams()) {
        let (frames, rest) = read(&[&stream], 10_000);
        let mut joined = Vec::new();
        for frame in &frames {
            prop_assert_eq!(frame.offset, joined.len() as u64);
            joined.extend_from_slice(&frame.raw);
        }
        joined.extend(rest.unwrap());
        prop_assert_eq!(joined, stream);
    }

    #[test]
    fn frames_do_not_depend_on_how_the_stream_is_cut(
        stream in streams(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        frame_bytes_max in 5..100_usize,
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        prop_assert_eq!(read(&pieces, frame_bytes_max), read(&[&stream], frame_bytes_max));
        let bytes: Vec<_> = stream.chunks(1).collect();
        prop_assert_eq!(read(&bytes, frame_bytes_max), read(&[&stream], frame_bytes_max));
    }

    #[test]
    fn events_are_those_of_the_standard(stream in streams()) {
        let frames = read(&[&stream], 10_000).0;
        let events: Vec<_> = frames.into_iter().filter_map(|frame| frame.fields.data).collect();
        prop_assert_eq!(events, events_by_the_standard(&stream));
    }

    #[test]
    fn what_is_written_is_read(
        data in prop::option::of("[ -~\n\r:é]{0,30}"),
        event in prop::option::of("[ -~]{1,10}"),
        id in prop::option::of("[ -~]{0,10}"),
        retry: Option<u64>,
    ) {
        let fields = Fields { data, event, id, retry };
        let bytes = write(&fields).unwrap();
        let (frames, rest) = read(&[&bytes], 1000);
        let plain = |data: String| data.replace("\r\n", "\n").replace('\r', "\n");
        let expected = Fields { data: fields.data.map(plain), ..fields };
        prop_assert_eq!(rest, Ok(vec![]));
        prop_assert_eq!(frames.len(), 1);
        prop_assert_eq!(&frames[0].fields, &expected);
        prop_assert_eq!(&frames[0].raw, &bytes);
    }
}
