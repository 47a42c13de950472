//! The real disk without syncs, for measurements of what durability costs: a power cut loses
//! what the system had not written yet.

use super::disk::{Disk, DiskFile, Identity, Lock, RealDisk};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// See the module.
pub(super) struct RelaxedDisk;

struct RelaxedFile(Arc<dyn DiskFile>);

impl Disk for RelaxedDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir(path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(RelaxedFile(RealDisk.create(path)?)))
    }

    fn open(&self, path: &Path, writable: bool) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(RelaxedFile(RealDisk.open(path, writable)?)))
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

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn identity(&self, path: &Path) -> io::Result<Identity> {
        RealDisk.identity(path)
    }

    fn lock(&self, path: &Path, owner: &str) -> io::Result<Lock> {
        RealDisk.lock(path, owner)
    }
}

impl DiskFile for RelaxedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }

    fn identity(&self) -> io::Result<Identity> {
        self.0.identity()
    }

    fn give_back(&self, range: Range<u64>) -> io::Result<()> {
        self.0.give_back(range)
    }
}
