//! The model's side of an agent: the conversation so far, sent whole, and the answer read back.
//!
//! Bodies are written as the OpenAI Python SDK writes them: compact, messages first.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

use super::{
    MODEL,
    exchange::{Answered, ExchangeError, Exchanges},
};
use crate::standin::{
    conversation::{Call, Role, Turn, from_chat},
    object::{list, text},
    sse,
};

/// A conversation as it goes on the wire.
pub(super) struct History {
    messages: String,
    /// What follows the messages in every request.
    tail: String,
}

#[derive(Serialize)]
struct Wire<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WireCall<'a>>,
}

#[derive(Serialize)]
struct WireCall<'a> {
    id: &'a str,
    r#type: &'static str,
    function: WireFunction<'a>,
}

#[derive(Serialize)]
struct WireFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

impl History {
    /// An empty conversation with tools on offer.
    pub(super) fn new(tools: &[Value], stream: bool) -> Self {
        let stream = if stream {
            ",\"stream\":true,\"stream_options\":{\"include_usage\":true}"
        } else {
            ""
        };
        let tools = Value::from(tools);
        let tail =
            format!("],\"model\":\"{MODEL}\"{stream},\"temperature\":0.0,\"tools\":{tools}}}");
        Self { messages: String::new(), tail }
    }

    /// Adds a message; a tool's result comes with the id and the name of its call.
    pub(super) fn push(&mut self, turn: &Turn, result_of: Option<(&str, &str)>) {
        let role = match turn.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        };
        let tool_calls = turn.calls.iter().map(|call| WireCall {
            id: &call.id,
            r#type: "function",
            function: WireFunction { name: &call.name, arguments: &call.arguments },
        });
        let silent = turn.text.is_empty() && !turn.calls.is_empty();
        let wire = Wire {
            role,
            tool_call_id: result_of.map(|(id, _)| id),
            name: result_of.map(|(_, name)| name),
            content: (!silent).then_some(&turn.text),
            tool_calls: tool_calls.collect(),
        };
        if !self.messages.is_empty() {
            self.messages.push(',');
        }
        // Strings and lists of strings can always be written.
        self.messages.push_str(&serde_json::to_string(&wire).unwrap_or_default());
    }

    /// Sends the conversation and reads the answer.
    pub(super) async fn ask(
        &self,
        exchanges: &Exchanges,
        url: &str,
    ) -> Result<Turn, ExchangeError> {
        let body = ["{\"messages\":[", &self.messages, &self.tail].concat();
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let answered = exchanges.send(Method::POST, url, headers, body.into()).await?;
        if answered.status != StatusCode::OK {
            return Err(answered.unusable());
        }
        let turn = if answered.is_stream() { streamed(&answered.body) } else { plain(&answered) };
        turn.ok_or_else(|| answered.unusable())
    }
}

fn plain(answered: &Answered) -> Option<Turn> {
    let completion: Value = serde_json::from_slice(&answered.body).ok()?;
    let message = completion.pointer("/choices/0/message")?;
    from_chat(&serde_json::json!({"messages": [message]})).pop()
}

/// Puts the deltas together; a stream without its last frame is no answer.
fn streamed(body: &Bytes) -> Option<Turn> {
    let mut turn = Turn::said(Role::Assistant, "");
    for data in sse::data(str::from_utf8(body).ok()?) {
        if data == "[DONE]" {
            return Some(turn);
        }
        let chunk: Value = serde_json::from_str(&data).ok()?;
        turn.text.push_str(text(&chunk, "/choices/0/delta/content"));
        for delta in list(&chunk, "/choices/0/delta/tool_calls") {
            let index = usize::try_from(delta.get("index")?.as_u64()?).ok()?;
            if index == turn.calls.len() {
                let (id, name) = (text(delta, "/id").into(), text(delta, "/function/name").into());
                turn.calls.push(Call { id, name, arguments: String::new() });
            }
            let call = turn.calls.get_mut(index)?;
            call.arguments.push_str(text(delta, "/function/arguments"));
        }
    }
    None
}
