//! Makes the checksums of a ledger's files fit what is in them, as whoever wants to harm a reader
//! would: else no damage gets further than the first of them.

use crate::damage::Files;
use crc32c::crc32c_append;

/// Where the header of an event segment says where the segment before it ends, and how.
const PREVIOUS_SEAL: usize = 40;
const PREVIOUS_CRC: usize = 64;
const HEADER_CRC: usize = 76;
const PAYLOAD_HEADER_BYTES: usize = 80;
const PAYLOAD_HEAD_BYTES: usize = 64;
const FRAME_HEAD_BYTES: usize = 16;
const COMMIT_BYTES: usize = 48;
const COMMIT: u32 = 3;

/// Makes the checksums of a file fit. The path says what kind of file it is.
pub fn renew(path: &str, bytes: &mut [u8]) {
    match path.split('/').next() {
        Some("events") => events(bytes),
        Some("payloads") if path.ends_with(".log") => payloads(path, bytes),
        Some("journal") => journal(bytes),
        Some("erasing") => {
            let end = bytes.len().saturating_sub(4);
            let crc = crc32c_append(0, &bytes[..end]);
            put(bytes, end, crc);
        }
        _ => {}
    }
}

/// Makes the checksums of all files fit, and those that a segment has of the one before it.
pub fn renew_all(files: &mut Files) {
    let mut before: Option<Vec<u8>> = None;
    for (path, bytes) in files.iter_mut() {
        if let (true, Some(before)) = (path.starts_with("events/"), &before) {
            let seal = bytes.get(PREVIOUS_SEAL..).and_then(|rest| rest.first_chunk());
            let seal = seal.and_then(|seal| usize::try_from(u64::from_le_bytes(*seal)).ok());
            let crc = seal.and_then(|seal| word(before, seal.checked_add(4)?));
            put(bytes, PREVIOUS_CRC, crc.unwrap_or_default());
        }
        renew(path, bytes);
        before = Some(bytes.clone());
    }
}

/// Where the frames of a payload segment start, as far as they follow each other.
pub fn payload_frames(bytes: &[u8]) -> Vec<usize> {
    let mut frames = Vec::new();
    let mut at = PAYLOAD_HEADER_BYTES;
    while let Some(end) = payload_end(bytes, at) {
        frames.push(at);
        at = end;
    }
    frames
}

fn payload_end(bytes: &[u8], at: usize) -> Option<usize> {
    let length = usize::try_from(word(bytes, at)?).ok().filter(|length| *length > 0)?;
    let end = at + PAYLOAD_HEAD_BYTES + length.next_multiple_of(8);
    (end <= bytes.len()).then_some(end)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn put(bytes: &mut [u8], at: usize, crc: u32) {
    if let Some(field) = bytes.get_mut(at..at + 4) {
        field.copy_from_slice(&crc.to_le_bytes());
    }
}

/// The checksum of a header of so many bytes, which is put into it.
fn header(bytes: &mut [u8], length: usize) -> u32 {
    put(bytes, HEADER_CRC, 0);
    let crc = crc32c_append(0, &bytes[..length.min(bytes.len())]);
    put(bytes, HEADER_CRC, crc);
    crc
}

/// The checksum of what stands from `at` to `end`, without the field for it, which is the second
/// word; it is put there.
fn piece(bytes: &mut [u8], (at, end): (usize, usize), seed: u32) -> u32 {
    let crc = crc32c_append(crc32c_append(seed, &bytes[at..at + 4]), &bytes[at + 8..end]);
    put(bytes, at + 4, crc);
    crc
}

fn events(bytes: &mut [u8]) {
    let length = word(bytes, 12).and_then(|length| usize::try_from(length).ok());
    let length = length.unwrap_or_default().min(bytes.len());
    let mut seed = header(bytes, length);
    let mut at = length;
    while let Some(first) = word(bytes, at).filter(|first| *first != 0) {
        let body = usize::try_from(first & 0xff_ffff).unwrap_or_default();
        let end = at + FRAME_HEAD_BYTES + body.next_multiple_of(8);
        if end > bytes.len() {
            return;
        }
        if first >> 24 == COMMIT && end - at == COMMIT_BYTES {
            let own = crc32c_append(crc32c_append(0, b"commit"), &bytes[at + 8..at + 16]);
            let own = crc32c_append(own, &bytes[at + 16..end - 4]);
            put(bytes, end - 4, own);
        }
        seed = piece(bytes, (at, end), seed);
        at = end;
    }
}

fn payloads(path: &str, bytes: &mut [u8]) {
    header(bytes, PAYLOAD_HEADER_BYTES);
    let name = path.trim_start_matches("payloads/").trim_end_matches(".log");
    let number: u64 = name.parse().unwrap_or_default();
    for at in payload_frames(bytes) {
        let place = u64::try_from(at).unwrap_or_default();
        let seed = crc32c_append(crc32c_append(0, &number.to_le_bytes()), &place.to_le_bytes());
        let end = payload_end(bytes, at).unwrap_or(at);
        piece(bytes, (at, end), seed);
    }
}

fn journal(bytes: &mut [u8]) {
    if word(bytes, 0).is_none_or(|first| first == 0) {
        // A clean one has no header.
        return;
    }
    let mut seed = header(bytes, PAYLOAD_HEADER_BYTES);
    let mut at = PAYLOAD_HEADER_BYTES;
    while let Some(length) = word(bytes, at).and_then(|length| usize::try_from(length).ok()) {
        let end = at + length;
        if length < 48 || end > bytes.len() {
            return;
        }
        seed = piece(bytes, (at, end), seed);
        at = end;
    }
}
