//! A trace as JSON: the same tree with every recorded value, for programs.

use crate::calls::{Asked, Call, Grant, Outcome};
use crate::hold::{Hold, HoldStep};
use crate::trace::{Step, Trace};
use events::{EventId, Fact};
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Grants = BTreeMap<EventId, Grant>;

/// A trace as one JSON value. Facts stand in it as the ledger has them, `type` beside `data`.
pub fn trace_json(trace: &Trace<'_>) -> Result<Value, serde_json::Error> {
    let branches = trace.branches.iter().map(|branch| {
        let steps = branch.steps.iter().map(|it| step(it, trace.grants));
        let steps: Result<Vec<Value>, _> = steps.collect();
        Ok(json!({ "principal": branch.principal, "calls": steps? }))
    });
    let branches: Result<Vec<Value>, serde_json::Error> = branches.collect();
    Ok(json!({ "session": trace.session, "branches": branches?, "findings": trace.findings,
        "erased": trace.erased }))
}

fn step(step: &Step<'_>, grants: &Grants) -> Result<Value, serde_json::Error> {
    let caused: Result<Vec<Value>, _> = step.caused.iter().map(|call| row(call, grants)).collect();
    let mut value = row(step.call, grants)?;
    if let Value::Object(members) = &mut value {
        members.insert("caused".to_owned(), Value::Array(caused?));
        members.insert("unseen".to_owned(), serde_json::to_value(&step.unseen)?);
    }
    Ok(value)
}

fn row(call: &Call, grants: &Grants) -> Result<Value, serde_json::Error> {
    let asked = match &call.asked {
        Asked::Dispatched(it) => fact(it)?,
        Asked::Denied(it) => fact(it)?,
        Asked::Held(it) => fact(it)?,
    };
    let outcome = match &call.outcome {
        Some(Outcome::Completed(it)) => fact(it)?,
        Some(Outcome::Failed(it)) => fact(it)?,
        Some(Outcome::Cancelled(it)) => fact(it)?,
        Some(Outcome::InDoubt(it)) => fact(it)?,
        None => Value::Null,
    };
    let relayed = call.relayed.iter().map(|it| json!({ "time": it.time, "data": it.message }));
    Ok(json!({
        "call": call.id,
        "sequence": call.sequence,
        "time": call.time,
        "session": call.session,
        "asked": asked,
        "hold": call.hold.as_deref().map(hold).transpose()?,
        "grant": call.grant().and_then(|id| grants.get(&id)).map(grant),
        "outcome": outcome,
        "links": call.links,
        "confirmed": call.is_confirmed(),
        "findings": call.findings,
        "relayed": relayed.collect::<Vec<Value>>(),
    }))
}

/// What people did; the fact that it was held included, also after its dispatch.
fn hold(hold: &Hold) -> Result<Value, serde_json::Error> {
    let step = |HoldStep { id, time, event }: &HoldStep| {
        let data = serde_json::to_value(event)?;
        Ok(json!({ "id": id, "time": time, "type": event.kind(), "data": data }))
    };
    let steps: Result<Vec<Value>, serde_json::Error> = hold.steps.iter().map(step).collect();
    Ok(json!({
        "state": hold.state.name(),
        "time": hold.time,
        "held": fact(&hold.held)?,
        "version": hold.version,
        "steps": steps?,
        "rejoined": hold.rejoined,
        "views": hold.views,
        "notices": hold.notices,
        "notices_failed": hold.notices_failed,
        "dispatched": hold.dispatched,
    }))
}

fn grant(grant: &Grant) -> Value {
    json!({ "time": grant.time, "opened": grant.opened })
}

fn fact<F: Fact>(fact: &F) -> Result<Value, serde_json::Error> {
    Ok(json!({ "type": F::KIND, "data": serde_json::to_value(fact)? }))
}
