//! What annotations say of a policy: its name, and who may let go what it holds.

use crate::problem::{PolicyProblem, did_you_mean};
use crate::source::Piece;
use cedar_policy::{Effect, Policy};
use events::{Escalation, Filter, HoldRule, Risk, Threshold};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The roles that people can have.
pub const ROLES: &[&str] = &["administrator", "analyst", "approver", "compliance", "operator"];

const DAY: u64 = 24 * 60 * 60;
/// The longest that a call may be held.
const EXPIRES_S_MAX: u64 = 7 * DAY;
const EXPIRES_S: u64 = 60 * 60;
const CLAIM_S: u64 = 15 * 60;
/// The most that can be asked for of anything that is counted.
const COUNT_MAX: u32 = 100;

/// Every annotation, whether only what holds calls has a use for it, and an example.
const KNOWN: &[(&str, bool, &str)] = &[
    ("approvers", true, "2 of finance or 1 of role:administrator; 1 of security"),
    ("claim", true, "15m"),
    ("deny", true, "1"),
    ("edit", true, "forbidden"),
    ("escalate", true, "15m to group:directors"),
    ("expires", true, "1h"),
    ("id", false, "big-refunds"),
    ("own", true, "allowed"),
    ("reason", true, "required"),
    ("remind", true, "10m"),
    ("risk", true, "high"),
    ("shadow", false, ""),
    ("step_up", true, "required"),
    ("why", false, "A refund of over 100 needs a second pair of eyes."),
];

/// What a policy says of the calls that it holds. Where it says nothing, others may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Guard {
    approvers: Vec<Vec<Threshold>>,
    claim_s: Option<u64>,
    is_edit_forbidden: bool,
    escalate: Vec<Escalation>,
    expires_s: Option<u64>,
    own: Option<bool>,
    is_reason_required: bool,
    remind_s: Option<u64>,
    risk: Option<Risk>,
    is_step_up_required: bool,
}

/// What the annotations of a policy say.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    pub(crate) id: Option<Arc<str>>,
    pub(crate) why: Option<Arc<str>>,
    pub(crate) is_shadow: bool,
    pub(crate) guard: Guard,
}

impl Guard {
    /// What all of them ask together: every set of approvers, the shortest times, the highest risk.
    #[expect(clippy::needless_pass_by_value, reason = "it is an iterator, and read often")]
    pub(crate) fn joined<'a>(guards: impl Iterator<Item = &'a Self> + Clone) -> HoldRule {
        let mut approvers: Vec<Vec<Threshold>> = Vec::new();
        let mut escalate: Vec<Escalation> = Vec::new();
        for guard in guards.clone() {
            for set in &guard.approvers {
                if !approvers.contains(set) {
                    approvers.push(set.clone());
                }
            }
            for step in &guard.escalate {
                if !escalate.contains(step) {
                    escalate.push(step.clone());
                }
            }
        }
        escalate.sort_by(|a, b| (a.after_s, &a.to).cmp(&(b.after_s, &b.to)));
        if approvers.is_empty() {
            let filter = Filter::Role("approver".into());
            approvers.push(vec![Threshold { approve: 1, deny: 1, filter }]);
        }
        let least = |of: fn(&Self) -> Option<u64>| guards.clone().filter_map(of).min();
        let own: Vec<bool> = guards.clone().filter_map(|guard| guard.own).collect();
        HoldRule {
            approvers,
            claim_s: least(|guard| guard.claim_s).unwrap_or(CLAIM_S),
            edit: !guards.clone().any(|guard| guard.is_edit_forbidden),
            escalate,
            expires_s: least(|guard| guard.expires_s).unwrap_or(EXPIRES_S),
            own: !own.is_empty() && own.iter().all(|own| *own),
            reason: guards.clone().any(|guard| guard.is_reason_required),
            remind_s: least(|guard| guard.remind_s),
            risk: guards.clone().filter_map(|guard| guard.risk).max().unwrap_or(Risk::Medium),
            step_up: guards.clone().any(|guard| guard.is_step_up_required),
        }
    }
}

/// Reads the annotations of a policy. `holds` is whether it can be why a call is held.
pub(crate) fn read(
    piece: &Piece<'_>,
    policy: &Policy,
    holds: bool,
    problems: &mut Vec<PolicyProblem>,
) -> Annotations {
    let mut read = Annotations::default();
    let all: BTreeMap<&str, &str> = policy.annotations().collect();
    for (name, value) in &all {
        let at = piece.annotation(name);
        let Some((_, for_holds, example)) = KNOWN.iter().find(|(known, ..)| known == name) else {
            let names = KNOWN.iter().map(|(known, ..)| *known);
            let hint = did_you_mean(name, names.clone())
                .unwrap_or_else(|| format!("there are {}", names.collect::<Vec<_>>().join(", ")));
            problems.push(piece.problem(at, format!("no annotation `@{name}`"), Some(hint)));
            continue;
        };
        if let Err(message) = read.take(name, value) {
            let hint = format!("write for example `@{name}(\"{example}\")`");
            problems.push(piece.problem(at, format!("`@{name}`: {message}"), Some(hint)));
        } else if *for_holds && !holds {
            let message = format!("`@{name}` is about held calls, and this policy holds none");
            let hint = match policy.effect() {
                Effect::Forbid => "to hold calls, add `when { context.unattended }`",
                Effect::Permit => "to hold calls, add `unless { context.unattended }`",
            };
            problems.push(piece.problem(at, message, Some(hint.to_owned())));
        }
    }
    if let Some(deny) = all.get("deny").and_then(|text| count(text).ok()) {
        for threshold in read.guard.approvers.iter_mut().flatten() {
            threshold.deny = deny;
        }
    }
    read
}

impl Annotations {
    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        let guard = &mut self.guard;
        match name {
            "approvers" => guard.approvers = sets(value)?,
            "claim" => guard.claim_s = Some(seconds(value, DAY)?),
            "deny" => {
                // One that stands alone is about the set that is asked where none is.
                let deny = count(value)?;
                if guard.approvers.is_empty() {
                    let filter = Filter::Role("approver".into());
                    guard.approvers = vec![vec![Threshold { approve: 1, deny, filter }]];
                }
            }
            "edit" => guard.is_edit_forbidden = word(value, "forbidden", "allowed")?,
            "escalate" => guard.escalate = escalations(value)?,
            "expires" => guard.expires_s = Some(seconds(value, EXPIRES_S_MAX)?),
            "own" => guard.own = Some(word(value, "allowed", "forbidden")?),
            "reason" => guard.is_reason_required = word(value, "required", "optional")?,
            "remind" => guard.remind_s = Some(seconds(value, DAY)?),
            "risk" => guard.risk = Some(risk(value)?),
            "step_up" => guard.is_step_up_required = word(value, "required", "optional")?,
            "id" => self.id = Some(named(value)?),
            "shadow" => self.is_shadow = is_empty(value)?,
            "why" => self.why = Some(sentence(value)?),
            _ => {}
        }
        Ok(())
    }
}

fn word(value: &str, yes: &str, no: &str) -> Result<bool, String> {
    match value {
        _ if value == yes => Ok(true),
        _ if value == no => Ok(false),
        _ => Err(format!("expected `{yes}` or `{no}`, found `{value}`")),
    }
}

fn is_empty(value: &str) -> Result<bool, String> {
    if value.is_empty() { Ok(true) } else { Err(format!("takes no value, found `{value}`")) }
}

fn named(value: &str) -> Result<Arc<str>, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    if value.is_empty() || value.len() > 100 || !value.chars().all(is_plain) {
        let message = "expected 1 to 100 letters, digits and `-_./:`, found";
        return Err(format!("{message} `{value}`"));
    }
    Ok(value.into())
}

fn sentence(value: &str) -> Result<Arc<str>, String> {
    let characters = value.chars().count();
    if characters == 0 || characters > 300 || value.chars().any(char::is_control) {
        return Err(format!("expected one line of 1 to 300 characters, found {characters}"));
    }
    Ok(value.into())
}

fn risk(value: &str) -> Result<Risk, String> {
    match value {
        "low" => Ok(Risk::Low),
        "medium" => Ok(Risk::Medium),
        "high" => Ok(Risk::High),
        "critical" => Ok(Risk::Critical),
        _ => Err(format!("expected `low`, `medium`, `high` or `critical`, found `{value}`")),
    }
}

fn count(value: &str) -> Result<u32, String> {
    let number = value.trim().parse().ok().filter(|number| (1..=COUNT_MAX).contains(number));
    number.ok_or_else(|| format!("expected a number from 1 to {COUNT_MAX}, found `{value}`"))
}

fn seconds(value: &str, most: u64) -> Result<u64, String> {
    let refuse = || format!("expected a time such as `90s`, `15m`, `1h` or `7d`, found `{value}`");
    let (unit, number) = match value.trim() {
        text if text.ends_with('s') => (1, text.trim_end_matches('s')),
        text if text.ends_with('m') => (60, text.trim_end_matches('m')),
        text if text.ends_with('h') => (60 * 60, text.trim_end_matches('h')),
        text if text.ends_with('d') => (DAY, text.trim_end_matches('d')),
        _ => return Err(refuse()),
    };
    let number: u64 = number.parse().map_err(|_| refuse())?;
    match number.checked_mul(unit) {
        Some(0) | None => Err(refuse()),
        Some(seconds) if seconds > most => {
            Err(format!("`{value}` is longer than {} h, the longest", most / 3600))
        }
        Some(seconds) => Ok(seconds),
    }
}

/// `2 of finance or 1 of role:administrator; 1 of security`.
fn sets(value: &str) -> Result<Vec<Vec<Threshold>>, String> {
    let sets = value.split(';').map(|set| set.split(" or ").map(threshold).collect());
    sets.collect()
}

fn threshold(text: &str) -> Result<Threshold, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [number, "of", who] = words.as_slice() else {
        return Err(format!("expected `NUMBER of WHO`, found `{}`", text.trim()));
    };
    let (approve, filter) = (count(number)?, filter(who)?);
    if approve > 1 && matches!(filter, Filter::Person(_)) {
        return Err(format!("`{who}` is one person, and {approve} are asked for"));
    }
    Ok(Threshold { approve, deny: 1, filter })
}

/// A name alone is a group, and an address a person.
fn filter(text: &str) -> Result<Filter, String> {
    let filter = if text.contains(':') {
        text.parse().map_err(|error: events::FilterError| error.to_string())?
    } else if text.contains('@') {
        Filter::Person(text.into())
    } else {
        Filter::Group(text.into())
    };
    match filter {
        Filter::Person(email) => Ok(Filter::Person(email.to_lowercase().into())),
        Filter::Role(role) if !ROLES.contains(&&*role) => {
            let hint = did_you_mean(&role, ROLES.iter().copied());
            let hint = hint.unwrap_or_else(|| format!("there are {}", ROLES.join(", ")));
            Err(format!("no role `{role}`: {hint}"))
        }
        Filter::Group(_) | Filter::Role(_) => Ok(filter),
    }
}

/// `15m to group:directors; 30m to ada@example.com`.
fn escalations(value: &str) -> Result<Vec<Escalation>, String> {
    let step = |text: &str| {
        let Some((after, who)) = text.split_once(" to ") else {
            return Err(format!("expected `TIME to WHO`, found `{}`", text.trim()));
        };
        Ok(Escalation { after_s: seconds(after, EXPIRES_S_MAX)?, to: filter(who.trim())? })
    };
    value.split(';').map(step).collect()
}
