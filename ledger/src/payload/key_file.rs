//! Files that hold one KEK each: 64 hexadecimal digits and a newline, for their owner alone.

use super::cipher::random;
use super::kek::{LocalKek, NotKey};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// A key has 64 digits and a newline; anything much longer is the wrong file.
const FILE_BYTES_MAX: u64 = 1024;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The system could not read it.
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

/// Reads every key of a folder, from the files `payloads….key`; none when there is no such folder.
pub fn read_key_folder(folder: &Path) -> Result<Vec<LocalKek>, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: folder.into(), source };
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened.map_err(failed)?,
    };
    let mut keys = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let is_key = path.extension().is_some_and(|extension| extension == "key");
        if is_key && stem.starts_with("payloads") {
            keys.extend(read_key_file(&path)?);
        }
    }
    Ok(keys)
}

/// A new key as its file has it.
pub fn new_key_text() -> io::Result<String> {
    let mut text = String::with_capacity(65);
    for byte in random()? {
        // Writing to a `String` cannot fail.
        _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    Ok(text)
}
