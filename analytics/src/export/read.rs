//! Reads records in order, a bounded number of bytes at a time.

use super::error::ExportError;
use ledger::Sequence;
use ledger::log::Reader;
use std::ops::Range;

/// How many bytes of records are read at once.
const READ_BYTES: usize = 1 << 20;

/// Calls `each` with every record of a range and its sequence. The range is within what is sealed.
pub(super) fn each_record(
    reader: &dyn Reader,
    range: Range<u64>,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let mut next = range.start;
    while next < range.end {
        let records = reader.read(Sequence::new(next), READ_BYTES)?;
        if records.is_empty() {
            return Err(ExportError::Vanished { sequence: next, size: range.end });
        }
        let left = usize::try_from(range.end - next).unwrap_or(usize::MAX);
        for record in records.iter().take(left) {
            each(next, record)?;
            next += 1;
        }
    }
    Ok(())
}

/// Calls `each` with every record from a sequence on that there is by now, and its sequence.
pub(super) fn each_record_behind(
    reader: &dyn Reader,
    from: u64,
    each: impl FnMut(u64, &[u8]) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let end = reader.next().number();
    each_record(reader, from..end, each)
}
