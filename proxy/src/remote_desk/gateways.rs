//! The side of the service: the gateways, which of them holds what, and how they are asked.

use super::feed::{Answer, Peer, PeerError};
use super::wire::{CarriedOut, ORDERS, Refused};
use crate::config::Counterpart;
use crate::upstream::TlsError;
use approvals::{Carried, CommandError, Holder, Order};
use dashboards::site::AgentKnown;
use events::{CallId, EventId, SessionId};
use http::StatusCode;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a gateway may take to answer while a person waits.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The gateways; cheap to clone.
#[derive(Clone, Debug)]
pub struct Gateways(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    all: Vec<Gateway>,
    held: Mutex<Held>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) peer: Arc<Peer>,
    is_reached: AtomicBool,
    agents: Mutex<Vec<AgentKnown>>,
}

/// Which gateway has what: by its place in the list.
#[derive(Debug, Default)]
struct Held {
    calls: BTreeMap<CallId, usize>,
    sessions: BTreeMap<SessionId, usize>,
    grants: BTreeMap<EventId, usize>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gateways {
    /// The gateways of a configuration, in its order.
    pub fn new(counterparts: &[Counterpart]) -> Result<Self, TlsError> {
        let gateway = |counterpart| {
            let peer = Arc::new(Peer::new(counterpart)?);
            let (is_reached, agents) = (AtomicBool::new(false), Mutex::default());
            Ok(Gateway { peer, is_reached, agents })
        };
        let all = counterparts.iter().map(gateway).collect::<Result<_, TlsError>>()?;
        Ok(Self(Arc::new(Inner { all, held: Mutex::default() })))
    }

    pub(super) fn all(&self) -> &[Gateway] {
        &self.0.all
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.all.len()
    }

    /// The names of those that do not answer.
    pub fn away(&self) -> Vec<&str> {
        let away = self.0.all.iter().filter(|gateway| !gateway.is_reached());
        away.map(|gateway| gateway.peer.name()).collect()
    }

    /// Every agent of every gateway that was reached once.
    pub(super) fn agents(&self) -> Vec<AgentKnown> {
        self.0.all.iter().flat_map(|gateway| locked(&gateway.agents).clone()).collect()
    }

    /// A gateway holds a call.
    pub(super) fn holds(&self, gateway: usize, call: CallId, session: Option<SessionId>) {
        let mut held = locked(&self.0.held);
        held.calls.insert(call, gateway);
        if let Some(session) = session {
            held.sessions.insert(session, gateway);
        }
    }

    /// A gateway has opened a grant.
    pub(super) fn granted(&self, gateway: usize, grant: EventId) {
        locked(&self.0.held).grants.insert(grant, gateway);
    }

    /// Forgets who held calls that nobody asks for any more, where these are too many.
    pub(super) fn forget(&self, most: usize, is_wanted: impl Fn(CallId) -> bool) {
        let mut held = locked(&self.0.held);
        if most < held.calls.len() {
            held.calls.retain(|call, _| is_wanted(*call));
        }
        while most < held.sessions.len() {
            held.sessions.pop_first();
        }
    }

    /// Who holds a call, as far as is known.
    pub(super) fn holder(&self, call: CallId) -> Option<&Gateway> {
        let place = locked(&self.0.held).calls.get(&call).copied()?;
        self.0.all.get(place)
    }

    /// Who has a session, as far as is known.
    pub(super) fn keeper(&self, session: SessionId) -> Option<&Gateway> {
        let place = locked(&self.0.held).sessions.get(&session).copied()?;
        self.0.all.get(place)
    }

    fn of(&self, order: &Order) -> Option<&Gateway> {
        match order {
            Order::BreakGlass(call, _)
            | Order::Edit(call, _)
            | Order::OpenGrant(call, _)
            | Order::TakeBack(call, ..)
            | Order::Withdraw(call, ..) => self.holder(*call),
            Order::RevokeGrant(grant, ..) => {
                let place = locked(&self.0.held).grants.get(grant).copied()?;
                self.0.all.get(place)
            }
        }
    }
}

impl Gateway {
    /// Whether it answered last.
    pub(super) fn is_reached(&self) -> bool {
        self.is_reached.load(Ordering::Relaxed)
    }

    /// It answered, or did not; whether that is news.
    pub(super) fn reached(&self, is_reached: bool) -> bool {
        self.is_reached.swap(is_reached, Ordering::Relaxed) != is_reached
    }

    pub(super) fn has_agents(&self, agents: Vec<AgentKnown>) {
        *locked(&self.agents) = agents;
    }

    /// Posts what a person wants, and reads what it came to.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        content: &(impl serde::Serialize + Sync),
    ) -> Result<T, CommandError> {
        let answer = self.peer.post(path, content, PATIENCE).await.map_err(|it| unheard(&it))?;
        self.read(&answer)
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, CommandError> {
        if answer.status == StatusCode::OK {
            let read = serde_json::from_slice(&answer.body);
            return read.map_err(|_| unheard(&self.peer.refused(answer)));
        }
        let refused = serde_json::from_slice::<Refused>(&answer.body).ok();
        let refused = refused.filter(|_| answer.status == StatusCode::CONFLICT);
        match refused {
            Some(Refused { detail }) => Err(CommandError::Elsewhere { answered: true, detail }),
            None => Err(unheard(&self.peer.refused(answer))),
        }
    }
}

fn unheard(error: &PeerError) -> CommandError {
    CommandError::Elsewhere { answered: false, detail: error.to_string() }
}

impl Holder for Gateways {
    fn carry_out(&self, order: Order) -> Carried<'_> {
        Box::pin(async move {
            let gateway = self.of(&order).ok_or_else(|| CommandError::Elsewhere {
                answered: false,
                detail: "the gateway that holds the call was not heard of since the start".into(),
            })?;
            let CarriedOut { grant } = gateway.post(ORDERS, &order).await?;
            Ok(grant)
        })
    }
}
