//! The inner form of a sealed payload: whole, or as copies from another one and what is new.

use super::codec::CONTENT_BYTES_MAX;
use crate::log::Address;
use std::io;

const WHOLE: u8 = 0;
const DELTA: u8 = 1;

/// The most payloads that one may build on, one upon the other.
pub(super) const DEPTH_MAX: usize = 256;

/// What a sealed payload says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The content itself.
    Whole(Vec<u8>),
    /// `head` bytes from the base's beginning, then `middle`, then `tail` bytes from its end.
    Delta { base: Address, head: u64, tail: u64, middle: Vec<u8> },
}

impl Form {
    /// Writes a payload that stands alone.
    pub(super) fn whole(content: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(content.len() + 1);
        bytes.push(WHOLE);
        bytes.extend_from_slice(content);
        bytes
    }

    /// Writes a payload that builds on `base`.
    pub(super) fn delta(base: Address, head: usize, tail: usize, middle: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(middle.len() + 49);
        bytes.push(DELTA);
        bytes.extend_from_slice(&base.0);
        bytes.extend_from_slice(&u32::try_from(head).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(&u32::try_from(tail).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(middle);
        bytes
    }

    /// Reads either.
    pub(super) fn parse(mut bytes: Vec<u8>) -> io::Result<Self> {
        let damaged = || io::Error::other("its inner form is damaged");
        match bytes.first() {
            Some(&WHOLE) => {
                bytes.remove(0);
                Ok(Self::Whole(bytes))
            }
            Some(&DELTA) => {
                let (_, rest) = bytes.split_at(1);
                let (base, rest) = rest.split_first_chunk::<32>().ok_or_else(damaged)?;
                let (head, rest) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
                let (tail, middle) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
                Ok(Self::Delta {
                    base: Address(*base),
                    head: u32::from_be_bytes(*head).into(),
                    tail: u32::from_be_bytes(*tail).into(),
                    middle: middle.to_vec(),
                })
            }
            _ => Err(damaged()),
        }
    }

    /// How long the content of a delta is, given the length of its base's; `None` when they do not
    /// fit, or when it is longer than any content.
    pub(super) fn length(base: usize, head: u64, tail: u64, middle: usize) -> Option<usize> {
        let part = |bytes: u64| usize::try_from(bytes).ok().filter(|bytes| *bytes <= base);
        let bytes = part(head)?.checked_add(part(tail)?)?.checked_add(middle)?;
        (bytes <= CONTENT_BYTES_MAX).then_some(bytes)
    }

    /// The content of a delta, given that of its base; `None` when they do not fit.
    pub(super) fn apply(base: &[u8], head: u64, tail: u64, middle: &[u8]) -> Option<Vec<u8>> {
        let head = base.get(..usize::try_from(head).ok()?)?;
        let tail_start = base.len().checked_sub(usize::try_from(tail).ok()?)?;
        let tail = base.get(tail_start..)?;
        Some([head, middle, tail].concat())
    }
}
