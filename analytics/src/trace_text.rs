//! A trace as text for a terminal: who, what, how long, how much, why, and what is odd about it.

mod holds;

use crate::calls::{Asked, Call, Grant, Outcome};
use crate::drawing::{Line, Node, Tone, draw};
use crate::excerpt::{answer_text, arguments_text, result_text, user_text};
use crate::safe_text::one_line;
use crate::trace::{Branch, Step, Trace};
use crate::words;
use events::{
    CallFailed, CallLinked, EventId, FindingRaised, LinkMethod, Operation, PayloadRef, Relay,
    SessionId, Timestamp, ToolCallAsked,
};
use std::collections::BTreeMap;

/// The most columns that a name takes.
const NAME_COLUMNS: usize = 48;

/// Gives the content of a payload of a session; `None` when it is not kept. An error says in a few
/// words why it cannot be shown.
pub type Payloads<'a> = dyn Fn(SessionId, &PayloadRef) -> Result<Option<Vec<u8>>, String> + 'a;

/// How a trace should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// How many columns there are. Lines keep to it unless it is very small.
    pub width: usize,
    /// Whether the terminal shows colours.
    pub colour: bool,
}

/// Draws a trace. What agents and upstreams wrote is shown safely; see [`one_line`].
pub fn trace_text(trace: &Trace<'_>, payloads: &Payloads<'_>, look: Look) -> String {
    let (session, erased, grants) = (trace.session, &trace.erased, trace.grants);
    let painter = Painter { start: start(trace), session, erased, grants, payloads };
    let mut roots: Vec<Node> = trace.branches.iter().map(|branch| painter.branch(branch)).collect();
    roots.extend(trace.findings.iter().map(finding));
    draw(&roots, look.width, look.colour)
}

fn start(trace: &Trace<'_>) -> Timestamp {
    trace.calls().map(|call| call.time).min().unwrap_or_default()
}

fn name(text: &str) -> String {
    one_line(text, NAME_COLUMNS)
}

struct Painter<'a> {
    start: Timestamp,
    session: SessionId,
    erased: &'a BTreeMap<SessionId, Timestamp>,
    grants: &'a BTreeMap<EventId, Grant>,
    payloads: &'a Payloads<'a>,
}

impl Painter<'_> {
    fn branch(&self, branch: &Branch<'_>) -> Node {
        let principal = branch.principal;
        let mut session = Node::of(Tone::Plain, self.totals(branch));
        let mut said = None;
        let mut aside: BTreeMap<&str, u64> = BTreeMap::new();
        for step in &branch.steps {
            if is_routine(step.call) {
                *aside.entry(step.call.method()).or_default() += 1;
            } else {
                session.children.push(self.step(step, &mut said));
            }
        }
        if !aside.is_empty() {
            let list = aside.iter().map(|(method, count)| format!("{} × {count}", name(method)));
            let mut parts: Vec<String> = list.collect();
            parts.insert(0, "besides".to_owned());
            session.children.push(Node::of(Tone::Quiet, parts));
        }
        let agent = format!("{} (team {})", name(&principal.agent), name(&principal.team));
        let mut agent = Node::of(Tone::Plain, vec![agent]);
        agent.children.push(session);
        let mut person = Node::of(Tone::Plain, vec![name(&principal.owner)]);
        person.children.push(agent);
        person
    }

    fn totals(&self, branch: &Branch<'_>) -> Vec<String> {
        let calls = || {
            let steps = branch.steps.iter();
            steps.flat_map(|step| std::iter::once(step.call).chain(step.caused.iter().copied()))
        };
        let count = |operation| calls().filter(|call| call.operation() == operation).count();
        let end = calls().map(|call| call.sent().micros() + call.duration_us().unwrap_or(0)).max();
        let lasted = end.unwrap_or_default().saturating_sub(self.start.micros());
        let sum = |count: fn(&events::Usage) -> Option<u64>| {
            let known: Vec<u64> =
                calls().filter_map(|call| call.usage().as_ref().and_then(count)).collect();
            (!known.is_empty()).then(|| known.iter().sum())
        };
        let usage = events::Usage {
            cache_write: sum(|usage| usage.cache_write),
            cached_input: sum(|usage| usage.cached_input),
            input: sum(|usage| usage.input),
            output: sum(|usage| usage.output),
            reasoning: sum(|usage| usage.reasoning),
        };
        let mut parts = vec![
            format!("session {}", self.session),
            words::moment(self.start),
            words::duration(lasted),
            words::counted(count(Operation::Chat), "model call"),
            words::counted(count(Operation::ExecuteTool), "tool call"),
        ];
        parts.extend(Some(words::tokens(&usage)).filter(|text| !text.is_empty()));
        parts
    }

    fn step(&self, step: &Step<'_>, said: &mut Option<String>) -> Node {
        let mut node = self.call(step.call);
        if let Operation::Chat | Operation::Embeddings = step.call.operation() {
            let user = self.content(step.call, step.call.request(), "user:", user_text);
            // A loop of tool calls repeats what the person said; once is enough.
            if let Some(Line::Text(_, _, text)) = &user
                && said.as_ref() != Some(text)
            {
                *said = Some(text.clone());
                node.lines.extend(user);
            }
            node.lines.extend(self.content(step.call, step.call.answer(), "answer:", answer_text));
        }
        let mut caused: Vec<Node> = step.caused.iter().map(|call| self.call(call)).collect();
        caused.extend(step.unseen.iter().map(|asked| unseen(asked)));
        // Findings of the call itself come first.
        node.children.extend(caused);
        node
    }

    fn call(&self, call: &Call) -> Node {
        let (tone, outcome) = outcome(call);
        let mut parts = vec![
            format!("#{} {}", call.sequence, words::offset(self.start, call.time)),
            what(call),
        ];
        parts.extend(call.duration_us().map(words::duration));
        parts.extend(call.usage().as_ref().map(words::tokens).filter(|text| !text.is_empty()));
        parts.extend(outcome);
        parts.extend(holds::allowed(call, self.grants));
        let is_tool = matches!(call.operation(), Operation::ExecuteTool | Operation::Retrieval);
        if is_tool {
            parts.extend(cause(call));
        }
        let mut node = Node::of(tone, parts);
        node.lines.extend(detail(call).map(|(label, text)| Line::Text(tone, label, text)));
        if is_tool {
            node.lines.extend(self.content(call, call.request(), "arguments:", arguments_text));
            node.lines.extend(self.content(call, call.answer(), "result:", result_text));
        }
        node.children.extend(call.hold.as_ref().map(|hold| holds::hold(self.start, hold)));
        for relayed in &call.relayed {
            let arrow = match relayed.message.direction {
                Relay::ToAgent => "to the agent",
                Relay::ToUpstream => "to the upstream",
            };
            let at = words::offset(self.start, relayed.time);
            let parts = vec![format!("{at} {} {arrow}", name(&relayed.message.method))];
            node.children.push(Node::of(Tone::Quiet, parts));
        }
        node.children.extend(call.findings.iter().map(finding));
        node
    }

    /// What a payload says, or why nothing can be shown; no line when it says nothing.
    fn content(
        &self,
        call: &Call,
        payload: Option<&PayloadRef>,
        label: &'static str,
        read: fn(&[u8]) -> Option<String>,
    ) -> Option<Line> {
        let payload = payload?;
        let session = call.session.unwrap_or(self.session);
        match (self.payloads)(session, payload) {
            Ok(Some(content)) => read(&content).map(|text| Line::Text(Tone::Plain, label, text)),
            Ok(None) => {
                let erased = self.erased.get(&session).filter(|_| !payload.discarded);
                let what = erased.map_or("(payload not kept)".to_owned(), |time| {
                    format!("(payload erased {})", words::moment(*time))
                });
                Some(Line::Text(Tone::Quiet, label, what))
            }
            Err(why) => Some(Line::Text(Tone::Failure, label, format!("({why})"))),
        }
    }
}

/// Listings and handshakes that went well are only counted.
fn is_routine(call: &Call) -> bool {
    let went_well = matches!(&call.outcome, Some(Outcome::Completed(fact)) if !fact.unsuccessful);
    let is_bare = call.findings.is_empty() && call.relayed.is_empty() && call.hold.is_none();
    !call.operation().is_act() && went_well && is_bare
}

fn what(call: &Call) -> String {
    let thing = call.target().or(call.model()).unwrap_or_else(|| call.method());
    let upstream = call.upstream().map_or(String::new(), |to| format!(" → {}", name(to)));
    format!("{} {}{upstream}", words::operation(call.operation()), name(thing))
}

fn outcome(call: &Call) -> (Tone, Vec<String>) {
    match (&call.asked, &call.hold) {
        (Asked::Denied(_), _) => return (Tone::Failure, vec!["DENIED".to_owned()]),
        (Asked::Held(_), Some(hold)) => return holds::state(hold),
        (Asked::Held(_) | Asked::Dispatched(_), _) => {}
    }
    match &call.outcome {
        None => (Tone::Warning, vec!["NO OUTCOME YET".to_owned()]),
        Some(Outcome::Completed(fact)) => {
            let mut parts = Vec::new();
            if !fact.finish.is_empty() {
                parts.push(format!("finish {}", name(&fact.finish.join(", "))));
            }
            if fact.unsuccessful {
                let status =
                    if fact.status == 0 { String::new() } else { format!(" {}", fact.status) };
                parts.push(format!("ANSWERED WITH AN ERROR{status}"));
                return (Tone::Failure, parts);
            }
            (Tone::Plain, parts)
        }
        Some(Outcome::Failed(fact)) => {
            let effect = words::effect(fact.may_have_acted);
            (Tone::Failure, vec!["FAILED".to_owned(), effect.to_owned()])
        }
        Some(Outcome::Cancelled(fact)) => {
            let effect = words::effect(fact.may_have_acted);
            let by = format!("CANCELLED by the {}", name(&fact.by));
            (Tone::Warning, vec![by, effect.to_owned()])
        }
        Some(Outcome::InDoubt(_)) => {
            let effect = words::effect(true);
            (Tone::Failure, vec!["IN DOUBT".to_owned(), effect.to_owned()])
        }
    }
}

/// Why a call did not go well.
fn detail(call: &Call) -> Option<(&'static str, String)> {
    if let Asked::Denied(fact) = &call.asked {
        let policies = fact.verdict.policies.join(", ");
        let reason = fact.verdict.reason.as_deref().unwrap_or("no reason given");
        return Some(("because:", format!("{reason} (policies: {policies})")));
    }
    match call.outcome.as_ref()? {
        Outcome::Completed(_) => None,
        Outcome::Failed(CallFailed { reason, detail, .. }) => {
            Some(("because:", format!("{}: {detail}", words::failure(*reason))))
        }
        Outcome::Cancelled(fact) => Some(("because:", fact.detail.clone())),
        Outcome::InDoubt(fact) => Some(("because:", fact.detail.clone())),
    }
}

/// Why a tool was called, and whether its result came back.
fn cause(call: &Call) -> Vec<String> {
    let Some(CallLinked { candidates, confidence, method, .. }) = call.cause() else {
        return vec!["no model call is known to ask for it".to_owned()];
    };
    let mut parts = vec![format!("linked by {}, {confidence} %", words::method(*method))];
    parts.extend(candidates.map(|count| format!("one of {count} that fit")));
    if *method != LinkMethod::Result && call.is_confirmed() {
        parts.push("✓ result came back".to_owned());
    }
    parts
}

fn unseen(asked: &ToolCallAsked) -> Node {
    let what = format!("asked for {}", name(&asked.name));
    Node::of(Tone::Quiet, vec![what, "not seen to be carried out".to_owned()])
}

fn finding(finding: &FindingRaised) -> Node {
    let kind = match words::finding(finding.kind) {
        kind if finding.tool_call.is_none() => kind.to_owned(),
        kind => format!("{kind} {}", name(finding.tool_call.as_deref().unwrap_or_default())),
    };
    let mut node = Node::of(Tone::Warning, vec![format!("! FINDING {kind}")]);
    node.lines.push(Line::Text(Tone::Warning, "because:", finding.detail.clone()));
    node
}

#[cfg(test)]
mod tests;
