//! The sealed log over HTTP, as C2SP tlog-tiles lays it out, and proofs of single events.
//!
//! Checkpoints, hashes and proofs tell nothing of the events and go to everyone; entry bundles are
//! the events, and go to programs of this machine alone.

use crate::local_peers::{Others, only_local};
use crate::problem::problem;
use crate::site::Site;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use http::{StatusCode, header};
use identity::role::Right;
use ledger::sealer::{POLICY, prove};
use ledger::{NotSealed, Sealing};
use std::fmt::Display;
use std::io;
use tlog::{BundleId, TileId, TlogProof};

/// What never changes may be kept for as long as anybody likes.
const FINAL: &str = "public, max-age=31536000, immutable";

/// What is replaced by the next one.
const CHANGING: &str = "no-cache";

/// Serves the log of one shard below `/tlog/{shard}`:
///
/// - `GET …/checkpoint`, `…/tile/{level}/{n}`, `…/tile/entries/{n}`: the files of tlog-tiles.
/// - `GET …/key`: the key that verifies the checkpoints. Compare it with one got elsewhere.
/// - `GET …/policy`: that key and the log's witnesses, as a tlog-policy.
/// - `GET …/proof/{sequence}`: a `.tlog-proof` of one event; makes a checkpoint if none covers it.
///
/// Events themselves, in `entries`, go to loopback peers and to people of `site` who may see
/// sessions; all else to everybody. The server must tell the peer's address, as for
/// [`ledger_routes`](crate::ledger_routes).
pub fn tlog_routes(shard: &str, sealing: Sealing, site: Option<Site>) -> Router {
    let others = Others { site, right: Right::ViewSessions };
    let entries = Router::new()
        .route("/tile/entries/{*place}", get(bundle))
        .layer(middleware::from_fn_with_state(others, only_local));
    let log = Router::new()
        .route("/checkpoint", get(checkpoint))
        .route("/key", get(key))
        .route(
            "/policy",
            get(async |State(sealing)| file(sealing, POLICY.to_owned(), CHANGING).await),
        )
        .route("/tile/{level}/{*place}", get(tile))
        .route("/proof/{sequence}", get(proof))
        .merge(entries)
        .with_state(sealing);
    Router::new().nest(&format!("/tlog/{shard}"), log)
}

async fn checkpoint(State(sealing): State<Sealing>) -> Response {
    let read = tokio::task::spawn_blocking(move || sealing.files().checkpoint()).await;
    match read.map_err(io::Error::other).flatten() {
        Ok(Some(note)) => text(CHANGING, note),
        Ok(None) => absent("no checkpoint was published yet"),
        Err(error) => failed(&error),
    }
}

async fn key(State(sealing): State<Sealing>) -> Response {
    text(CHANGING, format!("{}\n", sealing.key()))
}

async fn tile(State(sealing): State<Sealing>, Path(place): Path<(String, String)>) -> Response {
    let path = format!("tile/{}/{}", place.0, place.1);
    match TileId::parse(&path) {
        Ok(id) => file(sealing, id.path(), FINAL).await,
        Err(error) => absent(&error),
    }
}

async fn bundle(State(sealing): State<Sealing>, Path(place): Path<String>) -> Response {
    match BundleId::parse(&format!("tile/entries/{place}")) {
        Ok(id) => file(sealing, id.path(), FINAL).await,
        Err(error) => absent(&error),
    }
}

/// One of the log's files; `path` was made here, so that it leads nowhere else.
async fn file(sealing: Sealing, path: String, cached: &'static str) -> Response {
    let read = tokio::task::spawn_blocking(move || sealing.files().read(&path)).await;
    match read.map_err(io::Error::other).flatten() {
        Ok(Some(bytes)) => {
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (header::CACHE_CONTROL, cached),
            ];
            (headers, bytes).into_response()
        }
        Ok(None) => absent("the log has no such file, or no longer a partial one of that width"),
        Err(error) => failed(&error),
    }
}

async fn proof(State(sealing): State<Sealing>, Path(sequence): Path<u64>) -> Response {
    match proved(&sealing, sequence).await {
        Ok(Some(proof)) => text(CHANGING, proof.to_string()),
        Ok(None) => absent(&format!("the ledger has no event {sequence} yet")),
        Err(Unproved::Later(error)) => problem(StatusCode::SERVICE_UNAVAILABLE, &error),
        Err(Unproved::Failed(detail)) => failed(&detail),
    }
}

/// Why there is no proof.
enum Unproved {
    /// A checkpoint could not be published now.
    Later(NotSealed),
    /// The files are not as they should be.
    Failed(String),
}

async fn proved(sealing: &Sealing, sequence: u64) -> Result<Option<TlogProof>, Unproved> {
    if let Some(proof) = from_files(sealing, sequence).await? {
        return Ok(Some(proof));
    }
    // Whoever asks for what is not there must not have a checkpoint made each time.
    if sealing.events() <= sequence {
        return Ok(None);
    }
    sealing.seal_now().await.map_err(Unproved::Later)?;
    from_files(sealing, sequence).await
}

async fn from_files(sealing: &Sealing, sequence: u64) -> Result<Option<TlogProof>, Unproved> {
    let sealing = sealing.clone();
    let prove = move || prove(sealing.files(), sealing.key(), sequence);
    match tokio::task::spawn_blocking(prove).await {
        Ok(proof) => proof.map_err(|error| Unproved::Failed(error.to_string())),
        Err(error) => Err(Unproved::Failed(error.to_string())),
    }
}

fn text(cached: &'static str, text: String) -> Response {
    let kind = (header::CONTENT_TYPE, "text/plain; charset=utf-8");
    let sniff = (header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    ([kind, sniff, (header::CACHE_CONTROL, cached)], text).into_response()
}

fn absent(detail: &(impl Display + ?Sized)) -> Response {
    problem(StatusCode::NOT_FOUND, &detail)
}

fn failed(error: &dyn Display) -> Response {
    problem(StatusCode::INTERNAL_SERVER_ERROR, error)
}
