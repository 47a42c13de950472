//! Tiles: 256 hashes of one level side by side, under a path (tlog-tiles, "Merkle Tree").

use crate::decimal;
use std::fmt;

/// How many hashes a full tile has, and how many entries a full bundle.
pub const TILE_WIDTH: u64 = 256;

/// The highest level that a tree of less than 2^64 leaves has.
pub const LEVEL_MAX: u8 = 7;

/// Bits of an index that a level takes.
pub(crate) const LEVEL_BITS: u32 = 8;

/// Longer than any path of a tile or bundle.
const PATH_BYTES_MAX: usize = 64;

/// One tile of a tree: `width` hashes from number `index * 256` of its level on.
///
/// At level 0 they are leaf hashes, above each is the root of a full tile of the level below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// From 0 to [`LEVEL_MAX`].
    pub level: u8,
    /// The place within the level.
    pub index: u64,
    /// From 1 to [`TILE_WIDTH`]; a tile of less is partial.
    pub width: u16,
}

/// A path is not that of a tile or of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the path of a tile or bundle, as `tile/0/x001/067` or `tile/entries/000.p/5`")]
pub struct PathError;

impl TileId {
    /// Where the tile is served, below the prefix: `tile/<L>/<N>[.p/<W>]`.
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, Place { index: self.index, width: self.width })
    }

    /// The tile of a path. Takes exactly what [`Self::path`] gives.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        let (level, place) =
            path.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(PathError)?;
        let level = decimal::parse(level).and_then(|level| u8::try_from(level).ok());
        let level = level.filter(|level| *level <= LEVEL_MAX).ok_or(PathError)?;
        let Place { index, width } = Place::parse(place).ok_or(PathError)?;
        // A tile whose leaves would have no 64-bit index is in no tree.
        let shift = LEVEL_BITS * u32::from(level);
        let first = index.checked_mul(TILE_WIDTH).ok_or(PathError)?;
        let end = first.checked_add(u64::from(width)).ok_or(PathError)?;
        if end > u64::MAX >> shift {
            return Err(PathError);
        }
        Ok(Self { level, index, width })
    }

    /// The tile of this place as a tree of `size` leaves has it; `None` if it has none there.
    pub fn of_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        let hashes = level_hashes(level, size);
        let left = hashes.checked_sub(index.checked_mul(TILE_WIDTH)?)?;
        let width = u16::try_from(left.min(TILE_WIDTH)).ok().filter(|width| *width > 0)?;
        Some(Self { level, index, width })
    }

    /// Whether the tile has all of its hashes, so that it never changes.
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == TILE_WIDTH
    }

    /// How many bytes the tile has: 32 for each hash.
    pub fn bytes(&self) -> usize {
        usize::from(self.width) * crate::hash::HASH_BYTES
    }
}

/// How many hashes a level has in a tree of `size` leaves.
fn level_hashes(level: u8, size: u64) -> u64 {
    size.checked_shr(LEVEL_BITS * u32::from(level)).unwrap_or(0)
}

/// The partial tiles of a tree of `size` leaves, lowest level first: all that is needed to go on.
pub fn edge_tiles(size: u64) -> impl Iterator<Item = TileId> {
    let last = move |level| TileId::of_tree(level, level_hashes(level, size) / TILE_WIDTH, size);
    (0..=LEVEL_MAX).filter_map(last)
}

/// The tiles of a tree of `new` leaves that one of `old` leaves does not have: those that were
/// filled since, and the partial ones of the new size. From 0, all tiles of the tree.
pub fn tiles_since(old: u64, new: u64) -> impl Iterator<Item = TileId> {
    (0..=LEVEL_MAX).flat_map(move |level| {
        let first = level_hashes(level, old) / TILE_WIDTH;
        let end = level_hashes(level, new).div_ceil(TILE_WIDTH);
        (first..end)
            .filter_map(move |index| TileId::of_tree(level, index, new))
            .filter(move |tile| TileId::of_tree(level, tile.index, old) != Some(*tile))
    })
}

/// The end of a path: the index in groups of three digits, and the width if partial.
pub(crate) struct Place {
    pub(crate) index: u64,
    pub(crate) width: u16,
}

impl Place {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > PATH_BYTES_MAX {
            return None;
        }
        let (groups, width) = match text.split_once(".p/") {
            Some((groups, width)) => (groups, u16::try_from(decimal::parse(width)?).ok()?),
            None => (text, 256),
        };
        let mut index = 0_u64;
        for group in groups.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            if digits.len() != 3 || !digits.bytes().all(|next| next.is_ascii_digit()) {
                return None;
            }
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        // There is one way to write a place; everything else is refused by writing it again.
        let place = Self { index, width };
        (width > 0 && place.to_string() == text).then_some(place)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups = vec![format!("{:03}", self.index % 1000)];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        groups.reverse();
        formatter.write_str(&groups.join("/"))?;
        if u64::from(self.width) < TILE_WIDTH {
            write!(formatter, ".p/{}", self.width)?;
        }
        Ok(())
    }
}
