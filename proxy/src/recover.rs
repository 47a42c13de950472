//! What a new process makes of the ledger it finds: calls without outcome, and what to remember.

use crate::clock;
use crate::correlate::Correlator;
use crate::facts::SessionFacts;
use approvals::Desk;
use events::{
    CallId, CallInDoubt, Digest, Draft, Envelope, Event, EventId, ParseError, SessionId, Timestamp,
};
use ledger::log::{ReadError, Reader};
use ledger::{Entry, Ledger, RecordError, Sequence};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many events the first step back takes; each further step takes twice as many.
const STEP_BACK: u64 = 8192;

/// How far back it is looked at least, in microseconds: a session that goes on over restarts keeps
/// what it has done so long.
const BACK_MICROS_MIN: u64 = 24 * 60 * 60 * 1_000_000;

/// How many bytes of events are read at a time.
const READ_BYTES_MAX: usize = 1 << 20;

/// Why the ledger cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// It cannot be read.
    #[error("the ledger cannot be read: {0}; restore the file from a copy, or repair the disk")]
    Read(#[from] ReadError),
    /// It has an event that this version cannot read.
    #[error(
        "the event at sequence {sequence} cannot be read: {source}; if a newer version wrote it, \
         start that one"
    )]
    Parse {
        /// Where it stands.
        sequence: Sequence,
        /// What is wrong with it.
        source: ParseError,
    },
    /// What was found could not be recorded.
    #[error("an outcome in doubt cannot be recorded: {0}")]
    Record(#[from] RecordError),
}

/// A call without outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dispatched {
    sequence: Sequence,
    session: Option<SessionId>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    open: BTreeMap<CallId, Dispatched>,
    /// How many events were looked at.
    pub events: u64,
}

impl Found {
    /// How many calls have no outcome.
    pub fn in_doubt(&self) -> u64 {
        u64::try_from(self.open.len()).unwrap_or(u64::MAX)
    }
}

/// Reads the ledger's last run, and the last day: finds calls without outcome, and lets
/// `correlator` and `facts` remember.
///
/// Every start records the outcomes that the run before left open, so for those it is enough to go
/// back to the start before. Sessions go on over several starts.
pub fn look_back(
    reader: &dyn Reader,
    correlator: &mut Correlator,
    facts: &mut SessionFacts,
    now: Timestamp,
) -> Result<Found, RecoverError> {
    let since = Timestamp::from_micros(now.micros().saturating_sub(BACK_MICROS_MIN));
    let end = reader.next();
    let mut from = end;
    let mut step = STEP_BACK;
    let mut started = false;
    loop {
        let before = from;
        from = Sequence::new(from.number().saturating_sub(step));
        step = step.saturating_mul(2);
        let mut reached = false;
        each(reader, from, before, |_, envelope| {
            started |= matches!(envelope.event, Event::GatewayStarted(_));
            reached |= envelope.time < since;
        })?;
        if (started && reached) || from == Sequence::FIRST {
            break;
        }
    }
    let mut found = Found::default();
    each(reader, from, end, |sequence, envelope| {
        found.events += 1;
        correlator.apply(envelope);
        facts.apply(envelope);
        found.apply(sequence, envelope);
    })?;
    for call in found.open.keys() {
        correlator.unanswered(*call);
    }
    Ok(found)
}

/// Shows everything on record to whoever decides about people and what waits for them. It may be
/// long ago, so all of the ledger is read; most records are passed over unparsed. Gives the digest
/// of the policies that decided last.
pub fn recall(reader: &dyn Reader, desk: &Desk) -> Result<Option<Digest>, RecoverError> {
    let mut from = Sequence::FIRST;
    let mut policies = None;
    loop {
        let records = reader.read(from, READ_BYTES_MAX)?;
        if records.is_empty() {
            return Ok(policies);
        }
        for record in records {
            if concerns_people(&record) {
                let envelope = Envelope::parse(&record)
                    .map_err(|source| RecoverError::Parse { sequence: from, source })?;
                if let Event::PolicyLoaded(loaded) = &envelope.event {
                    policies = Some(loaded.digest);
                }
                desk.apply(&envelope);
            }
            from = from.after(1);
        }
    }
}

/// What the kinds begin with that the desk keeps.
const OF_PEOPLE: [&str; 7] =
    ["agent.", "call.held", "delegation.", "grant.", "hold.", "person.", "policy.loaded"];

/// Whether a record is one that the desk keeps, or uses up a grant. Too many do no harm.
fn concerns_people(record: &[u8]) -> bool {
    const TYPE: &[u8] = b"\"type\":\"";
    // It is the last member, and no kind is longer than this.
    let tail = record.get(record.len().saturating_sub(64)..).unwrap_or_default();
    let at = tail.windows(TYPE.len()).rposition(|window| window == TYPE);
    let Some(kind) = at.and_then(|at| tail.get(at + TYPE.len()..)) else { return true };
    if kind.starts_with(b"call.dispatched") {
        return record.windows(GRANT.len()).any(|window| window == GRANT);
    }
    OF_PEOPLE.iter().any(|prefix| kind.starts_with(prefix.as_bytes()))
}

const GRANT: &[u8] = b"\"grant\":\"";

/// The key that the last start of a gateway said to seal the ledger with, if it did.
pub fn last_checkpoint_key(reader: &dyn Reader) -> Result<Option<Arc<str>>, RecoverError> {
    let mut before = reader.next();
    let mut step = STEP_BACK;
    while before > Sequence::FIRST {
        let from = Sequence::new(before.number().saturating_sub(step));
        let mut started = None;
        each(reader, from, before, |_, envelope| {
            if let Event::GatewayStarted(fact) = &envelope.event {
                started = Some(fact.checkpoint_key.clone());
            }
        })?;
        if let Some(key) = started {
            return Ok(key);
        }
        before = from;
        step = step.saturating_mul(2);
    }
    Ok(None)
}

impl Found {
    fn apply(&mut self, sequence: Sequence, envelope: &Envelope) {
        let Some(call) = envelope.call else { return };
        if let Event::CallDispatched(_) = &envelope.event {
            let session = envelope.session;
            self.open.insert(call, Dispatched { sequence, session });
        } else if envelope.event.is_outcome() {
            self.open.remove(&call);
        }
    }

    /// Records for each call without outcome that nobody knows how it ended.
    pub async fn settle(self, ledger: &Ledger) -> Result<u64, RecoverError> {
        let count = self.in_doubt();
        for (call, dispatched) in self.open {
            let fact = CallInDoubt {
                dispatched: dispatched.sequence.number(),
                detail: "the gateway ended between dispatch and outcome".into(),
            };
            let draft = Draft {
                id: clock::event_id(),
                time: clock::now(),
                session: dispatched.session,
                cause: Some(EventId::new(call.ulid())),
                call: Some(call),
                fact,
            };
            ledger.record(Entry::from(draft).reserved()).await?;
        }
        Ok(count)
    }
}

fn each(
    reader: &dyn Reader,
    mut from: Sequence,
    end: Sequence,
    mut visit: impl FnMut(Sequence, &Envelope),
) -> Result<(), RecoverError> {
    while from < end {
        let records = reader.read(from, READ_BYTES_MAX)?;
        if records.is_empty() {
            break;
        }
        for record in records {
            if end <= from {
                return Ok(());
            }
            let envelope = Envelope::parse(&record)
                .map_err(|source| RecoverError::Parse { sequence: from, source })?;
            visit(from, &envelope);
            from = from.after(1);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
