//! Writes what the journal holds to where it belongs, before anything else is looked at when a log
//! is opened. After that every acknowledged batch is in its segments, as if each had been synced.
//!
//! Nothing but zeros is ever written over: a segment whose bytes contradict the journal is damaged.

use super::OpenError;
use super::damage::{damaged, io_error};
use super::disk::{Disk, DiskFile, read_up_to};
use super::header::{JOURNAL_HEADER_BYTES, JournalHeader, Shard};
use super::journal::{
    ENTRY_HEAD_BYTES, FILES, JOURNAL_BYTES_MAX, Target, clean, dir, entry_checksum,
};
use super::layout::{SECTOR, is_blank, padded, size, u32_at, u64_at};
use super::names::Series;
use super::quarantine::{Cut, Leftovers};
use super::torn::has_blank_sector;
use crate::log::ReadError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One journal file as it was found.
struct Found {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    bytes: Vec<u8>,
    /// Nothing in a clean file.
    header: Option<(JournalHeader, u32)>,
}

/// The files of a journal that has nothing to say any more, and the room in each.
pub(super) struct Clean {
    pub(super) files: [Arc<dyn DiskFile>; 2],
    pub(super) capacity: u64,
}

/// A journal whose batches are in their segments, durably.
pub(super) struct Replayed {
    found: [Found; 2],
    /// A torn last entry.
    torn: Leftovers,
}

impl Replayed {
    /// Fills the journal with zeros, once the log is known to be whole, and says what was cut: the
    /// torn entry of a batch that was never acknowledged.
    ///
    /// All is filled, whatever it reads as: after a failed cleaning the page cache holds, as
    /// clean, zeros that the disk has not.
    pub(super) fn clean(
        self,
        disk: &dyn Disk,
        log: &Path,
    ) -> Result<(Clean, Option<Cut>), ReadError> {
        let cut = self.torn.keep(disk, log, ("journal", 0))?;
        let [one, other] = self.found;
        let capacity = one.bytes.len() as u64;
        for journal in [&one, &other] {
            clean(&*journal.file, capacity).map_err(io_error(&journal.path))?;
        }
        Ok((Clean { files: [one.file, other.file], capacity }, cut))
    }
}

/// Replays the journal of the log in `dir`, and syncs what it wrote.
pub(super) fn replay(disk: &dyn Disk, log: &Path, shard: Shard) -> Result<Replayed, OpenError> {
    let [first, second] = FILES;
    let mut found = [read(disk, log, first)?, read(disk, log, second)?];
    if let Some((header, _)) =
        found.iter().filter_map(|it| it.header).find(|(it, _)| it.shard != shard)
    {
        let (found, expected) = (header.shard.name(), shard.name());
        return Err(OpenError::OtherShard { dir: log.display().to_string(), found, expected });
    }
    found.sort_by_key(|journal| journal.header.map(|(header, _)| header.generation));
    let [older, newer] = &found;
    if older.bytes.len() != newer.bytes.len() {
        let at = older.bytes.len().min(newer.bytes.len()) as u64;
        return Err(damaged(&older.path, at, "the journal's files have not one length").into());
    }
    let (mut entries, stopped_at) = entries(older);
    // It was left when its last entry was durable, and whoever cleans it begins with the header.
    if older.header.is_some() && !is_blank(older.bytes.get(stopped_at..).unwrap_or_default()) {
        let detail = "an entry is not intact, and others were written after it";
        return Err(damaged(&older.path, stopped_at as u64, detail).into());
    }
    let (latest, stopped_at) = self::entries(newer);
    check_end(newer, stopped_at)?;
    entries.extend(latest);
    // Payloads first, as an append writes them: a reader never finds a commit before its payloads.
    for (series, targets) in [
        (Series::Payloads, entries.iter().map(|[_, payloads]| *payloads).collect::<Vec<_>>()),
        (Series::Events, entries.iter().map(|[events, _]| *events).collect()),
    ] {
        restore(disk, log, series, &targets)?;
    }
    let from = stopped_at as u64;
    let (file, path) = (Arc::clone(&newer.file), newer.path.clone());
    let bytes = newer.header.map(|_| written(newer, stopped_at).to_vec()).unwrap_or_default();
    Ok(Replayed { torn: Leftovers { file, path, from, bytes }, found })
}

fn read(disk: &dyn Disk, log: &Path, name: &str) -> Result<Found, OpenError> {
    let path = dir(log).join(name);
    let file = match disk.open(&path, true) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(OpenError::Missing { file: path.display().to_string() });
        }
        file => file.map_err(io_error(&path))?,
    };
    let length = file.length().map_err(io_error(&path))?;
    if length > JOURNAL_BYTES_MAX {
        return Err(damaged(&path, JOURNAL_BYTES_MAX, "it is longer than a journal can be").into());
    }
    let mut bytes = vec![0; size(length)];
    let count = read_up_to(&*file, &mut bytes, 0).map_err(io_error(&path))?;
    bytes.truncate(count);
    let head = bytes.get(..JOURNAL_HEADER_BYTES).unwrap_or_default();
    let header = if is_blank(head) && !head.is_empty() {
        None
    } else {
        Some(JournalHeader::decode(head).map_err(|problem| damaged(&path, 0, problem))?)
    };
    if let Some((header, _)) = header.filter(|(header, _)| header.capacity != length) {
        let detail = format!("the file was made with {} bytes", header.capacity);
        return Err(damaged(&path, length, detail).into());
    }
    Ok(Found { file, path, bytes, header })
}

/// The intact entries of a file in their order, and where the first stands that is not.
fn entries(found: &Found) -> (Vec<[Target<'_>; 2]>, usize) {
    let Some((_, mut seed)) = found.header else { return (Vec::new(), 0) };
    let mut at = JOURNAL_HEADER_BYTES;
    let mut entries = Vec::new();
    while let Some((entry, length, crc)) = entry(found.bytes.get(at..).unwrap_or_default(), seed) {
        entries.push(entry);
        (at, seed) = (at + length, crc);
    }
    (entries, at)
}

/// The entry that `bytes` start with, its length and its checksum.
fn entry(bytes: &[u8], seed: u32) -> Option<([Target<'_>; 2], usize, u32)> {
    let length = size(u32_at(bytes, 0)?.into());
    let whole = bytes.get(..length).filter(|_| ENTRY_HEAD_BYTES <= length)?;
    let crc = entry_checksum(whole, seed)?;
    if u32_at(whole, 4)? != crc {
        return None;
    }
    let piece = |at: usize, from: usize, length_at: usize| {
        let end = from + size(u32_at(whole, length_at)?.into());
        let bytes = whole.get(from..end)?;
        Some((Target { segment: u64_at(whole, at)?, offset: u64_at(whole, at + 8)?, bytes }, end))
    };
    let (events, end) = piece(8, ENTRY_HEAD_BYTES, 40)?;
    let (payloads, end) = piece(24, end, 44)?;
    (padded(end) == length).then_some(([events, payloads], length, crc))
}

/// What stands behind `from`, up to the last byte that is not zero.
fn written(found: &Found, from: usize) -> &[u8] {
    let rest = found.bytes.get(from..).unwrap_or_default();
    let end = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    rest.get(..end).unwrap_or_default()
}

/// Passes nothing behind the last entry, or one torn write that was never acknowledged.
fn check_end(found: &Found, stopped_at: usize) -> Result<(), ReadError> {
    if found.header.is_none() {
        return Ok(());
    }
    let rest = found.bytes.get(stopped_at..).unwrap_or_default();
    let written = written(found, stopped_at).len();
    if written == 0 {
        return Ok(());
    }
    let damaged = |detail| Err(damaged(&found.path, stopped_at as u64, detail));
    let sector_left = SECTOR - stopped_at % SECTOR;
    let extent = match u32_at(rest, 0).map(|length| size(length.into())) {
        Some(0) | None => sector_left.min(rest.len()),
        Some(length) if length <= rest.len() => length,
        Some(_) => return damaged("an entry reaches behind the end of the journal"),
    };
    if written > extent.max(sector_left) && u32_at(rest, 0) != Some(0) {
        return damaged("something was written behind the last entry");
    }
    if !has_blank_sector(rest, stopped_at as u64, 0..extent) {
        return damaged("the checksum does not fit, and no part of the entry is missing");
    }
    Ok(())
}

/// Writes pieces to where they belong in the last segment of a series, and syncs it. Of a segment
/// before the last everything is durable, or the last one would not have been made.
fn restore(
    disk: &dyn Disk,
    log: &Path,
    series: Series,
    targets: &[Target<'_>],
) -> Result<(), OpenError> {
    let Some(last) = series.numbers(disk, log)?.last().copied() else { return Ok(()) };
    let path = series.path(log, last);
    let mut targets = targets.iter().filter(|target| target.segment == last).peekable();
    if targets.peek().is_none() {
        return Ok(());
    }
    let file = disk.open(&path, true).map_err(io_error(&path))?;
    let length = file.length().map_err(io_error(&path))?;
    for Target { segment: _, offset, bytes } in targets {
        let end = offset.saturating_add(bytes.len() as u64);
        if length < end {
            let detail = format!("the file was cut: the journal has bytes of it up to {end}");
            return Err(damaged(&path, length, detail).into());
        }
        let mut there = vec![0; bytes.len()];
        read_up_to(&*file, &mut there, *offset).map_err(io_error(&path))?;
        if let Some(at) = contradiction(&there, bytes, *offset) {
            let detail = "the journal has other bytes for this place";
            return Err(damaged(&path, at, detail).into());
        }
        // Written even where it is there: the page cache may hold, as clean, what is not.
        file.write_at(bytes, *offset).map_err(io_error(&path))?;
    }
    Ok(file.sync().map_err(io_error(&path))?)
}

/// Where the bytes that stand at `offset` are neither blank nor what was to be written, sector by
/// sector.
fn contradiction(there: &[u8], written: &[u8], offset: u64) -> Option<u64> {
    let mut at = 0;
    while at < there.len() {
        let end = (at + SECTOR - size(offset + at as u64) % SECTOR).min(there.len());
        let (old, new) = (there.get(at..end)?, written.get(at..end)?);
        if old != new && !is_blank(old) {
            return Some(offset + at as u64);
        }
        at = end;
    }
    None
}
