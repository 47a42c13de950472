//! What somebody with access to the disk may do to a log.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use tlog::{BundleId, bundle_entries, bundle_push, edge_tiles};

use crate::sealed::{Files, Growing};

/// A change of some files of a log.
pub(crate) struct Tampering {
    /// For people.
    pub(crate) what: String,
    /// What each file becomes; `None` removes it.
    changes: BTreeMap<String, Option<Vec<u8>>>,
}

impl Tampering {
    fn of(what: &str, path: &str, becomes: Option<Vec<u8>>) -> Self {
        let what = format!("{path}: {what}");
        Self { what, changes: BTreeMap::from([(path.to_owned(), becomes)]) }
    }

    /// Puts another checkpoint into the place of the log's own.
    pub(crate) fn checkpoint(what: &str, becomes: Vec<u8>) -> Self {
        Self::of(what, "checkpoint", Some(becomes))
    }

    /// Does it; gives back what undoes it.
    pub(crate) fn apply(&self, folder: &Path) -> Self {
        let mut before = BTreeMap::new();
        for (name, becomes) in &self.changes {
            let path = folder.join(name);
            before.insert(name.clone(), read(&path));
            match becomes {
                Some(bytes) => {
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(path, bytes).unwrap();
                }
                None => fs::remove_file(path).unwrap(),
            }
        }
        Self { what: format!("undo {}", self.what), changes: before }
    }

    /// As well as this, puts another checkpoint there.
    pub(crate) fn and_checkpoint(mut self, becomes: String) -> Self {
        self.changes.insert("checkpoint".to_owned(), Some(becomes.into_bytes()));
        self
    }
}

fn read(path: &Path) -> Option<Vec<u8>> {
    match fs::read(path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

/// The paths of all files of a log, in order.
fn paths(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Of each kind of file (each level of tiles, bundles; full or not), the first, one in the middle,
/// and the last; not the checkpoint.
fn samples(folder: &Path) -> Vec<String> {
    let mut kinds: BTreeMap<(String, bool), Vec<String>> = BTreeMap::new();
    for path in paths(folder) {
        if let Some(kind) = path.strip_prefix("tile/").and_then(|rest| rest.split('/').next()) {
            kinds.entry((kind.to_owned(), path.contains(".p/"))).or_default().push(path);
        }
    }
    let mut samples: Vec<String> = kinds.into_values().flat_map(|files| spread(&files)).collect();
    samples.dedup();
    samples
}

/// The first, the middle and the last, each once.
fn spread<T: Clone + PartialEq>(all: &[T]) -> Vec<T> {
    let places = [Some(0), Some(all.len() / 2), all.len().checked_sub(1)];
    let mut chosen: Vec<T> =
        places.into_iter().flatten().filter_map(|place| all.get(place).cloned()).collect();
    chosen.dedup();
    chosen
}

/// One bit flipped in files of every kind: of full ones in the first, the middle and the last byte,
/// of partial ones in the middle, of the checkpoint at many places.
pub(crate) fn flips(folder: &Path) -> Vec<Tampering> {
    let mut flips = Vec::new();
    for path in samples(folder) {
        let bytes = fs::read(folder.join(&path)).unwrap();
        let places: Vec<usize> = (0..bytes.len()).collect();
        let places = if path.contains(".p/") { vec![bytes.len() / 2] } else { spread(&places) };
        flips.extend(places.into_iter().map(|place| flip(&path, &bytes, place)));
    }
    let checkpoint = fs::read(folder.join("checkpoint")).unwrap();
    // The last digit of the signature has bits that say nothing, and some readers ignore them.
    let last_digit = checkpoint.len() - "=\n".len() - 1;
    let places = (0..checkpoint.len()).step_by(11).filter(|place| *place != last_digit);
    flips.extend(places.map(|place| flip("checkpoint", &checkpoint, place)));
    flips
}

fn flip(path: &str, bytes: &[u8], place: usize) -> Tampering {
    let mut flipped = bytes.to_vec();
    *flipped.get_mut(place).unwrap() ^= 1;
    Tampering::of(&format!("a flipped bit in byte {place}"), path, Some(flipped))
}

/// Files that the log needs cut short, made longer, or taken away.
pub(crate) fn lengths(folder: &Path) -> Vec<Tampering> {
    let mut lengths = Vec::new();
    for path in needed(folder) {
        let bytes = fs::read(folder.join(&path)).unwrap();
        let mut longer = bytes.clone();
        longer.push(0);
        lengths.push(Tampering::of("a byte more", &path, Some(longer)));
        let shorter = bytes.split_last().map(|(_, shorter)| shorter.to_vec());
        lengths.push(Tampering::of("a byte less", &path, shorter));
        lengths.push(Tampering::of("gone", &path, None));
    }
    lengths
}

/// The tiles at the edge of the tree, the last bundle, and the full ones in the middle.
fn needed(folder: &Path) -> Vec<String> {
    let bundles = current_bundles(folder);
    let size = bundles.iter().map(|bundle| u64::from(bundle.width)).sum();
    let mut needed: Vec<String> = edge_tiles(size).map(|tile| tile.path()).collect();
    needed.extend(bundles.last().map(BundleId::path));
    if let Some(bundle) = bundles.get(bundles.len() / 2).filter(|bundle| bundle.width == 256) {
        needed.push(bundle.path());
        needed.push(bundle.path().replace("entries", "0"));
    }
    needed
}

/// All entries of a log.
pub(crate) fn entries(folder: &Path) -> Vec<Vec<u8>> {
    let bundles = current_bundles(folder);
    let read = |bundle: &BundleId| bundle_of(folder, *bundle);
    bundles.iter().flat_map(read).collect()
}

/// The bundles of the newest tree, in order.
fn current_bundles(folder: &Path) -> Vec<BundleId> {
    let mut widest: BTreeMap<u64, BundleId> = BTreeMap::new();
    for bundle in paths(folder).iter().filter_map(|path| BundleId::parse(path).ok()) {
        let known = widest.entry(bundle.index).or_insert(bundle);
        known.width = known.width.max(bundle.width);
    }
    widest.into_values().collect()
}

fn bundle_of(folder: &Path, bundle: BundleId) -> Vec<Vec<u8>> {
    let bytes = fs::read(folder.join(bundle.path())).unwrap();
    bundle_entries(&bytes, bundle.width).map(|entry| entry.unwrap().to_vec()).collect()
}

/// What somebody may do to events.
type Edit = (&'static str, fn(&mut Vec<Vec<u8>>, usize));

const EDITS: &[Edit] = &[
    ("an event altered", |events, at| *events.get_mut(at).unwrap() = forged()),
    ("an event removed", |events, at| drop(events.remove(at))),
    ("an event inserted", |events, at| events.insert(at, forged())),
    ("two events exchanged", |events, at| events.swap(at, at + 1)),
    ("an event twice", |events, at| events.insert(at, events.get(at).unwrap().clone())),
];

/// What never happened.
pub(crate) fn forged() -> Vec<u8> {
    br#"{"data":{},"id":"01M7YKX2MN0000000000000001","type":"call.denied"}"#.to_vec()
}

/// Events edited in a bundle, below the tiles as they were.
pub(crate) fn edited_bundles(folder: &Path) -> Vec<Tampering> {
    let mut tamperings = Vec::new();
    let bundles = current_bundles(folder);
    let middle = bundles.get(bundles.len() / 2).into_iter();
    // With less than four events there is no middle to edit.
    for bundle in middle.chain(bundles.last()).filter(|bundle| bundle.width >= 4) {
        let events = bundle_of(folder, *bundle);
        for (what, edit) in EDITS {
            let mut events = events.clone();
            let middle = events.len() / 2 - 1;
            edit(&mut events, middle);
            let mut bytes = Vec::new();
            for event in &events {
                bundle_push(&mut bytes, event).unwrap();
            }
            tamperings.push(Tampering::of(what, &bundle.path(), Some(bytes)));
        }
    }
    tamperings
}

/// The log written again, tiles and all, with events edited near its end; the checkpoint as it was.
/// Where there are fewer events then, forged ones follow; where there are more, the last are gone.
pub(crate) fn edited_logs(folder: &Path) -> Vec<Tampering> {
    let events = entries(folder);
    let at = events.len() - events.len().min(300) / 2 - 1;
    let mut tamperings: Vec<Tampering> = EDITS
        .iter()
        .map(|(what, edit)| {
            let mut edited = events.clone();
            edit(&mut edited, at);
            edited.resize_with(events.len(), forged);
            rewritten(folder, &format!("the log with {what} at {at}"), &Growing::of(&edited).files)
        })
        .collect();
    let (_, shorter) = events.split_last().unwrap();
    tamperings.push(rewritten(folder, "the log without its end", &Growing::of(shorter).files));
    tamperings
}

/// The files of another log in the place of this one's; the checkpoint as it was.
pub(crate) fn rewritten(folder: &Path, what: &str, files: &Files) -> Tampering {
    let mut changes: BTreeMap<String, Option<Vec<u8>>> = paths(folder)
        .into_iter()
        .filter(|path| path != "checkpoint" && !files.contains_key(path))
        .map(|path| (path, None))
        .collect();
    for (path, bytes) in files {
        if read(&folder.join(path)).as_ref() != Some(bytes) {
            changes.insert(path.clone(), Some(bytes.clone()));
        }
    }
    Tampering { what: what.to_owned(), changes }
}
