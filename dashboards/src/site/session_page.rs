//! One session as a tree: the person, the agent, what it asked models, and what tools did.

use super::Site;
use super::exact::payload;
use super::frame::{Wanted, page, shell, sorry};
use super::reading::{each, position};
use super::refused::No;
use super::sessions::{permitted, unreadable};
use super::visitor::Visitor;
use crate::markup::Label;
use crate::moment::Moment;
use crate::pages::{BranchView, CallView, Mood, Place, SessionPage, StepView, TextView};
use crate::truth::shown;
use analytics::{
    Asked, Branch, Call, HoldState, Members, Outcome, Projection as _, SessionCalls, Trace,
    answer_text, arguments_text, result_text, user_text,
};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use events::{Operation, SessionId, Timestamp};
use http::{HeaderMap, StatusCode};

/// How long before a session's first event its id may have been made.
const MARGIN_MICROS: u64 = 60_000_000;

/// How many calls are shown with their texts.
const TEXTS_MAX: usize = 200;

/// The route: `/sessions/{session}`.
pub(super) fn routes(site: &Site) -> Router {
    Router::new().route("/sessions/{session}", get(session)).with_state(site.clone())
}

async fn session(
    State(site): State<Site>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let visitor = match permitted(&site, &headers, &format!("/sessions/{name}")).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    let absent = No::new(StatusCode::NOT_FOUND, "unknown", "there is no such session");
    let Ok(id) = name.parse::<SessionId>() else {
        return sorry(&site, (Some(&visitor), &headers), &absent);
    };
    let made = {
        let (site, visitor, headers) = (site.clone(), visitor.clone(), headers.clone());
        tokio::task::spawn_blocking(move || make(&site, &visitor, &headers, id)).await
    };
    match made {
        Ok(Some(made)) => page(StatusCode::OK, &made),
        Ok(None) => sorry(&site, (Some(&visitor), &headers), &absent),
        Err(error) => sorry(&site, (Some(&visitor), &headers), &unreadable(&error)),
    }
}

/// It blocks.
fn make(
    site: &Site,
    visitor: &Visitor,
    headers: &HeaderMap,
    session: SessionId,
) -> Option<SessionPage> {
    let reader = &*site.parts().reader;
    // An id holds the moment when it was made, unless it is derived from a name.
    let made = session.ulid().timestamp_ms().saturating_mul(1000);
    let from = Timestamp::from_micros(made.saturating_sub(MARGIN_MICROS));
    let range = position(reader, from)..reader.next().number();
    let mut members = Members::new(session);
    each(reader, range.clone(), |envelope| members.apply(envelope));
    let mut rows = SessionCalls::new(members);
    each(reader, range, |envelope| rows.apply(envelope));
    let trace = Trace::of(session, rows.calls());
    let began = trace.calls().map(|call| call.time).min()?;
    let path = format!("/sessions/{session}");
    let wanted = Wanted { title: "Session", place: Place::Sessions, path: &path };
    let mut teller = Teller { site, began, left: TEXTS_MAX };
    Some(SessionPage {
        shell: shell(site, Some(visitor), headers, wanted),
        session: session.to_string(),
        began: Moment::of(began),
        branches: trace.branches.iter().map(|branch| teller.branch(branch)).collect(),
        findings: trace.findings.iter().map(|it| Label::of(&it.detail)).collect(),
    })
}

struct Teller<'a> {
    site: &'a Site,
    began: Timestamp,
    /// How many more calls are shown with their texts.
    left: usize,
}

impl Teller<'_> {
    fn branch(&mut self, branch: &Branch<'_>) -> BranchView {
        let all = branch.steps.iter();
        let all: Vec<&Call> = all
            .flat_map(|step| std::iter::once(step.call).chain(step.caused.iter().copied()))
            .collect();
        let count = |operation| all.iter().filter(|call| call.operation() == operation).count();
        let (models, tools) = (count(Operation::Chat), count(Operation::ExecuteTool));
        let is_besides =
            |call: &Call| !call.operation().is_act() && is_well(call) && call.findings.is_empty();
        let besides = all.iter().filter(|call| is_besides(call)).count();
        let steps = branch.steps.iter().filter(|step| !is_besides(step.call));
        let steps = steps.map(|step| StepView {
            call: self.call(step.call),
            caused: step.caused.iter().map(|call| self.call(call)).collect(),
            unseen: step.unseen.iter().map(|asked| Label::name(&asked.name)).collect(),
        });
        let steps = steps.collect();
        let principal = branch.principal;
        BranchView {
            owner: Label::name(&principal.owner),
            agent: Label::name(&principal.agent),
            team: Label::name(&principal.team),
            totals: vec![counted(models, "model call"), counted(tools, "tool call")],
            steps,
            besides: Label::of(&match besides {
                0 => String::new(),
                count => counted(count, "listing or handshake"),
            }),
        }
    }

    fn call(&mut self, call: &Call) -> CallView {
        let is_chat = call.operation() == Operation::Chat;
        let (outcome, mood, because) = ended(call);
        let offset = call.time.micros().saturating_sub(self.began.micros());
        CallView {
            call: call.id.to_string(),
            sequence: call.sequence,
            offset: format!("+{}.{:03} s", offset / 1_000_000, offset / 1000 % 1000),
            operation: if is_chat { "chat" } else { "tool" },
            name: Label::name(call.target().or(call.model()).unwrap_or(call.method())),
            upstream: Label::name(call.upstream().unwrap_or_default()),
            parts: parts(call),
            outcome,
            mood,
            because: Label::of(&because),
            texts: self.texts(call),
            cause: call.cause().map(|link| format!("linked, {} % sure", link.confidence)),
            findings: call.findings.iter().map(|it| Label::of(&it.detail)).collect(),
            decision: call.hold.as_ref().map(|_| format!("/holds/{}", call.id)),
        }
    }

    fn texts(&mut self, call: &Call) -> Vec<TextView> {
        let Some(session) = call.session.filter(|_| call.operation().is_act()) else {
            return Vec::new();
        };
        if self.left == 0 {
            return Vec::new();
        }
        self.left -= 1;
        let text = |what, reference, take: fn(&[u8]) -> Option<String>| {
            let bytes = payload(self.site, session, reference);
            let text = bytes.map(|bytes| {
                let taken = take(&bytes);
                shown(&taken.unwrap_or_else(|| String::from_utf8_lossy(&bytes).into_owned()))
            });
            TextView { what, text }
        };
        let has_answer = call.answer().is_some();
        let (asked, answered) = if call.operation() == Operation::Chat {
            let answer = || text("answer", call.answer(), answer_text);
            (text("user", call.request(), user_text), has_answer.then(answer))
        } else {
            let answer = || text("result", call.answer(), result_text);
            (text("arguments", call.request(), arguments_text), has_answer.then(answer))
        };
        std::iter::once(asked).chain(answered).collect()
    }
}

fn is_well(call: &Call) -> bool {
    matches!(&call.outcome, Some(Outcome::Completed(fact)) if !fact.unsuccessful)
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn parts(call: &Call) -> Vec<String> {
    let took = call.duration_us().map(|micros| match micros {
        0..1_000_000 => format!("{} ms", micros / 1000),
        _ => format!("{}.{} s", micros / 1_000_000, micros / 100_000 % 10),
    });
    let tokens = call.usage().map(|usage| {
        let said = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), |it| it.to_string());
        format!("tokens {} in, {} out", said(usage.input), said(usage.output))
    });
    took.into_iter().chain(tokens).collect()
}

/// How a call ended, where that is worth a word; how good that is, and why.
fn ended(call: &Call) -> (Option<String>, Mood, String) {
    let said = |word: &str, mood, why: &str| (Some(word.to_owned()), mood, why.to_owned());
    match (&call.asked, &call.outcome) {
        (Asked::Denied(fact), _) => {
            said("denied", Mood::Bad, fact.verdict.reason.as_deref().unwrap_or_default())
        }
        (Asked::Held(fact), _) => {
            let state = call.hold.as_ref().map_or(HoldState::Waiting, |hold| hold.state);
            let why = fact.verdict.reason.as_deref().unwrap_or_default();
            match state {
                HoldState::Waiting => said("waits for a person", Mood::Warning, why),
                HoldState::Granted => said("approved, not made yet", Mood::Good, why),
                HoldState::Refused => said("rejected", Mood::Bad, why),
                HoldState::Expired => said("not decided or made in time", Mood::Bad, why),
                HoldState::Withdrawn => said("withdrawn", Mood::Quiet, why),
                HoldState::Dispatched => said("approved", Mood::Good, why),
            }
        }
        (Asked::Dispatched(_), None) => said("under way", Mood::Plain, ""),
        (Asked::Dispatched(_), Some(Outcome::Completed(fact))) if fact.unsuccessful => {
            said("says that it failed", Mood::Warning, "")
        }
        (Asked::Dispatched(_), Some(Outcome::Completed(_))) => (None, Mood::Plain, String::new()),
        (Asked::Dispatched(_), Some(Outcome::Failed(fact))) => {
            said("failed", Mood::Bad, &fact.detail)
        }
        (Asked::Dispatched(_), Some(Outcome::Cancelled(_))) => said("cancelled", Mood::Quiet, ""),
        (Asked::Dispatched(_), Some(Outcome::InDoubt(_))) => said("in doubt", Mood::Bad, ""),
    }
}
