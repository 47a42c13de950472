//! A recorded call as the question that it was: who asked for what, and what was answered then.

use super::super::CommandError;
use super::super::records::Records;
use crate::gate::Deed;
use crate::json;
use events::{
    CallId, Decision, Envelope, Event, HoldRule, Operation, PayloadRef, Principal, SessionId,
    Verdict,
};
use policy::{AGENT_LISTS, Kind};
use std::collections::BTreeSet;

/// A call that a gateway decided about.
pub(super) struct Asked<'a> {
    pub(super) principal: &'a Principal,
    pub(super) recorded: Recorded<'a>,
    operation: Operation,
    method: &'a str,
    upstream: &'a str,
    model: Option<&'a str>,
    target: Option<&'a str>,
    request: Option<PayloadRef>,
}

/// What is on record of the decision.
#[derive(Clone, Copy)]
pub(super) enum Recorded<'a> {
    /// Policies decided, or would have if there had been some.
    Decided {
        /// What.
        decision: Decision,
        /// Who was asked, where people were.
        rule: Option<&'a HoldRule>,
    },
    /// What comes before any policy said no.
    Before,
}

/// The arguments of a call.
pub(super) enum Known {
    /// These, or none.
    Here(Option<String>),
    /// They are not kept any more, or never were.
    Gone,
}

/// What the gate cites for a no to a call that policies held: since people have just said no, are
/// asked for too many already, or had agreed to calls of the kind as they were before.
const ON_HOLDS: [&str; 3] = ["recent no", "limits", "changed since"];

/// What it cites where it asks no policy.
const REVOCATIONS: &str = "revocations";

impl<'a> Asked<'a> {
    /// The call that an event decided about, if policies have a say in it. One that was held was
    /// decided about then, and not when it was made.
    pub(super) fn of(envelope: &'a Envelope, held: &BTreeSet<CallId>) -> Option<Self> {
        let asked = if let Event::CallDispatched(fact) = &envelope.event {
            let was_held =
                fact.grant.is_some() && envelope.call.is_some_and(|call| held.contains(&call));
            if was_held {
                return None;
            }
            Self {
                principal: &fact.principal,
                recorded: Recorded::Decided { decision: fact.verdict.decision, rule: None },
                operation: fact.operation,
                method: &fact.method,
                upstream: &fact.upstream,
                model: fact.model.as_deref(),
                target: fact.target.as_deref(),
                request: fact.request,
            }
        } else if let Event::CallHeld(fact) = &envelope.event {
            Self {
                principal: &fact.principal,
                recorded: Recorded::Decided { decision: Decision::Hold, rule: Some(&fact.rule) },
                operation: fact.operation,
                method: &fact.method,
                upstream: &fact.upstream,
                model: fact.model.as_deref(),
                target: fact.target.as_deref(),
                request: fact.request,
            }
        } else if let Event::CallDenied(fact) = &envelope.event {
            Self {
                principal: &fact.principal,
                recorded: denied(&fact.verdict),
                operation: fact.operation,
                method: &fact.method,
                upstream: fact.upstream.as_deref()?,
                model: fact.model.as_deref(),
                target: fact.target.as_deref(),
                request: fact.request,
            }
        } else {
            return None;
        };
        asked.deed().is_judged().then_some(asked)
    }

    /// What it is about, in a few words.
    pub(super) fn object(&self) -> String {
        match self.target.or(self.model) {
            Some(name) => format!("{}/{name}", self.upstream),
            None => format!("{} {}", self.upstream, self.method),
        }
    }

    /// The arguments, if policies look at them.
    pub(super) fn arguments(
        &self,
        records: &Records,
        session: Option<SessionId>,
    ) -> Result<Known, CommandError> {
        let is_prompt = matches!(self.deed().kind(None), Kind::Prompt { .. });
        if self.operation != Operation::ExecuteTool && !is_prompt {
            return Ok(Known::Here(None));
        }
        let (Some(session), Some(request)) = (session, self.request) else {
            return Ok(Known::Gone);
        };
        let loaded = records.payload(session, &request).map_err(|unreadable| unreadable.error)?;
        let Some(text) = loaded.as_deref().and_then(|bytes| str::from_utf8(bytes).ok()) else {
            return Ok(Known::Gone);
        };
        let found = json::find(text, &["params", "arguments"]);
        Ok(Known::Here(found.map(|found| found.text.to_owned())))
    }

    /// What it does, in the words of the policies.
    pub(super) const fn deed(&self) -> Deed<'a> {
        Deed {
            operation: self.operation,
            method: self.method,
            upstream: self.upstream,
            target: self.target,
            model: self.model,
        }
    }
}

fn denied(verdict: &Verdict) -> Recorded<'_> {
    let cites = |name: &str| verdict.policies.iter().any(|cited| **cited == *name);
    if cites(AGENT_LISTS) || cites(REVOCATIONS) {
        return Recorded::Before;
    }
    let is_on_hold = ON_HOLDS.into_iter().any(cites);
    let decision = if is_on_hold { Decision::Hold } else { Decision::Deny };
    Recorded::Decided { decision, rule: None }
}
