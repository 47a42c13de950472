//! Payloads that gateways have, read as if they were in the service's own ledger, which keeps none
//! of them. What open holds need is kept in memory, to be shown while a gateway is away.

use super::gateways::{Gateway, Gateways, PATIENCE};
use super::wire::{PAYLOADS, SALTS};
use bytes::Bytes;
use events::{CallId, Digest, SessionId};
use http::StatusCode;
use ledger::Sequence;
use ledger::log::{Address, ReadError, Reader, Scope};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;
use ulid::Ulid;

/// How many bytes are kept in memory.
const KEPT_BYTES_MAX: usize = 256 << 20;

/// A payload that is neither compressed nor built on another one (`docs/formats/payloads.md`).
const PLAIN_WHOLE: [u8; 2] = [0, 0];

/// The service's own ledger, and beside it what gateways have.
pub struct Shelf {
    own: Arc<dyn Reader>,
    gateways: Gateways,
    runtime: Handle,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// The sessions of holds that are open, and these.
    wanted: BTreeMap<Scope, BTreeSet<CallId>>,
    payloads: BTreeMap<(Scope, Address), Bytes>,
    bytes: usize,
}

impl Shelf {
    /// Reads with this runtime, from threads that may block.
    pub fn new(own: Arc<dyn Reader>, gateways: Gateways, runtime: Handle) -> Self {
        Self { own, gateways, runtime, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on what is read of a session is kept in memory, for this call's sake.
    pub(super) fn keep(&self, session: SessionId, call: CallId) {
        self.kept().wanted.entry(scope(session)).or_default().insert(call);
    }

    /// The call is decided; what was kept for its sake alone is dropped.
    pub(super) fn release(&self, session: SessionId, call: CallId) {
        let scope = scope(session);
        let mut kept = self.kept();
        let Some(calls) = kept.wanted.get_mut(&scope) else { return };
        calls.remove(&call);
        if calls.is_empty() {
            kept.wanted.remove(&scope);
            kept.forget(scope);
        }
    }

    fn fetch(&self, scope: Scope, address: Address) -> io::Result<Option<Bytes>> {
        let session = SessionId::new(Ulid::from_bytes(scope.0));
        let keeper = self.gateways.keeper(session);
        let asked: Vec<&Gateway> = match keeper {
            Some(gateway) => vec![gateway],
            None => self.gateways.all().iter().collect(),
        };
        let mut failure = None;
        for gateway in asked {
            match self.ask(gateway, session, address) {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => {}
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(None), Err)
    }

    fn ask(
        &self,
        gateway: &Gateway,
        session: SessionId,
        address: Address,
    ) -> io::Result<Option<Bytes>> {
        let path = if address == Address::FIRST {
            format!("{SALTS}/{session}")
        } else {
            format!("{PAYLOADS}/{session}/{}", Digest(address.0))
        };
        let asked = || self.runtime.block_on(gateway.peer.get(&path, PATIENCE));
        let answer = tokio::task::block_in_place(asked).map_err(io::Error::other)?;
        match answer.status {
            // A bare salt is the record of a session that is not encrypted.
            StatusCode::OK if address == Address::FIRST => Ok(Some(answer.body)),
            StatusCode::OK => Ok(Some([&PLAIN_WHOLE[..], &answer.body].concat().into())),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(io::Error::other(gateway.peer.refused(&answer))),
        }
    }
}

const fn scope(session: SessionId) -> Scope {
    Scope(session.ulid().to_bytes())
}

impl Kept {
    fn forget(&mut self, scope: Scope) {
        let range = (scope, Address::FIRST)..=(scope, Address([u8::MAX; 32]));
        let names: Vec<(Scope, Address)> = self.payloads.range(range).map(|(it, _)| *it).collect();
        for name in names {
            let gone = self.payloads.remove(&name);
            self.bytes -= gone.map_or(0, |gone| gone.len());
        }
    }

    fn add(&mut self, name: (Scope, Address), bytes: &Bytes) {
        let fits = self.bytes.saturating_add(bytes.len()) <= KEPT_BYTES_MAX;
        if fits && self.wanted.contains_key(&name.0) && !self.payloads.contains_key(&name) {
            self.bytes += bytes.len();
            self.payloads.insert(name, bytes.clone());
        }
    }
}

impl Reader for Shelf {
    fn next(&self) -> Sequence {
        self.own.next()
    }

    fn read(&self, from: Sequence, bytes_max: usize) -> Result<Vec<Bytes>, ReadError> {
        self.own.read(from, bytes_max)
    }

    fn payload(&self, scope: Scope, address: Address) -> Result<Option<Bytes>, ReadError> {
        if let Some(bytes) = self.kept().payloads.get(&(scope, address)) {
            return Ok(Some(bytes.clone()));
        }
        let fetched = self.fetch(scope, address).map_err(|source| ReadError::Io {
            path: "the gateway's payloads".to_owned(),
            source,
        })?;
        if let Some(bytes) = &fetched {
            self.kept().add((scope, address), bytes);
        }
        Ok(fetched)
    }
}
