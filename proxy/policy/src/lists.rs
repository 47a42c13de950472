//! The first gate: the lists of models and tools in an agent's configuration.

use events::{Decision, Verdict};
use std::sync::{Arc, LazyLock};

/// The name under which verdicts cite an agent's configured lists.
pub const AGENT_LISTS: &str = "agent-lists";

static CITED: LazyLock<Arc<str>> = LazyLock::new(|| AGENT_LISTS.into());

/// What a principal wants to do, and whether its lists have it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The agent's name.
    pub agent: &'a str,
    /// What it asks for, in words: ``model `gpt-4o` ``.
    pub object: &'a str,
    /// Whether a list of the agent names it.
    pub listed: bool,
}

/// Decides; the same request always gets the same verdict.
pub fn decide(request: &Request<'_>) -> Verdict {
    let policies = vec![Arc::clone(&CITED)];
    if request.listed {
        return Verdict { decision: Decision::Allow, policies, reason: None };
    }
    let Request { agent, object, listed: _ } = request;
    let reason = Some(format!("agent `{agent}` has no right to {object}"));
    Verdict { decision: Decision::Deny, policies, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_is_denied_with_a_reason() {
        let verdict = decide(&Request { agent: "bot", object: "model `x`", listed: false });
        assert_eq!(verdict.decision, Decision::Deny);
        assert_eq!(verdict.reason.as_deref(), Some("agent `bot` has no right to model `x`"));
    }

    #[test]
    fn what_is_listed_is_allowed() {
        let verdict = decide(&Request { agent: "bot", object: "model `x`", listed: true });
        assert_eq!(verdict.decision, Decision::Allow);
    }
}
