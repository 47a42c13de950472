//! Key-encryption keys (KEKs): what wraps the secrets of sessions. One that is kept in this process
//! is here; a key management service is another one.

use super::cipher::{NONCE_BYTES, Secret, TAG_BYTES, random};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::io;
use std::str::FromStr;

const ID_DOMAIN: &[u8] = b"countersign/kek/v1\0";
const WRAP_DOMAIN: &[u8] = b"countersign/wrap/v1\0";

/// The form of a wrapped secret that [`LocalKek`] makes.
const LOCAL: u8 = 1;

/// Names a KEK and tells nothing about it: the beginning of a digest of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KekId(pub [u8; 8]);

impl fmt::Display for KekId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KekId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KekId({self})")
    }
}

impl FromStr for KekId {
    type Err = NotKey;

    fn from_str(text: &str) -> Result<Self, NotKey> {
        hex(text).map(Self).ok_or(NotKey("expected the id of a key: 16 hexadecimal digits"))
    }
}

/// Why a text is no key or id of one. Never shows the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotKey(&'static str);

/// Why a session's secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The KEK that it is wrapped under is not here.
    #[error(
        "its payloads are encrypted, and the key `{0}` is not here: name the place of that key \
         in `payload_keys` under `[ledger]`, or put its file back into the folder `keys` of the \
         data folder"
    )]
    Missing(KekId),
    /// It was not wrapped under this KEK for this session, or was altered since.
    #[error("its key record is damaged or forged: {0}")]
    Damaged(&'static str),
    /// The KEK, or chance, could not be asked.
    #[error("its payloads cannot be encrypted or decrypted: {0}")]
    Unavailable(#[from] io::Error),
}

/// Wraps secrets: the interface of a key management service.
///
/// Both functions are called once for each session, by a thread that has a call to record: an
/// implementation that asks over a network must answer from memory.
pub trait KeyEncryption: Send + Sync {
    /// Names the key. Two keys never have the same.
    fn id(&self) -> KekId;

    /// Encrypts a secret, bound to `context`. The first byte names the form; the rest is the
    /// implementation's own.
    fn wrap(&self, secret: &[u8; 32], context: &[u8]) -> Result<Vec<u8>, KeyError>;

    /// Gives back the secret, or [`KeyError::Damaged`] if any bit of what was wrapped or of the
    /// context is not what it was.
    fn open(&self, wrapped: &[u8], context: &[u8]) -> Result<[u8; 32], KeyError>;
}

/// A KEK in this process's memory.
#[derive(Clone)]
pub struct LocalKek {
    id: KekId,
    secret: Secret,
}

impl fmt::Debug for LocalKek {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "LocalKek({})", self.id)
    }
}

impl PartialEq for LocalKek {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for LocalKek {}

impl LocalKek {
    /// The KEK of these bytes, which nobody must be able to guess.
    pub fn new(bytes: &[u8; 32]) -> Self {
        let digest = Sha256::new_with_prefix(ID_DOMAIN).chain_update(bytes).finalize();
        let mut id = [0; 8];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self { id: KekId(id), secret: Secret::new(bytes) }
    }

    /// A new one that nobody else has.
    pub fn random() -> io::Result<Self> {
        random().map(|bytes| Self::new(&bytes))
    }

    /// The KEK of 64 hexadecimal digits, as key files have them.
    pub fn parse(text: &str) -> Result<Self, NotKey> {
        let bytes = hex(text.trim_end_matches(['\r', '\n']));
        let bytes = bytes.ok_or(NotKey("expected a key of 64 hexadecimal digits"))?;
        Ok(Self::new(&bytes))
    }
}

impl KeyEncryption for LocalKek {
    fn id(&self) -> KekId {
        self.id
    }

    fn wrap(&self, secret: &[u8; 32], context: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut wrapped = Vec::with_capacity(1 + NONCE_BYTES + secret.len() + TAG_BYTES);
        wrapped.push(LOCAL);
        wrapped.extend_from_slice(&[0; NONCE_BYTES]);
        wrapped.extend_from_slice(secret);
        // A key of its own for each session: no number of sessions wears the KEK out.
        let cipher = self.secret.cipher(&[WRAP_DOMAIN, context])?;
        cipher.seal(context, 1, &mut wrapped)?;
        Ok(wrapped)
    }

    fn open(&self, wrapped: &[u8], context: &[u8]) -> Result<[u8; 32], KeyError> {
        let Some((&LOCAL, sealed)) = wrapped.split_first() else {
            return Err(KeyError::Damaged("its secret is wrapped in an unknown form"));
        };
        let cipher = self.secret.cipher(&[WRAP_DOMAIN, context])?;
        let opened = cipher.open(context, sealed).and_then(|secret| secret.try_into().ok());
        opened.ok_or(KeyError::Damaged("its secret was not wrapped for it under that key"))
    }
}

/// Reads lower or upper case digits, exactly as many as fit.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let digit = |of: u8| char::from(of).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let [high, low] = pair.map(digit);
        *byte = (high? << 4) | low?;
    }
    Some(bytes)
}
