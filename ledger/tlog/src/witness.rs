//! The protocol between a log and its witnesses: what is asked and answered, and what a witness
//! must decide (tlog-witness, "add-checkpoint").

use crate::check::verify_consistency;
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::decimal;
use crate::hash::{Hash, empty_root};
use crate::key::VerifierKey;
use crate::note::{
    NOTE_BYTES_MAX, Note, NoteError, NoteSignature, SignatureError, parse_signatures,
};
use std::fmt;

/// How many hashes a request may have.
pub const CONSISTENCY_HASHES_MAX: usize = 63;

/// How many bytes a request may have.
pub const REQUEST_BYTES_MAX: usize = NOTE_BYTES_MAX + 4096;

/// The media type of an answer that says which size the witness knows.
pub const SIZE_MEDIA_TYPE: &str = "text/x.tlog.size";

/// A request to cosign a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    old: u64,
    proof: Vec<Hash>,
    note: Note,
    checkpoint: Checkpoint,
}

/// Why a request or an answer cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// The text is too large.
    #[error("the request has {bytes} bytes, {REQUEST_BYTES_MAX} at most")]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// A line is not what it must be.
    #[error("line {line} is not {expected}")]
    Line {
        /// The number of the line, from 1.
        line: usize,
        /// What it must be.
        expected: &'static str,
    },
    /// The checkpoint's note, or the answered signatures, have not the form of such.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The checkpoint is not one.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl AddCheckpoint {
    /// The request to cosign the checkpoint in `note`, with the proof that it goes on from the
    /// tree of `old` leaves. The proof is empty if `old` is 0 or the checkpoint's size.
    pub fn new(old: u64, proof: Vec<Hash>, note: Note) -> Result<Self, WitnessError> {
        if proof.len() > CONSISTENCY_HASHES_MAX {
            let expected = "one of at most 63 hashes";
            return Err(WitnessError::Line { line: CONSISTENCY_HASHES_MAX + 2, expected });
        }
        let checkpoint = note.text().parse()?;
        Ok(Self { old, proof, note, checkpoint })
    }

    /// Reads a request. What cannot be read is answered with 400.
    pub fn parse(bytes: &[u8]) -> Result<Self, WitnessError> {
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(WitnessError::TooLong { bytes: bytes.len() });
        }
        let wrong = |line, expected| WitnessError::Line { line, expected };
        let text = std::str::from_utf8(bytes).map_err(|_| NoteError::Characters)?;
        let no_end = wrong(1, "followed by an empty line and a checkpoint");
        let (head, note) = text.split_once("\n\n").ok_or(no_end)?;
        let mut lines = (1..).zip(head.split('\n'));
        let old = lines.next().and_then(|(_, line)| line.strip_prefix("old "));
        let old = old.and_then(decimal::parse).ok_or(wrong(1, "`old <decimal>`"))?;
        let proof = lines.map(|(line, hash)| {
            let hash = hash.parse().ok().filter(|_| line <= CONSISTENCY_HASHES_MAX + 1);
            hash.ok_or(wrong(line, "one of at most 63 hashes in base64"))
        });
        let proof = proof.collect::<Result<_, _>>()?;
        Self::new(old, proof, Note::parse(note.as_bytes())?)
    }

    /// The size that the proof begins at.
    pub fn old(&self) -> u64 {
        self.old
    }

    /// The proof of consistency.
    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }

    /// The checkpoint with its signatures.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// What the checkpoint says; nobody vouches for it before [`decide`] does.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

/// The body of the request.
impl fmt::Display for AddCheckpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(formatter, "{hash}"))?;
        write!(formatter, "\n{}", self.note)
    }
}

/// The tree of a log as a witness last cosigned it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHead {
    /// How many leaves it has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// What a witness answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Store this tree head, durably and only if the stored one is still what was given to
    /// [`decide`]; then cosign.
    Cosign(TreeHead),
    /// The old size is larger than the checkpoint's.
    BadRequest,
    /// No signature is by a key of the log, or one in its name is wrong.
    Forbidden,
    /// The origin is not one of a known log.
    NotFound,
    /// The old size is not the stored one, or the roots differ: says the stored size.
    Conflict(u64),
    /// The proof does not prove.
    Unprocessable,
}

impl Decision {
    /// The status code of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::Cosign(_) => 200,
            Self::BadRequest => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict(_) => 409,
            Self::Unprocessable => 422,
        }
    }
}

/// What a witness that knows logs by these keys answers, when the tree that it last cosigned for
/// the checkpoint's origin is `stored`, if any.
///
/// Between looking up `stored` and storing the new one nothing else may be stored for the origin.
pub fn decide(request: &AddCheckpoint, logs: &[VerifierKey], stored: Option<TreeHead>) -> Decision {
    let checkpoint = &request.checkpoint;
    let mut keys = logs.iter().filter(|key| key.name() == checkpoint.origin).peekable();
    if keys.peek().is_none() {
        return Decision::NotFound;
    }
    if !is_signed(&request.note, keys) {
        return Decision::Forbidden;
    }
    let new = TreeHead { size: checkpoint.size, root: checkpoint.root };
    let stored = stored.unwrap_or_else(|| TreeHead { size: 0, root: empty_root() });
    if request.old > new.size {
        return Decision::BadRequest;
    }
    if request.old != stored.size || (new.size == stored.size && new.root != stored.root) {
        return Decision::Conflict(stored.size);
    }
    let proof = &request.proof;
    match verify_consistency(stored.size, &stored.root, new.size, &new.root, proof) {
        Ok(()) => Decision::Cosign(new),
        Err(_) => Decision::Unprocessable,
    }
}

/// Whether one of the keys signed, and none is abused.
fn is_signed<'a>(note: &Note, keys: impl Iterator<Item = &'a VerifierKey>) -> bool {
    let mut signed = false;
    for key in keys {
        match note.verify(key) {
            Ok(()) => signed = true,
            Err(SignatureError::Missing { .. }) => {}
            Err(_) => return false,
        }
    }
    signed
}

/// Reads the body of an answer 200: one or more lines of signatures. Whether they are cosignatures
/// of a known witness shows when they are added to the checkpoint's note and that is verified.
pub fn parse_cosignatures(body: &[u8]) -> Result<Vec<NoteSignature>, WitnessError> {
    let text = std::str::from_utf8(body).map_err(|_| NoteError::Characters)?;
    let signatures = parse_signatures(text)?;
    if signatures.is_empty() { Err(NoteError::Unsigned.into()) } else { Ok(signatures) }
}

/// Reads the body of an answer 409 of [`SIZE_MEDIA_TYPE`]: the size that the witness stored.
pub fn parse_size(body: &[u8]) -> Result<u64, WitnessError> {
    let text = std::str::from_utf8(body).ok().and_then(|text| text.strip_suffix('\n'));
    let wrong = WitnessError::Line { line: 1, expected: "a size in decimal" };
    text.and_then(decimal::parse).ok_or(wrong)
}
