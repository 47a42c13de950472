//! How well people watch over calls: how fast, how much, and whether they look; a fold.

use crate::hold::{Hold, Step};
use crate::time::between;
use events::{CallId, Envelope, Event, HoldVoted, Risk, Timestamp, Vote};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How many words people read in a minute, and bytes there are in one.
const WORDS_PER_MINUTE: u64 = 250;
const BYTES_PER_WORD: u64 = 6;

/// What nobody reads in less.
const GLANCE: Duration = Duration::from_secs(2);

/// So many approvals in a row, and no rejection, are worth a rule.
const HABIT: u32 = 12;

/// What is remembered of each measure at the most; the latest.
const SAMPLES_MAX: usize = 10_000;

/// Times, of which the middle and the long ones matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times(Vec<Duration>);

impl Times {
    fn note(&mut self, time: Duration) {
        if SAMPLES_MAX <= self.0.len() {
            self.0.remove(0);
        }
        self.0.push(time);
    }

    /// How many there are.
    pub const fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that so many in a hundred do not exceed.
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied()
    }
}

/// What there is of calls of one risk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfRisk {
    /// From the call to the first look at it.
    pub to_open: Times,
    /// From the call to the decision.
    pub to_decide: Times,
    /// How long who voted had the page open.
    pub dwell: Times,
    /// How many calls were held.
    pub held: u64,
    /// How many of them nobody decided in time.
    pub undecided: u64,
}

/// How somebody, or people about something, voted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Votes {
    /// How often they said yes.
    pub approved: u64,
    /// How often they said no.
    pub rejected: u64,
    /// How often they said yes in less time than it takes to read what was shown.
    pub hasty: u64,
    /// How often they said yes with parts that they had not opened.
    pub unopened: u64,
    /// How often they said yes without a page that says what they saw.
    pub unseen: u64,
}

/// Calls that are always approved: a rule could allow them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The agent.
    pub agent: Arc<str>,
    /// The tool server.
    pub upstream: Arc<str>,
    /// The tool.
    pub target: Arc<str>,
    /// How often such calls were approved since the last rejection.
    pub approved: u32,
}

/// Who makes which calls.
type Kind = (Arc<str>, Arc<str>, Arc<str>);

/// The fold. Lapses and calls taken back are no rejections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Oversight {
    open: BTreeMap<CallId, Hold>,
    opened: BTreeSet<CallId>,
    /// By risk.
    pub risks: BTreeMap<Risk, OfRisk>,
    /// By the approver's e-mail address.
    pub approvers: BTreeMap<Arc<str>, Votes>,
    /// By the tool, as `server/tool`.
    pub tools: BTreeMap<Arc<str>, Votes>,
    /// By the agent.
    pub agents: BTreeMap<Arc<str>, Votes>,
    /// How many votes each approver gave in each hour since 1970.
    pub load: BTreeMap<(Arc<str>, u64), u32>,
    /// Approvals since the last rejection.
    habits: BTreeMap<Kind, u32>,
}

impl Oversight {
    /// Takes notice of an event on record.
    pub fn apply(&mut self, envelope: &Envelope) {
        if let Some(hold) = Hold::begin(envelope) {
            self.risks.entry(hold.fact.rule.risk).or_default().held += 1;
            self.open.insert(hold.id, hold);
            return;
        }
        let Some((call, step)) = envelope.call.zip(Step::of(&envelope.event)) else { return };
        let Some(mut hold) = self.open.remove(&call) else { return };
        let was_pending = hold.state.is_pending();
        if was_pending {
            self.look(&hold, envelope);
        }
        hold.apply(envelope.id, envelope.time, step);
        if was_pending && !hold.state.is_pending() {
            self.decided(&hold, envelope);
        }
        if hold.state.is_final() {
            self.opened.remove(&call);
        } else {
            self.open.insert(call, hold);
        }
    }

    fn look(&mut self, hold: &Hold, envelope: &Envelope) {
        let time = between(hold.at, envelope.time);
        let of_risk = self.risks.entry(hold.fact.rule.risk).or_default();
        if let Event::HoldViewed(_) = &envelope.event
            && self.opened.insert(hold.id)
        {
            of_risk.to_open.note(time);
        }
        if let Event::HoldVoted(vote) = &envelope.event {
            if let Some(view) = &vote.view {
                of_risk.dwell.note(Duration::from_millis(view.open_ms));
            }
            self.vote(hold, vote, envelope.time);
        }
    }

    fn vote(&mut self, hold: &Hold, vote: &HoldVoted, at: Timestamp) {
        let tool = hold.fact.target.as_deref().unwrap_or(&hold.fact.method);
        let tool = format!("{}/{tool}", hold.fact.upstream).into();
        let (by, agent) = (&vote.by.email, &hold.fact.principal.agent);
        let about = [
            self.approvers.entry(Arc::clone(by)).or_default(),
            self.tools.entry(tool).or_default(),
            self.agents.entry(Arc::clone(agent)).or_default(),
        ];
        for votes in about {
            votes.note(hold, vote);
        }
        let hour = at.micros() / 3_600_000_000;
        *self.load.entry((Arc::clone(by), hour)).or_default() += 1;
    }

    fn decided(&mut self, hold: &Hold, envelope: &Envelope) {
        let of_risk = self.risks.entry(hold.fact.rule.risk).or_default();
        let is_approved = matches!(envelope.event, Event::HoldGranted(_));
        let is_rejected = matches!(envelope.event, Event::HoldRefused(_));
        if matches!(envelope.event, Event::HoldExpired(_)) {
            of_risk.undecided += 1;
        }
        if !is_approved && !is_rejected {
            return;
        }
        of_risk.to_decide.note(between(hold.at, envelope.time));
        let Some(target) = &hold.fact.target else { return };
        let (agent, upstream) = (&hold.fact.principal.agent, &hold.fact.upstream);
        let kind = (Arc::clone(agent), Arc::clone(upstream), Arc::clone(target));
        let habit = self.habits.entry(kind).or_default();
        *habit = if is_approved { *habit + 1 } else { 0 };
    }

    /// The calls that are always approved, the most frequent first.
    pub fn suggestions(&self) -> Vec<Suggestion> {
        let habits = self.habits.iter().filter(|(_, approved)| HABIT <= **approved);
        let suggestion = |((agent, upstream, target), approved): (&Kind, &u32)| Suggestion {
            agent: Arc::clone(agent),
            upstream: Arc::clone(upstream),
            target: Arc::clone(target),
            approved: *approved,
        };
        let mut suggestions: Vec<Suggestion> = habits.map(suggestion).collect();
        suggestions.sort_by_key(|it| std::cmp::Reverse(it.approved));
        suggestions
    }
}

impl Votes {
    fn note(&mut self, hold: &Hold, vote: &HoldVoted) {
        match vote.vote {
            Vote::Reject => self.rejected += 1,
            Vote::Approve => {
                self.approved += 1;
                let Some(view) = &vote.view else {
                    self.unseen += 1;
                    return;
                };
                let bytes = hold.request.map_or(0, |request| request.bytes);
                let takes = reading_time(bytes);
                self.hasty += u64::from(Duration::from_millis(view.open_ms) < takes);
                let opened = u32::try_from(view.opened.len()).unwrap_or(u32::MAX);
                self.unopened += u64::from(opened < view.sections);
            }
        }
    }
}

/// What it takes to read so many bytes, at the least.
fn reading_time(bytes: u64) -> Duration {
    GLANCE.max(Duration::from_millis(bytes * 60_000 / (WORDS_PER_MINUTE * BYTES_PER_WORD)))
}

#[cfg(test)]
mod tests;
