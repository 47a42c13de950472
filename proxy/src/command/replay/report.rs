//! What a replay adds up to, in words and as JSON.

use super::super::CommandError;
use super::Counts;
use super::outcome::{Outcome, Row};
use events::Digest;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

/// What a replay adds up to.
#[derive(Default)]
pub(super) struct Report {
    /// How many policies decide, and how many are only watched.
    pub(super) decide: usize,
    pub(super) watched: usize,
    pub(super) digest: Option<Digest>,
    /// Calls of which no policy is asked, whatever it says: lists and revocations come before.
    pub(super) not_asked: u64,
    /// Events that this version does not know.
    pub(super) unknown: u64,
    /// Lists of tools that are not kept.
    pub(super) lists_gone: u64,
    /// What does not fit the tools that servers told of.
    pub(super) misfits: BTreeSet<String>,
    total: u64,
    changes: Counts<String>,
    by_object: BTreeMap<String, Counts<String>>,
    by_agent: BTreeMap<String, Counts<String>>,
    stricter: u64,
    shadowed: u64,
    rows: Vec<Row>,
}

impl Report {
    /// Counts a call, and lists it if something would change, or if it is `listed` anyway.
    pub(super) fn add(&mut self, row: Row, listed: bool) {
        let change = match row.outcome {
            Outcome::Undecidable => "undecidable".to_owned(),
            Outcome::Decided { .. } => row.change(),
        };
        self.total += 1;
        self.stricter += u64::from(row.is_stricter());
        self.shadowed += u64::from(row.is_shadowed());
        *self.changes.entry(change.clone()).or_default() += 1;
        let object = self.by_object.entry(row.object.clone()).or_default();
        *object.entry(change.clone()).or_default() += 1;
        let agent = self.by_agent.entry(row.agent.clone()).or_default();
        *agent.entry(change).or_default() += 1;
        if listed || row.is_changed() {
            self.rows.push(row);
        }
    }

    /// How many calls were allowed and would not be.
    pub(super) const fn stricter(&self) -> u64 {
        self.stricter
    }

    /// For people.
    pub(super) fn write(&self, out: &mut dyn Write) -> Result<(), CommandError> {
        let Self { total, decide, watched, .. } = self;
        let digest = self.digest.map(|digest| digest.to_string()).unwrap_or_default();
        writeln!(out, "{total} recorded calls, decided anew by {decide} policies")?;
        writeln!(out, "with {watched} more in shadow; digest {digest}\n")?;
        for (change, count) in &self.changes {
            writeln!(out, "{count:8}  {change}")?;
        }
        for (title, groups) in [("tool or model", &self.by_object), ("agent", &self.by_agent)] {
            writeln!(out, "\nby {title}")?;
            for (name, counts) in groups {
                let counts: Vec<String> =
                    counts.iter().map(|(change, count)| format!("{count} {change}")).collect();
                writeln!(out, "  {name:<40}  {}", counts.join(", "))?;
            }
        }
        let mut groups: BTreeMap<Vec<String>, Vec<&Row>> = BTreeMap::new();
        for row in &self.rows {
            groups.entry(row.heading()).or_default().push(row);
        }
        for (heading, rows) in groups {
            writeln!(out)?;
            for line in heading {
                writeln!(out, "{line}")?;
            }
            for row in rows {
                writeln!(out, "  {}", row.line())?;
            }
        }
        self.write_notes(out)
    }

    fn write_notes(&self, out: &mut dyn Write) -> Result<(), CommandError> {
        let notes = [
            (self.shadowed, "calls would be decided otherwise if policies in shadow counted"),
            (self.not_asked, "calls were denied before any policy: by lists or revocations"),
            (self.lists_gone, "lists of tools are not kept: their tools may be unknown here"),
            (self.unknown, "events are of kinds that this version does not know"),
        ];
        let mut notes: Vec<String> = notes
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, note)| format!("{count} {note}"))
            .collect();
        let misfits = self.misfits.iter();
        notes.extend(
            misfits.map(|problem| format!("did not fit the tools at some time: {problem}")),
        );
        if !notes.is_empty() {
            writeln!(out)?;
        }
        for note in notes {
            writeln!(out, "note: {note}")?;
        }
        Ok(())
    }

    /// For programs.
    pub(super) fn write_json(&self, out: &mut dyn Write) -> Result<(), CommandError> {
        let rows: Vec<_> = self.rows.iter().map(Row::json).collect();
        let told = json!({
            "policies": { "decide": self.decide, "watched": self.watched, "digest": self.digest },
            "calls": self.total,
            "changes": self.changes,
            "allowed_no_more": self.stricter,
            "shadowed": self.shadowed,
            "not_asked": self.not_asked,
            "lists_gone": self.lists_gone,
            "events_unknown": self.unknown,
            "misfits": self.misfits,
            "by_object": self.by_object,
            "by_agent": self.by_agent,
            "listed": rows,
        });
        writeln!(out, "{told:#}")?;
        Ok(())
    }
}
