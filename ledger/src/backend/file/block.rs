//! Several records in one frame: together they compress better and faster than each by itself.

use super::layout::u16_at;
use crate::log::RECORD_BYTES_MAX;
use bytes::Bytes;

/// Before the content: how many records there are.
pub(super) const COUNT_BYTES: usize = 2;
/// Before each record: how many bytes it has.
pub(super) const LENGTH_BYTES: usize = 2;
/// The most bytes of content.
pub(super) const CONTENT_BYTES_MAX: usize = LENGTH_BYTES + RECORD_BYTES_MAX;

/// The records that go into the next block, and the others; nothing when there are none.
///
/// The content has at most `bytes_max`, unless a single record has more.
pub(super) fn split(records: &[Bytes], bytes_max: usize) -> Option<(&[Bytes], &[Bytes])> {
    let mut bytes = 0;
    let fits = |record: &&Bytes| {
        bytes += LENGTH_BYTES + record.len();
        bytes <= bytes_max
    };
    let count = records.iter().take_while(fits).count().max(1);
    records.split_at_checked(count)
}

/// Writes the content of a block with these records into `out`, in place of what is there.
pub(super) fn fill(out: &mut Vec<u8>, records: &[Bytes]) {
    out.clear();
    for record in records {
        let length = u16::try_from(record.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(record);
    }
}

/// The bytes before the content of a block with so many records.
pub(super) fn count_bytes(count: usize) -> [u8; COUNT_BYTES] {
    u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes()
}

/// How many records the block with this body has.
pub(super) fn count(body: &[u8]) -> Option<u64> {
    u16_at(body, 0).filter(|count| *count > 0).map(u64::from)
}

/// The records of a block that has `count` of them; nothing when the content is not that.
pub(super) fn records(content: Vec<u8>, count: u64) -> Option<Vec<Bytes>> {
    let mut rest = Bytes::from(content);
    let mut records = Vec::new();
    for _ in 0..count {
        let length = usize::from(u16_at(&rest, 0)?);
        if rest.len() < LENGTH_BYTES + length {
            return None;
        }
        let mut record = rest.split_to(LENGTH_BYTES + length);
        drop(record.split_to(LENGTH_BYTES));
        records.push(record);
    }
    rest.is_empty().then_some(records)
}

#[cfg(test)]
mod tests {
    use super::{fill, records, split};
    use bytes::Bytes;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn records_come_out_as_they_went_in(
            lengths in proptest::collection::vec(1..30_000_usize, 0..20),
        ) {
            let all: Vec<Bytes> = lengths.iter().map(|length| vec![7; *length].into()).collect();
            let (mut rest, mut found) = (all.as_slice(), Vec::new());
            let mut content = Vec::new();
            while let Some((block, others)) = split(rest, 65_536) {
                fill(&mut content, block);
                prop_assert!(block.len() == 1 || content.len() <= 65_536);
                found.extend(records(content.clone(), block.len() as u64).unwrap());
                prop_assert_eq!(records(content.clone(), block.len() as u64 + 1), None);
                rest = others;
            }
            prop_assert_eq!(found, all);
        }
    }
}
