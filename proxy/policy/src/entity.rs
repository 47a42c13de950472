//! What policies know of who asks and what is asked for: Cedar's entities, made of facts.

use crate::argument::{Fields, fields};
use crate::facts::{AgentFacts, Labels, Model, PersonFacts, ServerFacts, Traits};
use cedar_policy::{Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
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

/// All that is known, by name.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) kinds: Kinds,
    pub(crate) tools: BTreeMap<Arc<str>, KnownTool>,
    agents: BTreeMap<Arc<str>, AgentFacts>,
    people: BTreeMap<Arc<str>, PersonFacts>,
    pub(crate) servers: BTreeMap<Arc<str>, ServerFacts>,
    pub(crate) providers: BTreeSet<Arc<str>>,
    pub(crate) models: BTreeSet<Arc<str>>,
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn flag(value: bool) -> RestrictedExpression {
    RestrictedExpression::new_bool(value)
}

impl Directory {
    pub(crate) fn new(model: &Model) -> Result<Self, String> {
        let kinds = Kinds::new()?;
        let mut directory = Self {
            kinds,
            tools: BTreeMap::new(),
            agents: model.agents.iter().map(|one| (Arc::clone(&one.name), one.clone())).collect(),
            people: model.people.iter().map(|one| (Arc::clone(&one.email), one.clone())).collect(),
            servers: model.servers.iter().map(|one| (Arc::clone(&one.name), one.clone())).collect(),
            providers: model.providers.iter().cloned().collect(),
            models: BTreeSet::new(),
        };
        for facts in &model.models {
            directory.models.insert(format!("{}/{}", facts.provider, facts.name).into());
        }
        for facts in &model.tools {
            let server = directory.servers.get(&facts.server);
            let (is_trusted, labels) =
                server.map_or((false, Labels::default()), |server| (server.trusted, server.labels));
            let traits = Traits::read(facts.claims, is_trusted, facts.labels, labels);
            let known = KnownTool {
                tool: directory.tool(&facts.server, &facts.name, traits)?,
                action: directory.act(CALL_TOOL, Some((&facts.server, &facts.name)))?,
                fields: facts.input_schema.as_deref().map(fields).unwrap_or_default(),
            };
            directory.tools.insert(format!("{}/{}", facts.server, facts.name).into(), known);
        }
        Ok(directory)
    }

    /// Every entity that there is.
    #[cfg(test)]
    pub(crate) fn all(&self) -> Result<Vec<Known>, String> {
        let agents = self.agents.values().map(|one| self.agent(&one.name, &one.team, &one.owner));
        let people = self.people.keys().map(|email| self.person(email));
        let tools = self.tools.values().flat_map(|one| [one.tool.clone(), one.action.clone()]);
        agents.chain(people).chain(tools.map(Ok)).collect()
    }

    /// What is asked: a tool's own action, or one that all of a kind share.
    pub(crate) fn act(&self, group: &str, tool: Option<(&str, &str)>) -> Result<Known, String> {
        let call = self.kinds.action(CALL);
        match tool {
            Some((server, tool)) => {
                let action = self.kinds.action(&format!("{server}/{tool}"));
                Known::new(&action, [], vec![self.kinds.action(group), call])
            }
            None => Known::new(&self.kinds.action(group), [], vec![call]),
        }
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

    pub(crate) fn model(&self, provider: &str, name: &str) -> Result<Known, String> {
        let uid_ = uid(&self.kinds.model, &format!("{provider}/{name}"));
        let attributes = [("provider", text(provider)), ("name", text(name))];
        Known::new(&uid_, attributes, vec![uid(&self.kinds.provider, provider)])
    }

    pub(crate) fn endpoint(&self, upstream: &str, method: &str) -> Result<Known, String> {
        let uid_ = uid(&self.kinds.endpoint, &format!("{upstream}/{method}"));
        let attributes = [("upstream", text(upstream)), ("method", text(method))];
        let parents = vec![self.server(upstream), uid(&self.kinds.provider, upstream)];
        Known::new(&uid_, attributes, parents)
    }

    /// Who asks. The team and the owner are those of the moment, and the groups those that the
    /// configuration gives an agent of that name.
    pub(crate) fn agent(&self, name: &str, team: &str, owner: &str) -> Result<Known, String> {
        let person = uid(&self.kinds.person, owner);
        let team = uid(&self.kinds.team, team);
        let attributes = [
            ("name", text(name)),
            ("owner", RestrictedExpression::new_entity_uid(person)),
            ("team", RestrictedExpression::new_entity_uid(team.clone())),
        ];
        let mut parents = vec![team];
        let groups = self.agents.get(name).map(|agent| agent.groups.as_slice());
        parents.extend(groups.unwrap_or_default().iter().map(|one| uid(&self.kinds.group, one)));
        Known::new(&uid(&self.kinds.agent, name), attributes, parents)
    }

    pub(crate) fn person(&self, email: &str) -> Result<Known, String> {
        let mut parents = Vec::new();
        if let Some(person) = self.people.get(email) {
            parents.extend(person.groups.iter().map(|name| uid(&self.kinds.group, name)));
            parents.extend(person.roles.iter().map(|name| uid(&self.kinds.role, name)));
        }
        Known::new(&uid(&self.kinds.person, email), [("email", text(email))], parents)
    }

    /// What is known of an entity that a condition names, where that says more than its name.
    pub(crate) fn named(&self, named: &EntityUid) -> Result<Option<Known>, String> {
        let (kind, name) = (named.type_name(), named.id().unescaped());
        if *kind == self.kinds.person {
            return self.person(name).map(Some);
        }
        if *kind == self.kinds.agent {
            let Some(facts) = self.agents.get(name) else { return Ok(None) };
            return self.agent(name, &facts.team, &facts.owner).map(Some);
        }
        if *kind == self.kinds.tool {
            return Ok(self.tools.get(name).map(|known| known.tool.clone()));
        }
        if *kind == self.kinds.action {
            return Ok(self.tools.get(name).map(|known| known.action.clone()));
        }
        match (name.split_once('/'), *kind == self.kinds.model) {
            (Some((provider, name)), true) => self.model(provider, name).map(Some),
            (Some(_) | None, _) => Ok(None),
        }
    }
}
