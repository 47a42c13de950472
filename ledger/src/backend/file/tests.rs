//! The file log on disks that crash, fail, fill up and decay.

mod bench;
mod cleaner;
mod crashes;
mod damage;
mod erasures;
mod faults;
mod followers;
mod model;
mod reserve;
mod restarts;

use super::filler::Workers;
use super::simulated::SimulatedDisk;
use super::{FileLog, OpenError, Options, Recovery};
use crate::conformance::batch;
use crate::log::Batch;
use std::path::Path;
use std::sync::Arc;

const DIR: &str = "ledger";

/// Small enough that a few batches fill a segment.
fn small() -> Options {
    Options {
        event_segment_bytes: 3072,
        payload_segment_bytes: 3072,
        journal_bytes: 2048,
        reserve_bytes: 0,
        dictionary_bytes: 256,
        synced: true,
        ..Options::default()
    }
}

fn open(disk: &SimulatedDisk) -> Result<(FileLog, Recovery), OpenError> {
    FileLog::open_on(Arc::new(disk.clone()), Path::new(DIR), &small(), Workers::Inline)
}

/// Batches of several shapes in a row: with and without payloads, small, and over many sectors.
fn script() -> Vec<Batch> {
    let shapes = [
        (1, false),
        (2, true),
        (19, false),
        (1, true),
        (4, true),
        (25, false),
        (6, true),
        (9, true),
    ];
    let mut next = 0;
    let shapes = shapes.iter().map(|(count, with_payloads)| {
        let made = batch(next, *count, *with_payloads);
        next += count;
        made
    });
    shapes.collect()
}
