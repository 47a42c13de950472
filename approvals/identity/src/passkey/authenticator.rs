//! What authenticators and browsers write: `clientDataJSON`, `authenticatorData`, COSE keys.

use super::PasskeyError;
use crate::cbor::Cbor;
use crate::encode::matches;
use crate::strict;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde_json::Value;

/// Somebody was there.
const PRESENT: u8 = 0x01;
/// The authenticator checked who.
const VERIFIED: u8 = 0x04;
/// The passkey may be copied to other devices of the same person.
const BACKUP_ELIGIBLE: u8 = 0x08;
/// It has been.
const BACKED_UP: u8 = 0x10;
/// A new credential follows.
const ATTESTED: u8 = 0x40;
/// Extensions follow.
const EXTENDED: u8 = 0x80;

/// Bytes of a credential's id.
const CREDENTIAL_MAX: usize = 1023;

/// What the browser was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Get,
}

/// Whether the browser did this, for this challenge, on our page itself and not in a frame.
pub(super) fn check_client(
    text: &[u8],
    kind: Kind,
    challenge: &str,
    origin: &str,
) -> Result<(), PasskeyError> {
    let client = strict::object(text).map_err(|_| PasskeyError::Broken("clientDataJSON"))?;
    let said = |name: &str| client.get(name).and_then(Value::as_str).unwrap_or_default();
    let done = match kind {
        Kind::Create => "webauthn.create",
        Kind::Get => "webauthn.get",
    };
    if said("type") != done || !matches(said("challenge").as_bytes(), challenge.as_bytes()) {
        return Err(PasskeyError::Challenge);
    }
    let framed = client.get("crossOrigin").is_some_and(|crossed| *crossed != false)
        || client.contains_key("topOrigin");
    if framed || said("origin") != origin { Err(PasskeyError::Site) } else { Ok(()) }
}

/// The authenticator's own words.
#[derive(Debug)]
pub(super) struct AuthenticatorData<'a> {
    site: &'a [u8; 32],
    flags: u8,
    pub(super) count: u32,
    /// A new credential's id and its key in COSE form.
    pub(super) attested: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> AuthenticatorData<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, PasskeyError> {
        Self::parse(bytes).ok_or(PasskeyError::Broken("authenticatorData"))
    }

    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (site, rest) = bytes.split_first_chunk::<32>()?;
        let (flags, rest) = rest.split_first()?;
        let (count, mut rest) = rest.split_first_chunk::<4>()?;
        let mut attested = None;
        if flags & ATTESTED != 0 {
            let (_model, after) = rest.split_at_checked(16)?;
            let (length, after) = after.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_be_bytes(*length));
            if length > CREDENTIAL_MAX {
                return None;
            }
            let (credential, after) = after.split_at_checked(length)?;
            let (_, end) = Cbor::read(after)?;
            let (cose, end) = after.split_at_checked(after.len() - end.len())?;
            attested = Some((credential, cose));
            rest = end;
        }
        if flags & EXTENDED != 0 {
            rest = Cbor::read(rest)?.1;
        }
        let count = u32::from_be_bytes(*count);
        rest.is_empty().then_some(Self { site, flags: *flags, count, attested })
    }

    /// Whether it is of our site, somebody was there, and it checked who.
    pub(super) fn check(&self, site: &[u8; 32]) -> Result<(), PasskeyError> {
        let has = |flag| self.flags & flag != 0;
        if self.site != site {
            Err(PasskeyError::Site)
        } else if !has(PRESENT) || !has(VERIFIED) {
            Err(PasskeyError::Unverified)
        } else if has(BACKED_UP) && !has(BACKUP_ELIGIBLE) {
            Err(PasskeyError::Broken("authenticatorData"))
        } else {
            Ok(())
        }
    }
}

/// A public key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cose {
    Es256(Vec<u8>),
    EdDsa(Vec<u8>),
    Rs256 { modulus: Vec<u8>, exponent: Vec<u8> },
}

impl Cose {
    /// By their numbers in COSE, the best first. The last is what older Windows has.
    pub(super) const ALGORITHMS: &[i64] = &[-8, -7, -257];

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (map, rest) = Cbor::read(bytes)?;
        let integer = |name| map.get(&Cbor::Integer(name)).and_then(Cbor::integer);
        let bytes = |name| map.get(&Cbor::Integer(name)).and_then(Cbor::bytes);
        if !rest.is_empty() {
            return None;
        }
        match (integer(1)?, integer(3)?) {
            (2, -7) if integer(-1) == Some(1) => {
                let (x, y) = (bytes(-2)?, bytes(-3)?);
                let point = [&[4][..], x, y].concat();
                (x.len() == 32 && y.len() == 32).then_some(Self::Es256(point))
            }
            (1, -8) if integer(-1) == Some(6) => {
                bytes(-2).filter(|key| key.len() == 32).map(|key| Self::EdDsa(key.to_vec()))
            }
            (3, -257) => {
                Some(Self::Rs256 { modulus: bytes(-1)?.to_vec(), exponent: bytes(-2)?.to_vec() })
            }
            _ => None,
        }
    }

    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Self::EdDsa(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Self::Rs256 { modulus, exponent } => RsaPublicKeyComponents { n: modulus, e: exponent }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
        };
        verified.is_ok()
    }
}
