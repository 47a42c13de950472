//! How long to wait before something is tried again; pure.

use std::time::Duration;

/// The wait after so many failures: twice as long each time from `first` on, `most` at most, and
/// of that between the half and all, as `chance` has it, so that gateways that failed together do
/// not come back together.
pub(super) fn delay(failures: u32, (first, most): (Duration, Duration), chance: u32) -> Duration {
    let doubled = 2_u32.checked_pow(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let whole = first.saturating_mul(doubled).min(most);
    let share = f64::from(chance) / f64::from(u32::MAX);
    whole.mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIRST: Duration = Duration::from_secs(2);
    const MOST: Duration = Duration::from_mins(10);

    #[test]
    fn each_wait_is_twice_the_one_before_until_the_longest() {
        let waits: Vec<u64> =
            (1..=10).map(|n| delay(n, (FIRST, MOST), u32::MAX).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600]);
    }

    proptest! {
        #[test]
        fn no_wait_is_shorter_than_half_or_longer_than_the_longest(
            failures in any::<u32>(),
            chance in any::<u32>(),
        ) {
            let wait = delay(failures, (FIRST, MOST), chance);
            prop_assert!(FIRST / 2 <= wait && wait <= MOST);
        }
    }
}
