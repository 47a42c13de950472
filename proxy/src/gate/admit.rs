//! The way in: identified and read, a call is placed, decided, and on record before anything else
//! is done. What waits for people waits here.

use super::judge::{Judged, verdict_of};
use super::place::{Origin, Place};
use super::send::{Clearance, Dispatched, Unsent};
use super::{Ask, Gate};
use crate::clock;
use crate::json;
use crate::problem::{ErrorCode, Problem};
use crate::standing::revoked;
use approvals::{Asked, Claim, Decided, DeskError, NewHold, No, Waiting, Why};
use events::{CallHeld, CallId, Decision, EventId, HoldRule, SessionMethod, Timestamp, Verdict};
use ledger::payload::{Unpacked, load};
use std::sync::Arc;

/// What becomes of a call that may be made, now or later.
#[derive(Debug)]
pub enum Admitted {
    /// It is on record, and may go upstream.
    Sent(Box<Dispatched>),
    /// People are asked first.
    Waits(Box<Held>),
}

/// A call that waits for people. Dropped, nobody waits for it.
#[derive(Debug)]
pub struct Held {
    waiting: Waiting,
    origin: Origin,
}

impl Held {
    /// The call, which also names the hold.
    pub const fn call(&self) -> CallId {
        self.waiting.id()
    }

    /// When the answer is no.
    pub fn expires(&self) -> Timestamp {
        self.waiting.expires()
    }

    /// Returns when people have decided; may be dropped and called again.
    pub async fn decided(&mut self) -> Decided {
        self.waiting.decided().await
    }

    /// Waits no longer, and says why.
    pub fn leave(self, detail: &str) {
        self.waiting.leave(detail);
    }
}

impl Gate {
    /// Decides about a call and records it. `Err` means that nothing may go upstream, and that this
    /// is on record.
    pub async fn admit(self: &Arc<Self>, ask: &Ask<'_>) -> Result<Admitted, Problem> {
        let call = clock::call_id();
        let listed = listed(ask);
        if listed.decision != Decision::Allow {
            return Err(self.deny(ask, (call, None), (listed, None)).await);
        }
        // Since it was identified its body had to come, which may have taken a while.
        if let Some(Problem { code, message, .. }) = revoked(&self.desk, ask.caller) {
            let verdict = verdict_of("revocations", &message);
            let denied = self.deny(ask, (call, None), (verdict, None)).await;
            let is_denied = denied.code == ErrorCode::PolicyDenied;
            return Err(if is_denied { Problem { code, ..denied } } else { denied });
        }
        let place = self.place(ask, call);
        let judged = self.judge(ask, ask.arguments(), (place.session, listed));
        let Judged { verdict, rule, shadow } = judged;
        match (verdict.decision, rule) {
            (Decision::Allow, _) => {
                let origin = self.origin(call, place);
                let clearance = Clearance::allowed(origin, verdict, shadow);
                let sent = self.send(ask, clearance).await;
                sent.map(|sent| Admitted::Sent(Box::new(sent))).map_err(|unsent| unsent.problem)
            }
            (Decision::Hold, Some(rule)) => {
                let origin = self.origin(call, place);
                self.hold(ask, origin, verdict, rule).await
            }
            (Decision::Deny | Decision::Hold, _) => {
                self.correlator().unanswered(call);
                Err(self.deny(ask, (call, Some(&place)), (verdict, shadow)).await)
            }
        }
    }

    /// Waits by a hold again that the agent names; asks anew if there is none of this call.
    pub async fn readmit(
        self: &Arc<Self>,
        ask: &Ask<'_>,
        hold: CallId,
    ) -> Result<Admitted, Problem> {
        if listed(ask).decision != Decision::Allow {
            return self.admit(ask).await;
        }
        match self.desk.rejoin(hold, &self.identity(ask)).await {
            Ok(Some(asked)) => {
                let call = clock::call_id();
                let origin = self.origin(call, self.place(ask, call));
                self.answered(ask, origin, asked).await
            }
            Ok(None) => self.admit(ask).await,
            Err(error) => Err(self.not_asked(ask, clock::call_id(), error).await),
        }
    }

    /// Takes what people have decided: makes the call that they let go, once and as they saw it, or
    /// says their no.
    pub async fn settle(
        self: &Arc<Self>,
        ask: &Ask<'_>,
        held: Held,
        decided: Decided,
    ) -> Result<Dispatched, Problem> {
        let no = match decided {
            Decided::Granted(claim) => return self.resume(ask, claim, held.origin).await,
            Decided::Taken => {
                let message = "NOT EXECUTED HERE. The same call was asked for more than once, and \
                               another of these requests makes it.";
                let taken = Problem::new(ErrorCode::ApprovalWithdrawn, message);
                return Err(taken.recorded_as(held.call()));
            }
            Decided::Refused(no) | Decided::Expired(no) | Decided::Withdrawn(no) => no,
        };
        self.correlator().unanswered(no.hold);
        Err(refusal(&no))
    }

    async fn hold(
        self: &Arc<Self>,
        ask: &Ask<'_>,
        origin: Origin,
        verdict: Verdict,
        rule: HoldRule,
    ) -> Result<Admitted, Problem> {
        let (call, place) = (origin.call, &origin.place);
        let session = place.session;
        let is_first = place.method == SessionMethod::New;
        let packed = match ask.body {
            [] => None,
            bytes => {
                let cuts = ask.cuts;
                Some(self.pack_new(Unpacked { session, is_first, bytes, cuts, kept: true })?)
            }
        };
        let fact = self.held_fact(ask, place, (verdict, rule), packed.as_ref());
        let arguments = ask.arguments().and_then(|text| json::canonical(text).ok());
        let arguments = arguments.and_then(|bytes| String::from_utf8(bytes).ok());
        let asked = self.desk.ask(NewHold {
            call,
            session,
            cause: place.cause.map(|cause| EventId::new(cause.ulid())),
            fact,
            payload: packed,
            also: origin.also.clone(),
            arguments: arguments.map(Into::into),
        });
        match asked.await {
            Ok(asked) => self.answered(ask, origin, asked).await,
            Err(error) => Err(self.not_asked(ask, call, error).await),
        }
    }

    fn origin(&self, call: CallId, mut place: Place) -> Origin {
        let also = self.drafts(std::mem::take(&mut place.notes));
        Origin { call, place, also }
    }

    /// People could not be asked.
    pub(super) async fn not_asked(&self, ask: &Ask<'_>, call: CallId, error: DeskError) -> Problem {
        self.correlator().unanswered(call);
        match error {
            DeskError::Record(error) => {
                self.gap.count(&error);
                self.unrecorded(&error)
            }
            DeskError::Revoked { .. } => {
                let verdict = verdict_of("revocations", &error.to_string());
                self.deny(ask, (call, None), (verdict, None)).await
            }
            DeskError::Stopping => Problem::new(ErrorCode::ShuttingDown, error.to_string()),
        }
    }

    async fn answered(
        self: &Arc<Self>,
        ask: &Ask<'_>,
        origin: Origin,
        asked: Asked,
    ) -> Result<Admitted, Problem> {
        let (problem, policy) = match asked {
            Asked::Waits(waiting) => {
                return Ok(Admitted::Waits(Box::new(Held { waiting, origin })));
            }
            Asked::Granted(claim) => {
                let sent = self.resume(ask, claim, origin).await?;
                return Ok(Admitted::Sent(Box::new(sent)));
            }
            Asked::Refused(no) => (refusal(&no), "recent no"),
            Asked::TooMany(many) => {
                let message = format!("NOT EXECUTED. People would have to allow this call: {many}");
                (Problem::new(ErrorCode::ApprovalsFull, message), "limits")
            }
        };
        self.correlator().unanswered(origin.call);
        let verdict = verdict_of(policy, &problem.message);
        let denied = self.deny(ask, (origin.call, Some(&origin.place)), (verdict, None)).await;
        if denied.code == ErrorCode::PolicyDenied {
            return Err(Problem { code: problem.code, ..denied });
        }
        Err(denied)
    }

    /// Makes a call that people let go, if nothing has changed that they did not see.
    async fn resume(
        self: &Arc<Self>,
        ask: &Ask<'_>,
        mut claim: Claim,
        origin: Origin,
    ) -> Result<Dispatched, Problem> {
        let held = Arc::clone(claim.held());
        let (call, session) = (claim.call(), claim.session());
        let arguments = self.edited_arguments(&claim).await?;
        let given = arguments.as_deref().or(ask.arguments());
        if let Some(reason) = self.changed_since(ask, given, (session, &held)) {
            if claim.is_covered() {
                let verdict = verdict_of("changed since", &reason);
                return Err(self.deny(ask, (call, None), (verdict, None)).await);
            }
            drop(claim);
            return Err(self.take_back(call, reason).await);
        }
        let marked = Some(self.correlator().arguments(given.unwrap_or_default()));
        let decided = claim.edited().map_or(held.arguments, |edited| Some(edited.arguments));
        if ask.tool().is_some() && decided != marked {
            let message = "the arguments are not those that people decided on";
            return Err(Problem::new(ErrorCode::Internal, message));
        }
        let edited = match arguments.as_deref() {
            Some(arguments) => Some(with_arguments(ask.body, arguments)?),
            None => None,
        };
        // A grant for calls of a kind lets a call go that was never held.
        let was_held = !claim.is_covered();
        let is_first = !was_held && held.session == SessionMethod::New;
        let Origin { place, also, .. } = origin;
        let clearance = Clearance {
            call,
            session,
            method: held.session,
            is_first,
            cause: place.cause.filter(|_| !was_held),
            conversation: place.conversation,
            arguments: decided,
            tool_call: held.tool_call.clone(),
            also: if was_held { Vec::new() } else { also },
            verdict: held.verdict.clone(),
            shadow: None,
            grant: Some(claim.grant()),
            was_held,
            edited,
        };
        claim.begin();
        match self.send(ask, clearance).await {
            Ok(dispatched) => {
                claim.spend();
                Ok(dispatched)
            }
            Err(Unsent { problem, may_be_recorded }) => {
                if may_be_recorded {
                    claim.spend();
                } else {
                    claim.give_back();
                }
                Err(problem)
            }
        }
    }

    /// What is not any more as it was when people decided.
    pub(super) fn changed_since(
        &self,
        ask: &Ask<'_>,
        arguments: Option<&str>,
        (session, held): (events::SessionId, &CallHeld),
    ) -> Option<String> {
        if let Some(revoked) = revoked(&self.desk, ask.caller) {
            return Some(revoked.message);
        }
        let judged = self.judge(ask, arguments, (session, listed(ask)));
        if judged.verdict.decision == Decision::Deny {
            let reason = judged.verdict.reason.unwrap_or_else(|| "it is forbidden".into());
            return Some(format!("the policy forbids it by now: {reason}"));
        }
        match (held.definition, self.definition(ask)) {
            (Some(then), Some(now)) if then != now => Some(
                "the tool's server describes it differently than when it was decided on".into(),
            ),
            _ => None,
        }
    }

    pub(super) async fn take_back(&self, hold: CallId, reason: String) -> Problem {
        let message = format!("NOT EXECUTED. It was allowed, but {reason}.");
        let withdrawn = self.desk.withdraw(hold, "gateway".into(), reason).await;
        if let Err(error) = withdrawn {
            tracing::warn!(%error, %hold, "a call that may not be made is still granted");
        }
        self.correlator().unanswered(hold);
        Problem::new(ErrorCode::ApprovalWithdrawn, message).recorded_as(hold)
    }

    /// The arguments that an approver put in the place of those asked for.
    pub(super) async fn edited_arguments(&self, claim: &Claim) -> Result<Option<String>, Problem> {
        let Some(edited) = claim.edited() else { return Ok(None) };
        if let Some(text) = &edited.text {
            return Ok(Some(text.to_string()));
        }
        let (reader, keys) = (Arc::clone(self.ledger.reader()), self.ledger.keys().clone());
        let (session, request) = (claim.session(), edited.request);
        let read = move || load(&*reader, &keys, session, &request);
        let lost = |what: String| {
            let message = format!("the call as an approver changed it cannot be read: {what}");
            Problem::new(ErrorCode::Internal, message)
        };
        let loaded = tokio::task::spawn_blocking(read).await;
        let loaded = loaded.map_err(|error| lost(error.to_string()))?;
        let bytes = loaded.map_err(|error| lost(error.to_string()))?;
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| lost("it is not kept any more".into()))?;
        let found = json::find(&text, &["params", "arguments"]);
        let found = found.ok_or_else(|| lost("it has no arguments".into()))?;
        Ok(Some(found.text.to_owned()))
    }
}

/// What an agent is told that shall ask again: the very same, which comes to the same hold.
pub fn pending(hold: CallId, expires: &str) -> Problem {
    let message = format!(
        "NOT EXECUTED YET. A person must allow this exact call first, and has been asked. Make the \
         same call again with the same arguments in about 30 seconds: it does not ask them again, \
         and is made once when they allow it. Do not change the arguments. They have time until \
         {expires}; without their yes the answer is no. (Approval {hold}.)"
    );
    Problem::new(ErrorCode::ApprovalPending, message).recorded_as(hold)
}

pub(super) fn listed(ask: &Ask<'_>) -> Verdict {
    policy::decide(&policy::Request {
        agent: ask.caller.name(),
        object: &ask.object,
        listed: ask.listed,
    })
}

pub(super) fn with_arguments(body: &[u8], arguments: &str) -> Result<String, Problem> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    json::set(text, &["params", "arguments"], arguments).map_err(|_| {
        Problem::new(ErrorCode::Internal, "the arguments of the request cannot be replaced")
    })
}

/// A no in words that a model understands. What people wrote is quoted as such.
pub(super) fn refusal(no: &No) -> Problem {
    let by = if no.by.is_empty() { "a person".to_owned() } else { no.by.join(" and ") };
    let (code, what) = match no.why {
        Why::Refused => (ErrorCode::ApprovalRefused, format!("{by} rejected this call.")),
        Why::Undecided => {
            let what = "Nobody allowed this call in time, so the answer is no.".to_owned();
            (ErrorCode::ApprovalExpired, what)
        }
        Why::Unclaimed => {
            let what = "This call was allowed, and not made in time.".to_owned();
            (ErrorCode::ApprovalExpired, what)
        }
        Why::Withdrawn => {
            (ErrorCode::ApprovalWithdrawn, format!("This call was taken back by {by}."))
        }
    };
    let quoted: Vec<String> = no.reasons.iter().map(|reason| format!("{reason:?}")).collect();
    let reason = match quoted.as_slice() {
        [] => String::new(),
        quoted if no.by.iter().any(|by| by.contains('@')) => {
            format!(" Reason, in their own words: {}.", quoted.join("; "))
        }
        quoted => format!(" Reason: {}.", quoted.join("; ")),
    };
    let message = format!(
        "NOT EXECUTED. {what}{reason} Do not repeat it, and do not try to reach the same in another \
         way."
    );
    Problem::new(code, message).recorded_as(no.hold)
}
