//! What is kept of payloads, and for how long: rules of which the first that fits decides.

use super::pattern::{Pattern, ToolPattern};
use std::time::Duration;

/// How much of a call's payloads is kept. The event, with the commitments, always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// Requests and answers.
    #[default]
    Everything,
    /// What was asked.
    Requests,
    /// Neither.
    Nothing,
}

/// `[[payloads]]`: one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadRule {
    /// Calls of these models; with no pattern of either kind, every call.
    pub models: Vec<Pattern>,
    /// Calls of these tools.
    pub tools: Vec<ToolPattern>,
    /// What is kept.
    pub keep: Keep,
    /// For how long after a session's last event; nothing: until somebody erases it.
    pub kept_for: Option<Duration>,
}

/// What a call is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of<'a> {
    /// A model, by the name asked for.
    Model(&'a str),
    /// A tool of a server.
    Tool(&'a str, &'a str),
}

impl PayloadRule {
    fn fits(&self, call: Of<'_>) -> bool {
        if self.models.is_empty() && self.tools.is_empty() {
            return true;
        }
        match call {
            Of::Model(model) => self.models.iter().any(|pattern| pattern.matches(model)),
            Of::Tool(server, tool) => self.tools.iter().any(|it| it.matches(server, tool)),
        }
    }
}

/// How much is kept of a call's payloads.
pub fn keep(rules: &[PayloadRule], call: Of<'_>) -> Keep {
    rule_for(rules, call).map_or(Keep::Everything, |rule| rule.keep)
}

/// The rule that decides about a call, if one does.
pub(super) fn rule_for<'r>(rules: &'r [PayloadRule], call: Of<'_>) -> Option<&'r PayloadRule> {
    rules.iter().find(|rule| rule.fits(call))
}

#[cfg(test)]
mod tests {
    use super::{Keep, Of, PayloadRule, rule_for};
    use crate::config::{Pattern, ToolPattern};

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rule = |models: &[&str], tools: &[&str], keep| PayloadRule {
            models: models.iter().map(|text| Pattern::parse(text).unwrap()).collect(),
            tools: tools.iter().map(|text| ToolPattern::parse(text).unwrap()).collect(),
            keep,
            kept_for: None,
        };
        let rules = [
            rule(&[], &["crm/read_*"], Keep::Requests),
            rule(&["gpt-*"], &["crm/*"], Keep::Nothing),
            rule(&[], &[], Keep::Everything),
        ];
        let table = [
            (Of::Tool("crm", "read_user"), Keep::Requests),
            (Of::Tool("crm", "delete"), Keep::Nothing),
            (Of::Model("gpt-4o"), Keep::Nothing),
            (Of::Model("claude"), Keep::Everything),
            (Of::Tool("files", "read"), Keep::Everything),
        ];
        for (call, keep) in table {
            assert_eq!(rule_for(&rules, call).unwrap().keep, keep, "{call:?}");
            assert_eq!(rule_for(&[], call), None);
        }
    }
}
