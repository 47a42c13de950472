//! Why a log cannot be sealed.

use super::files::LogFiles;
use super::lock::LockError;
use crate::log::ReadError;
use std::io;
use std::path::PathBuf;

/// See the module. Every one but those that may pass, see [`SealError::is_passing`], means that the
/// records are not what was signed, or that it cannot be told; then nothing may be added to them.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The records could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The lock failed.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A file of the log failed.
    #[error("`{path}` cannot be used: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The log has fewer records than were signed.
    #[error(
        "the ledger has {records} events, but a checkpoint over {signed} of them was signed: it was \
         cut or rolled back, or an old copy was restored; restore the newest copy, or verify what \
         is missing and start a new ledger beside this one"
    )]
    Shorter {
        /// How many records there are.
        records: u64,
        /// How many were signed.
        signed: u64,
    },
    /// The records are not those that were signed.
    #[error(
        "the first {signed} events of the ledger are not those of its last signed checkpoint{place}: \
         they were altered after they were sealed; restore them from a copy, and do not go on with \
         this ledger"
    )]
    Inconsistent {
        /// How many were signed.
        signed: u64,
        /// Where the records stop agreeing with the tiles, in words; empty if they agree.
        place: String,
    },
    /// The lock holds an older checkpoint than was published.
    #[error(
        "a checkpoint over {published} events was published, but the lock has one over {locked}: \
         the lock was rolled back; put its newest copy back"
    )]
    LockBehind {
        /// The size of the published one.
        published: u64,
        /// The size of the one in the lock.
        locked: u64,
    },
    /// The lock is empty although checkpoints were published.
    #[error(
        "the checkpoint lock is empty, but a checkpoint over {published} events was published: if \
         the lock was lost, start once with `--accept-lost-lock`, which is recorded"
    )]
    LockLost {
        /// The size of the published one.
        published: u64,
    },
    /// What was published is of another history than the records and the lock.
    #[error(
        "the published checkpoint over {published} events is not one of this ledger, although its \
         key has signed it: two histories were signed; keep both as evidence, and find out where \
         the other one is written"
    )]
    Forked {
        /// The size of the published one.
        published: u64,
    },
    /// What the lock holds was not signed by this log's key.
    #[error("the checkpoint in the lock was not signed by this ledger's key `{key}`: {detail}")]
    Foreign {
        /// The verifier key.
        key: String,
        /// What is wrong.
        detail: String,
    },
    /// Committed records cannot be read any more.
    #[error("the ledger ends at event {sequence}, but has promised those up to {end}")]
    Vanished {
        /// Where it ends.
        sequence: u64,
        /// Where it should.
        end: u64,
    },
    /// Whoever asked no longer wants to know.
    #[error("stopped before the end")]
    Stopped,
    /// A limit of the format.
    #[error("{0}")]
    Limit(String),
}

impl SealError {
    pub(super) fn limit(error: impl std::fmt::Display) -> Self {
        Self::Limit(error.to_string())
    }

    pub(super) fn file(files: &LogFiles, path: &str, source: io::Error) -> Self {
        Self::File { path: files.folder().join(path), source }
    }

    /// Whether it may pass by itself, such as a full disk or a process without file descriptors:
    /// what was signed still holds.
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::File { .. } | Self::Lock(LockError::Io { .. }) | Self::Read(ReadError::Io { .. })
        )
    }
}
