//! Tests of rights that change while calls wait.

use super::super::*;
use super::rig::Rig;
use crate::kit::{at, ballot, rule, threshold, voter};
use events::Vote;

fn ops() -> Arc<str> {
    "ops@example.com".into()
}

#[tokio::test]
async fn what_an_agent_had_held_is_taken_back_when_it_is_revoked() {
    let rig = Rig::new();
    let mut pending = rig.waits(1).await;
    let mut granted = rig.waits(2).await;
    let made = rig.waits(3).await;
    rig.approve("ada", granted.id()).await.unwrap();
    rig.approve("ada", made.id()).await.unwrap();
    let Asked::Granted(claim) = rig.ask(3).await else { panic!("it is granted") };
    let agent: Arc<str> = "support-bot".into();
    let revoke = || rig.desk.revoke_agent(Arc::clone(&agent), ops(), "it runs wild".into());
    assert_eq!(revoke().await.unwrap(), 2);
    assert!(matches!(pending.decided().await, Decided::Withdrawn(_)));
    let Decided::Withdrawn(no) = granted.decided().await else { panic!("it is taken back") };
    assert!(no.reasons[0].contains("it runs wild"), "{no:?}");
    claim.spend();
    assert!(rig.desk.is_agent_revoked(&agent));
    let refused = rig.desk.ask(rig.new_hold(4)).await.unwrap_err();
    assert!(matches!(refused, DeskError::Revoked { .. }), "{refused}");
    assert_eq!(revoke().await.unwrap(), 0, "again changes nothing");
    assert_eq!(rig.count("agent.revoked"), 1);
    assert!(rig.desk.restore_agent(agent, ops(), "repaired".into()).await.unwrap());
    assert!(matches!(rig.ask(4).await, Asked::Waits(_)));
}

#[tokio::test]
async fn what_was_held_for_a_person_is_taken_back_when_that_person_is_revoked() {
    let rig = Rig::new();
    let mut pending = rig.waits(1).await;
    let mut granted = rig.waits(2).await;
    rig.approve("ada", granted.id()).await.unwrap();
    let olga: Arc<str> = "Olga@example.com".into();
    assert!(rig.desk.revoke_person(Arc::clone(&olga), ops(), "has left".into()).await.unwrap());
    assert!(matches!(pending.decided().await, Decided::Withdrawn(_)));
    let Decided::Withdrawn(no) = granted.decided().await else { panic!("it is taken back") };
    assert!(no.reasons[0].contains("has left"), "{no:?}");
}

#[tokio::test]
async fn a_claim_that_is_not_spent_after_its_agent_was_revoked_can_be_taken_by_nobody() {
    let rig = Rig::new();
    let mut waiting = rig.waits(1).await;
    rig.approve("ada", waiting.id()).await.unwrap();
    let Decided::Granted(claim) = waiting.decided().await else { panic!("it is granted") };
    rig.desk.revoke_agent("support-bot".into(), ops(), "odd".into()).await.unwrap();
    drop(claim);
    rig.stays_open(&mut waiting).await;
    let (stop, stopping) = watch::channel(false);
    let running = tokio::spawn(rig.desk.clone().run(stopping));
    assert!(matches!(waiting.decided().await, Decided::Withdrawn(_)));
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn the_votes_of_who_is_revoked_do_not_count_from_that_moment() {
    let rig = Rig::new();
    let two = rig.hold_by(rule(vec![vec![threshold(2, 1, "group:finance")]]), 1);
    let Asked::Waits(waiting) = rig.desk.ask(two).await.unwrap() else { panic!("it waits") };
    let standing = rig.approve("ada", waiting.id()).await.unwrap();
    assert_eq!(standing.progress.words(), "1 more of the group finance");
    let ada: Arc<str> = "ada@example.com".into();
    let desk = &rig.desk;
    assert!(desk.revoke_person(Arc::clone(&ada), ops(), "left".into()).await.unwrap());
    assert!(!desk.revoke_person(Arc::clone(&ada), ops(), "left".into()).await.unwrap());
    let standing = rig.approve("bob", waiting.id()).await.unwrap();
    assert_eq!((standing.state.word(), standing.progress.approved), ("pending", 1));
    let refused = rig.approve("ada", waiting.id()).await.unwrap_err();
    assert!(matches!(refused, CommandError::Refused(why) if why.code() == "person_revoked"));
    assert!(desk.restore_person(ada, ops(), "back".into()).await.unwrap());
    let standing = rig.approve("ada", waiting.id()).await.unwrap();
    assert_eq!(standing.state.word(), "granted", "she votes anew");
}

#[tokio::test]
async fn a_person_stands_in_for_another_until_that_ends() {
    let rig = Rig::new();
    let waiting = rig.waits(1).await;
    let wish = |to: &str| Delegate {
        voter: voter("ada", &["finance"]),
        to: to.into(),
        groups: crate::kit::names(&["finance"]),
        roles: Vec::new(),
        until: at(1000),
        reason: "holidays".into(),
    };
    let desk = &rig.desk;
    let refused = desk.delegate(wish("Ada@example.com")).await.unwrap_err();
    assert!(matches!(refused, CommandError::Delegation(DelegationRefusal::ToSelf)));
    let more = Delegate { groups: crate::kit::names(&["legal"]), ..wish("bob@example.com") };
    let refused = desk.delegate(more).await.unwrap_err();
    assert!(matches!(refused, CommandError::Delegation(DelegationRefusal::NotHad { .. })));
    let long = Delegate { until: at(10_000_000), ..wish("bob@example.com") };
    let refused = desk.delegate(long).await.unwrap_err();
    assert!(matches!(refused, CommandError::Delegation(DelegationRefusal::Until { .. })));
    let id = desk.delegate(wish("bob@example.com")).await.unwrap();
    let view = desk.hold(waiting.id()).unwrap();
    let in_place = Ballot {
        for_person: Some("ada@example.com".into()),
        ..ballot(&voter("bob", &[]), Vote::Approve, &view.hold)
    };
    desk.end_delegation(id, "ada@example.com".into()).await.unwrap();
    let refused = desk.vote(waiting.id(), in_place.clone()).await.unwrap_err();
    assert!(matches!(refused, CommandError::Refused(why) if why.code() == "not_delegated"));
    let again = desk.end_delegation(id, "ada@example.com".into()).await.unwrap_err();
    assert!(matches!(again, CommandError::Delegation(DelegationRefusal::Unknown(_))));
    desk.delegate(wish("bob@example.com")).await.unwrap();
    let standing = desk.vote(waiting.id(), in_place).await.unwrap();
    assert_eq!(standing.state.word(), "granted");
}

#[tokio::test]
async fn a_call_that_nobody_known_could_decide_says_so() {
    let rig = Rig::new();
    let waiting = rig.waits(1).await;
    assert!(!rig.desk.hold(waiting.id()).unwrap().is_answerable);
    rig.sign_in("olga").await;
    assert!(!rig.desk.hold(waiting.id()).unwrap().is_answerable, "the agent acts for her");
    rig.sign_in("ada").await;
    assert!(rig.desk.hold(waiting.id()).unwrap().is_answerable);
}

#[tokio::test]
async fn rights_are_not_changed_without_a_reason() {
    let rig = Rig::new();
    let refused = rig.desk.revoke_person("ada@example.com".into(), ops(), " ".into()).await;
    assert!(matches!(refused, Err(CommandError::Refused(why)) if why.code() == "reason_required"));
    assert!(!rig.desk.is_person_revoked("ada@example.com"));
}

#[tokio::test]
async fn everything_that_is_noted_is_taken_notice_of_at_once_and_counts_once() {
    let rig = Rig::new();
    for name in ["ada", "bob", "cy"] {
        let fact = events::PersonAdded {
            by: ops(),
            groups: crate::kit::names(&["finance"]),
            person: crate::kit::person(name),
            roles: Vec::new(),
        };
        rig.desk.note(fact).await.unwrap();
    }
    assert_eq!(rig.desk.roster().people().count(), 3);
    let before = rig.desk.roster();
    rig.show_all();
    assert_eq!(rig.desk.roster(), before);
    assert!(rig.desk.table().own.is_empty());
}
