//! Seals the log: grows its Merkle tree, lays it out as static files, and signs its checkpoints.
//!
//! Everything here is derived from the records, and comes back identical when it is deleted, but
//! one thing: which checkpoint was signed last. That is kept a second time in a
//! [`CheckpointLock`], which a new start compares with the records before anything else happens.
//! See `docs/decisions/0016-sealer.md`.

mod lock;

mod files;

mod error;

mod signed;

mod grow;

mod settle;

mod auditor;

mod prove;

#[cfg(test)]
mod tests;

pub use auditor::Auditor;
pub use error::SealError;
pub use files::{CHECKPOINT, LogFiles, POLICY};
pub use lock::{CheckpointLock, DirectoryLock, LockError};
pub use prove::prove;
pub use settle::Mended;
pub use signed::Signed;

use crate::log::Reader;
use grow::{Filled, Growth, write};
use settle::settle;
use std::sync::Arc;
use tlog::{BundleId, SigningKey, TileId, TreeBuilder, edge_tiles};

/// Seals one log. There is one for each, and the lock sees to it.
pub struct Sealer {
    reader: Arc<dyn Reader>,
    files: LogFiles,
    lock: Box<dyn CheckpointLock>,
    key: SigningKey,
    growth: Growth,
    /// The checkpoint in the lock: what was signed last.
    locked: Option<Signed>,
    /// The size of the checkpoint that is published, as far as this process knows.
    published: u64,
    mended: Mended,
}

/// What to do when a checkpoint was published and the lock has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostLock {
    /// Do not start: records may have been taken away together with it.
    Refuse,
    /// Believe the published checkpoint, and lock that.
    Accept,
}

impl Sealer {
    /// Opens the sealer of the log that `reader` reads, with the key that signs it.
    ///
    /// Compares the records with the lock first: a log that is shorter than what was signed, or
    /// has another root, is refused, and nothing is changed. Files that are missing or torn are
    /// made again. Blocks for as long as it takes to read the newest records, or all of them where
    /// files are missing.
    pub fn open(
        reader: Arc<dyn Reader>,
        files: LogFiles,
        mut lock: Box<dyn CheckpointLock>,
        key: SigningKey,
        lost_lock: LostLock,
    ) -> Result<Self, SealError> {
        let kept = lock.load()?.map(|note| Signed::read(key.verifier(), &note));
        let mut locked = kept.transpose()?;
        let published = published(&files, &key)?;
        let is_lost = published.is_some() && locked.is_none();
        match (&published, &locked) {
            (Some(published), None) => {
                let size = published.checkpoint.size;
                if lost_lock == LostLock::Refuse {
                    return Err(SealError::LockLost { published: size });
                }
                lock.replace(None, published.note.to_string().as_bytes())?;
                locked = Some(published.clone());
            }
            (Some(published), Some(locked)) => {
                let (published, locked) = (published.checkpoint.size, locked.checkpoint.size);
                if locked < published {
                    return Err(SealError::LockBehind { published, locked });
                }
            }
            (None, _) => {}
        }
        let (growth, mended) = settle(&*reader, &files, locked.as_ref())?;
        let mended = Mended { lost_lock: is_lost, ..mended };
        let published = published.map_or(0, |published| published.checkpoint.size);
        let sealer = Self { reader, files, lock, key, growth, locked, published, mended };
        sealer.lay_out_edge()?;
        Ok(sealer)
    }

    /// The key that checkpoints are signed with.
    pub const fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Locks a checkpoint over no event where nothing was locked ever; does nothing elsewhere. From
    /// then on a lock that is empty was lost, even if a crash comes before the first [`Self::seal`].
    pub fn begin(&mut self) -> Result<(), SealError> {
        if self.locked.is_none() {
            let signed = Signed::new(&self.key, 0, TreeBuilder::new().root())?;
            self.lock.replace(None, signed.note.to_string().as_bytes())?;
            self.locked = Some(signed);
        }
        Ok(())
    }

    /// The last checkpoint that was signed, published or not.
    pub const fn locked(&self) -> Option<&Signed> {
        self.locked.as_ref()
    }

    /// What opening found and did.
    pub const fn mended(&self) -> Mended {
        self.mended
    }

    /// Who compares the records that opening did not look at; nobody, if it looked at all.
    pub fn auditor(&self) -> Option<Auditor> {
        let signed = self.locked.clone()?;
        let is_left = self.mended.compared < signed.checkpoint.size;
        is_left.then(|| Auditor::new(Arc::clone(&self.reader), self.files.clone(), signed))
    }

    /// The files.
    pub const fn files(&self) -> &LogFiles {
        &self.files
    }

    /// Signs a checkpoint over everything that is committed now, and lays out its files. The last
    /// one again, where nothing was added; nothing, where nothing was recorded ever.
    ///
    /// It is in the lock when this returns, and not yet published.
    pub fn seal(&mut self) -> Result<Option<&Signed>, SealError> {
        let end = self.reader.next().number();
        let size = self.locked.as_ref().map_or(0, |locked| locked.checkpoint.size);
        if end <= size {
            return Ok(self.locked.as_ref().filter(|_| 0 < size));
        }
        let files = &self.files;
        let mut write = |filled: Filled<'_>| write(files, &filled);
        self.growth.advance(&*self.reader, end, &mut write)?;
        self.lay_out_edge()?;
        let signed = Signed::new(&self.key, end, self.growth.root())?;
        let old = self.locked.as_ref().map(|locked| locked.note.to_string());
        let old = old.as_ref().map(String::as_bytes);
        self.lock.replace(old, signed.note.to_string().as_bytes())?;
        self.locked = Some(signed);
        Ok(self.locked.as_ref())
    }

    /// Publishes a checkpoint that [`Self::seal`] signed, with whatever cosignatures it has by now.
    pub fn publish(&mut self, signed: &Signed) -> Result<(), SealError> {
        let failed = |source| SealError::file(&self.files, CHECKPOINT, source);
        self.files.write(CHECKPOINT, signed.note.to_string().as_bytes()).map_err(failed)?;
        let before = std::mem::replace(&mut self.published, signed.checkpoint.size);
        self.prune(before, signed.checkpoint.size)
    }

    /// Removes the partial files that neither the last checkpoint nor the one before it needs.
    fn prune(&self, before: u64, after: u64) -> Result<(), SealError> {
        let kept_tiles = |tile: &TileId| {
            let same = |other: &TileId| (other.level, other.index) == (tile.level, tile.index);
            let kept = edge_tiles(before).chain(edge_tiles(after)).filter(same);
            kept.map(|other| other.width).collect::<Vec<u16>>()
        };
        for tile in edge_tiles(before).chain(edge_tiles(after)) {
            let is_full =
                TileId::of_tree(tile.level, tile.index, after).is_some_and(|it| it.is_full());
            let kept = if is_full { Vec::new() } else { kept_tiles(&tile) };
            self.prune_one(&TileId { width: 256, ..tile }.path(), &kept)?;
            if tile.level == 0 {
                self.prune_one(&BundleId { index: tile.index, width: 256 }.path(), &kept)?;
            }
        }
        Ok(())
    }

    fn prune_one(&self, path: &str, kept: &[u16]) -> Result<(), SealError> {
        let failed = |source| SealError::file(&self.files, path, source);
        self.files.prune(path, kept).map_err(failed)
    }

    fn lay_out_edge(&self) -> Result<(), SealError> {
        self.growth.edge(&mut |partial| write(&self.files, &partial))
    }
}

/// The checkpoint that lies published, if it is whole: a crash may have torn it.
fn published(files: &LogFiles, key: &SigningKey) -> Result<Option<Signed>, SealError> {
    let failed = |source| SealError::file(files, CHECKPOINT, source);
    let note = files.read(CHECKPOINT).map_err(failed)?;
    Ok(note.and_then(|note| Signed::read(key.verifier(), &note).ok()))
}
