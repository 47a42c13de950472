//! Passkeys (`WebAuthn`): a person's own authenticator signs a decision, so that anybody can check
//! later which one, without our word.
//!
//! The challenge of a decision is `SHA-256("countersign/decision/v1" 00 nonce digest)`. That shows
//! what was signed. It does not show what was on the screen: that is what pages are for.

mod authenticator;

use crate::cbor::Cbor;
use crate::encode::{base64url, from_base64url, matches, random};
use crate::key::{PeopleKey, Purpose};
use crate::session::SignIn;
use authenticator::{AuthenticatorData, Cose, Kind, check_client};
use events::{Assertion, Digest, Timestamp};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// What a decision's challenge begins with.
const DECISION: &[u8] = b"countersign/decision/v1\0";

/// How long a nonce is good: as long as a page with it may be open.
const NONCE_LASTS: Duration = Duration::from_mins(15);

/// Where passkeys are used: an authenticator makes one for one site, and browsers see to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The host's name: the relying party's id.
    pub host: String,
    /// The origin of our pages, such as `https://gateway.example.com`.
    pub origin: String,
}

impl Site {
    /// The site of pages at this URL, such as `https://gateway.example.com/`. Authenticators work
    /// for names alone: by `https`, and on the machine itself at `http://localhost`.
    pub fn of(url: &str) -> Option<Self> {
        let url = url.parse::<http::Uri>().ok()?;
        let (scheme, host) = (url.scheme_str()?, url.host()?.to_ascii_lowercase());
        let is_name = host.parse::<std::net::IpAddr>().is_err() && !host.starts_with('[');
        let is_safe = scheme == "https" || (scheme == "http" && host == "localhost");
        let origin = match (scheme, url.port_u16()) {
            (_, None) | ("https", Some(443)) | ("http", Some(80)) => format!("{scheme}://{host}"),
            (_, Some(port)) => format!("{scheme}://{host}:{port}"),
        };
        (is_name && is_safe).then_some(Self { host, origin })
    }
}

/// A passkey that a person has registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passkey {
    /// Names it, in base64url: the credential's id.
    pub credential: Arc<str>,
    /// The public key in COSE form, in base64url.
    pub key: String,
    /// How often it says it has signed: 0 if it does not count.
    pub count: u32,
    /// What its owner calls it.
    pub name: String,
    /// When it was registered.
    pub added: Timestamp,
}

/// What a browser answers after making a passkey, each in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// `clientDataJSON`.
    pub client: String,
    /// `attestationObject`.
    pub attestation: String,
}

/// Why a passkey is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// The answer cannot be read.
    #[error("the authenticator's answer cannot be read: `{0}` is broken")]
    Broken(&'static str),
    /// It answers something else.
    #[error(
        "the authenticator answered another question: it signed another decision, or another \
             page asked; load the page again"
    )]
    Challenge,
    /// The nonce is too old, or of another sign-in.
    #[error("the page was open for too long, or belongs to another sign-in: load it again")]
    Nonce,
    /// Another page or site asked.
    #[error("the authenticator was asked by another site")]
    Site,
    /// Nobody touched it, or it did not check who.
    #[error("the authenticator did not verify who used it: set a PIN or a fingerprint")]
    Unverified,
    /// Its key is of a kind that is not known here.
    #[error("the authenticator's key is of a kind that is not accepted")]
    Kind,
    /// Not one of the person's passkeys.
    #[error("this passkey is not registered for you")]
    Unknown,
    /// The signature is wrong.
    #[error("the authenticator's signature is wrong")]
    Signature,
    /// It counts backwards: there are two of it.
    #[error("this passkey was copied: another with the same key was used since; remove it")]
    Copied,
}

/// What was registered, and how often it has signed now: to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// Which passkey.
    pub credential: Arc<str>,
    /// Its count.
    pub count: u32,
}

/// One person at one of our pages: who registers a passkey there, or uses one.
#[derive(Clone, Copy, Debug)]
pub struct Ceremony<'a> {
    /// Our secret.
    pub key: &'a PeopleKey,
    /// Who it is.
    pub sign_in: &'a SignIn,
    /// Where it is.
    pub site: &'a Site,
    /// When it is.
    pub now: Timestamp,
}

impl Ceremony<'_> {
    /// A nonce for this sign-in, for registrations and decisions, in base64url. It is not kept: it
    /// says itself until when it is good.
    pub fn nonce(&self) -> io::Result<String> {
        let lasts = u64::try_from(NONCE_LASTS.as_micros()).unwrap_or(u64::MAX);
        let until = self.now.micros().saturating_add(lasts).to_be_bytes();
        let chance = random::<16>()?;
        let mac = self.nonce_mac(until, chance);
        Ok(base64url(&[&until[..], &chance, &mac].concat()))
    }

    fn nonce_mac(&self, until: [u8; 8], chance: [u8; 16]) -> [u8; 32] {
        self.key.mac(Purpose::Challenge, &[self.sign_in.id.as_bytes(), &until, &chance])
    }

    fn check_nonce(&self, nonce: &str) -> Result<(), PasskeyError> {
        let bytes = from_base64url(nonce).ok_or(PasskeyError::Nonce)?;
        let (until, rest) = bytes.split_first_chunk::<8>().ok_or(PasskeyError::Nonce)?;
        let (chance, mac) = rest.split_first_chunk::<16>().ok_or(PasskeyError::Nonce)?;
        let is_ours = matches(mac, &self.nonce_mac(*until, *chance));
        if is_ours && self.now.micros() < u64::from_be_bytes(*until) {
            Ok(())
        } else {
            Err(PasskeyError::Nonce)
        }
    }

    /// What `navigator.credentials.create` wants: JSON for
    /// `PublicKeyCredential.parseCreationOptionsFromJSON`.
    pub fn creation_options(&self, nonce: &str, known: &[Passkey]) -> Value {
        let profile = &self.sign_in.profile;
        let kind = |algorithm| json!({"type": "public-key", "alg": algorithm});
        json!({
            "rp": {"id": self.site.host, "name": "Countersign"},
            "user": {
                "id": base64url(&sha256(profile.id.as_bytes())),
                "name": profile.email,
                "displayName": profile.name,
            },
            "challenge": nonce,
            "pubKeyCredParams": Cose::ALGORITHMS.iter().map(kind).collect::<Vec<_>>(),
            "excludeCredentials": descriptors(known),
            "authenticatorSelection": {"userVerification": "required", "residentKey": "preferred"},
            "attestation": "none",
        })
    }

    /// What `navigator.credentials.get` wants for a decision: JSON for
    /// `PublicKeyCredential.parseRequestOptionsFromJSON`.
    pub fn request_options(
        &self,
        nonce: &str,
        decision: &Digest,
        known: &[Passkey],
    ) -> Result<Value, PasskeyError> {
        let nonce = from_base64url(nonce).ok_or(PasskeyError::Nonce)?;
        Ok(json!({
            "rpId": self.site.host,
            "challenge": base64url(&decision_challenge(&nonce, decision)),
            "allowCredentials": descriptors(known),
            "userVerification": "required",
        }))
    }

    /// A new passkey of the person who is signed in, to be kept with their others.
    ///
    /// Which model of authenticator it is, is neither asked nor believed (attestation `none`).
    pub fn register(
        &self,
        nonce: &str,
        answer: &Registration,
        name: &str,
    ) -> Result<Passkey, PasskeyError> {
        self.check_nonce(nonce)?;
        let (credential, cose, count) = read_registration(self.site, answer, nonce)?;
        Ok(Passkey {
            credential: base64url(&credential).into(),
            key: base64url(&cose),
            count,
            name: name.chars().filter(|next| !next.is_control()).take(64).collect(),
            added: self.now,
        })
    }

    /// Whether one of the person's passkeys signed this decision, for this sign-in and just now.
    /// The caller keeps the new count ([`crate::account::Accounts::passkey_used`]).
    pub fn verify(
        &self,
        assertion: &Assertion,
        decision: &Digest,
        known: &[Passkey],
    ) -> Result<Used, PasskeyError> {
        self.check_nonce(&assertion.nonce)?;
        let found = known.iter().find(|passkey| passkey.credential == assertion.credential);
        let passkey = found.ok_or(PasskeyError::Unknown)?;
        let count = check(self.site, assertion, decision, &passkey.key)?;
        if !goes_on(passkey.count, count) {
            return Err(PasskeyError::Copied);
        }
        Ok(Used { credential: Arc::clone(&passkey.credential), count })
    }
}

/// Whether a count may follow another. Passkeys that are kept on several devices do not count.
pub(crate) const fn goes_on(from: u32, to: u32) -> bool {
    to > from || (to == 0 && from == 0)
}

/// What an authenticator signs for a decision.
pub fn decision_challenge(nonce: &[u8], decision: &Digest) -> [u8; 32] {
    sha256(&[DECISION, nonce, &decision.0].concat())
}

fn descriptors(known: &[Passkey]) -> Vec<Value> {
    let describe = |passkey: &Passkey| json!({"type": "public-key", "id": passkey.credential});
    known.iter().map(describe).collect()
}

fn read_registration(
    site: &Site,
    answer: &Registration,
    challenge: &str,
) -> Result<(Vec<u8>, Vec<u8>, u32), PasskeyError> {
    let client = from_base64url(&answer.client).ok_or(PasskeyError::Broken("clientDataJSON"))?;
    check_client(&client, Kind::Create, challenge, &site.origin)?;
    let broken = PasskeyError::Broken("attestationObject");
    let object = from_base64url(&answer.attestation).ok_or(broken)?;
    let (object, rest) = Cbor::read(&object).ok_or(broken)?;
    let bytes = object.get(&Cbor::Text("authData")).and_then(Cbor::bytes);
    let found = AuthenticatorData::read(bytes.ok_or(broken)?)?;
    if !rest.is_empty() {
        return Err(broken);
    }
    found.check(&sha256(site.host.as_bytes()))?;
    let (credential, cose) = found.attested.ok_or(broken)?;
    Cose::read(cose).ok_or(PasskeyError::Kind)?;
    Ok((credential.to_vec(), cose.to_vec(), found.count))
}

/// Whether the key, in COSE form and base64url, signed this decision at this site: what an auditor
/// can check years later. Gives how often it said it had signed.
pub fn check(
    site: &Site,
    assertion: &Assertion,
    decision: &Digest,
    key: &str,
) -> Result<u32, PasskeyError> {
    let bytes = |text: &str, name| from_base64url(text).ok_or(PasskeyError::Broken(name));
    let client = bytes(&assertion.client, "clientDataJSON")?;
    let nonce = bytes(&assertion.nonce, "nonce")?;
    let challenge = base64url(&decision_challenge(&nonce, decision));
    check_client(&client, Kind::Get, &challenge, &site.origin)?;
    let data = bytes(&assertion.authenticator, "authenticatorData")?;
    let found = AuthenticatorData::read(&data)?;
    found.check(&sha256(site.host.as_bytes()))?;
    let cose = from_base64url(key);
    let cose = cose.as_deref().and_then(Cose::read).ok_or(PasskeyError::Kind)?;
    let signed = [&data[..], &sha256(&client)].concat();
    let signature = bytes(&assertion.signature, "signature")?;
    if cose.has_signed(&signed, &signature) {
        Ok(found.count)
    } else {
        Err(PasskeyError::Signature)
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut made = [0; 32];
    made.iter_mut().zip(digest(&SHA256, bytes).as_ref()).for_each(|(to, from)| *to = *from);
    made
}

#[cfg(test)]
mod tests;
