//! Calls that wait for people: what would be done, and what became of it.
//!
//! A hold is named by its call. What may follow what is told in `approvals`.

use crate::{
    BreakGlass, CallId, Dialect, Digest, EventId, HoldRule, Mark, Operation, PayloadRef, Principal,
    SessionMethod, Timestamp, Verdict,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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
