//! Who waits for whom.

use crate::backend::memory::MemoryStore;
use crate::log::{AppendError, Batch, Erased, Log, Reader, Scope};
use crate::payload::Keys;
use crate::{Entry, Health, Ledger, Options, RecordError, Sequence, WriterTask};
use events::{Draft, Envelope, EventId, GatewayStopped, Timestamp};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use ulid::Ulid;

/// A log whose appends each wait for the test.
struct Gated {
    log: Box<dyn Log>,
    /// Whether there is no room but the reserve.
    full: bool,
    began: Sender<()>,
    go: Receiver<()>,
}

impl Log for Gated {
    fn append(&mut self, batch: &Batch) -> Result<(), AppendError> {
        self.wait();
        if self.full {
            return Err(AppendError::Full { detail: "told so".into() });
        }
        self.log.append(batch)
    }
    fn append_reserved(&mut self, batch: &Batch) -> Result<(), AppendError> {
        self.wait();
        self.log.append(batch)
    }
    fn is_on_reserve(&self) -> bool {
        self.full
    }
    fn erase(&mut self, scopes: &[Scope]) -> Result<Erased, AppendError> {
        self.log.erase(scopes)
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

impl Gated {
    fn wait(&self) {
        // An error of either means that the test is over.
        let _told = self.began.send(());
        let _let_go = self.go.recv();
    }
}

/// A ledger whose appends wait for the test.
struct Stage {
    runtime: Runtime,
    ledger: Ledger,
    beginning: Receiver<()>,
    let_go: Sender<()>,
    _task: WriterTask,
}

impl Stage {
    fn new(full: bool, append_timeout: Duration) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(3).enable_all().build().unwrap();
        let (began, beginning) = channel();
        let (let_go, go) = channel();
        let log = Box::new(MemoryStore::default().open().unwrap());
        let log = Box::new(Gated { log, full, began, go });
        let keys = Keys::none();
        let options = Options { source: "s".into(), queue_max: 16, append_timeout, keys };
        let (ledger, task) = runtime.block_on(async { Ledger::start(log, options) }).unwrap();
        Self { runtime, ledger, beginning, let_go, _task: task }
    }

    /// Records in the background.
    fn record(&self, reserved: bool) -> JoinHandle<Result<u64, RecordError>> {
        let ledger = self.ledger.clone();
        self.runtime.spawn(async move {
            let entry = Entry { reserved, ..Entry::from(draft()) };
            ledger.record(entry).await.map(|recorded| recorded.sequence().number())
        })
    }

    /// Waits until so many submissions are with the writer's task.
    fn until_queued(&self, count: usize) {
        while self.ledger.queued() < count {
            std::thread::yield_now();
        }
    }

    fn end<T>(&self, task: JoinHandle<T>) -> T {
        let ended = async { tokio::time::timeout(Duration::from_secs(30), task).await };
        self.runtime.block_on(ended).expect("it does not end").unwrap()
    }
}

fn draft() -> Draft<GatewayStopped> {
    Draft {
        id: EventId::new(Ulid(1)),
        time: Timestamp::default(),
        session: None,
        cause: None,
        call: None,
        fact: GatewayStopped { cancelled: 0, reason: String::new() },
    }
}

#[test]
fn whoever_is_durable_is_told_while_the_next_append_hangs() {
    let stage = Stage::new(false, Duration::from_mins(1));
    let first = stage.record(false);
    stage.beginning.recv().unwrap();
    let second = stage.record(false);
    stage.let_go.send(()).unwrap();
    stage.beginning.recv().unwrap();
    let third = stage.record(false);
    stage.let_go.send(()).unwrap();
    stage.beginning.recv().unwrap();
    // The third append is under way and does not end.
    for durable in [first, second] {
        stage.end(durable).unwrap();
    }
    stage.let_go.send(()).unwrap();
    stage.end(third).unwrap();
}

#[test]
fn once_somebody_waited_too_long_others_are_refused_at_once_until_the_log_answers() {
    let stage = Stage::new(false, Duration::from_millis(50));
    let first = stage.record(false);
    stage.beginning.recv().unwrap();
    let second = stage.record(false);
    let error = stage.end(second).unwrap_err();
    assert!(matches!(error, RecordError::TimedOut(_)), "{error}");
    assert!(stage.ledger.is_late());
    let error = stage.end(stage.record(false)).unwrap_err();
    assert!(matches!(error, RecordError::Late(_)), "{error}");
    let outcome = stage.end(stage.record(true)).unwrap_err();
    assert!(matches!(outcome, RecordError::TimedOut(_)), "an outcome waits its time: {outcome}");
    for _ in 0..2 {
        stage.let_go.send(()).unwrap();
    }
    stage.end(first).unwrap();
    stage.runtime.block_on(stage.ledger.check());
    assert!(!stage.ledger.is_late());
    stage.let_go.send(()).unwrap();
    assert_eq!(stage.end(stage.record(false)).unwrap(), 3, "what came too late is there");
}

#[test]
fn where_a_batch_has_no_room_what_may_use_the_reserve_is_kept_and_the_others_are_told() {
    let stage = Stage::new(true, Duration::from_mins(1));
    let first = stage.record(true);
    stage.beginning.recv().unwrap();
    let others = [false, true, false, true].map(|reserved| {
        let queued = stage.ledger.queued();
        let task = stage.record(reserved);
        stage.until_queued(queued + 1);
        task
    });
    // One for the first, two for the others, and as many as it takes if they do not share a batch.
    for _ in 0..8 {
        stage.let_go.send(()).unwrap();
    }
    assert_eq!(stage.end(first).unwrap(), 0);
    let ended = others.map(|task| stage.end(task).map_err(|error| error.to_string()));
    let [Err(refused), Ok(1 | 2), Err(_), Ok(1 | 2)] = &ended else { panic!("{ended:?}") };
    assert!(refused.contains("told so"));
    let records = stage.ledger.reader().read(Sequence::FIRST, usize::MAX).unwrap();
    let sequences = records.iter().map(|record| Envelope::parse(record).unwrap().sequence);
    assert_eq!(sequences.collect::<Vec<_>>(), [0, 1, 2]);
    assert!(matches!(&*stage.ledger.health().borrow(), Health::Full(_)));
    assert!(stage.ledger.written().on_reserve);
}
