//! Tests of grants for calls of a kind.

use super::*;
use crate::kit::{at, call_id, envelope, event_id, person, revoked};
use events::{Digest, GrantRevoked, PayloadRef};
use proptest::prelude::*;
use serde_json::Number;

fn free(rules: &[(&str, Rule)]) -> BTreeMap<String, Rule> {
    rules.iter().map(|(path, rule)| ((*path).to_owned(), rule.clone())).collect()
}

fn at_most(most: i64) -> Rule {
    Rule::AtMost(Number::from(most))
}

const CALL: &str = r#"{"amount":20,"customer":{"id":"c_1","tags":["a"]},"note":"hello"}"#;

#[test]
fn a_shape_covers_what_is_the_same_but_for_what_was_left_free() {
    let shape = Shape::of(CALL, &free(&[("/amount", at_most(50)), ("/note", Rule::Any)])).unwrap();
    assert!(shape.matches(CALL));
    assert!(shape.matches(r#"{"amount":50,"customer":{"id":"c_1","tags":["a"]},"note":[1]}"#));
    for other in [
        r#"{"amount":51,"customer":{"id":"c_1","tags":["a"]},"note":""}"#,
        r#"{"amount":-1,"customer":{"id":"c_1","tags":["a"]},"note":""}"#,
        r#"{"amount":"20","customer":{"id":"c_1","tags":["a"]},"note":""}"#,
        r#"{"amount":20,"customer":{"id":"c_2","tags":["a"]},"note":""}"#,
        r#"{"amount":20,"customer":{"id":"c_1","tags":["a","b"]},"note":""}"#,
        r#"{"amount":20,"customer":{"id":"c_1","tags":["a"],"vip":true},"note":""}"#,
        r#"{"amount":20,"customer":{"id":"c_1","tags":["a"]}}"#,
        r#"{"amount":20,"customer":{"id":"c_1","tags":["a"]},"note":"","force":true}"#,
        r#"{"amount":20,"customer":"c_1","note":""}"#,
        r#"[{"amount":20}]"#,
        "{",
        "",
    ] {
        assert!(!shape.matches(other), "{other}");
    }
    assert_eq!(
        shape.words(),
        "`amount` from 0 to 50, `customer/id` exactly \"c_1\", `customer/tags` exactly [\"a\"], \
         `note` anything, and no other arguments"
    );
}

#[test]
fn no_arguments_are_covered_by_no_arguments_alone() {
    let shape = Shape::of("{}", &BTreeMap::new()).unwrap();
    assert!(shape.matches("{}") && !shape.matches(r#"{"a":1}"#) && !shape.matches("null"));
}

#[test]
fn numbers_that_cannot_be_told_apart_are_never_covered() {
    let large = r#"{"account":18446744073709551617}"#;
    assert_eq!(Shape::of(large, &BTreeMap::new()), Err(NotCovered::Uninspectable));
    let any = Shape::of(r#"{"account":1}"#, &free(&[("/account", Rule::Any)])).unwrap();
    assert!(any.matches(r#"{"account":2}"#) && !any.matches(large));
    let most = Shape::of(r#"{"n":1}"#, &free(&[("/n", at_most(i64::MAX))])).unwrap();
    assert!(most.matches(&format!(r#"{{"n":{}}}"#, i64::MAX)));
    assert!(!most.matches(&format!(r#"{{"n":{}}}"#, 1u64 << 63)), "one more than may be");
}

#[test]
fn what_is_left_free_must_be_there_and_cover_the_call_itself() {
    let refused = |path, rule| Shape::of(CALL, &free(&[(path, rule)])).unwrap_err();
    assert_eq!(refused("/amont", Rule::Any), NotCovered::NoArgument("/amont".into()));
    assert_eq!(refused("/amount", at_most(19)), NotCovered::NotItself("/amount".into()));
    let (customer, id) = (("/customer", Rule::Any), ("/customer/id", Rule::Any));
    let within = Shape::of(CALL, &free(&[customer, id]));
    assert_eq!(within, Err(NotCovered::NoArgument("/customer/id".into())));
}

#[test]
fn names_with_slashes_and_tildes_are_told_apart() {
    let shape = Shape::of(r#"{"a/b":1,"a":{"b":2},"c~1d":3}"#, &BTreeMap::new()).unwrap();
    let paths: Vec<&str> = shape.arguments.keys().map(String::as_str).collect();
    assert_eq!(paths, ["/a/b", "/a~1b", "/c~01d"]);
    assert!(!shape.matches(r#"{"a/b":2,"a":{"b":1},"c~1d":3}"#));
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (-5..5i64).prop_map(Into::into),
        "[ab/~]{0,2}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Into::into),
            prop::collection::btree_map("[ab/~]{0,2}", inner, 0..3)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn a_shape_with_nothing_free_covers_its_own_arguments_alone(one in json(), other in json()) {
        let shape = Shape::of(&one.to_string(), &BTreeMap::new()).unwrap();
        prop_assert!(shape.matches(&one.to_string()));
        prop_assert_eq!(shape.matches(&other.to_string()), one == other);
        let text = serde_json::to_string(&shape).unwrap();
        prop_assert_eq!(serde_json::from_str::<Shape>(&text).unwrap(), shape);
    }
}

fn opened(budget: u32) -> GrantOpened {
    GrantOpened {
        agent: "bot".into(),
        budget,
        by: person("ada"),
        owner: "olga@example.com".into(),
        shape: PayloadRef { bytes: 0, digest: Digest([0; 32]), discarded: false },
        target: "refund".into(),
        until: at(100),
        upstream: "crm".into(),
    }
}

const SOUGHT: Sought<'_> =
    Sought { agent: "bot", owner: "Olga@example.com", upstream: "crm", target: "refund" };

fn open(grants: &Grants, second: u64) -> usize {
    grants.open_for(SOUGHT, at(second)).count()
}

#[test]
fn a_grant_is_for_one_agent_one_person_one_tool_and_a_time() {
    let mut grants = Grants::default();
    grants.apply(&envelope(1, at(0), opened(2)));
    assert_eq!((open(&grants, 99), open(&grants, 100)), (1, 0));
    for other in [
        Sought { agent: "bat", ..SOUGHT },
        Sought { owner: "bob@example.com", ..SOUGHT },
        Sought { upstream: "erp", ..SOUGHT },
        Sought { target: "delete", ..SOUGHT },
    ] {
        assert_eq!(grants.open_for(other, at(1)).count(), 0, "{other:?}");
    }
}

#[test]
fn no_more_calls_are_made_by_a_grant_than_it_is_for() {
    let (mut grants, id) = (Grants::default(), event_id(1));
    grants.apply(&envelope(1, at(0), opened(2)));
    assert!(grants.reserve(id, call_id(1), at(1)) && grants.reserve(id, call_id(2), at(1)));
    assert!(!grants.reserve(id, call_id(3), at(1)), "both are about to be made");
    grants.release(id, call_id(1));
    assert!(grants.reserve(id, call_id(3), at(1)));
    grants.settle(id, call_id(2));
    grants.settle(id, call_id(2));
    grants.settle(id, call_id(3));
    assert_eq!((grants.get(id).unwrap().left(), open(&grants, 1)), (0, 0));
}

#[test]
fn a_grant_ends_when_it_is_revoked_and_with_the_rights_of_who_opened_it_or_uses_it() {
    let by = || person("ada");
    let agent =
        events::AgentRevoked { agent: "bot".into(), by: "operator".into(), reason: "odd".into() };
    let ends: [Event; 3] = [
        GrantRevoked { by: by(), grant: event_id(1), reason: "enough".into() }.into(),
        revoked("ada").into(),
        agent.into(),
    ];
    for end in ends {
        let mut grants = Grants::default();
        grants.apply(&envelope(1, at(0), opened(2)));
        assert_eq!(open(&grants, 1), 1);
        grants.apply(&envelope(2, at(1), end));
        assert_eq!(open(&grants, 1), 0);
    }
}
