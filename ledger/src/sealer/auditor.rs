//! Compares all that was signed with its checkpoint, for as long as it takes, behind a start that
//! looked at the newest records alone.

use super::settle::{audit, rebuild};
use super::{LogFiles, SealError, Signed};
use crate::log::Reader;
use std::sync::Arc;

/// Reads a log from its first record up to a checkpoint.
pub struct Auditor {
    reader: Arc<dyn Reader>,
    files: LogFiles,
    signed: Signed,
}

impl Auditor {
    /// Will compare what `reader` reads with `signed` and with the files.
    pub(super) fn new(reader: Arc<dyn Reader>, files: LogFiles, signed: Signed) -> Self {
        Self { reader, files, signed }
    }

    /// Compares, and makes files again that are missing or are not what follows from the records;
    /// says how many were. Fails if the records are not those that were signed.
    ///
    /// `goes_on` is called after each file; when it says no, this ends with
    /// [`SealError::Stopped`].
    pub fn audit(&self, goes_on: &mut dyn FnMut() -> bool) -> Result<u64, SealError> {
        let differing = audit(&*self.reader, &self.files, &self.signed, goes_on)?;
        if differing > 0 {
            rebuild(&*self.reader, &self.files, self.signed.checkpoint.size)?;
        }
        Ok(differing)
    }
}
