//! Evidence over HTTP, for programs of this machine: a bundle that streams while it is made.

use crate::local_peers::only_local;
use crate::problem::problem;
use analytics::export::{Export, ExportError, Payloads, SELECTED_MAX, Selection, TarArchive};
use axum::body::Body;
use axum::extract::{Json, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Router, middleware};
use bytes::Bytes;
use events::{LedgerExported, Timestamp};
use futures_util::stream;
use http::{StatusCode, header};
use ledger::Sealing;
use ledger::log::Reader;
use ledger::sealer::Signed;
use serde::{Deserialize, Serialize};
use std::io::{self, BufWriter, Write};
use std::pin::Pin;
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
const PATIENCE: Duration = Duration::from_secs(60);

/// The most bytes of a name.
const NAME_BYTES_MAX: usize = 256;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportAsked {
    /// Who asks, as the peer says.
    pub by: String,
    /// Whether payloads are wanted.
    pub payloads: bool,
    /// Which events.
    #[serde(default)]
    pub selection: Selection,
}

/// Records that evidence is about to be handed out: durable when it returns, or an error in words.
pub type Announce = Arc<
    dyn Fn(LedgerExported) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>>
        + Send
        + Sync,
>;

/// What exports are made of.
#[derive(Clone)]
pub struct ExportSource {
    /// The events.
    pub reader: Arc<dyn Reader>,
    /// What proves them.
    pub sealing: Sealing,
    /// The log's key and its witnesses.
    pub policy: Arc<str>,
    /// The payloads.
    pub payloads: Arc<dyn Payloads + Send + Sync>,
    /// The clock.
    pub now: fn() -> Timestamp,
    /// Records the export.
    pub announce: Announce,
    /// Becomes true when the process is about to end; then exports end, too.
    pub stopping: watch::Receiver<bool>,
}

#[derive(Clone)]
struct Exports {
    source: ExportSource,
    turns: Arc<Semaphore>,
}

/// Serves, to loopback peers alone, `POST /api/v1/exports` with an [`ExportAsked`] as JSON: a bundle
/// as a tar archive. An answer that breaks off is no bundle: it has no manifest.
pub fn export_routes(source: ExportSource) -> Router {
    let turns = Arc::new(Semaphore::new(EXPORTS_MAX));
    Router::new()
        .route("/api/v1/exports", post(export))
        .layer(middleware::from_fn(only_local))
        .with_state(Exports { source, turns })
}

async fn export(State(exports): State<Exports>, Json(asked): Json<ExportAsked>) -> Response {
    if let Err(detail) = check(&asked) {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, &detail);
    }
    let Ok(turn) = exports.turns.try_acquire_owned() else {
        let detail = format!("{EXPORTS_MAX} exports are being made; try again when one has ended");
        return problem(StatusCode::SERVICE_UNAVAILABLE, &detail);
    };
    let source = exports.source;
    let signed = match begin(&source, &asked).await {
        Ok(signed) => signed,
        Err(detail) => return problem(StatusCode::SERVICE_UNAVAILABLE, &detail),
    };
    let (pieces, body) = mpsc::channel(PIECES_MAX);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let stopping = source.stopping.clone();
        let to = Pieces { pieces: pieces.clone(), stopping, runtime: runtime.clone() };
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

fn check(asked: &ExportAsked) -> Result<(), String> {
    let names = [Some(&asked.by), asked.selection.person.as_ref(), asked.selection.agent.as_ref()];
    if names.into_iter().flatten().any(|name| name.is_empty() || name.len() > NAME_BYTES_MAX) {
        return Err(format!("a name has 1 to {NAME_BYTES_MAX} bytes"));
    }
    let selected = asked.selection.sessions.len() + asked.selection.calls.len();
    if selected > SELECTED_MAX {
        return Err(format!("{selected} sessions and calls are named, {SELECTED_MAX} at most go"));
    }
    Ok(())
}

/// Records the export, and has it and all before it sealed.
async fn begin(source: &ExportSource, asked: &ExportAsked) -> Result<Signed, String> {
    let fact = LedgerExported {
        by: asked.by.as_str().into(),
        criterion: asked.selection.to_string(),
        payloads: asked.payloads,
        size: source.reader.next().number(),
    };
    (source.announce)(fact).await?;
    let signed = source.sealing.seal_now().await.map_err(|error| error.to_string())?;
    signed.ok_or_else(|| "the ledger has no events".to_owned())
}

fn write(
    source: &ExportSource,
    signed: &Signed,
    asked: &ExportAsked,
    to: Pieces,
) -> Result<(), ExportError> {
    let made = (source.now)();
    let payloads = Some(&*source.payloads as &dyn Payloads).filter(|_| asked.payloads);
    let mut archive =
        TarArchive::new(BufWriter::with_capacity(PIECE_BYTES, to), made.micros() / 1_000_000);
    let export = Export {
        reader: &*source.reader,
        files: source.sealing.files(),
        signed,
        key: source.sealing.key(),
        policy: &source.policy,
        payloads,
        selection: &asked.selection,
        by: &asked.by,
        made,
    };
    export.write(&mut archive)?;
    archive.finish()?.flush()?;
    Ok(())
}

/// The body, seen from the thread that writes it. It waits for the peer, but not for ever.
struct Pieces {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    stopping: watch::Receiver<bool>,
    runtime: Handle,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(bytes);
        let Self { pieces, stopping, runtime } = self;
        runtime.block_on(async {
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stop| *stop) => Err(io::Error::other("the gateway stops")),
                sent = pieces.send_timeout(Ok(piece), PATIENCE) => sent.map_err(|_| {
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
