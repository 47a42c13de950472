//! Why an export did not come to its end.

use events::{ParseError, SessionId};
use ledger::log::ReadError;
use std::io;
use tlog::ProverError;

/// See the module. The bundle then lacks its manifest, and is none.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The ledger could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The ledger has fewer events than its checkpoint.
    #[error("the ledger ends at event {sequence}, but its checkpoint is over {size}")]
    Vanished {
        /// Where it ends.
        sequence: u64,
        /// The size of the checkpoint.
        size: u64,
    },
    /// A record is not an event.
    #[error("record {sequence} of the ledger cannot be read: {source}")]
    Unreadable {
        /// Where it stands.
        sequence: u64,
        /// What is wrong with it.
        source: ParseError,
    },
    /// What is recorded cannot be proved.
    #[error(transparent)]
    Prove(#[from] ProverError<io::Error>),
    /// A payload cannot be handed out.
    #[error("{0}; `--no-payloads` leaves payloads out")]
    Payload(String),
    /// A checkpoint of before cannot prove what accounts for payloads that are gone now.
    #[error("payloads of `{0}` were erased while the evidence was written: export once more")]
    ErasedMeanwhile(SessionId),
    /// The bundle could not be written.
    #[error("the bundle cannot be written: {0}")]
    Write(#[from] io::Error),
    /// A table or page could not be made.
    #[error("a file of the bundle cannot be made: {0}")]
    Make(String),
}

impl ExportError {
    pub(super) fn make(error: impl std::fmt::Display) -> Self {
        Self::Make(error.to_string())
    }
}
