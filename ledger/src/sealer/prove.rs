//! Proofs for people without the ledger: that one record is in the log of the published checkpoint.

use super::{LogFiles, SealError, Signed};
use tlog::{ReadError, TlogProof, VerifierKey, inclusion_proof};

/// The proof of the record at `index` by the published checkpoint of the log with this key, from
/// the files alone; `None` if that checkpoint does not cover it yet, or if there is none.
pub fn prove(
    files: &LogFiles,
    key: &VerifierKey,
    index: u64,
) -> Result<Option<TlogProof>, SealError> {
    let failed = |source| SealError::file(files, super::CHECKPOINT, source);
    let Some(note) = files.read(super::CHECKPOINT).map_err(failed)? else { return Ok(None) };
    let Signed { note, checkpoint } = Signed::read(key, &note)?;
    if checkpoint.size <= index {
        return Ok(None);
    }
    let hashes = inclusion_proof(files, index, checkpoint.size);
    let hashes = hashes.map_err(|error: ReadError<_>| SealError::limit(error))?;
    Ok(Some(TlogProof { extra: None, index, hashes, checkpoint: note }))
}
