//! Picks the calls of one session out of a ledger, so that memory grows with the session and not
//! with the ledger. It takes up to three readings: which session, which calls, their events.

use crate::calls::Calls;
use crate::projection::Projection;
use events::{CallId, Envelope, Event, SessionId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The session of the newest model call or tool call.
    Latest,
    /// The session that this call belongs to.
    Call(CallId),
}

/// First reading: which session is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locator {
    wanted: Wanted,
    session: Option<SessionId>,
}

impl Locator {
    /// Looks for this.
    pub const fn new(wanted: Wanted) -> Self {
        Self { wanted, session: None }
    }

    /// The session, if it was found.
    pub const fn session(&self) -> Option<SessionId> {
        self.session
    }
}

impl Projection for Locator {
    fn apply(&mut self, envelope: &Envelope) {
        let fits = match (self.wanted, &envelope.event) {
            (Wanted::Latest, Event::CallDispatched(fact)) => fact.operation.is_act(),
            (Wanted::Latest, Event::CallHeld(fact)) => fact.operation.is_act(),
            (Wanted::Latest, _) => false,
            (Wanted::Call(id), _) => self.session.is_none() && envelope.call == Some(id),
        };
        if fits && envelope.session.is_some() {
            self.session = envelope.session;
        }
    }
}

/// Second reading: the calls of a session, and those that its calls caused elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    session: SessionId,
    calls: BTreeSet<CallId>,
}

impl Members {
    /// The members of this session.
    pub const fn new(session: SessionId) -> Self {
        Self { session, calls: BTreeSet::new() }
    }

    fn wants(&self, envelope: &Envelope) -> bool {
        if envelope.session == Some(self.session) {
            return true;
        }
        let has = |id: &CallId| self.calls.contains(id);
        if let Event::FindingRaised(finding) = &envelope.event
            && finding.evidence.iter().any(has)
        {
            return true;
        }
        if let Event::MessageRelayed(message) = &envelope.event
            && message.call.as_ref().is_some_and(has)
        {
            return true;
        }
        envelope.call.as_ref().is_some_and(has)
    }
}

impl Projection for Members {
    fn apply(&mut self, envelope: &Envelope) {
        let Some(call) = envelope.call else { return };
        if let Event::CallLinked(link) = &envelope.event
            && self.calls.contains(&link.cause)
        {
            self.calls.insert(call);
        }
        if envelope.session == Some(self.session) {
            self.calls.insert(call);
        }
    }
}

/// Third reading: the rows of those calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCalls {
    members: Members,
    calls: Calls,
    erased: BTreeMap<SessionId, Timestamp>,
}

impl SessionCalls {
    /// The rows of these members.
    pub fn new(members: Members) -> Self {
        Self { members, calls: Calls::default(), erased: BTreeMap::new() }
    }

    /// The session.
    pub const fn session(&self) -> SessionId {
        self.members.session
    }

    /// Its calls.
    pub const fn calls(&self) -> &Calls {
        &self.calls
    }

    /// When payloads of these sessions were erased last.
    pub const fn erased(&self) -> &BTreeMap<SessionId, Timestamp> {
        &self.erased
    }
}

impl Projection for SessionCalls {
    fn apply(&mut self, envelope: &Envelope) {
        // Which grants of a kind its calls use is known only from the calls.
        let is_grant = matches!(envelope.event, Event::GrantOpened(_));
        if is_grant || self.members.wants(envelope) {
            self.calls.apply(envelope);
        }
        if let Event::PayloadErased(fact) = &envelope.event {
            for session in &fact.sessions {
                if self.calls.iter().any(|call| call.session == Some(*session)) {
                    self.erased.insert(*session, envelope.time);
                }
            }
        }
    }
}
