//! Asks a running gateway for evidence, and reads it as it comes.

use super::super::CommandError;
use super::super::remote::base_url;
use bytes::{Buf as _, Bytes};
use dashboards::ExportAsked;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::io::{self, Read};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// How long the gateway may take to record the export and to have it sealed.
const BEGIN_PATIENCE: Duration = Duration::from_mins(1);

/// How long it may send nothing: it may be reading a large ledger.
const PATIENCE: Duration = Duration::from_mins(10);

/// The most bytes of an error.
const ERROR_BYTES_MAX: usize = 64 << 10;

/// Asks, and gives the archive as a stream.
pub(super) fn ask(url: &str, asked: &ExportAsked) -> Result<RemoteArchive, CommandError> {
    let url = format!("{}/api/v1/exports", base_url(url)?);
    let fail = |what: String| CommandError::Io(format!("cannot export from `{url}`: {what}"));
    let failed = |error: &dyn std::error::Error| fail(error.to_string());
    let asked = serde_json::to_vec(asked).map_err(|error| failed(&error))?;
    let request = Request::post(&url).header(header::CONTENT_TYPE, "application/json");
    let request = request.body(Full::new(Bytes::from(asked))).map_err(|error| failed(&error))?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let body = runtime.block_on(async {
        let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let answer = tokio::time::timeout(BEGIN_PATIENCE, client.request(request)).await;
        let answer = answer.map_err(|_| fail("no answer".to_owned()))?;
        let answer = answer.map_err(|error| failed(&error))?;
        let (head, body) = answer.into_parts();
        if head.status == StatusCode::OK {
            return Ok(body);
        }
        let explained = Limited::new(body, ERROR_BYTES_MAX).collect().await;
        let explained = explained.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let explained = String::from_utf8_lossy(&explained);
        let explained = analytics::one_line(explained.trim(), 400);
        Err(fail(format!("{}: {explained}", head.status)))
    })?;
    Ok(RemoteArchive { runtime, body, piece: Bytes::new() })
}

/// The archive as it comes; an error if it breaks off.
pub(super) struct RemoteArchive {
    runtime: Runtime,
    body: Incoming,
    piece: Bytes,
}

impl Read for RemoteArchive {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.piece.has_remaining() {
            let Self { runtime, body, .. } = self;
            let next =
                runtime.block_on(async { tokio::time::timeout(PATIENCE, body.frame()).await });
            let next = next.map_err(|_| io::Error::other("the gateway sends nothing"))?;
            let Some(frame) = next.transpose().map_err(io::Error::other)? else { return Ok(0) };
            self.piece = frame.into_data().unwrap_or_default();
        }
        let count = buffer.len().min(self.piece.len());
        let (to, _) = buffer.split_at_mut(count);
        self.piece.copy_to_slice(to);
        Ok(count)
    }
}
