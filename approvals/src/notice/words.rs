//! A notice in words, the same in mails, chats and JSON; pure.

use crate::fingerprint::fingerprint;
use crate::notice::neutral::{name, sentence};
use crate::notice::story::{Ending, Facts, How};
use events::{CallId, NoticeKind, Principal, Risk, Threshold, Timestamp};

/// What a notice says, each text harmless as it stands.
#[derive(Clone, Debug)]
pub(super) struct Words {
    pub(super) agent: String,
    pub(super) fingerprint: String,
    /// What happened, in a sentence or two.
    pub(super) headline: String,
    pub(super) link: String,
    /// Who has to approve.
    pub(super) needed: String,
    pub(super) owner: String,
    pub(super) policies: String,
    pub(super) reason: String,
    pub(super) risk: &'static str,
    pub(super) short: String,
    pub(super) team: String,
    /// What is asked for, and where.
    pub(super) tool: String,
    pub(super) until: String,
    pub(super) version: u32,
    /// Whether it still waits.
    pub(super) waits: bool,
}

impl Words {
    pub(super) fn of(facts: &Facts, kind: NoticeKind, public_url: &str) -> Self {
        let held = &facts.held;
        let what = held.target.as_ref().or(held.model.as_ref()).unwrap_or(&held.method);
        let policies: Vec<String> = held.verdict.policies.iter().map(|it| sentence(it)).collect();
        let reason = held.verdict.reason.as_deref().unwrap_or("the policy gives no reason");
        Self {
            agent: agent(&held.principal),
            fingerprint: fingerprint(&facts.digest),
            headline: headline(facts, kind),
            link: link(public_url, facts.call),
            needed: needed(&held.rule.approvers),
            owner: sentence(&held.principal.owner),
            policies: policies.join(", "),
            reason: sentence(reason),
            risk: risk(held.rule.risk),
            short: short(facts.call),
            team: sentence(&held.principal.team),
            tool: format!("{} / {}", sentence(&held.upstream), name(what)),
            until: moment(held.expires),
            version: facts.version,
            waits: facts.ending.is_none(),
        }
    }
}

/// A risk as a word.
pub(super) const fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
        Risk::Critical => "critical",
    }
}

/// How it stands, as a word that programs read.
pub(super) fn standing(facts: &Facts) -> &'static str {
    facts.ending.as_ref().map_or("waiting", |ending| match ending.how {
        How::Expired { .. } => "expired",
        How::Granted { .. } => "granted",
        How::Refused { .. } => "refused",
        How::Withdrawn { .. } => "withdrawn",
    })
}

/// The last characters of a call's id: enough to tell the calls of a day apart.
pub(super) fn short(call: CallId) -> String {
    let text = call.ulid().to_string();
    text.chars().skip(text.len().saturating_sub(SHORT_CHARACTERS)).collect()
}

const SHORT_CHARACTERS: usize = 6;

/// The page of a call. It shows the call to who is signed in and may see it; it decides nothing.
pub(super) fn link(public_url: &str, call: CallId) -> String {
    format!("{}/holds/{call}", public_url.trim_end_matches('/'))
}

fn agent(principal: &Principal) -> String {
    let agent = sentence(&principal.agent);
    if principal.actors.is_empty() {
        return agent;
    }
    format!("{agent}, through {}", list(&principal.actors))
}

fn headline(facts: &Facts, kind: NoticeKind) -> String {
    if let Some(ending) = &facts.ending {
        return closing(ending);
    }
    match kind {
        NoticeKind::Asked | NoticeKind::Decided => {
            "A call waits for people. It is not made unless they approve it.".to_owned()
        }
        NoticeKind::Edited => {
            let (by, why) = facts
                .editor
                .as_ref()
                .map_or(("somebody", None), |(by, why)| (by.as_ref(), why.as_deref()));
            let why = why.map(|why| format!(" Reason: {}", sentence(why))).unwrap_or_default();
            format!(
                "{} changed what a waiting call would do, so all votes before are void and it is \
                 decided on again.{why}",
                sentence(by)
            )
        }
        NoticeKind::Escalated => {
            "A call has waited for long, and nobody has decided. You are told \
             because its rule says so; that alone gives you no vote."
                .to_owned()
        }
        NoticeKind::Reminded => {
            "A call still waits for people. It is not made unless they approve it.".to_owned()
        }
    }
}

fn closing(ending: &Ending) -> String {
    match &ending.how {
        How::Expired { granted: false } => {
            "Nobody decided in time. The answer is no; the call was not made.".to_owned()
        }
        How::Expired { granted: true } => {
            "It was approved, but the agent did not make the call in time. It was not made."
                .to_owned()
        }
        How::Granted { break_glass: Some(glass), .. } => format!(
            "{} let the call go alone, in an emergency and against the rule. Reason: {}",
            sentence(&glass.by.email),
            sentence(&glass.reason)
        ),
        How::Granted { by, break_glass: None } => format!("Approved by {}.", list(by)),
        How::Refused { by } => format!("Rejected by {}. The call was not made.", list(by)),
        How::Withdrawn { by, reason } => format!(
            "Withdrawn by {}. The call was not made. Reason: {}",
            sentence(by),
            // Some reasons are an agent's.
            name(reason)
        ),
    }
}

fn list<T: AsRef<str>>(people: &[T]) -> String {
    if people.is_empty() {
        return "somebody".to_owned();
    }
    people.iter().map(|it| sentence(it.as_ref())).collect::<Vec<_>>().join(", ")
}

fn needed(sets: &[Vec<Threshold>]) -> String {
    let one = |it: &Threshold| format!("{} of {}", it.approve, sentence(&it.filter.to_string()));
    let set = |set: &Vec<Threshold>| set.iter().map(one).collect::<Vec<_>>().join(" or ");
    match sets {
        [] => "nobody can approve it".to_owned(),
        [only] => set(only),
        several => {
            let sets = several.iter().map(|it| match it.as_slice() {
                [only] => one(only),
                _ => format!("({})", set(it)),
            });
            sets.collect::<Vec<_>>().join(" and ")
        }
    }
}

/// A moment as people read it, to the second and with its zone.
fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    let (day, rest) = text.split_once('T').unwrap_or((&text, ""));
    let (time, _) = rest.split_once('.').unwrap_or((rest, ""));
    format!("{day} {time} UTC")
}
