//! Host names in the form that computers look up: Punycode (RFC 3492) of single labels.

use idna::punycode::{decode_to_string, encode_str};

/// What labels in Punycode begin with.
const PREFIX: &str = "xn--";

/// The label as it is looked up; itself if it is ASCII; `None` if it is too long.
pub(super) fn to_ascii(label: &str) -> Option<String> {
    if label.is_ascii() {
        return Some(label.to_owned());
    }
    encode_str(&label.to_lowercase()).map(|coded| format!("{PREFIX}{coded}"))
}

/// A label `xn--…` as people write it; `None` for every other label and for a broken one.
pub(super) fn to_unicode(label: &str) -> Option<String> {
    let lower = label.to_ascii_lowercase();
    decode_to_string(lower.strip_prefix(PREFIX)?).filter(|read| !read.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{to_ascii, to_unicode};

    #[test]
    fn labels_are_written_as_resolvers_ask_for_them() {
        // The third is an example of RFC 3492 (7.1 L).
        let table = [
            ("münchen", "xn--mnchen-3ya"),
            ("аррӏе", "xn--80ak6aa92e"),
            ("3年b組金八先生", "xn--3b-ww4c5e180e575a65lsy2b"),
            ("pаypal", "xn--pypal-4ve"),
        ];
        for (label, ascii) in table {
            assert_eq!(to_ascii(label).as_deref(), Some(ascii));
            assert_eq!(to_unicode(ascii).as_deref(), Some(label));
        }
        assert_eq!(to_ascii("plain").as_deref(), Some("plain"));
        for broken in ["plain", "xn--", "xn--99999999", "xn--\u{fc}"] {
            assert_eq!(to_unicode(broken), None, "{broken}");
        }
    }
}
