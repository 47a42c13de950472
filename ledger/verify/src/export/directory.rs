//! An export that is a directory: its files in the order in which an archive has them.

use super::items::{Broken, Item, Items, check_path};
use crate::evidence::Fetched;
use crate::folder::open;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// How deep directories may be nested.
const DEPTH_MAX: usize = 8;

/// A directory with an export's files.
pub(crate) struct Directory {
    root: PathBuf,
    /// Relative paths that were not visited yet, the next one last.
    left: Vec<String>,
    current: Option<(File, u64, PathBuf)>,
}

impl Directory {
    pub(crate) fn new(root: PathBuf) -> Result<Self, Broken> {
        let mut directory = Self { root, left: Vec::new(), current: None };
        directory.enter("")?;
        Ok(directory)
    }

    /// Puts what a directory has before everything that is left.
    fn enter(&mut self, below: &str) -> Result<(), Broken> {
        let path = self.root.join(below);
        let failed = |source| Broken::io(&path.display().to_string(), source);
        let mut found = Vec::new();
        for entry in path.read_dir().map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let name = name.to_string_lossy();
            found.push(if below.is_empty() {
                name.into_owned()
            } else {
                format!("{below}/{name}")
            });
        }
        found
            .sort_unstable_by_key(|path| std::cmp::Reverse((rank(path), path.len(), path.clone())));
        self.left.extend(found);
        Ok(())
    }
}

/// What must be known before other files can be checked comes first.
fn rank(path: &str) -> u8 {
    match path {
        "checkpoint" => 0,
        "keys" => 1,
        "events" => 2,
        "proofs" => 3,
        "payloads" => 4,
        "manifest.json" => 6,
        _ if path.ends_with("/salt") => 0,
        _ => 5,
    }
}

fn bad(path: &Path, what: &str) -> Broken {
    Broken::Bad { file: path.display().to_string().into(), byte: None, what: what.to_owned() }
}

impl Items for Directory {
    fn next(&mut self) -> Result<Option<Item>, Broken> {
        self.current = None;
        while let Some(relative) = self.left.pop() {
            let path = self.root.join(&relative);
            let failed = |source| Broken::io(&path.display().to_string(), source);
            let relative = check_path(relative.as_bytes()).map_err(|what| bad(&path, what))?;
            if path.symlink_metadata().map_err(failed)?.is_dir() {
                if relative.split('/').count() > DEPTH_MAX {
                    return Err(bad(&path, "directories are nested too deep"));
                }
                self.enter(&relative)?;
                continue;
            }
            let file = match open(&path).map_err(failed)? {
                Ok(file) => file,
                Err(Fetched::Odd(what)) => return Err(bad(&path, what)),
                Err(Fetched::Missing | Fetched::Bytes(_)) => {
                    return Err(bad(&path, "it went away"));
                }
            };
            let bytes = file.metadata().map_err(failed)?.len();
            let name = path.display().to_string().into();
            self.current = Some((file, bytes, path));
            return Ok(Some(Item { path: relative, file: name, bytes }));
        }
        Ok(None)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Broken> {
        let Some((file, left, path)) = &mut self.current else { return Ok(0) };
        let wanted = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
        let into = buffer.get_mut(..wanted).unwrap_or_default();
        let read =
            file.read(into).map_err(|error| Broken::io(&path.display().to_string(), error))?;
        if read == 0 && wanted > 0 {
            return Err(bad(path, "it became shorter"));
        }
        *left -= u64::try_from(read).unwrap_or(*left);
        Ok(read)
    }
}
