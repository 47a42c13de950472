//! Keys derived from a secret for one purpose each, and AES-256-GCM with a random nonce in front.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use std::io;

/// What a nonce takes in front of the encrypted bytes.
pub(super) const NONCE_BYTES: usize = 12;

/// What the tag takes behind them.
pub(super) const TAG_BYTES: usize = 16;

/// 32 random bytes.
pub(super) fn random() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// A secret that keys are derived from (HKDF-SHA256, extracted without a salt).
#[derive(Clone)]
pub(super) struct Secret(Prk);

impl Secret {
    /// Of 32 bytes that nobody can guess.
    pub(super) fn new(bytes: &[u8; 32]) -> Self {
        Self(Salt::new(HKDF_SHA256, &[]).extract(bytes))
    }

    /// 32 bytes for the purpose that the parts of `info` name, one behind the other.
    pub(super) fn derive(&self, info: &[&[u8]]) -> io::Result<[u8; 32]> {
        let mut bytes = [0; 32];
        let expanded = self.0.expand(info, HKDF_SHA256).and_then(|okm| okm.fill(&mut bytes));
        expanded.map_err(|_| io::Error::other("a key could not be derived"))?;
        Ok(bytes)
    }

    /// A cipher for that purpose.
    pub(super) fn cipher(&self, info: &[&[u8]]) -> io::Result<Cipher> {
        let key = UnboundKey::new(&AES_256_GCM, &self.derive(info)?);
        let key = key.map_err(|_| io::Error::other("a key could not be made"))?;
        Ok(Cipher(LessSafeKey::new(key)))
    }
}

/// Encrypts and decrypts under one key.
pub(super) struct Cipher(LessSafeKey);

impl Cipher {
    /// Encrypts in place what stands in `bytes` behind `front` bytes and room for a nonce, bound
    /// to `context`; fills in the nonce and appends the tag.
    ///
    /// The nonce is random. It cannot be made of what is encrypted: one content may be kept in two
    /// forms. Under one key no more than one session's payloads are encrypted, so that two equal
    /// nonces are not to be expected even after billions of them.
    pub(super) fn seal(&self, context: &[u8], front: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        let room = bytes.get_mut(front..).and_then(<[u8]>::split_first_chunk_mut::<NONCE_BYTES>);
        let (nonce, text) = room.ok_or_else(|| io::Error::other("no room for a nonce"))?;
        getrandom::fill(nonce).map_err(io::Error::other)?;
        let unique = Nonce::assume_unique_for_key(*nonce);
        let tag = self.0.seal_in_place_separate_tag(unique, Aad::from(context), text);
        let tag = tag.map_err(|_| io::Error::other("it is too large to be encrypted"))?;
        bytes.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Decrypts a nonce, what was encrypted and its tag. `None` if any bit of them, the key or
    /// `context` is not what it was.
    pub(super) fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.0.open_in_place(nonce, Aad::from(context), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}
