//! A call of the tool that people must allow, as agents of both eras make it.

use proxy::standin::recording::Message;
use serde_json::{Value, json};
use tests::mcp;
use tests::standins::Standins;

/// The tool that people must allow.
pub(crate) const HELD_TOOL: &str = "cancel_reservation";

/// A call of it.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) path: &'static str,
    pub(crate) modern: bool,
    pub(crate) session: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) arguments: Value,
}

impl Call {
    /// One of the modern era, to this server alone, of this reservation.
    pub(crate) fn of(reservation: &str) -> Self {
        let arguments = json!({"reservation_id": reservation});
        Self { path: "/mcp/airline", modern: true, session: None, state: None, arguments }
    }

    pub(crate) fn text(&self) -> String {
        let tool = if self.path == "/mcp" { "airline__cancel_reservation" } else { HELD_TOOL };
        let text = if self.modern {
            mcp::modern_call(7, tool, &self.arguments)
        } else {
            mcp::call(7, tool, &self.arguments)
        };
        let Some(state) = &self.state else { return text };
        let mut message: Value = serde_json::from_str(&text).unwrap();
        let params = message.get_mut("params").and_then(Value::as_object_mut).unwrap();
        params.insert("requestState".to_owned(), state.as_str().into());
        message.to_string()
    }

    pub(crate) fn headers(&self) -> Vec<(&str, &str)> {
        let tool = if self.path == "/mcp" { "airline__cancel_reservation" } else { HELD_TOOL };
        match (&self.session, self.modern) {
            (Some(session), _) => vec![("mcp-session-id", session)],
            (None, true) => mcp::modern_headers(tool).to_vec(),
            (None, false) => Vec::new(),
        }
    }
}

/// Arguments for which the airline has a recorded answer.
pub(crate) fn arguments(standins: &Standins) -> Value {
    let messages = standins.recordings.sessions().iter().flat_map(|session| &session.messages);
    let turns = messages.map(Message::turn);
    let mut calls = turns.flat_map(|turn| turn.calls).filter(|call| call.name == HELD_TOOL);
    serde_json::from_str(&calls.next().unwrap().arguments).unwrap()
}

/// The text of a tool's result.
pub(crate) fn text(answer: &Value) -> &str {
    answer.pointer("/result/content/0/text").and_then(Value::as_str).unwrap_or_default()
}

/// Whether a result says that the tool did not succeed.
pub(crate) fn is_error(answer: &Value) -> bool {
    answer.pointer("/result/isError") == Some(&json!(true))
}

/// What an agent that is sent back has to send along.
pub(crate) fn state(answer: &Value) -> String {
    assert_eq!(answer.pointer("/result/resultType"), Some(&json!("input_required")), "{answer}");
    let state = answer.pointer("/result/requestState").and_then(Value::as_str);
    state.unwrap_or_else(|| panic!("no state: {answer}")).to_owned()
}
