//! A witness: cosigns each checkpoint that goes on from the last one of its log, and no other.

use super::store::{Store, StoreError, make_folder};
use crate::config::WitnessRole;
use crate::keys::{KEYS_FOLDER, KeyFileError, random, read_or_make};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tlog::{
    AddCheckpoint, CheckpointError, CosigningKey, Decision, Note, NoteSignature, VerifierKey,
    cosigning_key_text, decide, parse_cosigning_key,
};

/// The file of the key within the folder of keys, unless the configuration names a place.
const KEY_FILE: &str = "witness.key";

/// Where checkpoints are kept within the data folder.
const FOLDER: &str = "witness";

/// A witness with its key and its memory.
#[derive(Debug)]
pub struct Witness {
    key: CosigningKey,
    logs: Vec<VerifierKey>,
    /// One request at a time: between looking up and keeping a checkpoint nothing else is kept.
    store: Mutex<Store>,
}

/// Why a witness does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// What was cosigned is not known.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key's file cannot be used.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The key is not one, or not that of this witness.
    #[error("the key `{path}` is not the right one: {detail}")]
    WrongKey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// There is a key, and nothing of what was cosigned with it.
    #[error(
        "`{folder}` is missing, where the witness keeps what it has cosigned with the key in \
         `{key}`: restore it, or remove the key as well to begin anew with another one"
    )]
    StateLost {
        /// Where the checkpoints should be.
        folder: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// There are checkpoints that were cosigned, and no key.
    #[error(
        "the key in `{key}` is missing, with which the checkpoints in `{folder}` were cosigned"
    )]
    KeyLost {
        /// Where the checkpoints are.
        folder: PathBuf,
        /// Where the key should be.
        key: PathBuf,
    },
}

/// Why a checkpoint that could be cosigned is not.
#[derive(Debug, thiserror::Error)]
pub(super) enum AddError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sign(#[from] CheckpointError),
}

/// What is answered to a request that could be read.
#[derive(Debug)]
pub(super) enum Added {
    Cosigned(NoteSignature),
    /// Never [`Decision::Cosign`].
    Refused(Decision),
}

impl Witness {
    /// Opens the witness: its key, which is made at the first start, and all that it has cosigned.
    pub fn open(role: &WitnessRole) -> Result<Self, OpenError> {
        let folder = role.data.join(FOLDER);
        let path = role.data.join(KEYS_FOLDER).join(KEY_FILE);
        let text = match &role.key {
            Some(key) => key.expose().to_owned(),
            None => kept_key(&role.name, &folder, &path)?,
        };
        let wrong = |detail| OpenError::WrongKey { path: path.clone(), detail };
        let key = parse_cosigning_key(text.trim()).map_err(|error| wrong(error.to_string()))?;
        if key.verifier().name() != role.name {
            let name = key.verifier().name();
            return Err(wrong(format!("it is that of `{name}`: a witness keeps its name")));
        }
        let store = Mutex::new(Store::open(&folder, key.verifier())?);
        Ok(Self { key, logs: role.logs.clone(), store })
    }

    /// The key that verifies what this witness cosigns.
    pub fn key(&self) -> &VerifierKey {
        self.key.verifier()
    }

    /// The logs that it knows, each with the size that it last cosigned.
    pub fn logs(&self) -> Vec<(&VerifierKey, Option<u64>)> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let size = |log: &VerifierKey| store.head(log.name()).map(|head| head.size);
        self.logs.iter().map(|log| (log, size(log))).collect()
    }

    /// Decides on a request at a time, in seconds since 1970. What is cosigned is durable before
    /// this returns. Blocks for as long as the disk takes.
    pub(super) fn add(&self, request: &AddCheckpoint, now: u64) -> Result<Added, AddError> {
        let origin = &request.checkpoint().origin;
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let head = match decide(request, &self.logs, store.head(origin)) {
            Decision::Cosign(head) => head,
            refused @ (Decision::BadRequest
            | Decision::Forbidden
            | Decision::NotFound
            | Decision::Conflict(_)
            | Decision::Unprocessable) => return Ok(Added::Refused(refused)),
        };
        let text = request.note().text();
        let cosignature = self.key.sign(text, now)?;
        let mut note = Note::new(text.to_owned()).map_err(CheckpointError::from)?;
        for signature in self.logs.iter().filter_map(|log| signature_by(request.note(), log)) {
            note.add(signature.clone()).map_err(CheckpointError::from)?;
        }
        note.add(cosignature.clone()).map_err(CheckpointError::from)?;
        store.keep(origin, head, &note)?;
        Ok(Added::Cosigned(cosignature))
    }

    /// The note of the latest checkpoint of the log whose origin has this digest.
    pub(super) fn latest(&self, digest: &str) -> Option<Arc<str>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).note(digest)
    }
}

/// What a key says in a note; others may have said anything, and it is not kept.
fn signature_by<'n>(note: &'n Note, key: &VerifierKey) -> Option<&'n NoteSignature> {
    let mut signatures = note.signatures().iter();
    signatures.find(|signature| signature.name == key.name() && signature.key_id == key.id())
}

/// The text of the key in this file, made at the first start.
fn kept_key(name: &str, folder: &Path, path: &Path) -> Result<String, OpenError> {
    let (folder_of, key) = (|| folder.to_owned(), || path.to_owned());
    let failed = |source| OpenError::Key(KeyFileError { path: folder_of(), source });
    if path.exists() && !folder.is_dir() {
        return Err(OpenError::StateLost { folder: folder_of(), key: key() });
    }
    if !path.exists() && has_checkpoints(folder).map_err(failed)? {
        return Err(OpenError::KeyLost { folder: folder_of(), key: key() });
    }
    // The folder comes first: a key without it says that what was cosigned is lost.
    make_folder(folder).map_err(failed)?;
    let make = || {
        let text = cosigning_key_text(name, &random()?).map_err(io::Error::other)?;
        Ok(format!("{text}\n").into_bytes())
    };
    let text = String::from_utf8(read_or_make(path, make)?);
    text.map_err(|error| OpenError::WrongKey { path: key(), detail: error.to_string() })
}

fn has_checkpoints(folder: &Path) -> io::Result<bool> {
    match std::fs::read_dir(folder) {
        Ok(mut names) => Ok(names.any(|name| {
            name.is_ok_and(|name| name.path().extension().is_some_and(|it| it == "checkpoint"))
        })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
