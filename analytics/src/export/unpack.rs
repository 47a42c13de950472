//! Takes a bundle that comes as a tar archive apart, file by file, into another place.

use super::archive::Archive;
use std::io::{self, Read};
use std::path::Component;

/// The most bytes of one file: the largest payload that there can be, and some room.
const FILE_BYTES_MAX: u64 = (256 << 20) + (64 << 10);

/// Adds every file of the archive in `tar` to `archive`. The archive may be of a stranger: a path
/// that leads out of it is an error, and so is anything but a file.
pub fn unpack(tar: impl Read, archive: &mut dyn Archive) -> io::Result<()> {
    for entry in tar::Archive::new(tar).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        let text = path.to_str().filter(|_| is_inside && entry.header().entry_type().is_file());
        let Some(text) = text.filter(|_| entry.size() <= FILE_BYTES_MAX) else {
            let what = format!("`{}` cannot be in a bundle", path.display());
            return Err(io::Error::other(what));
        };
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        archive.add(text, &content)?;
    }
    Ok(())
}
