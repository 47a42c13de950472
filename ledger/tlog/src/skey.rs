//! Private keys as text, in the form that Go's `golang.org/x/mod/sumdb/note` gives them:
//! `PRIVATE+KEY+<name>+<hex of id>+<base64 of type and seed>`.

use crate::key::{KEY_BYTES, KeyError, KeyKind, VerifierKey};
use crate::note::SigningKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const START: &str = "PRIVATE+KEY+";

/// The text of the private key of a log with this name that grows from these secret bytes.
pub fn private_key_text(name: &str, seed: &[u8; KEY_BYTES]) -> Result<String, KeyError> {
    let key = SigningKey::from_seed(name, seed)?;
    let id = u32::from_be_bytes(key.verifier().id());
    let mut bytes = vec![KeyKind::Note.byte()];
    bytes.extend_from_slice(seed);
    Ok(format!("{START}{name}+{id:08x}+{}", STANDARD.encode(bytes)))
}

/// Reads the private key of a log; the id in the text must be that of its name and key.
pub fn parse_private_key(text: &str) -> Result<SigningKey, KeyError> {
    let rest = text.strip_prefix(START).ok_or(KeyError::PrivateForm)?;
    let (name, rest) = rest.split_once('+').ok_or(KeyError::PrivateForm)?;
    let (id, key) = rest.split_once('+').ok_or(KeyError::PrivateForm)?;
    let bytes = STANDARD.decode(key).map_err(|_| KeyError::PrivateForm)?;
    let (kind, seed) = bytes.split_first().ok_or(KeyError::PrivateForm)?;
    if *kind != KeyKind::Note.byte() {
        return Err(KeyError::Kind(*kind));
    }
    let key = SigningKey::from_seed(name, seed.try_into().map_err(|_| KeyError::Key)?)?;
    let verifier: &VerifierKey = key.verifier();
    let found = format!("{:08x}", u32::from_be_bytes(verifier.id()));
    if found == id { Ok(key) } else { Err(KeyError::Id) }
}

#[cfg(test)]
mod tests {
    use super::{parse_private_key, private_key_text};

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
}
