//! One frame of an event segment, from values to bytes and back; its format is file-log.md,
//! "Frames".

use super::block::{CONTENT_BYTES_MAX, COUNT_BYTES};
use super::layout::{STEP, array_at, checksum, padded, short, u32_at, u64_at};
use std::ops::RangeInclusive;

/// Word, checksum and sequence.
pub(super) const HEAD_BYTES: usize = 16;
/// A whole commit frame.
pub(super) const COMMIT_BYTES: usize = HEAD_BYTES + COMMIT_BODY;
const COMMIT_BODY: usize = 32;
const BLOCK_BODY: RangeInclusive<usize> = COUNT_BYTES + 1..=COUNT_BYTES + CONTENT_BYTES_MAX;
const POINT_BYTES: usize = 20;
const BODY_BYTES_MAX: u32 = (1 << 24) - 1;

/// What a frame's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A block of records as they are.
    Records,
    /// A block of records, compressed with the segment's dictionary.
    PackedRecords,
    /// The end of a batch.
    Commit,
    /// The end of a segment.
    Seal,
}

/// Why there is no frame at some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Its first word is zero: nothing was written here.
    Blank,
    /// It cannot have been written so.
    Malformed(&'static str),
    /// The file ends before it does.
    Short,
    /// Its bytes are not those that were written after the frame before it.
    Checksum,
}

impl Stop {
    /// In words, for an error.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Blank => "nothing is written here, where a frame should stand",
            Self::Malformed(what) => what,
            Self::Short => "the file ends within a frame",
            Self::Checksum => "the checksum does not fit",
        }
    }
}

/// What a frame's first word says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) kind: Kind,
    body_bytes: usize,
}

impl Head {
    /// Reads the first word of a frame.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Stop> {
        let word = u32_at(bytes, 0).ok_or(Stop::Short)?;
        let body_bytes = usize::try_from(word & BODY_BYTES_MAX).unwrap_or(usize::MAX);
        let (kind, fits) = match word >> 24 {
            0 if word == 0 => return Err(Stop::Blank),
            1 => (Kind::Records, BLOCK_BODY.contains(&body_bytes)),
            2 => (Kind::PackedRecords, BLOCK_BODY.contains(&body_bytes)),
            3 => (Kind::Commit, body_bytes == COMMIT_BODY),
            4 => (Kind::Seal, body_bytes.is_multiple_of(POINT_BYTES)),
            _ => return Err(Stop::Malformed("no kind of frame has this number")),
        };
        if fits { Ok(Self { kind, body_bytes }) } else { Err(Stop::Malformed("impossible length")) }
    }

    /// The whole frame, head and padding included.
    pub(super) fn frame_bytes(self) -> usize {
        HEAD_BYTES + padded(self.body_bytes)
    }
}

/// A frame whose checksum holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) kind: Kind,
    /// Of the first record; the next one's for a commit or a seal.
    pub(super) sequence: u64,
    pub(super) body: &'a [u8],
    pub(super) crc: u32,
}

impl<'a> Frame<'a> {
    /// Reads the frame that `bytes` start with, written after a frame with checksum `seed`.
    pub(super) fn parse(bytes: &'a [u8], seed: u32) -> Result<Self, Stop> {
        let head = Head::parse(bytes)?;
        let bytes = bytes.get(..head.frame_bytes()).ok_or(Stop::Short)?;
        let (word, rest) = bytes.split_at_checked(4).ok_or(Stop::Short)?;
        let (stored, rest) = rest.split_at_checked(4).ok_or(Stop::Short)?;
        let crc = checksum(seed, &[word, rest]);
        if stored != crc.to_le_bytes() {
            return Err(Stop::Checksum);
        }
        Self::lend(bytes)
    }

    /// Whether its body is a block of records.
    pub(super) fn is_block(&self) -> bool {
        matches!(self.kind, Kind::Records | Kind::PackedRecords)
    }

    /// Reads the frame that `bytes` start with once more, without checking it again.
    pub(super) fn lend(bytes: &'a [u8]) -> Result<Self, Stop> {
        let Head { kind, body_bytes } = Head::parse(bytes)?;
        let body = bytes.get(HEAD_BYTES..HEAD_BYTES + body_bytes).ok_or(Stop::Short)?;
        let crc = u32_at(bytes, 4).ok_or(Stop::Short)?;
        let sequence = u64_at(bytes, 8).ok_or(Stop::Short)?;
        Ok(Self { kind, sequence, body, crc })
    }
}

/// Appends a frame to `out` and returns its checksum, the seed of the next one.
///
/// Both pieces of the body have to be within the length of its kind: it is the caller who knows.
pub(super) fn push(
    out: &mut Vec<u8>,
    seed: u32,
    kind: Kind,
    (sequence, body): (u64, [&[u8]; 2]),
) -> u32 {
    let [before, content] = body;
    let body_bytes = before.len() + content.len();
    let code = match kind {
        Kind::Records => 1,
        Kind::PackedRecords => 2,
        Kind::Commit => 3,
        Kind::Seal => 4,
    };
    let word = (code << 24 | short(body_bytes) & BODY_BYTES_MAX).to_le_bytes();
    let sequence = sequence.to_le_bytes();
    let padding = [0; STEP];
    let padding = padding.get(..padded(body_bytes) - body_bytes).unwrap_or_default();
    let crc = checksum(seed, &[&word, &sequence, before, content, padding]);
    for piece in [&word, &crc.to_le_bytes(), sequence.as_slice(), before, content, padding] {
        out.extend_from_slice(piece);
    }
    crc
}

/// How far the payload store was written: bytes before `end` in `segment`, and all segments before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) segment: u64,
    pub(super) end: u64,
}

impl Position {
    /// Behind every other.
    pub(super) const MAX: Self = Self { segment: u64::MAX, end: u64::MAX };
}

/// What a commit frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    /// The batch's first record.
    pub(super) first: u64,
    /// The record after its last one.
    pub(super) next: u64,
    /// The payload store with the batch's payloads in it.
    pub(super) payloads: Position,
}

impl Commit {
    /// Appends the commit frame and returns its checksum.
    pub(super) fn push(&self, out: &mut Vec<u8>, seed: u32) -> u32 {
        let mut body = Vec::with_capacity(COMMIT_BODY);
        for number in [self.first, self.payloads.segment, self.payloads.end] {
            body.extend_from_slice(&number.to_le_bytes());
        }
        body.extend_from_slice(&[0; 4]);
        let own = Self::own_checksum(self.next, &body);
        body.extend_from_slice(&own.to_le_bytes());
        push(out, seed, Kind::Commit, (self.next, [&body, &[]]))
    }

    /// Reads the body of a commit frame; its own checksum must hold.
    pub(super) fn parse(next: u64, body: &[u8]) -> Option<Self> {
        let body: [u8; COMMIT_BODY] = array_at(body, 0)?;
        let (covered, own) = body.split_last_chunk::<4>()?;
        if *own != Self::own_checksum(next, covered).to_le_bytes() {
            return None;
        }
        let payloads = Position { segment: u64_at(&body, 8)?, end: u64_at(&body, 16)? };
        Some(Self { first: u64_at(&body, 0)?, next, payloads })
    }

    /// Reads a commit frame whatever stands before it: evidence that a batch was written whole.
    pub(super) fn find(bytes: &[u8]) -> Option<Self> {
        let head = Head::parse(bytes).ok()?;
        if head.kind != Kind::Commit {
            return None;
        }
        Self::parse(u64_at(bytes, 8)?, bytes.get(HEAD_BYTES..)?)
    }

    fn own_checksum(next: u64, covered: &[u8]) -> u32 {
        checksum(0, &[b"commit", &next.to_le_bytes(), covered])
    }
}

/// Where a reader may start within a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    /// The first record of the frame that starts here.
    pub(super) sequence: u64,
    pub(super) offset: u64,
    /// The checksum of the frame before.
    pub(super) seed: u32,
}

/// Appends the seal frame, which is the segment's index, and returns its checksum.
pub(super) fn push_seal(out: &mut Vec<u8>, seed: u32, next: u64, points: &[Point]) -> u32 {
    let mut body = Vec::with_capacity(points.len() * POINT_BYTES);
    for point in points {
        body.extend_from_slice(&point.sequence.to_le_bytes());
        body.extend_from_slice(&point.offset.to_le_bytes());
        body.extend_from_slice(&point.seed.to_le_bytes());
    }
    push(out, seed, Kind::Seal, (next, [&body, &[]]))
}

/// The bytes of a seal frame with this many points.
pub(super) fn seal_bytes(points: usize) -> usize {
    HEAD_BYTES + padded(points * POINT_BYTES)
}

/// Reads the body of a seal frame.
pub(super) fn parse_seal(body: &[u8]) -> Vec<Point> {
    let point = |bytes: &[u8]| {
        Some(Point {
            sequence: u64_at(bytes, 0)?,
            offset: u64_at(bytes, 8)?,
            seed: u32_at(bytes, 16)?,
        })
    };
    body.chunks_exact(POINT_BYTES).filter_map(point).collect()
}
