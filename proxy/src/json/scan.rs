//! The tokens of RFC 8259, each as a function from where it starts to where it ends; not the
//! grammar that joins them.
//!
//! Strings are what bodies are made of, so they are skipped eight bytes at a time: the classic
//! tests for a zero byte and for a byte below a bound, applied to a whole word. In such a mask the
//! lowest set bit is always right, and only that one is used.

use super::fault::{Fault, FaultKind};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;
const WORD: usize = 8;

/// The bytes of a word at which a plain stretch of a string ends, as high bits of a mask.
#[inline]
const fn ends(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let zero = (quote.wrapping_sub(ONES) & !quote) | (backslash.wrapping_sub(ONES) & !backslash);
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (zero | control) & HIGHS
}

/// Where the stretch that starts at `at` meets a quote, a backslash, a control character or the
/// end of the bytes.
#[inline]
pub(super) fn plain(bytes: &[u8], mut at: usize) -> usize {
    let mut rest = bytes.get(at..).unwrap_or_default();
    while let Some((block, tail)) = rest.split_first_chunk::<WORD>() {
        let mask = ends(u64::from_le_bytes(*block));
        if mask != 0 {
            return at + mask.trailing_zeros() as usize / WORD;
        }
        at += WORD;
        rest = tail;
    }
    let stop = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    at + rest.iter().position(stop).unwrap_or(rest.len())
}

/// Skips the whitespace of RFC 8259 §2.
#[inline]
pub(super) fn space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// A string found by [`string`].
#[derive(Clone, Copy)]
pub(super) struct Quoted {
    /// Just after the closing quote.
    pub(super) end: usize,
    /// Whether there is an escape in it.
    pub(super) escaped: bool,
}

/// Scans the string whose opening quote stands at `at`.
#[inline]
pub(super) fn string(bytes: &[u8], at: usize) -> Result<Quoted, Fault> {
    let mut at = at + 1;
    let mut escaped = false;
    loop {
        at = plain(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok(Quoted { end: at + 1, escaped }),
            Some(b'\\') => {
                at = escape(bytes, at)?;
                escaped = true;
            }
            Some(_) => return Err(FaultKind::ControlCharacter.at(at)),
            None => return Err(FaultKind::EndsEarly { wanted: "`\"`" }.at(at)),
        }
    }
}

/// Scans the escape, or the pair of escapes, whose backslash stands at `at`.
#[inline]
fn escape(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => code_point(bytes, at),
        _ => Err(FaultKind::UnknownEscape.at(at)),
    }
}

/// Scans the `\uXXXX`, or the two of a surrogate pair, that stands at `at`.
fn code_point(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    let unit = code_unit(bytes, at).ok_or_else(|| FaultKind::UnknownEscape.at(at))?;
    if !is_surrogate(unit) {
        return Ok(at + UNIT);
    }
    match code_unit(bytes, at + UNIT) {
        Some(second) if pair(unit, second).is_some() => Ok(at + 2 * UNIT),
        _ => Err(FaultKind::LoneSurrogate.at(at)),
    }
}

/// The bytes of one `\uXXXX`.
pub(super) const UNIT: usize = 6;

/// Reads the `\uXXXX` that stands at `at`.
pub(super) fn code_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let (unit, _) = bytes.get(at..)?.split_first_chunk::<UNIT>()?;
    let [b'\\', b'u', digits @ ..] = unit else { return None };
    digits.iter().try_fold(0_u16, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(value << 4 | u16::try_from(digit).ok()?)
    })
}

/// Whether a code unit is half of a pair.
pub(super) fn is_surrogate(unit: u16) -> bool {
    matches!(unit, 0xD800..=0xDFFF)
}

/// The character that two surrogates stand for, when the first is a high and the second a low one.
pub(super) fn pair(high: u16, low: u16) -> Option<char> {
    char::decode_utf16([high, low]).next()?.ok()
}

/// Scans the number that starts at `at`, by the grammar of RFC 8259 §6.
#[inline]
pub(super) fn number(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    let mut at = if bytes.get(at) == Some(&b'-') { at + 1 } else { at };
    at = if bytes.get(at) == Some(&b'0') { at + 1 } else { digits(bytes, at)? };
    if bytes.get(at) == Some(&b'.') {
        at = digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        let signed = matches!(bytes.get(at + 1), Some(b'+' | b'-'));
        at = digits(bytes, at + 1 + usize::from(signed))?;
    }
    Ok(at)
}

/// Scans one digit or more.
#[inline]
fn digits(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len()) {
        0 => Err(unexpected(bytes, at, "a digit")),
        count => Ok(at + count),
    }
}

/// Scans a word such as `true`.
#[inline]
pub(super) fn literal(bytes: &[u8], at: usize, word: &str) -> Result<usize, Fault> {
    match bytes.get(at..at + word.len()) {
        Some(found) if found == word.as_bytes() => Ok(at + word.len()),
        _ => Err(unexpected(bytes, at, "a value")),
    }
}

/// The fault of finding something else than `wanted` at `at`.
#[cold]
pub(super) fn unexpected(bytes: &[u8], at: usize, wanted: &'static str) -> Fault {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next()) {
        Some(found) => FaultKind::Unexpected { wanted, found }.at(at),
        None => FaultKind::EndsEarly { wanted }.at(at),
    }
}

/// Where the value that starts at `at` ends; for checked text, `None` at most in other text.
#[inline]
pub(super) fn value(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => string(bytes, at).ok().map(|quoted| quoted.end),
        b'{' | b'[' => container(bytes, at),
        _ => {
            let rest = bytes.get(at..)?;
            let stop =
                |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t');
            Some(at + rest.iter().position(stop).unwrap_or(rest.len()))
        }
    }
}

/// Where the array or object that starts at `at` ends: brackets are counted, strings skipped.
fn container(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = string(bytes, at).ok()?.end;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}
