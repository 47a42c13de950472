//! What people do with a call that waits for them.

use crate::{Digest, Mark, PayloadRef, Person};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The most characters of a reason or a comment.
pub const REMARK_CHARACTERS_MAX: usize = 2000;

/// A person had the call on the screen, before any vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldViewed {
    /// Who.
    pub by: Person,
    /// What was shown.
    pub view: Digest,
}

/// How a person reached the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A program with the person's token.
    Api,
    /// The command line, with the operator's key.
    Cli,
    /// The web page.
    Web,
}

/// What a person says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vote {
    /// Make it.
    Approve,
    /// Do not.
    Reject,
}

/// What was on the screen when a person voted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Digest of everything that was shown.
    pub digest: Digest,
    /// How long the page was open, as far as the gateway knows: from when it was sent.
    pub open_ms: u64,
    /// The parts that had to be opened to be seen, and were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opened: Vec<Arc<str>>,
    /// How many parts there were to open.
    pub sections: u32,
}

/// What a person's own authenticator signed (`WebAuthn`); its challenge is the decision, see
/// [`DecisionDigest`](crate::DecisionDigest).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assertion {
    /// `authenticatorData`, base64url.
    pub authenticator: String,
    /// `clientDataJSON`, base64url.
    pub client: String,
    /// The credential's id, base64url.
    pub credential: Arc<str>,
    /// What made the challenge besides the decision, base64url.
    pub nonce: String,
    /// The signature, base64url.
    pub signature: String,
}

/// A person voted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldVoted {
    /// What the person's authenticator signed, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion: Option<Assertion>,
    /// Who.
    pub by: Person,
    /// How.
    pub channel: Channel,
    /// What was voted on.
    pub digest: Digest,
    /// Whom the person stands in for: the vote counts as theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_person: Option<Person>,
    /// The groups that the vote counts for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Arc<str>>,
    /// What the person said to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The roles that the vote counts for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Arc<str>>,
    /// The sign-in that the vote came under; see `person.signed_in`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<Arc<str>>,
    /// The version of the call that was voted on; edits make new ones.
    pub version: u32,
    /// What was on the screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
    /// Yes or no.
    pub vote: Vote,
}

/// A person said something to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldCommented {
    /// Who.
    pub by: Person,
    /// What.
    pub text: String,
}

/// A person changed the arguments. All votes so far are void; it is decided on again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldEdited {
    /// Keyed digest of the canonical new arguments.
    pub arguments: Mark,
    /// Who.
    pub by: Person,
    /// What is decided on from now on.
    pub digest: Digest,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The request as it would go upstream now.
    pub request: PayloadRef,
    /// The version that this made; the first was 1.
    pub version: u32,
}

/// A person let a call go alone, against the rule, in an emergency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlass {
    /// Who.
    pub by: Person,
    /// Why.
    pub reason: String,
}
