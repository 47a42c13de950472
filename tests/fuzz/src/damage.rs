//! Damage to files, as bytes say it: what a fuzzer finds out about are edits of something whole,
//! which reach further than bytes at random.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Files by their paths.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The most edits that are made, and the most bytes that one adds.
const EDITS_MAX: usize = 16;
const ADDED_MAX: usize = 4096;

/// Numbers that lengths, sizes and places break at.
const NUMBERS: [u64; 8] = [0, 1, 255, 1 << 16, 1 << 31, (1 << 32) - 1, 1 << 60, u64::MAX];

/// Bytes that are read from the front; at their end they are zero.
pub struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    /// All of these.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether there are none left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// A number below `end`, which is not 0, from the next two bytes.
    pub fn below(&mut self, end: usize) -> usize {
        let place = usize::from(u16::from_le_bytes([self.byte(), self.byte()]));
        // Files may be longer than two bytes can say.
        if end > usize::from(u16::MAX) { place * end / (1 << 16) } else { place % end }
    }

    /// As many of the next bytes as there are, up to `most`.
    pub fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// Edits files as `source` says: most often in place, if they are binary.
pub fn damage(files: &mut Files, are_binary: bool, source: &mut Source<'_>) {
    let paths: Vec<String> = files.keys().cloned().collect();
    for _ in 0..EDITS_MAX {
        if source.is_empty() {
            break;
        }
        let path = &paths[source.below(paths.len())];
        let kind = source.byte();
        if kind == 0 {
            files.remove(path);
        } else if let Some(bytes) = files.get_mut(path) {
            if are_binary && kind > 8 { edit_in_place(bytes, source) } else { edit(bytes, source) }
        }
    }
}

/// Makes one edit.
pub fn edit(bytes: &mut Vec<u8>, source: &mut Source<'_>) {
    let at = source.below(bytes.len() + 1);
    let kind = source.byte() % 9;
    let count = usize::from(source.byte());
    let end = (at + count).min(bytes.len());
    match kind {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => drop(bytes.splice(at..at, source.take(count).iter().copied())),
        3 => {
            let copy = bytes[at..end].to_vec();
            drop(bytes.splice(at..at, copy));
        }
        4 => bytes.resize(bytes.len() + (count * 16).min(ADDED_MAX), 0),
        5 | 6 => {
            let number = NUMBERS[count % NUMBERS.len()].wrapping_add(u64::from(source.byte() % 3));
            let wide = if kind == 5 { 8 } else { 4 };
            // Numbers of binary formats stand at such places.
            overwrite(bytes, at - at % 4, &number.to_le_bytes()[..wide]);
        }
        7 => overwrite(bytes, at, source.take(count)),
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (count % 8);
            }
        }
    }
}

/// Makes one edit that leaves a binary file as long as it is, where something is written in it.
pub fn edit_in_place(bytes: &mut [u8], source: &mut Source<'_>) {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let at = source.below(end + 1);
    let kind = source.byte();
    let count = usize::from(source.byte());
    let number = NUMBERS[count % NUMBERS.len()].wrapping_add(u64::from(kind >> 6));
    match kind % 6 {
        // Numbers stand at such places.
        0 => overwrite(bytes, at - at % 8, &number.to_le_bytes()),
        1 => overwrite(bytes, at - at % 4, &number.to_le_bytes()[..4]),
        2 => overwrite(bytes, at, source.take(count % 32)),
        // What a disk writes whole, or half of it.
        3 => overwrite(bytes, at - at % 256, &[0; 256]),
        4 => {
            let from = source.below(end + 1);
            let copy = bytes[from..(from + count).min(end)].to_vec();
            overwrite(bytes, at - at % 8, &copy);
        }
        _ => overwrite(bytes, at, &[bytes.get(at).copied().unwrap_or(0) ^ (1 << (count % 8))]),
    }
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    bytes.iter_mut().skip(at).zip(with).for_each(|(byte, with)| *byte = *with);
}

/// Writes files below a folder.
pub fn write(folder: &Path, files: &Files) {
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("it stands in a folder"))
            .expect("a folder is made");
        fs::write(path, bytes).expect("a file is written");
    }
}

/// The files below a folder.
pub fn read(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let inside = fs::read_dir(&path).expect("a folder is read");
            left.extend(inside.map(|entry| entry.expect("a folder is read").path()));
        } else {
            let name = path.strip_prefix(folder).expect("it stands below").to_string_lossy();
            files.insert(name.into_owned(), fs::read(&path).expect("a file is read"));
        }
    }
    files
}

/// A folder that goes away when dropped; in memory where the machine has such a place, because a
/// disk would be most of the time.
pub fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder is made")
}
