//! Text that others control, made harmless for mails and chats; pure.

use std::fmt::Write as _;

/// The most characters of a name that are shown.
const NAME_CHARACTERS_MAX: usize = 80;

/// The most characters of a sentence that are shown.
const SENTENCE_CHARACTERS_MAX: usize = 400;

/// A name as an agent or a tool server gave it, in printable ASCII that says what it was.
///
/// Every other character is written `\u{202e}`, and so are those that would let a name look like
/// something else: brackets, quotation marks, and what formats text in chats. A dot or a colon
/// that a mail program could take for a part of an address is put in brackets, so that no name
/// becomes a link. Two names that differ within the shown length look different.
pub(super) fn name(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(NAME_CHARACTERS_MAX));
    let mut characters = text.chars();
    for character in characters.by_ref().take(NAME_CHARACTERS_MAX) {
        match character {
            '.' | ':' => {
                shown.push('[');
                shown.push(character);
                shown.push(']');
            }
            'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '-' | '/' | '_' | '+' | ',' => {
                shown.push(character);
            }
            _ => escape(&mut shown, character),
        }
    }
    if characters.next().is_some() {
        shown.push_str("...");
    }
    shown
}

/// A sentence of an operator or of a person: any language, but on one line and without characters
/// that are not seen or that turn the direction of others.
pub(super) fn sentence(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(SENTENCE_CHARACTERS_MAX));
    let mut characters = text.chars();
    for character in characters.by_ref().take(SENTENCE_CHARACTERS_MAX) {
        if is_unseen(character) {
            escape(&mut shown, character);
        } else if character.is_whitespace() {
            shown.push(' ');
        } else {
            shown.push(character);
        }
    }
    if characters.next().is_some() {
        shown.push_str("...");
    }
    shown
}

fn escape(shown: &mut String, character: char) {
    // Writing to a string cannot fail.
    let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
}

/// Whether a character shows nothing, or changes how others are shown.
fn is_unseen(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\r' | '\t'))
        || matches!(
            u32::from(character),
            0xad | 0x034f
                | 0x061c
                | 0x115f..=0x1160
                | 0x17b4..=0x17b5
                | 0x180b..=0x180f
                | 0x200b..=0x200f
                | 0x2028..=0x202e
                | 0x2060..=0x206f
                | 0x3164
                | 0xfe00..=0xfe0f
                | 0xfeff
                | 0xffa0
                | 0xfff0..=0xfffb
                | 0x1d173..=0x1d17a
                | 0xe000..=0xf8ff
                | 0xe0000..=0xe0fff
                | 0xf0000..=0x10_ffff
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_cannot_end_its_line_turn_its_direction_or_look_like_a_mark_of_ours() {
        assert_eq!(name("delete_customer"), "delete_customer");
        assert_eq!(name("a\r\nBcc: x@y"), r"a\u{d}\u{a}Bcc[:] x\u{40}y");
        assert_eq!(name("[APPROVED] x"), r"\u{5b}APPROVED\u{5d} x");
        assert_eq!(name("\u{202e}evil"), r"\u{202e}evil");
        assert_eq!(name("pаy"), r"p\u{430}y");
    }

    #[test]
    fn a_name_cannot_become_a_link() {
        assert_eq!(name("https://evil.example/x"), "https[:]//evil[.]example/x");
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(name(&"x".repeat(81)), format!("{}...", "x".repeat(80)));
        assert_eq!(sentence(&"é".repeat(401)), format!("{}...", "é".repeat(400)));
    }

    #[test]
    fn a_sentence_keeps_its_language_and_its_line() {
        assert_eq!(sentence("Löschen\nist endgültig."), "Löschen ist endgültig.");
        assert_eq!(sentence("a\u{200b}b\u{202e}c"), r"a\u{200b}b\u{202e}c");
    }

    proptest! {
        #[test]
        fn names_that_differ_look_different(a in ".{0,80}", b in ".{0,80}") {
            prop_assume!(a != b);
            prop_assert_ne!(name(&a), name(&b));
        }

        #[test]
        fn a_name_is_printable_ascii(text in any::<String>()) {
            prop_assert!(name(&text).bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }
}
