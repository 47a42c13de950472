//! Payloads: how content is committed to, cut so that a conversation is kept once, and encrypted.
//!
//! A payload is committed to by a salted digest, which is also its address. Its sealed form is
//! either the whole content or, where an earlier payload of the same session begins alike, the
//! places to copy from that one and what is new, compressed and encrypted under a key of the
//! session. The format is in `docs/formats/payloads.md`.

mod codec;

mod delta;

mod cipher;

mod kek;

mod session_keys;

mod keys;

mod key_file;

mod flights;

mod load;

mod known;

mod remembered;

mod packer;

#[cfg(test)]
mod tests;

#[cfg(test)]
use delta::DEPTH_MAX as DEPTH;

pub use codec::Effort;
pub(crate) use flights::{Hold, Premise};
pub use kek::{KekId, KeyEncryption, KeyError, LocalKek, NotKey};
pub use key_file::{KeyFileError, new_key_text, read_key_file, read_key_folder};
pub use keys::Keys;
pub use load::{LoadError, Recent, SaltError, load, load_salt};
pub use packer::{PackError, Packed, Packer, Unpacked};

use crate::log::{Address, Scope};
use events::{Digest, SessionId};
use sha2::{Digest as _, Sha256};

/// Where each scope keeps its key record or, from before there was encryption, its salt.
pub const SALT_ADDRESS: Address = Address::FIRST;

const DOMAIN: &[u8] = b"countersign/payload/v1\0";

/// The 32 bytes that make a session's commitments say nothing about their content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 32]);

impl Salt {
    /// A salt of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, for whoever is to check commitments.
    pub const fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    fn begin(&self) -> Sha256 {
        Sha256::new_with_prefix(DOMAIN).chain_update(self.0)
    }

    /// The commitment to `content`.
    pub fn commit(&self, content: &[u8]) -> Digest {
        Digest(self.begin().chain_update(content).finalize().into())
    }
}

/// The scope of a session's payloads.
pub const fn scope(session: SessionId) -> Scope {
    Scope(session.ulid().to_bytes())
}
