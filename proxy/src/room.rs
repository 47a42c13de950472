//! Whether the ledger's disk has room for what the ledger takes of it at once. Nothing is written
//! to find out, so that asking costs nothing and takes nothing from the calls.

use std::path::PathBuf;

/// Room on a disk.
#[derive(Clone, Debug)]
pub struct Room {
    folder: PathBuf,
    bytes_min: u64,
}

impl Room {
    /// `bytes_min` bytes on the disk of `folder`.
    pub const fn new(folder: PathBuf, bytes_min: u64) -> Self {
        Self { folder, bytes_min }
    }

    /// Whether it is there; not, where the system does not say.
    pub fn is_there(&self) -> bool {
        rustix::fs::statvfs(&self.folder)
            .is_ok_and(|disk| self.bytes_min <= disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}
