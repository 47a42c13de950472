//! Secrets that the gateway makes for itself at its first start, each in a file of its own that
//! only its owner may read. They are never written a second time.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The folder of keys within the data folder.
pub const KEYS_FOLDER: &str = "keys";

/// The file of the key with which a person may erase payloads over HTTP.
pub const OPERATOR_KEY: &str = "operator.key";

/// A key's file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the key `{path}`: {source}")]
pub struct KeyFileError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// 32 bytes that nobody can guess.
pub fn random() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// The content of the file, which is made with what `make` gives if it is not there; durable when
/// this returns.
pub fn read_or_make(
    path: &Path,
    make: impl FnOnce() -> io::Result<Vec<u8>>,
) -> Result<Vec<u8>, KeyFileError> {
    let failed = |source| KeyFileError { path: path.to_owned(), source };
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => {
            let content = read.map_err(failed)?;
            // Whoever made it may have been killed before its name was durable.
            sync_folder(path).map_err(failed)?;
            return Ok(content);
        }
    }
    let content = make().map_err(failed)?;
    write(path, &content).map_err(failed)?;
    Ok(content)
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    if !folder.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        sync_folder(folder)?;
    }
    // A start that is killed here must not leave half a key under the key's name.
    let next = path.with_extension("next");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&next)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::hard_link(&next, path)?;
    std::fs::remove_file(&next)?;
    sync_folder(path)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::read_or_make;
    use std::io;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys/a.key");
        assert_eq!(read_or_make(&path, || Ok(b"one".to_vec())).unwrap(), b"one");
        assert_eq!(read_or_make(&path, || Ok(b"two".to_vec())).unwrap(), b"one");
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = dir.path().join("keys/b.key");
        read_or_make(&other, || Err(io::Error::other("no chance"))).unwrap_err();
        assert!(!other.exists());
    }
}
