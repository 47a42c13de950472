//! What can be made of content with what is known of its session: its commitment, and the form
//! that keeps only what is new.

use super::codec::CONTENT_BYTES_MAX;
use super::delta::{DEPTH_MAX, Form};
use super::flights::Premise;
use super::session_keys::SessionKeys;
use crate::log::Address;
use bytes::Bytes;
use events::Digest;
use sha2::Digest as _;
use std::sync::Arc;

/// How many ends of turns are remembered of each, the last ones.
const CUTS_MAX: usize = 128;

/// The place of a turn's end, and the digest of all before it.
pub(super) type Cut = (usize, [u8; 16]);

#[derive(Clone, Debug)]
pub(super) struct Base {
    pub(super) address: Address,
    pub(super) bytes: usize,
    pub(super) cuts: Vec<Cut>,
    pub(super) chain: Chain,
    pub(super) tail: (usize, [u8; 16]),
}

/// What is read together with a payload, because it builds on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chain {
    /// How many payloads.
    depth: usize,
    /// The bytes of all middles.
    middles: usize,
}

/// What is known of a session, taken out so that no lock is held while hashing.
pub(super) struct Known {
    pub(super) premise: Option<Premise>,
    pub(super) keys: Arc<SessionKeys>,
    pub(super) unstored_record: Option<Bytes>,
    pub(super) bases: Vec<Base>,
    pub(super) stored: Vec<Address>,
    pub(super) in_use: Arc<()>,
}

impl Known {
    /// The commitment, the digest of everything before each of the last cuts, and what follows
    /// the last cut: where it begins and its digest.
    pub(super) fn measure(&self, content: &[u8], cuts: &[usize]) -> (Digest, Vec<Cut>, Cut) {
        let salt = self.keys.salt();
        let mut hasher = salt.begin();
        let mut measured = Vec::new();
        let mut at = 0;
        let first = cuts.len().saturating_sub(CUTS_MAX);
        for cut in cuts.iter().skip(first).copied() {
            let Some(piece) = content.get(at..cut) else { continue };
            hasher.update(piece);
            at = cut;
            measured.push((cut, shortened(hasher.clone().finalize().into())));
        }
        let rest = content.get(at..).unwrap_or_default();
        hasher.update(rest);
        let tail =
            shortened(salt.begin().chain_update(b"tail").chain_update(rest).finalize().into());
        (Digest(hasher.finalize().into()), measured, (at, tail))
    }

    /// The inner form, and what it builds on.
    pub(super) fn form(&self, content: &[u8], cuts: &[Cut], tail: Cut) -> (Vec<u8>, Chain) {
        let whole = || (Form::whole(content), Chain::default());
        let shared = |base: &Base| {
            cuts.iter().rev().find(|cut| base.cuts.contains(cut)).map_or(0, |(end, _)| *end)
        };
        let best = self.bases.iter().map(|base| (shared(base), base)).max_by_key(|(head, _)| *head);
        let Some((head, base)) = best.filter(|(head, _)| 0 < *head) else { return whole() };
        let same_tail = base.tail.1 == tail.1;
        let kept = if same_tail { content.len() - tail.0 } else { 0 };
        debug_assert!(!same_tail || kept == base.bytes - base.tail.0);
        let middle = content.get(head..content.len() - kept).unwrap_or_default();
        let Chain { depth, middles } = base.chain;
        let chain = Chain { depth: depth + 1, middles: middles + middle.len() };
        if chain.depth >= DEPTH_MAX || chain.middles > CONTENT_BYTES_MAX {
            return whole();
        }
        (Form::delta(base.address, head, kept, middle), chain)
    }
}

fn shortened(digest: [u8; 32]) -> [u8; 16] {
    let [head, ..] = digest.as_chunks::<16>().0 else { return [0; 16] };
    *head
}
