//! What the gateway keeps of an agent's key: its SHA-256, from which the key cannot be had back.

use std::fmt;

use sha2::{Digest, Sha256};

/// Shortest key accepted, in bytes. `countersign keygen` makes longer ones.
pub const KEY_BYTES_MIN: usize = 16;

const SCHEME: &str = "sha256:";

/// The SHA-256 of an agent's key.
///
/// A plain, unsalted hash is right here, where it would be wrong for passwords: keys are long
/// random strings made by a machine, so there is no dictionary to try and nothing for a salt or a
/// slow hash to protect, and a presented key can be looked up by its hash. That lookup also leaks
/// nothing through its timing, because nobody can choose a key by the bytes of its hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash([u8; 32]);

/// Why a text is not a key hash. The text itself is not shown: it may be the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `sha256:` and 64 hexadecimal digits")]
pub struct KeyHashError;

impl KeyHash {
    /// The hash of a key.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// Reads `sha256:` and 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, KeyHashError> {
        let digits = text.strip_prefix(SCHEME).ok_or(KeyHashError)?.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return Err(KeyHashError);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            for &digit in pair {
                let value = char::from(digit).to_digit(16).ok_or(KeyHashError)?;
                *byte = (*byte << 4) | u8::try_from(value).map_err(|_| KeyHashError)?;
            }
        }
        Ok(Self(bytes))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_hash_reads_back_what_it_prints() {
        let hash = KeyHash::of("abc");
        let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.to_string(), text);
        assert_eq!(KeyHash::parse(text), Ok(hash));
        assert_eq!(KeyHash::parse(&text.to_uppercase().replace("SHA", "sha")), Ok(hash));
    }

    #[test]
    fn anything_else_is_not_a_key_hash() {
        for text in ["", "sha256:", "ba78", &format!("sha256:{}", "g".repeat(64)), "sha256:é"] {
            assert_eq!(KeyHash::parse(text), Err(KeyHashError), "{text}");
        }
        assert_eq!(KeyHash::parse(&format!("sha256:{}", "+1".repeat(32))), Err(KeyHashError));
    }
}
