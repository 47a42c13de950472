//! Whether bytes are a JSON object in the canonical form of RFC 8785, in one pass that keeps
//! nothing: the same value has no other bytes, so what was signed can be read in one way alone.

use std::borrow::Cow;
use std::cmp::Ordering;

/// How deep values may be nested.
const DEPTH_MAX: u32 = 128;

/// Up to here every integer is a double.
const EXACT_DIGITS_MAX: usize = 15;

/// Where the canonical form ends, and what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotCanonical {
    /// The byte, from 0.
    pub(crate) at: usize,
    /// What is wrong with it.
    pub(crate) what: &'static str,
}

/// Reads an object; calls `member` with name and value of each of its own members, as they stand.
pub(crate) fn check<'a>(
    bytes: &'a [u8],
    member: &mut dyn FnMut(&'a [u8], &'a [u8]),
) -> Result<(), NotCanonical> {
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(NotCanonical { at: error.valid_up_to(), what: "it is not UTF-8" });
    }
    let mut scan = Scan { bytes, at: 0 };
    if scan.peek() != Some(b'{') {
        return scan.fail("it is not an object");
    }
    scan.object(0, member)?;
    if scan.at < bytes.len() { scan.fail("something follows the object") } else { Ok(()) }
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The content of a string, as it stands between its quotation marks.
#[derive(Clone, Copy)]
struct Text<'a> {
    raw: &'a [u8],
    /// Whether it is ASCII without escapes, so that bytes sort as UTF-16 does.
    simple: bool,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn fail<T>(&self, what: &'static str) -> Result<T, NotCanonical> {
        Err(NotCanonical { at: self.at, what })
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), NotCanonical> {
        if self.peek() != Some(byte) {
            return self.fail(what);
        }
        self.at += 1;
        Ok(())
    }

    /// What stands from `start` up to here.
    fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    fn value(&mut self, depth: u32) -> Result<(), NotCanonical> {
        if depth > DEPTH_MAX {
            return self.fail("it is nested too deep");
        }
        match self.peek() {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'{') => self.object(depth, &mut |_, _| {}),
            Some(b'[') => self.array(depth),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b' ' | b'\t' | b'\r' | b'\n') => self.fail("white space between values"),
            _ => self.fail("a value is missing"),
        }
    }

    fn literal(&mut self, text: &[u8]) -> Result<(), NotCanonical> {
        if !self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(text)) {
            return self.fail("a value is missing");
        }
        self.at += text.len();
        Ok(())
    }

    fn array(&mut self, depth: u32) -> Result<(), NotCanonical> {
        self.at += 1;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            if self.peek() != Some(b',') {
                return self.expect(b']', "`,` or `]` is missing");
            }
            self.at += 1;
        }
    }

    fn object(
        &mut self,
        depth: u32,
        member: &mut dyn FnMut(&'a [u8], &'a [u8]),
    ) -> Result<(), NotCanonical> {
        self.at += 1;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        let mut last: Option<Text<'a>> = None;
        loop {
            let start = self.at;
            if self.peek() != Some(b'"') {
                return self.fail("a member's name is missing");
            }
            let name = self.string()?;
            if last.is_some_and(|last| order(last, name) != Ordering::Less) {
                self.at = start;
                return self.fail("a member is out of order, or there twice");
            }
            last = Some(name);
            self.expect(b':', "`:` is missing")?;
            let start = self.at;
            self.value(depth + 1)?;
            member(name.raw, self.since(start));
            if self.peek() != Some(b',') {
                return self.expect(b'}', "`,` or `}` is missing");
            }
            self.at += 1;
        }
    }

    fn string(&mut self) -> Result<Text<'a>, NotCanonical> {
        self.at += 1;
        let start = self.at;
        let mut simple = true;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    simple = false;
                    self.escape()?;
                }
                Some(0..=0x1f) => return self.fail("a control character is not escaped"),
                Some(next) => {
                    simple &= next < 0x80;
                    self.at += 1;
                }
                None => return self.fail("a string has no end"),
            }
        }
        let raw = self.since(start);
        self.at += 1;
        Ok(Text { raw, simple })
    }

    /// The escapes that there are: two characters where JSON has such, else four small digits.
    fn escape(&mut self) -> Result<(), NotCanonical> {
        const WHAT: &str = "an escape is not canonical";
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        let bytes = match rest {
            [b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'u', b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f', ..]
            | [b'u', b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f', ..] => 6,
            _ => return self.fail(WHAT),
        };
        self.at += bytes;
        Ok(())
    }

    fn number(&mut self) -> Result<(), NotCanonical> {
        let start = self.at;
        let mut whole = true;
        while let Some(next) = self.peek() {
            match next {
                b'0'..=b'9' | b'-' => {}
                b'+' | b'.' | b'e' | b'E' => whole = false,
                _ => break,
            }
            self.at += 1;
        }
        let text = self.since(start);
        if !(whole && is_small_integer(text) || is_as_printed(text)) {
            self.at = start;
            return self.fail("a number is not canonical");
        }
        Ok(())
    }
}

/// Whether a text is an integer with so few digits that it is canonical if it has no zero in front.
fn is_small_integer(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let plain = digits.iter().all(u8::is_ascii_digit);
    match digits {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', ..] => plain && digits.len() <= EXACT_DIGITS_MAX,
        _ => false,
    }
}

/// Whether a text is how ECMAScript prints the double that it is.
fn is_as_printed(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let number: Option<f64> = text.parse().ok();
    number.filter(|number| number.is_finite()).is_some_and(|number| printed(number) == text)
}

/// The shortest digits that are this double, set as ECMAScript's `Number::toString` says.
fn printed(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{:e}", number.abs());
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits = to_even(number.abs(), digits.replace('.', ""));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    // Where the point stands, counted from the first digit.
    let point = exponent + 1;
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    let split = |at: i32| digits.split_at_checked(usize::try_from(at).unwrap_or(0));
    let text = if (count..=21).contains(&point) {
        format!("{digits}{}", zeros(point - count))
    } else if (1..=21).contains(&point) {
        split(point).map_or_else(String::new, |(whole, part)| format!("{whole}.{part}"))
    } else if (-5..=0).contains(&point) {
        format!("0.{}{digits}", zeros(-point))
    } else {
        let (first, rest) = split(1).unwrap_or((&digits, ""));
        let dot = if rest.is_empty() { "" } else { "." };
        format!("{first}{dot}{rest}e{exponent:+}")
    };
    if number < 0.0 { format!("-{text}") } else { text }
}

/// Digits of a double that lies exactly in the middle of two shortest ones: Rust takes the upper,
/// ECMAScript the even one.
fn to_even(number: f64, digits: String) -> String {
    let Some((rest, last @ ('1' | '3' | '5' | '7' | '9'))) =
        digits.char_indices().next_back().and_then(|(at, last)| Some((digits.get(..at)?, last)))
    else {
        return digits;
    };
    let lower = char::from_digit(last.to_digit(10).unwrap_or(1) - 1, 10).unwrap_or('0');
    let lower = format!("{rest}{lower}");
    // No double has more digits than this.
    let exact = format!("{number:.800e}").replace('.', "");
    let exact = exact.split('e').next().unwrap_or_default().trim_end_matches('0');
    if exact.strip_prefix(&lower) == Some("5") { lower } else { digits }
}

/// How two members' names are sorted: by their UTF-16 code units.
fn order(a: Text<'_>, b: Text<'_>) -> Ordering {
    if a.simple && b.simple {
        return a.raw.cmp(b.raw);
    }
    let (a, b) = (unescaped(a), unescaped(b));
    a.encode_utf16().cmp(b.encode_utf16())
}

fn unescaped(text: Text<'_>) -> Cow<'_, str> {
    let raw = String::from_utf8_lossy(text.raw);
    if !raw.contains('\\') {
        return raw;
    }
    serde_json::from_str::<String>(&format!("\"{raw}\"")).map_or(raw, Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::{check, printed};
    use proptest::prelude::*;

    fn is_canonical(text: &str) -> bool {
        check(text.as_bytes(), &mut |_, _| {}).is_ok()
    }

    #[test]
    fn what_is_not_canonical_is_named_with_its_byte() {
        for (text, at) in [
            ("{\"a\": 1}", 5),
            ("{\"a\":01}", 5),
            ("{\"a\":1.0}", 5),
            ("{\"a\":-0}", 5),
            ("{\"b\":1,\"a\":2}", 7),
            ("{\"a\":1,\"a\":2}", 7),
            ("{\"a\":\"\\u0041\"}", 6),
            ("{\"a\":\"\\u001F\"}", 6),
            ("{\"a\":\"\\/\"}", 6),
            ("{\"a\":1}\n", 7),
            ("{\"a\":1", 6),
            ("[1]", 0),
            ("", 0),
        ] {
            let found = check(text.as_bytes(), &mut |_, _| {}).unwrap_err();
            assert_eq!(found.at, at, "{text}: {}", found.what);
        }
    }

    #[test]
    fn names_are_sorted_as_utf_16_is() {
        assert!(is_canonical("{\"\u{10000}\":1,\"\u{ffff}\":2}"));
        assert!(!is_canonical("{\"\u{ffff}\":1,\"\u{10000}\":2}"));
        assert!(is_canonical("{\"\\n\":1,\"a\":2}"));
    }

    #[test]
    fn a_value_that_is_nested_without_end_is_refused() {
        assert!(!is_canonical(&format!("{{\"a\":{}", "[".repeat(100_000))));
    }

    fn value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_another_makes_canonical_is_canonical(value in value()) {
            let text = serde_json_canonicalizer::to_string(&serde_json::json!({ "a": value }));
            let text = text.unwrap();
            prop_assert!(is_canonical(&text), "{}", text);
        }

        #[test]
        fn what_passes_is_what_another_makes_canonical(text in "\\{\"[a-c\\\\u0-9\"]{0,6}\":[-0-9.eE\"a\\\\n]{1,8}\\}") {
            if is_canonical(&text) {
                let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(serde_json_canonicalizer::to_string(&value).unwrap(), text);
            }
        }

        #[test]
        fn a_double_between_two_shortest_ones_is_printed_as_the_even_one(
            whole in (1_u64 << 49)..(1 << 50),
        ) {
            // Quarters are exact here, and one decimal place is enough to tell them from others.
            let number: f64 = format!("{whole}.25").parse().unwrap();
            let other = serde_json_canonicalizer::to_string(&number).unwrap();
            prop_assert_eq!(printed(number), other);
        }

        #[test]
        fn doubles_are_printed_as_ecmascript_does(number in any::<f64>()) {
            if number.is_finite() {
                let other = serde_json_canonicalizer::to_string(&number).unwrap();
                prop_assert_eq!(printed(number), other);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = check(&bytes, &mut |_, _| {});
        }
    }
}
