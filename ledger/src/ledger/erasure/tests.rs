//! Sessions that go on while they are erased.

use crate::backend::file::{FileLog, Options as FileOptions};
use crate::backend::memory::{MemoryLog, MemoryStore};
use crate::log::{AppendError, Batch, Erased, Log, Reader, Scope};
use crate::payload::{Keys, Packed, Unpacked, load, scope};
use crate::{Entry, Ledger, Options, RecordError, Sequence};
use events::{Draft, Event, EventId, GatewayStopped, PayloadRef, SessionId, Timestamp};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::runtime::Runtime;
use ulid::Ulid;

const SESSION: SessionId = SessionId::new(Ulid(7));

fn draft(reason: String) -> Draft<GatewayStopped> {
    Draft {
        id: EventId::new(Ulid(1)),
        time: Timestamp::default(),
        session: Some(SESSION),
        cause: None,
        call: None,
        fact: GatewayStopped { cancelled: 0, reason },
    }
}

fn erasure(erased: Erased) -> Draft<Event> {
    let Draft { id, time, session, cause, call, fact } = draft(format!("erased {erased:?}"));
    Draft { id, time, session, cause, call, fact: fact.into() }
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(3).enable_all().build().unwrap()
}

fn start(runtime: &Runtime, log: Box<dyn Log>, append_timeout: Duration) -> Ledger {
    let keys = Keys::random().unwrap();
    let options = Options { source: "test/0".into(), queue_max: 4, append_timeout, keys };
    runtime.block_on(async { Ledger::start(log, options) }).unwrap().0
}

/// A conversation of so many turns, with the ends of them.
fn conversation(of: usize, turns: usize) -> (Vec<u8>, Vec<usize>) {
    let mut text = format!("[\"conversation {of}\"");
    let mut cuts = Vec::new();
    for turn in 0..=turns {
        let words = "some words ".repeat(20);
        write!(text, ",{{\"turn\":{turn},\"said\":\"{words}\"}}").unwrap();
        cuts.push(text.len());
    }
    text.push(']');
    (text.into_bytes(), cuts)
}

fn pack(ledger: &Ledger, content: &[u8], cuts: &[usize]) -> Packed {
    ledger
        .pack(Unpacked { session: SESSION, is_first: false, bytes: content, cuts, kept: true })
        .unwrap()
}

async fn record(ledger: &Ledger, packed: Packed) -> Result<Sequence, RecordError> {
    let entry = Entry { payloads: vec![packed], ..Entry::from(draft(String::new())) };
    Ok(ledger.record(entry).await?.sequence())
}

fn read(ledger: &Ledger, reference: &PayloadRef) -> Option<Vec<u8>> {
    load(&**ledger.reader(), ledger.keys(), SESSION, reference).unwrap()
}

struct Told {
    at: Sequence,
    reference: PayloadRef,
    content: Vec<u8>,
}

/// Packs and records until it is told to stop, and twice more.
async fn talk(ledger: Ledger, of: usize, over: Arc<AtomicBool>) -> Vec<Told> {
    let mut told = Vec::new();
    let mut left = 2;
    while left > 0 {
        left -= usize::from(over.load(Ordering::Acquire));
        let (content, cuts) = conversation(of, told.len());
        let packed = pack(&ledger, &content, &cuts);
        let reference = packed.reference;
        let at = record(&ledger, packed).await.unwrap();
        told.push(Told { at, reference, content });
        tokio::task::yield_now().await;
    }
    told
}

/// Erases a session again and again while it goes on.
fn assert_erasures_part_a_session(log: Box<dyn Log>, talkers: usize, erasures: u64) {
    let runtime = runtime();
    let ledger = start(&runtime, log, Duration::from_mins(1));
    let over = Arc::new(AtomicBool::new(false));
    let talks: Vec<_> =
        (0..talkers).map(|of| runtime.spawn(talk(ledger.clone(), of, Arc::clone(&over)))).collect();
    let mut last = Sequence::FIRST;
    for _ in 0..erasures {
        let erased = runtime.block_on(ledger.erase(vec![scope(SESSION)], erasure));
        let (at, erased) = erased.unwrap();
        let records = ledger.reader().read(at, 1).unwrap();
        let text = String::from_utf8_lossy(&records[0]).into_owned();
        assert!(text.contains(&format!("{erased:?}")), "{text}");
        last = at;
    }
    over.store(true, Ordering::Release);
    let (mut before, mut behind) = (0, 0);
    for talk in talks {
        for Told { at, reference, content } in runtime.block_on(talk).unwrap() {
            let found = read(&ledger, &reference);
            if at < last {
                assert_eq!(found, None, "recorded at {at}, erased at {last}");
                before += 1;
            } else {
                assert_eq!(found, Some(content), "recorded at {at}, erased at {last}");
                behind += 1;
            }
        }
    }
    assert!(before > 0 && behind >= 2 * talkers, "{before} before, {behind} behind");
}

#[test]
fn what_a_session_records_behind_an_erasure_is_readable_and_nothing_from_before() {
    assert_erasures_part_a_session(Box::new(MemoryLog::new()), 1, 300);
    assert_erasures_part_a_session(Box::new(MemoryLog::new()), 2, 100);
}

#[test]
fn in_files_too_what_is_behind_an_erasure_is_readable_and_nothing_from_before() {
    let dir = tempfile::tempdir().unwrap();
    let options = FileOptions {
        event_segment_bytes: 65_536,
        payload_segment_bytes: 65_536,
        journal_bytes: 16_384,
        ..FileOptions::default()
    };
    let (log, _) = FileLog::open(dir.path(), &options).unwrap();
    assert_erasures_part_a_session(Box::new(log), 2, 20);
}

#[test]
fn an_erasure_waits_for_what_is_packed_and_gives_up_in_time() {
    let runtime = runtime();
    let ledger = start(&runtime, Box::new(MemoryLog::new()), Duration::from_millis(50));
    let (content, cuts) = conversation(0, 3);
    let packed = pack(&ledger, &content, &cuts);
    let erase = || runtime.block_on(ledger.erase(vec![scope(SESSION)], erasure));
    assert!(matches!(erase(), Err(RecordError::NotErased(_))));
    let reference = packed.reference;
    runtime.block_on(record(&ledger, packed)).unwrap();
    assert!(read(&ledger, &reference).is_some());
    let (at, erased) = erase().unwrap();
    assert_eq!((at.number(), erased.payloads), (1, 2));
    assert_eq!(read(&ledger, &reference), None);
}

/// A log whose appends wait for the test, and which erases nothing.
struct Unerasable {
    log: MemoryLog,
    began: Sender<()>,
    go: Receiver<()>,
}

impl Log for Unerasable {
    fn append(&mut self, batch: &Batch) -> Result<(), AppendError> {
        // An error of either means that the test lets everything pass.
        let _told = self.began.send(());
        let _let_go = self.go.recv();
        self.log.append(batch)
    }
    fn erase(&mut self, _: &[Scope]) -> Result<Erased, AppendError> {
        Err(AppendError::Refused { reason: "it cannot be".into() })
    }
    fn next(&self) -> Sequence {
        self.log.next()
    }
    fn stored_bytes(&self) -> u64 {
        0
    }
    fn reader(&self) -> Arc<dyn Reader> {
        self.log.reader()
    }
}

#[test]
fn what_was_packed_on_an_erasure_that_is_refused_is_not_recorded_and_spoils_nothing() {
    let runtime = runtime();
    let (began, beginning) = channel();
    let (let_go, go) = channel();
    let mut store = MemoryLog::new();
    store.append(&Batch::default()).unwrap();
    let log = Box::new(Unerasable { log: store, began, go });
    let ledger = start(&runtime, log, Duration::from_mins(1));
    let (content, cuts) = conversation(0, 3);
    let let_pass = || {
        beginning.recv().unwrap();
        let_go.send(()).unwrap();
    };
    let spawn = |packed: Packed| {
        let ledger = ledger.clone();
        runtime.spawn(async move { record(&ledger, packed).await })
    };
    let packed = pack(&ledger, &content, &cuts);
    let early = packed.reference;
    let recorded = spawn(packed);
    let_pass();
    runtime.block_on(recorded).unwrap().unwrap();
    // While an event of no session is being appended, the erasure is queued, and more behind it.
    let other = runtime.spawn({
        let ledger = ledger.clone();
        async move { ledger.record(draft(String::new())).await.map(drop) }
    });
    beginning.recv().unwrap();
    let refused = runtime.spawn({
        let ledger = ledger.clone();
        async move { ledger.erase(vec![scope(SESSION)], erasure).await }
    });
    let (content, cuts) = conversation(0, 4);
    let packed = loop {
        let packed = pack(&ledger, &content, &cuts);
        if packed.premise.is_some() {
            break packed;
        }
        std::thread::yield_now();
    };
    let unfounded = spawn(packed);
    let_go.send(()).unwrap();
    runtime.block_on(other).unwrap().unwrap();
    let refused = runtime.block_on(refused).unwrap();
    assert!(matches!(refused, Err(RecordError::NotErased(_))), "{refused:?}");
    let unfounded = runtime.block_on(unfounded).unwrap();
    assert!(matches!(unfounded, Err(RecordError::NotErased(_))), "{unfounded:?}");
    let packed = pack(&ledger, &content, &cuts);
    let late = packed.reference;
    let recorded = spawn(packed);
    let_pass();
    runtime.block_on(recorded).unwrap().unwrap();
    assert!(read(&ledger, &early).is_some());
    assert_eq!(read(&ledger, &late), Some(content));
}

#[test]
fn an_erasure_that_ends_unknown_stops_the_ledger() {
    let runtime = runtime();
    let store = MemoryStore::default();
    let ledger = start(&runtime, Box::new(store.open().unwrap()), Duration::from_mins(1));
    store.fail_next();
    let erased = runtime.block_on(ledger.erase(vec![scope(SESSION)], erasure));
    assert!(matches!(erased, Err(RecordError::Stopped(_))), "{erased:?}");
    let recorded = runtime.block_on(ledger.record(draft(String::new())));
    assert!(matches!(recorded, Err(RecordError::Stopped(_))));
}

#[test]
fn too_many_sessions_at_once_are_refused() {
    let runtime = runtime();
    let ledger = start(&runtime, Box::new(MemoryLog::new()), Duration::from_mins(1));
    let many = vec![scope(SESSION); crate::log::ERASE_SCOPES_MAX + 1];
    let erased = runtime.block_on(ledger.erase(many, erasure));
    assert!(matches!(erased, Err(RecordError::NotErased(_))));
}
