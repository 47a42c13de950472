//! A call that waits no longer: what became of it, and what was decided on.

use super::hold::{Ask, Remark, Vote};
use super::shell::Shell;
use super::tier::Mood;
use crate::markup::Label;
use crate::moment::Moment;
use askama::Template;

/// How a hold ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedKind {
    /// With a yes.
    Granted,
    /// With a no.
    Refused,
    /// Nobody decided in time, which is a no.
    Expired,
    /// Whoever asked does not wait any more.
    Withdrawn,
    /// With a yes of one person against the rule.
    BrokenGlass,
}

impl ClosedKind {
    /// What it is called.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Granted => "Approved",
            Self::Refused => "Rejected",
            Self::Expired => "Expired: counted as no",
            Self::Withdrawn => "Withdrawn",
            Self::BrokenGlass => "Let through by breaking the glass",
        }
    }

    /// How good that is.
    pub const fn mood(self) -> Mood {
        match self {
            Self::Granted => Mood::Good,
            Self::Refused | Self::Expired => Mood::Bad,
            Self::Withdrawn => Mood::Quiet,
            Self::BrokenGlass => Mood::Warning,
        }
    }
}

/// How a hold ended, with all that is known of it.
#[derive(Clone, Debug)]
pub struct Closed {
    /// How.
    pub kind: ClosedKind,
    /// By whom; empty where nobody did.
    pub by: Label,
    /// When.
    pub when: Moment,
    /// What was said with it.
    pub reason: Label,
    /// What became of the call then, in words of ours.
    pub after: String,
    /// The digest of what the deciding vote was shown, in hexadecimal.
    pub view: Option<String>,
}

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "decided.html")]
pub struct DecidedPage {
    /// What is around it.
    pub shell: Shell,
    /// What was decided on.
    pub ask: Ask,
    /// How it ended.
    pub closed: Closed,
    /// All votes, the oldest first.
    pub votes: Vec<Vote>,
    /// What was said besides, the oldest first.
    pub remarks: Vec<Remark>,
    /// The token of taking it back, where that is not too late.
    pub take_back: Option<String>,
    /// For a reader who may allow calls like it for a time.
    pub widening: Option<Widening>,
}

/// The form that allows calls like one for a time.
#[derive(Clone, Debug)]
pub struct Widening {
    /// The token.
    pub csrf: String,
    /// The arguments, each of which stays as it is or is left free.
    pub arguments: Vec<Widened>,
}

/// An argument that may be left free.
#[derive(Clone, Debug)]
pub struct Widened {
    /// Its JSON pointer, as forms send it.
    pub pointer: String,
    /// Its name.
    pub name: Label,
    /// Its value, where that is short.
    pub value: Label,
    /// Its value, where it is a number that may be limited.
    pub number: Option<String>,
}
