//! The log in memory: the meaning of the contract without a disk. It outlives nothing but its
//! handles.

use super::{check_limits, check_scopes};
use crate::Sequence;
use crate::log::{Address, AppendError, Batch, Erased, Log, ReadError, Reader, Scope};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a memory log keeps; its clones share it, so that a log can be dropped and opened anew.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    records: Vec<Bytes>,
    payloads: HashMap<(Scope, Address), Bytes>,
    is_open: bool,
    fails_next: bool,
}

/// The store has a writer already.
#[derive(Debug, thiserror::Error)]
#[error("the memory log is open for writing already; drop that log first")]
pub struct AlreadyOpen;

impl MemoryStore {
    /// Opens the one writer.
    pub fn open(&self) -> Result<MemoryLog, AlreadyOpen> {
        let mut kept = self.lock();
        if kept.is_open {
            return Err(AlreadyOpen);
        }
        kept.is_open = true;
        drop(kept);
        Ok(MemoryLog { store: self.clone(), poisoned: None, stored_bytes: 0 })
    }

    /// Makes the next append or erasure end in [`AppendError::Unknown`], with nothing kept.
    pub fn fail_next(&self) {
        self.lock().fails_next = true;
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A log whose batches are durable for as long as its [`MemoryStore`] lives.
#[derive(Debug)]
pub struct MemoryLog {
    store: MemoryStore,
    poisoned: Option<String>,
    stored_bytes: u64,
}

impl MemoryLog {
    /// An empty log with a store of its own.
    pub fn new() -> Self {
        let store = MemoryStore::default();
        store.lock().is_open = true;
        Self { store, poisoned: None, stored_bytes: 0 }
    }

    fn check_poisoned(&self) -> Result<(), AppendError> {
        let poisoned = self.poisoned.clone();
        poisoned.map_or(Ok(()), |detail| Err(AppendError::Poisoned { detail }))
    }

    fn check_told_to_fail(&mut self) -> Result<(), AppendError> {
        if !std::mem::take(&mut self.store.lock().fails_next) {
            return Ok(());
        }
        let detail = "told to fail".to_owned();
        self.poisoned = Some(detail.clone());
        Err(AppendError::Unknown { detail })
    }
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for MemoryLog {
    fn drop(&mut self) {
        self.store.lock().is_open = false;
    }
}

impl Log for MemoryLog {
    fn append(&mut self, batch: &Batch) -> Result<(), AppendError> {
        self.check_poisoned()?;
        check_limits(batch)?;
        self.check_told_to_fail()?;
        let mut kept = self.store.lock();
        for payload in &batch.payloads {
            let name = (payload.scope, payload.address);
            kept.payloads.entry(name).or_insert_with(|| payload.bytes.clone());
        }
        kept.records.extend(batch.records.iter().cloned());
        drop(kept);
        let records = batch.records.iter().map(Bytes::len);
        let payloads = batch.payloads.iter().map(|payload| payload.bytes.len());
        self.stored_bytes += records.chain(payloads).sum::<usize>() as u64;
        Ok(())
    }

    fn erase(&mut self, scopes: &[Scope]) -> Result<Erased, AppendError> {
        self.check_poisoned()?;
        check_scopes(scopes)?;
        self.check_told_to_fail()?;
        let mut erased = Erased::default();
        self.store.lock().payloads.retain(|(scope, _), bytes| {
            let stays = !scopes.contains(scope);
            if !stays {
                erased.payloads += 1;
                erased.bytes += bytes.len() as u64;
            }
            stays
        });
        Ok(erased)
    }

    fn next(&self) -> Sequence {
        Reader::next(&self.store)
    }

    fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(self.store.clone())
    }
}

impl Reader for MemoryStore {
    fn next(&self) -> Sequence {
        Sequence::new(self.lock().records.len() as u64)
    }

    fn read(&self, from: Sequence, bytes_max: usize) -> Result<Vec<Bytes>, ReadError> {
        let kept = self.lock();
        let mut found = Vec::new();
        let mut total = 0;
        let from = usize::try_from(from.number()).unwrap_or(usize::MAX);
        for record in kept.records.iter().skip(from) {
            found.push(record.clone());
            total += record.len();
            if total >= bytes_max {
                break;
            }
        }
        Ok(found)
    }

    fn payload(&self, scope: Scope, address: Address) -> Result<Option<Bytes>, ReadError> {
        Ok(self.lock().payloads.get(&(scope, address)).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryStore;
    use crate::conformance::Bench;
    use crate::log::Log;

    impl Bench for MemoryStore {
        fn open(&mut self) -> Result<Box<dyn Log>, String> {
            let log = Self::open(self).map_err(|error| error.to_string())?;
            Ok(Box::new(log))
        }

        fn open_failing(&mut self) -> Result<Box<dyn Log>, String> {
            self.fail_next();
            Bench::open(self)
        }

        fn crash(&mut self, log: Box<dyn Log>) {
            drop(log);
        }
    }

    crate::log_conformance!(conformance, super::MemoryStore::default());
}
