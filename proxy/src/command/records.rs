//! Where a command reads events and payloads from: a ledger's folder, or a running gateway.

use super::CommandError;
use super::remote::Remote;
use crate::config::{Config, Kept, look_up};
use crate::custody::LEDGER_FOLDER;
use crate::keys::KEYS_FOLDER;
use analytics::{Fold, Projection};
use bytes::Bytes;
use events::{PayloadRef, SessionId};
use ledger::Sequence;
use ledger::backend::file::{FileReader, OpenError};
use ledger::log::Reader as _;
use ledger::payload::{self, KeyEncryption, Keys, LoadError, read_key_folder};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many bytes of events are read at once.
const READ_BYTES: usize = 1 << 20;

/// Where the ledger is.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Place {
    /// The gateway's data folder: what the configuration says, else `./data`.
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// The gateway's configuration, for its data folder and the keys of its payloads. Without one,
    /// the keys are those in the data folder.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Ask a running gateway instead, such as `http://127.0.0.1:8081`.
    #[arg(long, conflicts_with_all = ["data", "config"])]
    pub(super) url: Option<String>,
}

impl Place {
    /// A gateway's data folder on this machine.
    pub(super) fn folder(data: &Path) -> Self {
        Self { data: Some(data.into()), config: None, url: None }
    }

    /// Opens it for reading, whether or not a gateway is writing there.
    pub(super) fn open(&self) -> Result<Records, CommandError> {
        if let Some(url) = &self.url {
            return Ok(Records::Gateway(Remote::new(url)?));
        }
        let kept = self.kept()?;
        let reader = open(&kept.data.join(LEDGER_FOLDER))?;
        Ok(Records::Folder(reader, keys(&kept)))
    }

    /// Opens the folder itself, with the keys of its payloads or why they cannot be had.
    pub(super) fn open_stored(&self) -> Result<(FileReader, Result<Keys, String>), CommandError> {
        let kept = self.kept()?;
        Ok((open(&kept.data.join(LEDGER_FOLDER))?, keys(&kept)))
    }

    fn kept(&self) -> Result<Kept, CommandError> {
        let mut kept = match &self.config {
            Some(path) => Config::load_kept(path, &look_up)
                .map_err(|problems| CommandError::Configuration(problems.to_string()))?,
            None => Kept { data: PathBuf::from("./data"), payload_keys: Vec::new() },
        };
        if let Some(data) = &self.data {
            kept.data.clone_from(data);
        }
        Ok(kept)
    }
}

/// The keys of the configuration and those in the data folder. An error is shown where a payload
/// is: events can be read without any key.
fn keys(kept: &Kept) -> Result<Keys, String> {
    let mut keks =
        read_key_folder(&kept.data.join(KEYS_FOLDER)).map_err(|error| error.to_string())?;
    keks.extend(kept.payload_keys.iter().map(|key| key.kek.clone()));
    Ok(Keys::reading(keks.into_iter().map(|kek| Arc::new(kek) as Arc<dyn KeyEncryption>)))
}

fn open(folder: &Path) -> Result<FileReader, CommandError> {
    let absent = || {
        let shown = folder.display();
        let hint = "start `countersign serve` first, or say `--data DIR`";
        CommandError::Io(format!("no ledger in `{shown}`: {hint}"))
    };
    if !folder.is_dir() {
        return Err(absent());
    }
    match FileReader::open(folder) {
        Ok(reader) => Ok(reader),
        Err(OpenError::NoLog { .. }) => Err(absent()),
        Err(error) => Err(CommandError::Io(error.to_string())),
    }
}

/// An open ledger.
pub(super) enum Records {
    /// In a folder of this machine, with the keys of its payloads.
    Folder(FileReader, Result<Keys, String>),
    /// A gateway's.
    Gateway(Remote),
}

/// A payload that cannot be shown.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// Why not, in a few words.
    pub(super) brief: String,
    /// Why not, with what to do.
    pub(super) error: CommandError,
}

impl From<LoadError> for Unreadable {
    fn from(error: LoadError) -> Self {
        let brief = match &error {
            LoadError::KeyMissing { kek, .. } => {
                format!("encrypted, and the key {kek} is not here")
            }
            LoadError::Keys { .. } => "cannot be decrypted".to_owned(),
            LoadError::Damaged { .. } => "damaged".to_owned(),
            LoadError::Read(_) => "cannot be read".to_owned(),
        };
        Self { brief, error: CommandError::Io(error.to_string()) }
    }
}

impl Records {
    /// The records from a sequence on, in order: at least one if there is one by now.
    pub(super) fn read(&self, from: u64) -> Result<Vec<Bytes>, CommandError> {
        match self {
            Self::Folder(reader, _) => reader
                .refresh()
                .and_then(|_| reader.read(Sequence::new(from), READ_BYTES))
                .map_err(|error| CommandError::Io(error.to_string())),
            Self::Gateway(remote) => remote.read(from),
        }
    }

    /// A payload, checked against its commitment; `None` when it is not kept.
    pub(super) fn payload(
        &self,
        session: SessionId,
        payload: &PayloadRef,
    ) -> Result<Option<Vec<u8>>, Unreadable> {
        match self {
            Self::Folder(reader, Ok(keys)) => Ok(payload::load(reader, keys, session, payload)?),
            Self::Folder(_, Err(error)) => {
                let brief = "cannot be decrypted".to_owned();
                Err(Unreadable { brief, error: CommandError::Io(error.clone()) })
            }
            Self::Gateway(remote) => remote
                .payload(session, payload)
                .map_err(|error| Unreadable { brief: "cannot be read".to_owned(), error }),
        }
    }

    /// Folds every event from the first on.
    pub(super) fn fold<P: Projection>(&self, projection: P) -> Result<Fold<P>, CommandError> {
        let mut fold = Fold::new(projection);
        loop {
            let records = self.read(fold.cursor())?;
            if records.is_empty() {
                return Ok(fold);
            }
            for record in &records {
                let applied = fold.apply_record(record);
                applied.map_err(|error| CommandError::Io(error.to_string()))?;
            }
        }
    }
}
