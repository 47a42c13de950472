//! What the policy makes of a call, and what is recorded where it does not let it go.

use super::place::Place;
use super::{Ask, Content, Deed, Gate, reference};
use crate::caller::Caller;
use crate::clock;
use crate::config::Keep;
use crate::json;
use crate::problem::{ErrorCode, Problem};
use events::{
    CallDenied, CallDigest, CallHeld, CallId, Decision, Dialect, Digest, Draft, EventId, HoldRule,
    Mark, SessionId, SessionMethod, Verdict,
};
use ledger::Entry;
use ledger::payload::{Packed, Unpacked};
use policy::Question;
use std::sync::Arc;

/// What the policy made of a call.
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    /// Who may let it go, where it is held.
    pub(super) rule: Option<HoldRule>,
    /// What policies that are only watched would have made of it.
    pub(super) shadow: Option<Verdict>,
}

impl Gate {
    /// Asks the policies, if there are any; `listed` is what the agent's lists say, and `arguments`
    /// those of a tool call, which may be other ones than were asked for.
    pub(super) fn judge(
        &self,
        ask: &Ask<'_>,
        arguments: Option<&str>,
        (session, listed): (SessionId, Verdict),
    ) -> Judged {
        let allowed = |verdict| Judged { verdict, rule: None, shadow: None };
        let Some(policies) = self.rules.policies().filter(|_| deed(ask).is_judged()) else {
            return allowed(listed);
        };
        let facts = self.facts().of(session);
        let principal = &ask.caller.principal;
        let owner = principal.owner.to_lowercase();
        let answer = policies.decide(&Question {
            agent: &principal.agent,
            owner: &owner,
            team: &principal.team,
            actors: &principal.actors,
            kind: deed(ask).kind(arguments),
            session: facts,
            now: clock::now(),
        });
        Judged { verdict: answer.verdict, rule: answer.rule, shadow: answer.shadow }
    }

    /// Whether an agent may call a tool, with some arguments at least. In doubt it may.
    pub fn may_call(&self, caller: &Caller, server: &str, tool: &str) -> bool {
        let allowed = |policies: Arc<policy::Policies>| {
            let principal = &caller.principal;
            let owner = principal.owner.to_lowercase();
            policies.may_call(&principal.agent, &principal.team, &owner, (server, tool))
        };
        caller.agent.may_call(server, tool) && self.rules.policies().is_none_or(allowed)
    }

    /// By what a call is recognised when it is asked for again.
    pub(super) fn identity(&self, ask: &Ask<'_>) -> Mark {
        let principal = &ask.caller.principal;
        // A message of MCP has an id of its own each time; what it reads or gets is its target.
        let is_message = ask.dialect == Dialect::Mcp && ask.target.is_some();
        let what = match ask.content {
            Content::Tool { arguments, .. } => arguments.unwrap_or("{}").as_bytes(),
            Content::Other { arguments, .. } if is_message => arguments.unwrap_or("{}").as_bytes(),
            Content::Model { .. } | Content::Other { .. } => ask.body,
        };
        let canonical = std::str::from_utf8(what).ok().and_then(|text| json::canonical(text).ok());
        let model = ask.model.as_deref().unwrap_or_default();
        let target = ask.target.as_deref().unwrap_or_default();
        self.correlator().mark(
            "held call",
            &[
                principal.agent.as_bytes(),
                principal.owner.as_bytes(),
                principal.actors.join("\n").as_bytes(),
                ask.upstream.as_bytes(),
                ask.method.as_bytes(),
                model.as_bytes(),
                target.as_bytes(),
                canonical.as_deref().unwrap_or(what),
            ],
        )
    }

    /// What is held, as it is recorded.
    pub(super) fn held_fact(
        &self,
        ask: &Ask<'_>,
        place: &Place,
        (verdict, rule): (Verdict, HoldRule),
        packed: Option<&Packed>,
    ) -> CallHeld {
        let principal = ask.caller.principal.clone();
        let request = reference(packed);
        let definition = self.definition(ask);
        let digest = CallDigest {
            definition,
            dialect: ask.dialect,
            method: &ask.method,
            model: ask.model.as_deref(),
            principal: &principal,
            request: request.map(|request| request.digest),
            target: ask.target.as_deref(),
            upstream: &ask.upstream,
        };
        CallHeld {
            answer_of: None,
            arguments: place.arguments,
            definition,
            dialect: ask.dialect,
            digest: digest.digest(),
            // The desk sets it when it takes the call.
            expires: clock::now(),
            identity: self.identity(ask),
            method: Arc::clone(&ask.method),
            model: ask.model.clone(),
            operation: ask.operation,
            request,
            rule,
            session: place.method,
            target: ask.target.clone(),
            tool_call: place.tool_call.as_deref().map(Into::into),
            upstream: Arc::clone(&ask.upstream),
            principal,
            verdict,
        }
    }

    /// Digest of the definition of the tool called, if its server was heard to give one.
    pub(super) fn definition(&self, ask: &Ask<'_>) -> Option<Digest> {
        let known = self.rules.catalogue().definition(&ask.upstream, ask.tool()?)?;
        Some(known.digest)
    }

    /// Records that a call was not let go.
    pub(super) async fn deny(
        &self,
        ask: &Ask<'_>,
        (call, place): (CallId, Option<&Place>),
        (verdict, shadow): (Verdict, Option<Verdict>),
    ) -> Problem {
        let session = place.map_or_else(clock::session_id, |place| place.session);
        let is_first = place.is_none_or(|place| place.method == SessionMethod::New);
        let keep = self.keep_of(ask.model.as_deref(), ask.target.as_deref(), &ask.upstream);
        let kept = keep != Keep::Nothing;
        let packed = match ask.body {
            [] => None,
            bytes => match self.pack_new(Unpacked { session, is_first, bytes, cuts: &[], kept }) {
                Ok(packed) => Some(packed),
                Err(problem) => return problem,
            },
        };
        let reason = verdict.reason.clone().unwrap_or_else(|| "the policy forbids it".into());
        let fact = CallDenied {
            dialect: ask.dialect,
            method: Arc::clone(&ask.method),
            model: ask.model.clone(),
            operation: ask.operation,
            principal: ask.caller.principal.clone(),
            request: reference(packed.as_ref()),
            shadow,
            target: ask.target.clone(),
            upstream: Some(Arc::clone(&ask.upstream)),
            verdict,
        };
        let cause = place.and_then(|place| place.cause);
        let draft = Draft {
            id: EventId::new(call.ulid()),
            time: clock::now(),
            session: Some(session),
            cause: cause.map(|cause| EventId::new(cause.ulid())),
            call: Some(call),
            fact,
        };
        let entry = Entry { payloads: packed.into_iter().collect(), ..draft.into() };
        match self.keep(entry).await {
            Ok(_) => {
                self.metrics.calls_denied.increment();
                Problem::new(ErrorCode::PolicyDenied, reason).recorded_as(call)
            }
            Err(error) => self.unrecorded(&error),
        }
    }
}

/// What a verdict says that is no policy's.
pub(super) fn verdict_of(policy: &str, reason: &str) -> Verdict {
    Verdict {
        decision: Decision::Deny,
        policies: vec![policy.into()],
        reason: Some(reason.to_owned()),
    }
}

fn deed<'a>(ask: &'a Ask<'_>) -> Deed<'a> {
    Deed {
        operation: ask.operation,
        method: &ask.method,
        upstream: &ask.upstream,
        target: ask.target.as_deref(),
        model: ask.model.as_deref(),
    }
}
