//! Tests of what becomes of a call that an agent asks for.

use super::super::*;
use super::rig::Rig;
use crate::grant::{Rule, Shape};
use crate::kit::{at, rule, threshold, voter};
use events::{HoldRule, Risk};
use std::collections::BTreeMap;

#[tokio::test]
async fn a_call_whose_tool_or_rule_has_changed_is_put_before_people_anew() {
    let rig = Rig::new();
    let defined = |digest| {
        let mut hold = rig.new_hold(1);
        hold.fact.definition = Some(Digest([digest; 32]));
        hold
    };
    let first = rig.desk.ask(defined(4)).await.unwrap();
    let Asked::Waits(mut old) = first else { panic!("it waits") };
    let changed = defined(5);
    let Asked::Waits(mut new) = rig.desk.ask(changed).await.unwrap() else { panic!("it waits") };
    assert!(new.is_new());
    let Decided::Withdrawn(no) = old.decided().await else { panic!("it is not asked any more") };
    assert!(no.reasons[0].contains("definition"), "{no:?}");
    let mut stricter = rig.hold_by(rule(vec![vec![threshold(2, 1, "group:finance")]]), 1);
    stricter.fact.definition = Some(Digest([5; 32]));
    rig.approve("ada", new.id()).await.unwrap();
    let asked = rig.desk.ask(stricter).await.unwrap();
    assert!(matches!(asked, Asked::Waits(waiting) if waiting.is_new()), "one yes is not enough");
    assert!(matches!(new.decided().await, Decided::Withdrawn(_)));
}

#[tokio::test]
async fn a_tool_that_is_seen_for_the_first_time_or_not_yet_since_a_start_has_not_changed() {
    let rig = Rig::new();
    let mut seen = rig.new_hold(1);
    seen.fact.definition = Some(Digest([5; 32]));
    let unseen = rig.waits(1).await;
    let Asked::Waits(second) = rig.desk.ask(seen).await.unwrap() else { panic!("it waits") };
    assert_eq!((second.id(), second.is_new()), (unseen.id(), false));
    let mut seen = rig.new_hold(2);
    seen.fact.definition = Some(Digest([5; 32]));
    let Asked::Waits(first) = rig.desk.ask(seen).await.unwrap() else { panic!("it waits") };
    let second = rig.ask(2).await;
    assert!(matches!(second, Asked::Waits(it) if it.id() == first.id() && !it.is_new()));
    assert_eq!((rig.count("call.held"), rig.count("hold.withdrawn")), (2, 0));
}

#[tokio::test]
async fn an_agent_that_asks_too_much_is_turned_away_without_a_word_to_people() {
    let limits = Limits { asks_per_hour: 3, pending_per_agent_max: 2, pending_max: 100 };
    let rig = Rig::with(Settings { limits, ..Settings::default() });
    let first = rig.waits(1).await;
    let _second = rig.waits(2).await;
    assert!(matches!(rig.ask(3).await, Asked::TooMany(TooMany::Pending { max: 2 })));
    assert!(matches!(rig.ask(1).await, Asked::Waits(_)), "the same again asks nobody");
    rig.approve("ada", first.id()).await.unwrap();
    let third = rig.waits(3).await;
    rig.vote("ada", third.id(), events::Vote::Reject).await.unwrap();
    let turned_away = rig.ask(4).await;
    assert!(matches!(turned_away, Asked::TooMany(TooMany::Asks { max: 3, .. })));
    assert_eq!(rig.count("call.held"), 3);
    rig.clock.turn(3600);
    assert!(matches!(rig.ask(4).await, Asked::Waits(_)));
}

#[tokio::test]
async fn of_agents_that_ask_at_once_no_more_get_through_than_may() {
    let limits = Limits { asks_per_hour: 1000, pending_per_agent_max: 5, pending_max: 100 };
    let rig = Rig::with(Settings { limits, ..Settings::default() });
    let mut tasks = tokio::task::JoinSet::new();
    for identity in 0..100 {
        let (desk, ask) = (rig.desk.clone(), rig.new_hold(identity));
        tasks.spawn(async move { desk.ask(ask).await.unwrap() });
    }
    let asked = tasks.join_all().await;
    assert_eq!(asked.iter().filter(|asked| matches!(asked, Asked::Waits(_))).count(), 5);
    assert_eq!(rig.count("call.held"), 5);
}

fn arguments(amount: u32) -> Arc<str> {
    format!(r#"{{"amount":{amount},"customer":"c_1"}}"#).into()
}

fn up_to(most: u32) -> Shape {
    let free = BTreeMap::from([("/amount".to_owned(), Rule::AtMost(most.into()))]);
    Shape::of(&arguments(1), &free).unwrap()
}

fn wish(name: &str, budget: u32) -> OpenGrant {
    OpenGrant {
        voter: voter(name, &["finance"]),
        arguments: arguments(10),
        shape: up_to(50),
        budget,
        until: at(3600),
    }
}

async fn ask_for(rig: &Rig, amount: u32) -> Asked {
    let identity = u8::try_from(amount).unwrap();
    let ask = NewHold { arguments: Some(arguments(amount)), ..rig.new_hold(identity) };
    rig.desk.ask(ask).await.unwrap()
}

#[tokio::test]
async fn calls_of_a_kind_that_was_allowed_ask_nobody_until_the_budget_is_spent() {
    let rig = Rig::new();
    rig.sign_in("ada").await;
    let waiting = rig.waits(1).await;
    let grant = rig.desk.open_grant(waiting.id(), wish("ada", 2)).await.unwrap();
    let Asked::Granted(first) = ask_for(&rig, 20).await else { panic!("it is covered") };
    assert_eq!((first.grant(), first.is_covered()), (grant, true));
    let Asked::Granted(second) = ask_for(&rig, 50).await else { panic!("it is covered") };
    let Asked::Waits(_) = ask_for(&rig, 21).await else { panic!("both are about to be made") };
    first.spend();
    drop(second);
    let Asked::Granted(third) = ask_for(&rig, 22).await else { panic!("one was not made") };
    third.spend();
    assert!(matches!(ask_for(&rig, 23).await, Asked::Waits(_)), "the budget is spent");
    assert_eq!(rig.desk.grants()[0].1.used.len(), 2);
    assert!(matches!(ask_for(&rig, 51).await, Asked::Waits(_)), "it is too much");
}

#[tokio::test]
async fn a_grant_is_no_better_than_its_opener_s_yes_to_the_very_call() {
    let rig = Rig::new();
    rig.sign_in("ada").await;
    let waiting = rig.waits(1).await;
    rig.desk.open_grant(waiting.id(), wish("ada", 9)).await.unwrap();
    let two = rule(vec![vec![threshold(2, 1, "group:finance")]]);
    let critical = HoldRule { risk: Risk::Critical, ..rig.new_hold(0).fact.rule };
    for (identity, rule) in [(30, two), (31, critical)] {
        let ask = NewHold { arguments: Some(arguments(5)), ..rig.hold_by(rule, identity) };
        assert!(matches!(rig.desk.ask(ask).await.unwrap(), Asked::Waits(_)));
    }
    let unread = rig.ask(32).await;
    assert!(
        matches!(unread, Asked::Waits(_)),
        "arguments that cannot be looked at are not covered"
    );
    assert!(matches!(ask_for(&rig, 5).await, Asked::Granted(_)));
    rig.desk.revoke_person("ada@example.com".into(), "ops".into(), "left".into()).await.unwrap();
    assert!(matches!(ask_for(&rig, 6).await, Asked::Waits(_)));
}

#[tokio::test]
async fn only_who_can_decide_a_call_alone_can_allow_its_kind() {
    let rig = Rig::new();
    let two = rig.hold_by(rule(vec![vec![threshold(2, 1, "group:finance")]]), 1);
    let Asked::Waits(waiting) = rig.desk.ask(two).await.unwrap() else { panic!("it waits") };
    let alone = rig.desk.open_grant(waiting.id(), wish("ada", 1)).await.unwrap_err();
    assert!(matches!(alone, CommandError::Grant(GrantRefusal::NotAlone { .. })), "{alone}");
    let one = rig.waits(2).await;
    let owner = rig.desk.open_grant(one.id(), wish("olga", 1)).await.unwrap_err();
    assert!(matches!(owner, CommandError::Refused(_)), "{owner}");
    let none = rig.desk.open_grant(one.id(), wish("ada", 0)).await.unwrap_err();
    assert!(matches!(none, CommandError::Grant(GrantRefusal::Budget { .. })), "{none}");
    let long = OpenGrant { until: at(1_000_000), ..wish("ada", 1) };
    let long = rig.desk.open_grant(one.id(), long).await.unwrap_err();
    assert!(matches!(long, CommandError::Grant(GrantRefusal::Until { .. })), "{long}");
    let other = OpenGrant { arguments: arguments(51), ..wish("ada", 1) };
    let other = rig.desk.open_grant(one.id(), other).await.unwrap_err();
    assert!(matches!(other, CommandError::Grant(GrantRefusal::NotItself)), "{other}");
    assert_eq!(rig.count("grant.opened"), 0);
}

#[tokio::test]
async fn a_grant_that_was_revoked_covers_nothing() {
    let rig = Rig::new();
    rig.sign_in("ada").await;
    let waiting = rig.waits(1).await;
    let grant = rig.desk.open_grant(waiting.id(), wish("ada", 9)).await.unwrap();
    let bob = || voter("bob", &[]);
    rig.desk.revoke_grant(grant, bob(), "enough".into()).await.unwrap();
    assert!(matches!(ask_for(&rig, 5).await, Asked::Waits(_)));
    let again = rig.desk.revoke_grant(grant, bob(), "enough".into()).await.unwrap_err();
    assert!(matches!(again, CommandError::Grant(GrantRefusal::Unknown(id)) if id == grant));
}
