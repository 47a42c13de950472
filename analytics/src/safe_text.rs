//! Shows text that others control on one line, so that it can neither hide nor pretend: what cannot
//! be seen is spelled out, and what is left out is counted.

use std::fmt::Write as _;

/// `text` on one line of at most `columns` columns (but at least 24).
///
/// A line break shows as `↵`, any other character that is invisible, moves the cursor or turns the
/// direction of writing as `⟦U+202E⟧`, and so do `↵`, `⟦` themselves: two texts that are shown
/// whole never look alike because of an escape. What does not fit is replaced by
/// `… +N bytes`, where N counts the bytes of `text` that are not shown.
pub fn one_line(text: &str, columns: usize) -> String {
    let columns = columns.max(24);
    let mut shown = String::new();
    let mut used = 0;
    // The longest beginning that leaves room for the note of what is left out.
    let mut kept = (0, 0);
    for (at, character) in text.char_indices() {
        used += push(&mut shown, character);
        if used > columns {
            shown.truncate(kept.0);
            let _ = write!(shown, "… +{} bytes", text.len() - kept.1);
            return shown;
        }
        if used + note_columns(text.len()) <= columns {
            kept = (shown.len(), at + character.len_utf8());
        }
    }
    shown
}

/// How many columns text takes at the most, as terminals show it.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

fn note_columns(bytes: usize) -> usize {
    "… + bytes".chars().count() + bytes.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Appends a character as it is shown and returns how many columns it takes.
fn push(shown: &mut String, character: char) -> usize {
    if character == '\n' {
        shown.push('↵');
        1
    } else if is_plain(character) {
        shown.push(character);
        width(character)
    } else {
        let before = shown.len();
        let _ = write!(shown, "⟦U+{:04X}⟧", u32::from(character));
        // Two brackets of three bytes and one column each.
        shown.len() - before - 4
    }
}

/// Whether a character shows as what it is.
const fn is_plain(character: char) -> bool {
    !matches!(
        character,
        '\0'..='\u{1f}'                   // C0: escape sequences begin here
        | '\u{7f}'..='\u{9f}'             // delete, C1
        | '\u{ad}'                        // soft hyphen
        | '\u{34f}' | '\u{61c}'           // grapheme joiner, Arabic letter mark
        | '\u{115f}' | '\u{1160}'         // Hangul fillers
        | '\u{17b4}' | '\u{17b5}'         // Khmer inherent vowels
        | '\u{180b}'..='\u{180f}'         // Mongolian selectors
        | '\u{200b}'..='\u{200f}'         // zero width, direction marks
        | '\u{2028}'..='\u{202e}'         // line ends, direction embeddings
        | '\u{2060}'..='\u{206f}'         // invisible operators, direction isolates
        | '\u{21b5}' | '\u{27e6}'         // what escapes are written with
        | '\u{2800}'                      // blank Braille pattern
        | '\u{3164}' | '\u{ffa0}'         // Hangul fillers
        | '\u{e000}'..='\u{f8ff}'         // private use
        | '\u{fe00}'..='\u{fe0f}'         // variation selectors
        | '\u{feff}'                      // byte order mark
        | '\u{fff0}'..='\u{fffb}'         // annotations
        | '\u{fffe}'..='\u{ffff}'
        | '\u{1bca0}'..='\u{1bca3}'       // shorthand controls
        | '\u{1d173}'..='\u{1d17a}'       // musical controls
        | '\u{e0000}'..='\u{10ffff}'      // tags, selectors, private use
    )
}

/// How many columns a character takes at the most. Source: Unicode UAX #11, in coarse ranges.
const fn width(character: char) -> usize {
    match character {
        '\u{1100}'..='\u{115f}'
        | '\u{2600}'..='\u{27bf}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe10}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{16fe0}'..='\u{1b2ff}'
        | '\u{1f000}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::{columns, one_line};
    use proptest::prelude::*;

    #[test]
    fn what_cannot_be_seen_is_spelled_out() {
        let table = [
            ("plain text", "plain text"),
            ("two\nlines\r\n", "two↵lines⟦U+000D⟧↵"),
            ("tab\there", "tab⟦U+0009⟧here"),
            ("\u{1b}[2J\u{1b}[31mred", "⟦U+001B⟧[2J⟦U+001B⟧[31mred"),
            ("\u{9b}2J", "⟦U+009B⟧2J"),
            ("pay \u{202e}001\u{202c} now", "pay ⟦U+202E⟧001⟦U+202C⟧ now"),
            ("\u{2066}isolate\u{2069}", "⟦U+2066⟧isolate⟦U+2069⟧"),
            ("a\u{200b}b\u{feff}c\u{ad}d", "a⟦U+200B⟧b⟦U+FEFF⟧c⟦U+00AD⟧d"),
            ("line\u{2028}sep", "line⟦U+2028⟧sep"),
            ("tag\u{e0041}", "tag⟦U+E0041⟧"),
            ("fake ↵ and ⟦U+202E⟧", "fake ⟦U+21B5⟧ and ⟦U+27E6⟧U+202E⟧"),
            ("{\"a\": \"b\\n\"}", "{\"a\": \"b\\n\"}"),
            ("Zürich 東京 🙂", "Zürich 東京 🙂"),
        ];
        for (text, shown) in table {
            assert_eq!(one_line(text, 100), shown);
        }
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let text = "0123456789".repeat(10);
        assert_eq!(one_line(&text, 100), text);
        assert_eq!(one_line(&text, 40), "0123456789012345678901234567… +72 bytes");
        assert_eq!(one_line(&"é".repeat(100), 24), "éééééééééééé… +176 bytes");
    }

    proptest! {
        #[test]
        fn it_fits_on_one_line(text in any::<String>(), width in 24_usize..200) {
            let shown = one_line(&text, width);
            prop_assert!(columns(&shown) <= width, "{shown:?}");
            prop_assert!(!shown.chars().any(char::is_control));
        }

        #[test]
        fn different_texts_look_different(
            a in "[↵⟦\n\u{202e}U+0-9E⟧]{0,8}",
            b in "[↵⟦\n\u{202e}U+0-9E⟧]{0,8}",
        ) {
            prop_assert_eq!(one_line(&a, 400) == one_line(&b, 400), a == b);
        }
    }
}
