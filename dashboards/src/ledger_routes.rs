//! The ledger over HTTP, for programs of this machine: events as JSON lines, payloads as they are.

use crate::local_peers::{Others, only_local};
use crate::problem::problem;
use crate::site::Site;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use bytes::Bytes;
use events::{Digest, PayloadRef, SessionId};
use http::{StatusCode, header};
use identity::role::Right;
use ledger::Sequence;
use ledger::log::{ReadError, Reader};
use ledger::payload::{self, Keys};
use serde::Deserialize;
use std::sync::Arc;

/// The most events of one answer.
pub const EVENTS_MAX: usize = 10_000;

/// An answer ends with the event that reaches this many bytes.
const ANSWER_BYTES: usize = 1 << 20;

#[derive(Clone)]
struct Source {
    reader: Arc<dyn Reader>,
    keys: Keys,
}

/// Serves, to loopback peers and to people of `site` who may see sessions:
///
/// - `GET /api/v1/events?from=N&limit=N`: the canonical bytes of the events from a sequence on, one
///   a line, in order; fewer than `limit` when their bytes add up, none at the end of the ledger.
/// - `GET /api/v1/payloads/{session}/{digest}`: a payload's bytes; 404 when it is not kept.
///
/// The server must tell the peer's address (`into_make_service_with_connect_info::<SocketAddr>()`);
/// without it everyone is refused.
pub fn ledger_routes(reader: Arc<dyn Reader>, keys: Keys, site: Option<Site>) -> Router {
    let others = Others { site, right: Right::ViewSessions };
    Router::new()
        .route("/api/v1/events", get(events))
        .route("/api/v1/payloads/{session}/{digest}", get(payload_bytes))
        .layer(middleware::from_fn_with_state(others, only_local))
        .with_state(Source { reader, keys })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    #[serde(default)]
    from: u64,
    #[serde(default = "all")]
    limit: usize,
}

const fn all() -> usize {
    EVENTS_MAX
}

async fn events(State(source): State<Source>, Query(range): Query<Range>) -> Response {
    if range.limit > EVENTS_MAX {
        let detail = format!("`limit` is {}, at most {EVENTS_MAX} go", range.limit);
        return problem(StatusCode::BAD_REQUEST, &detail);
    }
    let read = move || lines(&*source.reader, &range);
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(lines)) => ([(header::CONTENT_TYPE, "application/jsonl")], lines).into_response(),
        Ok(Err(error)) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error),
    }
}

fn lines(reader: &dyn Reader, range: &Range) -> Result<Bytes, ReadError> {
    let records = reader.read(Sequence::new(range.from), ANSWER_BYTES)?;
    let mut lines = Vec::new();
    for record in records.iter().take(range.limit) {
        lines.extend_from_slice(record);
        lines.push(b'\n');
    }
    Ok(lines.into())
}

async fn payload_bytes(
    State(source): State<Source>,
    Path((session, digest)): Path<(SessionId, Digest)>,
) -> Response {
    // A payload is found by its digest alone; the size in the reference is for people.
    let reference = PayloadRef { bytes: 0, digest, discarded: false };
    let load = move || payload::load(&*source.reader, &source.keys, session, &reference);
    match tokio::task::spawn_blocking(load).await {
        Ok(Ok(Some(content))) => {
            // What agents and upstreams wrote must never be taken for a page of ours.
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, content).into_response()
        }
        Ok(Ok(None)) => {
            problem(StatusCode::NOT_FOUND, &format!("`{session}` keeps no payload `{digest}`"))
        }
        Ok(Err(error)) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error),
    }
}
