//! The tree of a session: person, agent, model calls, and the tool calls that each of them caused.

use crate::calls::{Call, Calls, Grant, Outcome};
use events::{
    CallId, EventId, FindingRaised, Operation, Principal, SessionId, Timestamp, ToolCallAsked,
};
use std::collections::{BTreeMap, BTreeSet};

/// A session as a tree.
#[derive(Clone, Debug)]
pub struct Trace<'a> {
    /// The session.
    pub session: SessionId,
    /// One branch for each principal, in the order of their first calls.
    pub branches: Vec<Branch<'a>>,
    /// Findings that concern none of the calls.
    pub findings: &'a [FindingRaised],
    /// Grants of a kind, by the event that opened each.
    pub grants: &'a BTreeMap<EventId, Grant>,
    /// When payloads of these sessions were erased last, as far as that is known.
    pub erased: BTreeMap<SessionId, Timestamp>,
}

/// What one agent did for one person.
#[derive(Clone, Debug)]
pub struct Branch<'a> {
    /// Who.
    pub principal: &'a Principal,
    /// In the order recorded.
    pub steps: Vec<Step<'a>>,
}

/// A call that nothing known caused, and what it caused.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// The call.
    pub call: &'a Call,
    /// The tool calls that it caused, in the order recorded.
    pub caused: Vec<&'a Call>,
    /// The tool calls that its answer asked for and that were not seen to be carried out.
    pub unseen: Vec<&'a ToolCallAsked>,
}

impl<'a> Trace<'a> {
    /// Builds the tree of a session from its calls.
    pub fn of(session: SessionId, calls: &'a Calls) -> Self {
        let mut caused: BTreeMap<CallId, Vec<&Call>> = BTreeMap::new();
        let mut roots = Vec::new();
        for call in calls.iter() {
            match cause(calls, call) {
                Some(cause) => caused.entry(cause).or_default().push(call),
                None => roots.push(call),
            }
        }
        roots.sort_unstable_by_key(|call| call.sequence);
        let mut branches: Vec<Branch<'_>> = Vec::new();
        for call in roots {
            let mut caused = caused.remove(&call.id).unwrap_or_default();
            caused.sort_unstable_by_key(|call| call.sequence);
            let unseen = unseen(call, &caused);
            let step = Step { call, caused, unseen };
            let principal = call.principal();
            match branches.iter_mut().find(|branch| branch.principal == principal) {
                Some(branch) => branch.steps.push(step),
                None => branches.push(Branch { principal, steps: vec![step] }),
            }
        }
        let (findings, grants) = (calls.findings(), calls.grants());
        Self { session, branches, findings, grants, erased: BTreeMap::new() }
    }

    /// Leaves only the step that this call is, or is caused by.
    pub fn retain_call(&mut self, id: CallId) {
        for branch in &mut self.branches {
            let holds = |call: &&Call| call.id == id;
            branch.steps.retain(|step| holds(&step.call) || step.caused.iter().any(holds));
        }
        self.branches.retain(|branch| !branch.steps.is_empty());
    }

    /// Every call in it, those caused behind their cause.
    pub fn calls(&self) -> impl Iterator<Item = &'a Call> {
        let steps = self.branches.iter().flat_map(|branch| &branch.steps);
        steps.flat_map(|step| std::iter::once(step.call).chain(step.caused.iter().copied()))
    }
}

/// The model call among these that caused a call. A model call is never shown below another one.
fn cause(calls: &Calls, call: &Call) -> Option<CallId> {
    let cause = calls.get(call.cause()?.cause)?;
    let fits = cause.operation() == Operation::Chat && call.operation() != Operation::Chat;
    fits.then_some(cause.id)
}

/// What of the tool calls asked for has no call: those linked by the model's id first, then by
/// name.
fn unseen<'a>(call: &'a Call, caused: &[&Call]) -> Vec<&'a ToolCallAsked> {
    let Some(Outcome::Completed(answer)) = &call.outcome else { return Vec::new() };
    let linked: BTreeSet<&str> = caused
        .iter()
        .flat_map(|call| call.links.iter().filter_map(|link| link.tool_call.as_deref()))
        .collect();
    let mut nameless: Vec<&str> = caused
        .iter()
        .filter(|call| call.links.iter().all(|link| link.tool_call.is_none()))
        .filter_map(|call| call.target())
        .collect();
    let mut unseen = Vec::new();
    for asked in &answer.tool_calls {
        if asked.id.as_deref().is_some_and(|id| linked.contains(id)) {
            continue;
        }
        // A model may know a tool by a name that is prefixed with its server's.
        match nameless.iter().position(|name| asked.name.ends_with(name)) {
            Some(at) => drop(nameless.swap_remove(at)),
            None => unseen.push(asked),
        }
    }
    unseen
}
