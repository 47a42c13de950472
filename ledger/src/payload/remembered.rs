//! What each session has stored lately, for a bounded number of sessions.
//!
//! It is a cache: losing an entry costs space, never content, once the session's key record is
//! durable.

use super::flights::Premise;
use super::known::{Base, Known};
use super::session_keys::SessionKeys;
use crate::log::{Address, Scope};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// How many sessions are remembered; each takes a few KiB at the most.
const SESSIONS_MAX: usize = 1024;

/// How many payloads of a session may be built on: a conversation and its side conversations.
const BASES_MAX: usize = 4;

/// How many addresses of a session are remembered as stored already.
const STORED_MAX: usize = 32;

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

/// The sessions that are remembered.
#[derive(Default)]
pub(super) struct State {
    sessions: BTreeMap<Scope, Session>,
    /// Which session was used when; the first has rested longest.
    by_use: BTreeMap<u64, Scope>,
    uses: u64,
}

impl State {
    /// What is known of a session, which is used by that; nothing if it is not remembered, or if
    /// the erasure that it began behind has failed.
    pub(super) fn known(&mut self, scope: Scope) -> Option<Known> {
        self.touch(scope);
        let session = self.sessions.get(&scope)?;
        if session.premise.as_ref().is_some_and(Premise::failed) {
            self.remove(scope);
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

    /// Takes a session up, unless another call of it came first: then that one's record counts.
    pub(super) fn take_up(&mut self, scope: Scope, fresh: &Known) {
        self.make_room();
        if !self.sessions.contains_key(&scope) {
            let record = fresh.unstored_record.clone();
            self.insert(scope, Arc::clone(&fresh.keys), record, fresh.premise.clone());
        }
    }

    /// Takes note of what is durable: the key record, and a payload if it was kept.
    pub(super) fn confirm(&mut self, scope: Scope, stored: Option<Address>, base: Option<Base>) {
        let Some(session) = self.sessions.get_mut(&scope) else { return };
        session.unstored_record = None;
        if let Some(address) = stored {
            keep(&mut session.stored, address, STORED_MAX);
        }
        if let Some(base) = base {
            keep(&mut session.bases, base, BASES_MAX);
        }
    }

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

    /// Forgets a session.
    pub(super) fn remove(&mut self, scope: Scope) {
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
