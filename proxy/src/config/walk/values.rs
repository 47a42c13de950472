//! Values of a table that have a unit, a range or a few words to choose from.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeValue;

use super::super::diagnostic::{Report, quoted};
use super::super::quantity;
use super::Table;

impl Table<'_, '_> {
    /// A size under a key: bytes as a number, or text with a unit.
    pub(in super::super) fn bytes(
        &self,
        key: &'static str,
        range: RangeInclusive<usize>,
        report: &mut Report<'_>,
    ) -> Option<usize> {
        let node = self.get(key)?;
        let read = match node.value {
            DeValue::String(text) => quantity::bytes(text),
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        let Some(read) = read else {
            let message = format!("expected a size such as `64 MiB`, found {}", node.quoted());
            report.problem(&node.at, message).hint("the units are `B`, `KiB`, `MiB` and `GiB`");
            return None;
        };
        let size = usize::try_from(read).ok().filter(|size| range.contains(size));
        if size.is_none() {
            let show = |size: usize| quantity::show_bytes(size as u64);
            let (least, most) = (show(*range.start()), show(*range.end()));
            let found = quantity::show_bytes(read);
            report.problem(&node.at, format!("expected `{least}` to `{most}`, found `{found}`"));
        }
        size
    }

    /// A count under a key.
    pub(in super::super) fn count(
        &self,
        key: &'static str,
        range: RangeInclusive<usize>,
        report: &mut Report<'_>,
    ) -> Option<usize> {
        let node = self.get(key)?;
        let count = node
            .value
            .as_integer()
            .and_then(|number| usize::from_str_radix(number.as_str(), number.radix()).ok());
        let count = count.filter(|count| range.contains(count));
        if count.is_none() {
            let (least, most, found) = (range.start(), range.end(), node.quoted());
            let message = format!("expected a number from {least} to {most}, found {found}");
            report.problem(&node.at, message);
        }
        count
    }

    /// A duration under a key: text with a unit.
    pub(in super::super) fn duration(
        &self,
        key: &'static str,
        range: RangeInclusive<Duration>,
        report: &mut Report<'_>,
    ) -> Option<Duration> {
        let node = self.get(key)?;
        let Some(duration) = node.value.as_str().and_then(quantity::duration) else {
            let message = format!("expected a duration such as `30s`, found {}", node.quoted());
            report.problem(&node.at, message).hint("the units are `ms`, `s`, `m`, `h` and `d`");
            return None;
        };
        if !range.contains(&duration) {
            let [least, most, found] =
                [*range.start(), *range.end(), duration].map(quantity::show_duration);
            let message = format!("expected `{least}` to `{most}`, found `{found}`");
            report.problem(&node.at, message);
            return None;
        }
        Some(duration)
    }

    /// An amount of money under a key, in millionths. It is text, because TOML's numbers with a
    /// point are not exact.
    pub(in super::super) fn money(
        &self,
        key: &'static str,
        most: u64,
        report: &mut Report<'_>,
    ) -> Option<u64> {
        let node = self.get(key)?;
        let Some(micros) = node.value.as_str().and_then(quantity::money) else {
            // A number that was written without quotes looks right where its text is shown.
            let found = node.as_text().map_or_else(|| node.found(), quoted);
            let message = format!("expected an amount such as `2.50`, found {found}");
            let hint = "write it in quotes, with a point and at most six decimals";
            report.problem(&node.at, message).hint(hint);
            return None;
        };
        if most < micros {
            let [most, found] = [most, micros].map(quantity::show_money);
            report.problem(&node.at, format!("expected at most `{most}`, found `{found}`"));
            return None;
        }
        Some(micros)
    }

    /// `true` or `false` under a key.
    pub(in super::super) fn truth(
        &self,
        key: &'static str,
        report: &mut Report<'_>,
    ) -> Option<bool> {
        let node = self.get(key)?;
        let truth = node.value.as_bool();
        if truth.is_none() {
            let message = format!("expected `true` or `false`, found {}", node.quoted());
            report.problem(&node.at, message).hint("write it without quotes");
        }
        truth
    }

    /// One of a few words under a key.
    pub(in super::super) fn choice<T: Copy>(
        &self,
        key: &'static str,
        choices: &[(&'static str, T)],
        report: &mut Report<'_>,
    ) -> Option<T> {
        self.get(key)?.choice(choices, report)
    }
}
