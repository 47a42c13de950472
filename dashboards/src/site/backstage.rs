//! What the site wants from the gateway around it.

use approvals::Hold;
use bytes::Bytes;
use events::{Digest, Mark};
use identity::role::{GroupRoles, Role};
use identity::{Email, Profile};
use ledger::payload::Packed;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who has which role by the configuration.
#[derive(Clone, Debug, Default)]
pub struct Appointed {
    /// Groups.
    pub groups: GroupRoles,
    /// Single people, by an address that was verified.
    pub people: BTreeMap<Email, BTreeSet<Role>>,
}

impl Appointed {
    /// The roles that the configuration gives to a person.
    pub fn roles(&self, profile: &Profile) -> BTreeSet<Role> {
        let mut roles = self.groups.of(&profile.groups);
        roles.extend(self.people.get(&profile.email).into_iter().flatten());
        roles
    }
}

/// A tool as its server described it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Digest of the definition.
    pub digest: Digest,
    /// The definition as JSON, where it is kept.
    pub text: Option<Arc<str>>,
}

/// An agent, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentKnown {
    /// Its name.
    pub name: Arc<str>,
    /// Its team.
    pub team: Arc<str>,
    /// The person it acts for.
    pub owner: Arc<str>,
}

/// The policies.
#[derive(Clone, Debug)]
pub struct PoliciesKnown {
    /// The digest of those in force.
    pub digest: Digest,
    /// How many decide.
    pub count: usize,
    /// How many are only watched.
    pub shadowed: usize,
    /// The files as they are now, each with its text; or why they cannot be read.
    pub files: Result<Vec<(String, String)>, String>,
}

/// A request with other arguments.
#[derive(Debug)]
pub struct Edited {
    /// Keyed digest of the canonical arguments.
    pub arguments: Mark,
    /// The arguments as canonical JSON.
    pub text: Arc<str>,
    /// The whole request, packed for the session of the hold.
    pub request: Packed,
}

/// What only the gateway can do.
pub trait Backstage: Send + Sync {
    /// A tool as its server described it last.
    fn tool(&self, server: &str, tool: &str) -> Option<Tool>;

    /// The request of a hold with other arguments (JSON), if the policy does not forbid it and the
    /// tool takes such arguments; else why not. It blocks.
    fn edit(&self, hold: &Hold, request: &[u8], arguments: &str) -> Result<Edited, String>;

    /// The agents, as configured.
    fn agents(&self) -> Vec<AgentKnown>;

    /// The policies; none where none are configured. It blocks.
    fn policies(&self) -> Option<PoliciesKnown>;

    /// The events of a hold's session before it, as bytes on record, where another process has
    /// them. It blocks.
    fn before(&self, _hold: &Hold) -> Option<Vec<Bytes>> {
        None
    }

    /// Where another process holds the call and does not answer: that, in words.
    fn away(&self, _hold: &Hold) -> Option<String> {
        None
    }
}
