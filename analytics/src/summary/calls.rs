//! Calls: what was asked, and how it ended.

use crate::words;
use events::{
    CallCancelled, CallCompleted, CallDenied, CallDispatched, CallFailed, CallInDoubt, CallLinked,
    CallRefused,
};

/// What was asked for: the model, or the tool, or the method.
pub(super) fn thing<'a>(
    model: Option<&'a str>,
    target: Option<&'a str>,
    method: &'a str,
) -> &'a str {
    target.or(model).unwrap_or(method)
}

pub(super) fn dispatched(fact: &CallDispatched) -> String {
    let what = thing(fact.model.as_deref(), fact.target.as_deref(), &fact.method);
    let bytes = fact.request.map_or(String::new(), |it| format!(", {} bytes", it.bytes));
    let (operation, agent) = (words::operation(fact.operation), &fact.principal.agent);
    let owner = &fact.principal.owner;
    format!("{agent} for {owner}: {operation} {what} → {}{bytes}", fact.upstream)
}

pub(super) fn denied(fact: &CallDenied) -> String {
    let what = thing(fact.model.as_deref(), fact.target.as_deref(), &fact.method);
    let reason = fact.verdict.reason.as_deref().unwrap_or("no reason given");
    let (operation, agent) = (words::operation(fact.operation), &fact.principal.agent);
    format!("{agent} for {}: {operation} {what}: {reason}", fact.principal.owner)
}

pub(super) fn completed(fact: &CallCompleted) -> String {
    let mut parts = vec![words::duration(fact.duration_us)];
    if fact.status != 0 && fact.status != 200 {
        parts.push(format!("status {}", fact.status));
    }
    if fact.unsuccessful {
        parts.push("the answer is an error".to_owned());
    }
    parts.extend(fact.usage.as_ref().map(words::tokens).filter(|text| !text.is_empty()));
    if !fact.finish.is_empty() {
        parts.push(fact.finish.join(", "));
    }
    if !fact.tool_calls.is_empty() {
        let names: Vec<&str> = fact.tool_calls.iter().map(|asked| asked.name.as_str()).collect();
        parts.push(format!("asks for {}", names.join(", ")));
    }
    parts.join(", ")
}

pub(super) fn failed(fact: &CallFailed) -> String {
    let (reason, effect) = (words::failure(fact.reason), words::effect(fact.may_have_acted));
    let duration = words::duration(fact.duration_us);
    format!("{duration}, {reason} ({effect}): {}", fact.detail)
}

pub(super) fn cancelled(fact: &CallCancelled) -> String {
    let effect = words::effect(fact.may_have_acted);
    let duration = words::duration(fact.duration_us);
    format!("{duration}, by the {} ({effect}): {}", fact.by, fact.detail)
}

pub(super) fn linked(fact: &CallLinked) -> String {
    let (method, confidence) = (words::method(fact.method), fact.confidence);
    let among = fact.candidates.map_or(String::new(), |count| format!(", one of {count} that fit"));
    format!("caused by {}, by {method}, {confidence} % sure{among}", fact.cause)
}

pub(super) fn refused(fact: &CallRefused) -> String {
    let who = match (&fact.principal, &fact.peer) {
        (Some(principal), _) => &principal.agent,
        (None, Some(peer)) => peer.as_str(),
        (None, None) => "somebody",
    };
    let dialect = fact.dialect.map_or(String::new(), |it| format!("{} ", words::dialect(it)));
    let what = fact.method.as_deref().unwrap_or("input");
    format!("{who}: {dialect}{what}: {} ({}, status {})", fact.detail, fact.code, fact.status)
}

pub(super) fn in_doubt(fact: &CallInDoubt) -> String {
    format!("dispatched as event {}, outcome unknown: {}", fact.dispatched, fact.detail)
}
