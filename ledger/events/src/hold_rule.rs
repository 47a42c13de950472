//! Who may let a held call go: what policies say of it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// How much harm a call could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Little, and it can be undone.
    Low,
    /// Some.
    Medium,
    /// Much, or it cannot be undone.
    High,
    /// More than one person should answer for.
    Critical,
}

/// Which people are meant. As text: `group:finance`, `role:approver` or `person:ada@example.com`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Filter {
    /// Everybody in a group.
    Group(Arc<str>),
    /// One person, by e-mail address.
    Person(Arc<str>),
    /// Everybody with a role.
    Role(Arc<str>),
}

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `group:NAME`, `role:NAME` or `person:E-MAIL`, found `{0}`")]
pub struct FilterError(String);

impl fmt::Display for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => write!(formatter, "group:{name}"),
            Self::Person(email) => write!(formatter, "person:{email}"),
            Self::Role(name) => write!(formatter, "role:{name}"),
        }
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let refuse = || FilterError(text.chars().take(64).collect());
        let (kind, name) = text.split_once(':').ok_or_else(refuse)?;
        if name.is_empty() {
            return Err(refuse());
        }
        match kind {
            "group" => Ok(Self::Group(name.into())),
            "person" => Ok(Self::Person(name.into())),
            "role" => Ok(Self::Role(name.into())),
            _ => Err(refuse()),
        }
    }
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// How many of which people it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threshold {
    /// How many must approve; at least 1.
    pub approve: u32,
    /// How many rejections end it; at least 1.
    pub deny: u32,
    /// Whose votes count.
    pub filter: Filter,
}

/// When more people are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// So long after the call was held.
    pub after_s: u64,
    /// Who is told. It gives nobody a vote.
    pub to: Filter,
}

/// Who may let a held call go, and how long there is to decide.
#[expect(clippy::struct_excessive_bools, reason = "each is a rule of its own, and recorded so")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldRule {
    /// Every set must be satisfied, and each is by any one of its thresholds. One person counts for
    /// one set.
    pub approvers: Vec<Vec<Threshold>>,
    /// How long a grant waits for its call.
    pub claim_s: u64,
    /// Whether approvers may change the arguments.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub edit: bool,
    /// Who else is told, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalate: Vec<Escalation>,
    /// How long there is to decide; after it the answer is no.
    pub expires_s: u64,
    /// Whether the person that the agent acts for may approve, and whoever edited the call.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// Whether an approval needs a reason.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reason: bool,
    /// How often those who have not voted are reminded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_s: Option<u64>,
    /// How much harm the call could do.
    pub risk: Risk,
    /// Whether an approval has to be signed by the person's own authenticator.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub step_up: bool,
}
