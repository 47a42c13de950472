//! What becomes of an erasure whose peer has gone.

use super::{Desk, ErasureAsked, erase};
use crate::config::KeyHash;
use crate::custody::plain;
use crate::keeper::Keeper;
use axum::extract::{Json, State};
use events::{Draft, Envelope, Event, MessageRelayed, Principal, Relay, SessionId};
use futures_util::FutureExt as _;
use ledger::backend::memory::MemoryLog;
use ledger::payload::{Keys, Unpacked};
use ledger::{Entry, Ledger, Options, Sequence};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use ulid::Ulid;

#[tokio::test]
async fn an_erasure_is_carried_out_although_its_peer_has_gone() {
    let options = Options {
        source: "test/0".into(),
        queue_max: 8,
        append_timeout: Duration::from_secs(5),
        keys: Keys::random().unwrap(),
    };
    let (ledger, _task) = Ledger::start(Box::new(MemoryLog::new()), options).unwrap();
    let session = SessionId::new(Ulid(7));
    let content = Unpacked { session, is_first: true, bytes: b"hello", cuts: &[], kept: true };
    let packed = ledger.pack(content).unwrap();
    let fact = MessageRelayed {
        call: None,
        direction: Relay::ToAgent,
        method: "elicitation/create".into(),
        payload: packed.reference,
        principal: Principal { agent: "a".into(), owner: "ada".into(), team: "t".into() },
        upstream: "crm".into(),
    };
    let payloads = vec![packed];
    let draft = Draft { session: Some(session), ..plain(fact) };
    let entry = Entry { draft, also: Vec::new(), payloads, reserved: false };
    ledger.record(entry).await.unwrap();

    let (_stop, stopping) = watch::channel(false);
    let keeper = Arc::new(Keeper::new(ledger.clone()));
    let desk = Desk { keeper, key: KeyHash::of("a key of the operator"), stopping };
    let asked = ErasureAsked {
        sessions: Some(vec![session]),
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
