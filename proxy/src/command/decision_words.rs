//! Decisions and the rules of holds in words.

use analytics::one_line;
use events::{Decision, HoldRule, Risk, Threshold, Verdict};

/// The most columns of a reason.
const REASON_COLUMNS: usize = 400;

/// A decision as what it makes of a call.
pub(super) const fn decided(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allowed",
        Decision::Deny => "denied",
        Decision::Hold => "held",
    }
}

/// The policies that determined a verdict, and why.
pub(super) fn because(verdict: &Verdict) -> String {
    let names = verdict.policies.join(", ");
    let by = if names.is_empty() { "by no policy".to_owned() } else { format!("by {names}") };
    let reason = verdict.reason.as_deref().map(|reason| format!(": {reason}"));
    one_line(&format!("{by}{}", reason.unwrap_or_default()), REASON_COLUMNS)
}

/// Who may let a call go, in one line.
pub(super) fn approvers(rule: &HoldRule) -> String {
    let threshold = |one: &Threshold| {
        let Threshold { approve, deny, filter } = one;
        let deny = if *deny == 1 { String::new() } else { format!(" ({deny} to reject)") };
        format!("{approve} of {filter}{deny}")
    };
    let set = |set: &Vec<Threshold>| set.iter().map(threshold).collect::<Vec<_>>().join(" or ");
    rule.approvers.iter().map(set).collect::<Vec<_>>().join("; and ")
}

/// Everything that a rule says, a line for each kind of thing, each with its name.
pub(super) fn rule(rule: &HoldRule) -> Vec<(&'static str, String)> {
    let risk = match rule.risk {
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
        Risk::Critical => "critical",
    };
    let mut further = Vec::new();
    if rule.reason {
        further.push("an approval needs a reason");
    }
    further.push(if rule.edit {
        "approvers may change the arguments"
    } else {
        "nobody may change the arguments"
    });
    further.push(if rule.own {
        "the person it is for may approve"
    } else {
        "the person it is for may not approve"
    });
    let times = format!(
        "{} to decide, then the answer is no; a yes waits {} for the call",
        time(rule.expires_s),
        time(rule.claim_s)
    );
    let mut told = Vec::new();
    told.extend(rule.remind_s.map(|every| format!("who has not voted every {}", time(every))));
    let escalated = rule.escalate.iter();
    told.extend(escalated.map(|step| format!("{} after {}", step.to, time(step.after_s))));
    let mut lines = vec![
        ("who", approvers(rule)),
        ("time", times),
        ("risk", risk.to_owned()),
        ("further", further.join("; ")),
    ];
    if !told.is_empty() {
        lines.push(("told", told.join("; ")));
    }
    lines
}

/// A time in the largest unit that it is a whole number of.
pub(super) fn time(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
    let fits = |(unit, _): &(u64, &str)| seconds > 0 && seconds.is_multiple_of(*unit);
    let (unit, name) = units.into_iter().find(fits).unwrap_or((1, "s"));
    format!("{} {name}", seconds / unit)
}

/// A text in one line, with whatever would not be seen spelled out.
pub(super) fn escaped(text: &str) -> String {
    dashboards::truth::visible(text).iter().map(dashboards::truth::Span::text).collect()
}
