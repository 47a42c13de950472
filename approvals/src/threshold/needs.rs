//! What is still needed, in numbers and words.

use super::Seat;
use super::matching::Fill;
use events::{Filter, HoldRule, Threshold};

/// One way to satisfy a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// How many more must approve.
    pub missing: u32,
    /// How many must in all.
    pub of: u32,
    /// Whose votes count.
    pub filter: Filter,
}

/// How far a decision is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many people's approvals count so far.
    pub approved: usize,
    /// How many people's rejections do.
    pub rejected: usize,
    /// For each set that is not satisfied the ways to do so, the nearest first.
    pub needs: Vec<Vec<Need>>,
}

impl Progress {
    pub(super) fn new(rule: &HoldRule, seats: &[Seat<'_>], rejected: usize) -> Self {
        let fill = Fill::best(&rule.approvers, seats);
        let mut needs = Vec::new();
        let all = rule.approvers.iter().zip(fill.picks.iter().zip(&fill.missing));
        for (set, (pick, missing)) in all.filter(|(_, (_, missing))| **missing > 0) {
            let need = |(index, threshold): (usize, &Threshold)| {
                let of = threshold.approve.max(1);
                let meant = seats.iter().filter(|seat| seat.is_meant(&threshold.filter)).count();
                let left = of.saturating_sub(u32::try_from(meant).unwrap_or(u32::MAX)).max(1);
                let missing = if index == *pick { *missing } else { left };
                Need { missing, of, filter: threshold.filter.clone() }
            };
            let mut ways: Vec<Need> = set.iter().enumerate().map(need).collect();
            ways.sort_by_key(|need| need.missing);
            needs.push(ways);
        }
        Self { approved: seats.len(), rejected, needs }
    }

    /// The same in words, such as `1 more of the group finance, and 1 more with the role approver`.
    pub fn words(&self) -> String {
        let set = |ways: &Vec<Need>| {
            let way = |need: &Need| format!("{} more {}", need.missing, meant(&need.filter));
            ways.iter().map(way).collect::<Vec<_>>().join(" or ")
        };
        self.needs.iter().map(set).collect::<Vec<_>>().join(", and ")
    }
}

/// Whom a filter means, in words.
fn meant(filter: &Filter) -> String {
    match filter {
        Filter::Group(name) => format!("of the group {name}"),
        Filter::Role(name) => format!("with the role {name}"),
        Filter::Person(email) => format!("({email})"),
    }
}

/// Who may decide, in words.
pub(super) fn asked(rule: &HoldRule) -> String {
    let mut words: Vec<String> = Vec::new();
    for threshold in rule.approvers.iter().flatten() {
        let word = match &threshold.filter {
            Filter::Group(name) => format!("the group {name}"),
            Filter::Role(name) => format!("the role {name}"),
            Filter::Person(email) => email.to_string(),
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    if words.is_empty() { "nobody".into() } else { words.join(", ") }
}
