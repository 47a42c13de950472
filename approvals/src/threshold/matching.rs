//! Which person counts for which set, so that as little as possible is missing.

use super::Seat;
use events::Threshold;
use std::mem::replace;

/// How many ways to pick a threshold for each set are tried. Rules that people write have a few.
const PICKS_MAX: usize = 4096;

/// Who counts for what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fill {
    /// For each set the threshold that is nearest to being reached.
    pub(super) picks: Vec<usize>,
    /// How many each of these still lacks.
    pub(super) missing: Vec<u32>,
    /// For each seat the set that it counts for.
    used: Vec<Option<usize>>,
}

impl Fill {
    /// The best for these sets. Nothing satisfies an empty rule, or an empty set.
    pub(super) fn best(sets: &[Vec<Threshold>], people: &[Seat<'_>]) -> Self {
        let mut picks = vec![0; sets.len()];
        let mut best = Self::of(sets, &picks, people);
        for _ in 1..PICKS_MAX {
            if best.is_full() || !advance(&mut picks, sets) {
                break;
            }
            let fill = Self::of(sets, &picks, people);
            if fill.lacks() < best.lacks() {
                best = fill;
            }
        }
        best
    }

    /// The best for one threshold of each set: Kuhn's matching. An augmenting path takes nobody
    /// from a set without giving it another, so that what is filled stays so.
    fn of(sets: &[Vec<Threshold>], picks: &[usize], people: &[Seat<'_>]) -> Self {
        let mut used = vec![None; people.len()];
        let mut missing = Vec::with_capacity(sets.len());
        let picked: Vec<Option<&Threshold>> =
            sets.iter().zip(picks).map(|(set, pick)| set.get(*pick)).collect();
        let may = |set: usize, at: usize| {
            let threshold = picked.get(set).copied().flatten();
            threshold.zip(people.get(at)).is_some_and(|(it, seat)| seat.is_meant(&it.filter))
        };
        for (set, threshold) in picked.iter().enumerate() {
            let wanted = threshold.map_or(u32::MAX, |threshold| threshold.approve.max(1));
            let mut filled = 0;
            while filled < wanted && augment(set, &may, &mut used, &mut vec![false; people.len()]) {
                filled += 1;
            }
            missing.push(wanted - filled);
        }
        Self { picks: picks.to_vec(), missing, used }
    }

    /// Whether nothing is missing.
    pub(super) fn is_full(&self) -> bool {
        !self.missing.is_empty() && self.lacks() == 0
    }

    fn lacks(&self) -> u64 {
        self.missing.iter().map(|missing| u64::from(*missing)).sum()
    }

    /// Whether a seat counts for some set.
    pub(super) fn uses(&self, seat: usize) -> bool {
        self.used.get(seat).is_some_and(Option::is_some)
    }
}

/// Goes on to the next way to pick; false after the last.
fn advance(picks: &mut [usize], sets: &[Vec<Threshold>]) -> bool {
    for (pick, set) in picks.iter_mut().zip(sets) {
        *pick += 1;
        if *pick < set.len() {
            return true;
        }
        *pick = 0;
    }
    false
}

/// Finds one more seat for a set, moving others to other sets where that helps.
fn augment(
    set: usize,
    may: &impl Fn(usize, usize) -> bool,
    used: &mut Vec<Option<usize>>,
    seen: &mut Vec<bool>,
) -> bool {
    for seat in 0..used.len() {
        // A seat that this set has no use for may be asked for by another on the way.
        if !may(set, seat) || seen.get_mut(seat).is_none_or(|seen| replace(seen, true)) {
            continue;
        }
        let other = used.get(seat).copied().flatten();
        if other.is_none_or(|other| augment(other, may, used, seen)) {
            if let Some(place) = used.get_mut(seat) {
                *place = Some(set);
            }
            return true;
        }
    }
    false
}
