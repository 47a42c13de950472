//! How much is at stake, and how good or bad something is, as pages tell them apart.

use events::Risk;
use serde::Serialize;

/// How much is at stake; each has a layout of its own, so that no habit carries over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Little, or it can be undone.
    Low,
    /// Something.
    Medium,
    /// Much.
    High,
    /// More than one person should answer for.
    Critical,
}

impl From<Risk> for Tier {
    fn from(risk: Risk) -> Self {
        match risk {
            Risk::Low => Self::Low,
            Risk::Medium => Self::Medium,
            Risk::High => Self::High,
            Risk::Critical => Self::Critical,
        }
    }
}

impl Tier {
    /// The name, for the style sheet too.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Whether the decision stands at the end of all there is to read.
    pub const fn is_grave(self) -> bool {
        match self {
            Self::Low | Self::Medium => false,
            Self::High | Self::Critical => true,
        }
    }
}

/// How good or bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mood {
    /// Nothing to say about.
    Plain,
    /// Beside the matter.
    Quiet,
    /// It went well.
    Good,
    /// Somebody should look.
    Warning,
    /// It went wrong.
    Bad,
}

impl Mood {
    /// The name of its class in the style sheet.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Quiet => "quiet",
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}
