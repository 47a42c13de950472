//! What the events of the selected calls refer to, and stands elsewhere: the policies that decided,
//! the grants that were used, and who the people are that voted.

use super::item::Item;
use events::{CallId, Event, EventId, HoldVoted};
use std::collections::BTreeSet;
use std::sync::Arc;

/// See the module. It is shown every event once to find out, and asked about every event once more.
#[derive(Debug, Default)]
pub(super) struct References {
    /// The policies in force, as far as they were read.
    in_force: Option<EventId>,
    policies: BTreeSet<EventId>,
    grants: BTreeSet<EventId>,
    sign_ins: BTreeSet<Arc<str>>,
    /// E-mail addresses of those who voted, and in whose place.
    voters: BTreeSet<Arc<str>>,
    delegations: BTreeSet<EventId>,
}

impl References {
    /// Looks at an event, with the calls that are selected.
    pub(super) fn look(&mut self, item: &Item, calls: &BTreeSet<CallId>) {
        if let Some(Event::PolicyLoaded(_)) = item.event {
            self.in_force = item.id;
        }
        if !item.call.is_some_and(|call| calls.contains(&call)) {
            return;
        }
        match &item.event {
            Some(Event::CallDispatched(fact)) => {
                self.policies.extend(self.in_force);
                self.grants.extend(fact.grant);
            }
            Some(Event::CallDenied(_) | Event::CallHeld(_)) => self.policies.extend(self.in_force),
            Some(Event::HoldVoted(vote)) => self.vote(vote),
            Some(Event::HoldEdited(fact)) => drop(self.voters.insert(Arc::clone(&fact.by.email))),
            _ => {}
        }
    }

    fn vote(&mut self, vote: &HoldVoted) {
        self.sign_ins.extend(vote.sign_in.clone());
        let persons = [Some(&vote.by), vote.for_person.as_ref()];
        self.voters.extend(persons.into_iter().flatten().map(|person| Arc::clone(&person.email)));
    }

    /// Whether an event is referred to, or says what became of one that is.
    pub(super) fn takes(&mut self, item: &Item) -> bool {
        let is_in = |ids: &BTreeSet<EventId>| item.id.is_some_and(|id| ids.contains(&id));
        match &item.event {
            Some(Event::PolicyLoaded(_)) => is_in(&self.policies),
            Some(Event::GrantOpened(_)) => is_in(&self.grants),
            Some(Event::GrantRevoked(fact)) => self.grants.contains(&fact.grant),
            Some(Event::PersonSignedIn(fact)) => self.sign_ins.contains(&fact.sign_in),
            Some(Event::PersonSignedOut(fact)) => self.sign_ins.contains(&fact.sign_in),
            Some(Event::PersonRevoked(fact)) => self.voters.contains(&fact.email),
            Some(Event::PersonRestored(fact)) => self.voters.contains(&fact.email),
            Some(Event::PasskeyRegistered(fact)) => self.voters.contains(&fact.person.email),
            Some(Event::PasskeyRemoved(fact)) => self.voters.contains(&fact.person.email),
            Some(Event::DelegationOpened(fact)) => {
                let concerns = self.voters.contains(&fact.to);
                self.delegations.extend(item.id.filter(|_| concerns));
                concerns
            }
            Some(Event::DelegationClosed(fact)) => self.delegations.contains(&fact.delegation),
            _ => false,
        }
    }
}
