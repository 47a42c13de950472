//! Text whose meaning a person cannot read: encoded, encrypted, or a program inside a value.

/// What a text holds that cannot be inspected by reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    /// What it looks like.
    pub(super) what: &'static str,
    /// How many bytes of it there are; `None` where what it does is not in the text at all.
    pub(super) bytes: Option<usize>,
}

/// A word that is shorter tells nothing of its encoding.
const ENCODED_BYTES: usize = 64;

/// Hexadecimal text up to the length of a SHA-512 is a digest, which hides nothing.
const HEX_BYTES: usize = 129;

/// Words and figures have less chance per character than that, in bits.
const ENCODED_BITS: f64 = 4.3;

/// Where one program hands text to another that runs it.
const NESTED: &[(&str, &str)] = &[
    ("base64 -d", "a command that decodes another"),
    ("base64 --decode", "a command that decodes another"),
    ("base64 -D", "a command that decodes another"),
    ("xxd -r", "a command that decodes another"),
    ("openssl enc", "a command that decrypts another"),
    ("| sh", "a command that is made while it runs"),
    ("|sh", "a command that is made while it runs"),
    ("| bash", "a command that is made while it runs"),
    ("|bash", "a command that is made while it runs"),
    ("sh -c", "a script inside a command"),
    ("bash -c", "a script inside a command"),
    ("zsh -c", "a script inside a command"),
    ("eval ", "a script inside a command"),
    ("eval(", "a program that runs text"),
    ("exec(", "a program that runs text"),
    ("python -c", "a program inside a command"),
    ("python3 -c", "a program inside a command"),
    ("perl -e", "a program inside a command"),
    ("ruby -e", "a program inside a command"),
    ("node -e", "a program inside a command"),
    ("-EncodedCommand", "an encoded script"),
    ("FromBase64String", "an encoded script"),
    ("String.fromCharCode", "a program that spells text in numbers"),
];

/// Marks of what is encrypted, or of a key.
const SEALED: &[(&str, &str)] = &[
    ("-----BEGIN ", "a PEM block"),
    ("age-encryption.org/", "an encrypted file"),
    ("$ANSIBLE_VAULT", "an encrypted file"),
    ("U2FsdGVkX1", "text that OpenSSL encrypted"),
];

/// What of a text cannot be inspected, each kind once.
pub(super) fn blobs(text: &str) -> Vec<Blob> {
    let mut found: Vec<Blob> = Vec::new();
    let mut add = |what: &'static str, bytes: Option<usize>| match found
        .iter_mut()
        .find(|blob| blob.what == what)
    {
        Some(blob) => blob.bytes = blob.bytes.zip(bytes).map(|(one, other)| one + other),
        None => found.push(Blob { what, bytes }),
    };
    for (mark, what) in SEALED {
        if let Some((_, rest)) = text.split_once(mark) {
            add(what, Some(mark.len() + rest.len()));
        }
    }
    for (mark, what) in NESTED {
        // `medieval times` is no `eval`.
        let is_word = mark.starts_with(char::is_alphanumeric);
        let stands_alone =
            |at| !is_word || !text.get(..at).is_some_and(|it| it.ends_with(char::is_alphanumeric));
        if text.match_indices(mark).any(|(at, _)| stands_alone(at)) {
            add(what, None);
        }
    }
    let is_part = |next: char| next.is_ascii_alphanumeric() || "+/=-_".contains(next);
    for word in text.split(|next: char| !is_part(next)) {
        if word.len() >= HEX_BYTES && word.bytes().all(|next| next.is_ascii_hexdigit()) {
            add("hexadecimal bytes", Some(word.len()));
        } else if word.len() >= ENCODED_BYTES && is_encoded(word) {
            add("text that looks encoded (base64)", Some(word.len()));
        }
    }
    let unreadable = text.chars().filter(|next| is_unreadable(*next)).count();
    if unreadable > 8 && unreadable * 10 > text.chars().count() {
        add("binary content", Some(text.len()));
    }
    found
}

fn is_unreadable(character: char) -> bool {
    character == '\u{fffd}' || character.is_control() && !"\n\r\t".contains(character)
}

/// Whether the characters of a word are as varied as those of base64.
fn is_encoded(word: &str) -> bool {
    let has = |test: fn(&u8) -> bool| word.as_bytes().iter().any(test);
    let is_mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    let repeats_bytes = word.bytes().take(ENCODED_BYTES).fold([0_u32; 128], |mut counts, next| {
        if let Some(count) = counts.get_mut(usize::from(next)) {
            *count += 1;
        }
        counts
    });
    let total: f64 = repeats_bytes.iter().map(|count| f64::from(*count)).sum();
    let bits = repeats_bytes.iter().filter(|count| **count > 0).map(|count| {
        let share = f64::from(*count) / total;
        -share * share.log2()
    });
    is_mixed && has(u8::is_ascii_digit) && bits.sum::<f64>() > ENCODED_BITS
}

#[cfg(test)]
mod tests {
    use super::blobs;

    #[test]
    fn what_cannot_be_read_is_told_from_what_can() {
        let readable = [
            "Please refund the order of Ada Lovelace, thank you very much.",
            "/home/ada/projects/countersign/dashboards/templates/Hold2026/archive/old/page.html",
            "https://example.com/a/long/path/with/Many/Words/and/Numbers/2026/11/26/report?x=1",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "call_01JDKZ5Y8W6T3V9R2Q4N7M1K0B ses_01JDKZ5Y8W6T3V9R2Q4N7M1K0B",
            "These medieval times are past; finish -c.",
            "SELECT name, total FROM orders WHERE id = 17",
        ];
        for text in readable {
            assert_eq!(blobs(text), [], "{text}");
        }
        let base64 = "TWFuIGlzIGRpc3Rpbmd1aXNoZWQsIG5vdCBvbmx5IGJ5IGhpcyByZWFzb24sIGJ1dCBieSB0aGlz";
        let table = [
            (base64.to_owned(), "text that looks encoded (base64)"),
            ("ab12".repeat(40), "hexadecimal bytes"),
            ("echo aGk= | base64 -d | sh".to_owned(), "a command that decodes another"),
            ("a medieval town; eval $X".to_owned(), "a script inside a command"),
            ("-----BEGIN PGP MESSAGE-----\nabc".to_owned(), "a PEM block"),
            ("\u{1}\u{2}\u{3}".repeat(9), "binary content"),
        ];
        for (text, what) in table {
            assert_eq!(blobs(&text).first().map(|blob| blob.what), Some(what), "{text}");
        }
    }
}
