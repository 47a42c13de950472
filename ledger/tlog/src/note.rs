//! Signed notes: a text with the signatures of some keys below it (signed-note).

use crate::key::{KEY_BYTES, KeyError, KeyId, KeyKind, KeyPair, VerifierKey, check_name};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::str::FromStr;

/// How many bytes a note may have.
pub const NOTE_BYTES_MAX: usize = 1 << 20;

/// How many signatures a note may have.
pub const SIGNATURES_MAX: usize = 100;

/// What every line of a signature begins with: an em dash and a space.
const SIGNATURE_START: &str = "\u{2014} ";

/// A text and its signatures, none of which is verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// What one key says below a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: String,
    /// The id of the key.
    pub key_id: KeyId,
    /// The signature, in the form that the key's kind has.
    pub bytes: Vec<u8>,
}

/// What is wrong with the form of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The note is too large.
    #[error("the note has {bytes} bytes, {NOTE_BYTES_MAX} at most")]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// The note has too many signatures.
    #[error("the note has more than {SIGNATURES_MAX} signatures")]
    TooManySignatures,
    /// The note is no text.
    #[error("the note is not UTF-8, or has control characters other than newline")]
    Characters,
    /// The text does not end with a newline.
    #[error("the text of the note does not end with a newline")]
    Unterminated,
    /// There is no empty line, or nothing follows it.
    #[error("the note has no signatures: they follow the last empty line")]
    Unsigned,
    /// A line below the text is not a signature.
    #[error("line {line} of the signatures is not `\u{2014} <name> <base64 of key id and more>`")]
    Signature {
        /// The number of the line, from 1.
        line: usize,
    },
}

/// Why a note is not signed by a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The key did not sign.
    #[error("no signature is by the key `{key}`")]
    Missing {
        /// The verifier key.
        key: String,
    },
    /// A signature with the key's name and id is not by the key, or not over this text.
    #[error("a signature of `{key}` is wrong: it is forged, or the text was changed")]
    Wrong {
        /// The verifier key.
        key: String,
    },
    /// The key is not for signatures of this kind.
    #[error("the key `{key}` is not for this: its type is {:#04x}", kind.byte())]
    Kind {
        /// The verifier key.
        key: String,
        /// Its kind.
        kind: KeyKind,
    },
}

impl Note {
    /// A note with this text, which is not empty and ends with a newline, and no signatures yet.
    pub fn new(text: String) -> Result<Self, NoteError> {
        if text.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong { bytes: text.len() });
        }
        if !is_plain(&text) {
            return Err(NoteError::Characters);
        }
        if !text.ends_with('\n') {
            return Err(NoteError::Unterminated);
        }
        Ok(Self { text, signatures: Vec::new() })
    }

    /// Reads a note, and takes nothing that its `Display` does not give back as it was.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong { bytes: bytes.len() });
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Characters)?;
        // The last empty line ends the text, which may have others.
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Unsigned)?;
        let mut note = Self::new(format!("{text}\n"))?;
        note.signatures = parse_signatures(signatures)?;
        if note.signatures.is_empty() { Err(NoteError::Unsigned) } else { Ok(note) }
    }

    /// What is signed, with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures in their order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature below the others, unless it is there, if the note can still be read then.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        if check_name(&signature.name).is_err() || signature.bytes.is_empty() {
            return Err(NoteError::Signature { line: self.signatures.len() + 1 });
        }
        if self.signatures.contains(&signature) {
            return Ok(());
        }
        if self.signatures.len() >= SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        let bytes = self.to_string().len() + signature.to_string().len();
        if bytes > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong { bytes });
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// Succeeds if the key signed the text, and no signature in its name is wrong.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), SignatureError> {
        if key.kind() != KeyKind::Note {
            return Err(SignatureError::Kind { key: key.to_string(), kind: key.kind() });
        }
        let mut found = false;
        for signature in self.by(key) {
            if !key.signed(self.text.as_bytes(), &signature.bytes) {
                return Err(SignatureError::Wrong { key: key.to_string() });
            }
            found = true;
        }
        if found { Ok(()) } else { Err(SignatureError::Missing { key: key.to_string() }) }
    }

    /// The signatures that say to be by this key.
    pub(crate) fn by(&self, key: &VerifierKey) -> impl Iterator<Item = &NoteSignature> {
        let (name, id) = (key.name(), key.id());
        self.signatures.iter().filter(move |found| found.key_id == id && found.name == name)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| write!(formatter, "{signature}"))
    }
}

/// The line of the signature, with its newline.
impl fmt::Display for NoteSignature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut blob = self.key_id.to_vec();
        blob.extend_from_slice(&self.bytes);
        writeln!(formatter, "{SIGNATURE_START}{} {}", self.name, STANDARD.encode(blob))
    }
}

/// Reads one line without its newline.
impl FromStr for NoteSignature {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<Self, NoteError> {
        let wrong = NoteError::Signature { line: 1 };
        let rest = line.strip_prefix(SIGNATURE_START).ok_or(wrong)?;
        let (name, blob) = rest.split_once(' ').ok_or(wrong)?;
        check_name(name).map_err(|_| wrong)?;
        let blob = STANDARD.decode(blob).map_err(|_| wrong)?;
        let (key_id, bytes) = blob.split_first_chunk().ok_or(wrong)?;
        if bytes.is_empty() {
            return Err(wrong);
        }
        Ok(Self { name: name.to_owned(), key_id: *key_id, bytes: bytes.to_vec() })
    }
}

/// Reads lines of signatures, each with its newline; there may be none.
pub fn parse_signatures(text: &str) -> Result<Vec<NoteSignature>, NoteError> {
    if text.len() > NOTE_BYTES_MAX {
        return Err(NoteError::TooLong { bytes: text.len() });
    }
    let mut signatures = Vec::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let wrong = NoteError::Signature { line: index + 1 };
        if signatures.len() >= SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        let line = line.strip_suffix('\n').ok_or(wrong)?;
        signatures.push(line.parse().map_err(|_| wrong)?);
    }
    Ok(signatures)
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|next| next == b'\n' || next >= b' ')
}

/// A private key that signs notes; of a log, its checkpoints. `Debug` shows its public half.
#[derive(Debug)]
pub struct SigningKey(KeyPair);

impl SigningKey {
    /// The key of this name that grows from these 32 secret bytes.
    pub fn from_seed(name: &str, seed: &[u8; KEY_BYTES]) -> Result<Self, KeyError> {
        KeyPair::new(name, KeyKind::Note, seed).map(Self)
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        self.0.verifier()
    }

    /// The key's signature over a text.
    pub fn sign(&self, text: &str) -> NoteSignature {
        let verifier = self.verifier();
        let bytes = self.0.sign(text.as_bytes());
        NoteSignature { name: verifier.name().to_owned(), key_id: verifier.id(), bytes }
    }
}
