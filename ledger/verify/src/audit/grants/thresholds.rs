//! Whether persons satisfy a rule: each set by any one of its thresholds, and nobody counts twice.

use events::{Filter, Threshold};

/// How many choices are tried before a rule counts as one that cannot be checked. A rule of people
/// needs a handful.
const TRIES_MAX: u32 = 100_000;

/// A person whose approval counts, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Approver<'a> {
    /// The e-mail address.
    pub(super) email: &'a str,
    pub(super) groups: &'a [std::sync::Arc<str>],
    pub(super) roles: &'a [std::sync::Arc<str>],
}

impl Approver<'_> {
    fn fits(&self, filter: &Filter) -> bool {
        match filter {
            Filter::Group(name) => self.groups.contains(name),
            Filter::Person(email) => email.eq_ignore_ascii_case(self.email),
            Filter::Role(name) => self.roles.contains(name),
        }
    }
}

/// Whether these persons, all different, satisfy these sets; `None` where it takes too long to
/// tell.
pub(super) fn satisfied(sets: &[Vec<Threshold>], approvers: &[Approver<'_>]) -> Option<bool> {
    let mut search = Search { approvers, tries: 0 };
    search.satisfies(sets, &vec![None; approvers.len()])
}

struct Search<'a> {
    approvers: &'a [Approver<'a>],
    tries: u32,
}

impl<'a> Search<'a> {
    /// `taken` says for each person which filter they count for so far.
    fn satisfies(
        &mut self,
        sets: &'a [Vec<Threshold>],
        taken: &[Option<&'a Filter>],
    ) -> Option<bool> {
        let Some((set, rest)) = sets.split_first() else { return Some(true) };
        for threshold in set {
            self.tries += 1;
            if self.tries > TRIES_MAX {
                return None;
            }
            let mut taken = taken.to_vec();
            if self.seat_all(threshold, &mut taken) && self.satisfies(rest, &taken)? {
                return Some(true);
            }
        }
        Some(false)
    }

    /// Finds as many persons as a threshold needs; others may move to where they fit as well.
    fn seat_all(&self, threshold: &'a Threshold, taken: &mut [Option<&'a Filter>]) -> bool {
        (0..threshold.approve.max(1)).all(|_| {
            let mut tried = vec![false; taken.len()];
            self.seat(&threshold.filter, taken, &mut tried)
        })
    }

    /// One step of an augmenting path (Kuhn).
    fn seat(
        &self,
        filter: &'a Filter,
        taken: &mut [Option<&'a Filter>],
        tried: &mut [bool],
    ) -> bool {
        for (place, approver) in self.approvers.iter().enumerate() {
            let fresh = tried.get(place).is_some_and(|tried| !tried);
            if !fresh || !approver.fits(filter) {
                continue;
            }
            if let Some(tried) = tried.get_mut(place) {
                *tried = true;
            }
            let before = taken.get(place).copied().flatten();
            if before.is_none_or(|before| self.seat(before, taken, tried)) {
                if let Some(taken) = taken.get_mut(place) {
                    *taken = Some(filter);
                }
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests;
