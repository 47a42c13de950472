//! Blocks of records small enough to keep: zstd against a dictionary of recent event text, which
//! the segment's header carries.

use super::block::CONTENT_BYTES_MAX;
use std::io;
use std::sync::{Mutex, PoisonError};
use zstd::bulk::{Compressor, Decompressor};

/// Event text to start the first segment with: one line each of the commonest kinds.
pub(super) const FIRST_DICTIONARY: &[u8] = include_bytes!("first_dictionary.jsonl");

const LEVEL: i32 = 1;
const UNPACKERS_KEPT: usize = 4;

/// Compresses the blocks of one segment; the dictionary is digested once.
pub(super) struct Packer {
    compressor: Compressor<'static>,
    out: Vec<u8>,
}

impl Packer {
    /// A packer for a segment with this dictionary.
    pub(super) fn new(dictionary: &[u8]) -> io::Result<Self> {
        let compressor = Compressor::with_dictionary(LEVEL, dictionary)?;
        Ok(Self { compressor, out: Vec::with_capacity(zstd::zstd_safe::compress_bound(4096)) })
    }

    /// The block's content compressed, or nothing when that is no smaller.
    pub(super) fn pack(&mut self, content: &[u8]) -> io::Result<Option<&[u8]>> {
        self.out.clear();
        self.out.reserve(zstd::zstd_safe::compress_bound(content.len()));
        self.compressor.compress_to_buffer(content, &mut self.out)?;
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
