//! A batch out of what several callers want recorded, and back where it finds no room.

use super::{Blank, Submission, WriteError};
use crate::Sequence;
use crate::log::{Batch, Sealed};
use tokio::sync::oneshot;

/// Who waits for a part of a batch.
pub(super) struct Caller {
    pub(super) done: oneshot::Sender<Result<Sequence, WriteError>>,
    pub(super) first: Sequence,
    /// Where each of its records has its sequence.
    sequences_at: Vec<usize>,
    payloads: usize,
    reserved: bool,
    /// As [`Submission::has_erased`].
    pub(super) has_erased: bool,
}

/// Makes one batch of them that begins at `first`.
pub(super) fn lay_out(first: Sequence, submissions: Vec<Submission>) -> (Batch, Vec<Caller>) {
    let mut batch = Batch::default();
    let mut callers = Vec::with_capacity(submissions.len());
    for submission in submissions {
        let Submission { records, payloads, reserved, has_erased, done, .. } = submission;
        callers.push(Caller {
            done,
            first: first.after(count(&batch)),
            sequences_at: records.iter().map(|record| record.sequence_at).collect(),
            payloads: payloads.len(),
            reserved,
            has_erased,
        });
        for record in records {
            let sequence = first.after(count(&batch));
            batch.records.push(record.fill(sequence));
        }
        batch.payloads.extend(payloads);
    }
    (batch, callers)
}

/// Takes apart a batch that found no room: who has to be told so, and what may use the reserve.
pub(super) fn take_apart(batch: Batch, callers: Vec<Caller>) -> (Vec<Caller>, Vec<Submission>) {
    let (mut records, mut payloads) = (batch.records.into_iter(), batch.payloads.into_iter());
    let (mut told, mut again) = (Vec::new(), Vec::new());
    for caller in callers {
        let of_caller = caller.sequences_at.iter().zip(records.by_ref());
        let records: Vec<Blank> = of_caller
            .map(|(sequence_at, bytes)| Blank { bytes: bytes.into(), sequence_at: *sequence_at })
            .collect();
        let payloads: Vec<Sealed> = payloads.by_ref().take(caller.payloads).collect();
        if caller.reserved {
            let Caller { done, reserved, has_erased, .. } = caller;
            // Premises were looked at, and erasures done, before the first attempt.
            let (premises, erasure) = (Vec::new(), None);
            again.push(Submission {
                records,
                payloads,
                reserved,
                premises,
                erasure,
                has_erased,
                done,
            });
        } else {
            told.push(caller);
        }
    }
    (told, again)
}

fn count(batch: &Batch) -> u64 {
    u64::try_from(batch.records.len()).unwrap_or(u64::MAX)
}
