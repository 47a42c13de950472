//! The handle that callers hold: record, wait until durable, get a receipt.

mod erasure;

use crate::breaker::Breaker;

use crate::log::{BATCH_RECORDS_MAX, Log, RECORD_BYTES_MAX, Reader};
use crate::payload::{Effort, Keys, PackError, Packed, Packer, Unpacked};
use crate::stall::StallWatch;
use crate::writer::{Blank, Health, Submission, Turns, WriteError, Writer};
use crate::written::{Counters, Written};
use crate::{Recorded, Sequence};
use events::{Draft, Event, Fact};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{
    self,
    error::{SendTimeoutError, TrySendError},
};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// When so many submissions wait, time is what is short.
const BUSY: usize = 8;

/// How a ledger is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The shard's name: CloudEvents `source`.
    pub source: Arc<str>,
    /// How many submissions may wait; more have to wait for a place.
    pub queue_max: usize,
    /// How long a caller waits for durability before it is told that it failed.
    pub append_timeout: Duration,
    /// What payloads are encrypted with.
    pub keys: Keys,
}

/// What is recorded at once: an event, others that belong to it, and the payloads they name.
#[derive(Debug)]
pub struct Entry<F> {
    /// The event that the receipt will be about.
    pub draft: Draft<F>,
    /// Events recorded behind it in the same batch.
    pub also: Vec<Draft<Event>>,
    /// The payloads that the events name.
    pub payloads: Vec<Packed>,
    /// Whether the reserve may be used where the disk is full, and how late the log is does not
    /// matter: for what was already done alone.
    pub reserved: bool,
}

impl<F> Entry<F> {
    /// The same, of something that was already done.
    #[must_use]
    pub fn reserved(self) -> Self {
        Self { reserved: true, ..self }
    }
}

impl<F> From<Draft<F>> for Entry<F> {
    fn from(draft: Draft<F>) -> Self {
        Self { draft, also: Vec::new(), payloads: Vec::new(), reserved: false }
    }
}

/// Why something was not recorded, or is not known to be.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// An event is over the limit; nothing was recorded.
    #[error("an event of {bytes} bytes is over the ledger's limit of {RECORD_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The event could not be encoded; nothing was recorded.
    #[error("an event could not be encoded: {0}")]
    Encoding(#[from] serde_json::Error),
    /// The disk is full; nothing was recorded.
    #[error("{0}")]
    Full(Arc<str>),
    /// The ledger has stopped; whether this was recorded is found out when it is opened anew.
    #[error("{0}")]
    Stopped(Arc<str>),
    /// Payloads were to be erased, and were not; nothing was recorded.
    #[error("no payload was erased: {0}")]
    NotErased(Arc<str>),
    /// Payloads were erased, and that is not on record; erase once more, it will be.
    #[error("payloads were erased, but no event says so: {0}")]
    Unrecorded(Arc<str>),
    /// It is not durable within the time allowed; it may become so later.
    #[error("the ledger did not make an event durable within {0:?}")]
    TimedOut(Duration),
    /// Others wait for longer than allowed already; nothing was recorded.
    #[error("the ledger has not answered for more than {0:?}; nothing is accepted until it does")]
    Late(Duration),
}

/// A recording that is under way. Dropping it does not stop it.
#[derive(Debug)]
pub struct Pending<F> {
    draft: Option<Draft<F>>,
    payloads: Vec<Packed>,
    done: oneshot::Receiver<Result<Sequence, WriteError>>,
    packer: Arc<Packer>,
    breaker: Arc<Breaker>,
    timeout: Duration,
}

struct Shared {
    turns: Turns,
    queue: mpsc::Sender<Submission>,
    reader: Arc<dyn Reader>,
    packer: Arc<Packer>,
    options: Options,
    committed: watch::Receiver<Sequence>,
    health: watch::Receiver<Health>,
    counters: Arc<Counters>,
    breaker: Arc<Breaker>,
}

/// The ledger; cheap to clone.
#[derive(Clone)]
pub struct Ledger(Arc<Shared>);

/// The writer's task; joined at the end.
#[derive(Debug)]
pub struct WriterTask(JoinHandle<()>);

impl WriterTask {
    /// Waits until everything queued is durable. Every [`Ledger`] must be dropped before.
    pub async fn join(self) -> Result<(), io::Error> {
        self.0.await.map_err(|error| io::Error::other(format!("the ledger's writer: {error}")))
    }
}

impl Ledger {
    /// Starts the one writer of `log` as a task of the runtime that this is called in. A runtime
    /// with one thread does nothing else while the disk syncs.
    pub fn start(log: Box<dyn Log>, options: Options) -> io::Result<(Self, WriterTask)> {
        let reader = log.reader();
        let (queue, waiting) = mpsc::channel(options.queue_max.max(1));
        let (committed, committed_seen) = watch::channel(log.next());
        let (health, health_seen) = watch::channel(Health::Well);
        let counters = Arc::new(Counters::default());
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let stall = StallWatch::start(runtime.clone())?;
        let breaker = Arc::new(Breaker::new(stall.appends(), options.append_timeout));
        let turns = Turns::new(Writer {
            log,
            committed,
            health,
            counters: Arc::clone(&counters),
            stall,
            breaker: Arc::clone(&breaker),
            slow: false,
            appending: false,
        });
        let task = runtime.spawn(turns.clone().run(waiting));
        let shared = Shared {
            turns,
            queue,
            packer: Arc::new(Packer::new(Arc::clone(&reader), options.keys.clone())),
            reader,
            options,
            committed: committed_seen,
            health: health_seen,
            counters,
            breaker,
        };
        Ok((Self(Arc::new(shared)), WriterTask(task)))
    }

    /// Makes content ready to be recorded with an event of its session that names it.
    pub fn pack(&self, content: Unpacked<'_>) -> Result<Packed, PackError> {
        let waiting = self.0.queue.max_capacity() - self.0.queue.capacity();
        let effort = if BUSY <= waiting { Effort::Hurried } else { Effort::Careful };
        self.0.packer.pack(content, effort)
    }

    /// How many submissions are on their way to the writer's task, or with it.
    #[cfg(test)]
    pub(crate) fn queued(&self) -> usize {
        self.0.turns.queued()
    }

    /// Records, and returns when the event, all that belongs to it and every payload are durable
    /// by the backend's rule. On an error nothing may be done that depends on the event.
    pub async fn record<F: Fact>(
        &self,
        entry: impl Into<Entry<F>>,
    ) -> Result<Recorded<F>, RecordError> {
        let mut pending = self.submit(entry.into()).await?;
        pending.durable().await
    }

    /// Records an event of any kind; see [`Ledger::record`].
    pub async fn record_event(&self, draft: Draft<Event>) -> Result<Sequence, RecordError> {
        let (bytes, sequence_at) = draft.encode_event(&self.0.options.source)?;
        let mut pending: Pending<()> =
            self.enqueue(None, vec![Blank { bytes, sequence_at }], (Vec::new(), false)).await?;
        pending.sequence().await
    }

    /// Begins to record, for a caller that must learn the end even if it comes too late.
    pub async fn submit<F: Fact>(&self, entry: Entry<F>) -> Result<Pending<F>, RecordError> {
        let source = &self.0.options.source;
        let mut records = Vec::with_capacity(1 + entry.also.len());
        let (bytes, sequence_at) = entry.draft.encode(source)?;
        records.push(Blank { bytes, sequence_at });
        for draft in &entry.also {
            let (bytes, sequence_at) = draft.encode_event(source)?;
            records.push(Blank { bytes, sequence_at });
        }
        self.enqueue(Some(entry.draft), records, (entry.payloads, entry.reserved)).await
    }

    async fn enqueue<F>(
        &self,
        draft: Option<Draft<F>>,
        records: Vec<Blank>,
        (payloads, reserved): (Vec<Packed>, bool),
    ) -> Result<Pending<F>, RecordError> {
        check(&records)?;
        let timeout = self.0.options.append_timeout;
        if !reserved && self.is_late() {
            return Err(RecordError::Late(timeout));
        }
        let (done, receiver) = oneshot::channel();
        let sealed = payloads.iter().flat_map(|packed| packed.sealed.iter().cloned()).collect();
        let premises = payloads.iter().filter_map(|packed| packed.premise.clone()).collect();
        let submission = Submission {
            records,
            payloads: sealed,
            reserved,
            premises,
            erasure: None,
            has_erased: false,
            done,
        };
        if let Err(submission) = self.0.turns.append_alone(submission) {
            let queueing = self.0.turns.queue_one();
            match self.0.queue.try_send(submission) {
                Ok(()) => {}
                Err(TrySendError::Closed(_)) => return Err(stopped()),
                Err(TrySendError::Full(submission)) => {
                    let sent = self.0.queue.send_timeout(submission, timeout).await;
                    sent.map_err(|error| match error {
                        SendTimeoutError::Timeout(_) => {
                            self.0.breaker.note_late();
                            RecordError::Late(timeout)
                        }
                        SendTimeoutError::Closed(_) => stopped(),
                    })?;
                }
            }
            queueing.done();
        }
        let packer = Arc::clone(&self.0.packer);
        let breaker = Arc::clone(&self.0.breaker);
        Ok(Pending { draft, payloads, done: receiver, packer, breaker, timeout })
    }

    /// Reads what is committed.
    pub fn reader(&self) -> &Arc<dyn Reader> {
        &self.0.reader
    }

    /// What its payloads are read with.
    pub fn keys(&self) -> &Keys {
        &self.0.options.keys
    }

    /// Where the next event will stand, as it changes.
    pub fn committed(&self) -> watch::Receiver<Sequence> {
        self.0.committed.clone()
    }

    /// Whether events are being recorded, as it changes.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.0.health.clone()
    }

    /// Whether somebody waits longer than allowed for the log: nothing is accepted then but what
    /// was already done.
    pub fn is_late(&self) -> bool {
        self.0.breaker.is_open()
    }

    /// Looks whether what was written can still be found; what is wrong is said by
    /// [`Ledger::health`].
    pub async fn check(&self) {
        self.0.turns.check().await;
    }

    /// What was written since the start.
    pub fn written(&self) -> Written {
        self.0.counters.read()
    }
}

impl<F> Pending<F> {
    /// Waits for the receipt, as long as the ledger's timeout allows. After
    /// [`RecordError::TimedOut`] it may be called again; after any other result it may not.
    pub async fn durable(&mut self) -> Result<Recorded<F>, RecordError> {
        let sequence = self.sequence().await?;
        let draft = self.draft.take().ok_or_else(stopped)?;
        Ok(Recorded::attest(draft, sequence))
    }

    /// Waits for the place alone.
    async fn sequence(&mut self) -> Result<Sequence, RecordError> {
        let timeout = self.timeout;
        let waited = tokio::time::timeout(timeout, &mut self.done).await;
        let told = if let Ok(told) = waited {
            told.map_err(|_| stopped())?
        } else {
            self.breaker.note_late();
            let told = self.done.try_recv().map_err(|_| RecordError::TimedOut(timeout))?;
            self.breaker.note_answer();
            told
        };
        let sequence = told.map_err(|error| match error {
            WriteError::Full(detail) => RecordError::Full(detail),
            WriteError::Stopped(detail) => RecordError::Stopped(detail),
            WriteError::NotErased(detail) => RecordError::NotErased(detail),
            WriteError::Unrecorded(detail) => RecordError::Unrecorded(detail),
        })?;
        for packed in self.payloads.drain(..) {
            self.packer.confirm(packed);
        }
        Ok(sequence)
    }
}

fn check(records: &[Blank]) -> Result<(), RecordError> {
    let largest = records.iter().map(|record| record.bytes.len()).max().unwrap_or_default();
    if RECORD_BYTES_MAX < largest || BATCH_RECORDS_MAX < records.len() {
        return Err(RecordError::TooLarge { bytes: largest });
    }
    Ok(())
}

fn stopped() -> RecordError {
    RecordError::Stopped("the ledger was closed".into())
}
