//! Why a command was not carried out, for the person who gave it.

use crate::threshold::Ineligible;
use events::{Digest, REMARK_CHARACTERS_MAX, Timestamp, Vote};
use std::sync::Arc;

/// Why a command was not carried out. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The person's vote cannot count.
    #[error(transparent)]
    Ineligible(#[from] Ineligible),
    /// The sign-in has ended.
    #[error("this sign-in has ended; sign in again")]
    SignedOut,
    /// There is no delegation in force.
    #[error("{to} does not stand in for {from}: no delegation is in force")]
    NotDelegated {
        /// In whose place.
        from: Arc<str>,
        /// Who.
        to: Arc<str>,
    },
    /// The person voted already, or somebody did in their place.
    #[error("{by} said {} to this version already; one person has one vote", word(*vote))]
    AlreadyVoted {
        /// Who.
        by: Arc<str>,
        /// What.
        vote: Vote,
    },
    /// Something else than what is decided on was shown.
    #[error(
        "the call was changed since it was shown: version {version} is decided on now; look again"
    )]
    Stale {
        /// The version that is decided on.
        version: u32,
        /// Its digest.
        digest: Digest,
    },
    /// It is decided.
    #[error("this call is {state} already, since {at}")]
    Decided {
        /// What became of it, in one word.
        state: &'static str,
        /// When.
        at: Timestamp,
    },
    /// The call is being made.
    #[error("too late: the call is being made")]
    BeingMade,
    /// The time to decide is over.
    #[error("too late: there was time to decide until {expires}; the agent may ask again")]
    TooLate {
        /// When it ended.
        expires: Timestamp,
    },
    /// A reason is needed.
    #[error("a reason is needed: say why")]
    ReasonRequired,
    /// The person's authenticator has to sign the approval.
    #[error(
        "approving this call takes your passkey: register one under `/account` on the gateway's \
         pages, and approve on the page of the call"
    )]
    PasskeyRequired,
    /// A reason or comment is too long.
    #[error("{characters} characters are too many: at most {REMARK_CHARACTERS_MAX}")]
    TooLong {
        /// How many it has.
        characters: usize,
    },
    /// A comment is empty.
    #[error("an empty comment says nothing")]
    Empty,
    /// What was on the screen was not told.
    #[error("the vote does not say what was shown; reload the page and vote there")]
    ViewRequired,
    /// The policy lets nobody edit it.
    #[error("the policy does not let approvers change this call; reject it and say what to change")]
    EditForbidden,
    /// An edit changes nothing.
    #[error("the arguments are what they were")]
    Unchanged,
    /// The person has no emergency right.
    #[error("letting a call go alone takes one of the roles {roles}, which {person} does not have")]
    NoBreakGlass {
        /// Who.
        person: Arc<str>,
        /// The roles that would do.
        roles: String,
    },
    /// The person has no say in the call.
    #[error("{person} can neither decide this call nor does the agent act for them")]
    NoSay {
        /// Who.
        person: Arc<str>,
    },
}

impl Refusal {
    /// A name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ineligible(why) => match why {
                Ineligible::NotAsked { .. } => "not_eligible",
                Ineligible::Owner(_) | Ineligible::Actor(_) | Ineligible::Delegate { .. } => {
                    "own_request"
                }
                Ineligible::Editor(_) => "own_edit",
                Ineligible::Revoked(_) => "person_revoked",
            },
            Self::SignedOut => "signed_out",
            Self::NotDelegated { .. } => "not_delegated",
            Self::AlreadyVoted { .. } => "already_voted",
            Self::Stale { .. } => "stale",
            Self::Decided { .. } => "already_decided",
            Self::BeingMade => "being_made",
            Self::TooLate { .. } => "too_late",
            Self::ReasonRequired => "reason_required",
            Self::PasskeyRequired => "passkey_required",
            Self::TooLong { .. } => "too_long",
            Self::Empty => "empty",
            Self::ViewRequired => "view_required",
            Self::EditForbidden => "edit_forbidden",
            Self::Unchanged => "unchanged",
            Self::NoBreakGlass { .. } => "break_glass_forbidden",
            Self::NoSay { .. } => "no_say",
        }
    }

    /// Whether the command came too late, or about something that is not there any more: the
    /// person should look again.
    pub const fn is_conflict(&self) -> bool {
        matches!(
            self,
            Self::AlreadyVoted { .. }
                | Self::Stale { .. }
                | Self::Decided { .. }
                | Self::BeingMade
                | Self::TooLate { .. }
        )
    }
}

const fn word(vote: Vote) -> &'static str {
    match vote {
        Vote::Approve => "yes",
        Vote::Reject => "no",
    }
}
