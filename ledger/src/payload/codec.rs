//! How a payload is made small: one byte that names the codec, then its output.
//!
//! 0 is plain, 1 is zstd with the first dictionary below. What is encrypted has this inside.

use std::cell::RefCell;
use std::io;
use std::sync::OnceLock;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

const PLAIN: u8 = 0;
const ZSTD_1: u8 = 1;

/// Raw content, part of the format: a change here needs a new codec number.
const DICTIONARY_1: &[u8] = include_bytes!("dictionary-1.txt");

/// How much time is spent to make payloads small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Enough to make conversations about half as large.
    Careful,
    /// Half of that time, for a fifth more bytes: for when many calls wait.
    Hurried,
}

impl Effort {
    /// The level of zstd.
    const fn level(self) -> i32 {
        match self {
            Self::Careful => 1,
            Self::Hurried => -1,
        }
    }
}

/// The most bytes one payload may have: what a delta can express, far above any body limit.
pub(super) const CONTENT_BYTES_MAX: usize = 1 << 30;

/// A payload this large is not worth a second copy in memory to see whether it gets smaller.
const COMPRESSED_BYTES_MAX: usize = 256 << 20;

/// How large an output buffer each thread keeps.
const KEPT_BYTES_MAX: usize = 64 << 10;

/// Room around the output, for whoever encrypts it in place.
#[derive(Clone, Copy)]
pub(super) struct Margin {
    /// Zero bytes in front.
    pub(super) front: usize,
    /// Capacity behind.
    pub(super) back: usize,
}

impl Margin {
    /// Nothing around it.
    pub(super) const NONE: Self = Self { front: 0, back: 0 };
}

/// What each thread compresses with.
struct Bench {
    careful: Compressor<'static>,
    hurried: Compressor<'static>,
    output: Vec<u8>,
}

impl Bench {
    fn new() -> io::Result<Self> {
        static CAREFUL: Prepared = Prepared::new();
        static HURRIED: Prepared = Prepared::new();
        let compressor = |prepared: &'static Prepared, effort| {
            Compressor::with_prepared_dictionary(encoder(prepared, effort))
        };
        Ok(Self {
            careful: compressor(&CAREFUL, Effort::Careful)?,
            hurried: compressor(&HURRIED, Effort::Hurried)?,
            output: Vec::new(),
        })
    }
}

type Prepared = OnceLock<EncoderDictionary<'static>>;

thread_local! {
    static BENCH: RefCell<Option<Bench>> = const { RefCell::new(None) };
}

/// Compresses `content` where that helps.
pub(super) fn encode(content: &[u8], effort: Effort, margin: Margin) -> Vec<u8> {
    let is_small = content.len() <= COMPRESSED_BYTES_MAX;
    let compressed = is_small.then(|| compress(content, effort, margin)).flatten();
    compressed.unwrap_or_else(|| named(PLAIN, content, margin))
}

fn compress(content: &[u8], effort: Effort, margin: Margin) -> Option<Vec<u8>> {
    BENCH.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Some(Bench::new().ok()?);
        }
        let Bench { careful, hurried, output } = slot.as_mut()?;
        let compressor = match effort {
            Effort::Careful => careful,
            Effort::Hurried => hurried,
        };
        output.clear();
        output.reserve(zstd::zstd_safe::compress_bound(content.len()));
        compressor.compress_to_buffer(content, output).ok()?;
        let sealed = (output.len() < content.len()).then(|| named(ZSTD_1, output, margin));
        output.shrink_to(KEPT_BYTES_MAX);
        sealed
    })
}

fn named(codec: u8, bytes: &[u8], margin: Margin) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(margin.front + 1 + bytes.len() + margin.back);
    sealed.resize(margin.front, 0);
    sealed.push(codec);
    sealed.extend_from_slice(bytes);
    sealed
}

/// Gives back the content; an error says what is wrong with the bytes.
pub(super) fn decode(sealed: &[u8]) -> io::Result<Vec<u8>> {
    match sealed.split_first() {
        Some((&PLAIN, content)) => Ok(content.to_vec()),
        Some((&ZSTD_1, compressed)) => {
            let length = Decompressor::upper_bound(compressed)
                .filter(|length| *length <= CONTENT_BYTES_MAX)
                .ok_or_else(|| io::Error::other("not a zstd frame of a sensible size"))?;
            Decompressor::with_prepared_dictionary(decoder())?.decompress(compressed, length)
        }
        Some((codec, _)) => Err(io::Error::other(format!("codec {codec} is unknown"))),
        None => Err(io::Error::other("it is empty")),
    }
}

fn encoder(prepared: &Prepared, effort: Effort) -> &EncoderDictionary<'static> {
    prepared.get_or_init(|| EncoderDictionary::copy(DICTIONARY_1, effort.level()))
}

fn decoder() -> &'static DecoderDictionary<'static> {
    static DECODER: OnceLock<DecoderDictionary<'static>> = OnceLock::new();
    DECODER.get_or_init(|| DecoderDictionary::copy(DICTIONARY_1))
}
