//! Passwords: which are accepted, and how they are kept and compared.

use crate::encode::{matches, random};
use crate::person::Email;
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::io;

/// The fewest characters of a password, where it is the only factor.
const CHARACTERS_MIN: usize = 12;

/// The most bytes: enough for any passphrase, and nothing to keep a processor busy with.
const BYTES_MAX: usize = 256;

/// The fewest different characters.
const DIFFERENT_MIN: usize = 5;

/// KiB of memory, passes and lanes, as OWASP advises for argon2id.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// What guesses begin with, among passwords that are long enough.
const COMMON: &[&str] = &[
    "123456789012",
    "1234567890123",
    "12345678901234",
    "123456789abc",
    "abcdefghijkl",
    "administrator",
    "administrator1",
    "changemenow123",
    "correct horse battery staple",
    "correcthorsebatterystaple",
    "countersign123",
    "countersign1234",
    "iloveyou1234",
    "letmein12345",
    "password1234",
    "password12345",
    "password123456",
    "passwordpassword",
    "q1w2e3r4t5y6",
    "qwerty123456",
    "qwertyuiop12",
    "qwertyuiop123",
    "welcome12345",
    "welcome123456",
];

/// Why a password is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    /// Too short.
    #[error("the password is too short: take at least 12 characters, for example four words")]
    Short,
    /// Too long.
    #[error("the password is too long: take at most 256 bytes")]
    Long,
    /// Among those that are tried first.
    #[error("the password is among those that are guessed first: take one that nobody else has")]
    Guessable,
    /// The person's own address.
    #[error("the password is your e-mail address: take one that is not known to others")]
    Address,
}

/// Whether a new password is good enough: its length, and not among the first guesses. There are
/// no rules on what it is made of (NIST SP 800-63B).
pub(crate) fn accept(password: &str, email: &Email) -> Result<(), PasswordRefused> {
    let lower = password.to_lowercase();
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    if password.len() > BYTES_MAX {
        Err(PasswordRefused::Long)
    } else if password.chars().count() < CHARACTERS_MIN {
        Err(PasswordRefused::Short)
    } else if lower.trim() == email.as_str() {
        Err(PasswordRefused::Address)
    } else if different.len() < DIFFERENT_MIN || COMMON.contains(&lower.trim()) {
        Err(PasswordRefused::Guessable)
    } else {
        Ok(())
    }
}

/// The text that is kept, in the PHC form that other programs read. It takes some 30 ms and 19 MiB.
pub(crate) fn hash(password: &str) -> io::Result<String> {
    let salt = random::<16>()?;
    let (memory, passes, lanes) = COST;
    let hash = derive(password, &salt, COST).ok_or_else(|| io::Error::other("argon2 failed"))?;
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    Ok(format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}"))
}

/// Whether the password is the one that was kept. Without one it costs the same, and says no.
pub(crate) fn verify(password: &str, kept: Option<&str>) -> bool {
    if password.len() > BYTES_MAX {
        return false;
    }
    let parsed = kept.and_then(parse);
    let (cost, salt, hash) = parsed.clone().unwrap_or((COST, vec![0; 16], vec![0; 32]));
    let derived = derive(password, &salt, cost);
    let is_equal = derived.is_some_and(|derived| matches(&derived, &hash));
    is_equal && parsed.is_some()
}

type Parsed = ((u32, u32, u32), Vec<u8>, Vec<u8>);

fn parse(kept: &str) -> Option<Parsed> {
    let rest = kept.strip_prefix("$argon2id$v=19$")?;
    let [cost, salt, hash] = rest.split('$').collect::<Vec<_>>().try_into().ok()?;
    let [memory, passes, lanes]: [&str; 3] = cost.split(',').collect::<Vec<_>>().try_into().ok()?;
    let cost = (
        memory.strip_prefix("m=")?.parse().ok()?,
        passes.strip_prefix("t=")?.parse().ok()?,
        lanes.strip_prefix("p=")?.parse().ok()?,
    );
    let hash = STANDARD_NO_PAD.decode(hash).ok().filter(|hash| hash.len() == 32)?;
    Some((cost, STANDARD_NO_PAD.decode(salt).ok()?, hash))
}

fn derive(password: &str, salt: &[u8], cost: (u32, u32, u32)) -> Option<[u8; 32]> {
    let parameters = Params::new(cost.0, cost.1, cost.2, Some(32)).ok()?;
    let mut hash = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into(password.as_bytes(), salt, &mut hash)
        .ok()?;
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by argon2-cffi 25.1.0, which is the reference implementation in C.
    const BY_OTHERS: &str = "$argon2id$v=19$m=19456,t=2,p=1$nJdtbna0IB79BYKrr5Bk7A$DSrO7aGqZNka1w30tKn0ME2Txy9EibuDAgtUvfvOn00";

    #[test]
    fn a_hash_made_by_the_reference_implementation_is_understood() {
        assert!(verify("correct horse battery", Some(BY_OTHERS)));
        assert!(!verify("correct horse batterz", Some(BY_OTHERS)));
    }

    #[test]
    fn only_the_password_itself_is_right_and_nothing_is_without_one() {
        let kept = hash("four words are long").unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify("four words are long", Some(&kept)));
        assert!(!verify("four words are longer", Some(&kept)));
        assert!(!verify("four words are long", None));
        assert!(!verify("four words are long", Some("$argon2id$v=19$m=1,t=1$$")));
    }

    #[test]
    fn passwords_are_judged_by_length_and_by_what_is_guessed_first() {
        let ada = "adalovelace@example.com".parse().unwrap();
        for (password, judgement) in [
            ("four words long", Ok(())),
            ("\u{e4}\u{f6}\u{fc}\u{e9}\u{e8}\u{ea}\u{df}\u{f1}\u{f8}\u{e5}\u{e6}\u{e7}", Ok(())),
            ("short", Err(PasswordRefused::Short)),
            ("aaaaaaaaaaaaaaaa", Err(PasswordRefused::Guessable)),
            ("Password1234", Err(PasswordRefused::Guessable)),
            ("AdaLovelace@example.com", Err(PasswordRefused::Address)),
            (&"long enough ".repeat(22), Err(PasswordRefused::Long)),
        ] {
            assert_eq!(accept(password, &ada), judgement, "{password}");
        }
    }
}
