//! What stands in the files of a data folder, whoever wrote it there.

use events::SessionId;
use ledger::backend::file::FileReader;
use ledger::log::{Address, Reader as _};
use ledger::payload::{SALT_ADDRESS, scope};
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use tests::records::Records;

use crate::stage::named;

/// How many bytes of something are looked for: enough not to be found by chance.
const PART: usize = 24;

/// The key record of a session and its payloads as they are stored; those that are there.
pub(crate) fn stored(data: &Path, session: SessionId) -> Vec<Vec<u8>> {
    let reader = FileReader::open(&data.join("ledger")).unwrap();
    let named = named(&Records::read(data), session).into_iter();
    let named = named.map(|reference| Address(reference.digest.0)).chain([SALT_ADDRESS]);
    let addresses: BTreeSet<Address> = named.collect();
    let read = |address| reader.payload(scope(session), address).unwrap();
    addresses.into_iter().filter_map(read).map(|bytes| bytes.to_vec()).collect()
}

/// How many of these stand somewhere in the files below a folder.
pub(crate) fn found(folder: &Path, stored: &[Vec<u8>]) -> usize {
    let part = |bytes: &Vec<u8>| {
        let end = bytes.len();
        bytes.get(end - PART..).unwrap().to_vec()
    };
    let wanted: HashSet<Vec<u8>> = stored.iter().map(part).collect();
    let mut seen = HashSet::new();
    for path in files(folder) {
        // A gateway that runs removes what it needs no more.
        let Ok(bytes) = fs::read(path) else { continue };
        let windows = bytes.windows(PART).filter(|window| window.iter().any(|byte| *byte != 0));
        seen.extend(windows.filter(|window| wanted.contains(*window)).map(<[u8]>::to_vec));
    }
    seen.len()
}

/// A byte in the middle of what a segment holds.
pub(crate) fn middle(segment: &Path) -> usize {
    let bytes = fs::read(segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    let header = bytes.get(12..16).unwrap().try_into().unwrap();
    usize::try_from(u32::from_le_bytes(header)).unwrap().midpoint(end)
}

/// All files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// Copies a folder.
pub(crate) fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let copy = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(file, copy).unwrap();
    }
}
