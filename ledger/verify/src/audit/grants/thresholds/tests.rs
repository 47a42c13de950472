//! Small cases by hand, and all small cases against a search that tries everything.

use super::{Approver, satisfied};
use events::{Filter, Threshold};
use proptest::prelude::*;
use std::sync::Arc;

fn group(approve: u32, name: &str) -> Threshold {
    Threshold { approve, deny: 1, filter: Filter::Group(name.into()) }
}

fn check(sets: &[Vec<Threshold>], persons: &[(&str, &[&str])]) -> Option<bool> {
    let groups: Vec<Vec<Arc<str>>> = persons
        .iter()
        .map(|(_, groups)| groups.iter().map(|name| Arc::from(*name)).collect())
        .collect();
    let approvers: Vec<Approver<'_>> = persons
        .iter()
        .zip(&groups)
        .map(|((email, _), groups)| Approver { email, groups, roles: &[] })
        .collect();
    satisfied(sets, &approvers)
}

#[test]
fn one_person_counts_for_one_set() {
    let both = [vec![group(1, "finance")], vec![group(1, "travel")]];
    assert_eq!(check(&both, &[("ada", &["finance", "travel"])]), Some(false));
    let two: [(&str, &[&str]); 2] = [("ada", &["finance", "travel"]), ("ben", &["finance"])];
    assert_eq!(check(&both, &two), Some(true), "ada moves to travel");
    let swapped: [(&str, &[&str]); 2] = [("ben", &["finance"]), ("ada", &["finance", "travel"])];
    assert_eq!(check(&both, &swapped), Some(true));
}

#[test]
fn any_threshold_of_a_set_is_enough_and_every_set_is_needed() {
    let chief = Threshold { approve: 1, deny: 1, filter: Filter::Person("Cleo".into()) };
    let set = vec![group(2, "finance"), chief];
    assert_eq!(check(std::slice::from_ref(&set), &[("cleo", &[])]), Some(true));
    assert_eq!(check(std::slice::from_ref(&set), &[("ada", &["finance"])]), Some(false));
    assert_eq!(check(&[set, vec![]], &[("cleo", &[])]), Some(false));
}

#[test]
fn a_rule_made_to_take_forever_ends() {
    let set: Vec<Threshold> = (0..30).map(|_| group(1, "all")).collect();
    let mut sets = vec![set; 30];
    sets.push(vec![group(1, "nobody")]);
    let persons: Vec<(String, [&str; 1])> =
        (0..40).map(|number| (number.to_string(), ["all"])).collect();
    let persons: Vec<(&str, &[&str])> =
        persons.iter().map(|(email, groups)| (email.as_str(), groups.as_slice())).collect();
    assert_eq!(check(&sets, &persons), None);
}

/// Tries every way to give each person to one set or to none.
fn by_force(sets: &[Vec<Threshold>], persons: &[(&str, &[&str])]) -> bool {
    let ways = (sets.len() + 1).pow(u32::try_from(persons.len()).unwrap());
    (0..ways).any(|way| {
        let set_of = |person: usize| {
            way / (sets.len() + 1).pow(u32::try_from(person).unwrap()) % (sets.len() + 1)
        };
        sets.iter().enumerate().all(|(place, set)| {
            set.iter().any(|threshold| {
                let Filter::Group(name) = &threshold.filter else { return false };
                let counts = |(number, (_, groups)): &(usize, &(&str, &[&str]))| {
                    set_of(*number) == place && groups.contains(&&**name)
                };
                let count = persons.iter().enumerate().filter(counts).count();
                count >= usize::try_from(threshold.approve).unwrap()
            })
        })
    })
}

const GROUPS: [&str; 3] = ["a", "b", "c"];
const PEOPLE: [&str; 4] = ["p", "q", "r", "s"];

proptest! {
    #[test]
    fn it_finds_a_way_whenever_there_is_one(
        sets in prop::collection::vec(
            prop::collection::vec((1..3_u32, 0..3_usize), 0..3), 0..4),
        groups in prop::collection::vec(prop::sample::subsequence(GROUPS.to_vec(), 0..=3), 0..5),
    ) {
        let set = |set: Vec<(u32, usize)>| -> Vec<Threshold> {
            set.into_iter().map(|(approve, name)| group(approve, GROUPS[name])).collect()
        };
        let sets: Vec<Vec<Threshold>> = sets.into_iter().map(set).collect();
        let persons: Vec<(&str, &[&str])> =
            PEOPLE.into_iter().zip(groups.iter().map(Vec::as_slice)).collect();
        prop_assert_eq!(check(&sets, &persons), Some(by_force(&sets, &persons)));
    }
}
