//! One row per call: who asked what, what was decided, how it ended, and what caused it.

use crate::projection::Projection;
use events::{
    CallCancelled, CallCompleted, CallDenied, CallDispatched, CallFailed, CallId, CallInDoubt,
    CallLinked, Envelope, Event, FindingRaised, LinkMethod, MessageRelayed, Operation, PayloadRef,
    Principal, SessionId, Timestamp, Usage, Verdict,
};
use std::collections::BTreeMap;

/// What became of a request: it was let through or it was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It could go upstream.
    Dispatched(CallDispatched),
    /// The policy forbade it.
    Denied(CallDenied),
}

/// How a dispatched call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With a whole answer.
    Completed(CallCompleted),
    /// Without one.
    Failed(CallFailed),
    /// Somebody gave up.
    Cancelled(CallCancelled),
    /// Nobody knows.
    InDoubt(CallInDoubt),
}

/// A message passed on in the course of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// When.
    pub time: Timestamp,
    /// Which.
    pub message: MessageRelayed,
}

/// One call, as far as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// Where its first event stands.
    pub sequence: u64,
    /// When it was recorded first.
    pub time: Timestamp,
    /// Its session.
    pub session: Option<SessionId>,
    /// What was asked and decided.
    pub asked: Asked,
    /// How it ended; `None` while it has not, and for a denied call.
    pub outcome: Option<Outcome>,
    /// What is known of the model call that caused it, in the order it was found.
    pub links: Vec<CallLinked>,
    /// What a person should look at.
    pub findings: Vec<FindingRaised>,
    /// What was passed on in its course.
    pub relayed: Vec<Relayed>,
}

impl Call {
    /// Who asked.
    pub const fn principal(&self) -> &Principal {
        match &self.asked {
            Asked::Dispatched(fact) => &fact.principal,
            Asked::Denied(fact) => &fact.principal,
        }
    }

    /// What kind of thing was asked.
    pub const fn operation(&self) -> Operation {
        match &self.asked {
            Asked::Dispatched(fact) => fact.operation,
            Asked::Denied(fact) => fact.operation,
        }
    }

    /// The protocol's own name of the operation.
    pub fn method(&self) -> &str {
        match &self.asked {
            Asked::Dispatched(fact) => &fact.method,
            Asked::Denied(fact) => &fact.method,
        }
    }

    /// The model asked for.
    pub fn model(&self) -> Option<&str> {
        match &self.asked {
            Asked::Dispatched(fact) => fact.model.as_deref(),
            Asked::Denied(fact) => fact.model.as_deref(),
        }
    }

    /// The tool, resource or prompt.
    pub fn target(&self) -> Option<&str> {
        match &self.asked {
            Asked::Dispatched(fact) => fact.target.as_deref(),
            Asked::Denied(fact) => fact.target.as_deref(),
        }
    }

    /// Where it went or would have gone.
    pub fn upstream(&self) -> Option<&str> {
        match &self.asked {
            Asked::Dispatched(fact) => Some(&fact.upstream),
            Asked::Denied(fact) => fact.upstream.as_deref(),
        }
    }

    /// What the policy answered.
    pub const fn verdict(&self) -> &Verdict {
        match &self.asked {
            Asked::Dispatched(fact) => &fact.verdict,
            Asked::Denied(fact) => &fact.verdict,
        }
    }

    /// The request's body.
    pub const fn request(&self) -> Option<&PayloadRef> {
        match &self.asked {
            Asked::Dispatched(fact) => fact.request.as_ref(),
            Asked::Denied(fact) => fact.request.as_ref(),
        }
    }

    /// The answer's body, or what came of it.
    pub const fn answer(&self) -> Option<&PayloadRef> {
        match &self.outcome {
            Some(Outcome::Completed(fact)) => fact.answer.as_ref(),
            Some(Outcome::Failed(fact)) => fact.answer.as_ref(),
            Some(Outcome::Cancelled(fact)) => fact.answer.as_ref(),
            Some(Outcome::InDoubt(_)) | None => None,
        }
    }

    /// From dispatch to the end, in microseconds.
    pub const fn duration_us(&self) -> Option<u64> {
        match &self.outcome {
            Some(Outcome::Completed(fact)) => Some(fact.duration_us),
            Some(Outcome::Failed(fact)) => Some(fact.duration_us),
            Some(Outcome::Cancelled(fact)) => Some(fact.duration_us),
            Some(Outcome::InDoubt(_)) | None => None,
        }
    }

    /// Tokens, as far as the upstream told.
    pub const fn usage(&self) -> Option<Usage> {
        match &self.outcome {
            Some(Outcome::Completed(fact)) => fact.usage,
            Some(Outcome::Failed(fact)) => fact.usage,
            Some(Outcome::Cancelled(_) | Outcome::InDoubt(_)) | None => None,
        }
    }

    /// The surest link to what caused it; of equals the first.
    pub fn cause(&self) -> Option<&CallLinked> {
        // `max_by_key` takes the last of equals.
        self.links.iter().rev().max_by_key(|link| link.confidence)
    }

    /// Whether its result was seen to come back in a later model request.
    pub fn is_confirmed(&self) -> bool {
        self.links.iter().any(|link| link.method == LinkMethod::Result)
    }
}

/// All calls, folded from events. Input that was refused never became a call and is not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    rows: BTreeMap<CallId, Call>,
    findings: Vec<FindingRaised>,
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

    /// How many events told of a call that was never asked, or ended one a second time. In a whole
    /// ledger it is zero.
    pub const fn strays(&self) -> u64 {
        self.strays
    }

    fn asked(&mut self, envelope: &Envelope, asked: Asked) {
        let Some(id) = envelope.call.filter(|id| !self.rows.contains_key(id)) else {
            self.strays += 1;
            return;
        };
        let call = Call {
            id,
            sequence: envelope.sequence,
            time: envelope.time,
            session: envelope.session,
            asked,
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
            Event::CallDispatched(fact) => self.asked(envelope, Asked::Dispatched(fact.clone())),
            Event::CallDenied(fact) => self.asked(envelope, Asked::Denied(fact.clone())),
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
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
