//! Evidence over HTTP, for programs of this machine: a bundle that streams while it is made.

use crate::export_source::{ExportAsked, ExportSource};
use crate::local_peers::{Others, only_local};
use crate::problem::problem;
use crate::site::Site;
use analytics::export::{ExportError, TarArchive};
use axum::body::Body;
use axum::extract::{Json, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Router, middleware};
use bytes::Bytes;
use futures_util::stream;
use http::{StatusCode, header};
use identity::role::Right;
use ledger::sealer::Signed;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, watch};

/// How many exports run at once; each takes a thread and some MiB.
const EXPORTS_MAX: usize = 2;

/// How many bytes go to the peer at once, and how many such pieces may wait for it.
const PIECE_BYTES: usize = 64 << 10;
const PIECES_MAX: usize = 4;

/// How long a peer may take nothing of what waits for it.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Clone)]
struct Exports {
    source: ExportSource,
    turns: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

/// Serves, to loopback peers and to people of `site` who may export, `POST /api/v1/exports` with an
/// [`ExportAsked`] as JSON: a bundle as a tar archive. An answer that breaks off is no bundle: it
/// has no manifest. When `stopping` becomes true, exports under way break off.
pub fn export_routes(
    source: ExportSource,
    stopping: watch::Receiver<bool>,
    site: Option<Site>,
) -> Router {
    let others = Others { site, right: Right::Export };
    let turns = Arc::new(Semaphore::new(EXPORTS_MAX));
    Router::new()
        .route("/api/v1/exports", post(export))
        .layer(middleware::from_fn_with_state(others, only_local))
        .with_state(Exports { source, turns, stopping })
}

async fn export(State(exports): State<Exports>, Json(asked): Json<ExportAsked>) -> Response {
    if let Err(detail) = asked.check() {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, &detail);
    }
    let Ok(turn) = Arc::clone(&exports.turns).try_acquire_owned() else {
        let detail = format!("{EXPORTS_MAX} exports are being made; try again when one has ended");
        return problem(StatusCode::SERVICE_UNAVAILABLE, &detail);
    };
    let Exports { source, stopping, .. } = exports;
    let signed = match source.begin(&asked).await {
        Ok(signed) => signed,
        Err(detail) => return problem(StatusCode::SERVICE_UNAVAILABLE, &detail),
    };
    // It may read for long before it writes again, and learns only then that the gateway stops.
    let source = source.only_reading();
    let (pieces, body) = mpsc::channel(PIECES_MAX);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let to = Pieces { to: pieces.clone(), stopping, runtime: runtime.clone() };
        if let Err(error) = write(&source, &signed, &asked, to) {
            tracing::warn!(%error, "an export broke off");
            // Whoever still reads learns that the rest is missing.
            let broken = Err(io::Error::other(error.to_string()));
            drop(runtime.block_on(pieces.send_timeout(broken, PATIENCE)));
        }
    });
    let body = stream::unfold(body, async |mut body| body.recv().await.map(|next| (next, body)));
    let headers = [
        (header::CONTENT_TYPE, "application/x-tar"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"evidence.tar\""),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Body::from_stream(body)).into_response()
}

fn write(
    source: &ExportSource,
    signed: &Signed,
    asked: &ExportAsked,
    to: Pieces,
) -> Result<(), ExportError> {
    let seconds = (source.now)().micros() / 1_000_000;
    let mut archive = TarArchive::new(BufWriter::with_capacity(PIECE_BYTES, to), seconds);
    source.write(asked, signed, &mut archive)?;
    archive.finish()?.flush()?;
    Ok(())
}

/// The body, seen from the thread that writes it. It waits for the peer, but not for ever.
struct Pieces {
    to: mpsc::Sender<io::Result<Bytes>>,
    stopping: watch::Receiver<bool>,
    runtime: Handle,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(bytes);
        let Self { to, stopping, runtime } = self;
        runtime.block_on(async {
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stop| *stop) => Err(io::Error::other("the gateway stops")),
                sent = to.send_timeout(Ok(piece), PATIENCE) => sent.map_err(|_| {
                    io::Error::new(io::ErrorKind::BrokenPipe, "the peer has gone, or takes nothing")
                }),
            }
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
