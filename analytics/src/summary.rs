//! One line for any event: what a person wants to know first. The text may hold what agents wrote;
//! whoever shows it makes it safe.

use crate::words;
use events::{
    CallCancelled, CallCompleted, CallDenied, CallDispatched, CallFailed, CallLinked, CallRefused,
    EraseRequested, Event, FindingRaised, GatewayStarted, LedgerExported, LedgerGap,
    LedgerRecovered, LegalHoldPlaced, MessageRelayed, PayloadErased, Relay, ToolsChanged,
    UpstreamStarted, UpstreamStopped,
};

/// An event in one line.
pub fn summary(event: &Event) -> String {
    match event {
        Event::CallDispatched(fact) => dispatched(fact),
        Event::CallDenied(fact) => denied(fact),
        Event::CallCompleted(fact) => completed(fact),
        Event::CallFailed(fact) => failed(fact),
        Event::CallCancelled(fact) => cancelled(fact),
        Event::CallInDoubt(fact) => {
            format!("dispatched as event {}, outcome unknown: {}", fact.dispatched, fact.detail)
        }
        Event::CallLinked(fact) => linked(fact),
        Event::CallRefused(fact) => refused(fact),
        Event::FindingRaised(FindingRaised { kind, detail, .. }) => {
            format!("{}: {detail}", words::finding(*kind))
        }
        Event::GatewayStarted(fact) => started(fact),
        Event::GatewayStopped(fact) => {
            format!("{}, {} calls cancelled", fact.reason, fact.cancelled)
        }
        Event::LedgerExported(fact) => exported(fact),
        Event::LedgerGap(fact) => gap(fact),
        Event::LedgerRecovered(fact) => recovered(fact),
        Event::LegalHoldLifted(fact) => format!("{}: {}: {}", fact.by, fact.hold, fact.reason),
        Event::LegalHoldPlaced(fact) => hold_placed(fact),
        Event::EraseRequested(fact) => erase_requested(fact),
        Event::PayloadErased(fact) => erased(fact),
        Event::MessageRelayed(fact) => relayed(fact),
        Event::ToolsChanged(fact) => tools_changed(fact),
        Event::UpstreamStarted(fact) => upstream_started(fact),
        Event::UpstreamStopped(fact) => upstream_stopped(fact),
        other => other.kind().to_owned(),
    }
}

/// What was asked for: the model, or the tool, or the method.
fn thing<'a>(model: Option<&'a str>, target: Option<&'a str>, method: &'a str) -> &'a str {
    target.or(model).unwrap_or(method)
}

fn dispatched(fact: &CallDispatched) -> String {
    let what = thing(fact.model.as_deref(), fact.target.as_deref(), &fact.method);
    let bytes = fact.request.map_or(String::new(), |it| format!(", {} bytes", it.bytes));
    let (operation, agent) = (words::operation(fact.operation), &fact.principal.agent);
    let owner = &fact.principal.owner;
    format!("{agent} for {owner}: {operation} {what} → {}{bytes}", fact.upstream)
}

fn denied(fact: &CallDenied) -> String {
    let what = thing(fact.model.as_deref(), fact.target.as_deref(), &fact.method);
    let reason = fact.verdict.reason.as_deref().unwrap_or("no reason given");
    let (operation, agent) = (words::operation(fact.operation), &fact.principal.agent);
    format!("{agent} for {}: {operation} {what}: {reason}", fact.principal.owner)
}

fn completed(fact: &CallCompleted) -> String {
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

fn failed(fact: &CallFailed) -> String {
    let (reason, effect) = (words::failure(fact.reason), words::effect(fact.may_have_acted));
    let duration = words::duration(fact.duration_us);
    format!("{duration}, {reason} ({effect}): {}", fact.detail)
}

fn cancelled(fact: &CallCancelled) -> String {
    let effect = words::effect(fact.may_have_acted);
    let duration = words::duration(fact.duration_us);
    format!("{duration}, by the {} ({effect}): {}", fact.by, fact.detail)
}

fn linked(fact: &CallLinked) -> String {
    let (method, confidence) = (words::method(fact.method), fact.confidence);
    let among = fact.candidates.map_or(String::new(), |count| format!(", one of {count} that fit"));
    format!("caused by {}, by {method}, {confidence} % sure{among}", fact.cause)
}

fn refused(fact: &CallRefused) -> String {
    let who = match (&fact.principal, &fact.peer) {
        (Some(principal), _) => &principal.agent,
        (None, Some(peer)) => peer.as_str(),
        (None, None) => "somebody",
    };
    let dialect = fact.dialect.map_or(String::new(), |it| format!("{} ", words::dialect(it)));
    let what = fact.method.as_deref().unwrap_or("input");
    format!("{who}: {dialect}{what}: {} ({}, status {})", fact.detail, fact.code, fact.status)
}

fn started(fact: &GatewayStarted) -> String {
    let digest: String = fact.configuration.to_string().chars().take(12).collect();
    let doubt = if fact.in_doubt == 0 {
        String::new()
    } else {
        format!(", {} calls of the previous run in doubt", fact.in_doubt)
    };
    let lost = if fact.lost_lock { ", although the last checkpoint was lost" } else { "" };
    format!(
        "version {}, durability {}, configuration {digest}{doubt}{lost}",
        fact.version, fact.durability
    )
}

fn recovered(fact: &LedgerRecovered) -> String {
    format!("{} unacknowledged bytes were cut, kept in {}", fact.cut_bytes, fact.quarantine)
}

fn exported(fact: &LedgerExported) -> String {
    let payloads = if fact.payloads { "with payloads" } else { "without payloads" };
    format!("{}: {}, {payloads}, of {} events", fact.by, fact.criterion, fact.size)
}

fn gap(fact: &LedgerGap) -> String {
    let LedgerGap { cause, from, refused, to } = fact;
    format!("{refused} refusals are not on record, {from} to {to}: {cause}")
}

fn hold_placed(fact: &LegalHoldPlaced) -> String {
    let session = fact.session.map(|session| session.to_string());
    let what = session.as_deref().or(fact.subject.as_deref()).unwrap_or("nothing");
    format!("{}: {what}: {}", fact.by, fact.reason)
}

fn erase_requested(fact: &EraseRequested) -> String {
    let EraseRequested { basis, by, criterion, sessions } = fact;
    format!("{by}: {criterion}, {} sessions: {basis}", sessions.len())
}

fn erased(fact: &PayloadErased) -> String {
    let PayloadErased { bytes, payloads, sessions } = fact;
    format!("{payloads} payloads of {} sessions, {bytes} bytes", sessions.len())
}

fn relayed(fact: &MessageRelayed) -> String {
    let (agent, upstream) = (&fact.principal.agent, &fact.upstream);
    match fact.direction {
        Relay::ToUpstream => format!("{agent} → {upstream}: {}", fact.method),
        Relay::ToAgent => format!("{upstream} → {agent}: {}", fact.method),
    }
}

fn tools_changed(fact: &ToolsChanged) -> String {
    let counts = [
        (fact.added.len(), "added"),
        (fact.altered.len(), "altered"),
        (fact.removed.len(), "removed"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, what)| format!("{count} {what}")).collect();
    let added = fact.added.iter().chain(&fact.altered).map(|tool| tool.name.as_str());
    let names: Vec<&str> = added.chain(fact.removed.iter().map(String::as_str)).collect();
    format!("{}: {}: {}", fact.upstream, counts.join(", "), names.join(", "))
}

fn upstream_started(fact: &UpstreamStarted) -> String {
    let (process, command) = (fact.process, fact.command.join(" "));
    format!("{}: process {process}, attempt {}: {command}", fact.upstream, fact.attempt)
}

fn upstream_stopped(fact: &UpstreamStopped) -> String {
    let again = fact.restart_ms.map_or("not started again".to_owned(), |millis| {
        format!("starts again in {}", words::duration(millis.saturating_mul(1000)))
    });
    format!("{}: {}, {again}", fact.upstream, fact.detail)
}

#[cfg(test)]
mod tests;
