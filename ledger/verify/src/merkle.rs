//! The tree over the records: re-derived leaf by leaf, and compared with every tile, the signed
//! root and the roots that were signed earlier.

use crate::evidence::{Evidence, Fetched, SourceError};
use crate::finding::{Check, Finding, Findings, LISTED_MAX, Place};
use crate::record::Stretch;
use crate::trust::Head;
use std::collections::HashSet;
use std::sync::Arc;
use tlog::{HASH_BYTES, Hash, TILE_WIDTH, TileId, TileSource, TreeBuilder, leaf_hash};

/// How many tiles that differ are remembered, to leave out what follows from them.
const DIFFERING_MAX: usize = 1 << 16;

/// How many records that follow each other a tile may stand in for.
const MISSING_MAX: u64 = 1 << 16;

/// A hash that a tile has otherwise than the records make it.
struct Mismatch {
    tile: TileId,
    position: usize,
    /// The first byte of the tile that differs.
    byte: u64,
    /// Where the record of a leaf stands.
    record: Option<Place>,
    /// Whether what is above the tile says that the tile is right.
    vouched: bool,
}

/// The tree as far as records have come.
pub(crate) struct Merkle<'a> {
    evidence: &'a dyn Evidence,
    head: &'a Head,
    known: usize,
    builder: TreeBuilder,
    /// Where the records of the current tile stand.
    places: Vec<(Arc<str>, u64)>,
    mismatches: Vec<Mismatch>,
    unlisted: u64,
    differing: HashSet<TileId>,
    /// The tile that stands in for missing records.
    latest: Option<(TileId, Vec<u8>)>,
    findings: Findings,
    tiles: u64,
    /// Records are missing, and so is the tile that has their hashes.
    broken: bool,
}

/// What the tree comes to.
pub(crate) struct Derived {
    pub(crate) findings: Findings,
    pub(crate) tiles: u64,
}

struct Tiles<'a>(&'a dyn Evidence);

impl TileSource for Tiles<'_> {
    type Error = ();

    fn tile(&self, id: TileId) -> Result<Vec<u8>, ()> {
        match self.0.tile(id) {
            Ok(Fetched::Bytes(bytes)) => Ok(bytes),
            Ok(Fetched::Missing | Fetched::Odd(_)) | Err(_) => Err(()),
        }
    }
}

impl<'a> Merkle<'a> {
    pub(crate) fn new(evidence: &'a dyn Evidence, head: &'a Head) -> Self {
        let mut merkle = Self {
            evidence,
            head,
            known: 0,
            builder: TreeBuilder::new(),
            places: Vec::new(),
            mismatches: Vec::new(),
            unlisted: 0,
            differing: HashSet::new(),
            latest: None,
            findings: Findings::default(),
            tiles: 0,
            broken: false,
        };
        merkle.compare_known();
        merkle
    }

    /// Takes the records of the next stretch.
    pub(crate) fn stretch(&mut self, stretch: &Stretch) -> Result<(), SourceError> {
        if let Some(defect) = &stretch.defect {
            let missing = stretch.first.saturating_add(stretch.len());
            let finding = Finding::new(Check::Records, &defect.detail);
            let place = Place { file: Arc::clone(&stretch.file), byte: defect.byte };
            self.findings.add(finding.about(missing).at(place));
        }
        if self.broken {
            return Ok(());
        }
        for record in stretch.records() {
            self.places.push((Arc::clone(record.file), record.byte));
            self.leaf(leaf_hash(record.bytes))?;
        }
        let end = stretch.first.saturating_add(stretch.count);
        // A size that nobody vouches for may promise more records than anybody can look for.
        self.broken |= end.saturating_sub(self.builder.size()) > MISSING_MAX;
        while self.builder.size() < end && !self.broken {
            self.leaf_of_tile(&stretch.file)?;
        }
        Ok(())
    }

    /// Goes on with a leaf hash as the tile has it, because its record cannot be read.
    fn leaf_of_tile(&mut self, file: &Arc<str>) -> Result<(), SourceError> {
        let next = self.builder.size();
        let tile = TileId::of_tree(0, next / TILE_WIDTH, self.head.checkpoint.size);
        let position = usize::try_from(next % TILE_WIDTH).unwrap_or(usize::MAX);
        if self.latest.as_ref().map(|(latest, _)| *latest) != tile {
            self.latest =
                match tile.map(|tile| Ok((tile, self.evidence.tile(tile)?))).transpose()? {
                    Some((tile, Fetched::Bytes(bytes))) => Some((tile, bytes)),
                    _ => None,
                };
        }
        let bytes = self.latest.as_ref().map(|(_, bytes)| bytes.as_slice()).unwrap_or_default();
        let hash = bytes.as_chunks::<HASH_BYTES>().0.get(position).copied().map(Hash);
        let Some(hash) = hash else {
            self.broken = true;
            return Ok(());
        };
        self.places.push((Arc::clone(file), 0));
        self.leaf(hash)
    }

    fn leaf(&mut self, hash: Hash) -> Result<(), SourceError> {
        let mut full = Vec::new();
        let pushed = self.builder.push(hash, &mut |tile, bytes| full.push((tile, bytes.to_vec())));
        self.broken |= pushed.is_err();
        for (tile, bytes) in &full {
            self.compare(*tile, bytes)?;
        }
        if !full.is_empty() {
            self.places.clear();
        }
        self.compare_known();
        Ok(())
    }

    /// Compares with the checkpoints of earlier times that are of the size that was reached.
    fn compare_known(&mut self) {
        while let Some((file, known)) = self.head.known.get(self.known) {
            if known.size != self.builder.size() {
                return;
            }
            self.known += 1;
            if known.root != self.builder.root() {
                let detail = format!("the first {} events are not those of this", known.size);
                self.findings.add(Finding::new(Check::Known, detail).at(Place::of(file)));
            }
        }
    }

    fn compare(&mut self, tile: TileId, expected: &[u8]) -> Result<(), SourceError> {
        self.tiles += 1;
        let file = self.evidence.file(&tile.path());
        let first = (tile.level == 0).then_some(tile.index * TILE_WIDTH);
        let mut add = |detail: &str, byte: Option<usize>| {
            let byte = byte.and_then(|byte| u64::try_from(byte).ok());
            let mut finding = Finding::new(Check::Tiles, detail);
            finding.sequence = first;
            self.findings.add(finding.at(Place { file: Arc::clone(&file), byte }));
        };
        let stored = match self.evidence.tile(tile)? {
            Fetched::Bytes(bytes) if bytes == expected => return Ok(()),
            Fetched::Bytes(bytes) => bytes,
            Fetched::Missing => {
                add("the tile is missing", None);
                return Ok(());
            }
            Fetched::Odd(what) => {
                add(what, None);
                return Ok(());
            }
        };
        if stored.len() < expected.len() {
            add("the tile ends too early", Some(stored.len()));
        } else if stored.len() > expected.len() {
            add("the tile goes on behind its end", Some(expected.len()));
        }
        self.differ(tile, expected, &stored)
    }

    fn differ(&mut self, tile: TileId, made: &[u8], stored: &[u8]) -> Result<(), SourceError> {
        let mut vouched = None;
        let hashes = made.chunks(HASH_BYTES).zip(stored.chunks(HASH_BYTES)).enumerate();
        for (position, (made, stored_hash)) in hashes {
            let differs = made.iter().zip(stored_hash).position(|(a, b)| a != b);
            let Some(offset) = differs else { continue };
            if self.differing.len() < DIFFERING_MAX {
                self.differing.insert(tile);
            }
            if self.mismatches.len() >= LISTED_MAX {
                self.unlisted += 1;
                continue;
            }
            let vouched = match vouched {
                Some(vouched) => vouched,
                None => *vouched.insert(self.vouched(tile, stored)?),
            };
            let place = self.places.get(position).filter(|_| tile.level == 0);
            self.mismatches.push(Mismatch {
                tile,
                position,
                byte: u64::try_from(position * HASH_BYTES + offset).unwrap_or(u64::MAX),
                record: place.map(|(file, byte)| Place::at(file, *byte)),
                vouched,
            });
        }
        Ok(())
    }

    /// Whether what is above a tile, as the evidence has it, says that the tile is right.
    fn vouched(&self, tile: TileId, stored: &[u8]) -> Result<bool, SourceError> {
        let (size, root) = (self.head.checkpoint.size, self.head.checkpoint.root);
        if !tile.is_full() {
            return Ok(tlog::root(&Tiles(self.evidence), size) == Ok(root));
        }
        let Some(above) = TileId::of_tree(tile.level + 1, tile.index / TILE_WIDTH, size) else {
            return Ok(false);
        };
        let Fetched::Bytes(above) = self.evidence.tile(above)? else { return Ok(false) };
        let mut builder = TreeBuilder::new();
        for hash in stored.as_chunks::<HASH_BYTES>().0 {
            if builder.push(Hash(*hash), &mut |_, _| {}).is_err() {
                return Ok(false);
            }
        }
        let position = usize::try_from(tile.index % TILE_WIDTH).unwrap_or(usize::MAX);
        let says = above.as_chunks::<HASH_BYTES>().0.get(position);
        Ok(says == Some(&builder.root().0))
    }

    /// Compares what is left, and tells which of two that differ was altered.
    pub(crate) fn finish(mut self) -> Result<Derived, SourceError> {
        let partial: Vec<_> =
            if self.broken { Vec::new() } else { self.builder.partial().collect() };
        for (tile, bytes) in partial {
            self.compare(tile, &bytes)?;
        }
        let checkpoint = &self.head.checkpoint;
        let reached = self.builder.size() == checkpoint.size && !self.broken;
        let right = reached && self.builder.root() == checkpoint.root;
        for mismatch in std::mem::take(&mut self.mismatches) {
            self.resolve(mismatch, right);
        }
        self.findings.count(if right { Check::Tiles } else { Check::Records }, self.unlisted);
        let detail = if !reached {
            let size = self.builder.size();
            format!("the root was not re-derived: the tree could be followed to {size} events only")
        } else if !right {
            let root = self.builder.root();
            format!("the records lead to the root {root}, and {} was signed", checkpoint.root)
        } else {
            String::new()
        };
        if !detail.is_empty() {
            let finding = Finding::new(Check::Records, detail);
            self.findings.add(finding.at(Place::of(&self.head.file)));
        }
        Ok(Derived { findings: self.findings, tiles: self.tiles })
    }

    fn resolve(&mut self, mismatch: Mismatch, records_are_right: bool) {
        let Mismatch { tile, position, byte, record, vouched } = mismatch;
        let file = self.evidence.file(&tile.path());
        let number = tile.index * TILE_WIDTH + u64::try_from(position).unwrap_or(u64::MAX);
        let sequence = Some(number).filter(|_| tile.level == 0);
        let mut add = |check, detail: &str, place| {
            let mut finding = Finding::new(check, detail);
            finding.sequence = sequence;
            self.findings.add(finding.at(place));
        };
        let in_tile = Place { file, byte: Some(byte) };
        if records_are_right {
            return add(Check::Tiles, "the hash is not the one that the records lead to", in_tile);
        }
        let Some(record) = record else {
            // What is above a tile that differs must differ as well.
            let below = TileId { level: tile.level.saturating_sub(1), index: number, width: 256 };
            if !self.differing.contains(&below) {
                add(Check::Tiles, "the hash is not the one that the tile below leads to", in_tile);
            }
            return;
        };
        if vouched {
            return add(Check::Records, "the record is not the one that was signed", record);
        }
        add(Check::Records, "record and tile do not belong together", record);
        add(Check::Tiles, "record and tile do not belong together", in_tile);
    }
}
