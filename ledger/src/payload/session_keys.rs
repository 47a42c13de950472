//! What a session's payloads are committed to and encrypted with, and their outer form.

use super::Salt;
use super::cipher::{Cipher, NONCE_BYTES, Secret, TAG_BYTES};
use super::codec::{self, Effort, Margin};
use crate::log::{Address, Scope};
use bytes::Bytes;
use std::io;

const SALT_DOMAIN: &[u8] = b"countersign/salt/v2\0";
const KEY_DOMAIN: &[u8] = b"countersign/payload-key/v2\0";
const PAYLOAD_DOMAIN: &[u8] = b"countersign/payload/v2\0";

/// The codec of what is encrypted, whose first byte inside names the codec of the rest.
const ENCRYPTED: u8 = 2;

/// Room for the codec and the nonce, and for the tag.
const MARGIN: Margin = Margin { front: 1 + NONCE_BYTES, back: TAG_BYTES };

/// The salt of a session, and its cipher unless it is older than encryption.
pub(super) struct SessionKeys {
    salt: Salt,
    scope: Scope,
    cipher: Option<Cipher>,
}

impl SessionKeys {
    /// A session whose payloads are encrypted.
    pub(super) fn of_secret(scope: Scope, secret: &[u8; 32]) -> io::Result<Self> {
        let secret = Secret::new(secret);
        let salt = Salt::new(secret.derive(&[SALT_DOMAIN, &scope.0])?);
        let cipher = secret.cipher(&[KEY_DOMAIN, &scope.0])?;
        Ok(Self { salt, scope, cipher: Some(cipher) })
    }

    /// A session whose payloads are not.
    pub(super) const fn of_salt(scope: Scope, salt: Salt) -> Self {
        Self { salt, scope, cipher: None }
    }

    /// What its commitments are made with.
    pub(super) const fn salt(&self) -> Salt {
        self.salt
    }

    /// The outer form of a payload.
    pub(super) fn seal(&self, address: Address, form: &[u8], effort: Effort) -> io::Result<Bytes> {
        let Some(cipher) = &self.cipher else {
            return Ok(codec::encode(form, effort, Margin::NONE).into());
        };
        let mut bytes = codec::encode(form, effort, MARGIN);
        if let Some(codec) = bytes.first_mut() {
            *codec = ENCRYPTED;
        }
        cipher.seal(&self.context(address), 1, &mut bytes)?;
        Ok(bytes.into())
    }

    /// The inner form of a payload; an error says what is wrong with the bytes. Where payloads are
    /// encrypted, one that is not was put there by someone else.
    pub(super) fn open(&self, address: Address, sealed: &[u8]) -> io::Result<Vec<u8>> {
        let Some(cipher) = &self.cipher else { return codec::decode(sealed) };
        let Some((&ENCRYPTED, rest)) = sealed.split_first() else {
            return Err(io::Error::other("it is not encrypted, as its session is"));
        };
        let opened = cipher.open(&self.context(address), rest);
        codec::decode(&opened.ok_or_else(|| io::Error::other("it cannot be decrypted"))?)
    }

    fn context(&self, address: Address) -> Vec<u8> {
        [PAYLOAD_DOMAIN, &self.scope.0, &address.0].concat()
    }
}
