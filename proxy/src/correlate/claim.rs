//! What callers say of themselves in `_meta` and `traceparent`: unproved, and only compared.

use super::marks::Marks;
use crate::json;
use events::Mark;
use std::borrow::Cow;

/// The members of `_meta` in which clients are known to send the id of the model's tool call.
const ID_KEYS: [&str; 4] =
    ["claudecode/toolUseId", "redpanda.com/llm-tool-call-id", "copilot/toolCallId", "callId"];

/// How many members of `_meta` are looked at.
const MEMBERS_MAX: usize = 64;

/// The strings in `_meta` that may be tool call ids, with whether their key says so, those first.
pub(super) fn ids(meta: Option<&str>) -> Vec<(bool, Cow<'_, str>)> {
    let members = meta.into_iter().flat_map(json::members).take(MEMBERS_MAX);
    let mut found: Vec<_> = members
        .filter_map(|member| {
            let known = ID_KEYS.contains(&member.name().as_ref());
            Some((known, json::string(member.value.text)?))
        })
        .filter(|(_, text)| !text.is_empty())
        .collect();
    found.sort_by_key(|(known, _)| !known);
    found
}

/// The mark of the trace id: from the header, else from `_meta.traceparent` (SEP-414).
pub(super) fn trace(marks: &Marks, header: Option<&str>, meta: Option<&str>) -> Option<Mark> {
    let of_meta = || json::string(json::find(meta?, &["traceparent"])?.text);
    let text = header.map(Cow::Borrowed).or_else(of_meta)?;
    Some(marks.mark("trace", &[trace_id(&text)?.as_bytes()]))
}

/// The trace id of a `traceparent` (W3C Trace Context §3.2.2), if it is valid.
fn trace_id(text: &str) -> Option<&str> {
    let mut fields = text.trim_ascii().split('-');
    let (version, id) = (fields.next()?, fields.next()?);
    let hexadecimal =
        |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let valid = version.len() == 2
        && hexadecimal(version)
        && id.len() == 32
        && hexadecimal(id)
        && id.bytes().any(|byte| byte != b'0')
        && fields.next().is_some_and(|parent| parent.len() == 16 && hexadecimal(parent));
    valid.then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_under_known_keys_come_first() {
        let meta = r#"{"a":"x","n":1,"callId":"c","progressToken":"","claudecode/toolUseId":"t"}"#;
        let found: Vec<_> = ids(Some(meta)).into_iter().map(|(_, id)| id.into_owned()).collect();
        assert_eq!(found, ["c", "t", "x"]);
        assert!(ids(None).is_empty());
        assert!(ids(Some("[]")).is_empty());
    }

    #[test]
    fn a_trace_id_is_read_from_valid_headers_alone() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(trace_id(&format!("00-{id}-00f067aa0ba902b7-01")), Some(id));
        assert_eq!(trace_id(&format!("cc-{id}-00f067aa0ba902b7-01-what")), Some(id));
        for wrong in [
            String::new(),
            id.to_owned(),
            format!("00-{id}"),
            format!("00-{}-00f067aa0ba902b7-01", id.to_uppercase()),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
        ] {
            assert_eq!(trace_id(&wrong), None, "{wrong}");
        }
    }
}
