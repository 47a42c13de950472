//! The payloads of an export: each is what an event commits to, and each that an event names is
//! there or accounted for.

use super::items::{Broken, Item, Items};
use super::manifest::PayloadsSaid;
use crate::finding::{Check, Finding, Findings, Place};
use events::{Digest, PayloadRef, SessionId};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What every commitment begins with.
const PREFIX: &[u8] = b"countersign/payload/v1\0";

/// Hexadecimal digits and a newline.
const SALT_FILE_BYTES: u64 = 65;

/// What is known of one payload.
#[derive(Default)]
struct Payload {
    /// The last event that names it, and the size that it says.
    named: Option<(u64, u64)>,
    /// The file's size.
    seen: Option<u64>,
    /// The last event that names it and does not say that it was discarded.
    kept: Option<u64>,
}

/// A session's salt.
struct SaltSeen {
    salt: Digest,
    file: Arc<str>,
    /// Whether there is a payload that it proves.
    is_used: bool,
}

/// Payloads as they come up, in events and in files.
#[derive(Default)]
pub(super) struct Payloads {
    all: HashMap<(SessionId, Digest), Payload>,
    salts: BTreeMap<SessionId, SaltSeen>,
}

/// What the payloads come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) present: u64,
    pub(super) erased: u64,
    pub(super) discarded: u64,
    pub(super) absent: u64,
}

impl Payloads {
    /// An event names a payload.
    pub(super) fn named(&mut self, at: u64, session: SessionId, payload: &PayloadRef) {
        let known = self.all.entry((session, payload.digest)).or_default();
        known.named = Some((at, payload.bytes));
        if !payload.discarded {
            known.kept = Some(at);
        }
    }

    /// A file below `payloads/`. Gives what is wrong with it.
    pub(super) fn file(
        &mut self,
        item: &Item,
        rest: &str,
        items: &mut dyn Items,
    ) -> Result<Option<String>, Broken> {
        let parts = rest.split_once('/');
        let named = parts.and_then(|(session, name)| Some((session.parse().ok()?, name)));
        let Some((session, name)) = named else {
            return Ok(Some("it is neither a salt nor a payload".to_owned()));
        };
        if name == "salt" {
            return self.salt(item, session, items);
        }
        let Some(digest) = hexadecimal(name) else {
            return Ok(Some("its name is not a digest".to_owned()));
        };
        let Some(seen) = self.salts.get_mut(&session) else {
            return Ok(Some("the salt of its session does not come before it".to_owned()));
        };
        seen.is_used = true;
        let mut sha = Sha256::new().chain_update(PREFIX).chain_update(seen.salt.0);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = items.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            sha.update(buffer.get(..read).unwrap_or_default());
        }
        if <[u8; 32]>::from(sha.finalize()) != digest.0 {
            return Ok(Some("the payload is not what was committed to".to_owned()));
        }
        self.all.entry((session, digest)).or_default().seen = Some(item.bytes);
        Ok(None)
    }

    fn salt(
        &mut self,
        item: &Item,
        session: SessionId,
        items: &mut dyn Items,
    ) -> Result<Option<String>, Broken> {
        let mut text = [0; 65];
        let mut filled = 0;
        while item.bytes == SALT_FILE_BYTES && filled < text.len() {
            let rest = text.get_mut(filled..).unwrap_or_default();
            filled += items.read(rest)?;
        }
        let digits = std::str::from_utf8(&text).ok().and_then(|text| text.strip_suffix('\n'));
        let Some(salt) = digits.and_then(hexadecimal) else {
            return Ok(Some("a salt is 64 hexadecimal digits and a newline".to_owned()));
        };
        let fresh = || SaltSeen { salt, file: Arc::clone(&item.file), is_used: false };
        let other = self.salts.entry(session).or_insert_with(fresh).salt != salt;
        Ok(other.then(|| "the session has another salt in an earlier file".to_owned()))
    }

    /// Compares events and files. `erased` says when a session was erased last.
    pub(super) fn finish(
        self,
        said: &PayloadsSaid,
        erased: &HashMap<SessionId, u64>,
        findings: &mut Findings,
    ) -> Counts {
        let mut counts = Counts::default();
        let mut absent = Vec::new();
        let mut all: Vec<_> = self.all.into_iter().collect();
        all.sort_unstable_by_key(|((session, digest), known)| (known.named, *session, *digest));
        for ((session, digest), known) in all {
            let at = known.named.map(|(at, _)| at);
            let is_erased =
                known.kept.is_some_and(|at| erased.get(&session).is_some_and(|late| *late > at));
            let finding = |detail: String| {
                let mut finding = Finding::new(Check::Payloads, detail);
                finding.sequence = at;
                finding.at(Place::of(&format!("payloads/{session}/{digest}")))
            };
            match (known.named, known.seen) {
                (None, _) => findings.add(finding("no event names the payload".to_owned())),
                (Some((_, says)), Some(bytes)) => {
                    counts.present += 1;
                    if is_erased {
                        let detail = "the payload is there, although it was erased later";
                        findings.add(finding(detail.to_owned()));
                    }
                    if says != bytes {
                        let detail = format!("the event says {says} bytes, and it has {bytes}");
                        findings.add(finding(detail));
                    }
                }
                (Some(_), None) if known.kept.is_none() => counts.discarded += 1,
                (Some(_), None) if is_erased => counts.erased += 1,
                (Some(_), None) => {
                    counts.absent += 1;
                    let detail = "the payload is absent, and no later erasure names it";
                    absent.push(finding(detail.to_owned()));
                }
            }
        }
        for seen in self.salts.into_values().filter(|seen| !seen.is_used) {
            let detail = "there is a salt, and no payload that it proves";
            findings.add(Finding::new(Check::Payloads, detail).at(Place::of(&seen.file)));
        }
        if said.included && counts.absent > said.undecryptable {
            for finding in absent {
                findings.add(finding);
            }
        }
        counts
    }
}

/// 64 small hexadecimal digits.
fn hexadecimal(text: &str) -> Option<Digest> {
    let small = text.bytes().all(|next| matches!(next, b'0'..=b'9' | b'a'..=b'f'));
    if small { serde_json::from_str(&format!("\"{text}\"")).ok() } else { None }
}
