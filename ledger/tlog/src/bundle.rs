//! Entry bundles: the entries below a tile of level 0, each after its length (tlog-tiles, "Log
//! entries").

use crate::tile::{PathError, Place, TILE_WIDTH};

/// The largest entry, as its length takes two bytes.
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// One bundle: `width` entries from number `index * 256` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleId {
    /// The place of the bundle, and of the tile of level 0 over it.
    pub index: u64,
    /// From 1 to [`TILE_WIDTH`]; a bundle of less is partial.
    pub width: u16,
}

/// What is wrong with a bundle, or with an entry for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The entry's length does not fit into two bytes.
    #[error("the entry has {bytes} bytes, {ENTRY_BYTES_MAX} at most: keep its content elsewhere")]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// The bundle ends within an entry, or before one.
    #[error("the bundle ends within its entry {entry} of {width}")]
    Short {
        /// The place of the entry in the bundle.
        entry: u16,
        /// How many entries there should be.
        width: u16,
    },
    /// Something follows the last entry.
    #[error("the bundle has {bytes} bytes more than its {width} entries")]
    Long {
        /// How many bytes follow.
        bytes: usize,
        /// How many entries there should be.
        width: u16,
    },
}

impl BundleId {
    /// Where the bundle is served, below the prefix: `tile/entries/<N>[.p/<W>]`.
    pub fn path(&self) -> String {
        format!("tile/entries/{}", Place { index: self.index, width: self.width })
    }

    /// The bundle of a path. Takes exactly what [`Self::path`] gives.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        let place = path.strip_prefix("tile/entries/").and_then(Place::parse).ok_or(PathError)?;
        // A bundle whose entries would have no 64-bit index is in no log.
        let end = place.index.checked_mul(TILE_WIDTH);
        end.and_then(|end| end.checked_add(u64::from(place.width))).ok_or(PathError)?;
        Ok(Self { index: place.index, width: place.width })
    }

    /// The bundle of this place as a log of `size` entries has it; `None` if it has none there.
    pub fn of_log(index: u64, size: u64) -> Option<Self> {
        let left = size.checked_sub(index.checked_mul(TILE_WIDTH)?)?;
        let width = u16::try_from(left.min(TILE_WIDTH)).ok().filter(|width| *width > 0)?;
        Some(Self { index, width })
    }
}

/// Appends an entry to a bundle.
pub fn bundle_push(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), BundleError> {
    let length =
        u16::try_from(entry.len()).map_err(|_| BundleError::TooLong { bytes: entry.len() })?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// The entries of a bundle that must have exactly `width` of them and nothing else.
///
/// Gives each entry as it goes; ends with an error, once, if the bundle is not as it must be.
pub fn bundle_entries(bundle: &[u8], width: u16) -> BundleEntries<'_> {
    BundleEntries { rest: bundle, next: 0, width, failed: false }
}

/// See [`bundle_entries`].
#[derive(Debug, Clone)]
pub struct BundleEntries<'a> {
    rest: &'a [u8],
    next: u16,
    width: u16,
    failed: bool,
}

impl<'a> BundleEntries<'a> {
    fn take(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        self.rest = rest;
        Some(entry)
    }
}

impl<'a> Iterator for BundleEntries<'a> {
    type Item = Result<&'a [u8], BundleError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || (self.next == self.width && self.rest.is_empty()) {
            return None;
        }
        let (entry, width) = (self.next, self.width);
        if entry == width {
            self.failed = true;
            return Some(Err(BundleError::Long { bytes: self.rest.len(), width }));
        }
        let taken = self.take();
        self.failed = taken.is_none();
        self.next += 1;
        Some(taken.ok_or(BundleError::Short { entry, width }))
    }
}
