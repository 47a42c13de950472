//! What went wrong with a file, in the words of the contract's errors.

use crate::log::ReadError;
use std::io;
use std::path::Path;

/// The system could not read `path`.
pub(super) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> ReadError + '_ {
    move |source| ReadError::Io { path: path.display().to_string(), source }
}

/// What stands in `path` at `offset` is not what was written.
pub(super) fn damaged(path: &Path, offset: u64, detail: impl Into<String>) -> ReadError {
    ReadError::Damaged { path: path.display().to_string(), offset, detail: detail.into() }
}
