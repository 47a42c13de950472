//! What goes back to an agent: the body type of every MCP answer, and the gateway's own refusals as
//! JSON-RPC errors. Not the answers of upstreams.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::{Frame, SizeHint};
use serde_json::json;
use tokio::sync::mpsc;

use super::envelope::quoted;

/// How many pieces of an answer may wait for a slow agent.
pub(crate) const PIECES_MAX: usize = 16;

/// The answer broke off; the agent must see that it is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer broke off before its end")]
pub struct BrokenOff;

/// Pieces of an answer, as they may be released.
pub(crate) type Pieces = mpsc::Sender<Result<Bytes, BrokenOff>>;

/// The body of an answer: whole, or in pieces as they come.
#[derive(Debug)]
pub struct Body(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Option<Bytes>),
    Stream(mpsc::Receiver<Result<Bytes, BrokenOff>>),
}

impl Body {
    /// All of it.
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Whole(Some(bytes.into()).filter(|bytes| !bytes.is_empty())))
    }

    /// What is sent into the channel until all senders are gone.
    pub(crate) fn stream() -> (Pieces, Self) {
        let (pieces, receiver) = mpsc::channel(PIECES_MAX);
        (pieces, Self(Kind::Stream(receiver)))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match &mut self.0 {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Stream(pieces) => {
                pieces.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Kind::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Kind::Stream(_) => SizeHint::default(),
        }
    }
}

/// Why the gateway itself answers. The codes are outside of what JSON-RPC and MCP reserve
/// (-32768 to -32000), so that no client takes them for something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The JSON-RPC code.
    pub(crate) code: i64,
    /// The name of the error in events.
    pub(crate) name: &'static str,
    /// What was refused, why, and what to do.
    pub(crate) detail: String,
}

impl Refusal {
    pub(crate) fn new(
        status: StatusCode,
        code: i64,
        name: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self { status, code, name, detail: detail.into() }
    }

    /// The `Host` or `Origin` is not one that this gateway serves.
    pub(crate) fn origin(detail: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, 1403, "origin_refused", detail)
    }

    /// The agent may not do this at all.
    pub(crate) fn forbidden(detail: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, 1403, "forbidden", detail)
    }

    /// There is no such server.
    pub(crate) fn no_server(server: &str) -> Self {
        let detail = format!("there is no tool server named `{server}` here");
        Self::new(StatusCode::NOT_FOUND, 1404, "no_such_server", detail)
    }

    /// No session of this agent has this id. Clients begin a new one after this status.
    pub(crate) fn no_session() -> Self {
        let detail = "there is no such session: initialize a new one";
        Self::new(StatusCode::NOT_FOUND, 1440, "no_such_session", detail)
    }

    /// The endpoint does not serve this HTTP method.
    pub(crate) fn method() -> Self {
        let detail = "this endpoint serves POST, GET and DELETE alone";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, 1405, "method_not_allowed", detail)
    }

    /// A bound of the gateway is reached.
    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, 1503, "busy", detail)
    }

    /// The upstream failed.
    pub(crate) fn upstream(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, 1502, "upstream_failed", detail)
    }

    /// The JSON-RPC error for the request with this id (as written; `None` where there is none).
    pub(crate) fn body(&self, id: Option<&str>) -> String {
        error_text(id, self.code, &self.detail)
    }

    /// The whole answer.
    pub(crate) fn response(&self, id: Option<&str>) -> Response<Body> {
        json_response(self.status, self.body(id))
    }
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

/// The result of a tool call that was not made, for the model to read.
pub(crate) fn denied_text(id: &str, detail: &str, modern: bool) -> String {
    let mut result = json!({"content": [{"type": "text", "text": detail}], "isError": true});
    if let (true, Some(members)) = (modern, result.as_object_mut()) {
        members.insert("resultType".to_owned(), "complete".into());
    }
    result_text(id, &result.to_string())
}

/// An answer of one JSON text.
pub(crate) fn json_response(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::whole(text));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// An answer with no body.
pub(crate) fn empty_response(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// An answer that is an event stream.
pub(crate) fn stream_response(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(super::headers::BUFFERING, HeaderValue::from_static("no"));
    response
}

/// An answer with a status, headers and a body.
pub(crate) fn response_with(status: StatusCode, headers: HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// One event that carries one message. A message is one line, because line ends inside JSON text
/// are whitespace and become spaces.
pub(crate) fn event(message: &str) -> Bytes {
    let line = message.replace(['\n', '\r'], " ");
    Bytes::from(format!("event: message\ndata: {line}\n\n"))
}
