//! Where the last signed checkpoint is kept a second time, out of reach of whoever rewrites or
//! rolls back the ledger's own folder.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Far above the size of any checkpoint with its signatures.
const CHECKPOINT_BYTES_MAX: u64 = 1 << 20;

/// Keeps one signed checkpoint, which is only ever replaced by a later one of the same log.
///
/// It must be independent of the ledger's folder: another disk, another machine, an object store
/// that compares and swaps. What it holds was promised to the world.
pub trait CheckpointLock: Send {
    /// The checkpoint that is kept, if there is one; durable when it returns, although whoever put
    /// it there may not have lived to see that.
    fn load(&mut self) -> Result<Option<Vec<u8>>, LockError>;

    /// Keeps `new` in place of `old`; durable when it returns. Fails with [`LockError::Conflict`],
    /// and changes nothing, if something else than `old` is kept.
    fn replace(&mut self, old: Option<&[u8]>, new: &[u8]) -> Result<(), LockError>;
}

/// Why the lock could not be read or replaced.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The system said no.
    #[error("the checkpoint lock `{path}` cannot be used: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process seals the same log.
    #[error("the checkpoint lock `{path}` is held by another process: a log has one sealer")]
    Held {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else replaced the checkpoint.
    #[error(
        "the checkpoint in `{path}` is not the one that this gateway signed last: another copy of \
         the ledger is being written; stop one of them"
    )]
    Conflict {
        /// The file.
        path: PathBuf,
    },
}

/// A lock in a directory of this machine, held until it is dropped.
#[derive(Debug)]
pub struct DirectoryLock {
    dir: PathBuf,
    path: PathBuf,
    _held: File,
}

impl DirectoryLock {
    /// Opens the lock of the log with this name in `dir`, which is made if it is not there.
    pub fn open(dir: &Path, name: &str) -> Result<Self, LockError> {
        let path = dir.join(format!("{name}.checkpoint"));
        let failed = |source| LockError::Io { path: path.clone(), source };
        make(dir).map_err(failed)?;
        let held = dir.join(format!("{name}.lock"));
        let mut options = OpenOptions::new();
        let held = options.write(true).create(true).truncate(false).mode(0o600).open(held);
        let held = held.map_err(failed)?;
        match held.try_lock() {
            Ok(()) => Ok(Self { dir: dir.to_owned(), path, _held: held }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held { path }),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// What is kept, durable by now.
    fn read_synced(&self) -> io::Result<Option<Vec<u8>>> {
        let kept = self.read()?;
        if kept.is_some() {
            // The file itself was synced before it got its name.
            File::open(&self.dir)?.sync_all()?;
        }
        Ok(kept)
    }

    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(CHECKPOINT_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let next = self.path.with_extension("next");
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&next)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&next, &self.path)?;
        File::open(&self.dir)?.sync_all()
    }
}

/// Makes the folder, durably, if it is not there: one that a power cut takes away again would look
/// like a lock that was lost.
fn make(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

impl CheckpointLock for DirectoryLock {
    fn load(&mut self) -> Result<Option<Vec<u8>>, LockError> {
        self.read_synced().map_err(|source| LockError::Io { path: self.path.clone(), source })
    }

    fn replace(&mut self, old: Option<&[u8]>, new: &[u8]) -> Result<(), LockError> {
        let failed = |source| LockError::Io { path: self.path.clone(), source };
        if self.read().map_err(failed)?.as_deref() != old {
            return Err(LockError::Conflict { path: self.path.clone() });
        }
        self.write(new).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::{CheckpointLock as _, DirectoryLock, LockError};

    #[test]
    fn a_checkpoint_is_replaced_only_by_who_knows_the_last_one() {
        let dir = tempfile::tempdir().unwrap();
        let mut lock = DirectoryLock::open(dir.path(), "a").unwrap();
        assert_eq!(lock.load().unwrap(), None);
        lock.replace(None, b"one").unwrap();
        let conflict = lock.replace(None, b"two").unwrap_err();
        assert!(matches!(conflict, LockError::Conflict { .. }), "{conflict}");
        lock.replace(Some(b"one"), b"two").unwrap();
        drop(lock);
        let mut again = DirectoryLock::open(dir.path(), "a").unwrap();
        assert_eq!(again.load().unwrap().unwrap(), b"two");
    }

    #[test]
    fn a_lock_has_one_holder_and_each_log_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let _held = DirectoryLock::open(dir.path(), "a").unwrap();
        let second = DirectoryLock::open(dir.path(), "a").unwrap_err();
        assert!(matches!(second, LockError::Held { .. }), "{second}");
        DirectoryLock::open(dir.path(), "b").unwrap();
    }
}
