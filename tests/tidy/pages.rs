//! What people meet has its page: an example of every kind of event, a page for every error code,
//! a line for every metric.

use crate::tree::Tree;
use std::collections::BTreeSet;

const EVENT: &str = "ledger/events/src/event.rs";
const PROBLEM: &str = "proxy/src/problem.rs";
const OPERATING: &str = "docs/operating.md";

/// Complains about each name without its file, and about each file without its name.
fn compare(tree: &Tree, names: &BTreeSet<String>, folder: &str, end: &str) -> Vec<String> {
    let start = format!("{folder}/");
    let name = |path: &str| Some(path.strip_prefix(&start)?.strip_suffix(end)?.to_owned());
    let files: BTreeSet<String> = tree.files().filter_map(|file| name(&file.path)).collect();
    let missing = names.difference(&files).map(|name| format!("{start}{name}{end}: write it"));
    let orphans = files.difference(names).filter(|name| *name != "README");
    missing
        .chain(orphans.map(|name| format!("{start}{name}{end}: nothing has that name: remove it")))
        .collect()
}

fn check_events(tree: &Tree) -> Vec<String> {
    let text = tree.text(EVENT).unwrap_or_default();
    let list = text.split("\nevents! {").nth(1).unwrap_or_default();
    let kinds = list.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    compare(tree, &kinds, "tests/golden/events", ".json")
}

fn check_errors(tree: &Tree) -> Vec<String> {
    let text = tree.text(PROBLEM).unwrap_or_default();
    let list = text.split("\ncodes! {").nth(1).unwrap_or_default();
    let lines = list.lines().take_while(|line| *line != "}");
    let codes = lines.filter_map(|line| line.split_once(" = \"")?.1.split('"').next());
    compare(tree, &codes.map(str::to_owned).collect(), "docs/errors", ".md")
}

/// The metric names in a text: words with the prefix between two of these marks.
fn metrics(text: &str, mark: char) -> BTreeSet<String> {
    let word = |text: &&str| text.chars().all(|next| next.is_ascii_lowercase() || next == '_');
    text.split([mark, ' ', '{', '}', '\n', '\\'])
        .filter(|name| name.starts_with("countersign_"))
        .filter(word)
        .map(str::to_owned)
        .collect()
}

fn check_metrics(tree: &Tree) -> Vec<String> {
    let sources = tree.ending(".rs").filter(|file| file.path.starts_with("proxy/src/"));
    let exposed: BTreeSet<String> = sources.flat_map(|file| metrics(&file.text, '"')).collect();
    let told = metrics(tree.text(OPERATING).unwrap_or_default(), '`');
    let missing = exposed
        .difference(&told)
        .map(|name| format!("{OPERATING}: does not explain the metric `{name}`: add a line"));
    missing
        .chain(told.difference(&exposed).map(|name| {
            format!("{OPERATING}: nothing exposes the metric `{name}`: remove its line")
        }))
        .collect()
}

#[test]
fn every_kind_of_event_has_an_example() {
    crate::assert_tidy(check_events);
}

#[test]
fn every_error_code_has_a_page() {
    crate::assert_tidy(check_errors);
}

#[test]
fn every_metric_is_explained() {
    crate::assert_tidy(check_metrics);
}

#[test]
fn a_missing_page_is_noticed() {
    let event = (EVENT, "\nevents! {\n    CallDenied = \"call.denied\",\n}\n");
    crate::assert_noticed(check_events, &[event], "tests/golden/events/call.denied.json: write it");
    crate::assert_passed(check_events, &[event, ("tests/golden/events/call.denied.json", "{}")]);
    let codes = (PROBLEM, "\ncodes! {\n    /// Why.\n    Full = \"ledger_full\", BUSY;\n}\n");
    crate::assert_noticed(check_errors, &[codes], "docs/errors/ledger_full.md: write it");
    crate::assert_noticed(check_errors, &[("docs/errors/old.md", "")], "nothing has that name");
    let metric = ("proxy/src/metrics.rs", "const CALLS: &str = \"countersign_calls_total\";\n");
    crate::assert_noticed(check_metrics, &[metric], "`countersign_calls_total`: add a line");
    let told = (OPERATING, "| `countersign_calls_total` | calls |\n");
    crate::assert_passed(check_metrics, &[metric, told]);
    crate::assert_noticed(check_metrics, &[told], "nothing exposes");
}
