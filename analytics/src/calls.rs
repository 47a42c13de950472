//! One row per call: who asked what, what was decided, how it ended, and what caused it.

mod call;

pub use call::{Asked, Call, Grant, Outcome, Relayed};

use crate::hold::Hold;
use crate::projection::Projection;
use events::{CallDispatched, CallId, Envelope, Event, EventId, FindingRaised};
use std::collections::BTreeMap;

/// All calls, folded from events. Input that was refused never became a call and is not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    rows: BTreeMap<CallId, Call>,
    findings: Vec<FindingRaised>,
    grants: BTreeMap<EventId, Grant>,
    strays: u64,
}

impl Calls {
    /// The call with this id.
    pub fn get(&self, id: CallId) -> Option<&Call> {
        self.rows.get(&id)
    }

    /// Every call, by its id.
    pub fn iter(&self) -> impl Iterator<Item = &Call> {
        self.rows.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Findings that concern none of these calls.
    pub fn findings(&self) -> &[FindingRaised] {
        &self.findings
    }

    /// Grants of a kind, by the event that opened each.
    pub const fn grants(&self) -> &BTreeMap<EventId, Grant> {
        &self.grants
    }

    /// How many events told of a call that was never asked, or ended one a second time. In a whole
    /// ledger it is zero.
    pub const fn strays(&self) -> u64 {
        self.strays
    }

    fn dispatched(&mut self, envelope: &Envelope, fact: &CallDispatched) {
        let asked = Asked::Dispatched(fact.clone());
        let row = envelope.call.and_then(|id| self.rows.get_mut(&id));
        match row {
            Some(Call { asked: known @ Asked::Held(_), hold: Some(hold), .. }) => {
                *known = asked;
                hold.dispatch(envelope.time);
            }
            Some(_) => self.strays += 1,
            None => self.asked(envelope, asked),
        }
    }

    fn of_hold(&mut self, envelope: &Envelope) {
        let Some(call) = self.row(envelope.call) else { return };
        let follows = call.hold.as_mut().is_some_and(|hold| hold.apply(envelope));
        if !follows {
            self.strays += 1;
        }
    }

    fn asked(&mut self, envelope: &Envelope, asked: Asked) {
        let Some(id) = envelope.call.filter(|id| !self.rows.contains_key(id)) else {
            self.strays += 1;
            return;
        };
        let hold = match &asked {
            Asked::Held(held) => Some(Box::new(Hold::new(held.clone(), envelope.time))),
            Asked::Dispatched(_) | Asked::Denied(_) => None,
        };
        let call = Call {
            id,
            sequence: envelope.sequence,
            time: envelope.time,
            session: envelope.session,
            asked,
            hold,
            outcome: None,
            links: Vec::new(),
            findings: Vec::new(),
            relayed: Vec::new(),
        };
        self.rows.insert(id, call);
    }

    fn row(&mut self, id: Option<CallId>) -> Option<&mut Call> {
        let row = id.and_then(|id| self.rows.get_mut(&id));
        if row.is_none() {
            self.strays += 1;
        }
        row
    }

    fn ended(&mut self, envelope: &Envelope, outcome: Outcome) {
        let Some(call) = self.row(envelope.call) else { return };
        if call.outcome.is_some() {
            self.strays += 1;
        } else {
            call.outcome = Some(outcome);
        }
    }

    fn found(&mut self, subject: Option<CallId>, finding: &FindingRaised) {
        let mut shown = subject.into_iter().chain(finding.evidence.iter().copied());
        match shown.find(|id| self.rows.contains_key(id)).and_then(|id| self.rows.get_mut(&id)) {
            Some(call) => call.findings.push(finding.clone()),
            None => self.findings.push(finding.clone()),
        }
    }
}

impl Projection for Calls {
    #[expect(clippy::wildcard_enum_match_arm, reason = "most kinds are about no call")]
    fn apply(&mut self, envelope: &Envelope) {
        match &envelope.event {
            Event::CallDispatched(fact) => self.dispatched(envelope, fact),
            Event::CallDenied(fact) => self.asked(envelope, Asked::Denied(fact.clone())),
            Event::CallHeld(fact) => self.asked(envelope, Asked::Held(fact.clone())),
            Event::CallCompleted(fact) => self.ended(envelope, Outcome::Completed(fact.clone())),
            Event::CallFailed(fact) => self.ended(envelope, Outcome::Failed(fact.clone())),
            Event::CallCancelled(fact) => self.ended(envelope, Outcome::Cancelled(fact.clone())),
            Event::CallInDoubt(fact) => self.ended(envelope, Outcome::InDoubt(fact.clone())),
            Event::CallLinked(fact) => {
                if let Some(call) = self.row(envelope.call) {
                    call.links.push(fact.clone());
                }
            }
            Event::FindingRaised(fact) => self.found(envelope.call, fact),
            Event::MessageRelayed(fact) => {
                let call = fact.call.or(envelope.call);
                if let Some(call) = call.and_then(|id| self.rows.get_mut(&id)) {
                    let message = fact.clone();
                    call.relayed.push(Relayed { time: envelope.time, message });
                }
            }
            Event::GrantOpened(fact) => {
                let grant = Grant { time: envelope.time, opened: fact.clone() };
                self.grants.insert(envelope.id, grant);
            }
            Event::HoldRejoined(_)
            | Event::HoldLeft(_)
            | Event::HoldViewed(_)
            | Event::HoldVoted(_)
            | Event::HoldCommented(_)
            | Event::HoldEdited(_)
            | Event::HoldGranted(_)
            | Event::HoldRefused(_)
            | Event::HoldExpired(_)
            | Event::HoldWithdrawn(_)
            | Event::NoticeSent(_)
            | Event::NoticeFailed(_) => self.of_hold(envelope),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
