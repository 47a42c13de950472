//! Files that hold one KEK each: 64 hexadecimal digits and a newline, for their owner alone.

use super::cipher::random;
use super::kek::{LocalKek, NotKey};
use std::fmt::Write as _;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A key has 64 digits and a newline; anything much longer is the wrong file.
const FILE_BYTES_MAX: u64 = 1024;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The system could not read or write it.
    #[error("cannot use the key file `{path}`: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It holds something else.
    #[error("`{path}` is no key file: {source}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: NotKey,
    },
}

/// Reads one key; `None` when there is no such file.
pub fn read_key_file(path: &Path) -> Result<Option<LocalKek>, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.into(), source };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    let parsed = LocalKek::parse(&text);
    parsed.map(Some).map_err(|source| KeyFileError::Content { path: path.into(), source })
}

/// Reads every key of a folder, of files that end in `.key`; none when there is no such folder.
pub fn read_key_folder(folder: &Path) -> Result<Vec<LocalKek>, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: folder.into(), source };
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened.map_err(failed)?,
    };
    let mut keys = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "key") {
            keys.extend(read_key_file(&path)?);
        }
    }
    Ok(keys)
}

/// Makes a new key, durable under its name when this returns, and never in place of another file.
/// One process at a time may do so in a folder.
pub fn create_key_file(path: &Path) -> Result<LocalKek, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.into(), source };
    let bytes = random().map_err(failed)?;
    let mut text = String::with_capacity(65);
    for byte in bytes {
        // Writing to a `String` cannot fail.
        _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    write_new(path, text.as_bytes()).map_err(failed)?;
    Ok(LocalKek::new(&bytes))
}

/// Under its name there is the whole file or none, even after a crash.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let unfinished = path.with_extension("unfinished");
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    // Unlike a rename, a link fails where there is a file already.
    std::fs::hard_link(&unfinished, path)?;
    std::fs::remove_file(&unfinished)?;
    File::open(folder)?.sync_all()?;
    match folder.parent().filter(|above| !above.as_os_str().is_empty()) {
        Some(above) => File::open(above)?.sync_all(),
        None => Ok(()),
    }
}
