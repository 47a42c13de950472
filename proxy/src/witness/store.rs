//! What a witness has cosigned, one file for each log: durable before anybody learns of it.

use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tlog::{Checkpoint, NOTE_BYTES_MAX, Note, TreeHead, VerifierKey, verify_cosignature};

/// What the files with checkpoints end in; before it stands the digest of the log's origin.
const SUFFIX: &str = ".checkpoint";

/// Why a witness cannot say, or not keep, what it has cosigned. It must not cosign then.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system said no.
    #[error("cannot use `{path}`: {source}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process keeps the same checkpoints.
    #[error("`{path}` is held by another process: a witness runs once")]
    Held {
        /// The file.
        path: PathBuf,
    },
    /// A checkpoint is not one that this witness has kept.
    #[error(
        "`{path}` does not say what was cosigned: {detail}; restore it from a backup that is not \
         older, or begin anew with another key"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// Nobody knows whether the last checkpoint is durable.
    #[error("`{path}` may not be durable: restart to find out")]
    Unknown {
        /// The folder.
        path: PathBuf,
    },
}

/// The latest checkpoint of one log.
#[derive(Clone, Debug)]
struct Kept {
    head: TreeHead,
    note: Arc<str>,
}

/// The latest checkpoints, each under the digest of its log's origin.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    kept: BTreeMap<String, Kept>,
    /// A checkpoint may be on the disk or not.
    unknown: bool,
    _held: File,
}

impl Store {
    /// Reads all that was cosigned with this key. The folder is made if it is not there.
    pub(super) fn open(folder: &Path, key: &VerifierKey) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Io { path: folder.to_owned(), source };
        make_folder(folder).map_err(failed)?;
        let held = hold(&folder.join("lock"))?;
        // A name that a crash left undecided is decided now.
        sync_folder(folder).map_err(failed)?;
        let mut kept = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(digest) = name.strip_suffix(SUFFIX) else { continue };
            let text =
                read(&path).map_err(|source| StoreError::Io { path: path.clone(), source })?;
            let read = understand(digest, &text, key)
                .map_err(|detail| StoreError::Damaged { path: path.clone(), detail })?;
            kept.insert(digest.to_owned(), read);
        }
        Ok(Self { folder: folder.to_owned(), kept, unknown: false, _held: held })
    }

    /// The tree of a log as it was last cosigned.
    pub(super) fn head(&self, origin: &str) -> Option<TreeHead> {
        self.kept.get(&digest(origin)).map(|kept| kept.head)
    }

    /// The note of the latest checkpoint of the log whose origin has this digest.
    pub(super) fn note(&self, digest: &str) -> Option<Arc<str>> {
        self.kept.get(digest).map(|kept| Arc::clone(&kept.note))
    }

    /// Keeps the checkpoint of a log in place of its last one; it is durable when this returns. If
    /// it cannot be, the last one counts.
    pub(super) fn keep(
        &mut self,
        origin: &str,
        head: TreeHead,
        note: &Note,
    ) -> Result<(), StoreError> {
        if self.unknown {
            return Err(StoreError::Unknown { path: self.folder.clone() });
        }
        let digest = digest(origin);
        let note = note.to_string();
        let path = self.folder.join(format!("{digest}{SUFFIX}"));
        let next = path.with_extension("next");
        write(&next, note.as_bytes())
            .and_then(|()| fs::rename(&next, &path))
            .map_err(|source| StoreError::Io { path: path.clone(), source })?;
        if let Err(error) = sync_folder(&self.folder) {
            tracing::error!(%error, folder = %self.folder.display(), "a sync failed");
            self.unknown = true;
            return Err(StoreError::Unknown { path: self.folder.clone() });
        }
        self.kept.insert(digest, Kept { head, note: note.into() });
        Ok(())
    }
}

/// How a log is called in names of files and in paths: SHA-256 of its origin, in hexadecimal.
pub(super) fn digest(origin: &str) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(origin) {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

/// Makes the folder durably, if it is not there.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    folder.parent().map_or(Ok(()), sync_folder)
}

fn hold(path: &Path) -> Result<File, StoreError> {
    let failed = |source| StoreError::Io { path: path.to_owned(), source };
    let mut options = OpenOptions::new();
    let held = options.write(true).create(true).truncate(false).mode(0o600).open(path);
    let held = held.map_err(failed)?;
    match held.try_lock() {
        Ok(()) => Ok(held),
        Err(TryLockError::WouldBlock) => Err(StoreError::Held { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// One byte more than a note may have, so that the excess is seen.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(NOTE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The checkpoint in a file of this name, if it is one that the witness with this key has kept.
fn understand(name: &str, text: &[u8], key: &VerifierKey) -> Result<Kept, String> {
    let note = Note::parse(text).map_err(|error| error.to_string())?;
    verify_cosignature(&note, key).map_err(|error| error.to_string())?;
    let checkpoint: Checkpoint = note.text().parse().map_err(|error| format!("{error}"))?;
    if digest(&checkpoint.origin) != name {
        return Err(format!("it is of the log `{}`, which has another name", checkpoint.origin));
    }
    let head = TreeHead { size: checkpoint.size, root: checkpoint.root };
    Ok(Kept { head, note: note.to_string().into() })
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
