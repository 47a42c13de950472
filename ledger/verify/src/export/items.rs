//! The files of an export, one after the other, wherever they are.

use crate::evidence::SourceError;
use std::io;
use std::sync::Arc;

/// The most bytes of a path within an export.
const PATH_BYTES_MAX: usize = 255;

/// One file of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// Its path within the export.
    pub(crate) path: String,
    /// How an auditor finds it.
    pub(crate) file: Arc<str>,
    /// How many bytes it has.
    pub(crate) bytes: u64,
}

/// Why there are no more files.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The evidence could not be read.
    Source(SourceError),
    /// The evidence is not what it should be.
    Bad { file: Arc<str>, byte: Option<u64>, what: String },
}

impl Broken {
    pub(crate) fn io(file: &str, source: io::Error) -> Self {
        Self::Source(SourceError { file: file.to_owned(), source })
    }
}

/// Files one after the other.
pub(crate) trait Items {
    /// The next file, whatever is left of the one before.
    fn next(&mut self) -> Result<Option<Item>, Broken>;

    /// The next bytes of the current file; 0 at its end.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Broken>;
}

/// A path that stays below where it begins, in plain characters.
pub(crate) fn check_path(path: &[u8]) -> Result<String, &'static str> {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    let text = std::str::from_utf8(path).map_err(|_| "a path is not UTF-8")?;
    if text.len() > PATH_BYTES_MAX {
        return Err("a path is too long");
    }
    let plain = |next: char| next.is_ascii_graphic() && next != '\\';
    if !text.chars().all(plain) {
        return Err("a path has characters that none needs");
    }
    let leads_out = |part: &str| matches!(part, "" | "." | "..");
    if text.split('/').any(leads_out) {
        return Err("a path leads out of the export");
    }
    Ok(text.to_owned())
}
