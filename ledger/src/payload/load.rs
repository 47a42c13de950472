//! Reading a payload back: fetch, decompress, put together, check against its commitment.

use super::delta::{DEPTH_MAX, Form};
use super::{SALT_ADDRESS, Salt, codec, scope};
use crate::log::{Address, ReadError, Reader, Scope};
use events::{Digest, PayloadRef, SessionId};

/// Why a payload that is there cannot be given back.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
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
    session: SessionId,
    reference: &PayloadRef,
) -> Result<Option<Vec<u8>>, LoadError> {
    let damaged = |detail: String| LoadError::Damaged { digest: reference.digest, session, detail };
    let scope = scope(session);
    let Some(salt) = salt(reader, scope)? else { return Ok(None) };
    let Some(content) = assemble(reader, scope, Address(reference.digest.0), &damaged)? else {
        return Ok(None);
    };
    if salt.commit(&content) != reference.digest {
        return Err(damaged("its content does not have the digest that the event states".into()));
    }
    Ok(Some(content))
}

/// Reads the salt of a session's commitments. `None` when it was erased, or never made.
pub fn load_salt(reader: &dyn Reader, session: SessionId) -> Result<Option<Salt>, LoadError> {
    Ok(salt(reader, scope(session))?)
}

/// Reads a scope's salt.
pub(super) fn salt(reader: &dyn Reader, scope: Scope) -> Result<Option<Salt>, ReadError> {
    let sealed = reader.payload(scope, SALT_ADDRESS)?;
    Ok(sealed.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_ref()).ok()).map(Salt::new))
}

fn assemble(
    reader: &dyn Reader,
    scope: Scope,
    address: Address,
    damaged: &impl Fn(String) -> LoadError,
) -> Result<Option<Vec<u8>>, LoadError> {
    let mut wanted = address;
    let mut deltas = Vec::new();
    let mut content = loop {
        let Some(sealed) = reader.payload(scope, wanted)? else { return Ok(None) };
        let plain = codec::decode(&sealed).map_err(|error| damaged(error.to_string()))?;
        match Form::parse(plain).map_err(|error| damaged(error.to_string()))? {
            Form::Whole(content) => break content,
            Form::Delta { base, head, tail, middle } => {
                deltas.push((head, tail, middle));
                wanted = base;
            }
        }
        if deltas.len() > DEPTH_MAX {
            return Err(damaged(format!("it builds on more than {DEPTH_MAX} others")));
        }
    };
    for (head, tail, middle) in deltas.into_iter().rev() {
        content = Form::apply(&content, head, tail, &middle)
            .ok_or_else(|| damaged("it does not fit the payload it builds on".into()))?;
    }
    Ok(Some(content))
}
