//! Which sessions have payloads, whom they concern, and what keeps them or asks for their erasure.

use crate::projection::Projection;
use events::{Envelope, EraseRequested, Event, EventId, LegalHoldPlaced, SessionId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a session used, which may decide how long its payloads are kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Used {
    /// A model, by the name asked for.
    Model(Arc<str>),
    /// A tool.
    Tool {
        /// Its server.
        server: Arc<str>,
        /// Its name there.
        tool: Arc<str>,
    },
}

/// A session with payloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The people it was for: an agent may get another owner while its conversation goes on.
    pub subjects: BTreeSet<Arc<str>>,
    /// When its last event was recorded.
    pub last: Timestamp,
    /// What it used.
    pub used: BTreeSet<Used>,
    /// Whether there may be payloads now, or a key: what is discarded still has a salt, with which
    /// content can be guessed.
    has_payloads: bool,
}

/// Which sessions' payloads are meant; what is said must all be true of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Criterion {
    /// One of these.
    pub sessions: Option<BTreeSet<SessionId>>,
    /// For this person.
    pub subject: Option<String>,
    /// At rest since before this time.
    pub before: Option<Timestamp>,
}

/// The answer to a [`Criterion`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Those whose payloads may be erased, in order.
    pub sessions: Vec<SessionId>,
    /// Those that a legal hold keeps, each with the hold.
    pub held: Vec<(SessionId, EventId)>,
}

/// The projection; see the module. It grows with the sessions that have payloads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    sessions: BTreeMap<SessionId, Kept>,
    holds: BTreeMap<EventId, LegalHoldPlaced>,
    unfinished: BTreeMap<EventId, EraseRequested>,
}

impl Keeping {
    /// Whether the ledger has events of a session.
    pub fn knows(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session)
    }

    /// The sessions that have payloads.
    pub fn sessions(&self) -> impl Iterator<Item = (SessionId, &Kept)> {
        let kept = self.sessions.iter().filter(|(_, kept)| kept.has_payloads);
        kept.map(|(session, kept)| (*session, kept))
    }

    /// The legal holds in force, by the event that placed each.
    pub const fn holds(&self) -> &BTreeMap<EventId, LegalHoldPlaced> {
        &self.holds
    }

    /// Erasures that were asked for and are not known to be done, each with the sessions that are
    /// left: a crash came between, or a hold.
    pub const fn unfinished(&self) -> &BTreeMap<EventId, EraseRequested> {
        &self.unfinished
    }

    /// Takes note that these sessions of a request are erased; others may still be held.
    fn account(&mut self, request: EventId, erased: &[SessionId]) {
        if let Some(asked) = self.unfinished.get_mut(&request) {
            asked.sessions.retain(|session| !erased.contains(session));
            if asked.sessions.is_empty() {
                self.unfinished.remove(&request);
            }
        }
    }

    /// The sessions that fit and have payloads.
    pub fn select(&self, criterion: &Criterion) -> Selection {
        self.pick(|session, kept| {
            criterion.sessions.as_ref().is_none_or(|sessions| sessions.contains(&session))
                && criterion.subject.as_ref().is_none_or(|it| kept.subjects.contains(it.as_str()))
                && criterion.before.is_none_or(|before| kept.last < before)
        })
    }

    /// The sessions with payloads for which `fits` says yes.
    pub fn pick(&self, fits: impl Fn(SessionId, &Kept) -> bool) -> Selection {
        let mut selection = Selection::default();
        for (session, kept) in self.sessions().filter(|(session, kept)| fits(*session, kept)) {
            match self.hold_on(session, kept) {
                Some(hold) => selection.held.push((session, hold)),
                None => selection.sessions.push(session),
            }
        }
        selection
    }

    /// The legal hold that keeps a session, if one does.
    pub fn held(&self, session: SessionId) -> Option<EventId> {
        self.sessions.get(&session).and_then(|kept| self.hold_on(session, kept))
    }

    fn hold_on(&self, session: SessionId, kept: &Kept) -> Option<EventId> {
        let holds = |hold: &LegalHoldPlaced| {
            let of_person = hold.subject.as_ref().is_some_and(|it| kept.subjects.contains(it));
            hold.session == Some(session) || of_person
        };
        self.holds.iter().find(|(_, hold)| holds(hold)).map(|(id, _)| *id)
    }

    fn note(&mut self, session: SessionId, envelope: &Envelope) {
        let kept = self.sessions.entry(session).or_insert_with(|| Kept {
            subjects: BTreeSet::new(),
            last: envelope.time,
            used: BTreeSet::new(),
            has_payloads: false,
        });
        kept.last = kept.last.max(envelope.time);
        kept.has_payloads |= envelope.event.payload().is_some();
        let (owner, used) = told(&envelope.event);
        kept.used.extend(used);
        kept.subjects.extend(owner.cloned());
    }
}

/// For whom an event is, and what was used.
fn told(event: &Event) -> (Option<&Arc<str>>, Option<Used>) {
    let of_tool = |server: Option<&Arc<str>>, tool: Option<&Arc<str>>| {
        let (server, tool) = server.zip(tool)?;
        Some(Used::Tool { server: Arc::clone(server), tool: Arc::clone(tool) })
    };
    let of_model = |model: &Option<Arc<str>>| model.clone().map(Used::Model);
    if let Event::CallDispatched(fact) = event {
        let tool = || of_tool(Some(&fact.upstream), fact.target.as_ref());
        (Some(&fact.principal.owner), of_model(&fact.model).or_else(tool))
    } else if let Event::CallDenied(fact) = event {
        let tool = || of_tool(fact.upstream.as_ref(), fact.target.as_ref());
        (Some(&fact.principal.owner), of_model(&fact.model).or_else(tool))
    } else if let Event::CallHeld(fact) = event {
        let tool = || of_tool(Some(&fact.upstream), fact.target.as_ref());
        (Some(&fact.principal.owner), of_model(&fact.model).or_else(tool))
    } else if let Event::MessageRelayed(fact) = event {
        (Some(&fact.principal.owner), None)
    } else {
        (None, None)
    }
}

impl Projection for Keeping {
    fn apply(&mut self, envelope: &Envelope) {
        if let Event::LegalHoldPlaced(hold) = &envelope.event {
            self.holds.insert(envelope.id, hold.clone());
        } else if let Event::LegalHoldLifted(lifted) = &envelope.event {
            self.holds.remove(&lifted.hold);
        } else if let Event::EraseRequested(requested) = &envelope.event {
            self.unfinished.insert(envelope.id, requested.clone());
        } else if let Event::PayloadErased(erased) = &envelope.event {
            if let Some(request) = envelope.cause {
                self.account(request, &erased.sessions);
            }
            for session in &erased.sessions {
                // Whom it was for must still be known if it goes on.
                if let Some(kept) = self.sessions.get_mut(session) {
                    kept.has_payloads = false;
                }
            }
        } else if let Some(session) = envelope.session {
            self.note(session, envelope);
        }
    }
}

#[cfg(test)]
mod tests;
