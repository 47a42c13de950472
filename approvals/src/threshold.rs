//! How many of whom it takes, and whether they have spoken; pure.

use events::Filter;

/// Why a person's vote cannot count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ineligible {
    /// The person is none of those who may decide.
    #[error("only {0} may decide this call")]
    NotAsked(String),
}

/// What is still needed, for one set of thresholds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// How many more must approve.
    pub missing: u32,
    /// How many must in all.
    pub of: u32,
    /// Whose votes count.
    pub filter: Filter,
}

/// How far a decision is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many people's approvals count so far.
    pub approved: u32,
    /// How many rejected.
    pub rejected: u32,
    /// What is still needed, in the order of the rule's sets.
    pub needs: Vec<Need>,
    /// The same in words.
    pub words: String,
}
