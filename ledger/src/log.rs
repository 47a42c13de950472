//! The contract every backend keeps, clause by clause, for records and for the payloads they name.

use crate::Sequence;
use bytes::Bytes;
use std::sync::Arc;

/// The most bytes one record may have: C2SP tlog-tiles prefixes an entry with 16 bits of length.
pub const RECORD_BYTES_MAX: usize = 65_535;

/// The most records one batch may have.
pub const BATCH_RECORDS_MAX: usize = 1024;

/// The most scopes one erasure may have.
pub const ERASE_SCOPES_MAX: usize = 1024;

/// What a payload is filed under: one scope is one erasable unit, such as a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(pub [u8; 16]);

/// A payload's name within its scope: a salted digest of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub [u8; 32]);

impl Address {
    /// What an erasure destroys first: under this address a scope keeps that without which its
    /// other payloads say nothing.
    pub const FIRST: Self = Self([0; 32]);
}

/// A payload as a backend keeps it: compressed and encrypted already, opaque here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The erasable unit it belongs to.
    pub scope: Scope,
    /// Its name within the scope.
    pub address: Address,
    /// The bytes to keep.
    pub bytes: Bytes,
}

/// What one commit makes durable, whole or not at all.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Canonical event bytes, in order; the first one stands at [`Log::next`].
    pub records: Vec<Bytes>,
    /// The payloads that these records name and that the backend does not have yet.
    pub payloads: Vec<Sealed>,
}

/// What an erasure destroyed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Payloads, each copy that the backend had counted.
    pub payloads: u64,
    /// The bytes in them, as they were kept.
    pub bytes: u64,
}

/// An append-only log with one writer, and beside it a store of erasable payloads.
///
/// Each clause is held, for every backend, by the function of that name in `conformance`:
///
/// 1. `positions_are_contiguous`: the first record ever stands at 0, each next one at one more.
/// 2. `acknowledged_means_readable`: when `append` returns `Ok`, every record and payload of the
///    batch is durable by the backend's rule, and is read back byte for byte.
/// 3. `a_batch_is_whole_or_absent`: after any crash either every record and payload of a batch is
///    there or none of its records is.
/// 4. `acknowledged_survives_reopening`: what was acknowledged is there after the log was dropped
///    or its process killed, and the next append continues behind it.
/// 5. `oversized_is_refused_whole`: a batch with a record over [`RECORD_BYTES_MAX`], an empty
///    record, or more than [`BATCH_RECORDS_MAX`] records fails with [`AppendError::Refused`] and
///    changes
///    nothing.
/// 6. `a_payload_is_kept_once`: the same address in the same scope, appended again, reads the same
///    and may be skipped by the backend.
/// 7. `readers_see_only_what_is_committed`: a reader never returns a record whose batch is not
///    durable, and always returns one that is.
/// 8. `one_writer_at_a_time`: a second open of the same log for writing fails while the first
///    lives.
/// 9. `an_unknown_outcome_poisons`: after [`AppendError::Unknown`] every later append fails
///    with [`AppendError::Poisoned`] until the log is opened anew.
/// 10. `erased_is_gone`: when `erase` returns `Ok`, no payload that was appended under those scopes
///     before is read again, by any reader and after any crash, and its bytes are overwritten on
///     the medium. Records and other payloads are untouched; what is appended under those scopes
///     later is read again.
pub trait Log: Send {
    /// Makes one batch durable. Blocks, and waits for nothing but the disk.
    fn append(&mut self, batch: &Batch) -> Result<(), AppendError>;

    /// As [`Log::append`], and where the disk is full out of the reserve, if the backend keeps one:
    /// for what must be recorded because it was already done.
    ///
    /// When the reserve was touched, [`Log::append`] fails with [`AppendError::Full`] until it
    /// could be filled again.
    fn append_reserved(&mut self, batch: &Batch) -> Result<(), AppendError> {
        self.append(batch)
    }

    /// Looks whether what is written can still be found by its name, and fills the reserve again
    /// where that is due. Errors are those of [`Log::append`], and all of them but
    /// [`AppendError::Full`] poison.
    fn check(&mut self) -> Result<(), AppendError> {
        Ok(())
    }

    /// Whether there is a reserve and it is not whole: the disk was full.
    fn is_on_reserve(&self) -> bool {
        false
    }

    /// Destroys every payload in these scopes, those at [`Address::FIRST`] before all others.
    /// Blocks until that is durable; what was erased before counts no more.
    ///
    /// After [`AppendError::Refused`] and [`AppendError::Full`] nothing was erased. After
    /// [`AppendError::Unknown`] the log is poisoned as by an append; if the erasure had begun it is
    /// finished when the log is opened anew.
    fn erase(&mut self, scopes: &[Scope]) -> Result<Erased, AppendError>;

    /// Where the next record will stand.
    fn next(&self) -> Sequence;

    /// Bytes that appends have taken in the store since it was opened, with frames and after
    /// compression; room that is filled in advance does not count. For figures alone.
    fn stored_bytes(&self) -> u64;

    /// A handle that reads what is committed, from any thread, while the log is written.
    fn reader(&self) -> Arc<dyn Reader>;
}

/// Reads what a log has committed.
pub trait Reader: Send + Sync {
    /// Where the next record will stand: every record before it can be read.
    fn next(&self) -> Sequence;

    /// Reads committed records from `from` on, in order: at least one if there is one, and no
    /// more once their sizes add up to `bytes_max`. Empty at the end of the log.
    fn read(&self, from: Sequence, bytes_max: usize) -> Result<Vec<Bytes>, ReadError>;

    /// Reads one payload as it was appended, or `None` when the store does not have it.
    fn payload(&self, scope: Scope, address: Address) -> Result<Option<Bytes>, ReadError>;
}

/// Why an append was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The batch breaks a limit; nothing was written.
    #[error("the batch was refused: {reason}")]
    Refused {
        /// Which limit, and the value that broke it.
        reason: String,
    },
    /// There is no room; nothing was acknowledged, and the log can go on when there is room again.
    #[error("the ledger's disk is full: {detail}; free some space, then calls are accepted again")]
    Full {
        /// What the system said.
        detail: String,
    },
    /// The batch may or may not be durable; only opening the log anew can tell.
    #[error("the ledger could not make a batch durable: {detail}")]
    Unknown {
        /// What failed.
        detail: String,
    },
    /// An earlier append ended unknown; nothing was tried.
    #[error("the ledger stopped after an earlier failure: {detail}")]
    Poisoned {
        /// The earlier failure.
        detail: String,
    },
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system could not read.
    #[error("cannot read `{path}`: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// What was read is not what was written.
    #[error("`{path}` is damaged at byte {offset}: {detail}")]
    Damaged {
        /// The file.
        path: String,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        detail: String,
    },
}
