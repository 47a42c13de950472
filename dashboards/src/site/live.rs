//! That something changed, as server-sent events: pages fetch themselves again then. It says what
//! is where, and nothing of what calls are about.

use super::Site;
use super::visitor::Visitor;
use approvals::HoldFilter;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream::unfold;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};

/// How long changes are gathered before they are told.
const PAUSE: Duration = Duration::from_millis(250);

/// How long one stream lasts; browsers come back by themselves, and are looked at again.
const LASTS: Duration = Duration::from_mins(5);

/// The route: `/holds/events`.
pub(super) fn routes(site: &Site) -> Router {
    Router::new().route("/holds/events", get(events)).with_state(site.clone())
}

struct Stream {
    site: Site,
    /// Those of the request, which say who listens.
    headers: HeaderMap,
    /// Whether who listens was told that they may not any more.
    is_over: bool,
    changes: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    ends: tokio::time::Instant,
    /// Its place among the streams.
    _place: OwnedSemaphorePermit,
}

/// What the page that listens has seen.
#[derive(Deserialize)]
struct Seen {
    since: Option<u64>,
}

async fn events(
    State(site): State<Site>,
    Query(Seen { since }): Query<Seen>,
    headers: HeaderMap,
) -> Response {
    if Visitor::of_browser(&site, &headers).await.is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(place) = std::sync::Arc::clone(&site.0.streams).try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let mut changes = site.desk().changes();
    // What changed between the page and its listening is told at once.
    if since.is_some_and(|since| since != *changes.borrow()) {
        changes.mark_changed();
    }
    let stopping = site.parts().stopping.clone();
    let ends = tokio::time::Instant::now() + LASTS;
    let stream = Stream { site, headers, is_over: false, changes, stopping, ends, _place: place };
    let told = unfold(stream, async |mut stream| {
        stream.change().await?;
        let event = Event::default().event("changed").data(stream.state().await);
        Some((Ok::<_, Infallible>(event), stream))
    });
    Sse::new(told).keep_alive(KeepAlive::default()).into_response()
}

impl Stream {
    /// Returns at the next change; `None` at the end of the stream.
    async fn change(&mut self) -> Option<()> {
        if self.is_over {
            return None;
        }
        tokio::select! {
            changed = self.changes.changed() => changed.ok()?,
            _ = self.stopping.wait_for(|stop| *stop) => return None,
            () = tokio::time::sleep_until(self.ends) => return None,
        }
        tokio::time::sleep(PAUSE).await;
        self.changes.borrow_and_update();
        Some(())
    }

    /// The calls that wait, by id and version. Whoever has been signed out since gets nothing, and
    /// nothing more: their page fetches itself, and finds that out.
    async fn state(&mut self) -> String {
        if Visitor::of_browser(&self.site, &self.headers).await.is_none() {
            self.is_over = true;
            return "[]".to_owned();
        }
        let pending = HoldFilter { pending: Some(true), limit: 200, ..HoldFilter::default() };
        let all = self.site.desk().holds(&pending);
        let state = all.iter().map(|view| format!("{} {}", view.hold.id, view.hold.version));
        serde_json::to_string(&state.collect::<Vec<_>>()).unwrap_or_default()
    }
}
