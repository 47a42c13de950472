//! Passkeys: the keys of people's own authenticators, and what these sign.

use crate::{CallId, Digest, HoldVoted, Person, Vote};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A person registered a passkey: from now on it may sign their decisions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyRegistered {
    /// Names it, in base64url: the credential's id.
    pub credential: Arc<str>,
    /// The host's name: the relying party's id.
    pub host: Arc<str>,
    /// The public key in COSE form, in base64url.
    pub key: String,
    /// The origin of the pages that it signs for, such as `https://gateway.example.com`.
    pub origin: Arc<str>,
    /// Whose.
    pub person: Person,
    /// The sign-in that it was registered under; see `person.signed_in`.
    pub sign_in: Arc<str>,
}

/// A passkey signs no decisions any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyRemoved {
    /// Who removed it: an e-mail address.
    pub by: Arc<str>,
    /// Which.
    pub credential: Arc<str>,
    /// Whose it was.
    pub person: Person,
}

/// What a person decides, and their authenticator signs. Its digest is SHA-256 over
/// `countersign/ballot/v1`, a zero byte and its canonical JSON; the vote on record has all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DecisionDigest<'a> {
    /// The held call.
    pub call: CallId,
    /// What is decided on: see [`CallDigest`](crate::CallDigest).
    pub digest: Digest,
    /// The id of whom the person stands in for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub for_person: Option<&'a str>,
    /// The person's id.
    pub person: &'a str,
    /// The version of the call.
    pub version: u32,
    /// Digest of what was on the screen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<Digest>,
    /// Yes or no.
    pub vote: Vote,
}

impl<'a> DecisionDigest<'a> {
    /// The decision that a vote on this call is.
    pub fn of(call: CallId, vote: &'a HoldVoted) -> Self {
        Self {
            call,
            digest: vote.digest,
            for_person: vote.for_person.as_ref().map(|person| &*person.id),
            person: &vote.by.id,
            version: vote.version,
            view: vote.view.as_ref().map(|view| view.digest),
            vote: vote.vote,
        }
    }

    /// The digest.
    pub fn digest(&self) -> Digest {
        // Strings, numbers and lists of them always have an encoding.
        let json = serde_json::to_vec(self).unwrap_or_default();
        Digest::of(&[b"countersign/ballot/v1\0", &json])
    }
}
