//! Host names in the form that computers look up: Punycode (RFC 3492) of single labels.

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const BIAS: u32 = 72;
const FIRST: u32 = 128;

/// The label as `xn--…`; itself if it is ASCII; `None` if it is too long for the arithmetic.
pub(super) fn to_ascii(label: &str) -> Option<String> {
    if label.is_ascii() {
        return Some(label.to_owned());
    }
    let lower: Vec<u32> = label.to_lowercase().chars().map(u32::from).collect();
    let mut out: String =
        lower.iter().filter_map(|next| char::from_u32(*next).filter(char::is_ascii)).collect();
    let basic = u32::try_from(out.len()).ok()?;
    if basic > 0 {
        out.push('-');
    }
    let (mut next, mut delta, mut bias, mut done) = (FIRST, 0_u32, BIAS, basic);
    let total = u32::try_from(lower.len()).ok()?;
    while done < total {
        let smallest = *lower.iter().filter(|point| **point >= next).min()?;
        delta = delta.checked_add((smallest - next).checked_mul(done + 1)?)?;
        next = smallest;
        for point in &lower {
            if *point < next {
                delta = delta.checked_add(1)?;
            }
            if *point == next {
                push_number(&mut out, delta, bias)?;
                bias = adapted(delta, done + 1, done == basic);
                delta = 0;
                done += 1;
            }
        }
        delta = delta.checked_add(1)?;
        next += 1;
    }
    Some(format!("xn--{out}"))
}

/// A label `xn--…` as people write it; `None` for every other label and for a broken one.
pub(super) fn to_unicode(label: &str) -> Option<String> {
    let lower = label.to_ascii_lowercase();
    let coded = lower.strip_prefix("xn--")?;
    let (basic, rest) = coded.rsplit_once('-').unwrap_or(("", coded));
    let mut out: Vec<char> = basic.chars().collect();
    let (mut next, mut at, mut bias) = (FIRST, 0_u32, BIAS);
    let mut digits = rest.bytes().peekable();
    while digits.peek().is_some() {
        let before = at;
        let (mut weight, mut step) = (1_u32, BASE);
        loop {
            let digit = value(digits.next()?)?;
            at = at.checked_add(digit.checked_mul(weight)?)?;
            let threshold = threshold(step, bias);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
            step += BASE;
        }
        let count = u32::try_from(out.len()).ok()? + 1;
        bias = adapted(at - before, count, before == 0);
        next = next.checked_add(at / count)?;
        at %= count;
        out.insert(usize::try_from(at).ok()?, char::from_u32(next)?);
        at += 1;
    }
    (!out.is_empty()).then(|| out.into_iter().collect())
}

fn push_number(out: &mut String, number: u32, bias: u32) -> Option<()> {
    let (mut left, mut step) = (number, BASE);
    loop {
        let threshold = threshold(step, bias);
        if left < threshold {
            out.push(digit(left)?);
            return Some(());
        }
        let span = BASE - threshold;
        out.push(digit(threshold + (left - threshold) % span)?);
        left = (left - threshold) / span;
        step += BASE;
    }
}

fn threshold(step: u32, bias: u32) -> u32 {
    step.saturating_sub(bias).clamp(T_MIN, T_MAX)
}

fn adapted(delta: u32, count: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / DAMP } else { delta / 2 };
    delta += delta / count;
    let mut steps = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        steps += BASE;
    }
    steps + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

fn digit(value: u32) -> Option<char> {
    let code = if value < 26 { u32::from('a') + value } else { u32::from('0') + value - 26 };
    char::from_u32(code)
}

fn value(digit: u8) -> Option<u32> {
    match digit {
        b'a'..=b'z' => Some(u32::from(digit - b'a')),
        b'0'..=b'9' => Some(u32::from(digit - b'0') + 26),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{to_ascii, to_unicode};
    use proptest::prelude::*;

    #[test]
    fn labels_are_written_as_resolvers_ask_for_them() {
        // The first two are of the registries' own examples, the third of RFC 3492 (7.1 L).
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
        assert_eq!(to_unicode("plain"), None);
        assert_eq!(to_unicode("xn--99999999"), None);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(label in "[a-z0-9а-яぁ-ゖ\u{10400}-\u{1044f}]{1,20}") {
            let lower = label.to_lowercase();
            prop_assume!(!lower.is_ascii());
            let ascii = to_ascii(&lower).unwrap();
            prop_assert_eq!(to_unicode(&ascii), Some(lower));
        }

        #[test]
        fn broken_labels_end_quietly(label in "xn--[a-z0-9-]{0,40}") {
            let read = to_unicode(&label).map_or(1, |read| read.chars().count());
            prop_assert!((1..=label.len()).contains(&read));
        }
    }
}
