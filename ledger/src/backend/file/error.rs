//! Why a file log cannot be opened, in words that say what to do.

use super::disk::is_full;
use crate::log::ReadError;
use std::io;

/// Why a file log was not opened; the log is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// An option has an impossible value.
    #[error("the ledger cannot be laid out so: {detail}")]
    Options {
        /// Which, and its limit.
        detail: String,
    },
    /// There is no log to read.
    #[error("`{dir}` has no ledger; start the gateway with this directory once to make one")]
    NoLog {
        /// The directory.
        dir: String,
    },
    /// Another writer has it open.
    #[error("the ledger is open in another process ({holder}), says `{path}`; stop that one first")]
    Held {
        /// The lock file.
        path: String,
        /// What the other process wrote into it.
        holder: String,
    },
    /// The log in the directory is another one.
    #[error("`{dir}` has the ledger of shard `{found}`, not of `{expected}`; name the right one")]
    OtherShard {
        /// The directory.
        dir: String,
        /// The shard that is there.
        found: String,
        /// The shard that was asked for.
        expected: String,
    },
    /// A file is not there that others refer to.
    #[error("`{file}` is missing; nothing was changed: restore the file from a copy")]
    Missing {
        /// The file.
        file: String,
    },
    /// A file or directory could not be made or locked.
    #[error("cannot prepare the ledger in `{path}`: {source}; {}", prepare(.source))]
    Prepare {
        /// Which.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file is damaged in a way that no crash explains, or could not be read.
    #[error("{0}; the ledger was not opened: {then}", then = repair(.0))]
    Unreadable(#[from] ReadError),
}

fn prepare(source: &io::Error) -> &'static str {
    if is_full(source) {
        return FREE;
    }
    "the folder has to be one that this user can write to; `data` names it"
}

fn repair(error: &ReadError) -> &'static str {
    match error {
        ReadError::Io { source, .. } if is_full(source) => FREE,
        ReadError::Io { .. } | ReadError::Damaged { .. } => {
            "restore the file from a copy, or repair the disk"
        }
    }
}

const FREE: &str = "free some space, then start again";
