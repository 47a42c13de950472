//! The headers of event and payload segments, from values to bytes and back; see file-log.md.

use super::disk::{DiskFile, read_up_to};
use super::frame::Position;
use super::layout::{array_at, checksum, pad, padded, short, size, u32_at, u64_at};
use std::io;

const VERSION: u32 = 1;
const EVENT_MAGIC: [u8; 8] = *b"cs-event";
const PAYLOAD_MAGIC: [u8; 8] = *b"cs-paylo";
const JOURNAL_MAGIC: [u8; 8] = *b"cs-journ";
const EVENT_FIXED: usize = 112;
const CRC_AT: usize = 76;

/// The most bytes a segment's dictionary may have.
pub(super) const DICTIONARY_BYTES_MAX: usize = 64 * 1024;

/// The bytes of a payload segment's header.
pub(super) const PAYLOAD_HEADER_BYTES: usize = 80;

/// The bytes of a journal file's header.
pub(super) const JOURNAL_HEADER_BYTES: usize = 80;

/// A shard's name: at most 32 bytes, zeros behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shard(pub(super) [u8; 32]);

impl Shard {
    /// The name's field, or nothing when the name is empty, too long, or has a zero.
    pub(super) fn new(name: &str) -> Option<Self> {
        let mut field = [0; 32];
        let is_name = !name.is_empty() && !name.contains('\0');
        field.get_mut(..name.len()).filter(|_| is_name)?.copy_from_slice(name.as_bytes());
        Some(Self(field))
    }

    /// The name.
    pub(super) fn name(&self) -> String {
        String::from_utf8_lossy(&self.0).trim_end_matches('\0').to_owned()
    }
}

/// What the start of an event segment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EventHeader {
    pub(super) shard: Shard,
    /// The bytes the file was filled to; it is never shorter.
    pub(super) capacity: u64,
    /// The segment's first record.
    pub(super) first: u64,
    /// The segment before: its first record, where its seal stands, and the seal's checksum.
    /// All zero in the first segment.
    pub(super) previous: (u64, u64, u32),
    /// The payload store when this segment was started.
    pub(super) payloads: Position,
    /// What its records are compressed against.
    pub(super) dictionary: Vec<u8>,
}

impl EventHeader {
    /// Its bytes, and its checksum, which seeds the first frame.
    pub(super) fn encode(&self) -> (Vec<u8>, u32) {
        let mut out = Vec::with_capacity(self.bytes());
        let (previous_first, previous_seal, previous_crc) = self.previous;
        out.extend_from_slice(&EVENT_MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&short(self.bytes()).to_le_bytes());
        let Position { segment, end } = self.payloads;
        for number in [self.capacity, self.first, previous_first, previous_seal, segment, end] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&previous_crc.to_le_bytes());
        out.extend_from_slice(&short(self.dictionary.len()).to_le_bytes());
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&self.shard.0);
        out.extend_from_slice(&self.dictionary);
        pad(&mut out, 0);
        seal_header(out)
    }

    /// The bytes of the header, padding included.
    pub(super) fn bytes(&self) -> usize {
        event_header_bytes(self.dictionary.len())
    }

    /// Reads the header of `file`, with its checksum.
    pub(super) fn read(file: &dyn DiskFile) -> io::Result<Result<(Self, u32), String>> {
        let mut fixed = [0; EVENT_FIXED];
        let count = read_up_to(file, &mut fixed, 0)?;
        let bytes = match header_bytes(fixed.get(..count).unwrap_or_default(), EVENT_MAGIC) {
            Ok(bytes) => bytes,
            Err(problem) => return Ok(Err(problem)),
        };
        let mut whole = vec![0; bytes];
        let count = read_up_to(file, &mut whole, 0)?;
        whole.truncate(count);
        Ok(Self::decode(&whole).ok_or_else(|| "the header's checksum does not fit".to_owned()))
    }

    fn decode(bytes: &[u8]) -> Option<(Self, u32)> {
        let crc = check_header(bytes)?;
        let dictionary_bytes = size(u64::from(u32_at(bytes, 68)?));
        let header = Self {
            shard: Shard(array_at(bytes, 80)?),
            capacity: u64_at(bytes, 16)?,
            first: u64_at(bytes, 24)?,
            previous: (u64_at(bytes, 32)?, u64_at(bytes, 40)?, u32_at(bytes, 64)?),
            payloads: Position { segment: u64_at(bytes, 48)?, end: u64_at(bytes, 56)? },
            dictionary: bytes.get(EVENT_FIXED..)?.get(..dictionary_bytes)?.to_vec(),
        };
        Some((header, crc))
    }
}

/// The bytes of the header of an event segment whose dictionary has this many.
pub(super) fn event_header_bytes(dictionary_bytes: usize) -> usize {
    EVENT_FIXED + padded(dictionary_bytes)
}

/// What the start of a payload segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PayloadHeader {
    pub(super) shard: Shard,
    /// The bytes the file was filled to; it is never shorter.
    pub(super) capacity: u64,
    /// Which payload segment it is, from 0.
    pub(super) number: u64,
    /// Where the payload segment before it ends.
    pub(super) previous_end: u64,
}

impl PayloadHeader {
    /// Its bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(PAYLOAD_HEADER_BYTES);
        out.extend_from_slice(&PAYLOAD_MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&short(PAYLOAD_HEADER_BYTES).to_le_bytes());
        for number in [self.capacity, self.number, self.previous_end] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.shard.0);
        out.resize(PAYLOAD_HEADER_BYTES, 0);
        seal_header(out).0
    }

    /// Reads the header of `file`.
    pub(super) fn read(file: &dyn DiskFile) -> io::Result<Result<Self, String>> {
        let mut bytes = [0; PAYLOAD_HEADER_BYTES];
        let count = read_up_to(file, &mut bytes, 0)?;
        let bytes = bytes.get(..count).unwrap_or_default();
        if let Err(problem) = header_bytes(bytes, PAYLOAD_MAGIC) {
            return Ok(Err(problem));
        }
        Ok(Self::decode(bytes).ok_or_else(|| "the header's checksum does not fit".to_owned()))
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        check_header(bytes)?;
        Some(Self {
            shard: Shard(array_at(bytes, 40)?),
            capacity: u64_at(bytes, 16)?,
            number: u64_at(bytes, 24)?,
            previous_end: u64_at(bytes, 32)?,
        })
    }
}

/// What the start of a journal file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JournalHeader {
    pub(super) shard: Shard,
    /// The bytes the file was filled to.
    pub(super) capacity: u64,
    /// How often the log had turned to the other file before since it was opened.
    pub(super) generation: u64,
}

impl JournalHeader {
    /// Its bytes, and its checksum, which seeds the first entry.
    pub(super) fn encode(&self) -> (Vec<u8>, u32) {
        let mut out = Vec::with_capacity(JOURNAL_HEADER_BYTES);
        out.extend_from_slice(&JOURNAL_MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&short(JOURNAL_HEADER_BYTES).to_le_bytes());
        for number in [self.capacity, self.generation, 0] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.shard.0);
        out.resize(JOURNAL_HEADER_BYTES, 0);
        seal_header(out)
    }

    /// Reads a header, with its checksum.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Self, u32), String> {
        header_bytes(bytes, JOURNAL_MAGIC)?;
        let read = || {
            let crc = check_header(bytes)?;
            let capacity = u64_at(bytes, 16)?;
            let generation = u64_at(bytes, 24)?;
            Some((Self { shard: Shard(array_at(bytes, 40)?), capacity, generation }, crc))
        };
        read().ok_or_else(|| "the header's checksum does not fit".to_owned())
    }
}

/// The length that a header of this kind gives for itself.
fn header_bytes(fixed: &[u8], magic: [u8; 8]) -> Result<usize, String> {
    if fixed.first_chunk() != Some(&magic) {
        return Err("it does not start as such a file does".to_owned());
    }
    match (u32_at(fixed, 8), u32_at(fixed, 12).map(|bytes| size(bytes.into()))) {
        (Some(VERSION), Some(bytes)) if bytes <= EVENT_FIXED + DICTIONARY_BYTES_MAX => Ok(bytes),
        (Some(VERSION), _) => Err("its header has an impossible length".to_owned()),
        (version, _) => Err(format!(
            "it has format version {}, this program knows version {VERSION}",
            version.unwrap_or_default()
        )),
    }
}

/// Puts the checksum in its place.
fn seal_header(mut out: Vec<u8>) -> (Vec<u8>, u32) {
    let crc = checksum(0, &[&out]);
    if let Some(field) = out.get_mut(CRC_AT..CRC_AT + 4) {
        field.copy_from_slice(&crc.to_le_bytes());
    }
    (out, crc)
}

/// The checksum of a header in which it holds: of all bytes, with zeros in the checksum's place.
fn check_header(bytes: &[u8]) -> Option<u32> {
    let (before, rest) = bytes.split_at_checked(CRC_AT)?;
    let (stored, after) = rest.split_at_checked(4)?;
    let crc = checksum(0, &[before, &[0; 4], after]);
    (stored == crc.to_le_bytes()).then_some(crc)
}
