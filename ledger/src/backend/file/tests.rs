//! The file log against a disk that crashes, fails and decays.

use super::filler::Workers;
use super::simulated::{Crash, Fault, SimulatedDisk};
use super::{FileLog, OpenError, Options, Recovery};
use crate::conformance::Bench;
use crate::log::Log;
use std::io;
use std::path::Path;
use std::sync::Arc;

const DIR: &str = "ledger";

/// Small enough that a few batches fill a segment.
fn small() -> Options {
    Options {
        event_segment_bytes: 4096,
        payload_segment_bytes: 4096,
        dictionary_bytes: 256,
        ..Options::default()
    }
}

fn open(disk: &SimulatedDisk) -> Result<(FileLog, Recovery), OpenError> {
    FileLog::open_on(Arc::new(disk.clone()), Path::new(DIR), small(), Workers::Inline)
}

/// A log on a simulated disk, which loses what was not synced.
struct Simulated(SimulatedDisk);

impl Bench for Simulated {
    fn open(&mut self) -> Result<Box<dyn Log>, String> {
        let (log, _) = open(&self.0).map_err(|error| error.to_string())?;
        Ok(Box::new(log))
    }

    fn open_failing(&mut self) -> Result<Box<dyn Log>, String> {
        let log = Bench::open(self)?;
        self.0.fail(2, Fault::Error(io::ErrorKind::Other));
        Ok(log)
    }

    fn crash(&mut self, log: Box<dyn Log>) {
        let after = self.0.crash(Crash::Nothing);
        drop(log);
        self.0 = after;
    }
}

crate::log_conformance!(simulated, super::Simulated(super::SimulatedDisk::default()));

/// A log in a directory of this machine.
struct Real(tempfile::TempDir, Options);

impl Real {
    fn new(options: Options) -> Self {
        Self(tempfile::tempdir().unwrap(), options)
    }
}
