//! Where a bundle's files go: one tar archive, or a folder.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// Takes files one after the other. Paths are relative, with `/`, and made by us.
pub trait Archive {
    /// Adds a file. One that is added again has the same content.
    fn add(&mut self, path: &str, content: &[u8]) -> io::Result<()>;
}

/// A tar archive (ustar) in a stream.
pub struct TarArchive<W: Write> {
    builder: Builder<W>,
    seconds: u64,
}

impl<W: Write> TarArchive<W> {
    /// An archive whose files all have this time, in seconds since 1970.
    pub fn new(to: W, seconds: u64) -> Self {
        Self { builder: Builder::new(to), seconds }
    }

    /// Ends the archive, and gives back what it was written to.
    pub fn finish(self) -> io::Result<W> {
        self.builder.into_inner()
    }
}

impl<W: Write> Archive for TarArchive<W> {
    fn add(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o600);
        header.set_mtime(self.seconds);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(u64::try_from(content.len()).map_err(io::Error::other)?);
        self.builder.append_data(&mut header, path, content)
    }
}

/// A folder with the same files.
#[derive(Debug)]
pub struct FolderArchive {
    folder: PathBuf,
}

impl FolderArchive {
    /// A new folder, readable by its owner alone. One that exists is an error.
    pub fn create(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().mode(0o700).create(folder)?;
        Ok(Self { folder: folder.into() })
    }
}

impl Archive for FolderArchive {
    fn add(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        let path = self.folder.join(path);
        if let Some(parent) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        let mut options = OpenOptions::new();
        match options.write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => file.write_all(content),
            // Payloads may come twice, always alike.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }
}
