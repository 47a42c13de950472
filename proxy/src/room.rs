//! Whether the ledger's disk has room for what the ledger takes of it at once. Nothing is written
//! to find out, so that asking costs nothing and takes nothing from the calls.

use std::path::PathBuf;

/// Room on a disk.
#[derive(Clone, Debug)]
pub struct Room {
    /// The folder whose disk is meant.
    pub folder: PathBuf,
    /// What the ledger takes at once.
    pub bytes_min: u64,
    /// What it takes besides when its reserve was touched.
    pub reserve_bytes: u64,
    /// Less than this is little.
    pub bytes_low: u64,
}

impl Room {
    /// How many bytes are free; nothing where the system does not say.
    pub fn free(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(&self.folder).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Whether so much is enough for the ledger to go on after the disk was full.
    pub const fn is_enough(&self, free: u64, on_reserve: bool) -> bool {
        let more = if on_reserve { self.reserve_bytes } else { 0 };
        self.bytes_min.saturating_add(more) <= free
    }

    /// Whether so much is little.
    pub const fn is_low(&self, free: u64) -> bool {
        free < self.bytes_low
    }
}
