//! What payloads are encrypted with: the keys that the configuration names, or one in the data
//! folder, made at the first start. Without a key that the ledger needs, nothing starts.

use crate::config::{Backend, Config};
use crate::keys::{self, KEYS_FOLDER, read_or_make};
use ledger::payload::{
    KekId, KeyEncryption, KeyFileError, Keys, LocalKek, new_key_text, read_key_file,
};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file in the ledger's folder that lists every key its payloads may be under.
const LIST: &str = "payload-keys";

/// Why payloads cannot be encrypted, or those of earlier runs not be read.
#[derive(Debug, thiserror::Error)]
pub enum PayloadKeysError {
    /// A key file.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// A key that is to be made.
    #[error(transparent)]
    Make(#[from] keys::KeyFileError),
    /// Chance failed.
    #[error("no key for payloads could be made: {0}")]
    Random(io::Error),
    /// The list.
    #[error("cannot use `{path}`: {source}")]
    List {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// A key that payloads are under is not here.
    #[error(
        "payloads of this ledger are encrypted under the key `{kek}`, which was in {place} and is \
         not here; put it back, or name its new place in `payload_keys` under `[ledger]`; if it \
         is lost, so are these payloads: to go on without them, take its line out of `{list}`"
    )]
    Missing {
        /// The key.
        kek: KekId,
        /// Where it was when it was last used.
        place: String,
        /// The list that has it.
        list: PathBuf,
    },
}

/// The keys for the ledger in `folder`, whose one writer the caller is. The one for new sessions
/// is on the ledger's list when this returns.
pub fn payload_keys(config: &Config, folder: &Path) -> Result<Keys, PayloadKeysError> {
    if config.ledger.backend == Backend::Memory {
        return Keys::random().map_err(PayloadKeysError::Random);
    }
    let mut list = List::read(folder.join(LIST))?;
    let found = match config.ledger.payload_keys.as_slice() {
        [] => own_key(config, &list)?,
        named => named.iter().map(|key| (key.kek.clone(), key.place.to_string())).collect(),
    };
    list.require(&found)?;
    let mut keks = found.into_iter();
    let Some((current, place)) = keks.next() else { return Ok(Keys::none()) };
    list.add(current.id(), &place)?;
    let former = keks.map(|(kek, _)| Arc::new(kek) as Arc<dyn KeyEncryption>);
    Ok(Keys::new(Arc::new(current), former))
}

/// The key in the data folder. A new one only for a ledger that never had any.
fn own_key(config: &Config, list: &List) -> Result<Vec<(LocalKek, String)>, PayloadKeysError> {
    let path = config.data.join(KEYS_FOLDER).join("payloads.key");
    if list.lines.is_empty() {
        read_or_make(&path, || new_key_text().map(String::into_bytes))?;
    }
    let place = format!("file `{}`", path.display());
    Ok(read_key_file(&path)?.into_iter().map(|kek| (kek, place.clone())).collect())
}

/// Which keys the payloads of a ledger may be under, and where each was.
struct List {
    path: PathBuf,
    lines: Vec<(KekId, String)>,
}

impl List {
    fn read(path: PathBuf) -> Result<Self, PayloadKeysError> {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(PayloadKeysError::List { path, source }),
        };
        let mut lines = Vec::new();
        for line in text.lines() {
            let (id, place) = line.split_once(' ').unwrap_or((line, "a place that is not listed"));
            match id.parse() {
                Ok(id) => lines.push((id, place.to_owned())),
                Err(error) => {
                    return Err(PayloadKeysError::List { path, source: io::Error::other(error) });
                }
            }
        }
        Ok(Self { path, lines })
    }

    /// Fails unless every key on the list was found.
    fn require(&self, found: &[(LocalKek, String)]) -> Result<(), PayloadKeysError> {
        let is_here = |id: KekId| found.iter().any(|(kek, _)| kek.id() == id);
        match self.lines.iter().find(|(id, _)| !is_here(*id)) {
            None => Ok(()),
            Some((kek, place)) => Err(PayloadKeysError::Missing {
                kek: *kek,
                place: place.clone(),
                list: self.path.clone(),
            }),
        }
    }

    /// Puts a key on the list, or its new place; durable when this returns.
    fn add(&mut self, id: KekId, place: &str) -> Result<(), PayloadKeysError> {
        let line = (id, place.replace(['\n', '\r'], " "));
        if self.lines.contains(&line) {
            return Ok(());
        }
        self.lines.retain(|(known, _)| *known != id);
        self.lines.push(line);
        let written = self.write();
        written.map_err(|source| PayloadKeysError::List { path: self.path.clone(), source })
    }

    fn write(&self) -> io::Result<()> {
        let mut text = String::new();
        for (id, place) in &self.lines {
            // Writing to a `String` cannot fail.
            _ = writeln!(text, "{id} {place}");
        }
        let unfinished = self.path.with_extension("unfinished");
        let mut file = File::create(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&unfinished, &self.path)?;
        File::open(self.path.parent().unwrap_or_else(|| Path::new(".")))?.sync_all()
    }
}

#[cfg(test)]
mod tests;
