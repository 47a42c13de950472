//! Follows a gateway: what it holds is put before people, and what became of it is told to them.

use super::feed::{Follower, PeerError, Portion};
use super::gateways::{Gateway, Gateways};
use super::shelf::Shelf;
use super::wire::{AGENTS, AgentShown};
use approvals::Desk;
use dashboards::site::AgentKnown;
use events::{CallId, Envelope, Event};
use ledger::payload::{Keys, load};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long a gateway may take to say which agents it has.
const AGENTS_WITHIN: Duration = Duration::from_secs(5);

/// How long nothing is asked after a gateway did not answer.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Of how many calls it is remembered who held them.
const CALLS_MAX: usize = 50_000;

/// What was held before anybody listened here, until it is known which of it is still open: what
/// ended before is no matter of the people here.
#[derive(Debug, Default)]
struct Backlog(BTreeMap<CallId, Vec<Envelope>>);

impl Backlog {
    /// Takes an event, unless it is of a call that people here know, or of none.
    fn take(&mut self, envelope: Envelope, is_known: impl Fn(CallId) -> bool) -> Option<Envelope> {
        let Some(call) = envelope.call else { return Some(envelope) };
        if matches!(envelope.event, Event::CallHeld(_)) && !is_known(call) {
            self.0.insert(call, vec![envelope]);
            return None;
        }
        let Some(events) = self.0.get_mut(&call) else { return Some(envelope) };
        if is_end(&envelope.event) {
            self.0.remove(&call);
        } else {
            events.push(envelope);
        }
        None
    }
}

const fn is_end(event: &Event) -> bool {
    matches!(
        event,
        Event::CallDispatched(_)
            | Event::HoldExpired(_)
            | Event::HoldRefused(_)
            | Event::HoldWithdrawn(_)
    )
}

/// A gateway that is followed.
struct Hearing {
    desk: Desk,
    gateways: Gateways,
    shelf: Arc<Shelf>,
    keys: Keys,
    place: usize,
    backlog: Option<Backlog>,
}

/// Follows the gateway at this place until `stopping` becomes true.
pub async fn hear(
    (desk, keys): (Desk, Keys),
    (gateways, place): (Gateways, usize),
    shelf: Arc<Shelf>,
    mut stopping: watch::Receiver<bool>,
) {
    let Some(gateway) = gateways.all().get(place) else { return };
    let mut follower = Follower::new(Arc::clone(&gateway.peer));
    let backlog = Some(Backlog::default());
    let mut hearing = Hearing { desk, gateways: gateways.clone(), shelf, keys, place, backlog };
    loop {
        let heard = tokio::select! {
            heard = hearing.next(gateway, &mut follower) => heard,
            _ = stopping.wait_for(|stop| *stop) => return,
        };
        if let Err(error) = heard {
            if gateway.reached(false) {
                tracing::warn!(%error, "a gateway is not heard any more");
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY_AFTER) => {}
                _ = stopping.wait_for(|stop| *stop) => return,
            }
        }
    }
}

impl Hearing {
    async fn next(&mut self, gateway: &Gateway, follower: &mut Follower) -> Result<(), String> {
        let said = |error: PeerError| error.to_string();
        if !gateway.is_reached() {
            gateway.has_agents(agents(gateway).await?);
        }
        let portion = follower.read().await.map_err(said)?;
        if gateway.reached(true) {
            tracing::info!(gateway = gateway.peer.name(), "a gateway is heard");
        }
        follower.advance(&portion);
        let learnt = self.learn(portion).await;
        if learnt.is_err() {
            // It is told again from the beginning: to be told twice changes nothing.
            *follower = Follower::new(Arc::clone(&gateway.peer));
            self.backlog = Some(Backlog::default());
        }
        learnt
    }

    async fn learn(&mut self, portion: Portion) -> Result<(), String> {
        let Portion { mut events, is_last, .. } = portion;
        let desk = self.desk.clone();
        let is_known = |call| desk.hold(call).is_some();
        if let Some(backlog) = &mut self.backlog {
            events = events.into_iter().filter_map(|it| backlog.take(it, is_known)).collect();
        }
        if is_last && let Some(backlog) = self.backlog.take() {
            events.extend(backlog.0.into_values().flatten());
        }
        self.note(&events);
        let learnt = self.desk.learn(&events).await.map_err(|error| error.to_string());
        self.gateways.forget(CALLS_MAX, |call| desk.hold(call).is_some());
        self.fetch(&events);
        learnt
    }

    fn note(&self, events: &[Envelope]) {
        for envelope in events {
            let Some(call) = envelope.call else {
                if let Event::GrantOpened(_) = &envelope.event {
                    self.gateways.granted(self.place, envelope.id);
                }
                continue;
            };
            if let Event::CallHeld(_) = &envelope.event {
                self.gateways.holds(self.place, call, envelope.session);
            }
        }
    }

    /// Has in memory what people will want to see, and drops what was decided.
    fn fetch(&self, events: &[Envelope]) {
        let mut wanted = Vec::new();
        for envelope in events {
            let Some((call, session)) = envelope.call.zip(envelope.session) else { continue };
            let Some(view) = self.desk.hold(call) else { continue };
            if view.hold.state.is_final() {
                self.shelf.release(session, call);
            } else if let Some(request) = view.hold.request {
                self.shelf.keep(session, call);
                wanted.push((session, request));
            }
        }
        let (from, keys) = (Arc::clone(&self.shelf), self.keys.clone());
        // Nobody waits for it: what is not there when it is wanted is fetched then.
        drop(tokio::task::spawn_blocking(move || {
            for (session, request) in wanted {
                if let Err(error) = load(&*from, &keys, session, &request) {
                    tracing::info!(%error, "what is held cannot be shown yet");
                }
            }
        }));
    }
}

async fn agents(gateway: &Gateway) -> Result<Vec<AgentKnown>, String> {
    let answer = gateway.peer.get(AGENTS, AGENTS_WITHIN).await.map_err(|it| it.to_string())?;
    let shown: Vec<AgentShown> = serde_json::from_slice(&answer.body)
        .map_err(|_| gateway.peer.refused(&answer).to_string())?;
    let known = |it: AgentShown| AgentKnown { name: it.name, team: it.team, owner: it.owner };
    Ok(shown.into_iter().map(known).collect())
}
