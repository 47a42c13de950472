//! Who may vote, as the events say: sign-ins, delegations, and who was revoked.

use super::lateness::{LATE_MICROS_MAX, is_past};
use events::{Event, EventId, HoldVoted, Timestamp};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How many sign-ins are remembered before those that are over are forgotten.
const SIGN_INS: usize = 1 << 16;

struct SignIn {
    id: Arc<str>,
    email: Arc<str>,
    expires: Timestamp,
    /// Whether it ended before its time.
    has_ended: bool,
}

struct Delegation {
    from: Arc<str>,
    to: Arc<str>,
    until: Timestamp,
}

impl Delegation {
    fn is_of(&self, to: &str, from: &str) -> bool {
        self.to.eq_ignore_ascii_case(to) && self.from.eq_ignore_ascii_case(from)
    }
}

#[derive(Default)]
pub(super) struct Roster {
    sign_ins: HashMap<Arc<str>, SignIn>,
    delegations: HashMap<EventId, Delegation>,
    revoked: HashSet<Arc<str>>,
}

impl Roster {
    /// Takes the next event.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most kinds say nothing of people")]
    pub(super) fn apply(&mut self, id: EventId, time: Timestamp, event: &Event) {
        match event {
            Event::PersonSignedIn(fact) => {
                if self.sign_ins.len() >= SIGN_INS {
                    self.sign_ins.retain(|_, sign_in| !is_past(time, sign_in.expires));
                }
                let (id, email) = (Arc::clone(&fact.person.id), Arc::clone(&fact.person.email));
                let sign_in = SignIn { id, email, expires: fact.expires, has_ended: false };
                self.sign_ins.insert(Arc::clone(&fact.sign_in), sign_in);
            }
            Event::PersonSignedOut(fact) => self.end(|name, _| *name == fact.sign_in),
            Event::PersonRevoked(fact) => {
                self.revoked.insert(Arc::clone(&fact.email));
                self.end(|_, sign_in| sign_in.email == fact.email);
                let ends = |it: &Delegation| it.from == fact.email || it.to == fact.email;
                self.delegations.retain(|_, delegation| !ends(delegation));
            }
            Event::PersonRestored(fact) => drop(self.revoked.remove(&fact.email)),
            Event::DelegationOpened(fact) => {
                let (from, to) = (Arc::clone(&fact.from.email), Arc::clone(&fact.to));
                self.delegations.insert(id, Delegation { from, to, until: fact.until });
            }
            Event::DelegationClosed(fact) => drop(self.delegations.remove(&fact.delegation)),
            _ => {}
        }
    }

    fn end(&mut self, ends: impl Fn(&Arc<str>, &SignIn) -> bool) {
        for (name, sign_in) in &mut self.sign_ins {
            sign_in.has_ended |= ends(name, sign_in);
        }
    }

    /// Whether somebody has no rights any more.
    pub(super) fn is_revoked(&self, email: &str) -> bool {
        self.revoked.contains(email)
    }

    /// Whether one person may vote in another's place at a time, or might.
    fn may_stand_in(&self, to: &str, from: &str, time: Timestamp) -> bool {
        self.delegations.values().any(|it| it.is_of(to, from) && !is_past(time, it.until))
    }

    /// Whether one person surely stands in for another at a time.
    pub(super) fn stands_in(&self, to: &str, from: &str, time: Timestamp) -> bool {
        let late = Timestamp::from_micros(time.micros().saturating_add(LATE_MICROS_MAX));
        self.delegations.values().any(|it| it.is_of(to, from) && late < it.until)
    }

    /// What is wrong with the right to vote at all. The second says whether what is missing may
    /// stand before the part that was read.
    pub(super) fn doubt(&self, vote: &HoldVoted, time: Timestamp) -> Option<(String, bool)> {
        let by = &vote.by.email;
        if self.is_revoked(by) {
            return Some((format!("`{by}` voted, and was revoked"), false));
        }
        if let Some(place) = &vote.for_person
            && !self.may_stand_in(by, &place.email, time)
        {
            let detail = format!("`{by}` voted in place of `{}`, who had not", place.email);
            return Some((format!("{detail} delegated to them"), true));
        }
        let name = vote.sign_in.as_ref()?;
        let under = format!("`{by}` voted under the sign-in `{name}`");
        match self.sign_ins.get(name) {
            None => Some((format!("{under}, and no such sign-in is there"), true)),
            Some(sign_in) if sign_in.id != vote.by.id => {
                Some((format!("{under}, which is of `{}`", sign_in.email), false))
            }
            Some(sign_in) if sign_in.has_ended => {
                Some((format!("{under}, which had ended"), false))
            }
            Some(sign_in) if is_past(time, sign_in.expires) => {
                Some((format!("{under}, which had expired"), false))
            }
            Some(_) => None,
        }
    }
}
