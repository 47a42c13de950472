//! The policies in force, and what is known of whom and what they are about. How they are loaded is
//! told elsewhere.

use crate::catalogue::{Catalogue, Definition};
use crate::config::{Config, Pattern, ToolUpstream};
use crate::json;
use policy::{
    AgentFacts, Claims, LOCAL, Labels, Model, PersonFacts, Policies, ServerFacts, ToolFacts, Traits,
};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;

/// How long a list of tools is kept back until policies know the tools in it. It takes them
/// milliseconds, unless new ones are just being put on record.
const CATCH_UP_MAX: Duration = Duration::from_secs(2);

/// What decides; one for the whole process.
pub struct Rules {
    config: Arc<Config>,
    catalogue: Arc<Catalogue>,
    policies: RwLock<Option<Arc<Policies>>>,
    /// Up to which change of the tools the policies in force know them.
    known: watch::Sender<u64>,
    people: RwLock<Vec<PersonFacts>>,
}

impl Rules {
    /// Rules without a policy: the agents' lists alone decide.
    pub fn new(config: Arc<Config>, catalogue: Arc<Catalogue>) -> Self {
        let known = watch::Sender::new(*catalogue.changes().borrow());
        let (policies, people) = (RwLock::default(), RwLock::default());
        Self { config, catalogue, policies, known, people }
    }

    /// The policies in force; none where none are configured.
    pub fn policies(&self) -> Option<Arc<Policies>> {
        self.policies.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on these decide.
    pub fn enforce(&self, policies: Arc<Policies>) {
        *self.policies.write().unwrap_or_else(PoisonError::into_inner) = Some(policies);
    }

    /// The policies in force know the tools as they were after so many changes.
    pub fn reached(&self, change: u64) {
        self.known.send_replace(change);
    }

    /// Waits until the policies in force know every tool that was seen by now, so that an agent
    /// that is shown a tool can call it at once. Gives up after two seconds: what policies cannot
    /// look into, they forbid.
    pub async fn catch_up(&self) {
        if self.policies().is_none() {
            return;
        }
        let seen = *self.catalogue.changes().borrow();
        let mut known = self.known.subscribe();
        let caught_up = known.wait_for(|known| *known >= seen);
        if tokio::time::timeout(CATCH_UP_MAX, caught_up).await.is_err() {
            tracing::warn!("policies do not know all tools yet; calls of these may be denied");
        }
    }

    /// From now on these are the people that are known; true if they were others before.
    pub fn know(&self, people: Vec<PersonFacts>) -> bool {
        let mut known = self.people.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = *known != people;
        *known = people;
        is_new
    }

    /// The tools that were seen.
    pub const fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// What policies see of a tool, the cautious reading of what is known of it.
    pub fn traits(&self, server: &str, tool: &str) -> Traits {
        let Some(configured) = self.config.tools.iter().find(|known| known.name == server) else {
            return Traits::read(Claims::default(), false, Labels::default(), Labels::default());
        };
        let claims = self.catalogue.definition(server, tool).map(|known| claims(&known));
        let labels = labels(configured, tool);
        let claims = claims.unwrap_or_default();
        Traits::read(claims, configured.trusted, labels, Labels::default())
    }

    /// All that is known of whom and what policies are about.
    pub fn model(&self) -> Model {
        let config = &self.config;
        let agents = config.agents.iter().map(|agent| AgentFacts {
            name: agent.name.as_str().into(),
            team: agent.team.as_str().into(),
            owner: agent.owner.to_lowercase().into(),
            groups: Vec::new(),
        });
        let (seen, listed) = (self.catalogue.all(), self.catalogue.servers());
        let servers = config.tools.iter().map(|server| ServerFacts {
            name: server.name.as_str().into(),
            trusted: server.trusted,
            listed: listed.contains(&server.name),
            labels: of_unseen(server),
        });
        // It tells no tools, so that policies may name any.
        let local = ServerFacts { name: LOCAL.into(), ..ServerFacts::default() };
        let configured = |name: &str| config.tools.iter().find(|known| known.name == name);
        let tools = seen.iter().filter_map(|(server, name, definition)| {
            Some(ToolFacts {
                server: server.as_str().into(),
                name: name.as_str().into(),
                input_schema: schema(definition),
                claims: claims(definition),
                labels: labels(configured(server)?, name),
            })
        });
        Model {
            agents: agents.collect(),
            people: self.people.read().unwrap_or_else(PoisonError::into_inner).clone(),
            servers: servers.chain([local]).collect(),
            tools: tools.collect(),
            models: Vec::new(),
            providers: config.models.iter().map(|model| model.name.as_str().into()).collect(),
        }
    }
}

/// What the operator says of a tool: of whatever it has listed tools for, yes or no.
fn labels(server: &ToolUpstream, tool: &str) -> Labels {
    let said = |patterns: &[Pattern]| {
        (!patterns.is_empty()).then(|| patterns.iter().any(|pattern| pattern.matches(tool)))
    };
    Labels {
        private: said(&server.private),
        untrusted: said(&server.untrusted),
        outside: said(&server.outside),
    }
}

/// What the operator says of tools that were not seen yet: as if each were listed.
fn of_unseen(server: &ToolUpstream) -> Labels {
    let said = |patterns: &[Pattern]| (!patterns.is_empty()).then_some(true);
    Labels {
        private: said(&server.private),
        untrusted: said(&server.untrusted),
        outside: said(&server.outside),
    }
}

fn schema(definition: &Definition) -> Option<Arc<str>> {
    let found = json::find(definition.text.as_deref()?, &["inputSchema"])?;
    Some(found.text.into())
}

fn claims(definition: &Definition) -> Claims {
    let Some(text) = definition.text.as_deref() else { return Claims::default() };
    let said = |name| match json::find(text, &["annotations", name])?.text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    Claims {
        read_only: said("readOnlyHint"),
        destructive: said("destructiveHint"),
        idempotent: said("idempotentHint"),
        open_world: said("openWorldHint"),
    }
}
