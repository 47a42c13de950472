//! One event segment as an open file: its name, its header, its seal, its records.

use super::block::{self, COUNT_BYTES};
use super::compression::Unpackers;
use super::damage::{damaged, io_error};
use super::disk::{Disk, DiskFile};
use super::frame::{COMMIT_BYTES, Frame, HEAD_BYTES, Kind, Point, parse_seal};
use super::header::{EventHeader, Shard};
use super::layout::u32_at;
use super::names::Series;
use super::walk::{Tail, Walk};
use crate::log::ReadError;
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An event segment whose header is intact.
pub(super) struct EventSegment {
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) shard: Shard,
    pub(super) capacity: u64,
    pub(super) first: u64,
    /// As in [`EventHeader::previous`].
    pub(super) previous: (u64, u64, u32),
    /// Where the frames start, and what seeds the first.
    start: Tail,
    unpackers: Unpackers,
}

/// The end of a sealed segment.
pub(super) struct Seal {
    /// Where its last batch ends.
    pub(super) end: u64,
    /// The record after its last one.
    pub(super) next: u64,
    pub(super) points: Vec<Point>,
}

impl EventSegment {
    /// The file of the segment that starts with record `first`.
    pub(super) fn path(dir: &Path, first: u64) -> PathBuf {
        Series::Events.path(dir, first)
    }

    /// Opens a segment and checks its header, and that the file is as long as it was made.
    pub(super) fn open(
        disk: &dyn Disk,
        dir: &Path,
        first: u64,
        writable: bool,
    ) -> Result<Self, ReadError> {
        let path = Self::path(dir, first);
        let file = disk.open(&path, writable).map_err(io_error(&path))?;
        let header = EventHeader::read(&*file).map_err(io_error(&path))?;
        let (header, crc) = header.map_err(|problem| damaged(&path, 0, problem))?;
        if header.first != first {
            let detail = format!("it is the segment of sequence {}", header.first);
            return Err(damaged(&path, 0, detail));
        }
        let length = file.length().map_err(io_error(&path))?;
        if length < header.capacity {
            let detail = format!("the file was cut: it was made with {} bytes", header.capacity);
            return Err(damaged(&path, length, detail));
        }
        Ok(Self::new(path, file, header, crc))
    }

    /// The segment in `file`, whose header is `header` with checksum `crc`.
    pub(super) fn new(
        path: PathBuf,
        file: Arc<dyn DiskFile>,
        header: EventHeader,
        crc: u32,
    ) -> Self {
        let (end, next, payloads) = (header.bytes() as u64, header.first, header.payloads);
        let EventHeader { shard, capacity, first, previous, payloads: _, dictionary } = header;
        let start = Tail { end, crc, next, payloads };
        let unpackers = Unpackers::new(dictionary);
        Self { path, file, shard, capacity, first, previous, start, unpackers }
    }

    /// The segment's tail before its first batch.
    pub(super) fn start(&self) -> Tail {
        self.start
    }

    /// What the records are compressed against.
    pub(super) fn dictionary(&self) -> &[u8] {
        self.unpackers.dictionary()
    }

    /// Reads the end of this segment, and checks it against what the next one says of it.
    pub(super) fn seal(&self, next: &Self) -> Result<Seal, ReadError> {
        let (first, seal_at, seal_crc) = next.previous;
        if first != self.first {
            let detail = format!("it follows the segment of sequence {first}, which is missing");
            return Err(damaged(&next.path, 0, detail));
        }
        if next.shard != self.shard {
            let detail = format!("it belongs to shard `{}`", next.shard.name());
            return Err(damaged(&next.path, 0, detail));
        }
        let commit_at = seal_at.saturating_sub(COMMIT_BYTES as u64);
        let mut head = [0; HEAD_BYTES];
        let count = super::disk::read_up_to(&*self.file, &mut head, commit_at);
        let count = count.map_err(io_error(&self.path))?;
        let seed = head.get(..count).and_then(|head| u32_at(head, 4)).unwrap_or_default();
        let mut walk = Walk::new(&*self.file, (seal_at, seed), u64::MAX);
        let seal = match walk.next().map_err(io_error(&self.path))? {
            Ok(step) if step.frame.kind == Kind::Seal && step.frame.crc == seal_crc => step.frame,
            Ok(_) => return Err(damaged(&self.path, seal_at, "this is not the segment's seal")),
            Err(stop) => {
                return Err(damaged(&self.path, seal_at, format!("the seal: {}", stop.describe())));
            }
        };
        if seal.sequence != next.first {
            let detail = format!("sequence {} should follow it in a segment", seal.sequence);
            return Err(damaged(&self.path, seal_at, detail));
        }
        let (next, points) = (seal.sequence, parse_seal(seal.body));
        Ok(Seal { end: seal_at, next, points })
    }

    /// The records in a frame; none when it is not a block.
    pub(super) fn records(&self, frame: &Frame<'_>, at: u64) -> Result<Vec<Bytes>, ReadError> {
        let wrong = |detail: String| damaged(&self.path, at, detail);
        let content = frame.body.get(COUNT_BYTES..).unwrap_or_default();
        let content = match frame.kind {
            Kind::Records => content.to_vec(),
            Kind::PackedRecords => {
                self.unpackers.unpack(content).map_err(|error| wrong(error.to_string()))?
            }
            Kind::Commit | Kind::Seal => return Ok(Vec::new()),
        };
        let records = block::count(frame.body).and_then(|count| block::records(content, count));
        records.ok_or_else(|| wrong("the block has not the records that it should".to_owned()))
    }
}
