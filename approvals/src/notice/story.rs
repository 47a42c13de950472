//! One hold as far as people are told about it: what became of it, who knows what; pure.

use crate::notice::routing::Audience;
use crate::notice::settings::MAIL;
use crate::time::after;
use events::{
    BreakGlass, CallHeld, CallId, Digest, Event, EventId, HoldEdited, HoldVoted, NoticeKind,
    SessionId, Timestamp, Vote,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// An ending that is older is told to nobody any more: it is on the page.
const ENDING_TOLD_WITHIN: Duration = Duration::from_hours(12);

/// What a notice says.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) call: CallId,
    /// What is decided on.
    pub(super) digest: Digest,
    /// Who made the version that is decided on, unless it is the first, and why.
    pub(super) editor: Option<(Arc<str>, Option<String>)>,
    pub(super) ending: Option<Ending>,
    pub(super) held: CallHeld,
    pub(super) session: Option<SessionId>,
    pub(super) since: Timestamp,
    pub(super) version: u32,
}

/// How it ended, so far.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) at: Timestamp,
    pub(super) event: EventId,
    pub(super) how: How,
    /// Which it is: a grant that came to nothing is a second ending.
    pub(super) round: u32,
}

#[derive(Clone, Debug)]
pub(super) enum How {
    Expired { granted: bool },
    Granted { by: Vec<Arc<str>>, break_glass: Option<BreakGlass> },
    Refused { by: Vec<Arc<str>> },
    Withdrawn { by: Arc<str>, reason: String },
}

/// One thing that one addressee has to be told by one channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Need {
    pub(super) call: CallId,
    pub(super) kind: NoticeKind,
    pub(super) round: u32,
    pub(super) channel: Arc<str>,
    pub(super) to: Arc<str>,
}

/// What an addressee knows.
#[derive(Clone, Copy, Debug)]
struct Told {
    version: u32,
    last: Timestamp,
}

/// One hold.
#[derive(Debug)]
pub(super) struct Story {
    facts: Arc<Facts>,
    /// The event that made each version.
    versions: BTreeMap<u32, EventId>,
    votes: BTreeMap<EventId, (Arc<str>, Vote, u32)>,
    told: BTreeMap<(Arc<str>, Arc<str>), Told>,
    /// What is on record as sent or as given up.
    settled: BTreeSet<Need>,
}

impl Story {
    pub(super) fn new(
        (call, session): (CallId, Option<SessionId>),
        (event, since): (EventId, Timestamp),
        held: &CallHeld,
    ) -> Self {
        let facts = Facts {
            call,
            digest: held.digest,
            editor: None,
            ending: None,
            held: held.clone(),
            session,
            since,
            version: 1,
        };
        Self {
            facts: Arc::new(facts),
            versions: BTreeMap::from([(1, event)]),
            votes: BTreeMap::new(),
            told: BTreeMap::new(),
            settled: BTreeSet::new(),
        }
    }

    pub(super) const fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    /// The event that a notice of now is caused by.
    pub(super) fn cause(&self) -> Option<EventId> {
        let ended = self.facts.ending.as_ref().map(|ending| ending.event);
        ended.or_else(|| self.versions.get(&self.facts.version).copied())
    }

    pub(super) fn edit(&mut self, event: EventId, edited: &HoldEdited) {
        let facts = Arc::make_mut(&mut self.facts);
        facts.version = edited.version;
        facts.digest = edited.digest;
        facts.editor = Some((Arc::clone(&edited.by.email), edited.reason.clone()));
        self.versions.insert(edited.version, event);
    }

    pub(super) fn vote(&mut self, event: EventId, voted: &HoldVoted) {
        let vote = (Arc::clone(&voted.by.email), voted.vote, voted.version);
        self.votes.insert(event, vote);
    }

    /// Takes in how it ended. Events that end nothing change nothing.
    pub(super) fn end(&mut self, event: EventId, at: Timestamp, ending: &Event) {
        let how = if let Event::HoldGranted(fact) = ending {
            How::Granted { by: self.voters(&fact.votes), break_glass: fact.break_glass.clone() }
        } else if let Event::HoldRefused(fact) = ending {
            How::Refused { by: self.voters(&fact.votes) }
        } else if let Event::HoldExpired(fact) = ending {
            How::Expired { granted: fact.granted }
        } else if let Event::HoldWithdrawn(fact) = ending {
            How::Withdrawn { by: Arc::clone(&fact.by), reason: fact.reason.clone() }
        } else {
            return;
        };
        let round = self.facts.ending.as_ref().map_or(0, |before| before.round + 1);
        Arc::make_mut(&mut self.facts).ending = Some(Ending { at, event, how, round });
    }

    fn voters(&self, votes: &[EventId]) -> Vec<Arc<str>> {
        let mut by: Vec<Arc<str>> = votes
            .iter()
            .filter_map(|vote| self.votes.get(vote).map(|(by, ..)| Arc::clone(by)))
            .collect();
        by.sort();
        by.dedup();
        by
    }

    /// Takes in that a notice is not to be sent again.
    pub(super) fn settle(&mut self, need: Need) {
        self.settled.insert(need);
    }

    /// Takes in that an addressee was told, by a notice that `cause` caused.
    pub(super) fn tell(&mut self, to: (Arc<str>, Arc<str>), cause: Option<EventId>, at: Timestamp) {
        let made = self.versions.iter().find(|(_, event)| Some(**event) == cause);
        let ended = self.facts.ending.as_ref().is_some_and(|end| Some(end.event) == cause);
        let version = made.map_or(if ended { self.facts.version } else { 1 }, |(made, _)| *made);
        let told = self.told.entry(to).or_insert(Told { version, last: at });
        told.version = told.version.max(version);
        told.last = told.last.max(at);
    }

    /// Everything that somebody has to be told now.
    pub(super) fn needs(&self, now: Timestamp, audience: &Audience<'_>) -> Vec<Need> {
        let mut needs = match &self.facts.ending {
            Some(ending) if now < after(ending.at, ENDING_TOLD_WITHIN) => {
                self.closing(ending, audience)
            }
            None if now < self.facts.held.expires => self.asking(now, audience),
            Some(_) | None => Vec::new(),
        };
        needs.retain(|need| !self.settled.contains(need));
        needs
    }

    fn need(&self, kind: NoticeKind, round: u32, (channel, to): (&Arc<str>, &Arc<str>)) -> Need {
        let (channel, to) = (Arc::clone(channel), Arc::clone(to));
        Need { call: self.facts.call, kind, round, channel, to }
    }

    /// Whoever was told that it waits is told how it ended.
    fn closing(&self, ending: &Ending, audience: &Audience<'_>) -> Vec<Need> {
        let told = self.told.keys().filter(|(_, to)| audience.has_rights(to));
        told.map(|(channel, to)| self.need(NoticeKind::Decided, ending.round, (channel, to)))
            .collect()
    }

    fn asking(&self, now: Timestamp, audience: &Audience<'_>) -> Vec<Need> {
        let mut needs = Vec::new();
        let mail: Arc<str> = MAIL.into();
        let deciders = self.deciders(audience);
        let mails = deciders.iter().map(|to| (&mail, to));
        let webhooks = audience.webhooks().iter().map(|name| (name, name));
        for at in mails.chain(webhooks) {
            needs.extend(self.asking_one(now, at));
        }
        for (round, step) in (0_u32..).zip(&self.facts.held.rule.escalate) {
            if now < after(self.facts.since, Duration::from_secs(step.after_s)) {
                continue;
            }
            let to = audience.mail_to([&step.to].into_iter(), &BTreeSet::new());
            let told = |at| self.need(NoticeKind::Escalated, round, at);
            needs.extend(to.iter().map(|to| (&mail, to)).map(told));
            needs.extend(audience.webhooks().iter().map(|name| (name, name)).map(told));
        }
        needs
    }

    /// What one who may decide has to be told: what they know nothing of, else what has changed,
    /// else that it still waits.
    fn asking_one(&self, now: Timestamp, at: (&Arc<str>, &Arc<str>)) -> Option<Need> {
        let version = self.facts.version;
        let told = self.told.get(&(Arc::clone(at.0), Arc::clone(at.1)));
        // Another version is another message: some programs show no message of an id they have.
        let asked = self.need(NoticeKind::Asked, version.saturating_sub(1), at);
        if told.is_none() && !self.settled.contains(&asked) {
            return Some(asked);
        }
        if told.is_some_and(|told| told.version < version) {
            let edited = self.need(NoticeKind::Edited, version.saturating_sub(2), at);
            if !self.settled.contains(&edited) {
                return Some(edited);
            }
        }
        let (count, every) = self.reminders(now)?;
        let due = after(self.facts.since, Duration::from_secs(every.saturating_mul(count)));
        let round = u32::try_from(count.checked_sub(1)?).ok()?;
        let knows = told.is_some_and(|told| due <= told.last);
        (!knows).then(|| self.need(NoticeKind::Reminded, round, at))
    }

    /// How many reminders were due until now, and every how many seconds there is one.
    fn reminders(&self, now: Timestamp) -> Option<(u64, u64)> {
        let every = self.facts.held.rule.remind_s.filter(|every| 0 < *every)?;
        let waited = now.micros().saturating_sub(self.facts.since.micros()) / 1_000_000;
        Some((waited / every, every))
    }

    /// Who may decide and has not: by mail.
    fn deciders(&self, audience: &Audience<'_>) -> BTreeSet<Arc<str>> {
        let Facts { held, editor, version, .. } = self.facts.as_ref();
        let mut excluded = BTreeSet::new();
        if !held.rule.own {
            let principal = [&held.principal.owner].into_iter().chain(&held.principal.actors);
            let editor = editor.iter().map(|(editor, _)| editor);
            excluded.extend(principal.chain(editor).map(|it| it.to_lowercase()));
        }
        let mut to = BTreeSet::new();
        for set in &held.rule.approvers {
            // Where nobody can satisfy one set the call waits in vain, which somebody should know.
            to.extend(audience.mail_to(set.iter().map(|it| &it.filter), &excluded));
        }
        let voted = self.votes.values().filter(|(_, _, voted_on)| voted_on == version);
        for (voter, ..) in voted {
            to.remove(voter);
        }
        to
    }
}
