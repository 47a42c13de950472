//! The sealer against logs that grow, lose files, are cut, and are altered.

use super::{Auditor, CHECKPOINT, DirectoryLock, LogFiles, LostLock, SealError, Sealer, Signed};
use crate::backend::memory::MemoryLog;
use crate::log::{Batch, Log};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tlog::{
    BundleId, SigningKey, TileId, bundle_entries, inclusion_proof, leaf_hash, tiles_since,
    verify_inclusion,
};

mod faults;

mod storms;

/// A log, its files and its lock.
struct World {
    dir: TempDir,
    log: MemoryLog,
}

impl World {
    fn new(records: u64) -> Self {
        let mut world = Self { dir: tempfile::tempdir().unwrap(), log: MemoryLog::new() };
        world.grow(records);
        world
    }

    /// How many records there are.
    fn size(&self) -> u64 {
        self.log.next().number()
    }

    /// Appends until there are so many records.
    fn grow(&mut self, records: u64) {
        while self.log.next().number() < records {
            let next = self.log.next().number();
            let batch = (next..records.min(next + 500)).map(record).collect();
            self.log.append(&Batch { records: batch, payloads: Vec::new() }).unwrap();
        }
    }

    /// The same folder and lock, and a log of these records.
    fn with(self, records: impl IntoIterator<Item = Bytes>) -> Self {
        let mut log = MemoryLog::new();
        for record in records {
            log.append(&Batch { records: vec![record], payloads: Vec::new() }).unwrap();
        }
        Self { log, ..self }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("tlog")
    }

    fn open(&self) -> Result<Sealer, SealError> {
        self.open_with(LostLock::Refuse)
    }

    fn open_with(&self, lost: LostLock) -> Result<Sealer, SealError> {
        let lock = DirectoryLock::open(&self.dir.path().join("lock"), "log").unwrap();
        let files = LogFiles::new(self.folder());
        Sealer::open(self.log.reader(), files, Box::new(lock), key(), lost)
    }

    /// Seals and publishes everything there is.
    fn seal(&self) -> Signed {
        let mut sealer = self.open().unwrap();
        let signed = sealer.seal().unwrap().unwrap().clone();
        sealer.publish(&signed).unwrap();
        signed
    }

    /// Every file by its path.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        if self.folder().exists() {
            collect(&self.folder(), &mut found);
        }
        found
    }

    /// Every file by its path below the folder.
    fn relative_files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let folder = self.folder();
        let relative = |path: PathBuf| path.strip_prefix(&folder).unwrap().to_owned();
        self.files().into_iter().map(|(path, bytes)| (relative(path), bytes)).collect()
    }
}

fn collect(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
}

fn record(number: u64) -> Bytes {
    Bytes::from(format!("record {number} {}", "x".repeat((number % 50) as usize)))
}

fn key() -> SigningKey {
    SigningKey::from_seed("log.example/0", &[7; 32]).unwrap()
}

#[test]
fn every_record_is_proved_by_the_files_alone() {
    let world = World::new(70_000);
    let signed = world.seal();
    let files = LogFiles::new(world.folder());
    let root = signed.checkpoint.root;
    for number in [0, 1, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999] {
        let proof = inclusion_proof(&files, number, 70_000).unwrap();
        verify_inclusion(&leaf_hash(&record(number)), number, 70_000, &proof, &root).unwrap();
        let id = BundleId::of_log(number / 256, 70_000).unwrap();
        let bundle = files.bundle(id).unwrap().unwrap();
        let entry = bundle_entries(&bundle, id.width).nth((number % 256) as usize).unwrap();
        assert_eq!(entry.unwrap(), record(number));
    }
}

#[test]
fn however_often_a_log_is_sealed_its_files_are_those_of_one_seal_at_the_end() {
    let mut many = World::new(1);
    for size in [1, 2, 200, 255, 256, 257, 300, 511, 512, 700, 70_000, 70_001] {
        many.grow(size);
        many.seal();
    }
    many.seal();
    let once = World::new(70_001);
    once.seal();
    let (many, once) = (many.relative_files(), once.relative_files());
    let of_tree = tiles_since(0, 70_001).map(|tile| PathBuf::from(tile.path()));
    assert!(of_tree.into_iter().all(|path| once.contains_key(&path)));
    for (path, bytes) in &once {
        assert!(many.get(path) == Some(bytes), "{}", path.display());
    }
    let partial = many.keys().filter(|path| path.to_string_lossy().contains(".p/")).count();
    assert!(partial <= 8, "{partial} partial files: those of older checkpoints are removed");
}

#[test]
fn deleted_files_come_back_identical() {
    let world = World::new(1_000);
    let signed = world.seal();
    let before = world.files();
    for path in before.keys() {
        fs::remove_file(path).unwrap();
        let kept = world.seal();
        assert_eq!(kept, signed);
        assert!(world.files() == before, "{}", path.display());
    }
    fs::remove_dir_all(world.folder()).unwrap();
    world.seal();
    assert!(world.files() == before);
}

#[test]
fn a_torn_file_is_made_again_when_it_is_noticed() {
    let world = World::new(1_000);
    let signed = world.seal();
    let before = world.files();
    let tile = world.folder().join(TileId { level: 0, index: 1, width: 256 }.path());
    fs::write(&tile, []).unwrap();
    let files = LogFiles::new(world.folder());
    let auditor = Auditor::new(world.log.reader(), files, signed);
    assert_eq!(auditor.audit(&mut || true).unwrap(), 1);
    world.seal();
    assert!(world.files() == before);
}

#[test]
fn a_ledger_that_is_shorter_than_its_lock_is_refused() {
    let world = World::new(600);
    world.seal();
    let before = world.files();
    let cut = world.with((0..599).map(record));
    let error = cut.open().err().unwrap();
    assert!(matches!(error, SealError::Shorter { records: 599, signed: 600 }), "{error}");
    assert!(cut.files() == before);
}

#[test]
fn an_altered_removed_or_reordered_record_is_refused_wherever_it_is() {
    let honest: Vec<Bytes> = (0..600).map(record).collect();
    let mut worlds = Vec::new();
    for place in [0, 255, 256, 511, 512, 598] {
        let mut altered = honest.clone();
        altered[place] = Bytes::from_static(b"forged");
        let mut removed = honest.clone();
        removed.remove(place);
        removed.push(record(600));
        let mut reordered = honest.clone();
        reordered.swap(place, place + 1);
        worlds.extend([altered, removed, reordered]);
    }
    for records in worlds {
        let world = World::new(600);
        world.seal();
        let before = world.files();
        let forged = world.with(records);
        let error = forged.open().err().unwrap();
        assert!(matches!(error, SealError::Inconsistent { signed: 600, .. }), "{error}");
        assert!(forged.files() == before);
    }
}

#[test]
fn a_lock_that_was_lost_or_rolled_back_is_noticed() {
    let mut world = World::new(300);
    world.seal();
    let lock = world.dir.path().join("lock/log.checkpoint");
    let old = fs::read(&lock).unwrap();
    world.grow(400);
    world.seal();
    fs::write(&lock, old).unwrap();
    let behind = world.open().err().unwrap();
    assert!(matches!(behind, SealError::LockBehind { published: 400, locked: 300 }), "{behind}");
    fs::remove_file(&lock).unwrap();
    let lost = world.open().err().unwrap();
    assert!(matches!(lost, SealError::LockLost { published: 400 }), "{lost}");
    drop(world.open_with(LostLock::Accept).unwrap());
    world.seal();
}

#[test]
fn a_lock_of_another_key_is_refused() {
    let world = World::new(3);
    world.seal();
    fs::remove_file(world.folder().join(CHECKPOINT)).unwrap();
    let other = SigningKey::from_seed("log.example/0", &[8; 32]).unwrap();
    let lock = DirectoryLock::open(&world.dir.path().join("lock"), "log").unwrap();
    let files = LogFiles::new(world.folder());
    let opened = Sealer::open(world.log.reader(), files, Box::new(lock), other, LostLock::Refuse);
    let error = opened.err().unwrap();
    assert!(matches!(error, SealError::Foreign { .. }), "{error}");
}

#[test]
fn a_published_checkpoint_of_another_history_is_noticed() {
    let other = World::new(300);
    other.seal();
    let of_another_history = fs::read(other.folder().join(CHECKPOINT)).unwrap();
    for size in [300, 301, 70_000] {
        let altered = (0..size).map(|number| record(number + u64::from(number == 7)));
        let world = World::new(0).with(altered);
        world.seal();
        fs::write(world.folder().join(CHECKPOINT), &of_another_history).unwrap();
        let forked = world.open().err().unwrap();
        assert!(matches!(forked, SealError::Forked { published: 300 }), "{size}: {forked}");
    }
    // An honest older one is what a crash between signing and publishing leaves.
    let mut world = World::new(300);
    world.seal();
    let older = fs::read(world.folder().join(CHECKPOINT)).unwrap();
    world.grow(70_000);
    world.seal();
    fs::write(world.folder().join(CHECKPOINT), older).unwrap();
    let tile = TileId { level: 0, index: 0, width: 256 }.path();
    fs::write(world.folder().join(tile), [0; 256 * 32]).unwrap();
    world.seal();
}
