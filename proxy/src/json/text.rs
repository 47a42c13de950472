//! The characters that a JSON string stands for, and the shortest spelling of them.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::scan;

/// The text of a checked string value, given with its quotes; `None` when it is no string.
/// Borrows unless there are escapes to resolve.
pub fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(inner.into());
    }
    let mut text = String::with_capacity(inner.len());
    resolve(inner, &mut text);
    Some(text.into())
}

/// Appends the text of a checked string, given without its quotes, with the escapes resolved.
pub(super) fn resolve(inner: &str, out: &mut String) {
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        let (plain, escaped) = rest.split_at_checked(at).unwrap_or_default();
        out.push_str(plain);
        let (char, length) = escape(escaped.as_bytes()).unwrap_or(('\\', 1));
        out.push(char);
        rest = escaped.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
}

/// Reads the escape at the start of the bytes: its character, and how many bytes it takes.
fn escape(bytes: &[u8]) -> Option<(char, usize)> {
    let char = match bytes.get(1)? {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return code_point(bytes),
        other @ (b'"' | b'\\' | b'/') => char::from(*other),
        _ => return None,
    };
    Some((char, 2))
}

fn code_point(bytes: &[u8]) -> Option<(char, usize)> {
    let unit = scan::code_unit(bytes, 0)?;
    match char::from_u32(unit.into()) {
        Some(char) => Some((char, scan::UNIT)),
        None => Some((scan::pair(unit, scan::code_unit(bytes, scan::UNIT)?)?, 2 * scan::UNIT)),
    }
}

/// Writes a string with its quotes and with no escape that is not needed: the form of RFC 8785
/// §3.2.2.2.
pub(super) fn quote(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    loop {
        let (plain, special) =
            rest.split_at_checked(scan::plain(rest.as_bytes(), 0)).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut chars = special.chars();
        let Some(char) = chars.next() else { break };
        escape_one(char, out);
        rest = chars.as_str();
    }
    out.push('"');
}

/// Writes a quote, a backslash or a control character.
fn escape_one(char: char, out: &mut String) {
    let short = match char {
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{c}' => 'f',
        '\r' => 'r',
        '"' | '\\' => char,
        _ => {
            let code = u32::from(char);
            out.push_str("\\u00");
            out.extend(
                [code >> 4, code & 0xF].into_iter().filter_map(|digit| char::from_digit(digit, 16)),
            );
            return;
        }
    };
    out.extend(['\\', short]);
}

/// Orders two texts by their UTF-16 code units: the order of RFC 8785 §3.2.3.
pub(super) fn order(left: &str, right: &str) -> Ordering {
    // UTF-8 sorts by code points. UTF-16 writes supplementary characters (UTF-8: F0 and more) with
    // surrogates (D800 to DFFF), before the end of the basic plane (E000 to FFFF, UTF-8: EE and
    // EF). So the bytes EE and EF, which stand nowhere else, count as greater than all others.
    let rank = |byte| match byte {
        0xEE | 0xEF => byte + 0x10,
        _ => byte,
    };
    let differ = left.bytes().zip(right.bytes()).find(|(left, right)| left != right);
    differ.map_or(left.len().cmp(&right.len()), |(left, right)| rank(left).cmp(&rank(right)))
}
