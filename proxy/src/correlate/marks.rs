//! Keyed digests, by which things seen before are recognised although they are not kept.

use super::limits::NAME_BYTES_MAX;
use crate::json;
use events::{Mark, SessionId};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::borrow::Cow;
use ulid::Ulid;

/// Members of arguments that clients add to what the model wrote, or take out of it: the agents'
/// own questions to the model (`OpenHands`, Cline, Gemini CLI) and protocol metadata.
const ADDED_BY_CLIENTS: [&str; 4] =
    ["_meta", "security_risk", "task_progress", "wait_for_previous"];

/// How much of a long name is left in its shortened form, in bytes.
const SHORTENED_BYTES: usize = 80;

/// Makes marks: HMAC-SHA-256 over the purpose and the fields, cut to 128 bits.
#[derive(Clone)]
pub(super) struct Marks {
    keyed: Hmac<Sha256>,
}

impl Marks {
    pub(super) fn new(key: [u8; 32]) -> Self {
        // HMAC fills a short key with zeros up to the block of its hash (RFC 2104 §2).
        let mut block = [0; 64];
        for (place, byte) in block.iter_mut().zip(key) {
            *place = byte;
        }
        Self { keyed: Hmac::new(&block.into()) }
    }

    /// The mark of the fields, which serves this purpose alone.
    pub(super) fn mark(&self, purpose: &str, fields: &[&[u8]]) -> Mark {
        let mut mac = self.keyed.clone();
        for field in [purpose.as_bytes()].iter().chain(fields) {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field);
        }
        let mut mark = [0; 16];
        for (place, byte) in mark.iter_mut().zip(mac.finalize().into_bytes()) {
            *place = byte;
        }
        Mark(mark)
    }

    /// The mark of a conversation up to this head of its chain.
    pub(super) fn conversation(&self, head: [u8; 32]) -> Mark {
        self.mark("conversation", &[&head])
    }

    /// The mark of arguments: of their canonical form where they are JSON, else of their bytes.
    /// None at all, and `null`, count as `{}`.
    pub(super) fn arguments(&self, text: &str) -> Mark {
        let text = text.trim_ascii();
        let text = if matches!(text, "" | "null") { "{}" } else { text };
        match json::canonical(text) {
            Ok(canonical) => self.mark("arguments", &[&canonical]),
            Err(_) => self.mark("arguments", &[text.as_bytes()]),
        }
    }

    /// The mark of arguments without null members and without those that clients add.
    pub(super) fn reduced(&self, text: &str) -> Mark {
        if json::check(text.as_bytes(), json::Limits::default()).is_err() {
            return self.arguments(text);
        }
        let left = json::members(text).filter(|member| {
            member.value.text != "null" && !ADDED_BY_CLIENTS.contains(&member.name().as_ref())
        });
        let left: Vec<_> =
            left.map(|member| [member.key.text, ":", member.value.text].concat()).collect();
        if left.is_empty() && !text.trim_ascii_start().starts_with('{') {
            return self.arguments(text);
        }
        self.arguments(&["{", &left.join(","), "}"].concat())
    }

    /// The mark of an id that a model gave a tool call.
    pub(super) fn tool_call(&self, id: &str) -> Mark {
        self.mark("tool call", &[id.as_bytes()])
    }

    /// The mark of such an id within a session.
    pub(super) fn tool_call_in(&self, session: SessionId, id: &str) -> Mark {
        self.mark("tool call in", &[&session.ulid().0.to_be_bytes(), id.as_bytes()])
    }

    /// The session that a caller names. Its id is derived from the name: it is the same on every
    /// gateway with this key and after every restart, and another for each agent. The time in it
    /// is zero.
    pub(super) fn session(&self, agent: &str, kind: &str, name: &str) -> SessionId {
        let Mark(mark) = self.mark(kind, &[agent.as_bytes(), name.as_bytes()]);
        SessionId::new(Ulid::from_parts(0, u128::from_be_bytes(mark) >> 48))
    }

    /// A name or id that is safe to keep and record: longer ones are cut, and end in a mark of
    /// all of them.
    pub(super) fn shortened<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if name.len() <= NAME_BYTES_MAX {
            return Cow::Borrowed(name);
        }
        let start = name.get(..name.floor_char_boundary(SHORTENED_BYTES)).unwrap_or_default();
        let mark = self.mark("name", &[name.as_bytes()]);
        Cow::Owned(format!("{start}…{mark}"))
    }
}
