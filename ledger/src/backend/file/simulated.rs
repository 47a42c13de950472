//! A disk in memory that keeps apart what is durable and what is not, fails and crashes on command.
//! For tests of the file log alone.

use super::disk::{Disk, DiskFile, Identity, Lock};
use super::layout::{SECTOR, is_blank, size};
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What becomes of the writes that were not synced when the disk crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// None of them is on the disk.
    Nothing,
    /// All of them are.
    All,
    /// The first sectors are, about half of them.
    Prefix,
    /// Some sectors are, chosen by this seed.
    Some(u64),
}

/// What happens at one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It fails with this error, and the disk goes on.
    Error(io::ErrorKind),
    /// It does not happen, as the process that asked for it is dead; others go on.
    Killed,
    /// It and everything after it fails: the machine is off.
    Off,
}

/// A simulated disk; its clones are the same disk.
#[derive(Clone, Default)]
pub(super) struct SimulatedDisk {
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
struct World {
    files: Vec<Content>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    locks: HashSet<PathBuf>,
    operations: u64,
    syncs: u64,
    fault: Option<(u64, Fault)>,
    is_off: bool,
    /// Writes beyond this many bytes in all fail for want of room.
    room: Option<u64>,
}

#[derive(Clone, Default)]
struct Content {
    durable: Vec<u8>,
    volatile: Vec<u8>,
    /// What was written since the last sync, in sectors.
    pending: Vec<(u64, Vec<u8>)>,
    /// How many syncs failed; each handle is told once.
    failures: u64,
}

struct SimulatedFile {
    disk: SimulatedDisk,
    index: usize,
    /// How many failures of syncs this handle was told of.
    told: AtomicU64,
}

struct SimulatedLock {
    disk: SimulatedDisk,
    path: PathBuf,
}

impl SimulatedDisk {
    /// How many changing operations there were.
    pub(super) fn operations(&self) -> u64 {
        self.world().operations
    }

    /// How many of them were syncs of files.
    pub(super) fn syncs(&self) -> u64 {
        self.world().syncs
    }

    /// Lets `fault` happen `after` that many more changing operations.
    pub(super) fn fail(&self, after: u64, fault: Fault) {
        let mut world = self.world();
        world.fault = Some((world.operations + after, fault));
    }

    /// Gives the disk room for so many bytes, or no limit.
    pub(super) fn limit_room(&self, bytes: Option<u64>) {
        self.world().room = bytes;
    }

    /// The bytes that all files take.
    pub(super) fn used(&self) -> u64 {
        self.world().used()
    }

    /// The disk as the next boot finds it.
    pub(super) fn crash(&self, crash: Crash) -> Self {
        let world = self.world();
        let mut files: Vec<Content> = world.files.clone();
        let mut chooser = Chooser::new(crash, files.iter().map(|file| file.pending.len()).sum());
        for file in &mut files {
            let pending = std::mem::take(&mut file.pending);
            for (offset, bytes) in pending.into_iter().filter(|_| chooser.keeps()) {
                put(&mut file.durable, &bytes, offset);
            }
            file.volatile = file.durable.clone();
        }
        // A name may become durable before its directory is synced.
        let has_names = crash == Crash::All || matches!(crash, Crash::Some(seed) if seed % 2 == 0);
        let names = if has_names { &world.names } else { &world.durable_names }.clone();
        let durable_names = names.clone();
        let world = World { files, names, durable_names, ..World::default() };
        Self { world: Arc::new(Mutex::new(world)) }
    }

    /// Changes the bytes of a file on the disk, as decay or an intruder would.
    pub(super) fn tamper(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut world = self.world();
        let index = world.names[path];
        let file = &mut world.files[index];
        change(&mut file.durable);
        file.volatile = file.durable.clone();
    }

    /// All files and their bytes.
    pub(super) fn snapshot(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let world = self.world();
        let bytes = |index: &usize| world.files[*index].volatile.clone();
        world.names.iter().map(|(path, index)| (path.clone(), bytes(index))).collect()
    }

    /// A disk on which everything that this one has is durable, and nobody holds a lock.
    pub(super) fn copy(&self) -> Self {
        self.crash(Crash::All)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, index: usize) -> Arc<dyn DiskFile> {
        let told = self.world().files[index].failures.into();
        Arc::new(SimulatedFile { disk: self.clone(), index, told })
    }
}

impl World {
    /// Counts a changing operation, or lets it fail.
    fn step(&mut self) -> io::Result<()> {
        if self.is_off {
            return Err(io::Error::other("the machine is off"));
        }
        let number = self.operations;
        self.operations += 1;
        match self.fault {
            Some((at, Fault::Error(kind))) if at == number => Err(kind.into()),
            Some((at, Fault::Killed)) if at == number => Err(io::ErrorKind::BrokenPipe.into()),
            Some((at, Fault::Off)) if at == number => {
                self.is_off = true;
                Err(io::Error::other("the machine is off"))
            }
            _ => Ok(()),
        }
    }

    fn used(&self) -> u64 {
        self.names.values().map(|index| self.files[*index].volatile.len() as u64).sum()
    }

    fn named(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Chooses which of the unsynced sectors a crash leaves.
struct Chooser {
    crash: Crash,
    left: usize,
    state: u64,
}

impl Chooser {
    fn new(crash: Crash, count: usize) -> Self {
        let state = match crash {
            Crash::Some(seed) => seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            Crash::Nothing | Crash::All | Crash::Prefix => 1,
        };
        Self { crash, left: count / 2, state }
    }

    fn keeps(&mut self) -> bool {
        match self.crash {
            Crash::Nothing => false,
            Crash::All => true,
            Crash::Prefix => {
                let keeps = self.left > 0;
                self.left = self.left.saturating_sub(1);
                keeps
            }
            Crash::Some(_) => {
                self.state ^= self.state << 13;
                self.state ^= self.state >> 7;
                self.state ^= self.state << 17;
                self.state & 4 != 0
            }
        }
    }
}

fn put(content: &mut Vec<u8>, bytes: &[u8], offset: u64) {
    let (start, end) = (size(offset), size(offset) + bytes.len());
    if content.len() < end {
        content.resize(end, 0);
    }
    content[start..end].copy_from_slice(bytes);
}

impl Disk for SimulatedDisk {
    fn create_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut world = self.world();
        world.step()?;
        if world.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let index = world.files.len();
        world.files.push(Content::default());
        world.names.insert(path.to_owned(), index);
        drop(world);
        Ok(self.file(index))
    }

    fn open(&self, path: &Path, _writable: bool) -> io::Result<Arc<dyn DiskFile>> {
        let index = self.world().named(path)?;
        Ok(self.file(index))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.step()?;
        let index = world.named(from)?;
        world.names.remove(from);
        world.names.insert(to.to_owned(), index);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.named(path)?;
        world.step()?;
        world.names.remove(path);
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let world = self.world();
        let inside = world.names.keys().filter(|name| name.parent() == Some(path));
        let names = inside.filter_map(|name| name.file_name());
        Ok(names.map(|name| name.to_string_lossy().into_owned()).collect())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.step()?;
        let is_inside = |name: &PathBuf| name.parent() == Some(path);
        let inside: Vec<_> = world.names.iter().filter(|(name, _)| is_inside(name)).collect();
        let inside: Vec<_> = inside.iter().map(|(name, at)| ((*name).clone(), **at)).collect();
        world.durable_names.retain(|name, _| !is_inside(name));
        world.durable_names.extend(inside);
        Ok(())
    }

    fn identity(&self, path: &Path) -> io::Result<Identity> {
        // A lock is not a file here.
        let world = self.world();
        let index = if world.locks.contains(path) { usize::MAX } else { world.named(path)? };
        Ok(Identity(0, index as u64))
    }

    fn lock(&self, path: &Path, owner: &str) -> io::Result<Lock> {
        let is_new = self.world().locks.insert(path.to_owned());
        let lock = SimulatedLock { disk: self.clone(), path: path.to_owned() };
        if is_new {
            Ok(Lock::Held(Box::new(lock)))
        } else {
            std::mem::forget(lock);
            Ok(Lock::Taken(owner.to_owned()))
        }
    }
}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        self.disk.world().locks.remove(&self.path);
    }
}

impl DiskFile for SimulatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let world = self.disk.world();
        let content = world.files[self.index].volatile.get(size(offset)..).unwrap_or_default();
        let count = buffer.len().min(content.len());
        buffer[..count].copy_from_slice(&content[..count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut world = self.disk.world();
        world.step()?;
        let (used, room) = (world.used(), world.room);
        let file = &mut world.files[self.index];
        let end = offset + bytes.len() as u64;
        let growth = end.saturating_sub(file.volatile.len() as u64);
        if room.is_some_and(|room| used + growth > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        put(&mut file.volatile, bytes, offset);
        let mut at = offset;
        while at < end {
            let stop = (at / SECTOR as u64 + 1) * SECTOR as u64;
            let piece = &bytes[size(at - offset)..size(stop.min(end) - offset)];
            file.pending.push((at, piece.to_vec()));
            at += piece.len() as u64;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.disk.world();
        let outcome = world.step();
        world.syncs += 1;
        let killed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        let is_unasked = world.is_off || outcome.as_ref().is_err_and(killed);
        let file = &mut world.files[self.index];
        if is_unasked {
            return outcome;
        }
        // As Linux does it: after a failed sync the pages count as clean, and are never written.
        let pending = std::mem::take(&mut file.pending);
        if outcome.is_ok() {
            for (offset, bytes) in pending {
                put(&mut file.durable, &bytes, offset);
            }
        } else {
            file.failures += 1;
        }
        if self.told.swap(file.failures, Ordering::Relaxed) < file.failures {
            return Err(io::Error::other("a sync failed"));
        }
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.world().files[self.index].volatile.len() as u64)
    }

    fn identity(&self) -> io::Result<Identity> {
        Ok(Identity(0, self.index as u64))
    }

    fn give_back(&self, range: Range<u64>) -> io::Result<()> {
        let mut world = self.disk.world();
        world.step()?;
        let range = size(range.start)..size(range.end);
        let is_zero = is_blank(&world.files[self.index].volatile[range]);
        drop(world);
        assert!(is_zero, "room is given back that holds something");
        Ok(())
    }
}
