//! A checkpoint of this log with its log's signature.

use super::SealError;
use tlog::{Checkpoint, Hash, Note, SigningKey, VerifierKey};

/// A signed checkpoint: the note, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The note with all its signatures.
    pub note: Note,
    /// Size and root.
    pub checkpoint: Checkpoint,
}

impl Signed {
    /// Signs. The same size and root give the same bytes, always.
    pub(super) fn new(key: &SigningKey, size: u64, root: Hash) -> Result<Self, SealError> {
        let checkpoint = Checkpoint::new(key.verifier().name(), size, root);
        let checkpoint = checkpoint.map_err(SealError::limit)?;
        let note = checkpoint.sign(key).map_err(SealError::limit)?;
        Ok(Self { note, checkpoint })
    }

    /// Reads what the log with this key has signed.
    pub fn read(key: &VerifierKey, note: &[u8]) -> Result<Self, SealError> {
        let foreign = |detail| SealError::Foreign { key: key.to_string(), detail };
        let note = Note::parse(note).map_err(|error| foreign(error.to_string()))?;
        let checkpoint =
            Checkpoint::verify(&note, key).map_err(|error| foreign(error.to_string()))?;
        Ok(Self { note, checkpoint })
    }
}
