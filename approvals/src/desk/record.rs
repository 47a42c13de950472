//! Writes what was decided, and learns its end even where that comes too late.

use crate::hold::Step;
use events::{Draft, Envelope, Event, Fact};
use ledger::payload::Packed;
use ledger::{Entry, Ledger, RecordError};

/// Told at most once when something takes longer than the ledger allows.
pub(super) type Late<'a> = &'a mut (dyn FnMut(RecordError) + Send);

/// Records, and returns when it is known whether that is durable. Whoever waits is told before, if
/// it takes too long; what is not known must not be decided on.
pub(super) async fn record<F: Fact>(
    ledger: &Ledger,
    entry: Entry<F>,
    late: Late<'_>,
) -> Result<(), RecordError> {
    let mut pending = ledger.submit(entry).await?;
    loop {
        match pending.durable().await {
            Ok(_) => return Ok(()),
            Err(error @ RecordError::TimedOut(_)) => late(error),
            Err(error) => return Err(error),
        }
    }
}

/// Records steps of a hold in one batch; at least one.
pub(super) async fn record_steps(
    ledger: &Ledger,
    mut steps: Vec<Draft<Step>>,
    payloads: Vec<Packed>,
    late: Late<'_>,
) -> Result<(), RecordError> {
    if steps.is_empty() {
        return Ok(());
    }
    let first = steps.remove(0);
    let also = steps.into_iter().filter_map(event).collect();
    let rest = Rest { ledger, also, payloads };
    let empty = replaced(&first, ());
    match first.fact {
        Step::Voted(fact) => rest.record(replaced(&empty, *fact), late).await,
        Step::Edited(fact) => rest.record(replaced(&empty, fact), late).await,
        Step::Commented(fact) => rest.record(replaced(&empty, fact), late).await,
        Step::Viewed(fact) => rest.record(replaced(&empty, fact), late).await,
        Step::Rejoined(fact) => rest.record(replaced(&empty, fact), late).await,
        Step::Left(fact) => rest.record(replaced(&empty, fact), late).await,
        Step::Granted(fact) => rest.record(replaced(&empty, fact), late).await,
        Step::Refused(fact) => rest.record(replaced(&empty, fact), late).await,
        Step::Expired(fact) => rest.record(replaced(&empty, fact), late).await,
        Step::Withdrawn(fact) => rest.record(replaced(&empty, fact), late).await,
        // The gate records dispatches.
        Step::Dispatched(_) => Ok(()),
    }
}

/// What is recorded with the first step.
struct Rest<'a> {
    ledger: &'a Ledger,
    also: Vec<Draft<Event>>,
    payloads: Vec<Packed>,
}

impl Rest<'_> {
    async fn record<F: Fact>(self, draft: Draft<F>, late: Late<'_>) -> Result<(), RecordError> {
        let Self { ledger, also, payloads } = self;
        record(ledger, Entry { draft, also, payloads, reserved: false }, late).await
    }
}

fn event(draft: Draft<Step>) -> Option<Draft<Event>> {
    let empty = replaced(&draft, ());
    draft.fact.into_event().map(|event| replaced(&empty, event))
}

/// A draft of the same id, time and place, with another fact.
pub(super) fn replaced<F, G>(draft: &Draft<F>, fact: G) -> Draft<G> {
    let Draft { id, time, session, cause, call, .. } = *draft;
    Draft { id, time, session, cause, call, fact }
}

/// A draft as it is on record. Where it stands there does not matter here.
pub(super) fn envelope(draft: Draft<Event>) -> Envelope {
    let Draft { id, time, session, cause, call, fact } = draft;
    Envelope { sequence: 0, id, time, source: "".into(), session, cause, call, event: fact }
}

/// Steps as they are on record.
pub(super) fn envelopes(steps: &[Draft<Step>]) -> Vec<Envelope> {
    steps.iter().cloned().filter_map(event).map(envelope).collect()
}
