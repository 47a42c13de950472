//! What becomes of erasures that are broken off, or never begin.

use super::{Desk, ErasureAsked, erase};
use crate::config::KeyHash;
use crate::custody::plain;
use crate::keeper::Keeper;
use axum::extract::{Json, State};
use events::{
    Draft, Envelope, EraseRequested, Event, LegalHoldLifted, LegalHoldPlaced, MessageRelayed,
    Principal, Relay, SessionId,
};
use futures_util::FutureExt as _;
use ledger::backend::memory::MemoryLog;
use ledger::payload::{Keys, Unpacked};
use ledger::{Entry, Ledger, Options, Sequence};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use ulid::Ulid;

const SESSION: SessionId = SessionId::new(Ulid(7));

/// A ledger with one session that has a payload, at sequence 0.
async fn ledger() -> Ledger {
    let options = Options {
        source: "test/0".into(),
        queue_max: 8,
        append_timeout: Duration::from_secs(5),
        keys: Keys::random().unwrap(),
    };
    let (ledger, _task) = Ledger::start(Box::new(MemoryLog::new()), options).unwrap();
    let (session, bytes) = (SESSION, b"hello".as_slice());
    let content = Unpacked { session, is_first: true, bytes, cuts: &[], kept: true };
    let packed = ledger.pack(content).unwrap();
    let fact = MessageRelayed {
        call: None,
        direction: Relay::ToAgent,
        method: "elicitation/create".into(),
        payload: packed.reference,
        principal: Principal {
            actors: Vec::new(),
            agent: "a".into(),
            owner: "ada".into(),
            team: "t".into(),
        },
        upstream: "crm".into(),
    };
    let payloads = vec![packed];
    let draft = Draft { session: Some(session), ..plain(fact) };
    let entry = Entry { draft, also: Vec::new(), payloads, reserved: false };
    ledger.record(entry).await.unwrap();
    ledger
}

#[tokio::test]
async fn an_erasure_that_was_not_begun_leaves_what_a_later_hold_keeps() {
    let ledger = ledger().await;
    let keeper = Keeper::new(ledger.clone());
    let (basis, criterion) = ("GDPR, article 17".into(), "subject ada".into());
    let sessions = vec![SESSION];
    let asked = EraseRequested { basis, by: "ada".into(), criterion, sessions };
    ledger.record(plain(asked)).await.unwrap();
    let (by, reason) = ("counsel".into(), "matter 17".to_owned());
    let hold = LegalHoldPlaced { by, reason, session: None, subject: Some("ada".into()) };
    let hold = keeper.place(hold).await.unwrap();
    let erasure = keeper.complete().await.unwrap();
    assert_eq!((erasure.sessions, erasure.held), (0, vec![(SESSION, hold)]));
    let lifted = LegalHoldLifted { by: "counsel".into(), hold, reason: "closed".into() };
    keeper.lift(lifted).await.unwrap();
    assert_eq!(keeper.complete().await.unwrap().sessions, 1);
}

#[tokio::test]
async fn an_erasure_is_carried_out_although_its_peer_has_gone() {
    let ledger = ledger().await;
    let (_stop, stopping) = watch::channel(false);
    let keeper = Arc::new(Keeper::new(ledger.clone()));
    let desk = Desk { keeper, key: KeyHash::of("a key of the operator"), stopping };
    let asked = ErasureAsked {
        sessions: Some(vec![SESSION]),
        subject: None,
        before: None,
        basis: "GDPR, article 17".into(),
        by: "ada".into(),
        preview: false,
    };
    // The peer goes as soon as it has asked.
    assert!(erase(State(desk), Json(asked)).now_or_never().is_none());
    let mut committed = ledger.committed();
    let erased = committed.wait_for(|next| 2 < next.number());
    tokio::time::timeout(Duration::from_secs(20), erased).await.unwrap().unwrap();
    let records = ledger.reader().read(Sequence::new(2), 1 << 20).unwrap();
    let last = Envelope::parse(records.first().unwrap()).unwrap().event;
    assert!(matches!(last, Event::PayloadErased(_)), "{last:?}");
}

#[test]
fn what_no_event_can_hold_is_refused_before_anything_is_done() {
    let asked = |basis: usize| ErasureAsked {
        sessions: None,
        subject: Some("ada".into()),
        before: None,
        basis: "x".repeat(basis),
        by: "ada".into(),
        preview: false,
    };
    asked(4096).criterion().unwrap();
    asked(4097).criterion().unwrap_err();
}
