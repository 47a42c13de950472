//! Digests JSON by what it says, so that key order, spacing and spelling of numbers do not matter.

use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};

/// Which members of an object a digest leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// None: every member counts, as in the arguments of a tool call.
    Nothing,
    /// What a server adds to an item or a client drops from it when it sends the item back: null
    /// and empty members, and the marks in [`MARKS`].
    Marks,
}

/// Members that say nothing about the conversation.
const MARKS: [&str; 4] = ["annotations", "cache_control", "logprobs", "status"];

/// JSON with more values than this counts byte for byte, because it takes many times its size to
/// read.
const VALUES_MAX: usize = 65_536;

/// The digest of a JSON text; text that is not JSON counts byte for byte, and none at all as `{}`.
pub(super) fn digest(json: &str, leave: Leave) -> [u8; 32] {
    let mut hasher = Sha256::new();
    if json.trim_ascii().is_empty() {
        write(&mut hasher, &Value::Object(Map::new()), leave);
    } else if let Some(value) = parse(json) {
        write(&mut hasher, &value, leave);
    } else {
        bytes(&mut hasher, b'?', json.as_bytes());
    }
    hasher.finalize().into()
}

fn parse(json: &str) -> Option<Value> {
    // Each value but the first stands behind one of these; more of them may stand in strings.
    let values = json.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
    if values > VALUES_MAX { None } else { serde_json::from_str(json).ok() }
}

/// A tag, a length and the bytes: no two sequences of these hash the same input.
pub(super) fn bytes(hasher: &mut Sha256, tag: u8, bytes: &[u8]) {
    hasher.update([tag]);
    hasher.update((bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
}

/// Recursion ends: the parser that made the value refuses more than 128 levels.
fn write(hasher: &mut Sha256, value: &Value, leave: Leave) {
    match value {
        Value::Null => hasher.update(b"z"),
        Value::Bool(false) => hasher.update(b"f"),
        Value::Bool(true) => hasher.update(b"t"),
        Value::Number(number) => bytes(hasher, b'n', spell(number).as_bytes()),
        Value::String(text) => bytes(hasher, b's', text.as_bytes()),
        Value::Array(items) => {
            hasher.update(b"[");
            for item in items {
                write(hasher, item, leave);
            }
            hasher.update(b"]");
        }
        Value::Object(members) => {
            // Sorted here, because a map's own order depends on a feature of `serde_json`.
            let mut members: Vec<_> = members
                .iter()
                .filter(|(name, value)| leave == Leave::Nothing || counts(name, value))
                .collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            hasher.update(b"{");
            for (name, value) in members {
                bytes(hasher, b'k', name.as_bytes());
                write(hasher, value, leave);
            }
            hasher.update(b"}");
        }
    }
}

fn counts(name: &str, value: &Value) -> bool {
    let empty = match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    !empty && !MARKS.contains(&name)
}

/// One spelling for each number: `1`, `1.0` and `1e0` are the same.
fn spell(number: &Number) -> String {
    if number.is_i64() || number.is_u64() {
        return number.to_string();
    }
    // `{:.0}` is exact for what has no fraction; `{:?}` is the shortest that reads back the same.
    match number.as_f64() {
        Some(0.0) => "0".to_owned(),
        Some(value) if value.fract() == 0.0 && value.abs() < 1e15 => format!("{value:.0}"),
        Some(value) => format!("{value:?}"),
        None => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(left: &str, right: &str) {
        assert_eq!(digest(left, Leave::Nothing), digest(right, Leave::Nothing));
    }

    #[track_caller]
    fn different(left: &str, right: &str) {
        assert_ne!(digest(left, Leave::Nothing), digest(right, Leave::Nothing));
    }

    #[test]
    fn spelling_does_not_matter() {
        same(r#"{"a":1,"b":[true,null]}"#, "{ \"b\" : [true, null], \"a\" : 1.0 }");
        same(r#""\u00e9""#, r#""é""#);
        same("-0.0", "0");
        same("1e2", "100");
        same("", "{}");
        same(" \n", "{}");
    }

    #[test]
    fn meaning_matters() {
        different("1", "\"1\"");
        different("[[],[]]", "[[[]]]");
        different(r#"{"a":"b"}"#, r#"{"a":["b"]}"#);
        different(r#"{"a":null}"#, "{}");
        different("9007199254740993", "9007199254740992");
        different("{not json", "{not  json");
        different("0.1", "0.10000000000000002");
    }

    #[test]
    fn what_would_take_too_much_memory_counts_byte_for_byte() {
        let many = |separator: &str| format!("[{}0]", format!("0{separator}").repeat(VALUES_MAX));
        different(&many(","), &many(", "));
    }

    #[test]
    fn marks_are_left_out_on_request_alone() {
        let marked =
            r#"{"type":"image","status":"done","cache_control":{"type":"x"},"alt":null,"tags":[]}"#;
        let plain = r#"{"type":"image"}"#;
        assert_eq!(digest(marked, Leave::Marks), digest(plain, Leave::Marks));
        different(marked, plain);
    }
}
