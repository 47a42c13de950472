//! Reads events back from the ledger. It blocks.

use bytes::Bytes;
use events::{Envelope, Timestamp};
use ledger::Sequence;
use ledger::log::Reader;
use std::ops::Range;

/// How many bytes are read at once.
const READ_BYTES: usize = 1 << 20;

/// Shows events in order, but those of kinds that this version does not know. It ends where the
/// ledger does, or where it cannot be read.
pub(super) fn each(reader: &dyn Reader, range: Range<u64>, mut show: impl FnMut(&Envelope)) {
    each_record(reader, range, |_, envelope| show(envelope));
}

/// The same, with the bytes on record.
pub(super) fn each_record(
    reader: &dyn Reader,
    range: Range<u64>,
    mut show: impl FnMut(&Bytes, &Envelope),
) {
    let mut next = range.start;
    while next < range.end {
        let records = match reader.read(Sequence::new(next), READ_BYTES) {
            Ok(records) if records.is_empty() => return,
            Ok(records) => records,
            Err(error) => {
                tracing::error!(%error, "events cannot be read for a page");
                return;
            }
        };
        for record in records {
            if next < range.end
                && let Ok(envelope) = Envelope::parse(&record)
            {
                show(&record, &envelope);
            }
            next += 1;
        }
    }
}

/// About where the events of a moment stand: behind all that are older.
pub(super) fn position(reader: &dyn Reader, moment: Timestamp) -> u64 {
    let (mut low, mut high) = (0, reader.next().number());
    while low < high {
        let middle = low + (high - low) / 2;
        let record = reader.read(Sequence::new(middle), 1).ok();
        let record = record.and_then(|read| read.into_iter().next());
        let time = record.and_then(|record| Envelope::parse(&record).ok()).map(|it| it.time);
        if time.is_some_and(|time| time <= moment) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
