//! Writes batches of records, and the segments they stand in. It never reads back.

use super::block::{self, COUNT_BYTES, LENGTH_BYTES};
use super::compression::{Packer, RecentText};
use super::disk::Disk;
use super::filler::{Filler, Spare};
use super::frame::{
    COMMIT_BYTES, Commit, HEAD_BYTES, Kind, Point, Position, push, push_seal, seal_bytes,
};
use super::header::{EventHeader, Shard};
use super::journal::Target;
use super::layout::padded;
use super::names::Series;
use super::segment::EventSegment;
use super::walk::{POINT_SPACING, Tail, is_point_due};
use bytes::Bytes;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The writer of event segments.
pub(super) struct EventWriter {
    pub(super) segment: Arc<EventSegment>,
    pub(super) tail: Tail,
    pub(super) filler: Filler,
    /// The segment's whole index, for its seal.
    points: Vec<Point>,
    packer: Packer,
    recent: RecentText,
    dictionary_bytes: usize,
    content: Vec<u8>,
    buffer: Vec<u8>,
}

/// How an event segment starts.
pub(super) struct Start {
    pub(super) shard: Shard,
    pub(super) first: u64,
    pub(super) previous: (u64, u64, u32),
    pub(super) payloads: Position,
    pub(super) dictionary: Vec<u8>,
}

impl EventWriter {
    /// Goes on behind `tail`.
    pub(super) fn new(
        segment: Arc<EventSegment>,
        (tail, points): (Tail, Vec<Point>),
        filler: Filler,
        dictionary_bytes: usize,
    ) -> io::Result<Self> {
        let packer = Packer::new(segment.dictionary())?;
        let recent = RecentText::new(segment.dictionary(), dictionary_bytes);
        let (content, buffer) = (Vec::new(), Vec::new());
        Ok(Self {
            segment,
            tail,
            filler,
            points,
            packer,
            recent,
            dictionary_bytes,
            content,
            buffer,
        })
    }

    /// The most bytes that these records and their commit can take.
    pub(super) fn bound(records: &[Bytes]) -> u64 {
        let around = COUNT_BYTES + LENGTH_BYTES;
        let frames = records.iter().map(|record| HEAD_BYTES + padded(around + record.len()));
        (frames.sum::<usize>() + COMMIT_BYTES) as u64
    }

    /// The least size of a segment for a batch of this many bytes.
    pub(super) fn segment_bytes(&self, batch_bytes: u64) -> u64 {
        let header = super::header::event_header_bytes(self.dictionary_bytes) as u64;
        header + batch_bytes + seal_bytes_for(batch_bytes)
    }

    /// Whether a batch of this many bytes, and then the seal, fit into the segment.
    ///
    /// An empty segment takes any batch, and grows where it has to.
    pub(super) fn fits(&self, batch_bytes: u64) -> bool {
        let seal = seal_bytes_for(self.tail.end + batch_bytes);
        let is_empty = self.tail.next == self.segment.first;
        let has_room = self.tail.end + batch_bytes + seal <= self.segment.capacity;
        is_empty || has_room
    }

    /// Whether it is time to make the next segment ready.
    pub(super) fn is_half_full(&self) -> bool {
        self.tail.end > self.segment.capacity / 2
    }

    /// Lays out the records and their commit behind the tail. When they are written and durable,
    /// the tail and index points that this returns are committed.
    pub(super) fn lay_out(
        &mut self,
        records: &[Bytes],
        payloads: Position,
    ) -> io::Result<(Tail, Vec<Point>)> {
        self.buffer.clear();
        let mut tail = self.tail;
        let mut points = Vec::new();
        let mut last_point = self.points.last().map(|point| point.offset);
        let block_bytes = self.packer.start(records.len());
        let mut rest = records;
        while let Some((block, others)) = block::split(rest, block_bytes) {
            rest = others;
            let offset = self.tail.end + self.buffer.len() as u64;
            if is_point_due(last_point, offset) {
                points.push(Point { sequence: tail.next, offset, seed: tail.crc });
                last_point = Some(offset);
            }
            block::fill(&mut self.content, block);
            let (kind, content) = match self.packer.pack(&self.content)? {
                Some(packed) => (Kind::PackedRecords, packed),
                None => (Kind::Records, self.content.as_slice()),
            };
            let body = [&block::count_bytes(block.len()), content];
            tail.crc = push(&mut self.buffer, tail.crc, kind, (tail.next, body));
            tail.next += block.len() as u64;
        }
        if self.is_half_full() {
            // The next dictionary is made of the segment's end: the text before it is no matter.
            for record in records {
                self.recent.push(record);
            }
        }
        let commit = Commit { first: self.tail.next, next: tail.next, payloads };
        tail.crc = commit.push(&mut self.buffer, tail.crc);
        tail.end += self.buffer.len() as u64;
        tail.payloads = payloads;
        Ok((tail, points))
    }

    /// What was laid out, and where it goes.
    pub(super) fn laid_out(&self) -> Target<'_> {
        Target { segment: self.segment.first, offset: self.tail.end, bytes: &self.buffer }
    }

    /// Writes what was laid out; a sync of the segment makes it durable.
    pub(super) fn write(&self) -> io::Result<()> {
        self.segment.file.write_at(&self.buffer, self.tail.end)
    }

    /// Notes that what was written is durable.
    pub(super) fn commit(&mut self, tail: Tail, points: &[Point]) {
        self.tail = tail;
        self.points.extend_from_slice(points);
    }

    /// Goes on in a new segment, made from `spare`, and seals the one before; all of it durable.
    ///
    /// The new segment is there before the seal: a seal without a segment behind it is a loss.
    pub(super) fn roll(&mut self, disk: &dyn Disk, dir: &Path, spare: Spare) -> io::Result<()> {
        self.buffer.clear();
        let Tail { end, crc, next, payloads } = self.tail;
        let seal_crc = push_seal(&mut self.buffer, crc, next, &self.points);
        let start = Start {
            shard: self.segment.shard,
            first: next,
            previous: (self.segment.first, end, seal_crc),
            payloads,
            dictionary: self.recent.dictionary(),
        };
        let segment = create_segment(disk, dir, spare, start)?;
        self.segment.file.write_at(&self.buffer, end)?;
        self.segment.file.sync()?;
        self.packer = Packer::new(segment.dictionary())?;
        self.tail = segment.start();
        self.segment = Arc::new(segment);
        self.points.clear();
        Ok(())
    }
}

/// Turns `spare` into an event segment, durably.
pub(super) fn create_segment(
    disk: &dyn Disk,
    dir: &Path,
    spare: Spare,
    start: Start,
) -> io::Result<EventSegment> {
    let Start { shard, first, previous, payloads, dictionary } = start;
    let capacity = spare.bytes;
    let header = EventHeader { shard, capacity, first, previous, payloads, dictionary };
    let (bytes, crc) = header.encode();
    spare.file.write_at(&bytes, 0)?;
    spare.file.sync()?;
    let path = Series::Events.path(dir, first);
    disk.rename(&spare.path, &path)?;
    disk.sync_dir(&Series::Events.dir(dir))?;
    Ok(EventSegment::new(path, spare.file, header, crc))
}

/// The most bytes that the seal of a segment with this many bytes of frames can take.
fn seal_bytes_for(frame_bytes: u64) -> u64 {
    let points = frame_bytes / POINT_SPACING + 1;
    seal_bytes(super::layout::size(points)) as u64
}
