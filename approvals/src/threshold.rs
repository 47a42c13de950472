//! How many of whom it takes, and whether they have spoken; pure.
//!
//! All sets of a rule must be satisfied, each by any one of its thresholds, and one person counts
//! for one set. The first threshold whose number of rejections is reached ends it.

mod matching;

mod needs;

pub use needs::{Need, Progress};

use crate::roster::{Roster, is_same, same_email};
use events::{EventId, Filter, HoldRule, HoldVoted, Person, Principal, Timestamp, Vote};
use matching::Fill;
use std::sync::Arc;

/// Somebody who votes, with what the vote would count for.
#[derive(Clone, Copy, Debug)]
pub struct Seat<'a> {
    /// Whose vote it is.
    pub person: &'a Person,
    /// Who gives it; another person where one stands in.
    pub hand: &'a Person,
    /// The groups of whose vote it is.
    pub groups: &'a [Arc<str>],
    /// The roles.
    pub roles: &'a [Arc<str>],
}

impl<'a> Seat<'a> {
    /// The seat of a vote.
    pub fn of(vote: &'a HoldVoted) -> Self {
        let person = vote.for_person.as_ref().unwrap_or(&vote.by);
        Self { person, hand: &vote.by, groups: &vote.groups, roles: &vote.roles }
    }

    /// Whether one filter means this person.
    pub fn is_meant(&self, filter: &Filter) -> bool {
        match filter {
            Filter::Group(name) => self.groups.contains(name),
            Filter::Role(name) => self.roles.contains(name),
            Filter::Person(email) => same_email(email, &self.person.email),
        }
    }
}

/// Why a person's vote cannot count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ineligible {
    /// The person is none of those who may decide.
    #[error("{person} is none of those who decide this call: {asked}")]
    NotAsked {
        /// Who.
        person: Arc<str>,
        /// Who may, in words.
        asked: String,
    },
    /// The agent acts for the person.
    #[error("the agent acts for {0}, who cannot approve its calls as well")]
    Owner(Arc<str>),
    /// The agent acts through the person.
    #[error("the agent acts through {0}, who cannot approve its calls as well")]
    Actor(Arc<str>),
    /// The person stands in for whom the agent acts for.
    #[error(
        "{person} stands in for {owner}, for whom the agent acts, and cannot approve its calls"
    )]
    Delegate {
        /// Who.
        person: Arc<str>,
        /// Whose delegate.
        owner: Arc<str>,
    },
    /// The person made what is voted on.
    #[error("{0} made this version of the call; somebody else has to approve it")]
    Editor(Arc<str>),
    /// The person has no rights any more.
    #[error("{0} is revoked")]
    Revoked(Arc<str>),
}

/// What decides whose votes count.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The rule.
    pub rule: &'a HoldRule,
    /// Who asks.
    pub principal: &'a Principal,
    /// Who made the version that is voted on, where that was not the agent.
    pub editor: Option<&'a Person>,
    /// Who still has rights.
    pub roster: &'a Roster,
    /// Now.
    pub now: Timestamp,
}

/// What votes come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tally {
    /// More is needed.
    Open,
    /// All sets are satisfied, by these votes.
    Approved(Vec<EventId>),
    /// There are enough rejections, which are these.
    Rejected(Vec<EventId>),
}

/// A vote and the event that has it.
pub type Entry<'a> = (EventId, &'a HoldVoted);

impl<'a> Terms<'a> {
    /// Whether a vote of this person could count, and why not.
    pub fn eligible(&self, seat: Seat<'_>) -> Result<(), Ineligible> {
        for person in [seat.hand, seat.person] {
            let email = || Arc::clone(&person.email);
            if self.roster.revoked_person(&person.email).is_some() {
                return Err(Ineligible::Revoked(email()));
            }
            if !self.rule.own {
                self.is_apart(person)?;
            }
        }
        let mut thresholds = self.rule.approvers.iter().flatten();
        if thresholds.any(|threshold| seat.is_meant(&threshold.filter)) {
            return Ok(());
        }
        Err(Ineligible::NotAsked {
            person: Arc::clone(&seat.person.email),
            asked: needs::asked(self.rule),
        })
    }

    /// Separation of duties: whoever has a part in asking has none in answering.
    fn is_apart(&self, person: &Person) -> Result<(), Ineligible> {
        let (principal, email) = (self.principal, &person.email);
        if same_email(&principal.owner, email) {
            return Err(Ineligible::Owner(Arc::clone(email)));
        }
        if principal.actors.iter().any(|actor| same_email(actor, email) || *actor == person.id) {
            return Err(Ineligible::Actor(Arc::clone(email)));
        }
        for owner in [&principal.owner].into_iter().chain(&principal.actors) {
            if self.roster.delegation(owner, email, self.now).is_some() {
                let (person, owner) = (Arc::clone(email), Arc::clone(owner));
                return Err(Ineligible::Delegate { person, owner });
            }
        }
        match self.editor {
            Some(editor) if is_same(editor, person) => Err(Ineligible::Editor(Arc::clone(email))),
            Some(_) | None => Ok(()),
        }
    }

    /// The votes that count, in order: of eligible people, each of whom gives one vote and has one
    /// vote given.
    fn counted(&self, votes: &[Entry<'a>]) -> Vec<Entry<'a>> {
        let mut counted: Vec<Entry<'a>> = Vec::new();
        for (id, vote) in votes {
            let seat = Seat::of(vote);
            let is_double = counted.iter().any(|(_, other)| is_double(seat, Seat::of(other)));
            if !is_double && self.eligible(seat).is_ok() {
                counted.push((*id, vote));
            }
        }
        counted
    }

    /// What these votes, all on the version that is decided on, come to.
    pub fn tally(&self, votes: &[Entry<'a>]) -> Tally {
        let (approving, rejecting) = self.sides(votes);
        for threshold in self.rule.approvers.iter().flatten() {
            let meant = rejecting.iter().filter(|(_, it)| Seat::of(it).is_meant(&threshold.filter));
            let ids: Vec<EventId> = meant.map(|(id, _)| *id).collect();
            if !ids.is_empty() && threshold.deny as usize <= ids.len() {
                return Tally::Rejected(ids);
            }
        }
        let seats: Vec<Seat<'_>> = approving.iter().map(|(_, vote)| Seat::of(vote)).collect();
        let fill = Fill::best(&self.rule.approvers, &seats);
        if !fill.is_full() {
            return Tally::Open;
        }
        let used = approving.iter().enumerate().filter(|(index, _)| fill.uses(*index));
        Tally::Approved(used.map(|(_, (id, _))| *id).collect())
    }

    fn sides(&self, votes: &[Entry<'a>]) -> (Vec<Entry<'a>>, Vec<Entry<'a>>) {
        let counted = self.counted(votes).into_iter();
        counted.partition(|(_, vote)| match vote.vote {
            Vote::Approve => true,
            Vote::Reject => false,
        })
    }

    /// What these votes still need.
    pub fn progress(&self, votes: &[Entry<'a>]) -> Progress {
        let (approving, rejecting) = self.sides(votes);
        let seats: Vec<Seat<'_>> = approving.iter().map(|(_, vote)| Seat::of(vote)).collect();
        Progress::new(self.rule, &seats, rejecting.len())
    }

    /// The people known to the roster whose vote could count.
    pub fn known(&self) -> Vec<&'a Person> {
        let known = self.roster.people().filter(|known| {
            let (groups, roles) = (&known.groups, &known.roles);
            let (person, hand) = (&known.person, &known.person);
            self.eligible(Seat { person, hand, groups, roles }).is_ok()
        });
        known.map(|known| &known.person).collect()
    }

    /// Whether the people known to the roster could satisfy the rule at all. Somebody who has never
    /// signed in may still be among those who may.
    pub fn is_answerable(&self) -> bool {
        let seat = |known: &'a crate::roster::Known| Seat {
            person: &known.person,
            hand: &known.person,
            groups: &known.groups,
            roles: &known.roles,
        };
        let known = self.roster.people().map(seat);
        let seats: Vec<Seat<'_>> = known.filter(|seat| self.eligible(*seat).is_ok()).collect();
        Fill::best(&self.rule.approvers, &seats).is_full()
    }

    /// Whether this one person's yes is enough.
    pub fn suffices(&self, seat: Seat<'_>) -> bool {
        self.eligible(seat).is_ok() && Fill::best(&self.rule.approvers, &[seat]).is_full()
    }
}

/// Whether two votes cannot both count: one person gave both, or they count as the same person's.
pub(crate) fn is_double(one: Seat<'_>, other: Seat<'_>) -> bool {
    is_same(one.hand, other.hand) || is_same(one.person, other.person)
}

#[cfg(test)]
mod tests;
