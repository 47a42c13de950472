//! The way to another process of this program: HTTP within limits, with the secret that both share.

use crate::config::Counterpart;
use crate::upstream::{TlsError, connector, with_causes};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Serialize;
use std::time::Duration;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection is kept for the next question.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// How large an answer may be: a whole request of an agent.
const ANSWER_BYTES_MAX: usize = 1 << 30;

/// How much of a refusal is shown.
const REASON_CHARS_MAX: usize = 500;

/// Another process, as it is reached.
#[derive(Debug)]
pub struct Peer {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    counterpart: Counterpart,
    authorization: Option<HeaderValue>,
}

/// What it answered.
#[derive(Debug)]
pub struct Answer {
    /// How.
    pub status: StatusCode,
    /// With what headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// There is no answer.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` at {url} does not answer: {why}")]
pub struct PeerError {
    name: String,
    url: String,
    why: String,
}

impl Peer {
    /// The way to this process.
    pub fn new(counterpart: &Counterpart) -> Result<Self, TlsError> {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector(CONNECT_TIMEOUT)?);
        let bearer = format!("Bearer {}", counterpart.key.expose());
        let authorization = HeaderValue::from_str(&bearer).ok().map(|mut value| {
            value.set_sensitive(true);
            value
        });
        Ok(Self { client, counterpart: counterpart.clone(), authorization })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.counterpart.name
    }

    /// Asks for what is at a path, which begins with `/`.
    pub async fn get(&self, path: &str, patience: Duration) -> Result<Answer, PeerError> {
        self.ask((Method::GET, path), Bytes::new(), patience).await
    }

    /// Posts JSON to a path.
    pub async fn post(
        &self,
        path: &str,
        content: &(impl Serialize + Sync),
        patience: Duration,
    ) -> Result<Answer, PeerError> {
        let json = serde_json::to_vec(content).map_err(|error| self.failed(error.to_string()))?;
        self.ask((Method::POST, path), json.into(), patience).await
    }

    async fn ask(
        &self,
        (method, path): (Method, &str),
        body: Bytes,
        patience: Duration,
    ) -> Result<Answer, PeerError> {
        let uri =
            self.counterpart.url.join(path).map_err(|error| self.failed(error.to_string()))?;
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(value) = &self.authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let request = request.body(Full::new(body));
        let request = request.map_err(|error| self.failed(error.to_string()))?;
        let asked = async {
            let answer = self.client.request(request).await;
            let (head, body) = answer.map_err(|error| with_causes(&error))?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| format!("its answer broke off: {error}"))?.to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        let late = |_| Err(format!("not within {patience:?}"));
        let answered = tokio::time::timeout(patience, asked).await.unwrap_or_else(late);
        answered.map_err(|why| self.failed(why))
    }

    fn failed(&self, why: String) -> PeerError {
        let Counterpart { name, url, .. } = &self.counterpart;
        PeerError { name: name.clone(), url: url.to_string(), why }
    }

    /// A refusal, as an error.
    pub fn refused(&self, answer: &Answer) -> PeerError {
        let meaning = match answer.status {
            StatusCode::UNAUTHORIZED => "it does not know the key: both must have the same",
            StatusCode::NOT_FOUND => "it has nothing there",
            _ => "it refuses",
        };
        let said = String::from_utf8_lossy(&answer.body);
        let said: String = said.trim().chars().take(REASON_CHARS_MAX).collect();
        self.failed(format!("{meaning} ({}: {})", answer.status.as_u16(), said.escape_debug()))
    }
}
