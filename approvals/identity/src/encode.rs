//! Bytes as text, forms and queries, chance, and comparison that tells nothing by its time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt::Write as _;
use std::io;

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
pub fn matches(one: &[u8], other: &[u8]) -> bool {
    let differences = one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && std::hint::black_box(differences) == 0
}

/// base64url without padding, as RFC 7515 has it.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of such a text; nothing if any other text says the same.
pub(crate) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// So many bytes from the system's chance.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// 256 bits of chance, as text that fits into a URL.
pub(crate) fn random_text() -> io::Result<String> {
    Ok(base64url(&random::<32>()?))
}

/// A query or a form.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        percent(&mut text, name);
        text.push('=');
        percent(&mut text, value);
    }
    text
}

/// One value of a form.
pub(crate) fn form_value(value: &str) -> String {
    let mut text = String::new();
    percent(&mut text, value);
    text
}

fn percent(text: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

/// The pairs of a query or a form; nothing if a name comes twice, or if it is no UTF-8.
pub(crate) fn from_form(text: &str) -> Option<Vec<(String, String)>> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = from_percent(name)?;
        if pairs.iter().any(|(known, _)| *known == name) {
            return None;
        }
        pairs.push((name, from_percent(value)?));
    }
    Some(pairs)
}

fn from_percent(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_form_says_again_what_was_put_in(name in "[a-z]{1,4}", value in any::<String>()) {
            let text = form(&[(&name, &value), ("~", "")]);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
            let pairs = vec![(name, value), ("~".to_owned(), String::new())];
            prop_assert_eq!(from_form(&text), Some(pairs));
        }

        #[test]
        fn only_equal_bytes_match(one in any::<Vec<u8>>(), other in any::<Vec<u8>>()) {
            prop_assert!(matches(&one, &one.clone()));
            prop_assert_eq!(matches(&one, &other), one == other);
        }
    }

    #[test]
    fn a_name_that_comes_twice_and_broken_escapes_are_no_form() {
        assert_eq!(from_form("code=1&state=2&code=3"), None);
        for broken in ["a=%", "a=%4", "a=%zz", "a=%ff"] {
            assert_eq!(from_form(broken), None, "{broken}");
        }
    }

    #[test]
    fn base64url_has_one_text_for_the_same_bytes() {
        assert_eq!(from_base64url("_-8"), Some(vec![0xff, 0xef]));
        for other in ["_-9", "_-8=", "/+8", "_-8 ", "_-8\n"] {
            assert_eq!(from_base64url(other), None, "{other:?}");
        }
    }
}
