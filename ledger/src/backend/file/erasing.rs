//! The file `erasing`: which payloads an erasure is about to overwrite, so that it is finished
//! after a crash. Its format is file-log.md, "Erasure"; it holds names and places, and no content.

use super::damage::{damaged, io_error};
use super::disk::{Disk, read_up_to};
use super::filler::remove_if_there;
use super::header::Shard;
use super::layout::{array_at, checksum, size, u32_at, u64_at};
use super::payload::{Name, Place};
use crate::log::{Address, ReadError, Scope};
use std::io;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"cs-erase";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 64;
const SCOPE_BYTES: usize = 16;
const PLACE_BYTES: usize = 72;
const CRC_BYTES: usize = 4;

/// Longer than any such file: a thousand scopes, and some thousand places.
const BYTES_MAX: u64 = 1024 * 1024;

/// One payload that is to be overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Doomed {
    pub(super) segment: u64,
    pub(super) name: Name,
    pub(super) place: Place,
}

/// What an erasure is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Erasing {
    pub(super) shard: Shard,
    /// All scopes of the erasure.
    pub(super) scopes: Vec<Scope>,
    /// The payloads that are overwritten next.
    pub(super) doomed: Vec<Doomed>,
}

/// Where the file stands.
pub(super) fn path(log: &Path) -> PathBuf {
    log.join("erasing")
}

impl Erasing {
    /// Writes the file, but not yet under its name.
    pub(super) fn draft(&self, disk: &dyn Disk, log: &Path) -> io::Result<()> {
        let draft = draft(log);
        remove_if_there(disk, &draft)?;
        let written = disk.create(&draft).and_then(|file| {
            file.write_at(&self.encode(), 0)?;
            file.sync()
        });
        if written.is_err() {
            // Its room may be what is short; the cause is what matters to the caller.
            drop(disk.remove(&draft));
        }
        written
    }

    /// Puts the draft in place of what has the file's name, durably.
    pub(super) fn publish(disk: &dyn Disk, log: &Path) -> io::Result<()> {
        disk.rename(&draft(log), &path(log))?;
        disk.sync_dir(log)
    }

    /// Removes the file, durably.
    pub(super) fn remove(disk: &dyn Disk, log: &Path) -> io::Result<()> {
        remove_if_there(disk, &path(log))?;
        disk.sync_dir(log)
    }

    /// Reads the file; nothing when no erasure was interrupted.
    pub(super) fn read(disk: &dyn Disk, log: &Path) -> Result<Option<Self>, ReadError> {
        let path = path(log);
        let file = match disk.open(&path, false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(io_error(&path))?,
        };
        let length = file.length().map_err(io_error(&path))?;
        if length > BYTES_MAX {
            return Err(damaged(&path, BYTES_MAX, "it is longer than any that was written"));
        }
        let mut bytes = vec![0; size(length)];
        let count = read_up_to(&*file, &mut bytes, 0).map_err(io_error(&path))?;
        bytes.truncate(count);
        let version = u32_at(&bytes, 8).filter(|_| bytes.starts_with(MAGIC));
        if let Some(version) = version.filter(|version| *version != VERSION) {
            let detail =
                format!("it has format version {version}, this program knows version {VERSION}");
            return Err(damaged(&path, 8, detail));
        }
        let erasing = Self::decode(&bytes);
        erasing.map(Some).ok_or_else(|| damaged(&path, 0, "it is not as it was written"))
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes(self.scopes.len(), self.doomed.len()));
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&(self.scopes.len() as u64).to_le_bytes());
        out.extend_from_slice(&(self.doomed.len() as u64).to_le_bytes());
        out.extend_from_slice(&self.shard.0);
        for scope in &self.scopes {
            out.extend_from_slice(&scope.0);
        }
        for Doomed { segment, name: (scope, address), place } in &self.doomed {
            out.extend_from_slice(&segment.to_le_bytes());
            out.extend_from_slice(&place.offset.to_le_bytes());
            out.extend_from_slice(&place.bytes.to_le_bytes());
            out.extend_from_slice(&[0; 4]);
            out.extend_from_slice(&scope.0);
            out.extend_from_slice(&address.0);
        }
        let crc = checksum(0, &[&out]);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    fn decode(whole: &[u8]) -> Option<Self> {
        let (covered, crc) = whole.split_last_chunk::<CRC_BYTES>()?;
        let is_intact = *crc == checksum(0, &[covered]).to_le_bytes();
        let rest = covered.strip_prefix(MAGIC).filter(|_| is_intact)?;
        let (scopes, places) = (size(u64_at(rest, 8)?), size(u64_at(rest, 16)?));
        let (scopes, doomed) = covered
            .get(HEADER_BYTES..)
            .filter(|_| whole.len() == bytes(scopes, places))?
            .split_at_checked(scopes * SCOPE_BYTES)?;
        let scopes = scopes.chunks_exact(SCOPE_BYTES);
        let doomed = doomed.chunks_exact(PLACE_BYTES);
        Some(Self {
            shard: Shard(array_at(rest, 24)?),
            scopes: scopes.map(|scope| Some(Scope(array_at(scope, 0)?))).collect::<Option<_>>()?,
            doomed: doomed.map(decode_place).collect::<Option<_>>()?,
        })
    }
}

fn decode_place(bytes: &[u8]) -> Option<Doomed> {
    Some(Doomed {
        segment: u64_at(bytes, 0)?,
        name: (Scope(array_at(bytes, 24)?), Address(array_at(bytes, 40)?)),
        place: Place { offset: u64_at(bytes, 8)?, bytes: u32_at(bytes, 16)? },
    })
}

/// The bytes of the file; it saturates.
fn bytes(scopes: usize, places: usize) -> usize {
    let scopes = scopes.saturating_mul(SCOPE_BYTES);
    let places = places.saturating_mul(PLACE_BYTES);
    scopes.saturating_add(places).saturating_add(HEADER_BYTES + CRC_BYTES)
}

fn draft(log: &Path) -> PathBuf {
    path(log).with_extension("draft")
}
