//! What a writer has written, as figures.

use crate::log::{Batch, Log};
use bytes::Bytes;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What the writer has done since it started.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    batches: AtomicU64,
    records: AtomicU64,
    record_bytes: AtomicU64,
    payload_bytes: AtomicU64,
    append_us: AtomicU64,
    stored_bytes: AtomicU64,
    on_reserve: AtomicBool,
}

/// What was written since the start, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Batches made durable.
    pub batches: u64,
    /// Records made durable.
    pub records: u64,
    /// Their bytes, as canonical JSON.
    pub record_bytes: u64,
    /// Bytes of sealed payloads handed to the backend.
    pub payload_bytes: u64,
    /// Time spent in appends, in microseconds.
    pub append_us: u64,
    /// Bytes that all of it took in the store.
    pub stored_bytes: u64,
    /// Whether the reserve was touched and is not whole again.
    pub on_reserve: bool,
}

impl Counters {
    /// Reads them.
    pub(crate) fn read(&self) -> Written {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Written {
            batches: of(&self.batches),
            records: of(&self.records),
            record_bytes: of(&self.record_bytes),
            payload_bytes: of(&self.payload_bytes),
            append_us: of(&self.append_us),
            stored_bytes: of(&self.stored_bytes),
            on_reserve: self.on_reserve.load(Ordering::Relaxed),
        }
    }

    /// Looks how the store stands.
    pub(crate) fn look(&self, log: &dyn Log) {
        self.stored_bytes.store(log.stored_bytes(), Ordering::Relaxed);
        self.on_reserve.store(log.is_on_reserve(), Ordering::Relaxed);
    }

    /// Adds a batch that became durable.
    pub(crate) fn add(&self, batch: &Batch, took: Duration) {
        let sum = |lengths: &mut dyn Iterator<Item = usize>| {
            u64::try_from(lengths.sum::<usize>()).unwrap_or(u64::MAX)
        };
        let add = |counter: &AtomicU64, by: u64| counter.fetch_add(by, Ordering::Relaxed);
        add(&self.batches, 1);
        add(&self.records, u64::try_from(batch.records.len()).unwrap_or(u64::MAX));
        add(&self.record_bytes, sum(&mut batch.records.iter().map(Bytes::len)));
        add(&self.payload_bytes, sum(&mut batch.payloads.iter().map(|sealed| sealed.bytes.len())));
        add(&self.append_us, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
}
