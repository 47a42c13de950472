//! Reading a payload back: fetch, decrypt, decompress, put together, check against its commitment.

use super::codec::CONTENT_BYTES_MAX;
use super::delta::{DEPTH_MAX, Form};
use super::kek::{KekId, KeyError};
use super::keys::Keys;
use super::session_keys::SessionKeys;
use super::{SALT_ADDRESS, Salt, scope};
use crate::log::{Address, ReadError, Reader, Scope};
use events::{Digest, PayloadRef, SessionId};
use std::collections::{BTreeMap, VecDeque};
use std::io;

/// How many bytes of contents are remembered, unless one alone has more.
const RECENT_BYTES_MAX: usize = 64 << 20;

/// Why a payload that is there cannot be given back.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The key that the session's secret is wrapped under is not here.
    #[error("payload `{digest}` of `{session}` cannot be decrypted: {}", KeyError::Missing(*kek))]
    KeyMissing {
        /// The payload.
        digest: Digest,
        /// Its session.
        session: SessionId,
        /// The key.
        kek: KekId,
    },
    /// The keys could not be asked.
    #[error("payload `{digest}` of `{session}` cannot be decrypted: {source}")]
    Keys {
        /// The payload.
        digest: Digest,
        /// Its session.
        session: SessionId,
        /// Why not.
        source: io::Error,
    },
    /// What is stored does not make the payload that the event names.
    #[error("payload `{digest}` of `{session}` is damaged: {detail}")]
    Damaged {
        /// The payload.
        digest: Digest,
        /// Its session.
        session: SessionId,
        /// What is wrong.
        detail: String,
    },
}

/// Reads the payload that an event of `session` names, checked against its commitment. `None` when
/// the store does not have it, or no longer.
pub fn load(
    reader: &dyn Reader,
    keys: &Keys,
    session: SessionId,
    reference: &PayloadRef,
) -> Result<Option<Vec<u8>>, LoadError> {
    find(reader, keys, &Recent::default(), session, reference)
}

/// The contents that were read last. Whoever reads all payloads in order reads each conversation
/// with it once, and not once for each turn.
#[derive(Debug, Default)]
pub struct Recent {
    contents: BTreeMap<(Scope, Address), Vec<u8>>,
    order: VecDeque<(Scope, Address)>,
    bytes: usize,
}

impl Recent {
    /// As [`load`], and remembers it.
    pub fn load(
        &mut self,
        reader: &dyn Reader,
        keys: &Keys,
        session: SessionId,
        reference: &PayloadRef,
    ) -> Result<Option<Vec<u8>>, LoadError> {
        let content = find(reader, keys, self, session, reference)?;
        if let Some(content) = &content {
            self.remember((scope(session), Address(reference.digest.0)), content);
        }
        Ok(content)
    }

    fn remember(&mut self, name: (Scope, Address), content: &[u8]) {
        if self.contents.insert(name, content.to_vec()).is_some() {
            return;
        }
        self.order.push_back(name);
        self.bytes += content.len();
        while RECENT_BYTES_MAX < self.bytes
            && let Some(oldest) = self.order.pop_front()
        {
            let forgotten = self.contents.remove(&oldest);
            self.bytes -= forgotten.map_or(0, |content| content.len());
        }
    }
}

fn find(
    reader: &dyn Reader,
    keys: &Keys,
    recent: &Recent,
    session: SessionId,
    reference: &PayloadRef,
) -> Result<Option<Vec<u8>>, LoadError> {
    let digest = reference.digest;
    let damaged = |detail: String| LoadError::Damaged { digest, session, detail };
    let scope = scope(session);
    let Some(record) = reader.payload(scope, SALT_ADDRESS)? else { return Ok(None) };
    let keys = keys.open(scope, &record).map_err(|error| match error {
        KeyError::Missing(kek) => LoadError::KeyMissing { digest, session, kek },
        KeyError::Unavailable(source) => LoadError::Keys { digest, session, source },
        KeyError::Damaged(_) => damaged(error.to_string()),
    })?;
    let fetch = |address| {
        let Some(sealed) = reader.payload(scope, address)? else { return Ok(None) };
        parse(&keys, address, &sealed).map(Some).map_err(|error| damaged(error.to_string()))
    };
    // What is remembered was checked, so it is what the same bytes would come to again.
    let known = |address| recent.contents.get(&(scope, address)).cloned();
    let Some(content) = assemble((&fetch, &known), Address(digest.0), &damaged)? else {
        return Ok(None);
    };
    if keys.salt().commit(&content) != digest {
        return Err(damaged("its content does not have the digest that the event states".into()));
    }
    Ok(Some(content))
}

/// Why a session's salt cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum SaltError {
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The session's secret could not be had.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Reads the salt of a session's commitments, with which others can check them and decrypt nothing.
/// `None` when it was erased, or never made.
pub fn load_salt(
    reader: &dyn Reader,
    keys: &Keys,
    session: SessionId,
) -> Result<Option<Salt>, SaltError> {
    let scope = scope(session);
    let Some(record) = reader.payload(scope, SALT_ADDRESS)? else { return Ok(None) };
    Ok(Some(keys.open(scope, &record)?.salt()))
}

fn parse(keys: &SessionKeys, address: Address, sealed: &[u8]) -> io::Result<Form> {
    Form::parse(keys.open(address, sealed)?)
}

fn assemble(
    (fetch, known): (
        &impl Fn(Address) -> Result<Option<Form>, LoadError>,
        &impl Fn(Address) -> Option<Vec<u8>>,
    ),
    address: Address,
    damaged: &impl Fn(String) -> LoadError,
) -> Result<Option<Vec<u8>>, LoadError> {
    let mut wanted = address;
    let mut deltas = Vec::new();
    let mut middles = 0;
    let mut content = loop {
        let Some(form) = fetch(wanted)? else { return Ok(None) };
        match form {
            Form::Whole(content) => break content,
            Form::Delta { base, head, tail, middle } => {
                middles += middle.len();
                deltas.push((head, tail, middle));
                wanted = base;
            }
        }
        if let Some(content) = known(wanted) {
            break content;
        }
        if deltas.len() > DEPTH_MAX {
            return Err(damaged(format!("it builds on more than {DEPTH_MAX} others")));
        }
        if middles > CONTENT_BYTES_MAX {
            return Err(damaged("it and those that it builds on have too much content".into()));
        }
    };
    let misfit = || damaged("it does not fit the payload it builds on".into());
    // Lengths first: a chain may double with every link, and nothing of that is to be made.
    let mut bytes = content.len();
    for (head, tail, middle) in deltas.iter().rev() {
        bytes = Form::length(bytes, *head, *tail, middle.len()).ok_or_else(misfit)?;
    }
    for (head, tail, middle) in deltas.into_iter().rev() {
        content = Form::apply(&content, head, tail, &middle).ok_or_else(misfit)?;
    }
    Ok(Some(content))
}
