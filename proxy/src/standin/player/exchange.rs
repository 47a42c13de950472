//! HTTP exchanges of a playing agent, bounded and counted; it knows neither models nor tools.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

/// The longest answer an agent reads.
const ANSWER_BYTES_MAX: usize = 128 << 20;

/// How long an agent waits for a whole answer; a held call may take most of a minute.
const ANSWER_TIME_MAX: Duration = Duration::from_mins(2);

/// How much of an unexpected answer an error shows.
const SHOWN_CHARS_MAX: usize = 300;

/// Why an agent could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The request could not be built or sent, or its answer not read.
    #[error("no answer from `{url}`: {reason}")]
    Broken {
        /// Where it went.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The answer is not the one that an agent can use.
    #[error("unusable answer from `{url}`: status {status}: {shown}")]
    Unusable {
        /// Where it went.
        url: String,
        /// The status.
        status: u16,
        /// The beginning of the body.
        shown: String,
    },
}

/// An answer that was read to its end.
pub(super) struct Answered {
    pub(super) url: String,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answered {
    pub(super) fn unusable(&self) -> ExchangeError {
        let shown = String::from_utf8_lossy(&self.body).chars().take(SHOWN_CHARS_MAX).collect();
        ExchangeError::Unusable { url: self.url.clone(), status: self.status.as_u16(), shown }
    }

    pub(super) fn is_stream(&self) -> bool {
        let kind = self.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        kind.is_some_and(|kind| kind.starts_with(b"text/event-stream"))
    }
}

/// Bytes of bodies.
pub(super) struct Traffic {
    pub(super) sent: usize,
    pub(super) received: usize,
}

/// The connections of one agent.
pub(super) struct Exchanges {
    client: Client<HttpConnector, Full<Bytes>>,
    authorization: Option<HeaderValue>,
    sent: AtomicUsize,
    received: AtomicUsize,
}

impl Exchanges {
    /// A key that no header can hold is left out; the answer will say that it is missing.
    pub(super) fn new(key: Option<&str>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            authorization: key.and_then(|key| format!("Bearer {key}").parse().ok()),
            sent: AtomicUsize::new(0),
            received: AtomicUsize::new(0),
        }
    }

    /// Bytes since the last time.
    pub(super) fn take_traffic(&self) -> Traffic {
        Traffic {
            sent: self.sent.swap(0, Ordering::Relaxed),
            received: self.received.swap(0, Ordering::Relaxed),
        }
    }

    /// Sends a JSON body, or none, and reads the whole answer.
    pub(super) async fn send(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answered, ExchangeError> {
        let broken = |reason: String| ExchangeError::Broken { url: url.to_owned(), reason };
        self.sent.fetch_add(body.len(), Ordering::Relaxed);
        let has_body = !body.is_empty();
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .body(Full::new(body))
            .map_err(|error| broken(error.to_string()))?;
        *request.headers_mut() = headers;
        let own = request.headers_mut();
        own.insert(header::USER_AGENT, HeaderValue::from_static("demo-agent/1"));
        if has_body {
            own.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(authorization) = &self.authorization {
            own.insert(header::AUTHORIZATION, authorization.clone());
        }
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| explain(&error))?;
            read(response).await
        };
        let answer = tokio::time::timeout(ANSWER_TIME_MAX, exchange).await;
        let answer = answer.unwrap_or_else(|_| Err("it took more than two minutes".into()));
        let (head, body) = answer.map_err(broken)?;
        self.received.fetch_add(body.len(), Ordering::Relaxed);
        Ok(Answered { url: url.to_owned(), status: head.status, headers: head.headers, body })
    }
}

async fn read(response: Response<Incoming>) -> Result<(http::response::Parts, Bytes), String> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    Ok((head, body.map_err(|error| error.to_string())?.to_bytes()))
}

/// An error with its causes, which the client does not tell by itself.
fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
