//! Appends, one batch at a time: of a caller that is alone at once, and else of all who wait, by a
//! task that makes them one batch and tells each.
//!
//! Callers that come while a batch is being made durable wait for the next one, so that under
//! load many share a sync; nobody is made to linger for company. The append itself blocks a thread
//! of the runtime as long as the disk is fast, because to hand it to another thread and back takes
//! longer than the sync; see `docs/decisions/0010-appends-on-the-runtime.md`.

mod laid_out;

use crate::Sequence;
use crate::breaker::Breaker;
use crate::log::{AppendError, BATCH_RECORDS_MAX, Erased, Log, Scope, Sealed};
use crate::payload::{Hold, Premise};
use crate::stall::StallWatch;
use crate::written::Counters;
use bytes::Bytes;
use laid_out::{lay_out, take_apart};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::RuntimeFlavor;
use tokio::sync::{Mutex, mpsc, oneshot, watch};

/// After an append that took longer, the runtime's other tasks are moved away from the thread that
/// makes the next one.
const FAST: Duration = Duration::from_millis(2);

/// A batch is closed when its records and payloads have this many bytes.
const BATCH_BYTES_MAX: usize = 4 << 20;

const ON_RESERVE: &str = "the ledger's disk is full, and its reserve was touched; free some space, \
                          then calls are accepted again";

/// A record with a blank for its sequence.
#[derive(Debug)]
pub(crate) struct Blank {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sequence_at: usize,
}

impl Blank {
    fn fill(mut self, sequence: Sequence) -> Bytes {
        let digits = format!("{:0width$}", sequence.number(), width = events::SEQUENCE_DIGITS);
        let blank = self.sequence_at..self.sequence_at + events::SEQUENCE_DIGITS;
        if let Some(blank) = self.bytes.get_mut(blank) {
            blank.copy_from_slice(digits.as_bytes());
        }
        Bytes::from(self.bytes)
    }
}

/// Records that belong together, and where to say that they are durable.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) records: Vec<Blank>,
    pub(crate) payloads: Vec<Sealed>,
    /// Whether the reserve may be used where the disk is full.
    pub(crate) reserved: bool,
    /// The erasures without which the payloads must not be recorded.
    pub(crate) premises: Vec<Premise>,
    /// What is to be done first, and gives the first record.
    pub(crate) erasure: Option<Box<Erasure>>,
    /// Whether that was done.
    pub(crate) has_erased: bool,
    pub(crate) done: oneshot::Sender<Result<Sequence, WriteError>>,
}

/// Payloads that are to be erased.
pub(crate) struct Erasure {
    pub(crate) scopes: Vec<Scope>,
    /// Makes the record of what was erased; or says why there is none.
    pub(crate) record: Box<dyn FnOnce(Erased) -> Result<Blank, String> + Send>,
    pub(crate) hold: Hold,
}

impl std::fmt::Debug for Erasure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Erasure").field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

impl Submission {
    fn bytes(&self) -> usize {
        self.records.iter().map(|record| record.bytes.len()).sum::<usize>()
            + self.payloads.iter().map(|payload| payload.bytes.len()).sum::<usize>()
    }
}

/// An [`AppendError`] that can be told to every caller of a batch.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error("{0}")]
    Full(Arc<str>),
    #[error("{0}")]
    Stopped(Arc<str>),
    #[error("{0}")]
    NotErased(Arc<str>),
    #[error("{0}")]
    Unrecorded(Arc<str>),
}

/// How the writer stands, for whoever watches over the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It appends.
    Well,
    /// There is no room; it goes on when there is.
    Full(Arc<str>),
    /// It will append nothing more until the ledger is opened anew.
    Failed(Arc<str>),
}

/// Appends, and tells who waits for it.
pub(crate) struct Writer {
    pub(crate) log: Box<dyn Log>,
    pub(crate) committed: watch::Sender<Sequence>,
    pub(crate) health: watch::Sender<Health>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) stall: StallWatch,
    pub(crate) breaker: Arc<Breaker>,
    /// Whether the last append took long.
    pub(crate) slow: bool,
    /// Whether an append has begun and not ended: after a panic it never will.
    pub(crate) appending: bool,
}

/// Who appends: a caller that is alone does so itself; the others leave it to the task, and share.
#[derive(Clone)]
pub(crate) struct Turns {
    writer: Arc<Mutex<Writer>>,
    /// Whether the last batch of the task was of several callers.
    in_company: Arc<AtomicBool>,
    /// How many submissions are on their way to the task, or with it.
    queued: Arc<AtomicUsize>,
}

/// A submission on its way into the queue; dropped if it does not get there.
pub(crate) struct Queueing<'a>(&'a AtomicUsize);

impl Queueing<'_> {
    /// Takes note that it is there: the task counts it down.
    pub(crate) fn done(self) {
        std::mem::forget(self);
    }
}

impl Drop for Queueing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Turns {
    pub(crate) fn new(writer: Writer) -> Self {
        let (in_company, queued) = (Arc::default(), Arc::default());
        Self { writer: Arc::new(Mutex::new(writer)), in_company, queued }
    }

    /// Takes note that a submission is about to be queued; nobody overtakes it from now on.
    pub(crate) fn queue_one(&self) -> Queueing<'_> {
        self.queued.fetch_add(1, Ordering::AcqRel);
        Queueing(&self.queued)
    }

    /// How many submissions are on their way to the task, or with it.
    #[cfg(test)]
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Acquire)
    }

    /// Appends at once if nobody else does, and nobody did at the same time lately; else gives the
    /// submission back, for the queue.
    pub(crate) fn append_alone(&self, submission: Submission) -> Result<(), Submission> {
        if self.in_company.load(Ordering::Relaxed) || self.queued.load(Ordering::Acquire) > 0 {
            return Err(submission);
        }
        match self.writer.try_lock() {
            Ok(mut writer) if !writer.slow => {
                writer.write(vec![submission]);
                Ok(())
            }
            Ok(_) | Err(_) => Err(submission),
        }
    }

    /// Looks whether what was written can still be found; see [`Log::check`].
    pub(crate) async fn check(&self) {
        self.writer.lock().await.check();
    }

    /// The writer's task; returns when the ledger is closed and the queue is empty.
    pub(crate) async fn run(self, mut queue: mpsc::Receiver<Submission>) {
        let mut carried = None;
        loop {
            let first = match carried.take() {
                Some(first) => Some(first),
                None => queue.recv().await,
            };
            let Some(first) = first else { return };
            // Whoever is ready to submit goes first and shares the sync. And whoever the last batch
            // woke may be in this thread's own slot, from which no other thread takes it.
            tokio::task::yield_now().await;
            let mut writer = self.writer.lock().await;
            let (submissions, next) = gather(&mut queue, first);
            self.in_company.store(1 < submissions.len(), Ordering::Relaxed);
            carried = next;
            let count = submissions.len();
            writer.write(submissions);
            self.queued.fetch_sub(count, Ordering::AcqRel);
        }
    }
}

/// Takes what waits, up to the limits of one batch; gives back one that did not fit.
fn gather(
    queue: &mut mpsc::Receiver<Submission>,
    first: Submission,
) -> (Vec<Submission>, Option<Submission>) {
    let mut records = first.records.len();
    let mut bytes = first.bytes();
    // What comes before and behind an erasure is made durable apart from it.
    let is_alone = first.erasure.is_some();
    let mut taken = vec![first];
    if is_alone {
        return (taken, None);
    }
    while let Ok(next) = queue.try_recv() {
        records += next.records.len();
        bytes += next.bytes();
        let is_full = BATCH_RECORDS_MAX < records || BATCH_BYTES_MAX < bytes;
        if is_full || next.erasure.is_some() {
            return (taken, Some(next));
        }
        taken.push(next);
    }
    (taken, None)
}

impl Writer {
    /// Appends all of it as one batch, and where there is no room for that, what may use the
    /// reserve as another.
    fn write(&mut self, submissions: Vec<Submission>) {
        let mut ready = Vec::with_capacity(submissions.len());
        for mut submission in submissions {
            match self.prepare(&mut submission) {
                Ok(()) => ready.push(submission),
                Err(error) => drop(submission.done.send(Err(error))),
            }
        }
        if !ready.is_empty() {
            let reserved = ready.iter().all(|submission| submission.reserved);
            let rest = self.write_one(ready, reserved);
            if !rest.is_empty() {
                self.write_one(rest, true);
            }
        }
        self.breaker.note_answer();
    }

    /// Appends one batch and tells who waits for it; gives back what may be tried again.
    fn write_one(&mut self, submissions: Vec<Submission>, reserved: bool) -> Vec<Submission> {
        let (batch, callers) = lay_out(self.log.next(), submissions);
        let began = Instant::now();
        let appended = self.run(self.slow, |log| {
            if reserved { log.append_reserved(&batch) } else { log.append(&batch) }
        });
        let took = began.elapsed();
        self.slow = FAST < took;
        if appended.is_ok() {
            self.counters.add(&batch, took);
        }
        self.counters.look(&*self.log);
        let failure = self.note(appended);
        let (told, again): (_, Vec<Submission>) = match failure {
            Some(WriteError::Full(_)) if !reserved => take_apart(batch, callers),
            Some(_) | None => (callers, Vec::new()),
        };
        for caller in told {
            let failure = failure.clone().map(|failure| {
                if caller.has_erased {
                    WriteError::Unrecorded(failure.to_string().into())
                } else {
                    failure
                }
            });
            // A caller that no longer listens has its own way to find out.
            drop(caller.done.send(failure.map_or(Ok(caller.first), Err)));
        }
        again
    }

    fn check(&mut self) {
        let was_on_reserve = self.log.is_on_reserve();
        let checked = self.run(self.slow, |log| log.check());
        self.counters.look(&*self.log);
        // That nothing is wrong does not mean that there is room for what was refused last.
        if checked.is_err() || was_on_reserve {
            self.note(checked);
        }
        self.breaker.note_answer();
    }

    /// Does what a submission wants to have done before it is recorded.
    fn prepare(&mut self, submission: &mut Submission) -> Result<(), WriteError> {
        if submission.premises.iter().any(Premise::failed) {
            let why = "the payloads of its session were to be erased before, and were not";
            return Err(WriteError::NotErased(why.into()));
        }
        if let Some(erasure) = submission.erasure.take() {
            let Erasure { scopes, record, hold } = *erasure;
            let erased = match self.run(true, |log| log.erase(&scopes)) {
                Ok(erased) => erased,
                Err(AppendError::Refused { reason }) => {
                    return Err(WriteError::NotErased(reason.into()));
                }
                Err(error) => return Err(self.note_failure(error)),
            };
            hold.erased();
            let record = record(erased).map_err(|why| WriteError::Unrecorded(why.into()))?;
            submission.records.insert(0, record);
            // From here on it was done, and has to be on record.
            (submission.has_erased, submission.reserved) = (true, true);
        }
        Ok(())
    }

    /// Lets the log do something; `is_slow` if that may take long.
    fn run<T>(
        &mut self,
        is_slow: bool,
        work: impl FnOnce(&mut dyn Log) -> Result<T, AppendError>,
    ) -> Result<T, AppendError> {
        if self.appending {
            return Err(AppendError::Poisoned { detail: "an append ended in a panic".into() });
        }
        self.appending = true;
        let _under_way = self.stall.append();
        let flavor = tokio::runtime::Handle::current().runtime_flavor();
        let done = if is_slow && flavor == RuntimeFlavor::MultiThread {
            tokio::task::block_in_place(|| work(&mut *self.log))
        } else {
            work(&mut *self.log)
        };
        self.appending = false;
        done
    }

    fn note(&self, appended: Result<(), AppendError>) -> Option<WriteError> {
        match appended {
            Ok(()) => {
                self.committed.send_replace(self.log.next());
                let health = if self.log.is_on_reserve() {
                    Health::Full(ON_RESERVE.into())
                } else {
                    Health::Well
                };
                self.say(health);
                None
            }
            Err(error) => Some(self.note_failure(error)),
        }
    }

    fn note_failure(&self, error: AppendError) -> WriteError {
        let (health, failure) = match error {
            AppendError::Full { .. } => {
                let detail: Arc<str> = error.to_string().into();
                (Health::Full(Arc::clone(&detail)), WriteError::Full(detail))
            }
            AppendError::Unknown { .. } | AppendError::Poisoned { .. } => {
                let detail: Arc<str> = error.to_string().into();
                (Health::Failed(Arc::clone(&detail)), WriteError::Stopped(detail))
            }
            // The limits are checked before anything is queued, so this is a defect here.
            AppendError::Refused { reason } => (Health::Well, WriteError::Stopped(reason.into())),
        };
        self.say(health);
        failure
    }

    fn say(&self, health: Health) {
        self.health.send_if_modified(|known| {
            let changed = *known != health;
            *known = health;
            changed
        });
    }
}

#[cfg(test)]
mod tests;
