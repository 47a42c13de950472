//! Tells a torn write from damage. A torn write leaves each sector as it was, zero, or as it was to
//! be; so where a frame is broken and no sector of it is blank, somebody changed what was written.

use super::frame::{COMMIT_BYTES, Commit, Head, Stop};
use super::layout::{SECTOR, STEP, is_blank, size};
use std::ops::Range;

/// What stands behind the last commit of the last segment, up to the last byte that is not zero.
pub(super) struct Leftover<'a> {
    /// The bytes, with [`COMMIT_BYTES`] zeros behind.
    pub(super) bytes: &'a [u8],
    /// Where they stand in the file.
    pub(super) base: u64,
    /// Where in the file the first frame stands that is not intact.
    pub(super) stopped_at: u64,
    /// The sequence after the last commit.
    pub(super) next: u64,
}

impl Leftover<'_> {
    /// Passes what a crash can have left of one batch that was never acknowledged.
    ///
    /// Anything else is damage: where it is, and what speaks against a torn write.
    pub(super) fn check_torn(&self) -> Result<(), (u64, String)> {
        let broken_at = size(self.stopped_at - self.base);
        let damaged = |detail: String| Err((self.stopped_at, detail));
        let mut batch_end = self.bytes.len();
        let mut is_whole = false;
        for at in (0..self.bytes.len()).step_by(STEP) {
            let Some(commit) = self.bytes.get(at..).and_then(Commit::find) else { continue };
            if commit.first != self.next || is_whole {
                let place = self.base + at as u64;
                return damaged(format!("a later batch is intact at byte {place}"));
            }
            is_whole = true;
            batch_end = at + COMMIT_BYTES;
        }
        if self.bytes.get(batch_end..).is_some_and(|behind| !is_blank(behind)) {
            return damaged("something was written behind the batch".to_owned());
        }
        let rest = self.bytes.get(broken_at..).unwrap_or_default();
        let extent = match Head::parse(rest) {
            Ok(head) => broken_at..broken_at + head.frame_bytes(),
            Err(Stop::Blank | Stop::Short) => {
                let sector_end = size(self.base) % SECTOR + broken_at;
                let left = SECTOR - sector_end % SECTOR;
                broken_at..(broken_at + left).min(batch_end.max(broken_at))
            }
            Err(stop @ (Stop::Malformed(_) | Stop::Checksum)) => {
                return damaged(stop.describe().to_owned());
            }
        };
        if is_whole && extent.end > batch_end {
            return damaged("a frame reaches behind the end of its batch".to_owned());
        }
        if has_blank_sector(self.bytes, self.base, extent) {
            Ok(())
        } else {
            damaged("the checksum does not fit, and no part of the frame is missing".to_owned())
        }
    }
}

/// Whether some sector that `extent` touches is blank: all of it that `bytes` cover, for a sector
/// is written whole or not at all. Behind `bytes` all is blank; before them stands an earlier
/// batch.
///
/// `base` is where `bytes` stand in the file; an empty extent counts as blank.
pub(super) fn has_blank_sector(bytes: &[u8], base: u64, extent: Range<usize>) -> bool {
    let shift = size(base) % SECTOR;
    let mut at = extent.start;
    while at < extent.end {
        let within = (at + shift) % SECTOR;
        let end = at + SECTOR - within;
        let sector = at.saturating_sub(within)..end.min(bytes.len());
        if is_blank(bytes.get(sector).unwrap_or_default()) {
            return true;
        }
        at = end;
    }
    extent.is_empty()
}
