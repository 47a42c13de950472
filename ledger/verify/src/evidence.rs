//! What a verification asks of the evidence, wherever it is: a directory, a server, a ledger's own
//! segments.

use crate::audit::PayloadState;
use crate::record::Stretch;
use events::{PayloadRef, SessionId};
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use tlog::TileId;

/// The evidence could not be read; this says nothing about what is in it.
#[derive(Debug, thiserror::Error)]
#[error("`{file}` cannot be read: {source}")]
pub struct SourceError {
    /// The file or URL.
    pub file: String,
    /// What failed.
    pub source: io::Error,
}

/// What there is under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// A file. One that is longer than it may be ends at the first byte too many.
    Bytes(Vec<u8>),
    /// Nothing.
    Missing,
    /// Something that is not a file of its own.
    Odd(&'static str),
}

/// A file's name and its bytes.
pub type NamedFile = (Arc<str>, Vec<u8>);

/// Takes the next records; says whether to go on.
pub type Sink<'a> = &'a mut dyn FnMut(Stretch) -> ControlFlow<()>;

/// Evidence of one log. Everything it gives is checked; it only has to give it.
pub trait Evidence: Sync {
    /// The latest signed checkpoint, at most [`tlog::NOTE_BYTES_MAX`] and one bytes of it.
    fn checkpoint(&self) -> Result<Fetched, SourceError>;

    /// The key or policy that lies beside the evidence, and its file.
    fn trust(&self) -> Result<Option<NamedFile>, SourceError>;

    /// The bytes of a tile, at most one more than it must have.
    fn tile(&self, id: TileId) -> Result<Fetched, SourceError>;

    /// How an auditor finds a file of the log, such as `checkpoint` or `tile/0/000`.
    fn file(&self, path: &str) -> Arc<str>;

    /// Gives the records from 0 to before `size`, in order, until all are given or `sink` has
    /// enough. Where records are missing or damaged a stretch says so.
    fn records(&self, size: u64, sink: Sink<'_>) -> Result<(), SourceError>;

    /// What has become of a payload of a session, which the event at this sequence names.
    fn payload(&self, _at: u64, _session: SessionId, _payload: &PayloadRef) -> PayloadState {
        PayloadState::Unread
    }
}

/// Is told how far a verification has come.
pub trait Progress {
    /// So many records are to be read; `None` if nobody knows.
    fn begin(&mut self, records: Option<u64>);

    /// So many more records and bytes were read.
    fn advance(&mut self, records: u64, bytes: u64);
}

/// Nobody wants to know.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&mut self, _records: Option<u64>) {}

    fn advance(&mut self, _records: u64, _bytes: u64) {}
}
