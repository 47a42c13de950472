//! Erasures and legal holds over HTTP, for whoever has the operator's key.

use crate::config::KeyHash;
use crate::keeper::{Erasure, Keeper, KeeperError, Order};
use analytics::{Criterion, Selection};
use axum::extract::{Json, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Router, middleware};
use dashboards::problem;
use events::{EventId, LegalHoldLifted, LegalHoldPlaced, SessionId, Timestamp};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::watch;

/// The most bytes of a name or a reason: an event has to hold them, and a thousand sessions.
const TEXT_BYTES_MAX: usize = 4096;

/// Whether what will be on record for ever says something, and fits.
fn check(texts: &[&str]) -> Result<(), &'static str> {
    if texts.iter().any(|text| text.trim().is_empty()) {
        return Err("a name or a reason is empty, and it is for the record");
    }
    let fits = |text: &&str| text.len() <= TEXT_BYTES_MAX;
    if texts.iter().all(fits) { Ok(()) } else { Err("a name or a reason has at most 4096 bytes") }
}

/// What the routes need.
#[derive(Clone)]
struct Desk {
    keeper: Arc<Keeper>,
    key: KeyHash,
    stopping: watch::Receiver<bool>,
}

/// Serves, to whoever sends the operator's key as a bearer token:
///
/// - `POST /api/v1/erasures`: an [`ErasureAsked`]; answers an [`ErasureDone`].
/// - `GET /api/v1/legal-holds`: a list of [`HoldShown`].
/// - `POST /api/v1/legal-holds`: a [`HoldAsked`]; answers a [`HoldShown`].
/// - `DELETE /api/v1/legal-holds/{id}`: a [`LiftAsked`].
///
/// Bodies are JSON and must say so in their `content-type`, which no page of another origin can
/// without being asked for leave. An erasure goes on when its peer has gone, until `stopping`
/// becomes true; then the next start completes it.
pub fn keeper_routes(keeper: Arc<Keeper>, key: KeyHash, stopping: watch::Receiver<bool>) -> Router {
    let desk = Desk { keeper, key, stopping };
    Router::new()
        .route("/api/v1/erasures", post(erase))
        .route("/api/v1/legal-holds", get(list).post(place))
        .route("/api/v1/legal-holds/{id}", delete(lift))
        // Of these routes alone: others are merged with them.
        .route_layer(middleware::from_fn_with_state(desk.clone(), only_operator))
        .with_state(desk)
}

impl Desk {
    /// Erases in a task of its own: a peer that goes away must not leave an erasure that is on
    /// record half done until the next start.
    async fn erase(&self, order: Order) -> Result<Erasure, KeeperError> {
        let (keeper, mut stopping) = (Arc::clone(&self.keeper), self.stopping.clone());
        let erasing = tokio::spawn(async move {
            tokio::select! {
                erased = keeper.erase(order) => erased,
                _ = stopping.wait_for(|stop| *stop) => Err(KeeperError::Stopping),
            }
        });
        erasing.await.unwrap_or_else(|error| Err(error.into()))
    }
}

/// What is to be erased: what is given must all be true of a session.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureAsked {
    /// One of these sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<Vec<SessionId>>,
    /// Sessions for this person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Sessions at rest since before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Timestamp>,
    /// Why.
    pub basis: String,
    /// Who says to ask; recorded as said.
    pub by: String,
    /// Whether only to say what would be erased.
    #[serde(default)]
    pub preview: bool,
}

impl ErasureAsked {
    /// The criterion, and the same in words; an error if nothing is asked for.
    pub fn criterion(&self) -> Result<(Criterion, String), &'static str> {
        check(&[&self.basis, &self.by, self.subject.as_deref().unwrap_or("-")])?;
        let listed = self.sessions.as_ref().map(|sessions| match sessions.as_slice() {
            [one] => format!("session {one}"),
            many => format!("{} sessions by name", many.len()),
        });
        let subject = self.subject.as_ref().map(|subject| format!("subject {subject}"));
        let before = self.before.map(|before| format!("at rest since before {before}"));
        let said: Vec<String> = [listed, subject, before].into_iter().flatten().collect();
        if said.is_empty() {
            return Err("say what to erase: sessions, a subject, or an age");
        }
        let sessions = self.sessions.as_ref().map(|sessions| sessions.iter().copied().collect());
        let (subject, before) = (self.subject.clone(), self.before);
        Ok((Criterion { sessions, subject, before }, said.join(", ")))
    }
}

/// What was erased, or would be.
#[derive(Debug, Serialize, Deserialize)]
pub struct ErasureDone {
    /// How many sessions.
    pub sessions: u64,
    /// How many payloads and keys; absent in a preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payloads: Option<u64>,
    /// How many bytes they took; absent in a preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The sessions that a legal hold keeps.
    pub held: Vec<Held>,
}

/// A session that a legal hold keeps.
#[derive(Debug, Serialize, Deserialize)]
pub struct Held {
    /// The session.
    pub session: SessionId,
    /// The hold.
    pub hold: EventId,
}

/// A legal hold to be placed, on a session or on a person's sessions.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldAsked {
    /// The session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The matter it belongs to.
    pub reason: String,
    /// Who says to ask; recorded as said.
    pub by: String,
}

impl HoldAsked {
    /// The event; an error unless exactly one thing is to be kept.
    pub fn placed(self, by: Arc<str>) -> Result<LegalHoldPlaced, &'static str> {
        check(&[&self.reason, &self.by, self.subject.as_deref().unwrap_or("-")])?;
        let Self { session, subject, reason, .. } = self;
        if session.is_some() == subject.is_some() {
            return Err("say what to keep: either a session or a subject");
        }
        Ok(LegalHoldPlaced { by, reason, session, subject: subject.map(Into::into) })
    }
}

/// A legal hold in force.
#[derive(Debug, Serialize, Deserialize)]
pub struct HoldShown {
    /// Its id.
    pub id: EventId,
    /// What it says.
    #[serde(flatten)]
    pub hold: LegalHoldPlaced,
}

/// Why a legal hold is lifted.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiftAsked {
    /// Why.
    pub reason: String,
    /// Who says to ask; recorded as said.
    pub by: String,
}

impl LiftAsked {
    /// The event.
    pub fn lifted(self, hold: EventId, by: Arc<str>) -> Result<LegalHoldLifted, &'static str> {
        check(&[&self.reason, &self.by])?;
        Ok(LegalHoldLifted { by, hold, reason: self.reason })
    }
}

async fn only_operator(
    State(desk): State<Desk>,
    headers: HeaderMap,
    request: axum::extract::Request,
    next: middleware::Next,
) -> Response {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = authorization.and_then(|value| value.strip_prefix("Bearer "));
    if key.is_some_and(|key| KeyHash::of(key) == desk.key) {
        return next.run(request).await;
    }
    let detail = "send the operator's key as `Authorization: Bearer …`; it is in \
                  `keys/operator.key` in the gateway's data folder";
    problem(StatusCode::UNAUTHORIZED, &detail)
}

async fn erase(State(desk): State<Desk>, Json(asked): Json<ErasureAsked>) -> Response {
    let (criterion, said) = match asked.criterion() {
        Ok(criterion) => criterion,
        Err(detail) => return problem(StatusCode::UNPROCESSABLE_ENTITY, &detail),
    };
    let done = if asked.preview {
        desk.keeper.preview(&criterion).await.map(preview)
    } else {
        let order = Order { criterion, said, by: by(&asked.by), basis: asked.basis };
        desk.erase(order).await.map(done)
    };
    done.map_or_else(|error| failed(&error), |done| Json(done).into_response())
}

/// What would be erased, as it is told.
pub fn preview(selection: Selection) -> ErasureDone {
    ErasureDone {
        sessions: u64::try_from(selection.sessions.len()).unwrap_or(u64::MAX),
        payloads: None,
        bytes: None,
        held: held(selection.held),
    }
}

/// What was erased, as it is told.
pub fn done(erasure: Erasure) -> ErasureDone {
    let Erasure { sessions, payloads, bytes, held: kept } = erasure;
    ErasureDone { sessions, payloads: Some(payloads), bytes: Some(bytes), held: held(kept) }
}

fn held(held: Vec<(SessionId, EventId)>) -> Vec<Held> {
    held.into_iter().map(|(session, hold)| Held { session, hold }).collect()
}

async fn list(State(desk): State<Desk>) -> Response {
    let holds = desk.keeper.holds().await;
    let shown = |(id, hold)| HoldShown { id, hold };
    holds.map_or_else(
        |error| failed(&error),
        |holds| Json(holds.into_iter().map(shown).collect::<Vec<_>>()).into_response(),
    )
}

async fn place(State(desk): State<Desk>, Json(asked): Json<HoldAsked>) -> Response {
    let by = by(&asked.by);
    let hold = match asked.placed(by) {
        Ok(hold) => hold,
        Err(detail) => return problem(StatusCode::UNPROCESSABLE_ENTITY, &detail),
    };
    match desk.keeper.place(hold.clone()).await {
        Ok(id) => (StatusCode::CREATED, Json(HoldShown { id, hold })).into_response(),
        Err(error) => failed(&error),
    }
}

async fn lift(
    State(desk): State<Desk>,
    Path(hold): Path<EventId>,
    Json(asked): Json<LiftAsked>,
) -> Response {
    let by = by(&asked.by);
    let lifted = match asked.lifted(hold, by) {
        Ok(lifted) => lifted,
        Err(detail) => return problem(StatusCode::UNPROCESSABLE_ENTITY, &detail),
    };
    match desk.keeper.lift(lifted).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => failed(&error),
    }
}

/// Who asks: the key proves an operator, the name is only said.
fn by(said: &str) -> Arc<str> {
    format!("operator ({said})").into()
}

fn failed(error: &KeeperError) -> Response {
    let status = match error {
        KeeperError::NoHold(_) | KeeperError::NoSession(_) => StatusCode::NOT_FOUND,
        KeeperError::Record(_) | KeeperError::Unfinished(_) | KeeperError::Stopping => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        KeeperError::Read(_) | KeeperError::Fold(_) | KeeperError::Broken(_) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    problem(status, error)
}

#[cfg(test)]
mod tests;
