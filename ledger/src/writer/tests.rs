//! Who waits for whom.

use crate::backend::memory::MemoryStore;
use crate::log::{AppendError, Batch, Log, Reader};
use crate::payload::Keys;
use crate::{Ledger, Options, Sequence};
use events::{Draft, EventId, GatewayStopped, Timestamp};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use ulid::Ulid;

/// A log whose appends each wait for the test.
struct Gated {
    log: Box<dyn Log>,
    began: Sender<()>,
    go: Receiver<()>,
}

impl Log for Gated {
    fn append(&mut self, batch: &Batch) -> Result<(), AppendError> {
        // An error of either means that the test is over.
        let _told = self.began.send(());
        let _let_go = self.go.recv();
        self.log.append(batch)
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
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(3).enable_all().build().unwrap();
    let (began, beginning) = channel();
    let (let_go, go) = channel();
    let log = Box::new(Gated { log: Box::new(MemoryStore::default().open().unwrap()), began, go });
    let append_timeout = Duration::from_mins(1);
    let keys = Keys::none();
    let options = Options { source: "s".into(), queue_max: 16, append_timeout, keys };
    let (ledger, _task) = runtime.block_on(async { Ledger::start(log, options) }).unwrap();
    let record = || {
        let ledger = ledger.clone();
        runtime.spawn(async move { ledger.record(draft()).await.map(drop) })
    };
    let first = record();
    beginning.recv().unwrap();
    let second = record();
    let_go.send(()).unwrap();
    beginning.recv().unwrap();
    let third = record();
    let_go.send(()).unwrap();
    beginning.recv().unwrap();
    // The third append is under way and does not end.
    for durable in [first, second] {
        let told = async { tokio::time::timeout(Duration::from_secs(30), durable).await };
        runtime.block_on(told).expect("not told").unwrap().unwrap();
    }
    drop(let_go);
    runtime.block_on(third).unwrap().unwrap();
}
