//! Proofs as files: all that somebody with an entry and a policy needs to see that the entry is in
//! a log (tlog-proof).

use crate::check::{ProofError, verify_inclusion};
use crate::decimal;
use crate::hash::{Hash, leaf_hash};
use crate::note::{NOTE_BYTES_MAX, Note, NoteError};
use crate::policy::{Accepted, Policy, Refusal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// How many hashes a proof of inclusion can have.
pub const INCLUSION_HASHES_MAX: usize = 64;

/// How many bytes the extra data may have.
pub const EXTRA_BYTES_MAX: usize = 1 << 16;

/// How many bytes a whole proof may have.
pub const PROOF_BYTES_MAX: usize = NOTE_BYTES_MAX + 2 * EXTRA_BYTES_MAX;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// What a `.tlog-proof` file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// Anything; nothing proves it.
    pub extra: Option<Vec<u8>>,
    /// The place of the entry.
    pub index: u64,
    /// From the leaf's sibling up to the root's child.
    pub hashes: Vec<Hash>,
    /// The checkpoint of a tree that has the entry.
    pub checkpoint: Note,
}

/// Why a proof cannot be read, or does not prove.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// The proof is too large.
    #[error("the proof has {bytes} bytes, {PROOF_BYTES_MAX} at most")]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// A line is not what it must be.
    #[error("line {line} of the proof is not {expected}")]
    Line {
        /// The number of the line, from 1.
        line: usize,
        /// What it must be.
        expected: &'static str,
    },
    /// The checkpoint has not the form of one.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The policy does not accept the checkpoint.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The entry is not in the tree.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl TlogProof {
    /// Reads a proof, strictly: what is accepted is written again as it was.
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        if bytes.len() > PROOF_BYTES_MAX {
            return Err(TlogProofError::TooLong { bytes: bytes.len() });
        }
        let wrong = |line, expected| TlogProofError::Line { line, expected };
        let text = std::str::from_utf8(bytes).map_err(|_| NoteError::Characters)?;
        let no_end = wrong(1, "followed by an empty line and a checkpoint");
        let (head, checkpoint) = text.split_once("\n\n").ok_or(no_end)?;
        let mut lines = (1..).zip(head.split('\n')).peekable();
        lines.next_if(|(_, line)| *line == FIRST_LINE).ok_or(wrong(1, FIRST_LINE))?;
        let extra = lines.next_if(|(_, line)| line.starts_with("extra "));
        let extra = extra.map(|(line, text)| {
            parse_extra(text).ok_or(wrong(line, "`extra <base64>` of at most 64 KiB"))
        });
        let (line, index) = lines.next().ok_or(wrong(2, "`index <decimal>`"))?;
        let index = index.strip_prefix("index ").and_then(decimal::parse);
        let index = index.ok_or(wrong(line, "`index <decimal>`"))?;
        let hashes = lines.map(|(line, hash)| {
            let hash = hash.parse().ok().filter(|_| line <= INCLUSION_HASHES_MAX + 3);
            hash.ok_or(wrong(line, "one of at most 64 hashes in base64"))
        });
        let hashes: Vec<Hash> = hashes.collect::<Result<_, _>>()?;
        Ok(Self {
            extra: extra.transpose()?,
            index,
            hashes,
            checkpoint: Note::parse(checkpoint.as_bytes())?,
        })
    }

    /// Succeeds if the policy accepts the checkpoint, and the entry is where the proof says.
    pub fn verify(&self, entry: &[u8], policy: &Policy) -> Result<Accepted, TlogProofError> {
        let accepted = policy.check(&self.checkpoint)?;
        let (size, root) = (accepted.checkpoint.size, accepted.checkpoint.root);
        verify_inclusion(&leaf_hash(entry), self.index, size, &self.hashes, &root)?;
        Ok(accepted)
    }
}

fn parse_extra(line: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(line.strip_prefix("extra ")?).ok()?;
    (bytes.len() <= EXTRA_BYTES_MAX).then_some(bytes)
}

/// The bytes of the file.
impl fmt::Display for TlogProof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{FIRST_LINE}")?;
        if let Some(extra) = &self.extra {
            writeln!(formatter, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(formatter, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(formatter, "{hash}"))?;
        write!(formatter, "\n{}", self.checkpoint)
    }
}
