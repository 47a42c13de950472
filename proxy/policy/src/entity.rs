//! What policies know of who asks and what is asked for: Cedar's entities, made of facts.

use crate::argument::{Fields, fields};
use crate::facts::{AgentFacts, Labels, Model, PersonFacts, ServerFacts, Traits};
use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

/// The actions that are not a tool's own. The first two are groups.
pub(crate) const CALL: &str = "call";
pub(crate) const CALL_TOOL: &str = "call_tool";
pub(crate) const CALL_MODEL: &str = "call_model";
pub(crate) const GET_PROMPT: &str = "get_prompt";
pub(crate) const OTHER: &str = "other";
pub(crate) const READ_RESOURCE: &str = "read_resource";

/// The types of entities.
#[derive(Clone, Debug)]
pub(crate) struct Kinds {
    pub(crate) action: EntityTypeName,
    pub(crate) agent: EntityTypeName,
    pub(crate) endpoint: EntityTypeName,
    pub(crate) group: EntityTypeName,
    pub(crate) model: EntityTypeName,
    pub(crate) person: EntityTypeName,
    pub(crate) prompt: EntityTypeName,
    pub(crate) provider: EntityTypeName,
    pub(crate) resource: EntityTypeName,
    pub(crate) role: EntityTypeName,
    pub(crate) server: EntityTypeName,
    pub(crate) team: EntityTypeName,
    pub(crate) tool: EntityTypeName,
}

impl Kinds {
    pub(crate) fn new() -> Result<Self, String> {
        let name = |name| EntityTypeName::from_str(name).map_err(|error| error.to_string());
        Ok(Self {
            action: name("Action")?,
            agent: name("Agent")?,
            endpoint: name("Endpoint")?,
            group: name("Group")?,
            model: name("Model")?,
            person: name("Person")?,
            prompt: name("Prompt")?,
            provider: name("Provider")?,
            resource: name("Resource")?,
            role: name("Role")?,
            server: name("Server")?,
            team: name("Team")?,
            tool: name("Tool")?,
        })
    }

    pub(crate) fn action(&self, name: &str) -> EntityUid {
        uid(&self.action, name)
    }
}

/// The name of an entity.
pub(crate) fn uid(kind: &EntityTypeName, name: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(name))
}

/// An entity with all that it is in, itself first. That is at most one level deep but for actions,
/// whose groups are given in full.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) within: Vec<EntityUid>,
    pub(crate) entity: Entity,
}

impl Known {
    fn new(
        uid: &EntityUid,
        attributes: impl IntoIterator<Item = (&'static str, RestrictedExpression)>,
        parents: Vec<EntityUid>,
    ) -> Result<Self, String> {
        let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value));
        let entity =
            Entity::new(uid.clone(), attributes.collect(), parents.iter().cloned().collect())
                .map_err(|error| error.to_string())?;
        let mut within = vec![uid.clone()];
        within.extend(parents);
        Ok(Self { within, entity })
    }

    /// Its name.
    pub(crate) fn uid(&self) -> EntityUid {
        self.entity.uid()
    }
}

/// A tool that is known.
#[derive(Debug)]
pub(crate) struct KnownTool {
    pub(crate) tool: Known,
    pub(crate) action: Known,
    pub(crate) fields: Fields,
}

/// An agent that is known, and for whom it acts as the configuration has it.
#[derive(Debug)]
struct KnownAgent {
    facts: AgentFacts,
    agent: Known,
}

/// All that is known, by name.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) kinds: Kinds,
    pub(crate) tools: BTreeMap<Arc<str>, KnownTool>,
    agents: BTreeMap<Arc<str>, KnownAgent>,
    people: BTreeMap<Arc<str>, Known>,
    pub(crate) servers: BTreeMap<Arc<str>, ServerFacts>,
    pub(crate) providers: BTreeSet<Arc<str>>,
    models: BTreeMap<Arc<str>, Known>,
    /// The actions that are not a tool's own.
    acts: BTreeMap<&'static str, Known>,
    /// All of these: what most calls are decided with, as it is.
    pub(crate) everything: Entities,
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn flag(value: bool) -> RestrictedExpression {
    RestrictedExpression::new_bool(value)
}

impl Directory {
    pub(crate) fn new(model: &Model) -> Result<Self, String> {
        let mut directory = Self {
            kinds: Kinds::new()?,
            tools: BTreeMap::new(),
            agents: BTreeMap::new(),
            people: BTreeMap::new(),
            servers: model.servers.iter().map(|one| (Arc::clone(&one.name), one.clone())).collect(),
            providers: model.providers.iter().cloned().collect(),
            models: BTreeMap::new(),
            acts: BTreeMap::new(),
            everything: Entities::empty(),
        };
        for name in [CALL_MODEL, READ_RESOURCE, GET_PROMPT, OTHER] {
            let group = vec![directory.kinds.action(CALL)];
            let known = Known::new(&directory.kinds.action(name), [], group)?;
            directory.acts.insert(name, known);
        }
        directory.add_principals(model)?;
        for facts in &model.models {
            let known = directory.new_model(&facts.provider, &facts.name)?;
            directory.models.insert(format!("{}/{}", facts.provider, facts.name).into(), known);
        }
        for facts in &model.tools {
            let server = directory.servers.get(&facts.server);
            let (is_trusted, labels) =
                server.map_or((false, Labels::default()), |server| (server.trusted, server.labels));
            let traits = Traits::read(facts.claims, is_trusted, facts.labels, labels);
            let known = KnownTool {
                tool: directory.tool(&facts.server, &facts.name, traits)?,
                action: directory.tool_action(&facts.server, &facts.name)?,
                fields: facts.input_schema.as_deref().map(fields).unwrap_or_default(),
            };
            directory.tools.insert(format!("{}/{}", facts.server, facts.name).into(), known);
        }
        let entities = directory.known().map(|known| known.entity.clone());
        directory.everything =
            Entities::from_entities(entities, None).map_err(|error| error.to_string())?;
        Ok(directory)
    }

    fn add_principals(&mut self, model: &Model) -> Result<(), String> {
        for facts in &model.agents {
            let agent = self.new_agent(facts)?;
            let facts = facts.clone();
            // Its owner is known, if only by name.
            let owner = self.new_person(&facts.owner, &PersonFacts::default())?;
            self.people.insert(Arc::clone(&facts.owner), owner);
            self.agents.insert(Arc::clone(&facts.name), KnownAgent { facts, agent });
        }
        for facts in &model.people {
            let person = self.new_person(&facts.email, facts)?;
            self.people.insert(Arc::clone(&facts.email), person);
        }
        Ok(())
    }

    /// Everything that is known.
    fn known(&self) -> impl Iterator<Item = &Known> {
        let agents = self.agents.values().map(|one| &one.agent);
        let tools = self.tools.values().flat_map(|one| [&one.tool, &one.action]);
        let others = self.people.values().chain(self.models.values()).chain(self.acts.values());
        agents.chain(tools).chain(others)
    }

    /// The action that all of a kind share.
    pub(crate) fn act(&self, name: &str) -> Result<Cow<'_, Known>, String> {
        self.acts.get(name).map(Cow::Borrowed).ok_or_else(|| format!("no action `{name}`"))
    }

    /// A tool's own action.
    pub(crate) fn tool_action(&self, server: &str, tool: &str) -> Result<Known, String> {
        let groups = vec![self.kinds.action(CALL_TOOL), self.kinds.action(CALL)];
        Known::new(&self.kinds.action(&format!("{server}/{tool}")), [], groups)
    }

    /// A tool that nobody has told of, with the traits of its server.
    pub(crate) fn unknown_tool(&self, server: &str, tool: &str) -> Result<Known, String> {
        let labels = self.servers.get(server).map(|server| server.labels).unwrap_or_default();
        self.tool(server, tool, Traits::read(<_>::default(), false, <_>::default(), labels))
    }

    fn tool(&self, server: &str, tool: &str, traits: Traits) -> Result<Known, String> {
        let uid = uid(&self.kinds.tool, &format!("{server}/{tool}"));
        let attributes = [
            ("server", text(server)),
            ("name", text(tool)),
            ("read_only", flag(traits.read_only)),
            ("destructive", flag(traits.destructive)),
            ("idempotent", flag(traits.idempotent)),
            ("open_world", flag(traits.open_world)),
            ("private", flag(traits.private)),
            ("untrusted", flag(traits.untrusted)),
            ("outside", flag(traits.outside)),
            ("trusted", flag(self.servers.get(server).is_some_and(|server| server.trusted))),
        ];
        Known::new(&uid, attributes, vec![self.server(server)])
    }

    fn server(&self, name: &str) -> EntityUid {
        uid(&self.kinds.server, name)
    }

    /// A resource or a prompt of a server, with the server's traits.
    pub(crate) fn offered(
        &self,
        kind: &EntityTypeName,
        server: &str,
        (attribute, name): (&'static str, &str),
    ) -> Result<Known, String> {
        let labels = self.servers.get(server).map(|server| server.labels).unwrap_or_default();
        let traits = Traits::read(<_>::default(), false, <_>::default(), labels);
        let attributes = [
            ("server", text(server)),
            (attribute, text(name)),
            ("private", flag(traits.private)),
            ("untrusted", flag(traits.untrusted)),
            ("outside", flag(traits.outside)),
        ];
        let uid = uid(kind, &format!("{server}/{name}"));
        Known::new(&uid, attributes, vec![self.server(server)])
    }

    pub(crate) fn model(&self, provider: &str, name: &str) -> Result<Cow<'_, Known>, String> {
        match self.models.get(&*format!("{provider}/{name}")) {
            Some(known) => Ok(Cow::Borrowed(known)),
            None => self.new_model(provider, name).map(Cow::Owned),
        }
    }

    fn new_model(&self, provider: &str, name: &str) -> Result<Known, String> {
        let model = uid(&self.kinds.model, &format!("{provider}/{name}"));
        let attributes = [("provider", text(provider)), ("name", text(name))];
        Known::new(&model, attributes, vec![uid(&self.kinds.provider, provider)])
    }

    pub(crate) fn endpoint(&self, upstream: &str, method: &str) -> Result<Known, String> {
        let endpoint = uid(&self.kinds.endpoint, &format!("{upstream}/{method}"));
        let attributes = [("upstream", text(upstream)), ("method", text(method))];
        let parents = vec![self.server(upstream), uid(&self.kinds.provider, upstream)];
        Known::new(&endpoint, attributes, parents)
    }

    /// Who asks. The team and the owner are those of the moment, and the groups those that the
    /// configuration gives an agent of that name.
    pub(crate) fn agent(
        &self,
        name: &str,
        team: &str,
        owner: &str,
    ) -> Result<Cow<'_, Known>, String> {
        let known = self.agents.get(name);
        match known {
            Some(KnownAgent { facts, agent }) if *facts.team == *team && *facts.owner == *owner => {
                Ok(Cow::Borrowed(agent))
            }
            Some(_) | None => {
                let groups = known.map(|known| known.facts.groups.clone()).unwrap_or_default();
                let (name, team, owner) = (name.into(), team.into(), owner.into());
                self.new_agent(&AgentFacts { name, team, owner, groups }).map(Cow::Owned)
            }
        }
    }

    fn new_agent(&self, facts: &AgentFacts) -> Result<Known, String> {
        let owner = uid(&self.kinds.person, &facts.owner);
        let team = uid(&self.kinds.team, &facts.team);
        let attributes = [
            ("name", text(&facts.name)),
            ("owner", RestrictedExpression::new_entity_uid(owner)),
            ("team", RestrictedExpression::new_entity_uid(team.clone())),
        ];
        let mut parents = vec![team];
        parents.extend(facts.groups.iter().map(|group| uid(&self.kinds.group, group)));
        Known::new(&uid(&self.kinds.agent, &facts.name), attributes, parents)
    }

    pub(crate) fn person(&self, email: &str) -> Result<Cow<'_, Known>, String> {
        match self.people.get(email) {
            Some(known) => Ok(Cow::Borrowed(known)),
            None => self.new_person(email, &PersonFacts::default()).map(Cow::Owned),
        }
    }

    fn new_person(&self, email: &str, facts: &PersonFacts) -> Result<Known, String> {
        let groups = facts.groups.iter().map(|name| uid(&self.kinds.group, name));
        let roles = facts.roles.iter().map(|name| uid(&self.kinds.role, name));
        let attributes = [("email", text(email))];
        Known::new(&uid(&self.kinds.person, email), attributes, groups.chain(roles).collect())
    }

    /// What is known of an entity that a condition names, and of what its attributes lead to.
    pub(crate) fn named(&self, named: &EntityUid) -> impl Iterator<Item = &Known> {
        let (kind, name) = (named.type_name(), named.id().unescaped());
        let kinds = &self.kinds;
        let agent = self.agents.get(name).filter(|_| *kind == kinds.agent);
        let owner = agent.and_then(|known| self.people.get(&known.facts.owner));
        let tool = self.tools.get(name);
        let act = self.acts.get(name).or(tool.map(|known| &known.action));
        let found = [
            agent.map(|known| &known.agent),
            owner,
            self.people.get(name).filter(|_| *kind == kinds.person),
            self.models.get(name).filter(|_| *kind == kinds.model),
            tool.map(|known| &known.tool).filter(|_| *kind == kinds.tool),
            act.filter(|_| *kind == kinds.action),
        ];
        found.into_iter().flatten()
    }
}
