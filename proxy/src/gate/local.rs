//! Tool calls that a model's answer asks for and that its agent runs itself: judged, and held where
//! people are to be asked, before the agent sees them. What the agent does then, the gateway does
//! not see: a call that people let go is dispatched, to `local`, and completed when it is released.

use super::admit::{listed, refusal, with_arguments};
use super::ask::{Ask, Content};
use super::judge::{Judged, verdict_of};
use super::open::Answered;
use super::place::Place;
use super::send::{Clearance, Dispatched, Unsent};
use super::{Gate, later};
use crate::caller::Caller;
use crate::clock;
use crate::correlate::{self, Released};
use crate::json;
use crate::problem::{ErrorCode, Problem};
use approvals::{Asked, Claim, Decided, NewHold, Waiting};
use events::{
    CallCompleted, CallId, Decision, Dialect, Draft, EventId, HoldRule, MessageRelayed, Operation,
    Relay, SessionId, SessionMethod, Verdict,
};
use ledger::Entry;
use policy::LOCAL;
use std::sync::Arc;

/// The most bytes of a tool's name, and of a call's id, that are recorded.
const NAME_BYTES_MAX: usize = 256;

/// What such a call is called in the place of a protocol's own name.
const METHOD: &str = "tool_call";

/// What a message is called that an agent gets in the place of an answer.
const REWRITTEN: &str = "answer";

/// What a released call ended as.
const RELEASED: &str = "released";

/// A tool call of an answer.
#[derive(Clone, Copy, Debug)]
pub struct LocalAsk<'a> {
    /// Whose agent would run it.
    pub caller: &'a Caller,
    /// The dialect of the answer.
    pub dialect: Dialect,
    /// The model call.
    pub answer_of: CallId,
    /// The session of that.
    pub session: SessionId,
    /// The model's id of it; may be empty.
    pub id: &'a str,
    /// The tool's name as the model spells it.
    pub name: &'a str,
    /// Its arguments: a JSON object that was checked.
    pub arguments: &'a str,
    /// Why it cannot be judged, so that it is denied.
    pub unreadable: Option<&'a str>,
}

/// What becomes of it.
#[derive(Debug)]
pub enum LocalAnswer {
    /// It may be released, with other arguments where an approver changed them. This is on record
    /// where it took people's consent.
    Released(Option<String>),
    /// People have let it go already; it is to be settled before it is released.
    Granted(Claim),
    /// People are asked first.
    Waits(Waiting),
    /// It must not be released. This is on record, unless the problem says that nothing can be.
    No(Problem),
}

impl<'a> LocalAsk<'a> {
    /// What is shown and kept of it.
    fn document(&self) -> String {
        let [id, method, name] = [shortened(self.id), METHOD, shortened(self.name)];
        let [id, method, name] = [id, method, name].map(serde_json::Value::from);
        let arguments = self.arguments;
        format!(
            "{{\"id\":{id},\"method\":{method},\
             \"params\":{{\"arguments\":{arguments},\"name\":{name}}}}}"
        )
    }

    fn tool_call(&self) -> Option<&'a str> {
        Some(shortened(self.id)).filter(|id| !id.is_empty())
    }

    fn ask<'b>(&self, document: &'b str) -> Ask<'b>
    where
        'a: 'b,
    {
        let tool = shortened(self.name);
        Ask {
            caller: self.caller,
            dialect: self.dialect,
            operation: Operation::ExecuteTool,
            method: METHOD.into(),
            model: None,
            target: Some(tool.into()),
            upstream: LOCAL.into(),
            stream: false,
            trace: None,
            body: document.as_bytes(),
            cuts: &[],
            object: format!("tool `{LOCAL}/{tool}`"),
            listed: true,
            content: Content::Tool {
                server: LOCAL,
                tool,
                exposed: tool,
                arguments: Some(self.arguments),
                meta: None,
                protocol_session: None,
            },
        }
    }
}

impl Gate {
    /// Whether policies judge tools that agents run themselves: whether any names them.
    pub fn judges_local(&self) -> bool {
        self.rules.policies().is_some_and(|policies| policies.concern_local())
    }

    /// Whether an agent runs the tool itself that its model calls so. A tool that a policy names is
    /// its own whatever tool servers say they have.
    pub fn is_local(&self, caller: &Caller, name: &str) -> bool {
        if self.rules.policies().is_some_and(|policies| policies.name_local(name)) {
            return true;
        }
        let served = self.rules.catalogue().all();
        !served.iter().any(|(server, tool, _)| {
            caller.agent.may_call(server, tool)
                && correlate::names(name, server, tool, &format!("{server}__{tool}"))
        })
    }

    /// What the policies say of a call; records nothing.
    pub fn local_decision(&self, local: &LocalAsk<'_>) -> Decision {
        if local.unreadable.is_some() {
            return Decision::Deny;
        }
        let document = local.document();
        let ask = local.ask(&document);
        self.judge(&ask, ask.arguments(), (local.session, listed(&ask))).verdict.decision
    }

    /// Decides about a call and records what comes of it, unless it is simply allowed. The outcome
    /// of the model call must be on record.
    pub async fn admit_local(self: &Arc<Self>, local: &LocalAsk<'_>) -> LocalAnswer {
        let document = local.document();
        let ask = local.ask(&document);
        let call = clock::call_id();
        let place = self.local_place(local);
        let judged = match local.unreadable {
            Some(reason) => {
                let verdict = verdict_of("unreadable", reason);
                Judged { verdict, rule: None, shadow: None }
            }
            None => self.judge(&ask, ask.arguments(), (local.session, listed(&ask))),
        };
        let Judged { verdict, rule, shadow } = judged;
        match (verdict.decision, rule) {
            (Decision::Allow, _) => LocalAnswer::Released(None),
            (Decision::Hold, Some(rule)) => {
                let held = self.hold_local(local, &ask, (call, place), (verdict, rule)).await;
                held.unwrap_or_else(LocalAnswer::No)
            }
            (Decision::Deny | Decision::Hold, _) => {
                LocalAnswer::No(self.deny(&ask, (call, Some(&place)), (verdict, shadow)).await)
            }
        }
    }

    /// Takes what people have decided about a call.
    pub async fn settle_local(
        self: &Arc<Self>,
        local: &LocalAsk<'_>,
        decided: Decided,
    ) -> LocalAnswer {
        match decided {
            Decided::Granted(claim) => {
                let document = local.document();
                let ask = local.ask(&document);
                self.release_local(local, &ask, claim).await.unwrap_or_else(LocalAnswer::No)
            }
            Decided::Taken => {
                let message = "NOT EXECUTED HERE. The same call was asked for more than once, and \
                               another of these requests got it.";
                LocalAnswer::No(Problem::new(ErrorCode::ApprovalWithdrawn, message))
            }
            Decided::Refused(no) | Decided::Expired(no) | Decided::Withdrawn(no) => {
                LocalAnswer::No(refusal(&no))
            }
        }
    }

    fn local_place(&self, local: &LocalAsk<'_>) -> Place {
        Place {
            session: local.session,
            method: SessionMethod::Link,
            conversation: None,
            arguments: Some(self.correlator().arguments(local.arguments)),
            cause: Some(local.answer_of),
            tool_call: local.tool_call().map(str::to_owned),
            notes: Vec::new(),
        }
    }

    async fn hold_local(
        self: &Arc<Self>,
        local: &LocalAsk<'_>,
        ask: &Ask<'_>,
        (call, place): (CallId, Place),
        (verdict, rule): (Verdict, HoldRule),
    ) -> Result<LocalAnswer, Problem> {
        let packed = self.pack_new(later(local.session, ask.body, true))?;
        let mut fact = self.held_fact(ask, &place, (verdict, rule), Some(&packed));
        fact.answer_of = Some(local.answer_of);
        let canonical = json::canonical(local.arguments).ok();
        let canonical = canonical.and_then(|bytes| String::from_utf8(bytes).ok());
        let asked = self.desk.ask(NewHold {
            call,
            session: local.session,
            cause: Some(EventId::new(local.answer_of.ulid())),
            fact,
            payload: Some(packed),
            also: Vec::new(),
            arguments: canonical.map(Into::into),
        });
        let (problem, policy) = match asked.await {
            Ok(Asked::Waits(waiting)) => return Ok(LocalAnswer::Waits(waiting)),
            Ok(Asked::Granted(claim)) => return Ok(LocalAnswer::Granted(claim)),
            Ok(Asked::Refused(no)) => (refusal(&no), "recent no"),
            Ok(Asked::TooMany(many)) => {
                let message = format!("NOT EXECUTED. People would have to allow this call: {many}");
                (Problem::new(ErrorCode::ApprovalsFull, message), "limits")
            }
            Err(error) => return Err(self.not_asked(ask, call, error).await),
        };
        let verdict = verdict_of(policy, &problem.message);
        let denied = self.deny(ask, (call, Some(&place)), (verdict, None)).await;
        if denied.code == ErrorCode::PolicyDenied {
            return Err(Problem { code: problem.code, ..denied });
        }
        Err(denied)
    }

    /// Records that a call which people let go is released, if nothing has changed that they did
    /// not see. The agent is the only one who knows what comes of it.
    async fn release_local(
        self: &Arc<Self>,
        local: &LocalAsk<'_>,
        ask: &Ask<'_>,
        mut claim: Claim,
    ) -> Result<LocalAnswer, Problem> {
        let held = Arc::clone(claim.held());
        let (call, session) = (claim.call(), claim.session());
        let arguments = self.edited_arguments(&claim).await?;
        let given = arguments.as_deref().unwrap_or(local.arguments);
        if let Some(reason) = self.changed_since(ask, Some(given), (session, &held)) {
            if claim.is_covered() {
                let verdict = verdict_of("changed since", &reason);
                let place = self.local_place(local);
                return Err(self.deny(ask, (call, Some(&place)), (verdict, None)).await);
            }
            drop(claim);
            return Err(self.take_back(call, reason).await);
        }
        let edited = match arguments.as_deref() {
            Some(arguments) => Some(with_arguments(ask.body, arguments)?),
            None => None,
        };
        let mark = self.correlator().arguments(given);
        let decided = claim.edited().map_or(held.arguments, |edited| Some(edited.arguments));
        if decided != Some(mark) {
            let message = "the arguments are not those that people decided on";
            return Err(Problem::new(ErrorCode::Internal, message));
        }
        let link = self.correlator().released(Released {
            agent: &local.caller.known_as,
            call,
            session,
            arguments: mark,
            cause: local.answer_of,
            asked_in: local.session,
            tool_call: local.id,
        });
        let clearance = Clearance {
            call,
            session,
            method: held.session,
            is_first: false,
            cause: Some(local.answer_of),
            conversation: None,
            arguments: Some(mark),
            tool_call: local.tool_call().map(Into::into),
            also: self.drafts(vec![link]),
            verdict: held.verdict.clone(),
            shadow: None,
            grant: Some(claim.grant()),
            was_held: !claim.is_covered(),
            edited,
        };
        claim.begin();
        let dispatched = match self.send(ask, clearance).await {
            Ok(dispatched) => dispatched,
            Err(Unsent { problem, may_be_recorded }) => {
                if may_be_recorded {
                    claim.spend();
                } else {
                    claim.give_back();
                }
                return Err(problem);
            }
        };
        claim.spend();
        let Dispatched { permit: _, call, edited: _ } = dispatched;
        let released = CallCompleted { finish: vec![RELEASED.into()], ..CallCompleted::default() };
        call.complete(released, Answered::Other, &[]).await?;
        Ok(LocalAnswer::Released(arguments))
    }
}

/// What an agent gets in the place of what a provider answered.
#[derive(Clone, Copy, Debug)]
pub struct Rewritten<'a> {
    /// Whose agent gets it.
    pub caller: &'a Caller,
    /// The model call.
    pub call: CallId,
    /// Its session.
    pub session: SessionId,
    /// The provider.
    pub upstream: &'a Arc<str>,
    /// Whether answers of this call are kept.
    pub kept: bool,
    /// All of it.
    pub body: &'a [u8],
}

impl Gate {
    /// Records what an agent gets in the place of an answer; on an error it must not get it.
    pub async fn rewritten(&self, rewritten: Rewritten<'_>) -> Result<(), Problem> {
        let Rewritten { caller, call, session, upstream, kept, body } = rewritten;
        let packed = self.pack(later(session, body, kept))?;
        let fact = MessageRelayed {
            call: Some(call),
            direction: Relay::ToAgent,
            method: REWRITTEN.into(),
            payload: packed.reference,
            principal: caller.principal.clone(),
            upstream: Arc::clone(upstream),
        };
        let draft = Draft {
            id: clock::event_id(),
            time: clock::now(),
            session: Some(session),
            cause: Some(EventId::new(call.ulid())),
            call: Some(call),
            fact,
        };
        let entry = Entry { payloads: vec![packed], ..draft.into() };
        let recorded = self.keep(entry).await;
        recorded.map(drop).map_err(|error| self.unrecorded(&error))
    }
}

fn shortened(text: &str) -> &str {
    let end = (0..=NAME_BYTES_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}
