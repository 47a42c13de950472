//! Who may still do what: people and agents that were revoked, sign-ins that ended, and who stands
//! in for whom; a fold.

use events::{AgentRevoked, DelegationOpened, EventId, Person, PersonRevoked, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a person had at the last sign-in.
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

/// The fold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    revoked_people: BTreeMap<Arc<str>, PersonRevoked>,
    revoked_agents: BTreeMap<Arc<str>, AgentRevoked>,
    ended: BTreeSet<Arc<str>>,
    delegations: BTreeMap<EventId, DelegationOpened>,
    known: BTreeMap<Arc<str>, Known>,
}
