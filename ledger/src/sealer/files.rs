//! The static files of a log: tiles, entry bundles and the checkpoint, as C2SP tlog-tiles lays them
//! out. All but the checkpoint are derived, so nothing is synced: what a crash tears is made again.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use tlog::{BundleId, TILE_WIDTH, TileId, TileSource};

/// The signed tree head's name.
pub const CHECKPOINT: &str = "checkpoint";

/// The name of the file that says, as a tlog-policy, which key and witnesses the log claims to
/// have. It convinces nobody by itself: an auditor compares it with one that was got elsewhere.
pub const POLICY: &str = "policy";

/// The largest file is a bundle of entries that are all as large as can be.
const FILE_BYTES_MAX: u64 = TILE_WIDTH * (2 + tlog::ENTRY_BYTES_MAX as u64);

/// The folder of a log; see the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFiles {
    folder: PathBuf,
}

impl LogFiles {
    /// The files in `folder`, which is made when the first one is written.
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The last published checkpoint, a signed note.
    pub fn checkpoint(&self) -> io::Result<Option<String>> {
        let Some(bytes) = self.read(CHECKPOINT)? else { return Ok(None) };
        String::from_utf8(bytes).map(Some).map_err(io::Error::other)
    }

    /// The entries below a tile of level 0, in exactly this width or out of a wider bundle.
    pub fn bundle(&self, id: BundleId) -> io::Result<Option<Vec<u8>>> {
        let wider = |width| BundleId { width, ..id }.path();
        let Some(mut bytes) = self.read_or_wider(&id.path(), id.width, wider)? else {
            return Ok(None);
        };
        let mut end = 0;
        for _ in 0..id.width {
            let length = bytes.get(end..end + 2).and_then(|it| <[u8; 2]>::try_from(it).ok());
            let Some(length) = length else { break };
            end += 2 + usize::from(u16::from_be_bytes(length));
        }
        bytes.truncate(end);
        Ok(Some(bytes))
    }

    /// A file by its path below the folder; `None` if it is not there.
    pub fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.folder.join(path)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Lays the log's policy beside it.
    pub fn put_policy(&self, text: &str) -> io::Result<()> {
        self.write(POLICY, text.as_bytes())
    }

    /// The length of a file by its path below the folder; `None` if it cannot be told.
    pub(super) fn length(&self, path: &str) -> Option<u64> {
        fs::metadata(self.folder.join(path)).ok().map(|file| file.len())
    }

    /// A partial file may have been replaced by a wider one since its checkpoint was read.
    fn read_or_wider(
        &self,
        path: &str,
        width: u16,
        wider: impl Fn(u16) -> String,
    ) -> io::Result<Option<Vec<u8>>> {
        if let Some(bytes) = self.read(path)? {
            return Ok(Some(bytes));
        }
        for width in width.saturating_add(1)..=256 {
            if let Some(bytes) = self.read(&wider(width))? {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// Writes a file whole or not at all, in place of what was there.
    pub(super) fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.folder.join(path);
        let next = path.with_extension("next");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = match options.open(&next) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = path.parent().unwrap_or(&self.folder);
                DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
                options.open(&next)?
            }
            opened => opened?,
        };
        file.write_all(bytes)?;
        fs::rename(&next, &path)
    }

    /// Removes the partial files of a tile or bundle, but those with the widths in `kept`. `path`
    /// is that of the full one.
    pub(super) fn prune(&self, path: &str, kept: &[u16]) -> io::Result<()> {
        let folder = self.folder.join(format!("{path}.p"));
        let names = match fs::read_dir(&folder) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for name in names {
            let name = name?;
            let width = name.file_name().to_str().and_then(|name| name.parse().ok());
            if width.is_none_or(|width| !kept.contains(&width)) {
                fs::remove_file(name.path())?;
            }
        }
        if kept.is_empty() { fs::remove_dir(&folder) } else { Ok(()) }
    }
}

impl TileSource for LogFiles {
    type Error = io::Error;

    fn tile(&self, id: TileId) -> io::Result<Vec<u8>> {
        let wider = |width| TileId { width, ..id }.path();
        let bytes = self.read_or_wider(&id.path(), id.width, wider)?;
        let mut bytes = bytes.ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("`{}` is not there", id.path()))
        })?;
        bytes.truncate(id.bytes());
        Ok(bytes)
    }
}
