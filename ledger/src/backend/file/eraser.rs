//! Overwrites payloads where they stand, round by round; each round is written down in `erasing`
//! first. What has to come before, of the journal, is the log's matter.

use super::OpenError;
use super::damage::io_error;
use super::disk::{Disk, DiskFile};
use super::erasing::{Doomed, Erasing};
use super::filler::write_zeros;
use super::header::Shard;
use super::layout::size;
use super::payload::{PAYLOAD_HEAD_BYTES, PayloadSegment, erased_head, frame_bytes};
use super::reader::FileReader;
use crate::log::{Address, Erased, ReadError, Scope};
use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// The most payloads that one round overwrites.
const ROUND_MAX: usize = if cfg!(test) { 3 } else { 4096 };

/// File systems give room back in blocks of this size.
const BLOCK_BYTES: u64 = 4096;

/// One erasure.
pub(super) struct Eraser<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) dir: &'a Path,
    pub(super) shard: Shard,
    pub(super) reader: &'a FileReader,
    pub(super) scopes: BTreeSet<Scope>,
    /// Whether `erasing` may be there, so that it has to be finished.
    pub(super) has_begun: bool,
}

/// What a payload has to be, to be erased in one pass.
type Wanted = fn(Address) -> bool;

impl Eraser<'_> {
    /// What there is to erase. Fails on whatever would hinder the erasure, and changes nothing.
    pub(super) fn look(&self) -> Result<Erased, ReadError> {
        let mut found = Erased::default();
        self.pass(|_| true, &mut |doomed| {
            found.payloads += 1;
            found.bytes += u64::from(doomed.place.bytes);
            Ok(())
        })?;
        Ok(found)
    }

    /// Destroys everything under the scopes, durably: first that without which the rest says
    /// nothing.
    pub(super) fn erase(&mut self) -> Result<(), ReadError> {
        let passes: [Wanted; 2] = [|address| address == Address::FIRST, |_| true];
        for wanted in passes {
            let mut round = Vec::with_capacity(ROUND_MAX);
            let mut begun = self.has_begun;
            self.pass(wanted, &mut |doomed| {
                round.push(doomed);
                if round.len() < ROUND_MAX {
                    return Ok(());
                }
                self.round(std::mem::take(&mut round), &mut begun)
            })?;
            let last = self.round(round, &mut begun);
            self.has_begun = begun;
            last?;
        }
        Erasing::remove(self.disk, self.dir).map_err(io_error(self.dir))
    }

    /// Calls `each` with every payload that is not erased yet.
    fn pass(
        &self,
        wanted: Wanted,
        each: &mut dyn FnMut(Doomed) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let last = self.reader.read_committed(|committed| {
            committed.payloads.as_ref().map(|active| active.segment.number)
        });
        for number in (0..).take(last.map_or(0, |last| size(last) + 1)) {
            let (segment, payloads) = self.reader.list_payloads(number, &self.scopes)?;
            for (name, place) in payloads.into_iter().filter(|((_, at), _)| wanted(*at)) {
                if segment.is_kept(name, place)? {
                    each(Doomed { segment: number, name, place })?;
                }
            }
        }
        Ok(())
    }

    fn round(&self, doomed: Vec<Doomed>, begun: &mut bool) -> Result<(), ReadError> {
        if doomed.is_empty() {
            return Ok(());
        }
        let scopes = self.scopes.iter().copied().collect();
        let erasing = Erasing { shard: self.shard, scopes, doomed };
        erasing.draft(self.disk, self.dir).map_err(io_error(self.dir))?;
        *begun = true;
        Erasing::publish(self.disk, self.dir).map_err(io_error(self.dir))?;
        overwrite(self.disk, self.dir, &erasing.doomed)
    }
}

/// Overwrites what an interrupted erasure was about to, before anything else reads the segments.
/// Says which scopes are to be erased to the end; nothing when no erasure was interrupted.
pub(super) fn redo(
    disk: &dyn Disk,
    dir: &Path,
    shard: Shard,
) -> Result<Option<BTreeSet<Scope>>, OpenError> {
    let Some(erasing) = Erasing::read(disk, dir)? else { return Ok(None) };
    if erasing.shard != shard {
        let (found, expected) = (erasing.shard.name(), shard.name());
        return Err(OpenError::OtherShard { dir: dir.display().to_string(), found, expected });
    }
    overwrite(disk, dir, &erasing.doomed)?;
    Ok(Some(erasing.scopes.into_iter().collect()))
}

/// Overwrites payloads, whether or not that was done before, and makes it durable.
fn overwrite(disk: &dyn Disk, dir: &Path, doomed: &[Doomed]) -> Result<(), ReadError> {
    for doomed in doomed.chunk_by(|one, other| one.segment == other.segment) {
        let Some(Doomed { segment, .. }) = doomed.first() else { continue };
        let segment = PayloadSegment::open(disk, dir, *segment, true)?;
        // Before anything is written: the list may be of another log.
        for Doomed { name, place, .. } in doomed {
            segment.is_kept(*name, *place)?;
        }
        let file = Arc::clone(&segment.file);
        let overwritten = doomed.iter().try_for_each(|doomed| blank(&*file, &segment, doomed));
        overwritten.and_then(|()| file.sync()).map_err(io_error(&segment.path))?;
        for blocks in doomed.iter().filter_map(|doomed| blocks(&content(doomed))) {
            // It is erased already; a file system that cannot do this keeps the room.
            drop(file.give_back(blocks));
        }
    }
    Ok(())
}

fn blank(file: &dyn DiskFile, segment: &PayloadSegment, doomed: &Doomed) -> io::Result<()> {
    let Doomed { name, place, .. } = doomed;
    // The head first, for readers that come upon the frame meanwhile.
    file.write_at(&erased_head(*name, place.bytes, (segment.number, place.offset)), place.offset)?;
    let Range { start, end } = content(doomed);
    write_zeros(file, start, end, &false.into())
}

/// Where the bytes of a payload stand, with their padding.
fn content(doomed: &Doomed) -> Range<u64> {
    let Doomed { place, .. } = doomed;
    let end = place.offset + frame_bytes(size(place.bytes.into())) as u64;
    place.offset + PAYLOAD_HEAD_BYTES as u64..end
}

/// The whole blocks within a range.
fn blocks(range: &Range<u64>) -> Option<Range<u64>> {
    let blocks = range.start.next_multiple_of(BLOCK_BYTES)..range.end / BLOCK_BYTES * BLOCK_BYTES;
    (!blocks.is_empty()).then_some(blocks)
}
