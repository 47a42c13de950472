//! Makes payloads ready to be recorded: commits to them, keeps what is new, encrypts it.

use super::codec::Effort;
use super::flights::{Flight, Flights, Hold, Premise};
use super::kek::KeyError;
use super::keys::Keys;
use super::known::{Base, Known};
use super::remembered::State;
use super::{SALT_ADDRESS, scope};
use crate::log::{Address, ReadError, Reader, Scope, Sealed};
use bytes::Bytes;
use events::{PayloadRef, SessionId};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::futures::Notified;

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
        let Packed { reference, scope, base, .. } = packed;
        let address = (!reference.discarded).then_some(Address(reference.digest.0));
        state.confirm(scope, address, base);
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
        let (premise, bases, stored) = (premise.clone(), Vec::new(), Vec::new());
        let in_use = Arc::default();
        let fresh = Known { premise, keys, unstored_record, bases, stored, in_use };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.take_up(scope, &fresh);
        Ok(state.known(scope).unwrap_or(fresh))
    }

    fn look_up(&self, scope: Scope) -> Option<Known> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).known(scope)
    }
}
