//! The state that makes payloads small: what each session has stored lately.
//!
//! It is a cache: losing an entry costs space, never content.

use super::codec::{CONTENT_BYTES_MAX, Effort};
use super::delta::{DEPTH_MAX, Form};
use super::flights::{Flight, Flights, Hold, Premise};
use super::kek::KeyError;
use super::keys::Keys;
use super::session_keys::SessionKeys;
use super::{SALT_ADDRESS, scope};
use crate::log::{Address, ReadError, Reader, Scope, Sealed};
use bytes::Bytes;
use events::{Digest, PayloadRef, SessionId};
use sha2::Digest as _;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::futures::Notified;

/// How many sessions are remembered; each takes a few KiB at the most.
const SESSIONS_MAX: usize = 1024;

/// How many payloads of a session may be built on: a conversation and its side conversations.
const BASES_MAX: usize = 4;

/// How many ends of turns are remembered of each, the last ones.
const CUTS_MAX: usize = 128;

/// How many addresses of a session are remembered as stored already.
const STORED_MAX: usize = 32;

/// Below this size a payload is not worth building on.
const BASE_BYTES_MIN: usize = 256;

/// Why content cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The session's keys cannot be had.
    #[error("a payload of `{session}` cannot be recorded: {source}")]
    Keys {
        /// The session.
        session: SessionId,
        /// Why not.
        source: KeyError,
    },
}

/// What is to be packed, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Unpacked<'a> {
    /// The session that it belongs to.
    pub session: SessionId,
    /// Whether nothing of that session can be in the store yet; then it is not looked for.
    pub is_first: bool,
    /// The content.
    pub bytes: &'a [u8],
    /// The ends of the content's turns, ascending: a later payload that is the same up to one of
    /// them is kept as what differs.
    pub cuts: &'a [usize],
    /// Whether the content is kept. If not, only its commitment is, and the event says so.
    pub kept: bool,
}

/// A payload ready to be recorded with the event that names it.
#[derive(Debug)]
pub struct Packed {
    /// What the event says of it.
    pub reference: PayloadRef,
    pub(crate) sealed: Vec<Sealed>,
    /// The erasure that has to have happened before this is recorded.
    pub(crate) premise: Option<Premise>,
    scope: Scope,
    base: Option<Base>,
    /// Keeps the session in memory until this is recorded or dropped.
    _in_use: Arc<()>,
    /// Keeps erasures away until this is recorded or dropped.
    _flight: Flight,
}

/// The place of a turn's end, and the digest of all before it.
type Cut = (usize, [u8; 16]);

#[derive(Clone, Debug)]
struct Base {
    address: Address,
    bytes: usize,
    cuts: Vec<Cut>,
    chain: Chain,
    tail: (usize, [u8; 16]),
}

/// What is read together with a payload, because it builds on it.
#[derive(Clone, Copy, Debug, Default)]
struct Chain {
    /// How many payloads.
    depth: usize,
    /// The bytes of all middles.
    middles: usize,
}

struct Session {
    /// The erasure after which it began.
    premise: Option<Premise>,
    keys: Arc<SessionKeys>,
    unstored_record: Option<Bytes>,
    bases: VecDeque<Base>,
    stored: VecDeque<Address>,
    used: u64,
    /// Shared with what was packed and is not recorded yet: if the session was forgotten before its
    /// key record is durable, the next payload would come with another one.
    in_use: Arc<()>,
}

#[derive(Default)]
struct State {
    sessions: BTreeMap<Scope, Session>,
    /// Which session was used when; the first has rested longest.
    by_use: BTreeMap<u64, Scope>,
    uses: u64,
}

/// Packs payloads, session by session.
pub struct Packer {
    reader: Arc<dyn Reader>,
    keys: Keys,
    state: Mutex<State>,
    flights: Flights,
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Packer").finish_non_exhaustive()
    }
}

impl Packer {
    /// A packer that finds the key records of known sessions with `reader`.
    pub fn new(reader: Arc<dyn Reader>, keys: Keys) -> Self {
        Self { reader, keys, state: Mutex::default(), flights: Flights::default() }
    }

    /// Packs `content`, with less effort to make it small where time is short.
    pub fn pack(&self, content: Unpacked<'_>, effort: Effort) -> Result<Packed, PackError> {
        let Unpacked { session, is_first, bytes: content, cuts, kept } = content;
        let scope = scope(session);
        let flight = self.flights.enter(scope);
        let failed = |source| PackError::Keys { session, source };
        let known = if let Some(known) = self.look_up(scope) {
            known
        } else {
            // What an erasure on its way will destroy counts no more.
            let stored = self.stored(scope, is_first || flight.premise.is_some())?;
            self.learn(scope, stored.as_ref(), &flight).map_err(failed)?
        };
        let (digest, cuts, tail) = known.measure(content, cuts);
        let address = Address(digest.0);
        let reference = PayloadRef {
            bytes: u64::try_from(content.len()).unwrap_or(u64::MAX),
            digest,
            discarded: !kept,
        };
        let mut sealed = Vec::new();
        if let Some(bytes) = known.unstored_record.clone() {
            sealed.push(Sealed { scope, address: SALT_ADDRESS, bytes });
        }
        if !kept || known.stored.contains(&address) {
            let (premise, base) = (known.premise, None);
            return Ok(Packed {
                reference,
                sealed,
                premise,
                scope,
                base,
                _in_use: known.in_use,
                _flight: flight,
            });
        }
        let (form, chain) = known.form(content, &cuts, tail);
        let bytes =
            known.keys.seal(address, &form, effort).map_err(|error| failed(error.into()))?;
        sealed.push(Sealed { scope, address, bytes });
        let bytes = content.len();
        let base = (!cuts.is_empty() && BASE_BYTES_MIN <= bytes).then_some(Base {
            address,
            bytes,
            cuts,
            chain,
            tail,
        });
        let premise = known.premise;
        Ok(Packed {
            reference,
            sealed,
            premise,
            scope,
            base,
            _in_use: known.in_use,
            _flight: flight,
        })
    }

    /// Runs `queue`, which must put an erasure of these scopes into the writer's queue, at a moment
    /// when nothing that was packed in them can still be on its way there; false when there is.
    /// What is packed afterwards builds on nothing from before.
    pub(crate) fn begin_erasure(&self, scopes: &[Scope], queue: impl FnOnce(Hold)) -> bool {
        self.flights.begin(scopes, |hold| {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            for scope in scopes {
                state.remove(*scope);
            }
            drop(state);
            queue(hold);
        })
    }

    /// Ends when something that was packed has been recorded or dropped.
    pub(crate) fn landing(&self) -> Notified<'_> {
        self.flights.landing()
    }

    /// Takes note that `packed` is durable: from now on others may build on it.
    pub(crate) fn confirm(&self, packed: Packed) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(session) = state.sessions.get_mut(&packed.scope) else { return };
        session.unstored_record = None;
        if packed.reference.discarded {
            return;
        }
        keep(&mut session.stored, Address(packed.reference.digest.0), STORED_MAX);
        if let Some(base) = packed.base {
            keep(&mut session.bases, base, BASES_MAX);
        }
    }

    /// The key record of a session that is not remembered.
    fn stored(&self, scope: Scope, is_first: bool) -> Result<Option<Bytes>, ReadError> {
        if is_first { Ok(None) } else { self.reader.payload(scope, SALT_ADDRESS) }
    }

    /// Takes up a session, with the key record that is stored or a new one.
    fn learn(
        &self,
        scope: Scope,
        stored: Option<&Bytes>,
        Flight { premise, .. }: &Flight,
    ) -> Result<Known, KeyError> {
        let (keys, unstored_record) = match stored {
            Some(record) => (self.keys.open(scope, record)?, None),
            None => self.keys.fresh(scope).map(|(keys, record)| (keys, Some(record)))?,
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.make_room();
        // Another call of the session may have come first; then its record counts.
        if !state.sessions.contains_key(&scope) {
            let (keys, record) = (Arc::clone(&keys), unstored_record.clone());
            state.insert(scope, keys, record, premise.clone());
        }
        drop(state);
        let (premise, bases, stored) = (premise.clone(), Vec::new(), Vec::new());
        let known = self.look_up(scope);
        let in_use = Arc::default();
        Ok(known.unwrap_or(Known { premise, keys, unstored_record, bases, stored, in_use }))
    }

    fn look_up(&self, scope: Scope) -> Option<Known> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.touch(scope);
        let session = state.sessions.get(&scope)?;
        if session.premise.as_ref().is_some_and(Premise::failed) {
            state.remove(scope);
            return None;
        }
        Some(Known {
            premise: session.premise.clone(),
            keys: Arc::clone(&session.keys),
            unstored_record: session.unstored_record.clone(),
            bases: session.bases.iter().cloned().collect(),
            stored: session.stored.iter().copied().collect(),
            in_use: Arc::clone(&session.in_use),
        })
    }
}

impl State {
    fn insert(
        &mut self,
        scope: Scope,
        keys: Arc<SessionKeys>,
        unstored_record: Option<Bytes>,
        premise: Option<Premise>,
    ) {
        let (bases, stored) = (VecDeque::new(), VecDeque::new());
        self.uses += 1;
        let used = self.uses;
        self.by_use.insert(used, scope);
        let in_use = Arc::default();
        let session = Session { premise, keys, unstored_record, bases, stored, used, in_use };
        self.sessions.insert(scope, session);
    }

    fn remove(&mut self, scope: Scope) {
        if let Some(session) = self.sessions.remove(&scope) {
            self.by_use.remove(&session.used);
        }
    }

    fn touch(&mut self, scope: Scope) {
        let Some(session) = self.sessions.get_mut(&scope) else { return };
        self.uses += 1;
        self.by_use.remove(&session.used);
        session.used = self.uses;
        self.by_use.insert(session.used, scope);
    }

    /// Forgets who has rested longest. Those that something packed needs stay; callers hold that.
    fn make_room(&mut self) {
        while SESSIONS_MAX <= self.sessions.len() {
            let rests = |scope: &&Scope| {
                let session = self.sessions.get(*scope);
                session.is_none_or(|session| Arc::strong_count(&session.in_use) == 1)
            };
            let Some(scope) = self.by_use.values().find(rests).copied() else { return };
            self.remove(scope);
        }
    }
}

/// What is known of a session, taken out so that no lock is held while hashing.
struct Known {
    premise: Option<Premise>,
    keys: Arc<SessionKeys>,
    unstored_record: Option<Bytes>,
    bases: Vec<Base>,
    stored: Vec<Address>,
    in_use: Arc<()>,
}

impl Known {
    /// The commitment, the digest of everything before each of the last cuts, and what follows
    /// the last cut: where it begins and its digest.
    fn measure(&self, content: &[u8], cuts: &[usize]) -> (Digest, Vec<Cut>, Cut) {
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
    fn form(&self, content: &[u8], cuts: &[Cut], tail: Cut) -> (Vec<u8>, Chain) {
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

fn keep<T: Keyed>(list: &mut VecDeque<T>, item: T, most: usize) {
    list.retain(|known| known.key() != item.key());
    if list.len() == most {
        list.pop_front();
    }
    list.push_back(item);
}

/// What tells two entries of a list apart.
trait Keyed {
    fn key(&self) -> Address;
}

impl Keyed for Address {
    fn key(&self) -> Address {
        *self
    }
}

impl Keyed for Base {
    fn key(&self) -> Address {
        self.address
    }
}

fn shortened(digest: [u8; 32]) -> [u8; 16] {
    let [head, ..] = digest.as_chunks::<16>().0 else { return [0; 16] };
    *head
}
