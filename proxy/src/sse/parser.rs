//! Bytes in, in any pieces; complete frames out, each with the bytes it came as.
//!
//! A frame is all bytes up to and including a blank line, so that the frames and what is left at
//! the end are, joined, the input. A frame may hold no event: comments, or an id alone.
//!
//! Lines end in LF, CRLF or CR. Whether an LF follows the CR of a blank line cannot be known before
//! the next byte comes. The parser then waits for that byte, save when the line before also ended
//! in a CR alone: such a stream writes its lines so, and waiting could mean for ever. Should an LF
//! follow all the same, it is the first byte of the next frame. This rule looks at the bytes
//! alone, so the frames are the same however the bytes were cut into pieces.

use bytes::{Bytes, BytesMut};

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it says.
    pub fields: Fields,
    /// The bytes it came as, with the blank line that ends it.
    pub raw: Bytes,
    /// How many bytes of the stream came before it.
    pub offset: u64,
}

/// What the lines of one frame say. Bytes that are not UTF-8 read as U+FFFD, as the standard has
/// it; fields it does not know are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// All `data` lines, joined by LF; `None` when there are none, and a client then sees no event.
    pub data: Option<String>,
    /// The last `event` line; `None` stands for the type `message`.
    pub event: Option<String>,
    /// The last `id` line without a NUL; an empty one forgets the id that clients remember.
    pub id: Option<String>,
    /// The last `retry` line made of digits: milliseconds until a client may connect again.
    pub retry: Option<u64>,
}

/// Why a stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A frame is larger than allowed, complete or not.
    #[error("a frame longer than {bytes_max} bytes at byte {offset} of the event stream")]
    TooLong {
        /// The limit.
        bytes_max: usize,
        /// Where the frame starts.
        offset: u64,
    },
}

/// Cuts a stream into frames.
///
/// Give it bytes with [`Self::feed`], then call [`Self::next_frame`] until it says `None`: the
/// parser then holds at most `frame_bytes_max` bytes.
#[derive(Debug)]
pub struct Parser {
    frame_bytes_max: usize,
    /// The bytes of the stream from `offset` on.
    buffer: BytesMut,
    offset: u64,
    /// Where in the buffer the line starts that is looked at.
    line: usize,
    /// Up to where in the buffer that line is known to hold no line end.
    seen: usize,
    /// How the line before it ended.
    last: LineEnd,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnd {
    Lf,
    Cr,
    CrLf,
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl Parser {
    /// A parser for one stream, none of whose frames may be larger than `frame_bytes_max`.
    pub fn new(frame_bytes_max: usize) -> Self {
        Self {
            frame_bytes_max,
            buffer: BytesMut::new(),
            offset: 0,
            line: 0,
            seen: 0,
            last: LineEnd::Lf,
            fault: None,
        }
    }

    /// Takes the next bytes of the stream; after a fault they are of no use.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.fault.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Gives the next complete frame, or `None` when more bytes are needed. A fault stays.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let end = self.frame_end();
        if end.unwrap_or(self.buffer.len()) > self.frame_bytes_max {
            let fault = Fault::TooLong { bytes_max: self.frame_bytes_max, offset: self.offset };
            self.fault = Some(fault);
            return Err(fault);
        }
        Ok(end.map(|end| self.cut(end)))
    }

    /// Ends the stream, once [`Self::next_frame`] has said `None`: gives the bytes after the last
    /// frame. An event that they begin is, by the standard, never seen by a client.
    ///
    /// A blank line that ends in CR, and was waiting for an LF, ends a frame after all.
    pub fn finish(mut self) -> (Option<Frame>, Bytes) {
        let waiting = self.buffer.get(self.line..) == Some(b"\r") && self.fault.is_none();
        let last = waiting.then(|| self.cut(self.line + 1));
        (last, self.buffer.freeze())
    }

    /// Looks for the end of the frame that the buffer starts with.
    fn frame_end(&mut self) -> Option<usize> {
        self.start()?;
        loop {
            let rest = self.buffer.get(self.seen..)?;
            let Some(found) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.seen = self.buffer.len();
                return None;
            };
            self.seen += found;
            let blank = self.seen == self.line;
            let (ending, length) = self.line_end(blank)?;
            self.last = ending;
            self.seen += length;
            self.line = self.seen;
            if blank {
                return Some(self.line);
            }
        }
    }

    /// At the start of a frame, steps over what belongs to no line: a byte order mark, or the LF
    /// of a CRLF whose CR ended the frame before. `None` when more bytes are needed to tell.
    fn start(&mut self) -> Option<()> {
        if self.seen > 0 {
            return Some(());
        }
        if self.offset == 0 && BYTE_ORDER_MARK.starts_with(&self.buffer) {
            (self.buffer.len() == BYTE_ORDER_MARK.len()).then_some(())?;
        }
        if self.offset == 0 && self.buffer.starts_with(BYTE_ORDER_MARK) {
            self.line = BYTE_ORDER_MARK.len();
        }
        if self.last == LineEnd::Cr && self.buffer.starts_with(b"\n") {
            self.line = 1;
            self.last = LineEnd::CrLf;
        }
        self.seen = self.line;
        Some(())
    }

    /// Reads the line end at `seen`: which it is, and its length. `None` when more bytes are
    /// needed.
    fn line_end(&self, blank: bool) -> Option<(LineEnd, usize)> {
        if self.buffer.get(self.seen) == Some(&b'\n') {
            return Some((LineEnd::Lf, 1));
        }
        if blank && self.last == LineEnd::Cr {
            return Some((LineEnd::Cr, 1));
        }
        match self.buffer.get(self.seen + 1)? {
            b'\n' => Some((LineEnd::CrLf, 2)),
            _ => Some((LineEnd::Cr, 1)),
        }
    }

    /// Takes the first `end` bytes out of the buffer as a frame.
    fn cut(&mut self, end: usize) -> Frame {
        let raw = self.buffer.split_to(end).freeze();
        let offset = self.offset;
        let lines = if offset == 0 { raw.strip_prefix(BYTE_ORDER_MARK) } else { None };
        let fields = Fields::read(&String::from_utf8_lossy(lines.unwrap_or(&raw)));
        self.offset += raw.len() as u64;
        self.line = 0;
        self.seen = 0;
        Frame { fields, raw, offset }
    }
}

impl Fields {
    /// Reads the lines of a frame; empty ones, such as those between CR and LF, say nothing.
    fn read(lines: &str) -> Self {
        let mut fields = Self::default();
        for line in lines.split(['\n', '\r']) {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            fields.take(name, value.strip_prefix(' ').unwrap_or(value));
        }
        fields
    }

    /// Takes one line; a comment is a line with an empty name.
    fn take(&mut self, name: &str, value: &str) {
        match name {
            "data" => match &mut self.data {
                Some(data) => data.extend(["\n", value]),
                None => self.data = Some(value.to_owned()),
            },
            "event" => self.event = (!value.is_empty()).then(|| value.to_owned()),
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = Some(value.parse().unwrap_or(u64::MAX));
            }
            _ => {}
        }
    }
}
