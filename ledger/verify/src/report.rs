//! What a verification comes to: each check with its result, the findings, and a verdict.

use crate::finding::{Check, Finding, Findings, LISTED_MAX, NOTES_MAX, plain};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "result", content = "detail")]
pub enum Outcome {
    /// Everything it looks at is in order; what that was.
    Ok(String),
    /// So many findings.
    Failed(u64),
    /// It was not made, and why.
    NotChecked(String),
}

/// What a verification comes to.
#[derive(Debug, Default)]
pub struct Report {
    /// What was verified.
    pub subject: String,
    /// The log's name.
    pub origin: Option<String>,
    /// How many events the checkpoint covers.
    pub size: Option<u64>,
    /// The root in the checkpoint.
    pub root: Option<String>,
    /// What is wrong.
    pub findings: Findings,
    said: Vec<String>,
    passed: BTreeMap<Check, String>,
    skipped: BTreeMap<Check, String>,
}

#[derive(Serialize)]
struct Line {
    check: Check,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Serialize)]
struct Document<'a> {
    subject: &'a str,
    verified: bool,
    origin: Option<&'a str>,
    size: Option<u64>,
    root: Option<&'a str>,
    remarks: &'a [String],
    checks: Vec<Line>,
    findings: u64,
    listed: &'a [Finding],
    notes: u64,
    notes_listed: &'a [Finding],
}

impl Report {
    /// Nothing is known yet.
    pub fn new(subject: &str) -> Self {
        Self { subject: subject.to_owned(), ..Self::default() }
    }

    /// Whether everything that was checked is in order.
    pub fn is_verified(&self) -> bool {
        self.findings.total() == 0
    }

    /// How each check ended, in order.
    pub fn checks(&self) -> Vec<(Check, Outcome)> {
        Check::ALL.iter().map(|check| (*check, self.outcome(*check))).collect()
    }

    /// How a check ended. One that nobody made says so.
    pub fn outcome(&self, check: Check) -> Outcome {
        let failed = self.findings.of(check);
        if failed > 0 {
            return Outcome::Failed(failed);
        }
        let skipped = || {
            let why = self.skipped.get(&check).map_or("what it needs is not there", |why| why);
            Outcome::NotChecked(why.to_owned())
        };
        self.passed.get(&check).map_or_else(skipped, |detail| Outcome::Ok(detail.clone()))
    }

    /// What is wrong, in the order of events.
    pub fn listed(&self) -> &[Finding] {
        &self.findings.listed
    }

    /// What is worth knowing.
    pub fn notes(&self) -> &[Finding] {
        &self.findings.notes
    }

    /// What must be said with the verdict.
    pub fn remarks(&self) -> &[String] {
        &self.said
    }

    pub(crate) fn pass(&mut self, check: Check, detail: impl fmt::Display) {
        self.passed.insert(check, plain(&detail.to_string()));
    }

    pub(crate) fn skip(&mut self, check: Check, why: &str) {
        self.skipped.insert(check, why.to_owned());
    }

    pub(crate) fn say(&mut self, remark: &str) {
        self.said.push(plain(remark));
    }

    /// Brings the findings into the order of checks and events.
    pub(crate) fn finish(mut self) -> Self {
        self.findings.listed.sort_by_key(|finding| (finding.check, finding.sequence));
        self.findings.listed.truncate(LISTED_MAX);
        self.findings.notes.truncate(NOTES_MAX);
        self
    }

    /// The report as a value for JSON.
    pub fn document(&self) -> impl Serialize {
        let line = |(check, outcome)| Line { check, outcome };
        Document {
            subject: &self.subject,
            verified: self.is_verified(),
            origin: self.origin.as_deref(),
            size: self.size,
            root: self.root.as_deref(),
            remarks: &self.said,
            checks: self.checks().into_iter().map(line).collect(),
            findings: self.findings.total(),
            listed: &self.findings.listed,
            notes: self.findings.notes_count,
            notes_listed: &self.findings.notes,
        }
    }
}

/// The report for people.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", plain(&self.subject))?;
        for (check, outcome) in self.checks() {
            let name = check.name();
            match outcome {
                Outcome::Ok(detail) => writeln!(formatter, "  {name:<18} ok           {detail}")?,
                Outcome::Failed(count) => {
                    writeln!(formatter, "  {name:<18} FAILED       {count} findings")?;
                }
                Outcome::NotChecked(why) => writeln!(formatter, "  {name:<18} not checked  {why}")?,
            }
        }
        let listed = &self.findings.listed;
        listed.iter().try_for_each(|finding| writeln!(formatter, "finding: {finding}"))?;
        let total = self.findings.total();
        let rest = total.saturating_sub(u64::try_from(listed.len()).unwrap_or(u64::MAX));
        if rest > 0 {
            writeln!(formatter, "finding: {rest} more, which are not listed")?;
        }
        let notes = &self.findings.notes;
        notes.iter().try_for_each(|note| writeln!(formatter, "note: {note}"))?;
        let shown = u64::try_from(notes.len()).unwrap_or(u64::MAX);
        if self.findings.notes_count > shown {
            writeln!(formatter, "note: {} more", self.findings.notes_count - shown)?;
        }
        self.said.iter().try_for_each(|remark| writeln!(formatter, "note: {remark}"))?;
        if self.is_verified() {
            writeln!(formatter, "verified: everything that was checked is in order")
        } else {
            writeln!(formatter, "NOT VERIFIED: {total} findings")
        }
    }
}
