//! One payload segment as an open file: its name, its frames, and how one of them is read.

use super::damage::{damaged, io_error};
use super::disk::{Disk, DiskFile, read_up_to};
use super::frame::Stop;
use super::header::{PAYLOAD_HEADER_BYTES, PayloadHeader, Shard};
use super::layout::{SECTOR, array_at, checksum, pad, padded, short, size, u32_at};
use super::names::Series;
use crate::backend::PAYLOAD_BYTES_MAX;
use crate::log::{Address, ReadError, Scope, Sealed};
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Length, checksum, kind, nothing; scope; address.
pub(super) const PAYLOAD_HEAD_BYTES: usize = 64;
const KEPT: u32 = 1;

/// The name of a payload.
pub(super) type Name = (Scope, Address);

/// Where a payload's frame stands in its segment, and how many bytes the payload has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) bytes: u32,
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

    /// Reads the frame at `offset`: the payload's name and bytes, or why there is none.
    ///
    /// No byte from `limit` on is looked at.
    pub(super) fn frame(
        &self,
        offset: u64,
        limit: u64,
    ) -> Result<Result<(Name, Bytes), Stop>, ReadError> {
        let mut head = [0; PAYLOAD_HEAD_BYTES];
        let left = size(limit.saturating_sub(offset));
        let count = read_up_to(&*self.file, &mut head, offset).map_err(io_error(&self.path))?;
        if head.iter().take(8).all(|byte| *byte == 0) {
            return Ok(Err(Stop::Blank));
        }
        let bytes = size(u32_at(&head, 0).unwrap_or_default().into());
        if bytes > PAYLOAD_BYTES_MAX || u32_at(&head, 8) != Some(KEPT) {
            return Ok(Err(Stop::Malformed("no payload is written so")));
        }
        let frame_bytes = frame_bytes(bytes);
        if count < PAYLOAD_HEAD_BYTES || frame_bytes > left {
            return Ok(Err(Stop::Short));
        }
        let mut frame = vec![0; frame_bytes];
        let count = read_up_to(&*self.file, &mut frame, offset).map_err(io_error(&self.path))?;
        if count < frame_bytes {
            return Ok(Err(Stop::Short));
        }
        Ok(parse(frame, bytes, seed(self.number, offset)))
    }

    /// Reads the payload `name` that stands at `place`.
    pub(super) fn read(&self, name: Name, place: Place) -> Result<Bytes, ReadError> {
        match self.frame(place.offset, u64::MAX)? {
            Ok((found, bytes)) if found == name => Ok(bytes),
            Ok(_) => Err(damaged(&self.path, place.offset, "another payload stands here")),
            Err(stop) => Err(damaged(&self.path, place.offset, stop.describe())),
        }
    }

    /// Goes through the payloads from `from` to `end`, calling `found` with each.
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
                Ok((name, bytes)) => {
                    found(name, Place { offset: at, bytes: short(bytes.len()) });
                    at += frame_bytes(bytes.len()) as u64;
                }
                Err(stop) => return Ok(Some((at, stop))),
            }
        }
        Ok(None)
    }
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
    out.extend_from_slice(&short(payload.bytes.len()).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&KEPT.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&payload.scope.0);
    out.extend_from_slice(&payload.address.0);
    out.extend_from_slice(&payload.bytes);
    pad(out, start);
    let crc = out.get(start..).and_then(|frame| frame_checksum(frame, seed(number, offset)));
    if let (Some(field), Some(crc)) = (out.get_mut(start + 4..start + 8), crc) {
        field.copy_from_slice(&crc.to_le_bytes());
    }
}

/// Reads a whole frame with a payload of this many bytes.
fn parse(frame: Vec<u8>, bytes: usize, seed: u32) -> Result<(Name, Bytes), Stop> {
    if u32_at(&frame, 4) != frame_checksum(&frame, seed) {
        return Err(Stop::Checksum);
    }
    let scope = Scope(array_at(&frame, 16).ok_or(Stop::Short)?);
    let address = Address(array_at(&frame, 32).ok_or(Stop::Short)?);
    let bytes = Bytes::from(frame).slice(PAYLOAD_HEAD_BYTES..PAYLOAD_HEAD_BYTES + bytes);
    Ok(((scope, address), bytes))
}

fn frame_checksum(frame: &[u8], seed: u32) -> Option<u32> {
    let (length, rest) = frame.split_at_checked(4)?;
    Some(checksum(seed, &[length, rest.get(4..)?]))
}

/// A frame fits at its own place alone, so that one that was misplaced is noticed.
fn seed(number: u64, offset: u64) -> u32 {
    checksum(0, &[&number.to_le_bytes(), &offset.to_le_bytes()])
}
