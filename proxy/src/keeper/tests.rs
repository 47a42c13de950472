//! Erasures of sessions of which one has calls under way.

use super::{Erasure, Keeper, KeeperError, Order};
use crate::custody::plain;
use analytics::Criterion;
use events::{Draft, MessageRelayed, Principal, Relay, SessionId};
use ledger::backend::memory::MemoryLog;
use ledger::payload::{Keys, Packed, Unpacked, load};
use ledger::{Entry, Ledger, Options};
use std::time::Duration;
use ulid::Ulid;

const SESSIONS: [SessionId; 3] =
    [SessionId::new(Ulid(1)), SessionId::new(Ulid(2)), SessionId::new(Ulid(3))];

fn pack(ledger: &Ledger, session: SessionId) -> Packed {
    let bytes = b"hello".as_slice();
    ledger.pack(Unpacked { session, is_first: false, bytes, cuts: &[], kept: true }).unwrap()
}

async fn say(ledger: &Ledger, session: SessionId) {
    let packed = pack(ledger, session);
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
    let draft = Draft { session: Some(session), ..plain(fact) };
    let payloads = vec![packed];
    ledger.record(Entry { draft, also: Vec::new(), payloads, reserved: false }).await.unwrap();
}

#[tokio::test]
async fn one_busy_session_keeps_no_other_from_being_erased_and_is_erased_when_it_rests() {
    let options = Options {
        source: "test/0".into(),
        queue_max: 8,
        append_timeout: Duration::from_millis(20),
        keys: Keys::random().unwrap(),
    };
    let (ledger, _task) = Ledger::start(Box::new(MemoryLog::new()), options).unwrap();
    let before = SESSIONS.map(|session| pack(&ledger, session).reference);
    for session in SESSIONS {
        say(&ledger, session).await;
    }
    let under_way = pack(&ledger, SESSIONS[1]);
    let keeper = Keeper::new(ledger.clone());
    let order = || Order {
        criterion: Criterion { subject: Some("ada".into()), ..Criterion::default() },
        said: "subject ada".into(),
        by: "cleo".into(),
        basis: "article 17".into(),
    };
    let error = keeper.erase(order()).await.unwrap_err();
    assert!(matches!(error, KeeperError::Unfinished(_)), "{error}");
    let kept = |number: usize| {
        load(&**ledger.reader(), ledger.keys(), SESSIONS[number], &before[number])
            .unwrap()
            .is_some()
    };
    assert_eq!([kept(0), kept(1), kept(2)], [false, true, false]);
    drop(under_way);
    let Erasure { sessions, .. } = keeper.complete().await.unwrap();
    assert_eq!((sessions, kept(1)), (1, false));
}
