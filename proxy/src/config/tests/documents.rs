//! The reference page and the example file say what the reader of configurations does.

use std::collections::BTreeSet;

use super::super::section::{ROLE, ROLE_APPROVALS, ROOT, SECTIONS, Section};
use super::*;

const PAGE: &str = include_str!("../../../../docs/configuration.md");
const EXAMPLE: &str = include_str!("../../../../docs/countersign.example.toml");

/// The rows of a section's table: key and default, a value in backticks or words about it.
fn rows(section: &Section) -> Vec<(&'static str, &'static str)> {
    rows_below(&format!("`{}`", section.heading))
}

fn rows_below(heading: &str) -> Vec<(&'static str, &'static str)> {
    let (_, rest) =
        PAGE.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let body = rest.split("\n## ").next().unwrap();
    let cells = body.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let rows = cells.filter(|cells| cells.len() == 5 && cells[1].starts_with('`'));
    rows.map(|cells| (cells[1].trim_matches('`'), cells[2])).collect()
}

#[test]
fn the_reference_page_has_every_key_and_no_other() {
    let compare = |section: &Section, rows: Vec<(&'static str, _)>| {
        let written: BTreeSet<_> = rows.into_iter().map(|(key, _)| key).collect();
        let known: BTreeSet<_> = section.keys.iter().copied().collect();
        assert_eq!(written, known, "{}", section.heading);
    };
    compare(&ROOT, rows_below("The top of the file"));
    compare(&ROLE, rows_below("The file of a witness"));
    compare(&ROLE_APPROVALS, rows_below("The file of a service where people decide"));
    for section in SECTIONS {
        compare(section, rows(section));
    }
}

#[test]
fn the_reference_page_names_the_true_defaults() {
    let plain =
        ["[listen]", "[limits]", "[ledger]", "[approvals]", "[people]", "[people.roles]", "[mcp]"];
    let mut lines = Vec::new();
    for section in SECTIONS.iter().filter(|section| plain.contains(&section.heading)) {
        lines.push(section.heading.to_owned());
        let rows = rows(section).into_iter().filter(|(_, default)| default.starts_with('`'));
        lines.extend(rows.map(|(key, default)| format!("{key} = {}", default.trim_matches('`'))));
    }
    let text = lines.join("\n");
    let Loaded { config, warnings, .. } = parse(&text).unwrap_or_else(|it| panic!("{it}\n{text}"));
    let Config { listen, limits, ledger, approvals, people, mcp, .. } = Config::default();
    assert_eq!(warnings, []);
    assert_eq!((config.listen, config.limits), (listen, limits));
    assert_eq!((config.ledger, config.mcp), (ledger, mcp));
    assert_eq!((config.approvals, config.people), (approvals, people));
}

#[test]
fn the_example_is_a_configuration_without_warnings() {
    let Loaded { config, warnings, .. } = parse(EXAMPLE).unwrap_or_else(|it| panic!("{it}"));
    assert_eq!(warnings, []);
    assert_eq!((config.models.len(), config.tools.len(), config.agents.len()), (2, 2, 1));
}
