//! Who calls, once that is known: the agent, the person it acts for, and what its token says.

use std::collections::BTreeSet;
use std::sync::Arc;

use events::{Principal, Timestamp};

use crate::config::Agent;

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The agent.
    pub agent: Arc<Agent>,
    /// The same with whom it acts for, as events name them.
    pub principal: Principal,
    /// What tells it from all other callers, see [`known_as`].
    pub known_as: Arc<str>,
    /// What its token says; nothing for one that has a key, which is good for all that the agent
    /// may do, until it is taken from the configuration.
    pub token: Option<Terms>,
}

/// What a token says of how far it reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What it is good for.
    pub scopes: BTreeSet<Arc<str>>,
    /// When it opens nothing any more, leeway included.
    pub ends: Timestamp,
}

impl Caller {
    /// An agent that has a key: it acts for its owner.
    pub fn by_key(agent: Arc<Agent>) -> Self {
        let owner = agent.owner.as_str().into();
        Self::new(agent, owner, Vec::new(), None)
    }

    /// An agent that has a token: it acts for whom that says, and through these actors.
    pub fn by_token(
        agent: Arc<Agent>,
        owner: Arc<str>,
        actors: Vec<Arc<str>>,
        terms: Terms,
    ) -> Self {
        Self::new(agent, owner, actors, Some(terms))
    }

    fn new(
        agent: Arc<Agent>,
        owner: Arc<str>,
        actors: Vec<Arc<str>>,
        token: Option<Terms>,
    ) -> Self {
        let (name, team) = (agent.name.as_str().into(), agent.team.as_str().into());
        let principal = Principal { actors, agent: name, owner, team };
        let known_as = known_as(&principal);
        Self { agent, principal, known_as, token }
    }

    /// The agent's name.
    pub fn name(&self) -> &str {
        &self.agent.name
    }

    /// Whether it has what was said to be needed. A key has all.
    pub fn has(&self, needed: &[Arc<str>]) -> bool {
        let has = |terms: &Terms| needed.iter().all(|scope| terms.scopes.contains(scope));
        self.token.as_ref().is_none_or(has)
    }
}

/// What tells a principal from all others: sessions of one agent for two persons never meet. None
/// of its parts holds the line ends between them.
pub fn known_as(principal: &Principal) -> Arc<str> {
    let mut text = format!("{}\n{}", principal.agent, principal.owner);
    for actor in &principal.actors {
        text.push('\n');
        text.push_str(actor);
    }
    text.into()
}
