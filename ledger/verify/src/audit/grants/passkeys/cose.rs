//! Public keys in COSE form (RFC 9052), as authenticators tell them.

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use std::collections::BTreeMap;

/// A public key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cose<'a> {
    Es256(Vec<u8>),
    EdDsa(&'a [u8]),
    Rs256 { modulus: &'a [u8], exponent: &'a [u8] },
}

/// What a key's map has.
#[derive(Clone, Copy)]
enum Item<'a> {
    Integer(i64),
    Bytes(&'a [u8]),
}

impl<'a> Item<'a> {
    /// The next one of some CBOR, and the rest.
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (major, argument, rest) = head(bytes)?;
        match major {
            0 => Some((Self::Integer(i64::from(argument)), rest)),
            1 => Some((Self::Integer(-1 - i64::from(argument)), rest)),
            2 => {
                let (found, rest) = rest.split_at_checked(usize::from(argument))?;
                Some((Self::Bytes(found), rest))
            }
            _ => None,
        }
    }
}

/// The kind and the argument that an item of CBOR begins with; no key needs larger ones.
fn head(bytes: &[u8]) -> Option<(u8, u16, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (major, short) = (first >> 5, first & 0x1f);
    match short {
        0..=23 => Some((major, u16::from(short), rest)),
        24 => rest.split_first().map(|(byte, rest)| (major, u16::from(*byte), rest)),
        25 => {
            let (number, rest) = rest.split_first_chunk::<2>()?;
            Some((major, u16::from_be_bytes(*number), rest))
        }
        _ => None,
    }
}

impl<'a> Cose<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (major, count, mut rest) = head(bytes)?;
        let mut map = BTreeMap::new();
        for _ in 0..count {
            let (name, after) = Item::read(rest)?;
            let (value, after) = Item::read(after)?;
            let Item::Integer(name) = name else { return None };
            let is_twice = map.insert(name, value).is_some();
            rest = (!is_twice).then_some(after)?;
        }
        let integer = |name: i64| match map.get(&name)? {
            Item::Integer(found) => Some(*found),
            Item::Bytes(_) => None,
        };
        let bytes = |name: i64| match map.get(&name)? {
            Item::Bytes(found) => Some(*found),
            Item::Integer(_) => None,
        };
        if major != 5 || !rest.is_empty() {
            return None;
        }
        match (integer(1)?, integer(3)?) {
            (2, -7) if integer(-1) == Some(1) => {
                let (x, y) = (bytes(-2)?, bytes(-3)?);
                let is_point = x.len() == 32 && y.len() == 32;
                is_point.then(|| Self::Es256([&[4][..], x, y].concat()))
            }
            (1, -8) if integer(-1) == Some(6) => bytes(-2).map(Self::EdDsa),
            (3, -257) => Some(Self::Rs256 { modulus: bytes(-1)?, exponent: bytes(-2)? }),
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
