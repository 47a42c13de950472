//! What must hold for messages of MCP and for the texts of the merged endpoint, whatever the bytes.

use std::ops::ControlFlow;

use proxy::json::{Limits, check};
use proxy::mcp::{
    Kind, Message, inward_subscription, inward_uri, outward_message, outward_result, outward_uri,
};
use serde_json::Value;

/// The codes of JSON-RPC for what is no message: not JSON, not a request, not its parameters.
const CODES: [i64; 3] = [-32700, -32600, -32602];

/// A message says what `serde_json` reads in it: the same kind, id, method and target; and what is
/// no message is refused with a code of JSON-RPC, under an id that is one.
pub fn message(bytes: &[u8]) {
    let message = match Message::read(bytes, Limits::default()) {
        Ok(message) => message,
        Err(malformed) => {
            assert!(CODES.contains(&malformed.code), "{malformed}");
            let id = malformed.id.map(|id| serde_json::from_str::<Value>(&id));
            return assert!(id.is_none_or(|id| id.is_ok_and(|id| is_id(&id))));
        }
    };
    assert_eq!(message.text.as_bytes(), bytes);
    // A number that no double holds is something that `serde_json` does not read.
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    assert_eq!(value["jsonrpc"], "2.0");
    let id = message.id().map(|id| serde_json::from_str::<Value>(id).expect("an id is JSON"));
    match &message.kind {
        Kind::Request { method, .. } | Kind::Notification { method } => {
            assert_eq!(value["method"], method.as_ref());
            assert!(value.get("result").is_none() && value.get("error").is_none());
            let named = value.pointer("/params/name").and_then(Value::as_str);
            assert!(method != "tools/call" || message.target().as_deref() == named);
            assert!(method != "tools/call" || named.is_some());
        }
        Kind::Response { error, .. } => {
            assert!(value.get("method").is_none());
            assert_eq!(
                (value.get("error").is_some(), value.get("result").is_some()),
                (*error, !*error)
            );
        }
    }
    match id {
        Some(id) => assert!(is_id(&id) && value["id"] == id, "{id}"),
        None => assert!(value["id"].is_null(), "{}", value["id"]),
    }
}

/// Whether a value can be an id. One with more digits than a double holds is read as a double.
fn is_id(id: &Value) -> bool {
    id.is_string() || id.is_number()
}

/// Results and notifications of the merged endpoint are what their servers said, save that some
/// texts have the server's name before them; and an address leads back to its server.
pub fn merged(bytes: &[u8]) {
    let Ok(text) = check(bytes, Limits::default()) else { return };
    for outward in [outward_result(text, "crm"), outward_message(text, "crm")] {
        check(outward.as_bytes(), Limits::default()).expect("a rewritten text is JSON");
        let values = (serde_json::from_str::<Value>(text), serde_json::from_str::<Value>(&outward));
        if let (Ok(before), Ok(after)) = values {
            assert!(walk(&before, &after).is_continue(), "{text} became {outward}");
        }
    }
    let own = inward_subscription(text, "crm");
    check(own.as_bytes(), Limits::default()).expect("a rewritten text is JSON");
    assert_eq!(inward_uri(&outward_uri("crm", text)), Some(("crm", text)));
}

/// Breaks off where more than the server's name before a text is different.
fn walk(before: &Value, after: &Value) -> ControlFlow<()> {
    let same = match (before, after) {
        (Value::String(before), Value::String(after)) => {
            before == after || after.strip_prefix("crm+") == Some(before)
        }
        (Value::Array(before), Value::Array(after)) => {
            before.iter().zip(after).try_for_each(|(before, after)| walk(before, after))?;
            before.len() == after.len()
        }
        (Value::Object(before), Value::Object(after)) => {
            let mut members = before.iter().zip(after);
            members.try_for_each(|(before, after)| match before.0 == after.0 {
                true => walk(before.1, after.1),
                false => ControlFlow::Break(()),
            })?;
            before.len() == after.len()
        }
        (before, after) => before == after,
    };
    if same { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}
