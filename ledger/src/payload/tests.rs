//! What the payload store promises, on the memory backend.

mod encryption;

mod key_files;

use super::{DEPTH, Effort, Keys, Packer, Recent, Unpacked, load};
use crate::backend::memory::MemoryLog;
use crate::log::{Address, Batch, Log, ReadError, Reader, Scope};
use crate::{Entry, Ledger, Options, Sequence, WriterTask};
use bytes::Bytes;
use events::{Draft, EventId, GatewayStopped, PayloadRef, SessionId, Timestamp};
use proptest::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use ulid::Ulid;

const SESSION: SessionId = SessionId::new(Ulid(7));

fn ledger() -> (Ledger, WriterTask) {
    let options = Options {
        source: "test/0".into(),
        queue_max: 8,
        append_timeout: Duration::from_secs(5),
        keys: Keys::random().unwrap(),
    };
    let log: Box<dyn Log> = Box::new(MemoryLog::new());
    Ledger::start(log, options).unwrap()
}

async fn store(ledger: &Ledger, content: &[u8], cuts: &[usize]) -> PayloadRef {
    record(ledger, Unpacked { session: SESSION, is_first: false, bytes: content, cuts, kept: true })
        .await
}

async fn record(ledger: &Ledger, content: Unpacked<'_>) -> PayloadRef {
    let session = Some(content.session);
    let packed = ledger.pack(content).unwrap();
    let reference = packed.reference;
    let draft = Draft {
        id: EventId::new(Ulid(1)),
        time: Timestamp::default(),
        session,
        cause: None,
        call: None,
        fact: GatewayStopped { cancelled: 0, reason: String::new() },
    };
    ledger
        .record(Entry { draft, also: Vec::new(), payloads: vec![packed], reserved: false })
        .await
        .unwrap();
    reference
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// A body of turns between a head and a tail, with the ends of its turns.
fn body(turns: &[String], tail: &str) -> (Vec<u8>, Vec<usize>) {
    let mut text = String::from("{\"messages\":[");
    let mut cuts = Vec::new();
    for turn in turns {
        text.push_str(turn);
        cuts.push(text.len());
        text.push(',');
    }
    text.push_str(tail);
    (text.into_bytes(), cuts)
}

#[test]
fn a_conversation_sent_again_costs_what_is_new() {
    runtime().block_on(async {
        let (ledger, _task) = ledger();
        let tools = "\"tools\":".to_owned() + &"0123456789abcdef".repeat(512);
        let mut turns = Vec::new();
        let mut costs = Vec::new();
        for number in 0..2 * DEPTH {
            turns.push(format!("{{\"role\":\"user\",\"content\":\"turn number {number}\"}}"));
            let (content, cuts) = body(&turns, &tools);
            let before = ledger.written().payload_bytes;
            let reference = store(&ledger, &content, &cuts).await;
            costs.push(ledger.written().payload_bytes - before);
            let loaded = load(&**ledger.reader(), ledger.keys(), SESSION, &reference).unwrap();
            assert_eq!(loaded.as_deref(), Some(content.as_slice()));
        }
        costs.sort_unstable();
        let dear = costs.iter().filter(|cost| 200 < **cost).count();
        assert!(dear <= 3, "{dear} of {} turns cost over 200 bytes: {costs:?}", costs.len());
    });
}

#[test]
fn whoever_remembers_reads_a_conversation_once() {
    runtime().block_on(async {
        let (ledger, _task) = ledger();
        let (mut turns, mut references) = (Vec::new(), Vec::new());
        for number in 0..40 {
            turns.push(format!("{{\"content\":\"turn number {number} of a long talk\"}}"));
            let (content, cuts) = body(&turns, "]}");
            references.push((store(&ledger, &content, &cuts).await, content));
        }
        let counting = Counting(ledger.reader().as_ref(), AtomicUsize::new(0));
        let mut recent = Recent::default();
        for (reference, content) in &references {
            let loaded = recent.load(&counting, ledger.keys(), SESSION, reference).unwrap();
            assert_eq!(loaded.as_deref(), Some(content.as_slice()));
        }
        assert_eq!(counting.1.into_inner(), 2 * references.len(), "a key and a link each");
    });
}

/// Counts the payloads that are read.
struct Counting<'a>(&'a dyn Reader, AtomicUsize);

impl Reader for Counting<'_> {
    fn next(&self) -> Sequence {
        self.0.next()
    }

    fn read(&self, from: Sequence, bytes_max: usize) -> Result<Vec<Bytes>, ReadError> {
        self.0.read(from, bytes_max)
    }

    fn payload(&self, scope: Scope, address: Address) -> Result<Option<Bytes>, ReadError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.payload(scope, address)
    }
}

#[test]
fn a_payload_nobody_stored_is_absent_and_no_error() {
    let reference = PayloadRef { bytes: 1, digest: events::Digest([9; 32]), discarded: false };
    assert!(
        load(&*MemoryLog::new().reader(), &Keys::none(), SESSION, &reference).unwrap().is_none()
    );
}

#[test]
fn a_session_has_one_key_however_many_others_begin_before_its_first_payload_is_durable() {
    let (mut log, keys) = (MemoryLog::new(), Keys::random().unwrap());
    let packer = Packer::new(log.reader(), keys.clone());
    let pack = |session: u128, bytes: &[u8]| {
        let session = SessionId::new(Ulid(session));
        let content = Unpacked { session, is_first: false, bytes, cuts: &[], kept: true };
        packer.pack(content, Effort::Careful).unwrap()
    };
    let first = pack(7, b"first");
    for other in 1000..4000 {
        pack(other, b"other");
    }
    let second = pack(7, b"second");
    for packed in [&first, &second] {
        let (records, payloads) = (vec![Bytes::from_static(b"{}")], packed.sealed.clone());
        log.append(&Batch { records, payloads }).unwrap();
    }
    for (packed, content) in [(first, "first"), (second, "second")] {
        let loaded = load(&*log.reader(), &keys, SESSION, &packed.reference).unwrap();
        assert_eq!(loaded.as_deref(), Some(content.as_bytes()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_stored_comes_back(
        steps in prop::collection::vec(
            (prop::collection::vec("[a-c]{0,300}", 0..6), "[x-z]{0,300}"), 1..12,
        ),
    ) {
        runtime().block_on(async {
            let (ledger, _task) = ledger();
            for (turns, tail) in &steps {
                let (content, cuts) = body(turns, tail);
                let reference = store(&ledger, &content, &cuts).await;
                let loaded = load(&**ledger.reader(), ledger.keys(), SESSION, &reference).unwrap();
                assert_eq!(loaded.as_deref(), Some(content.as_slice()));
            }
        });
    }
}
