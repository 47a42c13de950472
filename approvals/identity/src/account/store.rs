//! The file with the accounts: read whole, replaced whole, changed under a lock.

use super::{Account, AccountError};
use crate::passkey::Passkey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The form that this program writes.
const VERSION: u32 = 1;

/// Bytes of a file that is still read.
const BYTES_MAX: u64 = 64 << 20;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct People {
    version: u32,
    pub(super) accounts: Vec<Account>,
    /// By the person's id, whoever vouches for the person.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) passkeys: BTreeMap<Arc<str>, Vec<Passkey>>,
}

impl People {
    const fn nobody() -> Self {
        Self { version: VERSION, accounts: Vec::new(), passkeys: BTreeMap::new() }
    }
}

/// What the file holds; nobody if there is none.
pub(super) fn read(path: &Path) -> Result<People, AccountError> {
    let text = match load(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(People::nobody());
        }
        Err(source) => return Err(AccountError::File { path: path.to_owned(), source }),
    };
    let broken = |problem| AccountError::Broken { path: path.to_owned(), problem };
    let people: People =
        serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
    if people.version != VERSION {
        return Err(broken(format!("its version is {}, not {VERSION}", people.version)));
    }
    Ok(people)
}

fn load(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other("others can read it: `chmod 600` it"));
    }
    let mut text = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > BYTES_MAX {
        return Err(io::Error::other("it is too large"));
    }
    Ok(text)
}

/// Changes the file, while nobody else does. When this returns, the change is durable; when it
/// fails, the file is as it was, or, if only the last sync failed, as it should be.
pub(super) fn change<T>(
    path: &Path,
    how: impl FnOnce(&mut People) -> Result<T, AccountError>,
) -> Result<T, AccountError> {
    let file_error = |source| AccountError::File { path: path.to_owned(), source };
    let lock = private().open(beside(path, "lock")).map_err(file_error)?;
    lock.lock().map_err(file_error)?;
    let mut people = read(path)?;
    let result = how(&mut people)?;
    let mut text =
        serde_json::to_vec_pretty(&people).map_err(|error| file_error(io::Error::other(error)))?;
    text.push(b'\n');
    replace(path, &text).map_err(file_error)?;
    drop(lock);
    Ok(result)
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let new = beside(path, "new");
    let mut file = private().truncate(true).open(&new)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).write(true).mode(0o600);
    options
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    name.into()
}
