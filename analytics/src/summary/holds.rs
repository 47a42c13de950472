//! Calls that wait for people, grants, and what people were told.

use super::calls::thing;
use crate::words;
use events::{
    CallHeld, GrantOpened, HoldEdited, HoldExpired, HoldGranted, HoldRefused, HoldViewed,
    HoldVoted, NoticeFailed, NoticeSent,
};

pub(super) fn held(fact: &CallHeld) -> String {
    let what = thing(fact.model.as_deref(), fact.target.as_deref(), &fact.method);
    let reason = fact.verdict.reason.as_deref().unwrap_or("no reason given");
    let (operation, agent) = (words::operation(fact.operation), &fact.principal.agent);
    let (risk, until) = (words::risk(fact.rule.risk), words::moment(fact.expires));
    let (owner, upstream) = (&fact.principal.owner, &fact.upstream);
    format!(
        "{agent} for {owner}: {operation} {what} → {upstream}, {risk} risk, until {until}: {reason}"
    )
}

pub(super) fn viewed(fact: &HoldViewed) -> String {
    format!("{} had it on the screen, as {}", fact.by.email, words::beginning(&fact.view))
}

pub(super) fn voted(fact: &HoldVoted) -> String {
    let place = words::in_place_of(fact.for_person.as_ref());
    let (vote, channel) = (words::vote(fact.vote), words::channel(fact.channel));
    let proof = if fact.assertion.is_some() { ", signed" } else { "" };
    let (by, version) = (&fact.by.email, fact.version);
    let reason = because(fact.reason.as_deref());
    format!("{by}{place} {vote} version {version}, {channel}{proof}{reason}")
}

pub(super) fn edited(fact: &HoldEdited) -> String {
    let (by, version) = (&fact.by.email, fact.version);
    let reason = because(fact.reason.as_deref());
    format!("{by} made version {version}, {} bytes{reason}", fact.request.bytes)
}

fn because(reason: Option<&str>) -> String {
    reason.map_or(String::new(), |reason| format!(": {reason}"))
}

pub(super) fn granted(fact: &HoldGranted) -> String {
    let until = words::moment(fact.claim_until);
    match &fact.break_glass {
        None => {
            format!("by {}, to be made until {until}", words::counted(fact.votes.len(), "vote"))
        }
        Some(glass) => {
            let (by, reason) = (&glass.by.email, &glass.reason);
            format!("by {by} alone (break-glass), to be made until {until}: {reason}")
        }
    }
}

pub(super) fn refused(fact: &HoldRefused) -> String {
    let votes = words::counted(fact.votes.len(), "vote");
    format!("by {votes}, stays no until {}", words::moment(fact.until))
}

pub(super) fn expired(fact: &HoldExpired) -> String {
    let what = if fact.granted { "granted, and not made in time" } else { "not decided in time" };
    format!("{what}, stays no until {}", words::moment(fact.until))
}

pub(super) fn grant_opened(fact: &GrantOpened) -> String {
    let GrantOpened { agent, by, owner, target, upstream, .. } = fact;
    let (times, until) = (words::times(fact.budget), words::moment(fact.until));
    format!("{}: {agent} for {owner}: tool {target} → {upstream}, {times} until {until}", by.email)
}

pub(super) fn notice_sent(fact: &NoticeSent) -> String {
    format!("{}, by {} to {}", words::notice(fact.kind), fact.channel, fact.to.join(", "))
}

pub(super) fn notice_failed(fact: &NoticeFailed) -> String {
    let NoticeFailed { channel, detail, kind, to, tries, .. } = fact;
    let (kind, to, tries) = (words::notice(*kind), to.join(", "), words::times(*tries));
    format!("{kind}, by {channel} to {to}, tried {tries}: {detail}")
}
