//! What goes back to an agent that speaks MCP: the gateway's own errors as JSON-RPC, and the shapes
//! of answers. Not the answers of upstreams.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::body::Outgoing;
use crate::json;
use crate::problem::{ErrorCode, Problem};

use super::envelope::{METHOD_NOT_FOUND, quoted};
use super::headers::BUFFERING;

/// What an agent is answered.
pub(crate) type Reply = Response<Outgoing>;

/// The member of an error's data that says what a client should ask its issuer for.
pub(crate) const SCOPE: &str = "scope";

/// Why the gateway itself answers.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// What is wrong.
    pub(crate) problem: Problem,
    /// The JSON-RPC code.
    pub(crate) code: i64,
    /// The HTTP status, where it is not the problem's own.
    status: Option<StatusCode>,
    /// What the error's data has beside the problem's code.
    more: Box<Map<String, Value>>,
    /// The result that says it instead, as JSON.
    result: Option<Box<str>>,
}

impl From<Problem> for Refusal {
    /// With a code of our own: `-31000` less the HTTP status. JSON-RPC and MCP reserve all from
    /// -32768 to -32000, so no client takes these for something else.
    fn from(problem: Problem) -> Self {
        let code = -31_000 - i64::from(problem.code.status().as_u16());
        Self { problem, code, status: None, more: Box::default(), result: None }
    }
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Problem::new(code, message).into()
    }

    /// A message that breaks a rule of the protocol, which has a code for that.
    pub(crate) fn malformed(code: i64, message: impl Into<String>) -> Self {
        Self { code, ..Self::new(ErrorCode::MalformedRequest, message) }
    }

    /// Nobody here serves what the request of a session or of the modern era asks for. In a session
    /// that is an answer like others, whose HTTP status is no error.
    pub(crate) fn unserved(code: i64, message: impl Into<String>, modern: bool) -> Self {
        let status =
            if modern && code == METHOD_NOT_FOUND { StatusCode::NOT_FOUND } else { StatusCode::OK };
        let refusal = Self::new(ErrorCode::NotFound, message);
        Self { code, status: Some(status), ..refusal }
    }

    /// What a tool server said in the course of a call could not be recorded.
    pub(crate) fn withheld() -> Self {
        let message = "the call was made, but what the tool server said in its course could not \
                       be recorded, so the rest is withheld; find out what it did before you \
                       repeat it";
        Self::new(ErrorCode::OutcomeUnrecorded, message)
    }

    /// The same with a further member of the error's data.
    pub(crate) fn explained(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// What the client should ask its issuer for, where that would help.
    pub(crate) fn scope(&self) -> Option<&str> {
        self.more.get(SCOPE)?.as_str()
    }

    /// The same, said by this result (JSON).
    pub(crate) fn answered(mut self, result: String) -> Self {
        self.result = Some(result.into());
        self
    }

    /// The response that tells a model, where this is an answer to a request of this id and no
    /// fault of it.
    pub(crate) fn for_the_model(&self, id: &str, is_tool: bool, modern: bool) -> Option<String> {
        if let Some(result) = &self.result {
            return Some(result_text(id, result));
        }
        let is_answer = is_tool && self.problem.code.is_for_the_model();
        (is_answer && self.problem.id.is_some()).then(|| self.told(id, modern))
    }

    /// The result of a tool call that was not made.
    fn told(&self, id: &str, modern: bool) -> String {
        let Problem { code, message, id: call } = &self.problem;
        let mut result = json!({
            "content": [{"type": "text", "text": message}],
            "isError": true,
            "_meta": {"countersign/call": call, "countersign/code": code.text()},
        });
        if let (true, Some(members)) = (modern, result.as_object_mut()) {
            members.insert("resultType".to_owned(), "complete".into());
        }
        result_text(id, &result.to_string())
    }

    /// There is no such server.
    pub(crate) fn no_server(server: &str) -> Self {
        let message = format!("there is no tool server named `{server}` here");
        Self::new(ErrorCode::NotFound, message)
    }

    /// No session of this agent has this id. Clients begin a new one after this status.
    pub(crate) fn no_session() -> Self {
        Self::new(ErrorCode::NotFound, "there is no such session: initialize a new one")
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status.unwrap_or_else(|| self.problem.code.status())
    }

    /// The JSON-RPC error for the request with this id (as written; `None` where there is none).
    pub(crate) fn body(&self, id: Option<&str>) -> String {
        let text = error_text(id, self.code, &self.problem.message);
        let mut data = (*self.more).clone();
        data.insert("code".to_owned(), self.problem.code.text().into());
        json::set(&text, &["error", "data"], &Value::from(data).to_string()).unwrap_or(text)
    }

    /// The whole answer.
    pub(crate) fn reply(&self, id: Option<&str>) -> Reply {
        let mut reply = json_reply(self.status(), self.body(id));
        let headers = reply.headers_mut();
        if let Some(id) = self.problem.id.as_deref().and_then(|id| HeaderValue::from_str(id).ok()) {
            headers.insert("x-request-id", id);
        }
        let code = self.problem.code;
        if code == ErrorCode::MethodNotAllowed {
            headers.insert(header::ALLOW, HeaderValue::from_static("POST, GET, DELETE"));
        } else if code.is_retryable() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        reply
    }
}

/// A problem as MCP clients understand it, for a request whose id is not known.
pub fn problem_reply(problem: Problem) -> Reply {
    Refusal::from(problem).reply(None)
}

/// A JSON-RPC error.
pub(crate) fn error_text(id: Option<&str>, code: i64, message: &str) -> String {
    let id = id.unwrap_or("null");
    let message = quoted(message);
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":{message}}}}}"#)
}

/// A JSON-RPC result, given as JSON text.
pub(crate) fn result_text(id: &str, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
}

/// An answer of one JSON text.
pub(crate) fn json_reply(status: StatusCode, text: String) -> Reply {
    let mut reply = Response::new(Outgoing::from(text));
    *reply.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(header::CONTENT_TYPE, json);
    reply
}

/// An answer with no body.
pub(crate) fn empty_reply(status: StatusCode) -> Reply {
    let mut reply = Response::new(Outgoing::empty());
    *reply.status_mut() = status;
    reply
}

/// An answer that is an event stream.
pub(crate) fn stream_reply(body: Outgoing) -> Reply {
    let mut reply = Response::new(body);
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    reply
}

/// An answer with a status, headers and a body.
pub(crate) fn reply_with(status: StatusCode, headers: HeaderMap, body: Outgoing) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    *reply.headers_mut() = headers;
    reply
}

/// One event that carries one message. A message is one line, because line ends inside JSON text
/// are whitespace and become spaces.
pub(crate) fn event(message: &str) -> Bytes {
    let line = message.replace(['\n', '\r'], " ");
    Bytes::from(format!("event: message\ndata: {line}\n\n"))
}
