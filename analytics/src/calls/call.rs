//! A row: one call, as far as it is recorded, and what it says.

use crate::hold::Hold;
use events::{
    CallCancelled, CallCompleted, CallDenied, CallDispatched, CallFailed, CallHeld, CallId,
    CallInDoubt, CallLinked, EventId, FindingRaised, GrantOpened, LinkMethod, MessageRelayed,
    Operation, PayloadRef, Principal, SessionId, Timestamp, Usage, Verdict,
};

/// What became of a request: it was let through, or it was not, or it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It could go upstream.
    Dispatched(CallDispatched),
    /// The policy forbade it.
    Denied(CallDenied),
    /// It may go upstream only when people have said so, and has not; see [`Call::hold`].
    Held(CallHeld),
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
    /// What was asked and decided, as it was recorded last.
    pub asked: Asked,
    /// What people did, where it had to wait; it stays when the call is dispatched.
    pub hold: Option<Box<Hold>>,
    /// How it ended; `None` while it has not, and for a call that was never dispatched.
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
            Asked::Held(fact) => &fact.principal,
        }
    }

    /// What kind of thing was asked.
    pub const fn operation(&self) -> Operation {
        match &self.asked {
            Asked::Dispatched(fact) => fact.operation,
            Asked::Denied(fact) => fact.operation,
            Asked::Held(fact) => fact.operation,
        }
    }

    /// The protocol's own name of the operation.
    pub fn method(&self) -> &str {
        match &self.asked {
            Asked::Dispatched(fact) => &fact.method,
            Asked::Denied(fact) => &fact.method,
            Asked::Held(fact) => &fact.method,
        }
    }

    /// The model asked for.
    pub fn model(&self) -> Option<&str> {
        match &self.asked {
            Asked::Dispatched(fact) => fact.model.as_deref(),
            Asked::Denied(fact) => fact.model.as_deref(),
            Asked::Held(fact) => fact.model.as_deref(),
        }
    }

    /// The tool, resource or prompt.
    pub fn target(&self) -> Option<&str> {
        match &self.asked {
            Asked::Dispatched(fact) => fact.target.as_deref(),
            Asked::Denied(fact) => fact.target.as_deref(),
            Asked::Held(fact) => fact.target.as_deref(),
        }
    }

    /// Where it went or would have gone.
    pub fn upstream(&self) -> Option<&str> {
        match &self.asked {
            Asked::Dispatched(fact) => Some(&fact.upstream),
            Asked::Denied(fact) => fact.upstream.as_deref(),
            Asked::Held(fact) => Some(&fact.upstream),
        }
    }

    /// What the policy answered.
    pub const fn verdict(&self) -> &Verdict {
        match &self.asked {
            Asked::Dispatched(fact) => &fact.verdict,
            Asked::Denied(fact) => &fact.verdict,
            Asked::Held(fact) => &fact.verdict,
        }
    }

    /// The request's body.
    pub const fn request(&self) -> Option<&PayloadRef> {
        match &self.asked {
            Asked::Dispatched(fact) => fact.request.as_ref(),
            Asked::Denied(fact) => fact.request.as_ref(),
            Asked::Held(fact) => fact.request.as_ref(),
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

    /// When it could go upstream; of a call that never could, when it was recorded first.
    pub fn sent(&self) -> Timestamp {
        self.hold.as_ref().and_then(|hold| hold.dispatched).unwrap_or(self.time)
    }

    /// The grant that it used up, or a part of.
    pub const fn grant(&self) -> Option<EventId> {
        match &self.asked {
            Asked::Dispatched(fact) => fact.grant,
            Asked::Denied(_) | Asked::Held(_) => None,
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

/// A grant of a kind: calls that a person allowed beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// When it was opened.
    pub time: Timestamp,
    /// What it allows.
    pub opened: GrantOpened,
}
