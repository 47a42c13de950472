//! A trace as JSON: the same tree with every recorded value, for programs.

use crate::calls::{Asked, Call, Outcome};
use crate::trace::{Step, Trace};
use events::Fact;
use serde_json::{Value, json};

/// A trace as one JSON value. Facts stand in it as the ledger has them, `type` beside `data`.
pub fn trace_json(trace: &Trace<'_>) -> Result<Value, serde_json::Error> {
    let branches = trace.branches.iter().map(|branch| {
        let steps: Result<Vec<Value>, _> = branch.steps.iter().map(step).collect();
        Ok(json!({ "principal": branch.principal, "calls": steps? }))
    });
    let branches: Result<Vec<Value>, serde_json::Error> = branches.collect();
    Ok(json!({ "session": trace.session, "branches": branches?, "findings": trace.findings,
        "erased": trace.erased }))
}

fn step(step: &Step<'_>) -> Result<Value, serde_json::Error> {
    let caused: Result<Vec<Value>, _> = step.caused.iter().map(|call| row(call)).collect();
    let mut value = row(step.call)?;
    if let Value::Object(members) = &mut value {
        members.insert("caused".to_owned(), Value::Array(caused?));
        members.insert("unseen".to_owned(), serde_json::to_value(&step.unseen)?);
    }
    Ok(value)
}

fn row(call: &Call) -> Result<Value, serde_json::Error> {
    let asked = match &call.asked {
        Asked::Dispatched(it) => fact(it)?,
        Asked::Denied(it) => fact(it)?,
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
        "outcome": outcome,
        "links": call.links,
        "confirmed": call.is_confirmed(),
        "findings": call.findings,
        "relayed": relayed.collect::<Vec<Value>>(),
    }))
}

fn fact<F: Fact>(fact: &F) -> Result<Value, serde_json::Error> {
    Ok(json!({ "type": F::KIND, "data": serde_json::to_value(fact)? }))
}
