//! Checkpoints: what a log says its tree is at one size (tlog-checkpoint), and cosignatures: when
//! somebody else saw that it goes on from all that was seen before (tlog-cosignature).

use crate::decimal;
use crate::hash::Hash;
use crate::key::{KEY_BYTES, KeyError, KeyKind, KeyPair, SIGNATURE_BYTES, VerifierKey, check_name};
use crate::note::{Note, NoteError, NoteSignature, SignatureError, SigningKey};
use std::fmt;
use std::str::FromStr;

/// The latest time that a cosignature can say, in seconds since 1970.
pub const TIME_MAX: u64 = i64::MAX as u64;

/// The text of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many leaves the tree has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// Further lines, which nothing here gives a meaning. Our own checkpoints have none.
    pub extensions: Vec<String>,
}

/// Why a checkpoint cannot be read, signed or trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// A line is not what it must be.
    #[error("line {line} of the checkpoint is not {expected}")]
    Line {
        /// The number of the line, from 1.
        line: usize,
        /// What it must be.
        expected: &'static str,
    },
    /// The checkpoint is one of another log.
    #[error("the checkpoint is of the log `{found}`, not of `{expected}`")]
    OtherLog {
        /// The origin in the checkpoint.
        found: String,
        /// The origin that it should have.
        expected: String,
    },
    /// The time of a cosignature is beyond what it can say.
    #[error("a cosignature cannot say the time {0}")]
    Time(u64),
    /// The note around the text has not the form of one.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The note is not signed by the key.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The origin cannot be a name.
    #[error(transparent)]
    Name(#[from] KeyError),
}

impl Checkpoint {
    /// The checkpoint of a log; its origin must be one that can also name a key.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        check_name(origin)?;
        Ok(Self { origin: origin.to_owned(), size, root, extensions: Vec::new() })
    }

    /// The note of this checkpoint, signed by the log whose name is its origin.
    pub fn sign(&self, key: &SigningKey) -> Result<Note, CheckpointError> {
        self.check_origin(key.verifier())?;
        let mut note = Note::new(self.to_string())?;
        note.add(key.sign(note.text()))?;
        Ok(note)
    }

    /// The checkpoint in a note that the log with this key signed, of this log's name.
    pub fn verify(note: &Note, key: &VerifierKey) -> Result<Self, CheckpointError> {
        note.verify(key)?;
        let checkpoint: Self = note.text().parse()?;
        checkpoint.check_origin(key)?;
        Ok(checkpoint)
    }

    fn check_origin(&self, key: &VerifierKey) -> Result<(), CheckpointError> {
        let (found, expected) = (self.origin.clone(), key.name().to_owned());
        if found == expected { Ok(()) } else { Err(CheckpointError::OtherLog { found, expected }) }
    }
}

/// The three lines, and the extensions if there are any.
impl fmt::Display for Checkpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}\n{}\n{}", self.origin, self.size, self.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(formatter, "{line}"))
    }
}

/// Reads the text of a checkpoint, strictly: what is accepted is written again as it was.
impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let mut number = 0;
        let mut lines = text.split_inclusive('\n').map(|line| {
            number += 1;
            let wrong = CheckpointError::Line { line: number, expected: "one with an end" };
            let line = line.strip_suffix('\n').ok_or(wrong)?;
            let empty = CheckpointError::Line { line: number, expected: "one with text" };
            if line.is_empty() { Err(empty) } else { Ok(line) }
        });
        let wrong = |line, expected| CheckpointError::Line { line, expected };
        let (origin, size, root) =
            ("the log's origin", "the size in decimal", "the root in base64");
        let origin = lines.next().ok_or(wrong(1, origin))??;
        let digits = lines.next().ok_or(wrong(2, size))??;
        let hash = lines.next().ok_or(wrong(3, root))??;
        Ok(Self {
            origin: origin.to_owned(),
            size: decimal::parse(digits).ok_or(wrong(2, size))?,
            root: hash.parse().map_err(|_| wrong(3, root))?,
            extensions: lines.map(|line| line.map(str::to_owned)).collect::<Result<_, _>>()?,
        })
    }
}

/// A private key that cosigns checkpoints; of a witness. `Debug` shows its public half.
#[derive(Debug)]
pub struct CosigningKey(KeyPair);

impl CosigningKey {
    /// The key of this name that grows from these 32 secret bytes.
    pub fn from_seed(name: &str, seed: &[u8; KEY_BYTES]) -> Result<Self, KeyError> {
        KeyPair::new(name, KeyKind::Cosignature, seed).map(Self)
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        self.0.verifier()
    }

    /// The key's cosignature of a checkpoint's text at a time, in seconds since 1970.
    pub fn sign(&self, text: &str, time: u64) -> Result<NoteSignature, CheckpointError> {
        if time > TIME_MAX {
            return Err(CheckpointError::Time(time));
        }
        let mut bytes = time.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.0.sign(&cosigned(text, time)));
        let verifier = self.verifier();
        Ok(NoteSignature { name: verifier.name().to_owned(), key_id: verifier.id(), bytes })
    }
}

/// When the witness with this key cosigned the checkpoint in a note, in seconds since 1970; the
/// latest time, if it did so more than once. Fails if a cosignature in its name is wrong.
pub fn verify_cosignature(note: &Note, key: &VerifierKey) -> Result<u64, SignatureError> {
    if key.kind() != KeyKind::Cosignature {
        return Err(SignatureError::Kind { key: key.to_string(), kind: key.kind() });
    }
    let mut latest = None;
    for signature in note.by(key) {
        let time = cosigned_at(note.text(), key, &signature.bytes);
        let time = time.ok_or_else(|| SignatureError::Wrong { key: key.to_string() })?;
        latest = latest.max(Some(time));
    }
    latest.ok_or_else(|| SignatureError::Missing { key: key.to_string() })
}

/// The time of one cosignature, if it is right.
fn cosigned_at(text: &str, key: &VerifierKey, bytes: &[u8]) -> Option<u64> {
    let (time, signature) = bytes.split_first_chunk()?;
    let time = u64::from_be_bytes(*time);
    let fits = time <= TIME_MAX && signature.len() == SIGNATURE_BYTES;
    (fits && key.signed(&cosigned(text, time), signature)).then_some(time)
}

/// What a cosignature signs.
fn cosigned(text: &str, time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}
