//! Figures from samples: percentiles of one slot, medians over rounds.

use serde::Serialize;

/// What one slot of load showed, or the median of several.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Figures {
    /// Calls per second.
    pub per_second: f64,
    /// Half of the calls took no longer, in microseconds.
    pub p50_us: f64,
    /// All but one in a hundred took no longer, in microseconds.
    pub p99_us: f64,
}

impl Figures {
    /// Of one slot: how long each call took, in microseconds, and how long the slot was, in
    /// seconds.
    pub fn of(mut samples: Vec<u32>, seconds: f64) -> Self {
        samples.sort_unstable();
        Self {
            per_second: float(samples.len()) / seconds,
            p50_us: percentile(&samples, 50),
            p99_us: percentile(&samples, 99),
        }
    }

    /// Each figure's median over the rounds.
    pub fn median(rounds: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(rounds.iter().map(figure).collect());
        Self {
            per_second: of(|round| round.per_second),
            p50_us: of(|round| round.p50_us),
            p99_us: of(|round| round.p99_us),
        }
    }
}

/// The value that so many percent of the samples, which are sorted, do not exceed; 0 of none.
pub fn percentile(sorted: &[u32], percent: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().map_or(0.0, f64::from)
}

/// The middle one; of an even number the lower of the two; 0 of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

/// A count as a number to reckon with.
#[expect(clippy::cast_precision_loss, reason = "figures are rounded anyway")]
pub fn float(count: usize) -> f64 {
    count as f64
}

/// A part of a whole; 0 of nothing.
pub fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_medians_are_values_that_were_measured() {
        let figures = Figures::of((1..=100).rev().collect(), 2.0);
        let shown = format!("{} {} {}", figures.per_second, figures.p50_us, figures.p99_us);
        assert_eq!(shown, "50 50 99");
        assert_eq!(format!("{}", median(vec![3.0, 1.0, 2.0, 9.0])), "2");
        assert_eq!(format!("{} {}", median(Vec::new()), percentile(&[], 50)), "0 0");
    }
}
