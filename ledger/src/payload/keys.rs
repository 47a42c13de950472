//! The KEKs that a ledger is written and read with, and the record that keeps a session's secret.

use super::Salt;
use super::cipher::random;
use super::kek::{KekId, KeyEncryption, KeyError, LocalKek};
use super::session_keys::SessionKeys;
use crate::log::Scope;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

const RECORD_DOMAIN: &[u8] = b"countersign/key-record/v1\0";

/// The first byte of a key record. One of 32 bytes is a salt, from before there was encryption.
const RECORD_2: u8 = 2;

/// How many sessions' keys are kept for readers.
const OPENED_MAX: usize = 256;

/// KEKs; cheap to clone.
#[derive(Clone)]
pub struct Keys(Arc<Shared>);

struct Shared {
    current: Option<Arc<dyn KeyEncryption>>,
    all: BTreeMap<KekId, Arc<dyn KeyEncryption>>,
    opened: Mutex<Opened>,
}

/// What was opened lately: unwrapping may be slow.
#[derive(Default)]
struct Opened {
    sessions: BTreeMap<Scope, (Bytes, Arc<SessionKeys>)>,
    order: VecDeque<Scope>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Keys").field(&self.ids()).finish()
    }
}

impl Keys {
    /// No KEK: new sessions are not encrypted, and of encrypted ones nothing can be read.
    pub fn none() -> Self {
        Self::reading([])
    }

    /// One KEK for new sessions, and former ones for sessions that are wrapped under them.
    pub fn new(
        current: Arc<dyn KeyEncryption>,
        former: impl IntoIterator<Item = Arc<dyn KeyEncryption>>,
    ) -> Self {
        let all = std::iter::once(Arc::clone(&current)).chain(former);
        Self::of(Some(current), all)
    }

    /// KEKs for reading alone.
    pub fn reading(all: impl IntoIterator<Item = Arc<dyn KeyEncryption>>) -> Self {
        Self::of(None, all)
    }

    /// A KEK that ends with this process, for ledgers that do.
    pub fn random() -> io::Result<Self> {
        Ok(Self::new(Arc::new(LocalKek::random()?), []))
    }

    fn of(
        current: Option<Arc<dyn KeyEncryption>>,
        all: impl IntoIterator<Item = Arc<dyn KeyEncryption>>,
    ) -> Self {
        let all = all.into_iter().map(|kek| (kek.id(), kek)).collect();
        Self(Arc::new(Shared { current, all, opened: Mutex::default() }))
    }

    /// Every KEK that is here.
    pub fn ids(&self) -> Vec<KekId> {
        self.0.all.keys().copied().collect()
    }

    /// Keeps nothing more of a session whose key record is gone.
    pub fn forget(&self, scope: Scope) {
        let mut opened = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.sessions.remove(&scope);
        opened.order.retain(|known| *known != scope);
    }

    /// The keys of a session that has none yet, and the record to file with its first payload.
    pub(super) fn fresh(&self, scope: Scope) -> Result<(Arc<SessionKeys>, Bytes), KeyError> {
        let secret = random()?;
        let Some(kek) = &self.0.current else {
            let keys = SessionKeys::of_salt(scope, Salt::new(secret));
            return Ok((Arc::new(keys), Bytes::copy_from_slice(&secret)));
        };
        let id = kek.id();
        let wrapped = kek.wrap(&secret, &context(scope, id))?;
        let record = [&[RECORD_2], id.0.as_slice(), &wrapped].concat();
        Ok((Arc::new(SessionKeys::of_secret(scope, &secret)?), record.into()))
    }

    /// The keys of a session, from its record.
    pub(super) fn open(&self, scope: Scope, record: &Bytes) -> Result<Arc<SessionKeys>, KeyError> {
        if let Ok(salt) = <[u8; 32]>::try_from(record.as_ref()) {
            return Ok(Arc::new(SessionKeys::of_salt(scope, Salt::new(salt))));
        }
        if let Some(keys) = self.0.look_up(scope, record) {
            return Ok(keys);
        }
        let Some((&RECORD_2, rest)) = record.split_first() else {
            return Err(KeyError::Damaged("it has an unknown form"));
        };
        let Some((id, wrapped)) = rest.split_first_chunk::<8>() else {
            return Err(KeyError::Damaged("it is too short"));
        };
        let id = KekId(*id);
        let kek = self.0.all.get(&id).ok_or(KeyError::Missing(id))?;
        let secret = kek.open(wrapped, &context(scope, id))?;
        let keys = Arc::new(SessionKeys::of_secret(scope, &secret)?);
        self.0.keep(scope, record, &keys);
        Ok(keys)
    }
}

impl Shared {
    fn look_up(&self, scope: Scope, record: &Bytes) -> Option<Arc<SessionKeys>> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, keys) = opened.sessions.get(&scope)?;
        (of == record).then(|| Arc::clone(keys))
    }

    fn keep(&self, scope: Scope, record: &Bytes, keys: &Arc<SessionKeys>) {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        // The record may be a small part of a large buffer.
        let entry = (Bytes::copy_from_slice(record), Arc::clone(keys));
        if opened.sessions.insert(scope, entry).is_some() {
            return;
        }
        opened.order.push_back(scope);
        if OPENED_MAX < opened.order.len()
            && let Some(oldest) = opened.order.pop_front()
        {
            opened.sessions.remove(&oldest);
        }
    }
}

fn context(scope: Scope, id: KekId) -> Vec<u8> {
    [RECORD_DOMAIN, &scope.0, &id.0].concat()
}
