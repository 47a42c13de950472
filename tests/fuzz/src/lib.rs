//! What must hold for any bytes, one function per fuzz target; each panics when it does not.

#![forbid(unsafe_code)]

pub mod readers;

pub mod mcp;

pub mod damage;

pub mod checksums;

pub mod log;

pub mod payload;

pub mod ledger_files;

#[path = "../../../ledger/verify/tests/verify/made.rs"]
#[expect(dead_code, reason = "it makes more than is damaged here")]
mod made;

pub mod evidence;

pub mod witness;

use proxy::json::{FaultKind, Limits, canonical, check, elements, members, remove, set, string};
use proxy::sse::{Fault, Frame, Parser};
use serde_json::Value;

/// Below the depth at which `serde_json` gives up.
const LIMITS: Limits = Limits { depth_max: 100 };

/// The strict pass accepts what `serde_json` accepts, save for duplicate keys, depth, and numbers
/// too large for a double; and the views show what `serde_json` reads.
pub fn json_check(bytes: &[u8]) {
    match (check(bytes, LIMITS), serde_json::from_slice::<Value>(bytes)) {
        (Ok(text), Ok(value)) => compare(text, &value),
        (Ok(_), Err(error)) => assert!(error.to_string().contains("out of range"), "{error}"),
        (Err(fault), Ok(_)) => assert!(
            matches!(fault.kind, FaultKind::DuplicateKey { .. } | FaultKind::TooDeep { .. }),
            "{fault}"
        ),
        (Err(fault), Err(_)) => assert!(fault.offset <= bytes.len(), "{fault}"),
    }
}

/// Asserts that the views over a text show the parts of a value.
fn compare(text: &str, value: &Value) {
    match value {
        Value::Array(inner) => {
            assert_eq!(elements(text).count(), inner.len());
            for (part, value) in elements(text).zip(inner) {
                assert_eq!(&text[part.range], part.text);
                compare(part.text, value);
            }
        }
        Value::Object(inner) => {
            assert_eq!(members(text).count(), inner.len());
            for member in members(text) {
                assert_eq!(&text[member.value.range.clone()], member.value.text);
                compare(member.value.text, &inner[member.name().as_ref()]);
            }
        }
        Value::String(inner) => assert_eq!(string(text.trim()).as_deref(), Some(inner.as_str())),
        Value::Null | Value::Bool(_) | Value::Number(_) => assert_eq!(string(text), None),
    }
}

/// A canonical text is valid and its own canonical form, and does not change when a member is set
/// and taken out again.
pub fn json_canonical(bytes: &[u8]) {
    let Ok(text) = check(bytes, LIMITS) else { return };
    let once = match canonical(text) {
        Ok(once) => once,
        Err(fault) => return assert_eq!(fault.kind, FaultKind::OutOfRange),
    };
    let form = check(&once, LIMITS).expect("a canonical form is valid");
    assert_eq!(canonical(form).as_ref(), Ok(&once));
    if members(text).all(|member| member.name() != "new") && text.trim().starts_with('{') {
        let longer = set(text, &["new"], "[1]").expect("an object takes a member");
        check(longer.as_bytes(), LIMITS).expect("an edit keeps a text valid");
        assert_eq!(remove(&longer, &["new"]).as_deref(), Ok(text));
    }
}

/// Frames do not depend on how the bytes are cut, which the first byte says; and frames and rest,
/// joined, are the bytes.
pub fn sse(bytes: &[u8]) {
    let Some((size, stream)) = bytes.split_first() else { return };
    for frame_bytes_max in [16, usize::MAX] {
        let whole = read([stream], frame_bytes_max);
        let pieces = stream.chunks(usize::from(*size).max(1));
        assert_eq!(read(pieces, frame_bytes_max), whole);
        if let (frames, Ok(rest)) = whole {
            let raws = frames.iter().map(|frame| frame.raw.as_ref());
            assert_eq!(raws.chain([&rest[..]]).collect::<Vec<_>>().concat(), stream);
        }
    }
}

fn read<'s>(
    pieces: impl IntoIterator<Item = &'s [u8]>,
    frame_bytes_max: usize,
) -> (Vec<Frame>, Result<Vec<u8>, Fault>) {
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

#[cfg(test)]
#[path = "tests.rs"]
mod inputs;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_like_json_keep_what_must_hold(text in "[\\[\\]{}:,\"\\\\ua0-9eE.+ \n-]{0,60}") {
            super::json_check(text.as_bytes());
            super::json_canonical(text.as_bytes());
        }

        #[test]
        fn bytes_like_events_keep_what_must_hold(
            text in "[ -~]((data|id|x|:| |\n|\r|\u{feff}){0,60})",
        ) {
            super::sse(text.as_bytes());
        }

        #[test]
        fn any_bytes_keep_what_must_hold(bytes: Vec<u8>) {
            super::json_check(&bytes);
            super::json_canonical(&bytes);
            super::sse(&bytes);
            super::readers::dialect(&bytes);
            super::readers::configuration(&bytes);
            super::readers::envelope(&bytes);
            super::mcp::message(&bytes);
            super::mcp::merged(&bytes);
        }

        #[test]
        fn text_like_messages_of_tool_servers_keeps_what_must_hold(
            id in "(\"id\":(1|-7|1.5|1e3|18446744073709551616|\"a\"|null|true|\\{\\}),)?",
            said in "\"(method|result|error|params)\":(\"tools/call\"|\"ping\"|\\{\\}|1|\
                     \\{\"name\":\"a\",\"arguments\":(\\{\\}|\\[\\])\\})",
            more in "(,\"(method|params|result|error)\":(\"tools/call\"|\\{\"name\":\"\\\\u0061\"\\}|7))?",
        ) {
            let text = format!("{{\"jsonrpc\":\"2.0\",{id}{said}{more}}}");
            super::mcp::message(text.as_bytes());
        }

        #[test]
        fn text_like_results_of_tool_servers_keeps_what_must_hold(
            key in "content|contents|messages|params|other",
            inner in "(\\{\"uri\":(\"a:b\"|\"crm\\+x\"|7)\\}|\\{\"content\":\\{\"resource\":\
                      \\{\"uri\":\"\\\\u0061\"\\}\\}\\}|\\{\"resource\":1,\"uri\":\"u\"\\}|7|\\[\\]| )",
            method in "(\"method\":\"notifications/resources/updated\",)?",
            list in any::<bool>(),
        ) {
            let value = if list { format!("[{inner}]") } else { inner };
            let text = format!("{{{method}\"{key}\": {value} }}");
            super::mcp::merged(text.as_bytes());
        }

        #[test]
        fn bodies_like_those_of_models_keep_what_must_hold(
            text in "(\\{\"(model|messages|input|content|role|usage|choices|tool_calls|id)\":\
                     (\"a\"|1|null|\\[\\]|\\[\\{\"role\":\"user\",\"content\":\"x\"\\}\\])\\}|\n|data: ){0,5}",
        ) {
            super::readers::dialect(text.as_bytes());
        }

        #[test]
        fn text_like_a_configuration_keeps_what_must_hold(
            text in "((data|url|key|name)=(1|\"a\"|\\{env=\"A\"\\})\n|\\[\\[(model|tools|agent)\\]\\]\n){0,9}",
        ) {
            super::readers::configuration(text.as_bytes());
        }
    }
}
