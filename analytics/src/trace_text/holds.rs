//! What people did to a call that had to wait.

use super::name;
use crate::calls::{Call, Grant};
use crate::drawing::{Line, Node, Tone};
use crate::hold::{Hold, HoldState, HoldStep};
use crate::words;
use events::{Event, EventId, Timestamp};
use std::collections::BTreeMap;

/// Where a call is that was not made.
pub(super) fn state(hold: &Hold) -> (Tone, Vec<String>) {
    let (tone, word) = match hold.state {
        HoldState::Waiting => (Tone::Warning, "HELD, WAITS FOR PEOPLE"),
        HoldState::Granted => (Tone::Warning, "GRANTED, NOT MADE YET"),
        HoldState::Refused => (Tone::Failure, "REFUSED BY PEOPLE"),
        HoldState::Expired => (Tone::Failure, "EXPIRED UNDECIDED"),
        HoldState::Withdrawn => (Tone::Warning, "WITHDRAWN"),
        HoldState::Dispatched => (Tone::Warning, "NO OUTCOME YET"),
    };
    let lapsed = hold.state == HoldState::Expired && hold.grant().is_some();
    let word = if lapsed { "GRANTED, AND NOT MADE IN TIME" } else { word };
    (tone, vec![word.to_owned()])
}

/// Who let a call go that had to wait.
pub(super) fn allowed(call: &Call, grants: &BTreeMap<EventId, Grant>) -> Option<String> {
    let id = call.grant()?;
    if let Some(grant) = grants.get(&id) {
        let (by, until) = (name(&grant.opened.by.email), words::moment(grant.opened.until));
        return Some(format!("allowed by a grant of {by} until {until}"));
    }
    let hold = call.hold.as_ref()?;
    let (_, time, grant) = hold.grant().filter(|(known, _, _)| *known == id)?;
    let waited = words::duration(time.micros().saturating_sub(hold.time.micros()));
    let by = name(&hold.allowed_by().join(", "));
    let how = if grant.break_glass.is_some() { " ALONE (break-glass)" } else { "" };
    Some(format!("allowed by {by}{how} after {waited}"))
}

/// The course of a hold: when it began, why, and each thing done to it.
pub(super) fn hold(start: Timestamp, hold: &Hold) -> Node {
    let at = words::offset(start, hold.time);
    let mut parts =
        vec![format!("{at} held"), format!("{} risk", words::risk(hold.held.rule.risk))];
    if hold.state == HoldState::Waiting {
        parts.push(format!("until {}", words::moment(hold.held.expires)));
    }
    let often = |count: u64, what: &str| (count > 0).then(|| format!("{what} × {count}"));
    parts.extend(often(hold.rejoined, "asked again"));
    parts.extend(often(hold.views, "seen"));
    parts.extend(often(hold.notices, "notices"));
    parts.extend(often(hold.notices_failed, "NOTICES NOT SENT"));
    let mut node = Node::of(Tone::Plain, parts);
    let verdict = &hold.held.verdict;
    let reason = verdict.reason.as_deref().unwrap_or("no reason given");
    let why = format!("{reason} (policies: {})", verdict.policies.join(", "));
    node.lines.push(Line::Text(Tone::Plain, "because:", why));
    node.children.extend(hold.steps.iter().filter_map(|it| step(start, it)));
    node
}

/// One thing done to a hold; `None` for what is no step of it.
fn step(start: Timestamp, step: &HoldStep) -> Option<Node> {
    let (tone, what, said) = told(&step.event)?;
    let mut node = Node::of(tone, vec![format!("{} {what}", words::offset(start, step.time))]);
    node.lines.extend(said.map(|(label, text)| Line::Text(tone, label, text)));
    Some(node)
}

/// What was done, and what the person said to it.
type Told = (Tone, String, Option<(&'static str, String)>);

#[expect(clippy::wildcard_enum_match_arm, reason = "most kinds are no step of a hold")]
fn told(event: &Event) -> Option<Told> {
    let because = |reason: &str| Some(("because:", reason.to_owned()));
    let said = |reason: &Option<String>| reason.as_deref().and_then(because);
    let told = match event {
        Event::HoldVoted(fact) => {
            let place = words::in_place_of(fact.for_person.as_ref());
            let proof = if fact.assertion.is_some() { ", signed" } else { "" };
            let how = words::channel(fact.channel);
            let (by, vote) = (name(&format!("{}{place}", fact.by.email)), words::vote(fact.vote));
            let what = format!("{by} {vote} version {}, {how}{proof}", fact.version);
            (Tone::Plain, what, said(&fact.reason))
        }
        Event::HoldCommented(fact) => (
            Tone::Quiet,
            format!("{} commented", name(&fact.by.email)),
            Some(("said:", fact.text.clone())),
        ),
        Event::HoldEdited(fact) => {
            let what = format!("{} made version {}", name(&fact.by.email), fact.version);
            (Tone::Warning, what, said(&fact.reason))
        }
        Event::HoldGranted(fact) => match &fact.break_glass {
            None => {
                (Tone::Plain, format!("granted until {}", words::moment(fact.claim_until)), None)
            }
            Some(glass) => {
                let what = format!("BREAK-GLASS by {}", name(&glass.by.email));
                (Tone::Warning, what, because(&glass.reason))
            }
        },
        Event::HoldRefused(fact) => {
            (Tone::Failure, format!("refused, stays no until {}", words::moment(fact.until)), None)
        }
        Event::HoldExpired(fact) => {
            (Tone::Failure, format!("expired, stays no until {}", words::moment(fact.until)), None)
        }
        Event::HoldWithdrawn(fact) => {
            let what = format!("withdrawn by {}", name(&words::actor(&fact.by)));
            (Tone::Warning, what, because(&fact.reason))
        }
        _ => return None,
    };
    Some(told)
}
