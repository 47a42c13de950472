//! Numbers and sizes as the file log's formats lay them out: little endian, in steps of eight
//! bytes.

/// Frames start at multiples of this, so that a frame's first word never crosses a sector.
pub(super) const STEP: usize = 8;

/// What a disk writes whole or not at all.
pub(super) const SECTOR: usize = 512;

/// `bytes` rounded up to the next [`STEP`].
pub(super) const fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(STEP)
}

/// A position or length as this machine's own size; it saturates where addresses are short.
pub(super) fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A length as 32 bits; it saturates, and every caller has checked a smaller limit before.
pub(super) fn short(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// The 16-bit number at `at`.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

/// The 32-bit number at `at`.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// The 64-bit number at `at`.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

/// The `N` bytes at `at`.
pub(super) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Appends zeros until the length is a multiple of [`STEP`] counted from `start`.
pub(super) fn pad(out: &mut Vec<u8>, start: usize) {
    let length = out.len() - start;
    out.resize(start + padded(length), 0);
}

/// The CRC-32C of several pieces in a row, from `seed` on.
pub(super) fn checksum(seed: u32, pieces: &[&[u8]]) -> u32 {
    pieces.iter().fold(seed, |crc, piece| crc32c::crc32c_append(crc, piece))
}

/// Whether every byte is zero, which is how a filled segment looks where nothing was written.
pub(super) fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
