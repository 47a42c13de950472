//! Files below a directory or a URL, read with limits.

use crate::evidence::{Fetched, NamedFile, SourceError};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The most bytes of a policy or checkpoint that an auditor gives.
const GIVEN_BYTES_MAX: usize = 1 << 20;

/// A policy or checkpoint that an auditor gives. One that is too long is read as far as shows it.
pub fn read_given(path: &Path) -> Result<NamedFile, SourceError> {
    let file = path.display().to_string();
    match File::open(path).and_then(|opened| read_some(opened, GIVEN_BYTES_MAX)) {
        Ok(bytes) => Ok((file.into(), bytes)),
        Err(source) => Err(SourceError { file, source }),
    }
}

/// Files under relative paths.
pub(crate) trait Files: Sync {
    /// A file's bytes, at most `most` and one more.
    fn read(&self, path: &str, most: usize) -> Result<Fetched, SourceError>;

    /// How an auditor finds it.
    fn name(&self, path: &str) -> String;
}

/// Files of a directory.
#[derive(Debug)]
pub(crate) struct Folder(pub(crate) PathBuf);

impl Files for Folder {
    fn read(&self, path: &str, most: usize) -> Result<Fetched, SourceError> {
        let file = self.0.join(path);
        read_file(&file, most)
            .map_err(|source| SourceError { file: file.display().to_string(), source })
    }

    fn name(&self, path: &str) -> String {
        self.0.join(path).display().to_string()
    }
}

/// What stands at a path, which is not the path of somebody else's file.
pub(crate) fn open(path: &Path) -> io::Result<Result<File, Fetched>> {
    match path.symlink_metadata() {
        // Opening a pipe would wait for whoever fills it, so look first.
        Ok(found) if !found.is_file() => return Ok(Err(Fetched::Odd("it is not a regular file"))),
        Ok(_) => {}
        Err(error) if is_missing(&error) => return Ok(Err(Fetched::Missing)),
        Err(error) => return Err(error),
    }
    File::open(path).map(Ok)
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A file's bytes, at most `most` and one more.
pub(crate) fn read_file(path: &Path, most: usize) -> io::Result<Fetched> {
    match open(path)? {
        Ok(file) => read_some(file, most).map(Fetched::Bytes),
        Err(other) => Ok(other),
    }
}

/// At most `most` bytes and one more.
pub(crate) fn read_some(from: impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    from.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
