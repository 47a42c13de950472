//! Where an export has payloads from, and what may have become of one.

use events::{PayloadRef, SessionId};
use ledger::log::Reader;
use ledger::payload::{self, KeyError, Keys, LoadError, Salt, SaltError};
use std::sync::Arc;

/// What there is of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// All of it, checked against its commitment.
    Present(Vec<u8>),
    /// Nothing, or nothing any more.
    Absent,
    /// It is there, but the key that it is encrypted under is not.
    Undecryptable,
}

/// Gives payloads and salts. An error, in words, ends the export.
pub trait Payloads {
    /// The content that an event of a session names.
    fn content(&self, session: SessionId, reference: &PayloadRef) -> Result<Content, String>;

    /// The salt of a session's commitments, unless it was erased.
    fn salt(&self, session: SessionId) -> Result<Option<[u8; 32]>, String>;
}

/// The payloads that a ledger keeps.
#[derive(Clone)]
pub struct StoredPayloads {
    reader: Arc<dyn Reader>,
    keys: Keys,
}

impl StoredPayloads {
    /// Those that this reader reads and these keys open.
    pub const fn new(reader: Arc<dyn Reader>, keys: Keys) -> Self {
        Self { reader, keys }
    }
}

impl Payloads for StoredPayloads {
    fn content(&self, session: SessionId, reference: &PayloadRef) -> Result<Content, String> {
        match payload::load(&*self.reader, &self.keys, session, reference) {
            Ok(content) => Ok(content.map_or(Content::Absent, Content::Present)),
            Err(LoadError::KeyMissing { .. }) => Ok(Content::Undecryptable),
            Err(error) => Err(error.to_string()),
        }
    }

    fn salt(&self, session: SessionId) -> Result<Option<[u8; 32]>, String> {
        match payload::load_salt(&*self.reader, &self.keys, session) {
            Ok(salt) => Ok(salt.as_ref().map(Salt::to_bytes)),
            Err(SaltError::Key(KeyError::Missing(_))) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}
