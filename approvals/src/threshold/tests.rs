//! Tests of whose votes count, and how many it takes.

use super::*;
use crate::kit::{at, envelope, event_id, hold, names, person, revoked, rule, threshold};
use events::{Channel, DelegationOpened, Digest, Threshold};
use proptest::prelude::*;

fn vote(name: &str, groups: &[&str], vote: Vote) -> HoldVoted {
    HoldVoted {
        assertion: None,
        by: person(name),
        channel: Channel::Api,
        digest: Digest([1; 32]),
        for_person: None,
        groups: names(groups),
        reason: None,
        roles: Vec::new(),
        sign_in: None,
        version: 1,
        view: None,
        vote,
    }
}

/// What votes come to by a rule, with numbers for the votes.
fn tally(rule: &HoldRule, roster: &Roster, votes: &[HoldVoted]) -> (Tally, Progress) {
    let hold = hold(rule.clone());
    let principal = &hold.fact.principal;
    let terms = Terms { rule, principal, editor: None, roster, now: at(10) };
    let entries: Vec<Entry<'_>> = (0..).map(event_id).zip(votes).collect();
    (terms.tally(&entries), terms.progress(&entries))
}

fn approved(votes: &[u64]) -> Tally {
    Tally::Approved(votes.iter().map(|number| event_id(*number)).collect())
}

#[test]
fn all_sets_have_to_be_satisfied_and_each_is_by_any_of_its_thresholds() {
    let finance = vec![threshold(2, 1, "group:finance"), threshold(1, 1, "group:chiefs")];
    let rule = rule(vec![finance, vec![threshold(1, 1, "group:legal")]]);
    let roster = Roster::default();
    let yes = |name, group| vote(name, &[group], Vote::Approve);
    let mut votes = vec![yes("ada", "finance"), yes("lea", "legal")];
    let (result, progress) = tally(&rule, &roster, &votes);
    assert_eq!(result, Tally::Open);
    assert_eq!(progress.words(), "1 more of the group finance or 1 more of the group chiefs");
    votes.push(yes("cleo", "chiefs"));
    let (result, progress) = tally(&rule, &roster, &votes);
    assert_eq!(result, approved(&[1, 2]), "who was not needed is not named");
    assert_eq!(progress.words(), "");
    votes[2] = yes("bob", "finance");
    assert_eq!(tally(&rule, &roster, &votes).0, approved(&[0, 1, 2]));
}

#[test]
fn a_person_in_two_groups_counts_for_one_set() {
    let rule =
        rule(vec![vec![threshold(1, 1, "group:finance")], vec![threshold(1, 1, "group:legal")]]);
    let roster = Roster::default();
    let both = vote("ada", &["finance", "legal"], Vote::Approve);
    let (result, progress) = tally(&rule, &roster, std::slice::from_ref(&both));
    assert_eq!((result, progress.needs.len()), (Tally::Open, 1));
    // She is moved to where she is needed.
    for group in ["finance", "legal"] {
        let votes = [both.clone(), vote("bob", &[group], Vote::Approve)];
        assert_eq!(tally(&rule, &roster, &votes).0, approved(&[0, 1]));
    }
}

#[test]
fn the_first_threshold_of_rejections_that_is_reached_ends_it() {
    let rule =
        rule(vec![vec![threshold(3, 2, "group:finance")], vec![threshold(1, 1, "group:legal")]]);
    let roster = Roster::default();
    let no = |name, group| vote(name, &[group], Vote::Reject);
    let mut votes = vec![vote("cy", &["finance"], Vote::Approve), no("ada", "finance")];
    assert_eq!(tally(&rule, &roster, &votes).0, Tally::Open);
    votes.push(no("bob", "finance"));
    assert_eq!(tally(&rule, &roster, &votes).0, Tally::Rejected(vec![event_id(1), event_id(2)]));
    let of_legal = tally(&rule, &roster, &[no("lea", "legal")]).0;
    assert_eq!(of_legal, Tally::Rejected(vec![event_id(0)]));
}

#[test]
fn nothing_satisfies_a_rule_that_asks_nobody() {
    let (roster, yes) = (Roster::default(), [vote("ada", &["finance"], Vote::Approve)]);
    for approvers in [vec![], vec![vec![]], vec![vec![threshold(0, 0, "group:nobody")]]] {
        assert_eq!(tally(&rule(approvers), &roster, &yes).0, Tally::Open);
    }
}

#[test]
fn whoever_has_a_part_in_asking_has_none_in_answering() {
    let mut hold = hold(rule(vec![vec![threshold(1, 1, "group:finance")]]));
    let fact = Arc::make_mut(&mut hold.fact);
    fact.principal.actors = names(&["act@example.com"]);
    let mut roster = Roster::default();
    roster.apply(&envelope(0, at(0), revoked("rex")));
    roster.apply(&envelope(
        1,
        at(0),
        DelegationOpened {
            from: person("olga"),
            groups: names(&["finance"]),
            reason: "holidays".into(),
            roles: Vec::new(),
            to: "del@example.com".into(),
            until: at(100),
        },
    ));
    let editor = person("eve");
    let groups = names(&["finance"]);
    let check = |own: bool, name: &str| {
        let rule = HoldRule { own, ..hold.fact.rule.clone() };
        let principal = &hold.fact.principal;
        let editor = Some(&editor);
        let terms = Terms { rule: &rule, principal, editor, roster: &roster, now: at(10) };
        let person = &person(name);
        terms.eligible(Seat { person, hand: person, groups: &groups, roles: &[] })
    };
    let email = |name: &str| person(name).email;
    assert_eq!(check(false, "ada"), Ok(()));
    assert_eq!(check(false, "olga"), Err(Ineligible::Owner(email("olga"))));
    assert_eq!(check(false, "act"), Err(Ineligible::Actor(email("act"))));
    let delegate = Ineligible::Delegate { person: email("del"), owner: email("olga") };
    assert_eq!(check(false, "del"), Err(delegate));
    assert_eq!(check(false, "eve"), Err(Ineligible::Editor(email("eve"))));
    for name in ["olga", "act", "del", "eve"] {
        assert_eq!(check(true, name), Ok(()), "the rule allows {name}");
    }
    assert_eq!(check(true, "rex"), Err(Ineligible::Revoked(email("rex"))));
}

#[test]
fn who_cannot_vote_is_told_who_can() {
    let approvers = vec![vec![threshold(1, 1, "group:finance"), threshold(2, 1, "role:auditor")]];
    let rule = rule(approvers);
    let roster = Roster::default();
    let hold = hold(rule.clone());
    let principal = &hold.fact.principal;
    let terms = Terms { rule: &rule, principal, editor: None, roster: &roster, now: at(10) };
    let person = &person("ada");
    let refused = terms.eligible(Seat { person, hand: person, groups: &[], roles: &[] });
    assert_eq!(
        refused.unwrap_err().to_string(),
        "ada@example.com is none of those who decide this call: the group finance, the role auditor"
    );
}

#[test]
fn one_person_counts_once_with_two_accounts_and_in_another_s_place() {
    let rule = rule(vec![vec![threshold(2, 1, "group:finance")]]);
    let roster = Roster::default();
    let ada = vote("ada", &["finance"], Vote::Approve);
    let mut other_account = ada.clone();
    other_account.by.id = "corp:4711".into();
    let mut for_bob = ada.clone();
    for_bob.for_person = Some(person("bob"));
    let mut of_cy_for_ada = vote("cy", &["finance"], Vote::Approve);
    of_cy_for_ada.for_person = Some(person("ada"));
    for double in [ada.clone(), other_account, for_bob.clone(), of_cy_for_ada] {
        assert_eq!(tally(&rule, &roster, &[ada.clone(), double]).0, Tally::Open);
    }
    let votes = [for_bob, vote("cy", &["finance"], Vote::Approve)];
    assert_eq!(tally(&rule, &roster, &votes).0, approved(&[0, 1]));
}

/// Whether some way to give each person one set, or none, satisfies all sets.
fn brute_force(sets: &[Vec<Threshold>], people: &[Seat<'_>]) -> bool {
    let ways = (sets.len() + 1).pow(u32::try_from(people.len()).unwrap());
    !sets.is_empty()
        && (0..ways).any(|way| {
            let set_of = |seat: usize| {
                way / (sets.len() + 1).pow(u32::try_from(seat).unwrap()) % (sets.len() + 1)
            };
            (0..sets.len()).all(|set| {
                let given = || (0..people.len()).filter(move |seat| set_of(*seat) == set);
                sets[set].iter().any(|threshold| {
                    let counts = given().filter(|seat| people[*seat].is_meant(&threshold.filter));
                    threshold.approve.max(1) as usize <= counts.count()
                })
            })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_rule_is_satisfied_exactly_if_some_assignment_of_people_satisfies_it(
        sets in prop::collection::vec(
            prop::collection::vec((1..4u32, 0..4usize), 1..3), 1..4),
        groups in prop::collection::vec(prop::collection::vec(0..4usize, 0..4), 0..6),
    ) {
        let group = ["a", "b", "c", "d"];
        let sets: Vec<Vec<Threshold>> = sets
            .iter()
            .map(|set| set.iter().map(|(approve, of)| {
                threshold(*approve, 1, &format!("group:{}", group[*of]))
            }).collect())
            .collect();
        let people: Vec<(Person, Vec<Arc<str>>)> = groups
            .iter()
            .enumerate()
            .map(|(index, of)| {
                (person(&index.to_string()), of.iter().map(|of| group[*of].into()).collect())
            })
            .collect();
        let seats: Vec<Seat<'_>> = people
            .iter()
            .map(|(person, groups)| Seat { person, hand: person, groups, roles: &[] })
            .collect();
        let fill = Fill::best(&sets, &seats);
        prop_assert_eq!(fill.is_full(), brute_force(&sets, &seats));
        let rule = rule(sets.clone());
        let progress = Progress::new(&rule, &seats, 0);
        prop_assert_eq!(progress.needs.is_empty(), fill.is_full());
    }
}
