//! Puts away what recovery cuts, before it is cut: nothing that was ever written is thrown away.

use super::damage::io_error;
use super::disk::{Disk, DiskFile, read_up_to};
use super::layout::{is_blank, size};
use crate::log::ReadError;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const CHUNK_BYTES: usize = 1024 * 1024;

/// What recovery cut from the end of one file: a part of a batch that was never acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The file that was cut.
    pub file: PathBuf,
    /// Where the cut starts.
    pub offset: u64,
    /// How many bytes were cut.
    pub bytes: u64,
    /// Their SHA-256.
    pub sha256: [u8; 32],
    /// The file in which they are kept.
    pub kept_in: PathBuf,
}

/// Something to cut: the bytes behind `from` in one file.
pub(super) struct Leftovers {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) path: PathBuf,
    pub(super) from: u64,
    pub(super) bytes: Vec<u8>,
}

impl Leftovers {
    /// Reads what stands in `file` from `from` up to the last byte that is not zero.
    pub(super) fn read(
        file: &Arc<dyn DiskFile>,
        path: &Path,
        from: u64,
    ) -> Result<Self, ReadError> {
        let length = file.length().map_err(io_error(path))?;
        let (mut at, mut end) = (from, from);
        let mut chunk = vec![0; CHUNK_BYTES];
        while at < length {
            let count = read_up_to(&**file, &mut chunk, at).map_err(io_error(path))?;
            let read = chunk.get(..count).unwrap_or_default();
            if !is_blank(read) {
                let last = read.iter().rposition(|byte| *byte != 0).unwrap_or_default();
                end = at + last as u64 + 1;
            }
            if count == 0 {
                break;
            }
            at += count as u64;
        }
        let mut bytes = vec![0; size(end - from)];
        let count = read_up_to(&**file, &mut bytes, from).map_err(io_error(path))?;
        bytes.truncate(count);
        Ok(Self { file: Arc::clone(file), path: path.to_owned(), from, bytes })
    }

    /// Copies the bytes into `dir/quarantine`, durably; nothing when there are none.
    pub(super) fn keep(
        &self,
        disk: &dyn Disk,
        dir: &Path,
        (series, number): (&str, u64),
    ) -> Result<Option<Cut>, ReadError> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let quarantine = dir.join("quarantine");
        disk.create_dir(&quarantine).map_err(io_error(&quarantine))?;
        let taken = disk.list(&quarantine).map_err(io_error(&quarantine))?;
        let stem = format!("{series}-{number:020}-{}", self.from);
        let names = (0..=taken.len()).map(|attempt| format!("{stem}-{attempt}.cut"));
        let name = names.into_iter().find(|name| !taken.contains(name)).unwrap_or(stem);
        let kept_in = quarantine.join(name);
        let copy = disk.create(&kept_in).map_err(io_error(&kept_in))?;
        copy.write_at(&self.bytes, 0).map_err(io_error(&kept_in))?;
        copy.sync().map_err(io_error(&kept_in))?;
        disk.sync_dir(&quarantine).map_err(io_error(&quarantine))?;
        Ok(Some(Cut {
            file: self.path.clone(),
            offset: self.from,
            bytes: self.bytes.len() as u64,
            sha256: Sha256::digest(&self.bytes).into(),
            kept_in,
        }))
    }

    /// Overwrites the bytes with zeros; the caller syncs the file.
    pub(super) fn blank(&self) -> Result<(), ReadError> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let zeros = vec![0; self.bytes.len()];
        self.file.write_at(&zeros, self.from).map_err(io_error(&self.path))
    }
}
