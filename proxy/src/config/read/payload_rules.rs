//! Reads `[[payloads]]`: what is kept of which calls.

use std::time::Duration;

use super::super::diagnostic::Report;
use super::super::pattern::{Pattern, ToolPattern};
use super::super::payload_rule::{Keep, PayloadRule};
use super::super::section;
use super::super::walk::Table;
use super::DAY;
use super::agents::patterns;

/// A hundred years.
const KEPT_FOR_MAX: Duration = Duration::from_hours(24 * 36_525);

const KEEP: [(&str, Keep); 3] =
    [("everything", Keep::Everything), ("requests", Keep::Requests), ("nothing", Keep::Nothing)];

pub(super) fn payload_rules(root: &Table<'_, '_>, report: &mut Report<'_>) -> Vec<PayloadRule> {
    let tables = root.tables("payloads", &section::PAYLOADS, report);
    let mut rules: Vec<PayloadRule> = Vec::new();
    for table in tables {
        let is_dead =
            rules.last().is_some_and(|rule| rule.models.is_empty() && rule.tools.is_empty());
        if is_dead {
            report
                .warning(&table.at, "this rule never decides: the one before it fits every call")
                .hint("put rules with `models` or `tools` first");
        }
        rules.push(rule(&table, report));
    }
    rules
}

fn rule(table: &Table<'_, '_>, report: &mut Report<'_>) -> PayloadRule {
    let models = patterns(table, "models", Pattern::parse, report);
    let tools = patterns(table, "tools", ToolPattern::parse, report);
    PayloadRule {
        models: models.into_iter().map(|(pattern, _)| pattern).collect(),
        tools: tools.into_iter().map(|(pattern, _)| pattern).collect(),
        keep: table.choice("keep", &KEEP, report).unwrap_or_default(),
        kept_for: table.duration("kept_for", DAY..=KEPT_FOR_MAX, report),
    }
}
