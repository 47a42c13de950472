//! Tests of many who come at once.

use super::super::*;
use super::rig::Rig;
use crate::kit::{ballot, voter};
use events::{Mark, Vote};

fn generous() -> Settings {
    let limits =
        Limits { asks_per_hour: 20_000, pending_per_agent_max: 20_000, pending_max: 20_000 };
    Settings { limits, ..Settings::default() }
}

/// So many calls that differ, all held at once.
async fn hold_many(rig: &Rig, count: u32) -> Vec<Waiting> {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..count {
        let mut ask = rig.new_hold(0);
        let mut identity = [0; 16];
        identity[..4].copy_from_slice(&number.to_be_bytes());
        ask.fact.identity = Mark(identity);
        let desk = rig.desk.clone();
        tasks.spawn(async move { desk.ask(ask).await.unwrap() });
    }
    let asked = tasks.join_all().await.into_iter();
    asked
        .map(|asked| match asked {
            Asked::Waits(waiting) => waiting,
            other @ (Asked::Granted(_) | Asked::Refused(_) | Asked::TooMany(_)) => {
                panic!("does not wait: {other:?}")
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_decide_at_once_one_decides() {
    let rig = Rig::with(generous());
    let waiting = hold_many(&rig, 1000).await;
    let mut tasks = tokio::task::JoinSet::new();
    for hold in &waiting {
        let view = rig.desk.hold(hold.id()).unwrap();
        for (name, vote) in [("ada", Vote::Approve), ("bob", Vote::Reject)] {
            let ballot = ballot(&voter(name, &["finance"]), vote, &view.hold);
            let (desk, id) = (rig.desk.clone(), hold.id());
            tasks.spawn(async move { desk.vote(id, ballot).await });
        }
    }
    let results = tasks.join_all().await;
    let (done, late): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((done.len(), late.len()), (1000, 1000));
    for late in late {
        let error = late.unwrap_err();
        assert!(matches!(&error, CommandError::Refused(why) if why.is_conflict()), "{error}");
    }
    assert_eq!(rig.count("hold.granted") + rig.count("hold.refused"), 1000);
    assert_eq!(rig.count("hold.voted"), 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_are_held_at_once_and_each_is_made_once() {
    let rig = Rig::with(generous());
    let waiting = hold_many(&rig, 10_000).await;
    assert_eq!(rig.desk.table().open_ids().len(), 10_000);
    let mut tasks = tokio::task::JoinSet::new();
    for mut hold in waiting {
        let desk = rig.desk.clone();
        tasks.spawn(async move {
            let view = desk.hold(hold.id()).unwrap();
            let ballot = ballot(&voter("ada", &["finance"]), Vote::Approve, &view.hold);
            desk.vote(hold.id(), ballot).await.unwrap();
            match hold.decided().await {
                Decided::Granted(claim) => claim.spend(),
                Decided::Taken
                | Decided::Refused(_)
                | Decided::Expired(_)
                | Decided::Withdrawn(_) => panic!("is not granted"),
            }
        });
    }
    tasks.join_all().await;
    assert!(rig.desk.table().open_ids().is_empty());
    assert_eq!(rig.count("hold.granted"), 10_000);
    assert_eq!(rig.count("hold.left"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_call_asked_a_hundred_times_at_once_is_held_once_and_made_once() {
    let rig = Rig::new();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (desk, ask) = (rig.desk.clone(), rig.new_hold(1));
        tasks.spawn(async move { desk.ask(ask).await.unwrap() });
    }
    let asked = tasks.join_all().await;
    assert_eq!((rig.count("call.held"), rig.count("hold.rejoined")), (1, 99));
    let id = rig.desk.table().open_ids()[0];
    rig.approve("ada", id).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for asked in asked {
        let Asked::Waits(mut waiting) = asked else { panic!("does not wait") };
        tasks.spawn(async move {
            match waiting.decided().await {
                Decided::Granted(claim) => {
                    claim.spend();
                    true
                }
                Decided::Taken
                | Decided::Refused(_)
                | Decided::Expired(_)
                | Decided::Withdrawn(_) => false,
            }
        });
    }
    let made = tasks.join_all().await;
    assert_eq!(made.into_iter().filter(|made| *made).count(), 1);
    assert!(rig.desk.0.turns.lock().unwrap().is_empty(), "turns are tidied up");
}

#[tokio::test]
async fn who_hangs_up_while_asking_leaves_a_hold_that_nobody_waits_by() {
    let rig = Rig::new();
    for _ in 0..100 {
        let ask = rig.desk.ask(rig.new_hold(1));
        tokio::pin!(ask);
        let once = std::future::poll_fn(|context| {
            std::task::Poll::Ready(ask.as_mut().poll(context).is_ready())
        });
        once.await;
    }
    rig.until(|rig| {
        let table = rig.desk.table();
        !table.holds.is_empty() && table.holds.values().all(|slot| slot.waiters == 0)
    })
    .await;
    rig.until(|rig| rig.kinds().last() == Some(&"hold.left")).await;
    assert_eq!(rig.count("call.held"), 1);
    let waiting = rig.waits(1).await;
    assert!(!waiting.is_new());
}

#[tokio::test]
async fn of_what_was_decided_the_latest_are_kept_and_all_that_still_answers() {
    let rig = Rig::with(Settings { decided_max: 3, ..generous() });
    for identity in 0..10 {
        let waiting = rig.waits(identity).await;
        rig.approve("ada", waiting.id()).await.unwrap();
        let Asked::Granted(claim) = rig.ask(identity).await else { panic!("it is granted") };
        claim.spend();
    }
    rig.show_all();
    let waiting = rig.waits(10).await;
    let id = waiting.id();
    rig.vote("ada", id, Vote::Reject).await.unwrap();
    drop(waiting);
    for identity in 11..20 {
        let waiting = rig.waits(identity).await;
        rig.vote("ada", waiting.id(), Vote::Reject).await.unwrap();
    }
    assert!(rig.desk.hold(id).is_some(), "its no still answers");
    assert_eq!(rig.desk.table().holds.len(), 10);
}
