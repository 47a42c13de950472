//! What a call does, in the words of policies: for calls that are asked now, and for recorded ones.

use events::Operation;
use policy::Kind;

/// The MCP method that gets a prompt.
const PROMPT: &str = "prompts/get";

/// What is to be done, and to what.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// What kind of thing.
    pub operation: Operation,
    /// The protocol's own name of it.
    pub method: &'a str,
    /// The tool server or model provider.
    pub upstream: &'a str,
    /// The tool, resource or prompt.
    pub target: Option<&'a str>,
    /// The model.
    pub model: Option<&'a str>,
}

impl<'a> Deed<'a> {
    /// Whether policies are asked: of what only tells or lists, the agents' lists decide.
    pub fn is_judged(&self) -> bool {
        self.operation.is_act() || self.method == PROMPT
    }

    /// The question, with these arguments of a tool or a prompt.
    pub fn kind(&self, arguments: Option<&'a str>) -> Kind<'a> {
        let (upstream, target) = (self.upstream, self.target.unwrap_or_default());
        match self.operation {
            Operation::ExecuteTool => Kind::Tool { server: upstream, name: target, arguments },
            Operation::Chat | Operation::Embeddings => {
                Kind::Model { provider: upstream, name: self.model.unwrap_or_default() }
            }
            Operation::Retrieval => Kind::Resource { server: upstream, uri: target },
            Operation::ListModels | Operation::ListTools | Operation::Other
                if self.method == PROMPT =>
            {
                Kind::Prompt { server: upstream, name: target, arguments }
            }
            Operation::ListModels | Operation::ListTools | Operation::Other => {
                Kind::Other { upstream, method: self.method }
            }
        }
    }
}
