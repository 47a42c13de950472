//! Tests of a desk over a real ledger.

mod asking;

mod crowds;

mod elsewhere;

mod restarts;

mod rights;

mod rig;

use super::*;
use crate::hold::State;
use crate::kit::{ballot, voter};
use events::Vote;
use rig::Rig;

#[tokio::test]
async fn a_granted_call_is_made_by_one_of_those_who_wait() {
    let rig = Rig::new();
    let mut first = rig.waits(1).await;
    let mut second = rig.waits(1).await;
    assert!(first.is_new() && !second.is_new() && first.id() == second.id());
    let standing = rig.approve("ada", first.id()).await.unwrap();
    assert_eq!((standing.state.word(), standing.changed), ("granted", true));
    let Decided::Granted(claim) = first.decided().await else { panic!("it is granted") };
    assert_eq!(claim.call(), first.id());
    rig.stays_open(&mut second).await;
    drop(claim);
    let Decided::Granted(claim) = second.decided().await else { panic!("it is free again") };
    claim.spend();
    assert!(matches!(first.decided().await, Decided::Taken));
    assert!(matches!(second.decided().await, Decided::Taken));
    let asked = rig.ask(1).await;
    assert!(matches!(asked, Asked::Waits(waiting) if waiting.is_new()), "it is another call");
}

#[tokio::test]
async fn the_call_that_was_granted_while_its_agent_was_gone_is_made_when_it_asks_again() {
    let rig = Rig::new();
    let waiting = rig.waits(1).await;
    let id = waiting.id();
    waiting.leave("told to come back");
    rig.until(|rig| rig.kinds().contains(&"hold.left")).await;
    assert!(!rig.desk.hold(id).unwrap().hold.is_attended);
    rig.approve("ada", id).await.unwrap();
    let Asked::Granted(claim) = rig.ask(1).await else { panic!("it is granted") };
    assert_eq!((claim.call(), claim.is_covered()), (id, false));
    rig.clock.turn(1000);
    assert!(rig.desk.table().overdue(rig.clock.now()).is_empty(), "it is about to be made");
    drop(claim);
    let Asked::Waits(waiting) = rig.ask(1).await else { panic!("the grant is over") };
    assert!(waiting.is_new());
    assert_eq!(rig.desk.hold(id).unwrap().hold.state.word(), "expired");
}

#[tokio::test]
async fn a_no_answers_the_same_call_until_it_lapses() {
    let rig = Rig::new();
    let mut waiting = rig.waits(1).await;
    let view = rig.desk.hold(waiting.id()).unwrap();
    let reason = Some("not this customer".to_owned());
    let no = Ballot { reason, ..ballot(&voter("ada", &["finance"]), Vote::Reject, &view.hold) };
    rig.desk.vote(waiting.id(), no).await.unwrap();
    let Decided::Refused(no) = waiting.decided().await else { panic!("it is refused") };
    assert_eq!((no.by.len(), no.reasons.as_slice()), (1, &["not this customer".to_owned()][..]));
    let before = rig.kinds().len();
    for _ in 0..50 {
        assert!(matches!(rig.ask(1).await, Asked::Refused(same) if same == no));
    }
    assert_eq!(rig.kinds().len(), before, "nobody is asked again");
    rig.clock.turn(15 * 60);
    assert!(matches!(rig.ask(1).await, Asked::Waits(waiting) if waiting.is_new()));
}

#[tokio::test]
async fn what_nobody_decides_expires_and_so_does_a_grant_that_nobody_uses() {
    let rig = Rig::new();
    let (stop, stopping) = watch::channel(false);
    let mut undecided = rig.waits(1).await;
    let mut unclaimed = rig.waits(2).await;
    let id = unclaimed.id();
    rig.approve("ada", id).await.unwrap();
    rig.clock.turn(700);
    let running = tokio::spawn(rig.desk.clone().run(stopping));
    let Decided::Expired(no) = undecided.decided().await else { panic!("its time is over") };
    assert_eq!(no.why, Why::Undecided);
    let Decided::Expired(no) = unclaimed.decided().await else { panic!("its time is over") };
    assert_eq!((no.why, no.hold), (Why::Unclaimed, id));
    stop.send(true).unwrap();
    running.await.unwrap();
    assert!(matches!(rig.ask(1).await, Asked::Refused(_)), "who was not answered waits a while");
    assert!(matches!(rig.ask(2).await, Asked::Waits(_)), "who did not come may ask at once");
}

#[tokio::test]
async fn what_cannot_be_recorded_changes_nothing() {
    let rig = Rig::new();
    let mut waiting = rig.waits(1).await;
    let id = waiting.id();
    let before = rig.desk.hold(id).unwrap();
    rig.show_all();
    rig.store.fail_next();
    let error = rig.approve("ada", id).await.unwrap_err();
    assert!(matches!(error, CommandError::Record(_)), "{error}");
    let error = rig.desk.ask(rig.new_hold(2)).await.unwrap_err();
    assert!(matches!(error, DeskError::Record(_)), "{error}");
    let after = rig.desk.hold(id).unwrap();
    assert_eq!((after.hold, after.progress), (before.hold, before.progress));
    assert_eq!(rig.desk.holds(&HoldFilter::default()).len(), 1);
    rig.stays_open(&mut waiting).await;
    assert!(rig.desk.table().own.is_empty(), "nothing is waited for that will not come");
}

#[tokio::test]
async fn an_edited_call_is_made_as_it_was_edited() {
    let rig = Rig::new();
    let mut waiting = rig.waits(1).await;
    let (id, shown) = (waiting.id(), waiting.digest());
    let packed = rig.pack(br#"{"amount":5}"#);
    let request = packed.reference;
    let edit = Edit {
        voter: voter("bob", &["finance"]),
        shown,
        version: 1,
        arguments: Mark([9; 16]),
        text: r#"{"amount":5}"#.into(),
        request: packed,
        reason: None,
    };
    let standing = rig.desk.edit(id, edit).await.unwrap();
    assert_eq!((standing.version, standing.state), (2, State::Pending));
    let own = rig.approve("bob", id).await.unwrap_err();
    assert!(matches!(own, CommandError::Refused(why) if why.code() == "own_edit"));
    rig.approve("ada", id).await.unwrap();
    let Decided::Granted(claim) = waiting.decided().await else { panic!("it is granted") };
    let edited = claim.edited().unwrap();
    assert_eq!((edited.request, edited.text.as_deref()), (request, Some(r#"{"amount":5}"#)));
    assert_eq!(claim.held().digest, shown, "what was asked is still known");
}

#[tokio::test]
async fn who_comes_by_what_the_client_was_given_learns_what_became_of_it() {
    let rig = Rig::new();
    let waiting = rig.waits(1).await;
    let (id, identity) = (waiting.id(), waiting.fact().identity);
    let other = rig.desk.rejoin(id, &Mark([99; 16])).await.unwrap();
    assert!(other.is_none(), "it is another's");
    let again = rig.desk.rejoin(id, &identity).await.unwrap();
    assert!(matches!(again, Some(Asked::Waits(again)) if again.id() == id));
    rig.approve("ada", id).await.unwrap();
    let Some(Asked::Granted(claim)) = rig.desk.rejoin(id, &identity).await.unwrap() else {
        panic!("it is granted")
    };
    claim.spend();
    assert!(rig.desk.rejoin(id, &identity).await.unwrap().is_none(), "it is made");
    let refused = rig.waits(2).await;
    let (id, identity) = (refused.id(), refused.fact().identity);
    rig.vote("ada", id, Vote::Reject).await.unwrap();
    rig.clock.turn(10_000);
    let told = rig.desk.rejoin(id, &identity).await.unwrap();
    assert!(matches!(told, Some(Asked::Refused(_))), "however late");
}

#[tokio::test]
async fn whoever_watches_is_told_of_every_change() {
    let rig = Rig::new();
    let mut changes = rig.desk.changes();
    changes.borrow_and_update();
    let waiting = rig.waits(1).await;
    assert!(changes.has_changed().unwrap());
    changes.borrow_and_update();
    rig.approve("ada", waiting.id()).await.unwrap();
    assert!(changes.has_changed().unwrap());
}

#[tokio::test]
async fn a_claim_whose_dispatch_was_begun_is_spent_unless_it_is_given_back() {
    let rig = Rig::new();
    let waiting = rig.waits(1).await;
    rig.approve("ada", waiting.id()).await.unwrap();
    let Asked::Granted(mut claim) = rig.ask(1).await else { panic!("it is granted") };
    claim.begin();
    claim.give_back();
    let Asked::Granted(mut claim) = rig.ask(1).await else { panic!("it was given back") };
    claim.begin();
    drop(claim);
    assert!(matches!(rig.ask(1).await, Asked::Waits(waiting) if waiting.is_new()));
}
