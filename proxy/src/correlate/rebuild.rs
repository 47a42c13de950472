//! Takes over what recorded events tell, so that a restarted gateway goes on where it was.
//!
//! Events do not tell of protocol sessions, of which places were gone on from, of the parts of
//! results, and of arguments reduced; what depends on these alone is found less well for a while.

use super::claim;
use super::memory::{Memory, ModelBegun, ModelEnded};
use super::remembered::{OpenKind, is_certain};
use crate::caller::known_as;
use events::{
    CallCompleted, CallDispatched, CallHeld, CallId, CallLinked, Envelope, Event, FindingKind,
    FindingRaised, LinkMethod, Operation, SessionId, SessionMethod, Timestamp,
};
use std::sync::Arc;

/// Takes over one event; events come in the order in which they were recorded.
pub(super) fn apply(memory: &mut Memory, envelope: &Envelope) {
    let (Some(call), Some(session)) = (envelope.call, envelope.session) else { return };
    if let Event::CallDispatched(dispatched) = &envelope.event {
        begun(memory, call, session, dispatched);
    } else if let Event::CallHeld(held) = &envelope.event {
        waits(memory, call, session, held);
    } else if let Event::CallCompleted(completed) = &envelope.event {
        ended(memory, call, envelope.time, completed);
    } else if envelope.event.is_outcome() {
        memory.unanswered(call);
    } else if let Event::CallLinked(link) = &envelope.event {
        linked(memory, call, session, link);
    } else if let Event::FindingRaised(finding) = &envelope.event {
        found(memory, call, session, finding);
    }
}

/// It may be made yet, and is the same call then.
fn waits(memory: &mut Memory, call: CallId, session: SessionId, held: &CallHeld) {
    if let (Operation::ExecuteTool, Some(arguments)) = (held.operation, held.arguments) {
        memory.tool_begun(&known_as(&held.principal), call, session, arguments);
    }
}

fn begun(memory: &mut Memory, call: CallId, session: SessionId, dispatched: &CallDispatched) {
    let agent = &*known_as(&dispatched.principal);
    match (dispatched.operation, dispatched.arguments) {
        (Operation::Chat | Operation::Embeddings, _) => {
            let trace = claim::trace(&memory.marks, dispatched.trace.as_deref(), None);
            memory.model_begun(&ModelBegun {
                agent,
                call,
                session,
                opening: dispatched.session == SessionMethod::New,
                head: None,
                conversation: dispatched.conversation,
                trace,
            });
        }
        (Operation::ExecuteTool, Some(arguments)) if !memory.open.contains_key(&call) => {
            memory.tool_begun(agent, call, session, arguments);
        }
        (
            Operation::ExecuteTool
            | Operation::Retrieval
            | Operation::ListModels
            | Operation::ListTools
            | Operation::Other,
            _,
        ) => {}
    }
}

fn ended(memory: &mut Memory, call: CallId, now: Timestamp, completed: &CallCompleted) {
    let Some(open) = memory.open.get(&call) else { return };
    match open.kind {
        OpenKind::Tool { .. } => memory.tool_ended(call, completed.result.as_slice()),
        OpenKind::Model { .. } if completed.unsuccessful => memory.unanswered(call),
        OpenKind::Model { .. } => {
            let tool_calls = completed.tool_calls.iter();
            let tool_calls: Vec<_> =
                tool_calls.map(|asked| (asked.clone(), asked.arguments)).collect();
            memory.model_ended(&ModelEnded {
                call,
                now,
                conversation: completed.conversation,
                answer: completed.response.as_deref(),
                tool_calls: &tool_calls,
            });
        }
    }
}

fn linked(memory: &mut Memory, call: CallId, session: SessionId, link: &CallLinked) {
    let Some(name) = agent_of(memory, call) else { return };
    let (marks, agent) = memory.agent(&name);
    let Some(row) = agent.served_by(call) else { return };
    let Some(served) = agent.served.get_mut(row) else { return };
    let proved = link.method == LinkMethod::Result;
    let certain = is_certain(link);
    served.confirmed |= proved;
    let id = link.tool_call.as_deref();
    let in_session = id.map(|id| marks.tool_call_in(session, id));
    let found = agent.asked.find(in_session.unwrap_or(served.arguments));
    // Those that were free were preferred, and of these the oldest.
    let taken = |claimed: Option<CallId>| claimed.is_some_and(|claimed| claimed != call);
    let fitting = found.filter(|(_, asked)| asked.cause == link.cause);
    let best = fitting.min_by_key(|(row, asked)| (taken(asked.claimed), *row));
    let Some(asked_row) = best.map(|(row, _)| row) else { return };
    if proved {
        agent.prove(row, asked_row, in_session);
    } else {
        agent.claim(row, asked_row, certain);
    }
}

fn found(memory: &mut Memory, call: CallId, session: SessionId, finding: &FindingRaised) {
    let (FindingKind::ResultAltered | FindingKind::UnservedResult, Some(id)) =
        (finding.kind, &finding.tool_call)
    else {
        return;
    };
    let Some(name) = agent_of(memory, call) else { return };
    let (marks, agent) = memory.agent(&name);
    let in_session = marks.tool_call_in(session, id);
    agent.told.insert((), [in_session]);
    let rows = agent.asked.find(in_session);
    let row = rows.max_by_key(|(row, asked)| (asked.claimed.is_some(), *row)).map(|(row, _)| row);
    if let Some(asked) = row.and_then(|row| agent.asked.get_mut(row)) {
        asked.closed |= finding.kind == FindingKind::UnservedResult;
    }
}

fn agent_of(memory: &Memory, call: CallId) -> Option<Arc<str>> {
    let of_open = memory.open.get(&call).map(|open| &open.agent);
    let of_served = || {
        let mut agents = memory.agents.iter();
        agents.find(|(_, agent)| agent.served_by(call).is_some()).map(|(name, _)| name)
    };
    of_open.or_else(of_served).cloned()
}
