//! Passkeys: whether the authenticator that a person registered signed what is on record as theirs.

mod cose;

use super::lateness::is_past;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cose::Cose;
use events::{
    Assertion, CallId, DecisionDigest, Digest, Event, HoldVoted, PasskeyRegistered, Timestamp,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::Arc;

/// What a decision's challenge begins with.
const DECISION: &[u8] = b"countersign/decision/v1\0";

/// Somebody was there, and the authenticator checked who.
const PRESENT_AND_VERIFIED: u8 = 0x05;

struct Key {
    fact: PasskeyRegistered,
    removed: Option<Timestamp>,
}

/// Those that are or were registered.
#[derive(Default)]
pub(super) struct Passkeys {
    /// By the person's id and the credential's.
    keys: HashMap<(Arc<str>, Arc<str>), Key>,
}

impl Passkeys {
    /// Takes the next event.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most kinds say nothing of passkeys")]
    pub(super) fn apply(&mut self, time: Timestamp, event: &Event) {
        match event {
            Event::PasskeyRegistered(fact) => {
                let name = (Arc::clone(&fact.person.id), Arc::clone(&fact.credential));
                self.keys.insert(name, Key { fact: fact.clone(), removed: None });
            }
            Event::PasskeyRemoved(fact) => {
                let name = (Arc::clone(&fact.person.id), Arc::clone(&fact.credential));
                if let Some(key) = self.keys.get_mut(&name) {
                    key.removed = Some(time);
                }
            }
            _ => {}
        }
    }

    /// What is wrong with what a vote says was signed. The second says whether what is missing may
    /// stand before the part that was read.
    pub(super) fn doubt(
        &self,
        call: CallId,
        vote: &HoldVoted,
        time: Timestamp,
    ) -> Option<(String, bool)> {
        let assertion = vote.assertion.as_ref()?;
        let credential = &assertion.credential;
        let signed = format!("`{}` signed with the passkey `{credential}`", vote.by.email);
        let Some(key) = self.keys.get(&(Arc::clone(&vote.by.id), Arc::clone(credential))) else {
            return Some((format!("{signed}, which they have not registered"), true));
        };
        if key.removed.is_some_and(|removed| is_past(time, removed)) {
            return Some((format!("{signed}, which was removed"), false));
        }
        let decision = DecisionDigest::of(call, vote).digest();
        let wrong = check(&key.fact, assertion, &decision).err()?;
        Some((format!("{signed}, and {wrong}"), false))
    }
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

fn decoded(text: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "what it signed is not in base64url")
}

/// Whether the key signed this decision on a page of its site.
fn check(
    key: &PasskeyRegistered,
    assertion: &Assertion,
    decision: &Digest,
) -> Result<(), &'static str> {
    let client = decoded(&assertion.client)?;
    let nonce = decoded(&assertion.nonce)?;
    let challenge = URL_SAFE_NO_PAD.encode(sha256(&[DECISION, &nonce, &decision.0]));
    let told: Value =
        serde_json::from_slice(&client).map_err(|_| "its `clientDataJSON` is no JSON")?;
    let said = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
    if said("type") != "webauthn.get" || said("challenge") != challenge {
        return Err("it signed another decision");
    }
    let is_framed = told.get("crossOrigin").is_some_and(|crossed| *crossed != false);
    if is_framed || told.get("topOrigin").is_some() || said("origin") != &*key.origin {
        return Err("another site asked it");
    }
    let data = decoded(&assertion.authenticator)?;
    let Some((site, [flags, ..])) = data.split_first_chunk::<32>() else {
        return Err("its `authenticatorData` is too short");
    };
    if *site != sha256(&[key.host.as_bytes()]) {
        return Err("it signed for another site");
    }
    if flags & PRESENT_AND_VERIFIED != PRESENT_AND_VERIFIED {
        return Err("it did not check who used it");
    }
    let cose = decoded(&key.key)?;
    let cose = Cose::read(&cose).ok_or("its key is of a kind that is not known here")?;
    let signed = [&data[..], &sha256(&[&client])].concat();
    let is_signed = cose.has_signed(&signed, &decoded(&assertion.signature)?);
    if is_signed { Ok(()) } else { Err("the signature is wrong") }
}

#[cfg(test)]
mod tests;
