//! Tool calls in answers that agents run themselves: whether they may be released, and as what.
//!
//! Only where a policy names such tools is there a [`Guard`], and without one nothing of this
//! happens. The outcome of the model call is on record before people are asked.

use super::{Models, Passing, recorded_dialect};
use crate::caller::Caller;
use crate::dialect::{AskedCall, Route, Ruling, asked_calls, rewrite_answer};
use crate::gate::{Gate, LocalAnswer, LocalAsk, OpenCall, Rewritten, pending};
use crate::json;
use crate::problem::{ErrorCode, Problem};
use approvals::{Decided, Waiting};
use bytes::Bytes;
use events::{CallId, Decision, SessionId};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Stands between the answer to one model call and its agent.
pub(super) struct Guard {
    gate: Arc<Gate>,
    caller: Arc<Caller>,
    pub(super) route: Route,
    call: CallId,
    session: SessionId,
    upstream: Arc<str>,
    kept: bool,
    patience: Duration,
}

/// The arguments of a call as policies and people see them: an object.
struct Shown {
    object: String,
    /// Where what the model wrote stands in it, if that is not the object itself.
    inside: Option<Inside>,
    unreadable: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Text,
    Value,
}

/// The member that has what is no object by itself.
const INPUT: &str = "input";

/// A tool call that people decide about.
struct Held<'a> {
    place: usize,
    call: &'a AskedCall,
    shown: Shown,
    waiting: Option<Waiting>,
    decided: Option<Decided>,
}

impl Models {
    /// Who looks after the answer to a call; nobody where no policy is about its tool calls.
    pub(super) fn guard(&self, passing: &Passing, call: &OpenCall) -> Option<Guard> {
        let route = passing.route;
        let asks =
            matches!(route, Route::OpenAiChat | Route::OpenAiResponses | Route::AnthropicMessages);
        let caller = passing.caller.get().filter(|_| asks && self.gate.judges_local())?;
        Some(Guard {
            gate: Arc::clone(&self.gate),
            caller: Arc::clone(caller),
            route,
            call: call.id(),
            session: call.session(),
            upstream: Arc::clone(call.upstream()),
            kept: call.keeps_answers(),
            patience: self.config.approvals.hold_models,
        })
    }
}

impl Guard {
    /// A whole answer as it may be released; nothing if `gone` came first. An error means that it
    /// may not be released at all.
    pub(super) async fn whole(
        &self,
        body: Bytes,
        gone: impl Future<Output = ()>,
    ) -> Result<Option<Bytes>, Problem> {
        let text = json::check(&body, json::Limits::default()).map_err(|fault| {
            let message =
                format!("provider `{}`: an answer that cannot be judged: {fault}", self.upstream);
            Problem::new(ErrorCode::UpstreamBroken, message).recorded_as(self.call)
        })?;
        let calls = asked_calls(self.route, text);
        let Some(rulings) = self.rule(&calls, gone).await? else { return Ok(None) };
        if rulings.iter().all(|ruling| *ruling == Ruling::Keep) {
            return Ok(Some(body));
        }
        let kept = rulings.iter().filter(|ruling| !matches!(ruling, Ruling::Say(_))).count();
        let rewritten = rewrite_answer(self.route, text, &rulings);
        let rewritten = rewritten.filter(|new| asked_calls(self.route, new).len() == kept);
        let rewritten = rewritten.ok_or_else(|| self.unwritable())?;
        self.record(rewritten.as_bytes()).await?;
        Ok(Some(rewritten.into()))
    }

    /// Whether an agent would run this call itself.
    pub(super) fn is_own(&self, call: &AskedCall) -> bool {
        !call.by_provider && self.gate.is_local(&self.caller, &call.name)
    }

    /// Whether policies let a call go that the agent would run itself, without anybody being asked.
    pub(super) fn allows(&self, call: &AskedCall) -> bool {
        let shown = Shown::of(call);
        self.gate.local_decision(&self.ask(call, &shown)) == Decision::Allow
    }

    /// What becomes of the calls of an answer whose outcome is on record; nothing if `gone` came
    /// while people were asked.
    pub(super) async fn rule(
        &self,
        calls: &[AskedCall],
        gone: impl Future<Output = ()>,
    ) -> Result<Option<Vec<Ruling>>, Problem> {
        let mut rulings = vec![Ruling::Keep; calls.len()];
        let mut held = Vec::new();
        for (place, call) in calls.iter().enumerate().filter(|(_, call)| self.is_own(call)) {
            let shown = Shown::of(call);
            let (waiting, decided) = match self.gate.admit_local(&self.ask(call, &shown)).await {
                LocalAnswer::Waits(waiting) => (Some(waiting), None),
                LocalAnswer::Granted(claim) => (None, Some(Decided::Granted(claim))),
                answer @ (LocalAnswer::Released(_) | LocalAnswer::No(_)) => {
                    put(&mut rulings, place, ruling(call, &shown, answer)?);
                    continue;
                }
            };
            held.push(Held { place, call, shown, waiting, decided });
        }
        if !self.wait(&mut held, gone).await {
            let waiting = held.into_iter().filter_map(|held| held.waiting);
            waiting.for_each(|waiting| waiting.leave("the agent hung up"));
            return Ok(None);
        }
        for held in held {
            let place = held.place;
            put(&mut rulings, place, self.settle(held).await?);
        }
        Ok(Some(rulings))
    }

    /// Waits until people have decided about all of them, or there is no more time; false if `gone`
    /// came first. Nothing that was granted is used up by it.
    async fn wait(&self, held: &mut [Held<'_>], gone: impl Future<Output = ()>) -> bool {
        if held.iter().all(|held| held.decided.is_some()) {
            return true;
        }
        let deciding = async {
            for held in held.iter_mut() {
                held.decide().await;
            }
        };
        tokio::select! {
            () = deciding => return true,
            () = gone => return false,
            () = tokio::time::sleep(self.patience) => {}
        }
        for held in held.iter_mut() {
            // Of these the first alone was waited for.
            drop(tokio::time::timeout(Duration::ZERO, held.decide()).await);
        }
        true
    }

    async fn settle(&self, held: Held<'_>) -> Result<Ruling, Problem> {
        let Held { place: _, call, shown, waiting, decided } = held;
        let answer = match (decided, waiting) {
            (Some(decided), _waiting) => {
                self.gate.settle_local(&self.ask(call, &shown), decided).await
            }
            (None, Some(waiting)) => {
                let problem = pending(waiting.id(), &waiting.expires().to_string());
                waiting.leave("the agent was told to ask again");
                LocalAnswer::No(problem)
            }
            (None, None) => return Err(self.unwritable()),
        };
        ruling(call, &shown, answer)
    }

    /// Records what is released in the place of the answer.
    pub(super) async fn record(&self, body: &[u8]) -> Result<(), Problem> {
        let rewritten = Rewritten {
            caller: &self.caller,
            call: self.call,
            session: self.session,
            upstream: &self.upstream,
            kept: self.kept,
            body,
        };
        let recorded = self.gate.rewritten(rewritten).await;
        recorded.map_err(|problem| problem.recorded_as(self.call))
    }

    /// There are calls in the answer that can be neither released nor taken out.
    pub(super) fn unwritable(&self) -> Problem {
        let message = "the answer has tool calls that may not be released, and cannot be written \
                       without them";
        Problem::new(ErrorCode::Internal, message).recorded_as(self.call)
    }

    fn ask<'a>(&'a self, call: &'a AskedCall, shown: &'a Shown) -> LocalAsk<'a> {
        LocalAsk {
            caller: &self.caller,
            dialect: recorded_dialect(self.route),
            answer_of: self.call,
            session: self.session,
            id: &call.id,
            name: &call.name,
            arguments: &shown.object,
            unreadable: shown.unreadable.as_deref(),
        }
    }
}

impl Held<'_> {
    async fn decide(&mut self) {
        if let (None, Some(waiting)) = (&self.decided, &mut self.waiting) {
            self.decided = Some(waiting.decided().await);
        }
    }
}

impl Shown {
    fn of(call: &AskedCall) -> Self {
        let text = call.arguments.trim();
        let wrapped = |value: &str| format!("{{\"{INPUT}\":{value}}}");
        let quoted = || serde_json::Value::from(call.arguments.as_str()).to_string();
        let name = match call.name.len() {
            0 => Some("it names no tool".to_owned()),
            1..=NAME_BYTES_MAX => None,
            _ => Some("the tool's name is too long".to_owned()),
        };
        if call.free {
            let (object, inside) = (wrapped(&quoted()), Some(Inside::Text));
            return Self { object, inside, unreadable: name };
        }
        if text.is_empty() {
            return Self { object: "{}".into(), inside: None, unreadable: name };
        }
        match json::check(text.as_bytes(), json::Limits::default()) {
            Ok(_) if text.starts_with('{') => {
                Self { object: text.to_owned(), inside: None, unreadable: name }
            }
            Ok(_) => Self { object: wrapped(text), inside: Some(Inside::Value), unreadable: name },
            Err(fault) => Self {
                object: wrapped(&quoted()),
                inside: None,
                unreadable: Some(format!("its arguments are not acceptable JSON: {fault}")),
            },
        }
    }

    /// Arguments that an approver wrote, as the model would have written them.
    fn written(&self, object: String) -> String {
        let found = json::find(&object, &[INPUT]).filter(|_| self.inside.is_some());
        match (found, self.inside) {
            (Some(found), Some(Inside::Text)) => json::string(found.text)
                .map_or_else(|| found.text.to_owned(), std::borrow::Cow::into_owned),
            (Some(found), _) => found.text.to_owned(),
            (None, _) => object,
        }
    }
}

/// The longest name of a tool that can be judged.
const NAME_BYTES_MAX: usize = 256;

fn ruling(call: &AskedCall, shown: &Shown, answer: LocalAnswer) -> Result<Ruling, Problem> {
    match answer {
        LocalAnswer::Released(None) => Ok(Ruling::Keep),
        LocalAnswer::Released(Some(object)) => Ok(Ruling::Edit(shown.written(object))),
        LocalAnswer::No(problem) if is_no(problem.code) => Ok(Ruling::Say(told(call, &problem))),
        LocalAnswer::No(problem) => Err(problem),
        // Neither is an answer yet, and what is none is not released.
        LocalAnswer::Granted(_) | LocalAnswer::Waits(_) => {
            Err(Problem::new(ErrorCode::Internal, "a tool call was not decided about"))
        }
    }
}

/// Whether a problem is that of one call, so that the rest of the answer can be released.
const fn is_no(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::PolicyDenied
            | ErrorCode::ApprovalExpired
            | ErrorCode::ApprovalPending
            | ErrorCode::ApprovalRefused
            | ErrorCode::ApprovalWithdrawn
            | ErrorCode::ApprovalsFull
    )
}

/// What the model is made to say, so that it learns from the conversation what became of its call.
fn told(call: &AskedCall, problem: &Problem) -> String {
    let name: String = call.name.chars().take(NAME_BYTES_MAX).collect();
    let begins = if problem.message.starts_with("NOT EXECUTED") { "" } else { "NOT EXECUTED. " };
    format!("[The call of the tool `{name}` was withheld. {begins}{}]", problem.message)
}

fn put(rulings: &mut [Ruling], place: usize, ruling: Ruling) {
    if let Some(of_call) = rulings.get_mut(place) {
        *of_call = ruling;
    }
}
