//! Private keys as text, in the form that Go's `golang.org/x/mod/sumdb/note` gives them:
//! `PRIVATE+KEY+<name>+<hex of id>+<base64 of type and seed>`.

use crate::checkpoint::CosigningKey;
use crate::key::{KEY_BYTES, KeyError, KeyKind, VerifierKey};
use crate::note::SigningKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const START: &str = "PRIVATE+KEY+";

/// The text of the private key of a log with this name that grows from these secret bytes.
pub fn private_key_text(name: &str, seed: &[u8; KEY_BYTES]) -> Result<String, KeyError> {
    Ok(text(SigningKey::from_seed(name, seed)?.verifier(), seed))
}

/// The text of the private key of a witness with this name that grows from these secret bytes.
pub fn cosigning_key_text(name: &str, seed: &[u8; KEY_BYTES]) -> Result<String, KeyError> {
    Ok(text(CosigningKey::from_seed(name, seed)?.verifier(), seed))
}

/// Reads the private key of a log; the id in the text must be that of its name and key.
pub fn parse_private_key(text: &str) -> Result<SigningKey, KeyError> {
    let parts = Parts::read(text, KeyKind::Note)?;
    let key = SigningKey::from_seed(parts.name, &parts.seed)?;
    if parts.belong_to(key.verifier()) { Ok(key) } else { Err(KeyError::Id) }
}

/// Reads the private key of a witness; the id in the text must be that of its name and key.
pub fn parse_cosigning_key(text: &str) -> Result<CosigningKey, KeyError> {
    let parts = Parts::read(text, KeyKind::Cosignature)?;
    let key = CosigningKey::from_seed(parts.name, &parts.seed)?;
    if parts.belong_to(key.verifier()) { Ok(key) } else { Err(KeyError::Id) }
}

fn text(key: &VerifierKey, seed: &[u8; KEY_BYTES]) -> String {
    let id = u32::from_be_bytes(key.id());
    let mut bytes = vec![key.kind().byte()];
    bytes.extend_from_slice(seed);
    format!("{START}{}+{id:08x}+{}", key.name(), STANDARD.encode(bytes))
}

/// What the text of a private key says.
struct Parts<'t> {
    name: &'t str,
    id: &'t str,
    seed: [u8; KEY_BYTES],
}

impl<'t> Parts<'t> {
    fn read(text: &'t str, expected: KeyKind) -> Result<Self, KeyError> {
        let rest = text.strip_prefix(START).ok_or(KeyError::PrivateForm)?;
        let (name, rest) = rest.split_once('+').ok_or(KeyError::PrivateForm)?;
        let (id, key) = rest.split_once('+').ok_or(KeyError::PrivateForm)?;
        let bytes = STANDARD.decode(key).map_err(|_| KeyError::PrivateForm)?;
        let (kind, seed) = bytes.split_first().ok_or(KeyError::PrivateForm)?;
        if *kind != expected.byte() {
            return Err(KeyError::Kind(*kind));
        }
        Ok(Self { name, id, seed: seed.try_into().map_err(|_| KeyError::Key)? })
    }

    fn belong_to(&self, key: &VerifierKey) -> bool {
        format!("{:08x}", u32::from_be_bytes(key.id())) == self.id
    }
}

#[cfg(test)]
mod tests {
    use super::{cosigning_key_text, parse_cosigning_key, parse_private_key, private_key_text};

    #[test]
    fn a_private_key_is_read_back_as_it_was_written() {
        let text = private_key_text("log.example/0", &[7; 32]).unwrap();
        assert!(text.starts_with("PRIVATE+KEY+log.example/0+"), "{text}");
        let key = parse_private_key(&text).unwrap();
        let public = key.verifier().to_string();
        assert_eq!(public.split('+').nth(1), text.split('+').nth(3));
        assert!(parse_private_key(&text.replace("example", "example2")).is_err());
        assert!(parse_private_key(&public).is_err());
        assert!(parse_private_key("").is_err());
    }

    #[test]
    fn the_private_key_of_a_witness_is_none_of_a_log() {
        let text = cosigning_key_text("witness.example", &[7; 32]).unwrap();
        let key = parse_cosigning_key(&text).unwrap();
        assert_eq!(key.verifier().to_string().split('+').nth(1), text.split('+').nth(3));
        assert!(parse_private_key(&text).is_err());
        let log = private_key_text("witness.example", &[7; 32]).unwrap();
        assert!(parse_cosigning_key(&log).is_err());
    }
}
