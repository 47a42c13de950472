//! Durations, sizes and amounts of money as people write them.

use std::time::Duration;

/// Units of durations, in milliseconds, longest first.
const DURATIONS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
/// Units of sizes, in bytes, largest first.
const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Millionths in a whole: money is counted in these.
pub(super) const MILLIONTHS: u64 = 1_000_000;
/// How many decimals those are.
const DECIMALS: usize = 6;

/// Reads `500ms`, `10s`, `5m`, `1h` or `90d`; a space before the unit is allowed.
pub fn duration(text: &str) -> Option<Duration> {
    // Days are read and not shown: `24h` is clearer as the end of a range of timeouts.
    let days = || read(text, &[("d", 86_400_000)]);
    read(text, &DURATIONS).or_else(days).map(Duration::from_millis)
}

/// Reads `512 B`, `64 KiB`, `64 MiB` or `1 GiB`; the space may be left out.
pub(super) fn bytes(text: &str) -> Option<u64> {
    read(text, &SIZES)
}

/// Reads `2`, `2.50` or `0.0375` exactly, as millionths. More decimals than that are refused, not
/// rounded.
pub(super) fn money(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > DECIMALS {
        return None;
    }
    let millionths: u64 = format!("{decimals:0<DECIMALS$}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(MILLIONTHS)?.checked_add(millionths)
}

/// The shortest text that [`money`] reads back, of those with two decimals or more.
pub(super) fn show_money(micros: u64) -> String {
    let (whole, decimals) = (micros / MILLIONTHS, micros % MILLIONTHS);
    let decimals = format!("{decimals:0DECIMALS$}");
    format!("{whole}.{:0<2}", decimals.trim_end_matches('0'))
}

/// The shortest text that [`duration`] reads back; parts of a millisecond are left out.
pub(super) fn show_duration(duration: Duration) -> String {
    let (number, unit) = show(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), &DURATIONS);
    format!("{number}{unit}")
}

/// The shortest text that [`bytes`] reads back.
pub(super) fn show_bytes(bytes: u64) -> String {
    let (number, unit) = show(bytes, &SIZES);
    format!("{number} {unit}")
}

fn read(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn show<'u>(amount: u64, units: &[(&'u str, u64)]) -> (u64, &'u str) {
    let whole = |factor: u64| amount != 0 && amount.is_multiple_of(factor);
    let unit = units.iter().find(|(_, factor)| whole(*factor)).or(units.last());
    unit.map_or((amount, ""), |&(name, factor)| (amount / factor, name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn quantities_read_back_what_they_print(n in 0..u64::MAX / 2) {
            prop_assert_eq!(bytes(&show_bytes(n)), Some(n));
            let time = Duration::from_millis(n);
            prop_assert_eq!(duration(&show_duration(time)), Some(time));
            prop_assert_eq!(money(&show_money(n)), Some(n));
        }
    }

    #[test]
    fn money_is_read_to_the_millionth_or_not_at_all() {
        for (text, micros, shown) in [
            ("2.50", 2_500_000, "2.50"),
            ("10", 10_000_000, "10.00"),
            ("0.0375", 37_500, "0.0375"),
            ("00.000001", 1, "0.000001"),
            ("0", 0, "0.00"),
        ] {
            assert_eq!((money(text), show_money(micros).as_str()), (Some(micros), shown));
        }
        for text in ["", ".", "1.", ".5", "1.0000001", "-1", "+1", "1,5", "1.2.3", "1e3", " 1"] {
            assert_eq!(money(text), None, "{text}");
        }
        assert_eq!(money("18446744073710"), None, "it does not fit");
    }

    #[test]
    fn a_quantity_needs_a_number_and_a_known_unit() {
        assert_eq!(duration("18446744073709551615h"), None);
        for text in ["", "10", "s", "10 MB", "-1s", "1.5s", "10  s", "99999999999999999999s"] {
            assert_eq!((duration(text), bytes(text)), (None, None), "{text}");
        }
        assert_eq!(show_bytes(64 << 20), "64 MiB");
        assert_eq!(show_duration(Duration::from_secs(90)), "90s");
    }
}
