//! Evidence that is a tlog-tiles log: `checkpoint`, `tile/…` and `tile/entries/…` below a prefix.

use crate::evidence::{Evidence, Fetched, NamedFile, Sink, SourceError};
use crate::folder::{Files, Folder};
use crate::record::{Defect, Stretch};
use std::path::PathBuf;
use std::sync::Arc;
use tlog::{
    BundleId, Checkpoint, ENTRY_BYTES_MAX, NOTE_BYTES_MAX, Note, POLICY_BYTES_MAX, TILE_WIDTH,
    TileId,
};

/// The most bytes that a bundle has.
const BUNDLE_BYTES_MAX: usize = 256 * (ENTRY_BYTES_MAX + 2);

/// After so many bundles in a row that are missing the others are not looked for.
const MISSING_MAX: u32 = 8;

/// Where a key or policy may lie beside the evidence.
const TRUST_FILES: &[&str] = &["keys/policy", "policy", "vkey"];

/// The log in a directory of this machine.
pub fn log_directory(path: PathBuf) -> impl Evidence {
    Prefix(Folder(path))
}

/// A log below a prefix.
pub(crate) struct Prefix<F>(pub(crate) F);

impl<F: Files> Prefix<F> {
    /// The size of the latest checkpoint, if there is one.
    fn latest_size(&self) -> Result<Option<u64>, SourceError> {
        let Fetched::Bytes(bytes) = self.checkpoint()? else { return Ok(None) };
        let checkpoint = Note::parse(&bytes).ok().and_then(|note| note.text().parse().ok());
        Ok(checkpoint.map(|checkpoint: Checkpoint| checkpoint.size))
    }

    /// A file that may exist in other widths: this one, else the full one, else the one that a log
    /// has that went on meanwhile. Gives its path, too.
    fn any_width(
        &self,
        width: u16,
        path: &dyn Fn(u16) -> String,
        later: &dyn Fn(u64) -> Option<u16>,
        most: &dyn Fn(u16) -> usize,
    ) -> Result<(String, Fetched, u16), SourceError> {
        let full = 256;
        let mut latest = Fetched::Missing;
        for width in [width, full] {
            latest = self.0.read(&path(width), most(width))?;
            if latest != Fetched::Missing || width == full {
                if latest != Fetched::Missing {
                    return Ok((path(width), latest, width));
                }
                break;
            }
        }
        // Partial files may be gone when the log has gone on; nothing is believed of the new
        // checkpoint but where to look.
        let wider = if width < full { self.latest_size()?.and_then(later) } else { None };
        if let Some(wider) = wider.filter(|wider| *wider > width) {
            latest = self.0.read(&path(wider), most(wider))?;
            return Ok((path(wider), latest, wider));
        }
        Ok((path(width), latest, width))
    }

    fn stretch(&self, id: BundleId) -> Result<(Stretch, bool), SourceError> {
        let first = id.index.saturating_mul(TILE_WIDTH);
        let count = u64::from(id.width);
        let (path, fetched, width) = self.any_width(
            id.width,
            &|width| BundleId { index: id.index, width }.path(),
            &|size| BundleId::of_log(id.index, size).map(|later| later.width),
            &|_| BUNDLE_BYTES_MAX,
        )?;
        let file = self.file(&path);
        let bytes = match fetched {
            Fetched::Bytes(bytes) => bytes,
            Fetched::Missing => {
                let detail = "the bundle is missing".to_owned();
                return Ok((Stretch::missing(first, count, file, detail), true));
            }
            Fetched::Odd(what) => {
                return Ok((Stretch::missing(first, count, file, what.to_owned()), true));
            }
        };
        Ok((split(Stretch::new(first, count, file), bytes, width), false))
    }
}

/// The records of a bundle that has `width` of them, of which the stretch wants the first.
fn split(stretch: Stretch, bytes: Vec<u8>, width: u16) -> Stretch {
    let mut ranges = Vec::new();
    let mut at = 0_usize;
    let mut defect = None;
    for entry in tlog::bundle_entries(&bytes, width) {
        match entry {
            Ok(entry) => {
                let start = at + 2;
                at = start + entry.len();
                ranges.push(start..at);
            }
            Err(error) => {
                let byte = u64::try_from(at).ok();
                defect = Some(Defect { byte, detail: error.to_string() });
            }
        }
    }
    let wanted = usize::try_from(stretch.count).unwrap_or(usize::MAX);
    let mut stretch = stretch.over(bytes);
    for range in ranges.into_iter().take(wanted) {
        let byte = u64::try_from(range.start).unwrap_or(u64::MAX);
        stretch.lies(range, byte);
    }
    stretch.defect = defect;
    stretch
}

impl<F: Files> Evidence for Prefix<F> {
    fn checkpoint(&self) -> Result<Fetched, SourceError> {
        self.0.read("checkpoint", NOTE_BYTES_MAX)
    }

    fn trust(&self) -> Result<Option<NamedFile>, SourceError> {
        for path in TRUST_FILES {
            if let Fetched::Bytes(bytes) = self.0.read(path, POLICY_BYTES_MAX)? {
                return Ok(Some((self.file(path), bytes)));
            }
        }
        Ok(None)
    }

    fn tile(&self, id: TileId) -> Result<Fetched, SourceError> {
        let (_, fetched, width) = self.any_width(
            id.width,
            &|width| TileId { width, ..id }.path(),
            &|size| TileId::of_tree(id.level, id.index, size).map(|later| later.width),
            &|width| TileId { width, ..id }.bytes(),
        )?;
        let Fetched::Bytes(mut bytes) = fetched else { return Ok(fetched) };
        if width > id.width {
            bytes.truncate(id.bytes());
        }
        Ok(Fetched::Bytes(bytes))
    }

    fn file(&self, path: &str) -> Arc<str> {
        self.0.name(path).into()
    }

    fn records(&self, size: u64, sink: Sink<'_>) -> Result<(), SourceError> {
        let mut missing = 0;
        for index in 0..size.div_ceil(TILE_WIDTH) {
            let Some(id) = BundleId::of_log(index, size) else { break };
            let (mut stretch, is_missing) = self.stretch(id)?;
            missing = if is_missing { missing + 1 } else { 0 };
            let is_last = missing > MISSING_MAX;
            if is_last {
                stretch.count = size.saturating_sub(stretch.first);
                stretch.defect = Some(Defect {
                    byte: None,
                    detail: "the bundle is missing; those behind it were not looked for".to_owned(),
                });
            }
            if sink(stretch).is_break() || is_last {
                break;
            }
        }
        Ok(())
    }
}
