//! What there is to decide about: agents, people, servers, tools and models, as far as is known.

use std::sync::Arc;

/// The name that stands in the place of a server's for tools that agents run themselves. A model
/// that has a server of this name lets policies name them.
pub const LOCAL: &str = "local";

/// What there is to decide about. From it come the types that policies are checked against, and
/// what they may ask of an agent, a person or a tool.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The agents of the configuration. Others may ask all the same: by a token.
    pub agents: Vec<AgentFacts>,
    /// The people that are known. Others may own agents all the same.
    pub people: Vec<PersonFacts>,
    /// The tool servers of the configuration: all of them.
    pub servers: Vec<ServerFacts>,
    /// The tools that are known.
    pub tools: Vec<ToolFacts>,
    /// The models that are known by name. Others may be asked for all the same.
    pub models: Vec<ModelFacts>,
    /// The model providers of the configuration: all of them.
    pub providers: Vec<Arc<str>>,
}

/// An agent of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentFacts {
    /// Its name.
    pub name: Arc<str>,
    /// The team that runs it.
    pub team: Arc<str>,
    /// The e-mail address of the person it acts for.
    pub owner: Arc<str>,
    /// The groups it is in.
    pub groups: Vec<Arc<str>>,
}

/// A person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonFacts {
    /// The e-mail address, in lower case.
    pub email: Arc<str>,
    /// The groups it is in.
    pub groups: Vec<Arc<str>>,
    /// The roles it has.
    pub roles: Vec<Arc<str>>,
}

/// What the operator says of a tool, or of everything on a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// What comes from it is not for everybody.
    pub private: Option<bool>,
    /// What comes from it may have been written by anybody.
    pub untrusted: Option<bool>,
    /// What is put into it may reach others.
    pub outside: Option<bool>,
}

/// A tool server of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFacts {
    /// Its name.
    pub name: Arc<str>,
    /// Whether the operator believes what it says of its tools.
    pub trusted: bool,
    /// Whether it has said which tools it has. Until then policies may name any.
    pub listed: bool,
    /// What the operator says of everything on it.
    pub labels: Labels,
}

/// What a tool server says of a tool (MCP `ToolAnnotations`). It may be false.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// `readOnlyHint`.
    pub read_only: Option<bool>,
    /// `destructiveHint`.
    pub destructive: Option<bool>,
    /// `idempotentHint`.
    pub idempotent: Option<bool>,
    /// `openWorldHint`.
    pub open_world: Option<bool>,
}

/// A tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolFacts {
    /// The server it is on.
    pub server: Arc<str>,
    /// Its name there.
    pub name: Arc<str>,
    /// The JSON Schema of its arguments, as text.
    pub input_schema: Option<Arc<str>>,
    /// What its server says of it.
    pub claims: Claims,
    /// What the operator says of it; comes before what is said of its server.
    pub labels: Labels,
}

/// A model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelFacts {
    /// The provider it is asked from.
    pub provider: Arc<str>,
    /// Its name there.
    pub name: Arc<str>,
}

/// What policies see of a tool: the cautious reading of what its server and the operator say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Traits {
    /// It changes nothing.
    pub read_only: bool,
    /// It may destroy something.
    pub destructive: bool,
    /// Calling it again with the same arguments changes nothing more.
    pub idempotent: bool,
    /// It deals with a world that is not ours.
    pub open_world: bool,
    /// What comes from it is not for everybody.
    pub private: bool,
    /// What comes from it may have been written by anybody.
    pub untrusted: bool,
    /// What is put into it may reach others.
    pub outside: bool,
}

impl Traits {
    /// Reads claims with caution: what is not said is the worse, as MCP has it, and a server that
    /// is not trusted can't make its tools look better than that. Where the operator says nothing,
    /// an open world is untrusted and outside, and a closed one is private.
    pub fn read(claims: Claims, is_trusted: bool, tool: Labels, server: Labels) -> Self {
        let claims = if is_trusted { claims } else { Claims::default() };
        let read_only = claims.read_only.unwrap_or(false);
        let open_world = claims.open_world.unwrap_or(true);
        Self {
            read_only,
            destructive: !read_only && claims.destructive.unwrap_or(true),
            idempotent: claims.idempotent.unwrap_or(false),
            open_world,
            private: tool.private.or(server.private).unwrap_or(!open_world),
            untrusted: tool.untrusted.or(server.untrusted).unwrap_or(open_world),
            outside: tool.outside.or(server.outside).unwrap_or(open_world),
        }
    }
}

impl Model {
    /// The traits of a tool, known or not.
    pub fn traits(&self, server: &str, tool: &str) -> Traits {
        let facts =
            self.tools.iter().find(|facts| *facts.server == *server && *facts.name == *tool);
        let (claims, labels) =
            facts.map_or_else(Default::default, |facts| (facts.claims, facts.labels));
        let server = self.servers.iter().find(|facts| *facts.name == *server);
        let is_trusted = server.is_some_and(|server| server.trusted);
        Traits::read(claims, is_trusted, labels, server.map(|one| one.labels).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(all: Option<bool>) -> Claims {
        Claims { read_only: all, destructive: all, idempotent: all, open_world: all }
    }

    #[test]
    fn an_unannotated_tool_is_destructive_and_open_world_and_not_read_only() {
        for is_trusted in [false, true] {
            let none = Labels::default();
            let traits = Traits::read(claims(None), is_trusted, none, none);
            assert!(!traits.read_only && traits.destructive && !traits.idempotent);
            assert!(traits.open_world && traits.untrusted && traits.outside && !traits.private);
        }
    }

    #[test]
    fn the_claims_of_a_server_that_is_not_trusted_never_lower_its_risk() {
        let none = Labels::default();
        let worst = Traits::read(claims(None), false, none, none);
        let said = [None, Some(false), Some(true)];
        for number in 0..81 {
            let [read_only, destructive, idempotent, open_world] =
                [1, 3, 9, 27].map(|place| said[number / place % 3]);
            let claims = Claims { read_only, destructive, idempotent, open_world };
            assert_eq!(Traits::read(claims, false, none, none), worst, "{claims:?}");
        }
    }

    #[test]
    fn the_operator_s_labels_come_first_and_those_of_the_tool_before_the_server_s() {
        let tool = Labels { untrusted: Some(false), ..Labels::default() };
        let server = Labels { untrusted: Some(true), outside: Some(false), private: Some(true) };
        let traits = Traits::read(claims(None), false, tool, server);
        assert!(!traits.untrusted && !traits.outside && traits.private);
    }

    #[test]
    fn a_trusted_closed_world_is_private_and_a_read_only_tool_destroys_nothing() {
        let none = Labels::default();
        let said = Claims { read_only: Some(true), open_world: Some(false), ..claims(None) };
        let traits = Traits::read(said, true, none, none);
        assert!(traits.read_only && !traits.destructive);
        assert!(traits.private && !traits.untrusted && !traits.outside);
    }
}
