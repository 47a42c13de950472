//! One exchange with a witness over HTTP, within limits. To it go checkpoints and proofs alone, so
//! no permit is asked for.

use crate::config::BaseUrl;
use crate::upstream::{TlsError, connector, with_causes};
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::time::Duration;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection is kept for the next checkpoint.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// How large an answer may be: some signatures.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// How much of a refusal is shown.
const REASON_CHARS_MAX: usize = 200;

/// The way to one witness.
#[derive(Debug)]
pub(super) struct Door {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: BaseUrl,
}

/// What a witness answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Door {
    /// To the witness at this address.
    pub(super) fn new(url: &BaseUrl) -> Result<Self, TlsError> {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(1)
            .build(connector(CONNECT_TIMEOUT)?);
        Ok(Self { client, url: url.clone() })
    }

    /// Posts a request, and reads its whole answer.
    pub(super) async fn post(&self, request: String) -> Result<Answer, String> {
        let uri = self.url.join("/add-checkpoint").map_err(|error| error.to_string())?;
        let request = Request::post(uri)
            .header(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))
            .body(Full::new(Bytes::from(request)))
            .map_err(|error| error.to_string())?;
        let answer = self.client.request(request).await;
        let (head, body) = answer.map_err(|error| with_causes(&error))?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| format!("its answer broke off: {error}"))?;
        Ok(Answer { status: head.status, body: body.to_bytes() })
    }
}

impl Answer {
    /// What a refusal means, and the witness's own words.
    pub(super) fn refusal(&self) -> String {
        let meaning = match self.status.as_u16() {
            403 => "it knows the log by another key than the one that signs its checkpoints",
            404 => "it does not know this log, or is not at this address",
            _ => "it refused",
        };
        let said = String::from_utf8_lossy(&self.body);
        let said = said.trim().chars().take(REASON_CHARS_MAX).collect::<String>();
        format!("{meaning} ({}: {})", self.status.as_u16(), said.escape_debug())
    }
}
