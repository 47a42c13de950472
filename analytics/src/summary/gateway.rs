//! The gateway, its upstreams and what is passed on.

use crate::words;
use events::{
    GatewayStarted, MessageRelayed, Relay, ToolsChanged, UpstreamStarted, UpstreamStopped,
};

pub(super) fn started(fact: &GatewayStarted) -> String {
    let digest = words::beginning(&fact.configuration);
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

pub(super) fn relayed(fact: &MessageRelayed) -> String {
    let (agent, upstream) = (&fact.principal.agent, &fact.upstream);
    match fact.direction {
        Relay::ToUpstream => format!("{agent} → {upstream}: {}", fact.method),
        Relay::ToAgent => format!("{upstream} → {agent}: {}", fact.method),
    }
}

pub(super) fn tools_changed(fact: &ToolsChanged) -> String {
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

pub(super) fn upstream_started(fact: &UpstreamStarted) -> String {
    let (process, command) = (fact.process, fact.command.join(" "));
    format!("{}: process {process}, attempt {}: {command}", fact.upstream, fact.attempt)
}

pub(super) fn upstream_stopped(fact: &UpstreamStopped) -> String {
    let again = fact.restart_ms.map_or("not started again".to_owned(), |millis| {
        format!("starts again in {}", words::duration(millis.saturating_mul(1000)))
    });
    format!("{}: {}, {again}", fact.upstream, fact.detail)
}
