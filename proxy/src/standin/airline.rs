//! An airline's MCP tool server that answers from recordings, over Streamable HTTP in both eras.
//!
//! An `initialize` opens a legacy session (up to 2025-11-25); a request with the metadata of
//! 2026-07-28 is served by itself. Nothing is really booked: a tool gives the result that was
//! recorded for the same arguments, each of them in turn where there are several, in the order of
//! the recordings.
//!
//! Source: Model Context Protocol, "Streamable HTTP", 2025-11-25 and 2026-07-28.

mod message;

mod modern;

mod legacy;

use std::{
    borrow::Cow,
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use self::{
    legacy::Sessions,
    message::{Asked, Reply},
};
use super::{
    body::{Body, Cut, Pace},
    conversation::{Digest, call_digest},
    object::text,
    recording::Recordings,
    server::{self, Answering, Handle, Site, bears, response},
    sse::frame,
};

/// The path it is served at.
pub const PATH: &str = "/mcp";

/// How a stand-in airline behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The bearer token it asks for; without one it asks for none.
    pub key: Option<String>,
    /// How long a tool takes.
    pub delay: Duration,
    /// Whether requests are answered by an event stream, with progress where the client asks.
    pub sse: bool,
    /// For benchmarks: every tool call gets a text of this many bytes, whatever it asks and
    /// whatever its key, session and headers.
    pub fixed_bytes: Option<usize>,
}

/// Starts an airline at `addr`, path [`PATH`]; port 0 picks a free one.
pub async fn start(
    addr: SocketAddr,
    recordings: Arc<Recordings>,
    options: Options,
) -> io::Result<Handle> {
    let fixed = options.fixed_bytes.map(|bytes| tool_result(&"a".repeat(bytes)).to_string());
    let turns = recordings.calls().map(|call| (*call, AtomicUsize::new(0))).collect();
    let sessions = Sessions::default();
    server::serve(addr, Arc::new(Airline { recordings, options, fixed, turns, sessions })).await
}

struct Airline {
    recordings: Arc<Recordings>,
    options: Options,
    fixed: Option<String>,
    turns: HashMap<Digest, AtomicUsize>,
    sessions: Sessions,
}

/// As much of a message as a fixed answer needs.
#[derive(Deserialize)]
struct Glance<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow)]
    method: Cow<'a, str>,
}

impl Site for Airline {
    fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answering {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let bytes = server::read(body).await?;
            if let Some(fixed) = &self.fixed
                && let Some(answer) = glance(fixed, &bytes)
            {
                return Ok(answer);
            }
            if head.uri.path() != PATH {
                return Ok(Reply::empty(StatusCode::NOT_FOUND).into_response());
            }
            if !bears(&head.headers, self.options.key.as_deref()) {
                let mut refused = Reply::empty(StatusCode::UNAUTHORIZED).into_response();
                let challenge = HeaderValue::from_static("Bearer");
                refused.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
                return Ok(refused);
            }
            match head.method {
                Method::POST => self.post(&head.headers, &bytes).await,
                Method::DELETE => Ok(self.sessions.end(&head.headers).into_response()),
                _ => {
                    let mut refused = Reply::empty(StatusCode::METHOD_NOT_ALLOWED).into_response();
                    let allow = HeaderValue::from_static("POST, DELETE");
                    refused.headers_mut().insert(header::ALLOW, allow);
                    Ok(refused)
                }
            }
        })
    }
}

/// The fixed answer, if the message is a tool call.
fn glance(fixed: &str, bytes: &[u8]) -> Option<Response<Body>> {
    let Glance { id, method } = serde_json::from_slice(bytes).ok()?;
    (method == "tools/call").then(|| {
        let answer = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{fixed}}}");
        response(StatusCode::OK, "application/json", Body::whole(answer))
    })
}

impl Airline {
    async fn post(&self, headers: &HeaderMap, bytes: &[u8]) -> Result<Response<Body>, Cut> {
        let asked = match Asked::parse(bytes) {
            Ok(asked) => asked,
            Err(refusal) => return Ok(refusal.into_response()),
        };
        let reply = if modern::speaks(headers, &asked) {
            match modern::check(headers, &asked) {
                Err(refusal) => return Ok(refusal.into_response()),
                Ok(()) => modern::answer(self, &asked),
            }
        } else {
            match self.sessions.admit(headers, &asked) {
                Err(refusal) => return Ok(refusal.into_response()),
                Ok(()) => legacy::answer(self, &asked),
            }
        };
        if asked.method == "tools/call" && !self.options.delay.is_zero() {
            tokio::time::sleep(self.options.delay).await;
        }
        Ok(if self.options.sse { stream(&asked, reply) } else { reply.into_response() })
    }

    /// The definitions that `tools/list` gives.
    fn tools(&self) -> &[Value] {
        self.recordings.tools()
    }

    /// Runs a tool; an `Err` says why there is no such tool.
    fn call(&self, params: &Value) -> Result<Value, String> {
        let name = text(params, "/name");
        if !self.tools().iter().any(|tool| text(tool, "/name") == name) {
            return Err(format!("unknown tool: `{name}`"));
        }
        let none = json!({});
        let call = call_digest(name, params.get("arguments").unwrap_or(&none));
        let results = self.recordings.results(&call);
        let turn = self.turns.get(&call).map_or(0, |turn| turn.fetch_add(1, Ordering::Relaxed));
        Ok(match results.get(turn.checked_rem(results.len()).unwrap_or(0)) {
            Some(result) => tool_result(result),
            None => tool_result("Error: no recorded session calls this tool so"),
        })
    }
}

/// A result with one text. The recorded tools say `Error: …` when they refuse.
fn tool_result(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}], "isError": text.starts_with("Error")})
}

/// Answers a request by an event stream; what is no result stays as it is.
fn stream(asked: &Asked, reply: Reply) -> Response<Body> {
    let Some(body) = reply.body.as_ref().filter(|_| reply.status == StatusCode::OK) else {
        return reply.into_response();
    };
    let mut frames: Vec<Bytes> = Vec::new();
    if let Some(token) = asked.params.pointer("/_meta/progressToken") {
        let params = json!({"progressToken": token, "progress": 1, "total": 2});
        let progress = json!({"jsonrpc": "2.0", "method": "notifications/progress",
            "params": params});
        frames.push(frame("message", &progress));
    }
    frames.push(frame("message", body));
    let body = Body::pieces(frames, Pace::Each);
    let mut answer = response(StatusCode::OK, "text/event-stream", body);
    reply.head(&mut answer);
    answer
}
