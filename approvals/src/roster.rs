//! Who may still do what: people and agents that were revoked, sign-ins that ended, and who stands
//! in for whom; a fold.

use events::{
    AgentRevoked, DelegationOpened, Envelope, Event, EventId, Person, PersonRevoked, Timestamp,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a person had at the last sign-in, or got with the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Who.
    pub person: Person,
    /// The groups.
    pub groups: Vec<Arc<str>>,
    /// The roles.
    pub roles: Vec<Arc<str>>,
    /// When it was recorded.
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct SignIn {
    /// Whose, where that is known.
    email: Arc<str>,
    /// After this it need not be remembered.
    expires: Timestamp,
    has_ended: bool,
}

/// The fold. E-mail addresses are compared without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    people: BTreeMap<Arc<str>, PersonRevoked>,
    agents: BTreeMap<Arc<str>, AgentRevoked>,
    sign_ins: BTreeMap<Arc<str>, SignIn>,
    delegations: BTreeMap<EventId, DelegationOpened>,
    known: BTreeMap<Arc<str>, Known>,
}

/// An e-mail address as it is compared.
pub(crate) fn folded(email: &str) -> Arc<str> {
    email.to_lowercase().into()
}

/// Whether two e-mail addresses are the same.
pub(crate) fn same_email(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

/// Whether two are one person: somebody may have an account here and another with a provider.
pub fn is_same(one: &Person, other: &Person) -> bool {
    one.id == other.id || same_email(&one.email, &other.email)
}

impl Roster {
    /// Whether an event says anything about who may still do what.
    pub const fn concerns(event: &Event) -> bool {
        matches!(
            event,
            Event::PersonSignedIn(_)
                | Event::PersonAdded(_)
                | Event::PersonSignedOut(_)
                | Event::PersonRevoked(_)
                | Event::PersonRestored(_)
                | Event::AgentRevoked(_)
                | Event::AgentRestored(_)
                | Event::DelegationOpened(_)
                | Event::DelegationClosed(_)
        )
    }

    /// Takes notice of an event on record; those of other matters change nothing.
    pub fn apply(&mut self, envelope: &Envelope) {
        if let Event::PersonSignedIn(fact) = &envelope.event {
            let expires = fact.expires;
            let email = folded(&fact.person.email);
            // What has expired opens nothing, so that it need not be known to have ended.
            self.sign_ins.retain(|_, sign_in| envelope.time <= sign_in.expires);
            let sign_in = SignIn { email, expires, has_ended: false };
            self.sign_ins.insert(Arc::clone(&fact.sign_in), sign_in);
            self.know(&fact.person, (&fact.groups, &fact.roles), envelope.time);
        } else if let Event::PersonAdded(fact) = &envelope.event {
            self.know(&fact.person, (&fact.groups, &fact.roles), envelope.time);
        } else if let Event::PersonSignedOut(fact) = &envelope.event {
            let ended = || SignIn {
                email: folded(&fact.person.email),
                expires: Timestamp::from_micros(u64::MAX),
                has_ended: true,
            };
            let sign_in = self.sign_ins.entry(Arc::clone(&fact.sign_in)).or_insert_with(ended);
            sign_in.has_ended = true;
        } else if let Event::PersonRevoked(fact) = &envelope.event {
            self.revoke(fact);
        } else if let Event::PersonRestored(fact) = &envelope.event {
            self.people.remove(&folded(&fact.email));
        } else if let Event::AgentRevoked(fact) = &envelope.event {
            self.agents.insert(Arc::clone(&fact.agent), fact.clone());
        } else if let Event::AgentRestored(fact) = &envelope.event {
            self.agents.remove(&fact.agent);
        } else if let Event::DelegationOpened(fact) = &envelope.event {
            self.delegations.retain(|_, delegation| envelope.time < delegation.until);
            self.delegations.insert(envelope.id, fact.clone());
        } else if let Event::DelegationClosed(fact) = &envelope.event {
            self.delegations.remove(&fact.delegation);
        }
    }

    fn know(&mut self, person: &Person, has: (&[Arc<str>], &[Arc<str>]), at: Timestamp) {
        let (groups, roles) = (has.0.to_vec(), has.1.to_vec());
        let known = Known { person: person.clone(), groups, roles, at };
        self.known.insert(folded(&person.email), known);
    }

    /// Everything a person has ends at once, and does not come back with the rights.
    fn revoke(&mut self, fact: &PersonRevoked) {
        let email = folded(&fact.email);
        for sign_in in self.sign_ins.values_mut().filter(|sign_in| sign_in.email == email) {
            sign_in.has_ended = true;
        }
        self.delegations.retain(|_, delegation| {
            folded(&delegation.from.email) != email && folded(&delegation.to) != email
        });
        self.people.insert(email, fact.clone());
    }

    /// Who revoked a person and why, if that is in force.
    pub fn revoked_person(&self, email: &str) -> Option<&PersonRevoked> {
        self.people.get(&folded(email))
    }

    /// Who revoked an agent and why, if that is in force.
    pub fn revoked_agent(&self, agent: &str) -> Option<&AgentRevoked> {
        self.agents.get(agent)
    }

    /// The people that have no rights.
    pub fn revoked_people(&self) -> impl Iterator<Item = &PersonRevoked> {
        self.people.values()
    }

    /// The agents that may make no call.
    pub fn revoked_agents(&self) -> impl Iterator<Item = &AgentRevoked> {
        self.agents.values()
    }

    /// Whether a sign-in ended before its time.
    pub fn is_signed_out(&self, sign_in: &str) -> bool {
        self.sign_ins.get(sign_in).is_some_and(|sign_in| sign_in.has_ended)
    }

    /// The sign-ins of a person that did not end before their time.
    pub fn sign_ins(&self, email: &str) -> impl Iterator<Item = &Arc<str>> {
        let email = folded(email);
        let own = self.sign_ins.iter().filter(move |(_, it)| it.email == email && !it.has_ended);
        own.map(|(id, _)| id)
    }

    /// The delegations in force.
    pub fn delegations(
        &self,
        now: Timestamp,
    ) -> impl Iterator<Item = (EventId, &DelegationOpened)> {
        let in_force = move |delegation: &DelegationOpened| {
            now < delegation.until && self.revoked_person(&delegation.from.email).is_none()
        };
        let all = self.delegations.iter().map(|(id, delegation)| (*id, delegation));
        all.filter(move |(_, delegation)| in_force(delegation))
    }

    /// The delegation by which one person may vote in another's place.
    pub fn delegation(&self, from: &str, to: &str, now: Timestamp) -> Option<&DelegationOpened> {
        let mut all = self.delegations(now).map(|(_, delegation)| delegation);
        all.find(|it| same_email(&it.from.email, from) && same_email(&it.to, to))
    }

    /// What is known of a person.
    pub fn known(&self, email: &str) -> Option<&Known> {
        self.known.get(&folded(email))
    }

    /// Everybody who is known and has rights.
    pub fn people(&self) -> impl Iterator<Item = &Known> {
        self.known.values().filter(|known| self.revoked_person(&known.person.email).is_none())
    }
}

#[cfg(test)]
mod tests;
