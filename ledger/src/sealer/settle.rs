//! What a new start makes of the records, the files and the lock it finds.
//!
//! The lock is believed, the records are checked against it, and the files follow from the records.

use super::files::LogFiles;
use super::grow::{Filled, Growth, write};
use super::{SealError, Signed};
use crate::Sequence;
use crate::log::Reader;
use std::io;
use tlog::{
    BundleId, Checkpoint, HASH_BYTES, Hash, TILE_WIDTH, TileId, TileSource, TreeBuilder,
    bundle_push, leaf_hash, tiles_since,
};

/// How many of the newest full tiles are compared with their records before a start goes on; older
/// ones are left to [`audit`].
pub(super) const RECENT_TILES: u64 = 256;

/// How many bytes of records are read at once.
const READ_BYTES: usize = 1 << 20;

/// What was done to the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// How many records were read and compared with what was signed.
    pub compared: u64,
    /// Whether all files were made again.
    pub rebuilt: bool,
    /// Whether the lock had no checkpoint, and the published one was believed because the caller
    /// said so.
    pub lost_lock: bool,
}

/// Compares, and gives the tree of all that was signed.
pub(super) fn settle(
    reader: &dyn Reader,
    files: &LogFiles,
    locked: Option<&Signed>,
) -> Result<(Growth, Mended), SealError> {
    let records = reader.next().number();
    let Some(locked) = locked else {
        return Ok((Growth::default(), Mended::default()));
    };
    let signed = locked.checkpoint.size;
    if records < signed {
        return Err(SealError::Shorter { records, signed });
    }
    let base = signed - signed % TILE_WIDTH;
    if all_are_there(files, base)
        && let Some(compared) = newest_agree(reader, files, base)?
        && let Ok(tree) = TreeBuilder::resume(base, &FullTiles(files))
    {
        let mut growth = Growth::from(tree);
        growth.advance(reader, signed, &mut |_| Ok(()))?;
        if growth.root() == locked.checkpoint.root {
            let compared = compared + signed - base;
            return Ok((growth, Mended { compared, ..Mended::default() }));
        }
    }
    audit(reader, files, locked, &mut || true)?;
    let growth = rebuild(reader, files, signed)?;
    Ok((growth, Mended { compared: signed, rebuilt: true, ..Mended::default() }))
}

/// Reads every record that was signed and compares it with the checkpoint, which must be of this
/// log; gives how many files are missing or are not what follows from the records. Changes nothing.
///
/// `goes_on` is called after each file; when it says no, this ends with [`SealError::Stopped`].
pub(super) fn audit(
    reader: &dyn Reader,
    files: &LogFiles,
    signed: &Signed,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<u64, SealError> {
    let mut differing = 0;
    let mut first = None;
    let mut growth = Growth::default();
    let mut compare = |filled: Filled<'_>| {
        let path = filled.path();
        let found = files.read(&path).map_err(|source| SealError::file(files, &path, source))?;
        if found.as_deref() != Some(filled.bytes()) {
            differing += 1;
            if found.is_some() && first.is_none() {
                first = Some(place(&filled));
            }
        }
        if goes_on() { Ok(()) } else { Err(SealError::Stopped) }
    };
    growth.advance(reader, signed.checkpoint.size, &mut compare)?;
    if growth.root() == signed.checkpoint.root {
        return Ok(differing);
    }
    let place = first.unwrap_or_default();
    Err(SealError::Inconsistent { signed: signed.checkpoint.size, place })
}

/// Makes all files again that follow from the first `signed` records.
pub(super) fn rebuild(
    reader: &dyn Reader,
    files: &LogFiles,
    signed: u64,
) -> Result<Growth, SealError> {
    let mut growth = Growth::default();
    growth.advance(reader, signed, &mut |filled| write(files, &filled))?;
    Ok(growth)
}

/// Whether the records begin with those of another checkpoint, which must be of this log. The files
/// must be there.
pub(super) fn begin_with(
    reader: &dyn Reader,
    files: &LogFiles,
    signed: &Signed,
) -> Result<bool, SealError> {
    let Checkpoint { size, root, .. } = signed.checkpoint;
    let has_root = |mut growth: Growth| {
        growth.advance(reader, size, &mut |_| Ok(()))?;
        Ok(growth.root() == root)
    };
    if let Ok(tree) = TreeBuilder::resume(size - size % TILE_WIDTH, &FullTiles(files))
        && has_root(Growth::from(tree))?
    {
        return Ok(true);
    }
    // An old file may be damaged, and nobody has looked at it yet: the records decide.
    has_root(Growth::default())
}

fn place(filled: &Filled<'_>) -> String {
    let (index, level) = match filled {
        Filled::Tile(id, _) => (id.index, id.level),
        Filled::Bundle(id, _) => (id.index, 0),
    };
    let covered = TILE_WIDTH.saturating_pow(u32::from(level) + 1);
    let first = index.saturating_mul(covered);
    format!(", from event {first} to {} at the earliest", first + covered - 1)
}

/// Whether every file that is final by now is there, as far as its length tells.
fn all_are_there(files: &LogFiles, base: u64) -> bool {
    let full = tiles_since(0, base).filter(TileId::is_full);
    let tiles = full.map(|tile| (tile.path(), Some(tile.bytes())));
    let bundles = (0..base / TILE_WIDTH).map(|index| (BundleId { index, width: 256 }.path(), None));
    tiles.chain(bundles).all(|(path, expected)| {
        let length = files.length(&path).filter(|length| *length > 0);
        length.is_some_and(|length| expected.is_none_or(|it| length == it as u64))
    })
}

/// How many of the newest records were compared with the tiles over them and the bundles that hold
/// them, or `None` if they are not the ones, or if a file is not there.
fn newest_agree(
    reader: &dyn Reader,
    files: &LogFiles,
    base: u64,
) -> Result<Option<u64>, SealError> {
    let first = base.saturating_sub(RECENT_TILES * TILE_WIDTH);
    let mut next = first;
    let (mut hashes, mut bundle) = (Vec::new(), Vec::new());
    while next < base {
        let records = reader.read(Sequence::new(next), READ_BYTES)?;
        if records.is_empty() {
            return Err(SealError::Vanished { sequence: next, end: base });
        }
        for record in records.iter().take(usize::try_from(base - next).unwrap_or(usize::MAX)) {
            hashes.extend_from_slice(&leaf_hash(record).0);
            bundle_push(&mut bundle, record).map_err(SealError::limit)?;
            next += 1;
            if next.is_multiple_of(TILE_WIDTH) {
                let index = next / TILE_WIDTH - 1;
                let tile = TileId { level: 0, index, width: 256 }.path();
                let entries = BundleId { index, width: 256 }.path();
                let holds = |path: &str, bytes: &[u8]| {
                    files.read(path).is_ok_and(|found| found.is_some_and(|found| found == bytes))
                };
                if !holds(&tile, &hashes) || !holds(&entries, &bundle) {
                    return Ok(None);
                }
                hashes.clear();
                bundle.clear();
            }
        }
    }
    Ok(Some(base - first))
}

/// Full tiles alone: a partial tile above level 0 is made from the full ones below it, because a
/// crash may have lost it.
struct FullTiles<'a>(&'a LogFiles);

impl TileSource for FullTiles<'_> {
    type Error = io::Error;

    fn tile(&self, id: TileId) -> io::Result<Vec<u8>> {
        let Some(level) = id.level.checked_sub(1).filter(|_| !id.is_full()) else {
            return self.0.tile(id);
        };
        let mut bytes = Vec::with_capacity(id.bytes());
        for child in 0..u64::from(id.width) {
            let index = id.index * TILE_WIDTH + child;
            let tile = self.0.tile(TileId { level, index, width: 256 })?;
            bytes.extend_from_slice(&root_of(&tile)?.0);
        }
        Ok(bytes)
    }
}

fn root_of(tile: &[u8]) -> io::Result<Hash> {
    let mut tree = TreeBuilder::new();
    for hash in tile.as_chunks::<HASH_BYTES>().0 {
        tree.push(Hash(*hash), &mut |_, _| {}).map_err(io::Error::other)?;
    }
    if tree.size() == TILE_WIDTH { Ok(tree.root()) } else { Err(io::Error::other("a short tile")) }
}
