//! Where evidence goes: under another name until it is whole, and never over something else.

use super::super::CommandError;
use analytics::export::{Archive, ExportError, FolderArchive, TarArchive, unpack};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How much is written at once.
const BUFFER_BYTES: usize = 1 << 20;

/// A file or folder that is not there yet. What was begun is removed unless it becomes whole.
pub(super) struct Output {
    path: PathBuf,
    partial: PathBuf,
    is_tar: bool,
    is_begun: bool,
}

impl Output {
    /// The output of this name, unless something has it.
    pub(super) fn new(path: &Path) -> Result<Self, CommandError> {
        let mut partial = OsString::from(path);
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let is_tar = path.extension().is_some_and(|extension| extension == "tar");
        for path in [path, &partial] {
            if path.symlink_metadata().is_ok() {
                let shown = path.display();
                let what = format!("`{shown}` is there already: remove it, or name another");
                return Err(CommandError::Usage(what));
            }
        }
        Ok(Self { path: path.into(), partial, is_tar, is_begun: false })
    }

    /// Makes it with what `write` puts into an archive whose files have this time.
    pub(super) fn make<T>(
        mut self,
        seconds: u64,
        write: impl FnOnce(&mut dyn Archive) -> Result<T, ExportError>,
    ) -> Result<T, CommandError> {
        if !self.is_tar {
            let made = write(&mut self.folder()?)?;
            self.finish()?;
            return Ok(made);
        }
        let mut archive =
            TarArchive::new(BufWriter::with_capacity(BUFFER_BYTES, self.file()?), seconds);
        let made = write(&mut archive)?;
        let mut buffer = archive.finish().map_err(|error| self.failed(&error))?;
        let durable = buffer.flush().and_then(|()| buffer.get_ref().sync_all());
        durable.map_err(|error| self.failed(&error))?;
        self.finish()?;
        Ok(made)
    }

    /// Makes it with an archive that is sent.
    pub(super) fn receive(mut self, mut body: impl Read) -> Result<(), CommandError> {
        if self.is_tar {
            let mut file = self.file()?;
            let whole = io::copy(&mut body, &mut file).and_then(|_| file.sync_all());
            whole.map_err(|error| self.failed(&error))?;
            return self.finish();
        }
        let mut folder = self.folder()?;
        // The archive's end comes before that of the body, which tells that it is whole.
        let whole = unpack(&mut body, &mut folder)
            .and_then(|()| io::copy(&mut body, &mut io::sink()))
            .and_then(|_| fs::metadata(self.partial.join("manifest.json")));
        whole.map_err(|error| self.failed(&error))?;
        self.finish()
    }

    fn file(&mut self) -> Result<File, CommandError> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&self.partial);
        self.is_begun = file.is_ok();
        file.map_err(|error| self.failed(&error))
    }

    fn folder(&mut self) -> Result<FolderArchive, CommandError> {
        let folder = FolderArchive::create(&self.partial);
        self.is_begun = folder.is_ok();
        folder.map_err(|error| self.failed(&error))
    }

    fn finish(&mut self) -> Result<(), CommandError> {
        // Renaming may replace: look once more.
        if self.path.symlink_metadata().is_ok() {
            return Err(self.failed(&io::ErrorKind::AlreadyExists.into()));
        }
        fs::rename(&self.partial, &self.path).map_err(|error| self.failed(&error))?;
        self.is_begun = false;
        Ok(())
    }

    fn failed(&self, error: &io::Error) -> CommandError {
        CommandError::Io(format!("cannot write `{}`: {error}", self.path.display()))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.is_begun {
            let removed = if self.is_tar {
                fs::remove_file(&self.partial)
            } else {
                fs::remove_dir_all(&self.partial)
            };
            // What cannot be removed has the name of something that is not whole.
            drop(removed);
        }
    }
}
