//! The sorted index beside a sealed payload segment. Derived: whoever finds it missing or wrong
//! reads the segment instead.

use super::disk::{Disk, DiskFile, read_up_to};
use super::layout::{array_at, checksum, u32_at, u64_at};
use super::payload::{Name, Place};
use crate::log::{Address, Scope};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MAGIC: &[u8; 8] = b"cs-index";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 40;
const ENTRY_BYTES: usize = 64;

/// Where the index of a payload segment stands.
pub(super) fn index_path(segment: &Path) -> PathBuf {
    segment.with_extension("index")
}

/// The index of a sealed payload segment.
pub(super) struct Sidecar {
    table: Table,
    number: u64,
    count: u64,
}

enum Table {
    File(Arc<dyn DiskFile>),
    Memory(Vec<u8>),
}

impl Sidecar {
    /// Opens the index of segment `number`, which ends at `end`; nothing when it cannot be that.
    pub(super) fn open(disk: &dyn Disk, path: &Path, number: u64, end: u64) -> Option<Self> {
        let file = disk.open(path, false).ok()?;
        let mut header = [0; HEADER_BYTES];
        read_up_to(&*file, &mut header, 0).ok()?;
        let count = u64_at(&header, 28)?;
        let expected = header_bytes(number, end, count);
        let length = HEADER_BYTES as u64 + count.checked_mul(ENTRY_BYTES as u64)?;
        let fits = header == expected && file.length().ok()? == length;
        fits.then_some(Self { table: Table::File(file), number, count })
    }

    /// The index of these payloads, in memory; they are sorted by name.
    pub(super) fn build(number: u64, end: u64, payloads: &[(Name, Place)]) -> Self {
        let count = payloads.len() as u64;
        Self { table: Table::Memory(encode(number, end, payloads)), number, count }
    }

    /// Writes the index of these payloads, sorted by name, beside their segment.
    pub(super) fn write(
        disk: &dyn Disk,
        path: &Path,
        (number, end): (u64, u64),
        payloads: &[(Name, Place)],
    ) -> io::Result<()> {
        let draft = path.with_extension("draft");
        match disk.remove(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let file = disk.create(&draft)?;
        file.write_at(&encode(number, end, payloads), 0)?;
        file.sync()?;
        disk.rename(&draft, path)
    }

    /// Where a payload stands: `None` if it is not in the segment; an error if the index is wrong.
    pub(super) fn find(&self, name: Name) -> io::Result<Option<Place>> {
        let found = self.get(self.rank(name)?)?;
        Ok(found.filter(|(found, _)| *found == name).map(|(_, place)| place))
    }

    /// Appends all payloads of a scope and where they stand, in the order of their addresses;
    /// an error if the index is wrong.
    pub(super) fn list(&self, scope: Scope, out: &mut Vec<(Name, Place)>) -> io::Result<()> {
        let mut ordinal = self.rank((scope, Address::FIRST))?;
        while let Some(found) = self.get(ordinal)?.filter(|((other, _), _)| *other == scope) {
            out.push(found);
            ordinal += 1;
        }
        Ok(())
    }

    /// How many entries stand before `name`.
    fn rank(&self, name: Name) -> io::Result<u64> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            let (found, _) = self.entry(middle)?;
            if found < name { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    fn get(&self, ordinal: u64) -> io::Result<Option<(Name, Place)>> {
        (ordinal < self.count).then(|| self.entry(ordinal)).transpose()
    }

    fn entry(&self, ordinal: u64) -> io::Result<(Name, Place)> {
        let at = HEADER_BYTES as u64 + ordinal * ENTRY_BYTES as u64;
        let mut entry = [0; ENTRY_BYTES];
        match &self.table {
            Table::File(file) => {
                read_up_to(&**file, &mut entry, at)?;
            }
            Table::Memory(table) => {
                entry = array_at(table, super::layout::size(at)).unwrap_or(entry);
            }
        }
        decode_entry(&entry, self.number, ordinal)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the index is damaged"))
    }
}

fn encode(number: u64, end: u64, payloads: &[(Name, Place)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES + payloads.len() * ENTRY_BYTES);
    out.extend_from_slice(&header_bytes(number, end, payloads.len() as u64));
    for (ordinal, ((scope, address), place)) in (0_u64..).zip(payloads) {
        let start = out.len();
        out.extend_from_slice(&scope.0);
        out.extend_from_slice(&address.0);
        out.extend_from_slice(&place.offset.to_le_bytes());
        out.extend_from_slice(&place.bytes.to_le_bytes());
        let crc = entry_checksum(out.get(start..).unwrap_or_default(), number, ordinal);
        out.extend_from_slice(&crc.to_le_bytes());
    }
    out
}

fn decode_entry(entry: &[u8; ENTRY_BYTES], number: u64, ordinal: u64) -> Option<(Name, Place)> {
    let (covered, crc) = entry.split_last_chunk::<4>()?;
    if *crc != entry_checksum(covered, number, ordinal).to_le_bytes() {
        return None;
    }
    let name = (Scope(array_at(entry, 0)?), Address(array_at(entry, 16)?));
    Some((name, Place { offset: u64_at(entry, 48)?, bytes: u32_at(entry, 56)? }))
}

/// An entry fits at its own place alone.
fn entry_checksum(covered: &[u8], number: u64, ordinal: u64) -> u32 {
    checksum(0, &[&number.to_le_bytes(), &ordinal.to_le_bytes(), covered])
}

fn header_bytes(number: u64, end: u64, count: u64) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let fields: [&[u8]; 5] = [
        MAGIC,
        &VERSION.to_le_bytes(),
        &number.to_le_bytes(),
        &end.to_le_bytes(),
        &count.to_le_bytes(),
    ];
    let crc = checksum(0, &fields).to_le_bytes();
    let bytes = fields.into_iter().flatten().chain(&crc);
    header.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    header
}
