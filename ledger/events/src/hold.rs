//! Calls that wait for people: who may decide, what they said, and what became of it.
//!
//! A hold is named by its call. What may follow what is told in `approvals`.

use crate::{
    CallId, Dialect, Digest, EventId, Mark, Operation, PayloadRef, Person, Principal,
    SessionMethod, Timestamp, Verdict,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The most characters of a reason or a comment.
pub const REMARK_CHARACTERS_MAX: usize = 2000;

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

/// A call that may go upstream only when people have said so. Nothing of it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallHeld {
    /// For a tool call that a model's answer asks for and that runs outside of the gateway: the
    /// model call, whose answer is withheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_of: Option<CallId>,
    /// Keyed digest of the canonical tool arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Mark>,
    /// Digest of the tool's definition, as its server gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<Digest>,
    /// The dialect spoken.
    pub dialect: Dialect,
    /// What is decided on: see [`CallDigest`].
    pub digest: Digest,
    /// When the answer is no.
    pub expires: Timestamp,
    /// Keyed digest of who asks for what: the same call asked again has the same.
    pub identity: Mark,
    /// The protocol's own name of the operation.
    pub method: Arc<str>,
    /// The model asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Arc<str>>,
    /// What kind of thing was asked.
    pub operation: Operation,
    /// Who asked.
    pub principal: Principal,
    /// The request body, as it would go upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<PayloadRef>,
    /// Who may decide.
    pub rule: HoldRule,
    /// How the session was found.
    pub session: SessionMethod,
    /// The tool, resource or prompt, by its upstream's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Arc<str>>,
    /// The id of the model's tool call that the caller claims to carry out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call: Option<Arc<str>>,
    /// The upstream that it would go to.
    pub upstream: Arc<str>,
    /// What the policy answered.
    pub verdict: Verdict,
}

/// What an approval is bound to. Its digest is SHA-256 over `countersign/call/v1`, a zero byte and
/// its canonical JSON; whoever has the request and its salt can make it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallDigest<'a> {
    /// Digest of the tool's definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<Digest>,
    /// The dialect spoken.
    pub dialect: Dialect,
    /// The protocol's own name of the operation.
    pub method: &'a str,
    /// The model asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<&'a str>,
    /// Who asked.
    pub principal: &'a Principal,
    /// The salted digest of the request, or of what an approver made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Digest>,
    /// The tool, resource or prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<&'a str>,
    /// The upstream.
    pub upstream: &'a str,
}

impl CallDigest<'_> {
    /// The digest.
    pub fn digest(&self) -> Digest {
        // Strings, numbers and lists of them always have an encoding.
        let json = serde_json::to_vec(self).unwrap_or_default();
        Digest::of(&[b"countersign/call/v1\0", &json])
    }
}

/// The call was asked for again while it is held, or granted and not made yet; it is the same hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldRejoined {
    /// How the request came to it: `identical`, or `request_state` where the client sent back what
    /// the gateway had given it.
    pub by: Arc<str>,
}

/// Nobody waits for the call at the moment: it is not made unless it is asked for again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldLeft {
    /// Why: the agent hung up, it was told to come back, the gateway stopped.
    pub detail: String,
}

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

/// The call may be made once, as it was decided on. The event's id names the grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldGranted {
    /// Where not votes but one person's emergency right decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlass>,
    /// When the grant ends, if the call was not made by then.
    pub claim_until: Timestamp,
    /// What was granted.
    pub digest: Digest,
    /// The votes that decided it.
    pub votes: Vec<EventId>,
}

/// People said no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldRefused {
    /// What was refused.
    pub digest: Digest,
    /// Until when the same call is answered with this no, without asking anybody.
    pub until: Timestamp,
    /// The votes that decided it.
    pub votes: Vec<EventId>,
}

/// Nobody decided in time, or nobody made the granted call in time: the answer is no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldExpired {
    /// Whether it had been granted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub granted: bool,
    /// Until when the same call is answered with this no.
    pub until: Timestamp,
}

/// The call is not to be made any more: its agent gave it up, a person took it back, who asked was
/// revoked, or what it would do has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldWithdrawn {
    /// Who: a person's e-mail address, `agent`, or `gateway`.
    pub by: Arc<str>,
    /// Why.
    pub reason: String,
}

/// A person allowed calls of a kind for a time. The event's id names the grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantOpened {
    /// The agent that may.
    pub agent: Arc<str>,
    /// How many calls.
    pub budget: u32,
    /// Who opened it.
    pub by: Person,
    /// The person that the agent must act for.
    pub owner: Arc<str>,
    /// What the arguments must look like; see `docs/formats/events.md`.
    pub shape: PayloadRef,
    /// The tool.
    pub target: Arc<str>,
    /// When it ends.
    pub until: Timestamp,
    /// The tool server.
    pub upstream: Arc<str>,
}

/// A person ended a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRevoked {
    /// Who.
    pub by: Person,
    /// Which.
    pub grant: EventId,
    /// Why.
    pub reason: String,
}

/// Why people were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A call is held.
    Asked,
    /// It is decided.
    Decided,
    /// It was edited, so it is decided on again.
    Edited,
    /// It has waited for long.
    Escalated,
    /// It still waits.
    Reminded,
}

/// People were told about a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeSent {
    /// By what: `mail`, or the name of a webhook.
    pub channel: Arc<str>,
    /// Why.
    pub kind: NoticeKind,
    /// The message's own id: `Message-ID`, or that of the webhook's message.
    pub message: Arc<str>,
    /// Which of its kind for this call, from 0.
    pub round: u32,
    /// Who: e-mail addresses, or the webhook's name.
    pub to: Vec<Arc<str>>,
}

/// People could not be told about a call, and it is not tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeFailed {
    /// By what.
    pub channel: Arc<str>,
    /// What went wrong last.
    pub detail: String,
    /// Why they were to be told.
    pub kind: NoticeKind,
    /// The message's own id.
    pub message: Arc<str>,
    /// Which of its kind for this call, from 0.
    pub round: u32,
    /// Who.
    pub to: Vec<Arc<str>>,
    /// How often it was tried.
    pub tries: u32,
}
