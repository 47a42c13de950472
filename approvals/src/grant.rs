//! Calls of a kind that a person allowed for a time; pure.

mod shape;

pub use shape::{NotCovered, Rule, Shape};

use crate::roster::same_email;
use events::{CallId, Envelope, Event, EventId, GrantOpened, SessionId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A grant for calls of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What was opened.
    pub fact: GrantOpened,
    /// The session that the shape is kept with.
    pub session: Option<SessionId>,
    /// When.
    pub at: Timestamp,
    /// The calls that were made by it.
    pub used: BTreeSet<CallId>,
    /// Why it ended before its time, if it did.
    pub ended: Option<Arc<str>>,
    /// The calls that are about to be made by it.
    reserved: BTreeSet<CallId>,
}

impl Grant {
    /// How many more calls may be made by it.
    pub fn left(&self) -> usize {
        let budget = usize::try_from(self.fact.budget).unwrap_or(usize::MAX);
        budget.saturating_sub(self.used.union(&self.reserved).count())
    }

    /// Whether calls may be made by it.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.fact.until && self.left() > 0
    }
}

/// Which calls a grant is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Sought<'a> {
    /// The agent.
    pub agent: &'a str,
    /// The person it acts for.
    pub owner: &'a str,
    /// The tool server.
    pub upstream: &'a str,
    /// The tool.
    pub target: &'a str,
}

/// All grants for calls of a kind; a fold, but for what is reserved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(BTreeMap<EventId, Grant>);

impl Grants {
    /// Takes notice of an event on record; those of other matters change nothing.
    pub fn apply(&mut self, envelope: &Envelope) {
        if let Event::GrantOpened(fact) = &envelope.event {
            let grant = Grant {
                fact: fact.clone(),
                session: envelope.session,
                at: envelope.time,
                used: BTreeSet::new(),
                ended: None,
                reserved: BTreeSet::new(),
            };
            self.0.entry(envelope.id).or_insert(grant);
        } else if let Event::GrantRevoked(fact) = &envelope.event {
            if let Some(grant) = self.0.get_mut(&fact.grant) {
                grant.ended = Some(format!("{}: {}", fact.by.email, fact.reason).into());
            }
        } else if let Event::CallDispatched(fact) = &envelope.event {
            if let Some((grant, call)) = fact.grant.zip(envelope.call) {
                self.settle(grant, call);
            }
        } else if let Event::PersonRevoked(fact) = &envelope.event {
            let end = |grant: &Grant| same_email(&grant.fact.by.email, &fact.email);
            self.end_all("who opened it was revoked", end);
        } else if let Event::AgentRevoked(fact) = &envelope.event {
            self.end_all("the agent was revoked", |grant| grant.fact.agent == fact.agent);
        }
    }

    fn end_all(&mut self, why: &str, is_meant: impl Fn(&Grant) -> bool) {
        for grant in self.0.values_mut().filter(|grant| grant.ended.is_none() && is_meant(grant)) {
            grant.ended = Some(why.into());
        }
    }

    /// The grants that calls may be made by, for an agent's calls of a tool.
    pub fn open_for(
        &self,
        sought: Sought<'_>,
        now: Timestamp,
    ) -> impl Iterator<Item = (EventId, &Grant)> {
        self.all().filter(move |(_, grant)| {
            let fact = &grant.fact;
            grant.is_open(now)
                && *fact.agent == *sought.agent
                && same_email(&fact.owner, sought.owner)
                && *fact.upstream == *sought.upstream
                && *fact.target == *sought.target
        })
    }

    /// All grants, the oldest first.
    pub fn all(&self) -> impl Iterator<Item = (EventId, &Grant)> {
        self.0.iter().map(|(id, grant)| (*id, grant))
    }

    /// A grant.
    pub fn get(&self, id: EventId) -> Option<&Grant> {
        self.0.get(&id)
    }

    /// Sets one call of a grant's budget aside; false if none is left.
    pub fn reserve(&mut self, id: EventId, call: CallId, now: Timestamp) -> bool {
        let grant = self.0.get_mut(&id).filter(|grant| grant.is_open(now));
        grant.is_some_and(|grant| grant.reserved.insert(call))
    }

    /// A call that was set aside was made, or may have been.
    pub fn settle(&mut self, id: EventId, call: CallId) {
        if let Some(grant) = self.0.get_mut(&id) {
            grant.reserved.remove(&call);
            grant.used.insert(call);
        }
    }

    /// A call that was set aside was not made.
    pub fn release(&mut self, id: EventId, call: CallId) {
        if let Some(grant) = self.0.get_mut(&id) {
            grant.reserved.remove(&call);
        }
    }
}

#[cfg(test)]
mod tests;
