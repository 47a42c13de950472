//! A call that waits, as a gateway tells programs of it.

use approvals::fingerprint;
use events::{CallId, Digest, Risk, SessionId, Timestamp, Vote};
use serde::{Deserialize, Serialize};

/// A call that waits, or waited.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) id: CallId,
    pub(super) session: SessionId,
    pub(super) state: String,
    pub(super) version: u32,
    pub(super) digest: Digest,
    pub(super) agent: String,
    pub(super) team: String,
    pub(super) owner: String,
    pub(super) upstream: String,
    pub(super) target: String,
    pub(super) risk: Risk,
    pub(super) asked: Timestamp,
    pub(super) expires: Timestamp,
    /// How many requests of the agent wait for the answer.
    pub(super) waiting: usize,
    pub(super) policies: Vec<String>,
    pub(super) reason: Option<String>,
    /// Who has to agree yet, in words.
    pub(super) needs: String,
    pub(super) approved: usize,
    pub(super) rejected: usize,
    pub(super) reason_required: bool,
    pub(super) votes: Vec<Cast>,
    pub(super) comments: Vec<Said>,
    /// What would run: a tool's arguments, else the whole request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) arguments: Option<String>,
    /// Why that cannot be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) not_shown: Option<String>,
    /// Why whoever asks may not vote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) may_not_vote: Option<String>,
}

/// A vote.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Cast {
    pub(super) by: String,
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    pub(super) for_person: Option<String>,
    pub(super) vote: Vote,
    pub(super) at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    pub(super) version: u32,
    /// Whether it counts for nothing any more.
    pub(super) void: bool,
}

/// Something that was said.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) by: String,
    pub(super) at: Timestamp,
    pub(super) text: String,
}

impl Told {
    /// The digest as people compare it, made here from what a vote would be bound to.
    pub(super) fn fingerprint(&self) -> String {
        fingerprint(&self.digest)
    }
}
