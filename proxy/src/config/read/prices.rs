//! Reads `[[price]]`: what models cost.

use std::collections::BTreeMap;

use super::super::diagnostic::Report;
use super::super::pattern::Pattern;
use super::super::quantity::MILLIONTHS;
use super::super::section;
use super::super::shape::Price;
use super::super::walk::Table;
use super::upstreams::patterns;

/// The most that a million tokens may cost. So high that only a mistake is above it.
const MICROS_MAX: u64 = 1_000_000 * MILLIONTHS;

pub(super) fn prices(root: &Table<'_, '_>, report: &mut Report<'_>) -> Vec<Price> {
    let tables = root.tables("price", &section::PRICE, report);
    let mut priced = BTreeMap::new();
    tables.iter().filter_map(|table| price(table, &mut priced, report)).collect()
}

/// `priced` has the line of each pattern that has a price.
fn price(
    table: &Table<'_, '_>,
    priced: &mut BTreeMap<Pattern, usize>,
    report: &mut Report<'_>,
) -> Option<Price> {
    let hint = "say whose price it is: `models = [\"gpt-4o*\"]`";
    let models = table.require("models", hint, report);
    let models = models.map(|node| patterns(&node, report)).unwrap_or_default();
    for (pattern, at) in &models {
        let line = report.line_of(at);
        let first = *priced.entry(pattern.clone()).or_insert(line);
        if first != line {
            let message = format!("`{pattern}` has a price on line {first} already");
            report.problem(at, message).hint("a model has one price: take the other away");
        }
    }
    let [input, output] = ["input", "output"].map(|key| {
        let hint = format!("what a million tokens cost: `{key} = \"2.50\"`");
        table.require(key, &hint, report)?;
        table.money(key, MICROS_MAX, report)
    });
    let [cached_input, cache_write] =
        ["cached_input", "cache_write"].map(|key| table.money(key, MICROS_MAX, report).or(input));
    Some(Price {
        models: models.into_iter().map(|(pattern, _)| pattern).collect(),
        input: input?,
        cached_input: cached_input?,
        cache_write: cache_write?,
        output: output?,
    })
}
