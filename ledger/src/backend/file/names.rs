//! The names of segments on the disk: twenty digits each, so that they sort as their numbers do.

use super::damage::io_error;
use super::disk::Disk;
use crate::log::ReadError;
use std::io;
use std::path::{Path, PathBuf};

/// Which of a log's two series of files is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Series {
    /// Event segments, by the sequence of their first record.
    Events,
    /// Payload segments, counted from 0.
    Payloads,
}

impl Series {
    /// The series' directory.
    pub(super) fn dir(self, log: &Path) -> PathBuf {
        log.join(self.name())
    }

    /// The name of its directory.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Payloads => "payloads",
        }
    }

    /// The file of one segment.
    pub(super) fn path(self, log: &Path, number: u64) -> PathBuf {
        self.dir(log).join(format!("{number:020}.log"))
    }

    /// The numbers of all segments, in order; none when the directory is missing.
    pub(super) fn numbers(self, disk: &dyn Disk, log: &Path) -> Result<Vec<u64>, ReadError> {
        let dir = self.dir(log);
        let names = match disk.list(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            names => names.map_err(io_error(&dir))?,
        };
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| number(name)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
}

fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    let is_number = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}
