//! Reads the ledger of a running gateway over HTTP; the other side is `dashboards::ledger_routes`.

use super::CommandError;
use bytes::Bytes;
use events::{PayloadRef, SessionId};
use http::{StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use ledger::backend::PAYLOAD_BYTES_MAX;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A gateway's people listener. It must not be used from within an asynchronous task: it blocks.
pub(super) struct Remote {
    base: String,
    client: Client<HttpConnector, Empty<Bytes>>,
    runtime: Runtime,
}

/// The address of a gateway's people listener, without a slash at its end.
pub(super) fn base_url(url: &str) -> Result<&str, CommandError> {
    let is_base = url.parse::<Uri>().is_ok_and(|uri| {
        uri.scheme_str() == Some("http") && uri.host().is_some() && uri.query().is_none()
    });
    if !is_base {
        let expected = "expected a gateway's address such as `http://127.0.0.1:8081`";
        return Err(CommandError::Usage(format!("--url: {expected}, found `{url}`")));
    }
    Ok(url.trim_end_matches('/'))
}

impl Remote {
    /// The gateway at this URL, such as `http://127.0.0.1:8081`. Asks nothing yet.
    pub(super) fn new(url: &str) -> Result<Self, CommandError> {
        let base = base_url(url)?.to_owned();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { base, client, runtime })
    }

    /// The events from a sequence on: at least one if there is one.
    pub(super) fn read(&self, from: u64) -> Result<Vec<Bytes>, CommandError> {
        let body = self.get(&format!("/api/v1/events?from={from}"))?.unwrap_or_default();
        let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Ok(lines.map(|line| body.slice_ref(line)).collect())
    }

    /// A payload, unless it is not kept.
    pub(super) fn payload(
        &self,
        session: SessionId,
        payload: &PayloadRef,
    ) -> Result<Option<Vec<u8>>, CommandError> {
        let body = self.get(&format!("/api/v1/payloads/{session}/{}", payload.digest))?;
        Ok(body.map(Vec::from))
    }

    /// The body of an answer; `None` when the gateway says that there is no such thing.
    fn get(&self, path: &str) -> Result<Option<Bytes>, CommandError> {
        let url = format!("{}{path}", self.base);
        let fail = |what: String| CommandError::Io(format!("cannot read `{url}`: {what}"));
        let uri: Uri =
            url.parse().map_err(|error: http::uri::InvalidUri| fail(error.to_string()))?;
        let exchange = async {
            let response = self.client.get(uri).await.map_err(|error| fail(error.to_string()))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), PAYLOAD_BYTES_MAX).collect().await;
            let body = body.map_err(|error| fail(error.to_string()))?.to_bytes();
            match status {
                StatusCode::OK => Ok(Some(body)),
                StatusCode::NOT_FOUND => Ok(None),
                other => Err(fail(format!("{other}: {}", explained(&body)))),
            }
        };
        self.runtime.block_on(async {
            let patient = tokio::time::timeout(PATIENCE, exchange).await;
            patient.unwrap_or_else(|_| Err(fail(format!("no answer in {} s", PATIENCE.as_secs()))))
        })
    }
}

/// What an error's body says, shortened and safe to show.
fn explained(body: &[u8]) -> String {
    analytics::one_line(String::from_utf8_lossy(body).trim(), 200)
}
