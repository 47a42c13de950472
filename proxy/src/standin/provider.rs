//! A model provider that answers from recordings, in the OpenAI and the Anthropic dialect.
//!
//! It keeps nothing between requests: the conversation that a request brings is looked up by its
//! digest. A conversation that was not recorded gets a short answer that says so, so any client
//! can talk to it. Token counts are estimated from sizes.

mod answer;
mod chat;
mod fault;
mod fixed;
mod messages;
mod responses;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use self::{answer::Answer, fault::Fault, fixed::FixedBodies};
pub use self::{fault::HUGE_BYTES, fixed::Fixed};
use super::{
    body::{Body, Cut, Pace},
    conversation,
    object::{set, text},
    recording::Recordings,
    server::{self, Answering, Handle, Site, bears, response},
};

/// The models that `GET /v1/models` lists; any name is answered.
const MODELS: [&str; 4] = ["gpt-4o", "gpt-4o-mini", "text-embedding-3-small", "claude-sonnet-4-5"];

/// The length of an embedding.
const EMBEDDING_DIMENSIONS: usize = 64;

/// Every number in an embedding, so that it is a unit vector.
const EMBEDDING_SIDE: f64 = 0.125;

/// How a stand-in provider behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The only key it accepts, as a bearer token or `x-api-key`; without one it asks for none.
    pub key: Option<String>,
    /// How long it thinks before each answer.
    pub delay: Duration,
    /// How fast it streams.
    pub pace: Pace,
    /// In how many pieces it streams a text; otherwise in about one per token.
    pub chunk_count: Option<usize>,
    /// For benchmarks: what every chat completion gets, whatever it asks and whatever its key.
    pub fixed: Option<Fixed>,
}

/// Starts a provider at `addr`; port 0 picks a free one.
pub async fn start(
    addr: SocketAddr,
    recordings: Arc<Recordings>,
    options: Options,
) -> io::Result<Handle> {
    let fixed = options.fixed.map(|fixed| FixedBodies::new(fixed, options.pace));
    server::serve(addr, Arc::new(Provider { recordings, options, fixed })).await
}

struct Provider {
    recordings: Arc<Recordings>,
    options: Options,
    fixed: Option<FixedBodies>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Chat,
    Responses,
    Messages,
}

impl Site for Provider {
    fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answering {
        Box::pin(async move {
            match &self.fixed {
                Some(fixed) if request.uri().path() == "/v1/chat/completions" => {
                    fixed.answer(request).await
                }
                _ => self.route(request).await,
            }
        })
    }
}

impl Provider {
    async fn route(&self, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let anthropic = path == "/v1/messages";
        if !self.admits(&head.headers) {
            return Ok(problem(StatusCode::UNAUTHORIZED, anthropic, "this key is not known"));
        }
        let dialect = match (&head.method, path) {
            (&Method::GET, "/v1/models") => return Ok(server::json(StatusCode::OK, &models())),
            (&Method::POST, "/v1/chat/completions") => Some(Dialect::Chat),
            (&Method::POST, "/v1/responses") => Some(Dialect::Responses),
            (&Method::POST, "/v1/messages") => Some(Dialect::Messages),
            (&Method::POST, "/v1/embeddings") => None,
            _ => return Ok(problem(StatusCode::NOT_FOUND, anthropic, "there is no such path")),
        };
        let bytes = server::read(body).await?;
        let Ok(asked) = serde_json::from_slice::<Value>(&bytes) else {
            return Ok(problem(StatusCode::BAD_REQUEST, anthropic, "the body is not JSON"));
        };
        if !self.options.delay.is_zero() {
            tokio::time::sleep(self.options.delay).await;
        }
        match dialect {
            Some(dialect) => self.say(dialect, &asked, bytes.len()).await,
            None => Ok(server::json(StatusCode::OK, &embeddings(&asked, bytes.len()))),
        }
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let key = self.options.key.as_deref();
        let own = headers.get("x-api-key").map(http::HeaderValue::as_bytes);
        bears(headers, key) || own.is_some() && own == key.map(str::as_bytes)
    }

    async fn say(
        &self,
        dialect: Dialect,
        asked: &Value,
        request_bytes: usize,
    ) -> Result<Response<Body>, Cut> {
        let turns = match dialect {
            Dialect::Chat => conversation::from_chat(asked),
            Dialect::Responses => conversation::from_responses(asked),
            Dialect::Messages => conversation::from_messages(asked),
        };
        let mut answer = Answer::find(&self.recordings, &turns, request_bytes);
        text(asked, "/model").clone_into(&mut answer.model);
        answer.chunk_count = self.options.chunk_count;
        let streams = asked.get("stream") == Some(&Value::Bool(true));
        let include_usage =
            asked.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
        let (content_type, frames) = if streams {
            ("text/event-stream; charset=utf-8", stream(dialect, &answer, include_usage))
        } else {
            ("application/json", vec![Bytes::from(whole(dialect, &answer).to_string())])
        };
        if let Some(fault) = Fault::named(&answer.model) {
            return fault.answer(content_type, frames).await;
        }
        let body = if streams {
            Body::pieces(frames, self.options.pace)
        } else {
            Body::whole(frames.into_iter().next().unwrap_or_default())
        };
        Ok(response(StatusCode::OK, content_type, body))
    }
}

fn whole(dialect: Dialect, answer: &Answer) -> Value {
    match dialect {
        Dialect::Chat => chat::whole(answer),
        Dialect::Responses => responses::whole(answer),
        Dialect::Messages => messages::whole(answer),
    }
}

fn stream(dialect: Dialect, answer: &Answer, include_usage: bool) -> Vec<Bytes> {
    match dialect {
        Dialect::Chat => chat::stream(answer, include_usage),
        Dialect::Responses => responses::stream(answer),
        Dialect::Messages => messages::stream(answer),
    }
}

fn models() -> Value {
    let models = MODELS.map(
        |id| json!({"id": id, "object": "model", "created": chat::CREATED, "owned_by": "standin"}),
    );
    json!({"object": "list", "data": models})
}

/// Embeddings that depend on nothing but the position of the input in the list.
fn embeddings(asked: &Value, request_bytes: usize) -> Value {
    let count = match asked.get("input") {
        Some(Value::Array(inputs)) if !inputs.iter().all(Value::is_number) => inputs.len(),
        _ => 1,
    };
    let data: Vec<Value> = (0..count)
        .map(|index| {
            json!({"object": "embedding", "index": index,
                "embedding": vec![EMBEDDING_SIDE; EMBEDDING_DIMENSIONS]})
        })
        .collect();
    let tokens = request_bytes.div_ceil(4);
    json!({"object": "list", "data": data, "model": asked.get("model"),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})
}

fn problem(status: StatusCode, anthropic: bool, message: &str) -> Response<Body> {
    let kind = match status {
        StatusCode::UNAUTHORIZED => "authentication_error",
        StatusCode::NOT_FOUND => "not_found_error",
        _ => "invalid_request_error",
    };
    let mut error = json!({"type": kind, "message": message});
    let body = if anthropic {
        json!({"type": "error", "error": error})
    } else {
        set(&mut error, "param", Value::Null);
        set(&mut error, "code", Value::Null);
        json!({"error": error})
    };
    server::json(status, &body)
}
