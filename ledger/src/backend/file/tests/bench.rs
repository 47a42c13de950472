//! The conformance suite on the simulated disk and on this machine's.

use super::super::disk::{Disk, DiskFile, Identity, Lock, RealDisk};
use super::super::simulated::{Crash, Fault, SimulatedDisk};
use super::open;
use crate::backend::file::filler::Workers;
use crate::backend::file::{FileLog, Options};
use crate::conformance::Bench;
use crate::log::Log;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A log on a simulated disk, which loses what was not synced.
#[derive(Default)]
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

crate::log_conformance!(simulated, super::Simulated::default());

/// A log in a directory of this machine. A crash is no more than a drop.
struct Real {
    dir: tempfile::TempDir,
    options: Options,
}

impl Real {
    fn new(options: Options) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), options }
    }

    fn open_on(&self, disk: FailingDisk) -> Result<Box<dyn Log>, String> {
        let (disk, dir) = (Arc::new(disk), self.dir.path());
        let log = FileLog::open_on(disk, dir, &self.options, Workers::Threads);
        let (log, _) = log.map_err(|error| error.to_string())?;
        Ok(Box::new(log))
    }
}

impl Bench for Real {
    fn open(&mut self) -> Result<Box<dyn Log>, String> {
        self.open_on(FailingDisk::default())
    }

    fn open_failing(&mut self) -> Result<Box<dyn Log>, String> {
        let disk = FailingDisk::default();
        let fails = Arc::clone(&disk.fails);
        let log = self.open_on(disk)?;
        fails.store(true, Ordering::Relaxed);
        Ok(log)
    }

    fn crash(&mut self, log: Box<dyn Log>) {
        drop(log);
    }
}

crate::log_conformance!(real, super::Real::new(super::super::small()));
crate::log_conformance!(real_with_default_sizes, super::Real::new(super::Options::default()));

/// The real disk, on which syncs fail once it is told so.
#[derive(Default)]
struct FailingDisk {
    fails: Arc<AtomicBool>,
}

struct FailingFile {
    file: Arc<dyn DiskFile>,
    fails: Arc<AtomicBool>,
}

impl FailingDisk {
    fn wrap(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(FailingFile { file, fails: Arc::clone(&self.fails) })
    }
}

impl Disk for FailingDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir(path)
    }
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.wrap(RealDisk.create(path)?))
    }
    fn open(&self, path: &Path, writable: bool) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.wrap(RealDisk.open(path, writable)?))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_dir(path)
    }
    fn identity(&self, path: &Path) -> io::Result<Identity> {
        RealDisk.identity(path)
    }
    fn lock(&self, path: &Path, owner: &str) -> io::Result<Lock> {
        RealDisk.lock(path, owner)
    }
}

impl DiskFile for FailingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_at(bytes, offset)
    }
    fn sync(&self) -> io::Result<()> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(io::Error::other("told to fail"));
        }
        self.file.sync()
    }
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
    fn identity(&self) -> io::Result<Identity> {
        self.file.identity()
    }
    fn give_back(&self, range: Range<u64>) -> io::Result<()> {
        self.file.give_back(range)
    }
}
