//! One payload segment as an open file: its name, its frames, and how one of them is read.

use super::damage::{damaged, io_error};
use super::disk::{Disk, DiskFile, read_up_to};
use super::frame::Stop;
use super::header::{PAYLOAD_HEADER_BYTES, PayloadHeader, Shard};
use super::layout::{SECTOR, array_at, checksum, pad, padded, short, size, u32_at};
use super::names::Series;
use super::torn::has_blank_sector;
use crate::backend::PAYLOAD_BYTES_MAX;
use crate::log::{Address, ReadError, Scope, Sealed};
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Length, checksum, kind, nothing; scope; address.
pub(super) const PAYLOAD_HEAD_BYTES: usize = 64;
const KEPT: u32 = 1;
const ERASED: u32 = 2;
/// Zeros to check content that is no more.
const ZEROS: [u8; 4096] = [0; 4096];

/// The name of a payload.
pub(super) type Name = (Scope, Address);

/// Where a payload's frame stands in its segment, and how many bytes the payload has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) bytes: u32,
}

/// An intact frame.
pub(super) struct Found {
    pub(super) name: Name,
    /// How many bytes the payload has, or had.
    pub(super) bytes: u32,
    /// Nothing when it was erased.
    pub(super) content: Option<Bytes>,
}

/// A payload segment whose header is intact.
pub(super) struct PayloadSegment {
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) shard: Shard,
    pub(super) capacity: u64,
    pub(super) number: u64,
    pub(super) previous_end: u64,
}

impl PayloadSegment {
    /// The file of payload segment `number`.
    pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
        Series::Payloads.path(dir, number)
    }

    /// Where the frames of every payload segment start.
    pub(super) const START: u64 = PAYLOAD_HEADER_BYTES as u64;

    /// Opens a segment and checks its header, and that the file is as long as it was made.
    pub(super) fn open(
        disk: &dyn Disk,
        dir: &Path,
        number: u64,
        writable: bool,
    ) -> Result<Self, ReadError> {
        let path = Self::path(dir, number);
        let file = disk.open(&path, writable).map_err(io_error(&path))?;
        let header = PayloadHeader::read(&*file).map_err(io_error(&path))?;
        let header = header.map_err(|problem| damaged(&path, 0, problem))?;
        if header.number != number {
            let detail = format!("it is payload segment {}", header.number);
            return Err(damaged(&path, 0, detail));
        }
        let length = file.length().map_err(io_error(&path))?;
        if length < header.capacity {
            let detail = format!("the file was cut: it was made with {} bytes", header.capacity);
            return Err(damaged(&path, length, detail));
        }
        Ok(Self::new(path, file, header))
    }

    /// The segment in `file`, whose header is `header`.
    pub(super) fn new(path: PathBuf, file: Arc<dyn DiskFile>, header: PayloadHeader) -> Self {
        let PayloadHeader { shard, capacity, number, previous_end } = header;
        Self { path, file, shard, capacity, number, previous_end }
    }

    /// Reads the frame at `offset`, or says why there is none.
    ///
    /// No byte from `limit` on is looked at, and none of a payload that was erased.
    pub(super) fn frame(&self, offset: u64, limit: u64) -> Result<Result<Found, Stop>, ReadError> {
        loop {
            let head = self.head(offset)?;
            let found = self.frame_behind(&head, offset, limit)?;
            // Whoever erases it meanwhile writes the head first, so another head tells why it is
            // broken; it changes but once.
            if found.is_ok() || self.head(offset)? == head {
                return Ok(found);
            }
        }
    }

    fn frame_behind(
        &self,
        head: &[u8],
        offset: u64,
        limit: u64,
    ) -> Result<Result<Found, Stop>, ReadError> {
        if head.iter().take(8).all(|byte| *byte == 0) {
            return Ok(Err(Stop::Blank));
        }
        let bytes = u32_at(head, 0).unwrap_or_default();
        let is_kept = u32_at(head, 8) == Some(KEPT);
        let is_kind = is_kept || u32_at(head, 8) == Some(ERASED);
        if size(bytes.into()) > PAYLOAD_BYTES_MAX || !is_kind {
            return Ok(Err(Stop::Malformed("no payload is written so")));
        }
        let frame_bytes = frame_bytes(size(bytes.into()));
        let Some(name) = name(head) else { return Ok(Err(Stop::Short)) };
        if frame_bytes > size(limit.saturating_sub(offset)) {
            return Ok(Err(Stop::Short));
        }
        if !is_kept {
            let is_intact = erased_head(name, bytes, (self.number, offset)) == head;
            let found = Found { name, bytes, content: None };
            return Ok(is_intact.then_some(found).ok_or(Stop::Checksum));
        }
        let mut frame = vec![0; frame_bytes];
        let count = read_up_to(&*self.file, &mut frame, offset).map_err(io_error(&self.path))?;
        if count < frame_bytes {
            return Ok(Err(Stop::Short));
        }
        Ok(parse(frame, bytes, seed(self.number, offset)))
    }

    /// The head at `offset`, shorter at the end of the file.
    fn head(&self, offset: u64) -> Result<Vec<u8>, ReadError> {
        let mut head = vec![0; PAYLOAD_HEAD_BYTES];
        let count = read_up_to(&*self.file, &mut head, offset).map_err(io_error(&self.path))?;
        head.truncate(count);
        Ok(head)
    }

    /// Reads the payload `name` that stands at `place`; nothing when it was erased.
    pub(super) fn read(&self, name: Name, place: Place) -> Result<Option<Bytes>, ReadError> {
        match self.frame(place.offset, u64::MAX)? {
            Ok(found) if found.name == name => Ok(found.content),
            Ok(_) => Err(damaged(&self.path, place.offset, "another payload stands here")),
            Err(stop) => Err(damaged(&self.path, place.offset, stop.describe())),
        }
    }

    /// Whether the payload `name`, which stands at `place`, is still to be erased.
    ///
    /// Its content is no matter, nor is a head of which a crash left only a part erased: old and
    /// new differ in kind and checksum alone.
    pub(super) fn is_kept(&self, name: Name, place: Place) -> Result<bool, ReadError> {
        let head = self.head(place.offset)?;
        let is_kind = [Some(KEPT), Some(ERASED)].contains(&u32_at(&head, 8));
        if !is_kind || u32_at(&head, 0) != Some(place.bytes) || self::name(&head) != Some(name) {
            let detail = "the payload that is to be erased does not stand here";
            return Err(damaged(&self.path, place.offset, detail));
        }
        let end = place.offset.saturating_add(frame_bytes(size(place.bytes.into())) as u64);
        if self.file.length().map_err(io_error(&self.path))? < end {
            return Err(damaged(&self.path, place.offset, "it reaches behind the file's end"));
        }
        Ok(head != erased_head(name, place.bytes, (self.number, place.offset)))
    }

    /// Goes through the frames from `from` to `end`, calling `found` with each payload that was
    /// not erased.
    ///
    /// Returns where they stop short of `end`, and why, if they do.
    pub(super) fn scan(
        &self,
        from: u64,
        end: u64,
        found: &mut dyn FnMut(Name, Place),
    ) -> Result<Option<(u64, Stop)>, ReadError> {
        let mut at = from;
        while at < end {
            match self.frame(at, end)? {
                Ok(Found { name, bytes, content }) => {
                    if content.is_some() {
                        found(name, Place { offset: at, bytes });
                    }
                    at += frame_bytes(size(bytes.into())) as u64;
                }
                Err(stop) => return Ok(Some((at, stop))),
            }
        }
        Ok(None)
    }
}

/// Whether an append can have left the head that `bytes`, from place `at` on, start with: it never
/// writes another kind, and the sector with the kind may be missing.
pub(super) fn can_be_torn(bytes: &[u8], at: u64) -> bool {
    u32_at(bytes, 8) == Some(KEPT) || has_blank_sector(bytes, at, 8..12)
}

/// How far the frame reaches that `bytes` start with, by its own word; its first step at least.
pub(super) fn extent_bytes(bytes: &[u8]) -> usize {
    match u32_at(bytes, 0) {
        Some(length) if length > 0 => frame_bytes(size(length.into())),
        Some(_) | None => SECTOR.min(bytes.len()),
    }
}

/// The bytes of the frame of a payload with this many bytes.
pub(super) fn frame_bytes(payload_bytes: usize) -> usize {
    PAYLOAD_HEAD_BYTES + padded(payload_bytes)
}

/// Appends the frame that is to stand at `offset` of payload segment `number`.
pub(super) fn push_payload(out: &mut Vec<u8>, payload: &Sealed, (number, offset): (u64, u64)) {
    let start = out.len();
    push_head(out, KEPT, (payload.scope, payload.address), short(payload.bytes.len()));
    out.extend_from_slice(&payload.bytes);
    pad(out, start);
    let crc = out.get(start..).and_then(|frame| frame_checksum(frame, seed(number, offset)));
    set_checksum(out.get_mut(start..), crc);
}

/// The head of the frame of payload `name` at a place of a segment, when it is erased; everything
/// behind it is zero.
pub(super) fn erased_head(name: Name, bytes: u32, (number, offset): (u64, u64)) -> Vec<u8> {
    let mut head = Vec::with_capacity(PAYLOAD_HEAD_BYTES);
    push_head(&mut head, ERASED, name, bytes);
    let mut crc = frame_checksum(&head, seed(number, offset));
    let mut left = padded(size(bytes.into()));
    while left > 0 {
        let zeros = ZEROS.get(..left).unwrap_or(&ZEROS);
        crc = crc.map(|crc| checksum(crc, &[zeros]));
        left -= zeros.len();
    }
    set_checksum(Some(&mut head), crc);
    head
}

/// Appends a head, without its checksum.
fn push_head(out: &mut Vec<u8>, kind: u32, (scope, address): Name, bytes: u32) {
    out.extend_from_slice(&bytes.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&scope.0);
    out.extend_from_slice(&address.0);
}

fn set_checksum(frame: Option<&mut [u8]>, crc: Option<u32>) {
    if let (Some(field), Some(crc)) = (frame.and_then(|frame| frame.get_mut(4..8)), crc) {
        field.copy_from_slice(&crc.to_le_bytes());
    }
}

/// The name in a head.
fn name(head: &[u8]) -> Option<Name> {
    Some((Scope(array_at(head, 16)?), Address(array_at(head, 32)?)))
}

/// Reads a whole frame with a payload of this many bytes.
fn parse(frame: Vec<u8>, bytes: u32, seed: u32) -> Result<Found, Stop> {
    if u32_at(&frame, 4) != frame_checksum(&frame, seed) {
        return Err(Stop::Checksum);
    }
    let name = name(&frame).ok_or(Stop::Short)?;
    // It may have been erased since its head was looked at.
    let is_kept = u32_at(&frame, 8) == Some(KEPT);
    let content = PAYLOAD_HEAD_BYTES..PAYLOAD_HEAD_BYTES + size(bytes.into());
    let content = is_kept.then(|| Bytes::from(frame).slice(content));
    Ok(Found { name, bytes, content })
}

fn frame_checksum(frame: &[u8], seed: u32) -> Option<u32> {
    let (length, rest) = frame.split_at_checked(4)?;
    Some(checksum(seed, &[length, rest.get(4..)?]))
}

/// A frame fits at its own place alone, so that one that was misplaced is noticed.
fn seed(number: u64, offset: u64) -> u32 {
    checksum(0, &[&number.to_le_bytes(), &offset.to_le_bytes()])
}
