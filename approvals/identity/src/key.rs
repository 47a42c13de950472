//! The secret behind everything that people's browsers carry, and the keys that are made of it.

use crate::encode::{base64url, from_base64url, random};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::hmac;
use std::fmt;
use std::io;

/// The secret of `keys/people.key`: whoever has it can sign in as anybody.
///
/// A key of its own is made for each purpose, so that nothing made for one is good for another.
#[derive(Clone)]
pub struct PeopleKey(Prk);

/// What a key is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Sign-in sessions.
    Session,
    /// Attempts to sign in at a provider.
    Attempt,
    /// Challenges for passkeys.
    Challenge,
    /// Tokens in forms.
    Form,
    /// The second cookie, which comes with requests from our own pages alone.
    SameSite,
}

impl Purpose {
    const fn text(self) -> &'static [u8] {
        match self {
            Self::Session => b"countersign/people/v1/session",
            Self::Attempt => b"countersign/people/v1/attempt",
            Self::Challenge => b"countersign/people/v1/challenge",
            Self::Form => b"countersign/people/v1/form",
            Self::SameSite => b"countersign/people/v1/same-site",
        }
    }
}

struct Derived;

impl KeyType for Derived {
    fn len(&self) -> usize {
        32
    }
}

impl PeopleKey {
    /// Bytes of the secret.
    pub const BYTES: usize = 32;

    /// The key of this secret, which the caller made from chance and keeps.
    pub fn new(secret: &[u8; Self::BYTES]) -> Self {
        Self(Salt::new(HKDF_SHA256, b"countersign/people/v1").extract(secret))
    }

    fn derived(&self, purpose: Purpose) -> [u8; 32] {
        let mut bytes = [0; 32];
        let info = [purpose.text()];
        let expanded = self.0.expand(&info, Derived).and_then(|okm| okm.fill(&mut bytes));
        debug_assert!(expanded.is_ok(), "32 bytes can always be expanded");
        bytes
    }

    fn cipher(&self, purpose: Purpose) -> io::Result<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, &self.derived(purpose))
            .map(LessSafeKey::new)
            .map_err(|_| io::Error::other("the key cannot be used"))
    }

    /// Text that only this key reads, and that nobody else can make.
    pub(crate) fn seal(&self, purpose: Purpose, plain: &[u8]) -> io::Result<String> {
        let nonce = random::<12>()?;
        let mut sealed = plain.to_vec();
        self.cipher(purpose)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.text()),
                &mut sealed,
            )
            .map_err(|_| io::Error::other("too much to encrypt"))?;
        Ok(base64url(&[&nonce[..], &sealed].concat()))
    }

    /// What was sealed for this purpose, if it was.
    pub(crate) fn open(&self, purpose: Purpose, text: &str) -> Option<Vec<u8>> {
        let bytes = from_base64url(text)?;
        let (nonce, sealed) = bytes.split_first_chunk::<12>()?;
        let mut sealed = sealed.to_vec();
        let plain = self
            .cipher(purpose)
            .ok()?
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(purpose.text()),
                &mut sealed,
            )
            .ok()?;
        Some(plain.to_vec())
    }

    /// A keyed digest over parts, each with its length, so that no other parts read the same.
    pub(crate) fn mac(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        let mut context =
            hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.derived(purpose)));
        for part in parts {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        let mut mac = [0; 32];
        mac.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
        mac
    }
}

impl fmt::Debug for PeopleKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PeopleKey(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_and_key_alone_and_unaltered() {
        let key = PeopleKey::new(&[7; 32]);
        let text = key.seal(Purpose::Session, b"who").unwrap();
        assert_eq!(key.open(Purpose::Session, &text), Some(b"who".to_vec()));
        assert_eq!(key.open(Purpose::Attempt, &text), None);
        assert_eq!(PeopleKey::new(&[8; 32]).open(Purpose::Session, &text), None);
        let bytes = from_base64url(&text).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.open(Purpose::Session, &base64url(&altered)), None);
        }
        assert_ne!(text, key.seal(Purpose::Session, b"who").unwrap());
    }

    #[test]
    fn parts_are_told_apart() {
        let key = PeopleKey::new(&[7; 32]);
        assert_ne!(key.mac(Purpose::Form, &[b"ab", b"c"]), key.mac(Purpose::Form, &[b"a", b"bc"]));
        assert_ne!(key.mac(Purpose::Form, &[b"a"]), key.mac(Purpose::SameSite, &[b"a"]));
    }
}
