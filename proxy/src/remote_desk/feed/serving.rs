//! Serves the events that concern people, to processes with which a secret is shared.

use crate::config::KeyHash;
use approvals::concerns;
use axum::Router;
use axum::extract::{Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use dashboards::problem;
use http::{HeaderMap, StatusCode, header};
use ledger::log::{ReadError, Reader};
use ledger::{Ledger, Sequence};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The header of an answer that says from where to go on.
pub(super) const NEXT: &str = "countersign-next";

/// The header of an answer that says where the ledger ended.
pub(super) const END: &str = "countersign-end";

/// How long an empty answer is kept back, at most.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// An answer ends with the event that reaches this many bytes.
const ANSWER_BYTES: usize = 1 << 20;

/// How many bytes of the ledger are looked through for one answer.
const LOOKED_AT_BYTES: usize = 64 << 20;

const READ_BYTES: usize = 1 << 20;

#[derive(Clone)]
struct Source {
    ledger: Ledger,
    stopping: watch::Receiver<bool>,
}

/// Serves `GET /api/v1/feed?from=N&wait=SECONDS`: the canonical bytes of the events that concern
/// people, from a sequence on, one a line, in order. With none it waits for one, until `stopping`
/// becomes true. From where to go on is in `countersign-next`, and where the ledger ended in
/// `countersign-end`. Who asks for what will be there later gets 409: the ledger is another one.
///
/// It is for [`only_counterparts`] to let nobody else in.
pub fn feed_routes(ledger: &Ledger, stopping: watch::Receiver<bool>) -> Router {
    let source = Source { ledger: ledger.clone(), stopping };
    Router::new().route("/api/v1/feed", get(feed)).with_state(source)
}

/// Answers 401 to whoever does not send one of these secrets as a bearer token.
pub fn only_counterparts(routes: Router, keys: impl IntoIterator<Item = KeyHash>) -> Router {
    let keys: Arc<[KeyHash]> = keys.into_iter().collect();
    routes.route_layer(middleware::from_fn_with_state(keys, only_known))
}

async fn only_known(State(keys): State<Arc<[KeyHash]>>, request: Request, next: Next) -> Response {
    let key = bearer(request.headers()).map(KeyHash::of);
    if key.is_some_and(|key| keys.contains(&key)) {
        return next.run(request).await;
    }
    let detail = "send the secret that both processes share as `Authorization: Bearer …`";
    problem(StatusCode::UNAUTHORIZED, &detail)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    from: u64,
    #[serde(default)]
    wait: u64,
}

async fn feed(State(source): State<Source>, Query(asked): Query<Asked>) -> Response {
    let Source { ledger, mut stopping } = source;
    let mut committed = ledger.committed();
    let end = committed.borrow_and_update().number();
    if end < asked.from {
        let detail = format!("the ledger has {end} events: it is another one than before");
        return problem(StatusCode::CONFLICT, &detail);
    }
    let until = tokio::time::Instant::now() + Duration::from_secs(asked.wait).min(WAIT_MAX);
    let mut from = asked.from;
    loop {
        let end = committed.borrow_and_update().number();
        let reader = Arc::clone(ledger.reader());
        let read = tokio::task::spawn_blocking(move || gather(&*reader, from, end)).await;
        let gathered = match read {
            Ok(Ok(gathered)) => gathered,
            Ok(Err(error)) => return problem(StatusCode::INTERNAL_SERVER_ERROR, &error),
            Err(error) => return problem(StatusCode::INTERNAL_SERVER_ERROR, &error),
        };
        from = gathered.next;
        let is_over = tokio::time::Instant::now() >= until || *stopping.borrow();
        if !gathered.lines.is_empty() || from < end || is_over {
            return answer(gathered, end);
        }
        tokio::select! {
            changed = committed.changed() => if changed.is_err() { return answer(gathered, end) },
            () = tokio::time::sleep_until(until) => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    }
}

fn answer(gathered: Gathered, end: u64) -> Response {
    let headers = [
        (header::CONTENT_TYPE.as_str(), "application/jsonl".to_owned()),
        (NEXT, gathered.next.to_string()),
        (END, end.to_string()),
    ];
    (headers, gathered.lines).into_response()
}

struct Gathered {
    lines: Vec<u8>,
    next: u64,
}

/// The events that concern people, of those before `end`. It blocks.
fn gather(reader: &dyn Reader, from: u64, end: u64) -> Result<Gathered, ReadError> {
    let (mut lines, mut next, mut looked_at) = (Vec::new(), from, 0);
    while next < end && lines.len() < ANSWER_BYTES && looked_at < LOOKED_AT_BYTES {
        let records = reader.read(Sequence::new(next), READ_BYTES)?;
        if records.is_empty() {
            break;
        }
        for record in records {
            if next == end || ANSWER_BYTES <= lines.len() {
                break;
            }
            next += 1;
            looked_at += record.len();
            if concerns(&record) {
                lines.extend_from_slice(&record);
                lines.push(b'\n');
            }
        }
    }
    Ok(Gathered { lines, next })
}
