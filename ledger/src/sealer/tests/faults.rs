//! The sealer while its disk or its lock fails, and after a power cut took what was not synced.

use super::super::{CheckpointLock, LockError};
use super::{LogFiles, LostLock, SealError, Sealer, World, key};
use crate::log::Log as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tlog::{BundleId, TileId};

/// What a lock does once.
#[derive(Clone, Copy, Debug)]
pub(super) enum Failing {
    /// It fails, and keeps what it has.
    Before,
    /// It takes the new checkpoint, and says that it failed: a sync that came too late.
    Behind,
}

/// A lock that fails when it is told to. It does not sync, and finds what a real one left.
pub(super) struct MoodyLock {
    path: PathBuf,
    pub(super) next: Arc<Mutex<Option<Failing>>>,
}

impl MoodyLock {
    pub(super) fn of(world: &World) -> Self {
        let path = world.dir.path().join("lock/log.checkpoint");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        Self { path, next: Arc::default() }
    }
}

impl CheckpointLock for MoodyLock {
    fn load(&mut self) -> Result<Option<Vec<u8>>, LockError> {
        Ok(fs::read(&self.path).ok())
    }

    fn replace(&mut self, old: Option<&[u8]>, new: &[u8]) -> Result<(), LockError> {
        let failing = self.next.lock().unwrap().take();
        if self.load()?.as_deref() != old {
            return Err(LockError::Conflict { path: self.path.clone() });
        }
        if !matches!(failing, Some(Failing::Before)) {
            fs::write(&self.path, new).unwrap();
        }
        let path = self.path.clone();
        failing.map_or(Ok(()), |_| Err(LockError::Io { path, source: io::Error::other("test") }))
    }
}

/// A sealer with this lock.
pub(super) fn open_with(world: &World, lock: MoodyLock) -> Result<Sealer, SealError> {
    let files = LogFiles::new(world.folder());
    Sealer::open(world.log.reader(), files, Box::new(lock), key(), LostLock::Refuse)
}

/// Makes every write to a file fail, until the folder is removed.
pub(super) fn block(path: &Path) -> PathBuf {
    let next = path.with_extension("next");
    fs::create_dir_all(&next).unwrap();
    next
}

/// Seals and publishes all there is.
pub(super) fn go_on(sealer: &mut Sealer) -> Result<(), SealError> {
    let Some(signed) = sealer.seal()?.cloned() else { return Ok(()) };
    sealer.publish(&signed)
}

#[test]
fn files_that_could_not_be_written_are_written_when_the_disk_works_again() {
    let last = 600;
    let fresh = World::new(last);
    fresh.seal();
    for path in fresh.relative_files().into_keys() {
        let mut world = World::new(0);
        let mut sealer = open_with(&world, MoodyLock::of(&world)).unwrap();
        let blocked = block(&world.folder().join(&path));
        let mut failed = 0;
        for size in (100..=last).step_by(50) {
            world.grow(size);
            if let Err(error) = go_on(&mut sealer) {
                assert!(error.is_passing(), "{error}");
                failed += 1;
            }
        }
        assert!(failed > 0, "{}", path.display());
        fs::remove_dir(blocked).unwrap();
        go_on(&mut sealer).unwrap();
        go_on(&mut sealer).unwrap();
        let files = world.relative_files();
        for (name, bytes) in fresh.relative_files() {
            assert!(
                files.get(&name) == Some(&bytes),
                "{} blocked {}",
                name.display(),
                path.display()
            );
        }
        drop(sealer);
        assert!(!world.open().unwrap().mended().rebuilt, "nothing is left to mend");
    }
}

#[test]
fn a_lock_that_fails_delays_checkpoints_and_is_never_taken_for_that_of_another_copy() {
    for failing in [Failing::Before, Failing::Behind] {
        let mut world = World::new(10);
        let lock = MoodyLock::of(&world);
        let next = Arc::clone(&lock.next);
        let mut sealer = open_with(&world, lock).unwrap();
        go_on(&mut sealer).unwrap();
        for more in [0, 10] {
            world.grow(world.size() + 10);
            *next.lock().unwrap() = Some(failing);
            let error = go_on(&mut sealer).unwrap_err();
            assert!(error.is_passing(), "{error}");
            world.grow(world.size() + more);
            go_on(&mut sealer).unwrap();
            let size = sealer.locked().unwrap().checkpoint.size;
            assert_eq!(size, world.size());
        }
        drop(sealer);
        world.open().unwrap();
    }
}

#[test]
fn a_log_that_was_begun_and_never_sealed_has_a_lock_that_is_not_lost() {
    let mut world = World::new(0);
    let mut sealer = world.open().unwrap();
    sealer.begin().unwrap();
    assert!(sealer.seal().unwrap().is_none(), "there is nothing to publish yet");
    world.grow(3);
    drop(sealer);
    let mut sealer = world.open().unwrap();
    assert_eq!(sealer.locked().map(|locked| locked.checkpoint.size), Some(0));
    go_on(&mut sealer).unwrap();
    let begun = world.relative_files();
    let other = World::new(3);
    other.seal();
    assert!(begun == other.relative_files());
}

#[test]
fn a_tile_or_bundle_that_a_power_cut_tore_is_made_again_at_the_next_start() {
    let world = World::new(1_000);
    let signed = world.seal();
    let before = world.files();
    let tile = TileId { level: 0, index: 1, width: 256 }.path();
    let bundle = BundleId { index: 1, width: 256 }.path();
    let edge = signed.checkpoint.size % 256;
    let partial = BundleId { index: 3, width: edge as u16 }.path();
    let above = TileId { level: 1, index: 0, width: 3 }.path();
    for name in [tile, bundle, partial, above, "checkpoint".to_owned()] {
        let path = world.folder().join(&name);
        let bytes = before.get(&path).unwrap();
        let half = bytes.get(..bytes.len() / 2).unwrap();
        let zeros = vec![0; bytes.len()];
        for torn in [&[][..], half, &zeros] {
            fs::write(&path, torn).unwrap();
            assert_eq!(world.seal(), signed);
            assert!(world.files() == before, "{name} with {} bytes", torn.len());
        }
    }
}

#[test]
fn a_lock_may_be_ahead_of_what_is_published_and_never_behind() {
    let mut world = World::new(300);
    world.seal();
    let published = fs::read(world.folder().join("checkpoint")).unwrap();
    let locked = fs::read(world.dir.path().join("lock/log.checkpoint")).unwrap();
    world.grow(700);
    let signed = world.seal();
    fs::write(world.folder().join("checkpoint"), published).unwrap();
    assert_eq!(world.seal(), signed);
    // The rename of the lock was lost, and everything that came behind it was not.
    fs::write(world.dir.path().join("lock/log.checkpoint"), locked).unwrap();
    let behind = world.open().err().unwrap();
    assert!(matches!(behind, SealError::LockBehind { published: 700, locked: 300 }), "{behind}");
}

#[test]
fn while_nothing_can_be_published_old_partial_files_do_not_pile_up() {
    let mut world = World::new(100);
    let mut sealer = open_with(&world, MoodyLock::of(&world)).unwrap();
    go_on(&mut sealer).unwrap();
    for size in 101..700 {
        world.grow(size);
        sealer.seal().unwrap();
    }
    let is_partial = |path: &&PathBuf| path.to_string_lossy().contains(".p/");
    let files = world.relative_files();
    assert!(files.contains_key(Path::new(&TileId { level: 0, index: 0, width: 100 }.path())));
    // Of the published checkpoint a tile and a bundle, of the newest one another tile more.
    assert_eq!(files.keys().filter(is_partial).count(), 5);
    let signed = sealer.seal().unwrap().unwrap().clone();
    sealer.publish(&signed).unwrap();
    drop(sealer);
    world.seal();
    assert_eq!(world.relative_files().keys().filter(is_partial).count(), 3);
}
