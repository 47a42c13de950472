//! Names and keys: who signs, and how a key is written down (signed-note, "Verifier keys").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// How many bytes a public key, or the seed of a private one, has.
pub const KEY_BYTES: usize = 32;

/// How many bytes an Ed25519 signature has.
pub const SIGNATURE_BYTES: usize = 64;

/// How many bytes a name may have.
pub const NAME_BYTES_MAX: usize = 255;

/// The first four bytes of a digest of name, kind and key. Tells keys apart; proves nothing.
pub type KeyId = [u8; 4];

/// What a key signs, which is part of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// Notes, checkpoints among them: Ed25519 over the text (type 0x01).
    Note,
    /// Cosignatures of checkpoints, with the time: Ed25519 `cosignature/v1` (type 0x04).
    Cosignature,
}

/// What is wrong with a key or with a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name cannot be that of a key.
    #[error("a name is 1 to {NAME_BYTES_MAX} bytes without spaces, `+` and control characters")]
    Name,
    /// The text is not `PRIVATE+KEY+<name>+<id>+<key>`.
    #[error("expected a private key: `PRIVATE+KEY+<name>+<8 hexadecimal digits>+<base64>`")]
    PrivateForm,
    /// The text is not `<name>+<id>+<key>`.
    #[error("expected a verifier key: `<name>+<8 hexadecimal digits>+<base64>`")]
    Form,
    /// The key is of a kind that is not known here.
    #[error(
        "a key of type {0:#04x}, which is not for this: logs have 0x01 and witnesses 0x04, both Ed25519"
    )]
    Kind(u8),
    /// The id in the text is not that of its name and key.
    #[error("the key id does not belong to this name and key: copy the verifier key again")]
    Id,
    /// The bytes cannot be a key.
    #[error("the bytes are not an Ed25519 key")]
    Key,
}

impl KeyKind {
    /// The signature type identifier byte.
    pub fn byte(self) -> u8 {
        match self {
            Self::Note => 1,
            Self::Cosignature => 4,
        }
    }
}

/// Succeeds if a text can name a key, and thus a log.
pub fn check_name(name: &str) -> Result<(), KeyError> {
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
    let plain = |next: char| !next.is_whitespace() && !next.is_control() && next != '+';
    if fits && name.chars().all(plain) { Ok(()) } else { Err(KeyError::Name) }
}

/// A public key with its name. As text it is a `vkey`: `<name>+<hex of id>+<base64 of key>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    id: KeyId,
    public: [u8; KEY_BYTES],
}

impl VerifierKey {
    /// The key of this name, kind and public key.
    pub fn new(name: &str, kind: KeyKind, public: [u8; KEY_BYTES]) -> Result<Self, KeyError> {
        check_name(name)?;
        let digest: [u8; 32] = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', kind.byte()])
            .chain_update(public)
            .finalize()
            .into();
        let [a, b, c, d, ..] = digest;
        Ok(Self { name: name.to_owned(), kind, id: [a, b, c, d], public })
    }

    /// Whose key it is; of a log, its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Its id, as in the signatures that it makes.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The public key alone.
    pub fn public(&self) -> &[u8; KEY_BYTES] {
        &self.public
    }

    /// Whether `signature` is this key's over exactly `message`.
    pub(crate) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public).verify(message, signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.kind.byte()];
        key.extend_from_slice(&self.public);
        let id = u32::from_be_bytes(self.id);
        write!(formatter, "{}+{id:08x}+{}", self.name, STANDARD.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, rest) = text.split_once('+').ok_or(KeyError::Form)?;
        let (id, key) = rest.split_once('+').ok_or(KeyError::Form)?;
        let hexadecimal = id.bytes().all(|next| matches!(next, b'0'..=b'9' | b'a'..=b'f'));
        // Long enough for every key of a kind that is known, so that others are told by kind.
        if id.len() != 8 || !hexadecimal || key.len() > 4096 {
            return Err(KeyError::Form);
        }
        let id = u32::from_str_radix(id, 16).map_err(|_| KeyError::Form)?.to_be_bytes();
        let key = STANDARD.decode(key).map_err(|_| KeyError::Form)?;
        let (kind, public) = key.split_first().ok_or(KeyError::Form)?;
        let kind = match kind {
            1 => KeyKind::Note,
            4 => KeyKind::Cosignature,
            other => return Err(KeyError::Kind(*other)),
        };
        let public = public.try_into().map_err(|_| KeyError::Key)?;
        let key = Self::new(name, kind, public)?;
        if key.id == id { Ok(key) } else { Err(KeyError::Id) }
    }
}

/// A private key with its public half. `Debug` shows the latter alone.
pub(crate) struct KeyPair {
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

impl KeyPair {
    pub(crate) fn new(name: &str, kind: KeyKind, seed: &[u8; KEY_BYTES]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Key)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Key)?;
        Ok(Self { verifier: VerifierKey::new(name, kind, public)?, pair })
    }

    pub(crate) fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyPair({})", self.verifier)
    }
}
