//! Looks whether the files that are written still have their names: what is written to a file
//! without one is lost with the process, and nothing else would ever tell.

use super::disk::{Disk, DiskFile, Identity};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files that are written for as long as the log is open, and which ones they were then.
pub(super) struct Watch {
    disk: Arc<dyn Disk>,
    files: Vec<(PathBuf, Identity)>,
}

impl Watch {
    /// Watches over nothing yet.
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, files: Vec::new() }
    }

    /// Watches over the file that has this name now.
    pub(super) fn add(&mut self, path: PathBuf) -> io::Result<()> {
        let identity = self.disk.identity(&path)?;
        self.files.push((path, identity));
        Ok(())
    }

    /// Fails unless each file is there, and each of `open` as well, by the same name.
    pub(super) fn look(&self, open: &[(&Path, &dyn DiskFile)]) -> io::Result<()> {
        for (path, identity) in &self.files {
            self.find(path, *identity)?;
        }
        for (path, file) in open {
            self.find(path, file.identity()?)?;
        }
        Ok(())
    }

    fn find(&self, path: &Path, identity: Identity) -> io::Result<()> {
        let became = match self.disk.identity(path) {
            Ok(found) if found == identity => return Ok(()),
            Ok(_) => "replaced by another file".to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => "removed".to_owned(),
            Err(error) => format!("made unreachable: {error}"),
        };
        let path = path.display();
        Err(io::Error::other(format!(
            "`{path}` was {became} while the gateway wrote to it, so what it holds cannot be found \
             any more"
        )))
    }
}
