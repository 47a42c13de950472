//! What in a body is not as its dialect says, and where.

use std::fmt;

/// The most problems that are kept of one body; more are only counted.
pub const PROBLEMS_MAX: usize = 8;

/// One value that is not what its dialect says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The value's place, such as `messages[3].role`; empty for the whole body.
    pub place: String,
    /// What belongs there, with its article.
    pub expected: &'static str,
    /// What is there, with its article; `missing` when nothing is.
    pub found: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, expected, found } = self;
        if place.is_empty() {
            write!(formatter, "the body must be {expected}, and is {found}")
        } else {
            write!(formatter, "`{place}` must be {expected}, and is {found}")
        }
    }
}

/// The problems found while one body was read, the first [`PROBLEMS_MAX`] of them in full.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    listed: Vec<Problem>,
    unlisted: u64,
}

impl Problems {
    /// Those kept in full, in the order in which they were found.
    pub fn listed(&self) -> &[Problem] {
        &self.listed
    }

    /// How many more there were.
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// Whether the body was as its dialect says.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    pub(super) fn note(&mut self, at: At<'_>, expected: &'static str, found: &'static str) {
        if self.listed.len() < PROBLEMS_MAX {
            self.listed.push(Problem { place: at.to_string(), expected, found });
        } else {
            self.unlisted = self.unlisted.saturating_add(1);
        }
    }
}

/// Where a value stands: a path that lives on the stack and is spelled out only for a problem.
#[derive(Clone, Copy)]
pub(super) struct At<'p> {
    parent: Option<&'p Self>,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    Body,
    Member(&'static str),
    Item(usize),
}

impl At<'static> {
    /// The whole body.
    pub(super) const BODY: Self = Self { parent: None, step: Step::Body };
}

impl<'p> At<'p> {
    pub(super) fn member(&'p self, name: &'static str) -> Self {
        Self { parent: Some(self), step: Step::Member(name) }
    }

    pub(super) fn item(&'p self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Item(index) }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(formatter)?;
        }
        let top = self.parent.is_none_or(|parent| matches!(parent.step, Step::Body));
        match self.step {
            Step::Body => Ok(()),
            Step::Member(name) if top => formatter.write_str(name),
            Step::Member(name) => write!(formatter, ".{name}"),
            Step::Item(index) => write!(formatter, "[{index}]"),
        }
    }
}
