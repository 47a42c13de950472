//! Where a log keeps its records and payloads: one module per backend, and the limits all of them
//! keep.

pub mod memory;

pub mod file;

use crate::log::{
    AppendError, BATCH_RECORDS_MAX, Batch, ERASE_SCOPES_MAX, RECORD_BYTES_MAX, Scope,
};

/// The most bytes one payload may have.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Refuses a batch that breaks a limit of the contract, before anything is written.
///
/// A batch without records is refused when it has payloads: nothing would name them.
pub(crate) fn check_limits(batch: &Batch) -> Result<(), AppendError> {
    let refuse = |reason: String| Err(AppendError::Refused { reason });
    let records = batch.records.len();
    if records > BATCH_RECORDS_MAX {
        return refuse(format!("{records} records in one batch, at most {BATCH_RECORDS_MAX} go"));
    }
    if records == 0 && !batch.payloads.is_empty() {
        return refuse("payloads without a record that names them".to_owned());
    }
    for (index, record) in batch.records.iter().enumerate() {
        let bytes = record.len();
        if bytes == 0 {
            return refuse(format!("record {index} of the batch is empty"));
        }
        if bytes > RECORD_BYTES_MAX {
            return refuse(format!(
                "record {index} of the batch has {bytes} bytes, at most {RECORD_BYTES_MAX} go"
            ));
        }
    }
    let large = batch.payloads.iter().map(|payload| payload.bytes.len());
    match large.max() {
        Some(bytes) if bytes > PAYLOAD_BYTES_MAX => {
            refuse(format!("a payload has {bytes} bytes, at most {PAYLOAD_BYTES_MAX} go"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Refuses an erasure of too many scopes, before anything is erased.
pub(crate) fn check_scopes(scopes: &[Scope]) -> Result<(), AppendError> {
    if scopes.len() <= ERASE_SCOPES_MAX {
        return Ok(());
    }
    let scopes = scopes.len();
    Err(AppendError::Refused {
        reason: format!("{scopes} scopes in one erasure, at most {ERASE_SCOPES_MAX} go"),
    })
}
