//! Blocks of records small enough to keep: zstd against a dictionary of recent event text, which
//! the segment's header carries.

use super::block::CONTENT_BYTES_MAX;
use std::io;
use std::sync::{Mutex, PoisonError};
use zstd::bulk::{Compressor, Decompressor};

/// Event text to start the first segment with: one line each of the commonest kinds.
pub(super) const FIRST_DICTIONARY: &[u8] = include_bytes!("first_dictionary.jsonl");

const LEVEL: i32 = 1;
/// Under load the writer is what everybody waits for. Large blocks need no dictionary,
/// and take a third of the time for half as many bytes again.
const FAST_LEVEL: i32 = -3;
const FAST_BATCH_RECORDS: usize = 32;
/// Small blocks, so that reading one record stays cheap.
const BLOCK_BYTES: usize = 16 * 1024;
const FAST_BLOCK_BYTES: usize = 64 * 1024;
const UNPACKERS_KEPT: usize = 4;

/// Compresses the blocks of one segment; the dictionary is digested once.
pub(super) struct Packer {
    careful: Compressor<'static>,
    fast: Compressor<'static>,
    is_fast: bool,
    out: Vec<u8>,
}

impl Packer {
    /// A packer for a segment with this dictionary.
    pub(super) fn new(dictionary: &[u8]) -> io::Result<Self> {
        let careful = Compressor::with_dictionary(LEVEL, dictionary)?;
        let fast = Compressor::new(FAST_LEVEL)?;
        Ok(Self { careful, fast, is_fast: false, out: Vec::new() })
    }

    /// Prepares for a batch of so many records, and returns the most content for its blocks.
    pub(super) fn start(&mut self, batch_records: usize) -> usize {
        self.is_fast = batch_records >= FAST_BATCH_RECORDS;
        if self.is_fast { FAST_BLOCK_BYTES } else { BLOCK_BYTES }
    }

    /// The block's content compressed, or nothing when that is no smaller.
    pub(super) fn pack(&mut self, content: &[u8]) -> io::Result<Option<&[u8]>> {
        self.out.clear();
        self.out.reserve(zstd::zstd_safe::compress_bound(content.len()));
        let compressor = if self.is_fast { &mut self.fast } else { &mut self.careful };
        compressor.compress_to_buffer(content, &mut self.out)?;
        Ok((self.out.len() < content.len()).then_some(self.out.as_slice()))
    }
}

/// Decompresses the blocks of one segment, for several threads at a time.
pub(super) struct Unpackers {
    dictionary: Vec<u8>,
    idle: Mutex<Vec<Decompressor<'static>>>,
}

impl Unpackers {
    /// Unpackers for a segment with this dictionary.
    pub(super) fn new(dictionary: Vec<u8>) -> Self {
        Self { dictionary, idle: Mutex::default() }
    }

    /// The dictionary.
    pub(super) fn dictionary(&self) -> &[u8] {
        &self.dictionary
    }

    /// The content that was packed.
    pub(super) fn unpack(&self, packed: &[u8]) -> io::Result<Vec<u8>> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut unpacker = match idle {
            Some(unpacker) => unpacker,
            None => Decompressor::with_dictionary(&self.dictionary)?,
        };
        let content = unpacker.decompress(packed, CONTENT_BYTES_MAX)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < UNPACKERS_KEPT {
            idle.push(unpacker);
        }
        drop(idle);
        Ok(content)
    }
}

/// The latest event text, to become the next segment's dictionary.
pub(super) struct RecentText {
    text: Vec<u8>,
    bytes_max: usize,
}

impl RecentText {
    /// Starts from a dictionary in use.
    pub(super) fn new(dictionary: &[u8], bytes_max: usize) -> Self {
        Self { text: dictionary.to_vec(), bytes_max }
    }

    /// Remembers one more record.
    pub(super) fn push(&mut self, record: &[u8]) {
        self.text.extend_from_slice(record);
        if self.text.len() > self.bytes_max * 2 {
            self.trim();
        }
    }

    /// The last bytes, as many as a dictionary may have.
    pub(super) fn dictionary(&mut self) -> Vec<u8> {
        self.trim();
        self.text.clone()
    }

    fn trim(&mut self) {
        let surplus = self.text.len().saturating_sub(self.bytes_max);
        self.text.drain(..surplus);
    }
}
