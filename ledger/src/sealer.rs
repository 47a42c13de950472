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
use settle::{RECENT_TILES, begin_with, settle};
use std::sync::Arc;
use tlog::{BundleId, SigningKey, TILE_WIDTH, TileId, edge_tiles, tiles_since};

/// Seals one log. There is one for each, and the lock sees to it.
pub struct Sealer {
    reader: Arc<dyn Reader>,
    files: LogFiles,
    lock: Box<dyn CheckpointLock>,
    key: SigningKey,
    growth: Growth,
    /// The checkpoint in the lock: what was signed last.
    locked: Option<Signed>,
    /// What may be in the lock instead, because the lock failed while it took it.
    unsure: Option<Signed>,
    /// The size of the checkpoint that is published, as far as this process knows.
    published: u64,
    /// The size of the one before, which others may still be reading.
    published_before: u64,
    mended: Mended,
    relocked: bool,
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
        let relocked = published.is_some() && locked.is_none();
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
        let is_other =
            |it: &&Signed| locked.as_ref().is_some_and(|at| at.checkpoint != it.checkpoint);
        if let Some(other) = published.as_ref().filter(is_other)
            && !begin_with(&*reader, &files, other)?
        {
            return Err(SealError::Forked { published: other.checkpoint.size });
        }
        let published = published.map_or(0, |published| published.checkpoint.size);
        let (published_before, unsure) = (published, None);
        let sealer = Self {
            reader,
            files,
            lock,
            key,
            growth,
            locked,
            unsure,
            published,
            published_before,
            mended,
            relocked,
        };
        sealer.lay_out_edge()?;
        // A crash may have come between a checkpoint and the removal of what it made needless.
        let recent = sealer.growth.size().saturating_sub(RECENT_TILES * TILE_WIDTH);
        sealer.prune(recent, &[published, sealer.growth.size()])?;
        Ok(sealer)
    }

    /// The key that checkpoints are signed with.
    pub const fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The last checkpoint that was signed, published or not.
    pub const fn locked(&self) -> Option<&Signed> {
        self.locked.as_ref()
    }

    /// What opening found and did.
    pub const fn mended(&self) -> Mended {
        self.mended
    }

    /// Whether the lock was empty, and took the published checkpoint instead.
    pub const fn relocked(&self) -> bool {
        self.relocked
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
        self.make_sure()?;
        let end = self.reader.next().number();
        let size = self.locked.as_ref().map_or(0, |locked| locked.checkpoint.size);
        if end <= size {
            return Ok(self.locked.as_ref().filter(|_| size > 0));
        }
        self.seal_up_to(end)?;
        Ok(self.locked.as_ref())
    }

    /// Locks a first checkpoint over everything there is, and be it nothing, where the lock has
    /// none. Whoever does so before the first record can tell a new log from one whose lock is
    /// gone.
    pub fn begin(&mut self) -> Result<(), SealError> {
        if self.locked.is_some() { Ok(()) } else { self.seal_up_to(self.reader.next().number()) }
    }

    fn seal_up_to(&mut self, end: u64) -> Result<(), SealError> {
        let size = self.locked.as_ref().map_or(0, |locked| locked.checkpoint.size);
        let files = &self.files;
        let mut write = |filled: Filled<'_>| write(files, &filled);
        self.growth.advance(&*self.reader, end, &mut write)?;
        self.lay_out_edge()?;
        let signed = Signed::new(&self.key, end, self.growth.root())?;
        let old = self.locked.as_ref().map(|locked| locked.note.to_string());
        let old = old.as_ref().map(String::as_bytes);
        if let Err(error) = self.lock.replace(old, signed.note.to_string().as_bytes()) {
            self.unsure = Some(signed);
            return Err(error.into());
        }
        self.locked = Some(signed);
        self.prune(size, &[self.published_before, self.published, end])
    }

    /// Looks what became of a checkpoint that the lock failed to take: it may have it all the same.
    fn make_sure(&mut self) -> Result<(), SealError> {
        let Some(unsure) = &self.unsure else { return Ok(()) };
        let kept = self.lock.load()?;
        if kept.as_deref() == Some(unsure.note.to_string().as_bytes()) {
            self.locked = Some(unsure.clone());
        }
        self.unsure = None;
        Ok(())
    }

    /// Publishes a checkpoint that [`Self::seal`] signed, with whatever cosignatures it has by now.
    pub fn publish(&mut self, signed: &Signed) -> Result<(), SealError> {
        let failed = |source| SealError::file(&self.files, CHECKPOINT, source);
        self.files.write(CHECKPOINT, signed.note.to_string().as_bytes()).map_err(failed)?;
        let from = std::mem::replace(&mut self.published_before, self.published);
        self.published = signed.checkpoint.size;
        self.prune(from, &[self.published_before, self.published])
    }

    /// Removes the partial files that no checkpoint of these sizes needs, where the log is beyond
    /// its first `from` records. The last size is the largest.
    fn prune(&self, from: u64, sizes: &[u64]) -> Result<(), SealError> {
        let end = sizes.last().copied().unwrap_or(0);
        for tile in tiles_since(from, end).chain(edge_tiles(end)) {
            let same = |edge: &TileId| (edge.level, edge.index) == (tile.level, tile.index);
            let edges = sizes.iter().flat_map(|size| edge_tiles(*size));
            let kept: Vec<u16> = edges.filter(same).map(|edge| edge.width).collect();
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
