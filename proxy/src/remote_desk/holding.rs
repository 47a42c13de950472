//! The side of a gateway: answers what the service asks about the calls that are held here, and
//! takes what people said there.

use super::feed::{Follower, Peer};
use super::wire::{
    AGENTS, AgentShown, CHECKS, CarriedOut, Check, Checked, ORDERS, PAYLOADS, POLICIES,
    PoliciesShown, Refused, SALTS, STORIES, TOOLS, ToolNamed, ToolShown,
};
use approvals::{CommandError, Desk, Edit, Hold, Order};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Json, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use dashboards::problem;
use dashboards::site::{Backstage, Edited, session_before};
use events::{CallId, Digest, EventId, PayloadRef, SessionId};
use http::{StatusCode, header};
use ledger::Ledger;
use ledger::payload::{load, load_salt};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The most bytes of an order: the arguments of a call may be large.
const ORDER_BYTES_MAX: usize = 64 << 20;

/// How long nothing is asked after the service did not answer.
const RETRY_AFTER: Duration = Duration::from_millis(500);

#[derive(Clone)]
struct Holding {
    ledger: Ledger,
    desk: Desk,
    backstage: Arc<dyn Backstage>,
}

/// Serves what `wire` says below `/api/v1/held/`. It is for `feed::only_counterparts` to let nobody
/// else in than the service.
pub fn holder_routes((ledger, desk): (&Ledger, &Desk), backstage: Arc<dyn Backstage>) -> Router {
    let holding = Holding { ledger: ledger.clone(), desk: desk.clone(), backstage };
    Router::new()
        .route(ORDERS, post(order))
        .route(CHECKS, post(check))
        .route(TOOLS, get(tool))
        .route(AGENTS, get(agents))
        .route(POLICIES, get(policies))
        .route(&format!("{SALTS}/{{session}}"), get(salt))
        .route(&format!("{PAYLOADS}/{{session}}/{{digest}}"), get(payload))
        .route(&format!("{STORIES}/{{call}}"), get(story))
        .layer(DefaultBodyLimit::max(ORDER_BYTES_MAX))
        .with_state(holding)
}

async fn order(State(holding): State<Holding>, Json(order): Json<Order>) -> Response {
    match holding.carry_out(order).await {
        Ok(grant) => Json(CarriedOut { grant }).into_response(),
        Err(error) => refused(&error),
    }
}

async fn check(State(holding): State<Holding>, Json(check): Json<Check>) -> Response {
    match holding.edited(check.hold, check.arguments).await {
        Ok((_, Edited { arguments, text, request: _ })) => {
            Json(Checked { arguments, text }).into_response()
        }
        Err(error) => refused(&error),
    }
}

fn refused(error: &CommandError) -> Response {
    let status = match error {
        CommandError::Record(_) | CommandError::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        CommandError::Unknown
        | CommandError::Refused(_)
        | CommandError::Grant(_)
        | CommandError::Delegation(_)
        | CommandError::Elsewhere { .. } => StatusCode::CONFLICT,
    };
    (status, Json(Refused { detail: error.to_string() })).into_response()
}

impl Holding {
    /// Has it done at the desk, which checks the rights that are in force here.
    async fn carry_out(&self, order: Order) -> Result<Option<EventId>, CommandError> {
        let desk = &self.desk;
        match order {
            Order::BreakGlass(hold, ballot) => desk.break_glass(hold, ballot).await?,
            Order::TakeBack(hold, voter, reason) => desk.take_back(hold, voter, reason).await?,
            Order::Withdraw(hold, by, reason) => desk.withdraw(hold, by, reason).await?,
            Order::OpenGrant(hold, wish) => return desk.open_grant(hold, wish).await.map(Some),
            Order::RevokeGrant(grant, voter, reason) => {
                return desk.revoke_grant(grant, voter, reason).await.map(|()| None);
            }
            Order::Edit(hold, wanted) => {
                let (_, made) = self.edited(hold, wanted.arguments.to_string()).await?;
                let edit = Edit {
                    voter: wanted.voter,
                    shown: wanted.shown,
                    version: wanted.version,
                    arguments: made.arguments,
                    text: made.text,
                    request: made.request,
                    reason: wanted.reason,
                };
                desk.edit(hold, edit).await?
            }
        };
        Ok(None)
    }

    /// The request of a hold with other arguments.
    async fn edited(
        &self,
        hold: CallId,
        arguments: String,
    ) -> Result<(Hold, Edited), CommandError> {
        let hold = self.desk.hold(hold).ok_or(CommandError::Unknown)?.hold;
        let holding = self.clone();
        let work = move || {
            let reference = hold.request.ok_or("it has no content")?;
            let (reader, keys) = (holding.ledger.reader(), holding.ledger.keys());
            let request = load(&**reader, keys, hold.session, &reference);
            let request = request.map_err(|error| error.to_string())?;
            let request = request.ok_or("what was asked for is not kept any more")?;
            let edited = holding.backstage.edit(&hold, &request, &arguments)?;
            Ok::<_, String>((hold, edited))
        };
        let made = tokio::task::spawn_blocking(work).await.map_err(|_| CommandError::Stopping)?;
        made.map_err(|detail| CommandError::Elsewhere { answered: true, detail })
    }
}

async fn tool(State(holding): State<Holding>, Query(named): Query<ToolNamed>) -> Response {
    match holding.backstage.tool(&named.server, &named.tool) {
        Some(tool) => Json(ToolShown { digest: tool.digest, text: tool.text }).into_response(),
        None => problem(StatusCode::NOT_FOUND, &"its server did not describe such a tool"),
    }
}

async fn agents(State(holding): State<Holding>) -> Json<Vec<AgentShown>> {
    let agents = holding.backstage.agents().into_iter();
    Json(agents.map(|it| AgentShown { name: it.name, team: it.team, owner: it.owner }).collect())
}

async fn policies(State(holding): State<Holding>) -> Response {
    let read = move || {
        holding.backstage.policies().map(|it| PoliciesShown {
            digest: it.digest,
            count: it.count,
            shadowed: it.shadowed,
            files: it.files,
        })
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(shown) => Json(shown).into_response(),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error),
    }
}

/// Bytes out of the ledger's payloads.
async fn stored<E: Display + Send + 'static>(
    read: impl FnOnce() -> Result<Option<Vec<u8>>, E> + Send + 'static,
) -> Response {
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(Some(content))) => {
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, content).into_response()
        }
        Ok(Ok(None)) => problem(StatusCode::NOT_FOUND, &"it is not kept, or not any more"),
        Ok(Err(error)) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error),
    }
}

async fn salt(State(holding): State<Holding>, Path(session): Path<SessionId>) -> Response {
    let ledger = holding.ledger;
    let read = move || load_salt(&**ledger.reader(), ledger.keys(), session);
    stored(move || read().map(|salt| salt.map(|salt| salt.to_bytes().to_vec()))).await
}

async fn payload(
    State(holding): State<Holding>,
    Path((session, digest)): Path<(SessionId, Digest)>,
) -> Response {
    let ledger = holding.ledger;
    let reference = PayloadRef { bytes: 0, digest, discarded: false };
    stored(move || load(&**ledger.reader(), ledger.keys(), session, &reference)).await
}

async fn story(State(holding): State<Holding>, Path(call): Path<CallId>) -> Response {
    let Some(view) = holding.desk.hold(call) else {
        return problem(StatusCode::NOT_FOUND, &"there is no such hold");
    };
    let ledger = holding.ledger;
    let read = move || {
        let records = session_before(&**ledger.reader(), &view.hold);
        Ok::<_, std::convert::Infallible>(Some(records.join(&b"\n"[..])))
    };
    stored(read).await
}

/// Takes what people say at the service, in its order, until `stopping` becomes true. What does not
/// count here is passed over; what cannot be recorded is tried again, and nothing behind it before.
pub async fn take_words(desk: Desk, service: Arc<Peer>, mut stopping: watch::Receiver<bool>) {
    let mut follower = Follower::new(Arc::clone(&service));
    let mut is_heard = None;
    loop {
        let read = tokio::select! {
            read = follower.read() => read,
            _ = stopping.wait_for(|stop| *stop) => return,
        };
        let taken = match read {
            Ok(portion) => take(&desk, &portion.events).await.map(|()| portion),
            Err(error) => Err(error.to_string()),
        };
        match taken {
            Ok(portion) => {
                if is_heard.replace(true) != Some(true) {
                    tracing::info!("the service where people decide is heard");
                }
                follower.advance(&portion);
            }
            Err(error) => {
                if is_heard.replace(false) != Some(false) {
                    tracing::warn!(%error, "what people decide is not heard");
                }
                tokio::select! {
                    () = tokio::time::sleep(RETRY_AFTER) => {}
                    _ = stopping.wait_for(|stop| *stop) => return,
                }
            }
        }
    }
}

async fn take(desk: &Desk, said: &[events::Envelope]) -> Result<(), String> {
    for said in said {
        match desk.take_word(said).await {
            Ok(()) => {}
            Err(error @ (CommandError::Record(_) | CommandError::Stopping)) => {
                return Err(error.to_string());
            }
            // It came too late, or is on what is not decided on any more.
            Err(error) => {
                let event = said.id;
                tracing::info!(%event, %error, "what a person said does not count");
            }
        }
    }
    Ok(())
}
