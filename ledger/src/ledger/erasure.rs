//! Erasing payloads: done by the writer, in its turn, and recorded in the same turn.

use super::{Ledger, Pending, RecordError, check, stopped};
use crate::Sequence;
use crate::log::{ERASE_SCOPES_MAX, Erased, Scope};
use crate::writer::{Blank, Erasure, Submission};
use events::{Draft, Event};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// How long an erasure may take once the writer has it.
const ERASE_TIMEOUT: Duration = Duration::from_hours(1);

type Record = Box<dyn FnOnce(Erased) -> Result<Blank, String> + Send>;

impl Ledger {
    /// Erases every payload of these scopes, and records the event that `record` makes of what was
    /// erased right behind it: no other event stands between.
    ///
    /// What was packed in these scopes has to be recorded or dropped first; while that goes on for
    /// longer than the ledger's timeout allows, nothing is erased. What is packed in them later is
    /// recorded behind the erasure, and stays. It takes as long as the payloads are many; only
    /// after an hour this ends with [`RecordError::TimedOut`], and then the erasure may still be
    /// done and recorded. To erase the same once more does no harm.
    pub async fn erase(
        &self,
        scopes: Vec<Scope>,
        record: impl FnOnce(Erased) -> Draft<Event> + Send + 'static,
    ) -> Result<(Sequence, Erased), RecordError> {
        if ERASE_SCOPES_MAX < scopes.len() {
            let scopes = scopes.len();
            let why = format!("{scopes} sessions at once, at most {ERASE_SCOPES_MAX} go");
            return Err(RecordError::NotErased(why.into()));
        }
        let source = Arc::clone(&self.0.options.source);
        let (tell, told) = oneshot::channel();
        let (keys, erasing) = (self.0.options.keys.clone(), scopes.clone());
        let record: Record = Box::new(move |erased| {
            for scope in erasing {
                keys.forget(scope);
            }
            // Who asked may be gone; it is erased and recorded all the same.
            let _told = tell.send(erased);
            let encoded = record(erased).encode_event(&source);
            let (bytes, sequence_at) = encoded.map_err(|error| error.to_string())?;
            let blank = Blank { bytes, sequence_at };
            check(std::slice::from_ref(&blank)).map_err(|error| error.to_string())?;
            Ok(blank)
        });
        let (timeout, packer) = (ERASE_TIMEOUT, Arc::clone(&self.0.packer));
        let done = self.queue_erasure(scopes, record).await?;
        let (draft, payloads, breaker) = (None, Vec::new(), Arc::clone(&self.0.breaker));
        let mut pending = Pending::<()> { draft, payloads, done, packer, breaker, timeout };
        let sequence = pending.sequence().await?;
        Ok((sequence, told.await.map_err(|_| stopped())?))
    }

    /// Queues the erasure at a moment when nothing of the scopes is on its way to the queue.
    async fn queue_erasure(&self, scopes: Vec<Scope>, record: Record) -> Result<Done, RecordError> {
        let until = Instant::now() + self.0.options.append_timeout;
        let mut next = Some((scopes, record));
        loop {
            let landing = self.0.packer.landing();
            match self.try_queue_erasure(&mut next)? {
                Tried::Queued(done) => return Ok(done),
                Tried::Full => drop(timeout_at(until, self.0.queue.reserve()).await),
                Tried::Busy => drop(timeout_at(until, landing).await),
            }
            if until <= Instant::now() {
                let why = "calls of its session were under way all the time; try once more";
                return Err(RecordError::NotErased(why.into()));
            }
        }
    }

    fn try_queue_erasure(
        &self,
        next: &mut Option<(Vec<Scope>, Record)>,
    ) -> Result<Tried, RecordError> {
        let permit = match self.0.queue.try_reserve() {
            Ok(permit) => permit,
            Err(TrySendError::Full(())) => return Ok(Tried::Full),
            Err(TrySendError::Closed(())) => return Err(stopped()),
        };
        // From before anything can be packed behind it, so that nothing overtakes it.
        let queueing = self.0.turns.queue_one();
        let scopes = next.as_ref().map(|(scopes, _)| scopes.clone()).unwrap_or_default();
        let (done, receiver) = oneshot::channel();
        let has_begun = self.0.packer.begin_erasure(&scopes, |hold| {
            let Some((scopes, record)) = next.take() else { return };
            let erasure = Some(Box::new(Erasure { scopes, record, hold }));
            let (records, payloads, premises) = (Vec::new(), Vec::new(), Vec::new());
            permit.send(Submission {
                records,
                payloads,
                reserved: false,
                premises,
                erasure,
                has_erased: false,
                done,
            });
            queueing.done();
        });
        Ok(if has_begun { Tried::Queued(receiver) } else { Tried::Busy })
    }
}

type Done = oneshot::Receiver<Result<Sequence, crate::writer::WriteError>>;

enum Tried {
    Queued(Done),
    Full,
    Busy,
}

#[cfg(test)]
mod tests;
