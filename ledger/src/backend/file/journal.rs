//! The journal: a copy of the latest batches that span both series, so that an append waits for
//! one sync of one file. Its format is file-log.md, "The journal"; reading it is `replay`.
//!
//! A batch is synced in the journal, and then only written to its segments. There are two journal
//! files: when one is full the next batch goes into the other, and in the background the segments
//! are synced and the full one is filled with zeros, so that what a torn write leaves can be told.

use super::disk::{Disk, DiskFile, read_up_to};
use super::filler::{Workers, remove_if_there, write_zeros};
use super::header::{JOURNAL_HEADER_BYTES, JournalHeader, Shard};
use super::layout::{checksum, is_blank, pad, padded, short};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

/// Length, checksum, and where the two pieces go.
pub(super) const ENTRY_HEAD_BYTES: usize = 48;

/// The most bytes that a journal file may have: it is read whole at the start.
pub(super) const JOURNAL_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The journal's files, used in turn.
pub(super) const FILES: [&str; 2] = ["0.log", "1.log"];

/// Where one piece of a batch goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// The segment, by the number in its name.
    pub(super) segment: u64,
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
}

/// The writer of the journal.
pub(super) struct Journal {
    shard: Shard,
    capacity: u64,
    workers: Workers,
    generation: u64,
    active: Arc<dyn DiskFile>,
    /// Where the entries end, and the checksum of the last one; nothing before the first.
    tail: Option<(u64, u32)>,
    other: Other,
    buffer: Vec<u8>,
}

enum Other {
    Clean(Arc<dyn DiskFile>),
    Cleaning(JoinHandle<io::Result<Arc<dyn DiskFile>>>),
    /// Cleaning failed, and that was said.
    Lost,
}

/// The folder of the journal.
pub(super) fn dir(log: &Path) -> PathBuf {
    log.join("journal")
}

/// The files of the journal.
pub(super) fn paths(log: &Path) -> [PathBuf; 2] {
    FILES.map(|name| dir(log).join(name))
}

/// Makes the files of a new log's journal, durably, in place of what an interrupted attempt left.
pub(super) fn create(disk: &dyn Disk, log: &Path, capacity: u64) -> io::Result<()> {
    let dir = dir(log);
    disk.create_dir(&dir)?;
    for path in paths(log) {
        remove_if_there(disk, &path)?;
        let file = disk.create(&path)?;
        write_zeros(&*file, 0, capacity, &false.into())?;
        file.sync()?;
    }
    disk.sync_dir(&dir)
}

/// Whether something was ever written to a journal there: then there was a log, too.
pub(super) fn was_used(disk: &dyn Disk, log: &Path) -> bool {
    FILES.iter().filter_map(|name| disk.open(&dir(log).join(name), false).ok()).any(|file| {
        let mut head = [0; JOURNAL_HEADER_BYTES];
        read_up_to(&*file, &mut head, 0).is_ok() && !is_blank(&head)
    })
}

impl Journal {
    /// A journal in two files of zeros, each with room for `capacity` bytes.
    pub(super) fn new(
        [active, other]: [Arc<dyn DiskFile>; 2],
        (shard, capacity): (Shard, u64),
        workers: Workers,
    ) -> Self {
        Self {
            shard,
            capacity,
            workers,
            generation: 0,
            active,
            tail: None,
            other: Other::Clean(other),
            buffer: Vec::new(),
        }
    }

    /// Whether an entry with so many bytes is not too large for any journal file.
    pub(super) fn takes(&self, bytes: usize) -> bool {
        JOURNAL_HEADER_BYTES as u64 + entry_bytes(bytes) <= self.capacity
    }

    /// Whether an entry with so many bytes fits into the active file.
    pub(super) fn fits(&self, bytes: usize) -> bool {
        let end = self.tail.map_or(JOURNAL_HEADER_BYTES as u64, |(end, _)| end);
        end + entry_bytes(bytes) <= self.capacity
    }

    /// Goes on in the other file. In the background `segments` are synced, after which the full
    /// file is of no more use, and it is made clean; a failure of that shows the next time.
    pub(super) fn turn(&mut self, segments: Vec<Arc<dyn DiskFile>>) -> io::Result<()> {
        let next = self.take_other()?;
        let full = std::mem::replace(&mut self.active, next);
        let end = self.tail.take().map_or(0, |(end, _)| end);
        self.generation += 1;
        self.other = match self.workers {
            Workers::Threads => {
                let cleaner = std::thread::Builder::new().name("ledger-journal".to_owned());
                Other::Cleaning(cleaner.spawn(move || clean_behind(&segments, full, end))?)
            }
            #[cfg(test)]
            Workers::Inline => Other::Clean(clean_behind(&segments, full, end)?),
        };
        Ok(())
    }

    /// The other file, once it is clean.
    fn take_other(&mut self) -> io::Result<Arc<dyn DiskFile>> {
        match std::mem::replace(&mut self.other, Other::Lost) {
            Other::Clean(other) => Ok(other),
            Other::Cleaning(thread) => {
                thread.join().map_err(|_| io::Error::other("the journal's cleaner ended"))?
            }
            Other::Lost => Err(io::Error::other("the journal could not be cleaned")),
        }
    }

    /// Makes both files clean: the caller has synced the segments.
    pub(super) fn empty(&mut self) -> io::Result<()> {
        self.other = Other::Clean(self.take_other()?);
        self.tail.take().map_or(Ok(()), |(end, _)| clean(&*self.active, end))
    }

    /// How often it went on in the other file.
    #[cfg(test)]
    pub(super) const fn turns(&self) -> u64 {
        self.generation
    }

    /// Makes a batch durable: the caller then writes both pieces where they go.
    pub(super) fn append(&mut self, pieces: [Target<'_>; 2]) -> io::Result<()> {
        self.buffer.clear();
        let (at, seed) = self.tail.unwrap_or_else(|| {
            let Self { shard, capacity, generation, .. } = *self;
            let (header, crc) = JournalHeader { shard, capacity, generation }.encode();
            self.buffer.extend_from_slice(&header);
            (0, crc)
        });
        let crc = push_entry(&mut self.buffer, seed, pieces);
        self.active.write_at(&self.buffer, at)?;
        self.active.sync()?;
        self.tail = Some((at + self.buffer.len() as u64, crc));
        Ok(())
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Other::Cleaning(thread) = std::mem::replace(&mut self.other, Other::Lost) {
            // Whoever opens the log next must find it at rest; a failure is found by recovery.
            drop(thread.join());
        }
    }
}

fn clean_behind(
    segments: &[Arc<dyn DiskFile>],
    full: Arc<dyn DiskFile>,
    end: u64,
) -> io::Result<Arc<dyn DiskFile>> {
    for segment in segments {
        segment.sync()?;
    }
    clean(&*full, end)?;
    Ok(full)
}

/// Fills a journal file with zeros up to `end`: its header first, so that a crash leaves either a
/// whole file or one that says nothing.
pub(super) fn clean(file: &dyn DiskFile, end: u64) -> io::Result<()> {
    let header = (JOURNAL_HEADER_BYTES as u64).min(end);
    write_zeros(file, 0, header, &false.into())?;
    file.sync()?;
    write_zeros(file, header, end, &false.into())?;
    file.sync()
}

fn entry_bytes(bytes: usize) -> u64 {
    (ENTRY_HEAD_BYTES + padded(bytes)) as u64
}

/// Appends an entry and returns its checksum, the seed of the next one.
fn push_entry(out: &mut Vec<u8>, seed: u32, pieces: [Target<'_>; 2]) -> u32 {
    let start = out.len();
    let length: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
    out.extend_from_slice(&short(ENTRY_HEAD_BYTES + padded(length)).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    for Target { segment, offset, bytes: _ } in pieces {
        out.extend_from_slice(&segment.to_le_bytes());
        out.extend_from_slice(&offset.to_le_bytes());
    }
    for piece in pieces {
        out.extend_from_slice(&short(piece.bytes.len()).to_le_bytes());
    }
    for piece in pieces {
        out.extend_from_slice(piece.bytes);
    }
    pad(out, start);
    let entry = out.get(start..).unwrap_or_default();
    let crc = entry_checksum(entry, seed).unwrap_or_default();
    if let Some(field) = out.get_mut(start + 4..start + 8) {
        field.copy_from_slice(&crc.to_le_bytes());
    }
    crc
}

/// The checksum of a whole entry, of all but the field that holds it.
pub(super) fn entry_checksum(entry: &[u8], seed: u32) -> Option<u32> {
    let (length, rest) = entry.split_at_checked(4)?;
    Some(checksum(seed, &[length, rest.get(4..)?]))
}
