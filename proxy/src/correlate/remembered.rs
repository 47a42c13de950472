//! What is remembered of each agent, as rows; nothing here looks anything up.

use super::shelf::{RowId, Shelf};
use events::{CallId, CallLinked, LinkMethod, Mark, SessionId, Timestamp};

/// Everything that is remembered of one agent. No row refers to another agent's.
#[derive(Debug, Default)]
pub(super) struct Agent {
    /// By the mark of a conversation, or of a provider's answer id.
    pub(super) places: Shelf<Place>,
    /// By the marks of id, of id in session, of arguments and reduced arguments, of trace and
    /// conversation; once their result was proved, by id in session alone.
    pub(super) asked: Shelf<Asked>,
    /// By the call, and by the marks of its result.
    pub(super) served: Shelf<Served>,
    /// By session and tool call: results about which a finding was raised.
    pub(super) told: Shelf<()>,
    /// By protocol session.
    pub(super) protocol: Shelf<Protocol>,
    /// When it was last heard of, in the order of all that is heard.
    pub(super) used: u64,
}

impl Agent {
    /// Links a tool call that was made to one that was asked for. Where another carries that out
    /// already, this one repeats it, and its result will tell which of them counts.
    pub(super) fn claim(&mut self, served_row: RowId, asked_row: RowId, certain: bool) {
        let Some(served) = self.served.get_mut(served_row) else { return };
        let Some(asked) = self.asked.get_mut(asked_row) else { return };
        asked.claimed.get_or_insert(served.call);
        served.asked = Some(asked_row);
        served.certain = certain;
    }

    /// Links a tool call to one that was asked for, for certain. What each was linked to before
    /// is linked to the other's. From now on `in_session` alone leads to it: it is done.
    pub(super) fn prove(&mut self, served_row: RowId, asked_row: RowId, in_session: Option<Mark>) {
        let Some(served) = self.served.get_mut(served_row) else { return };
        let Some(asked) = self.asked.get_mut(asked_row) else { return };
        let call = served.call;
        let other = asked.claimed.replace(call).filter(|other| *other != call);
        served.confirmed = true;
        served.certain = true;
        asked.closed = true;
        self.asked.keep_mark(asked_row, in_session);
        let before = served.asked.replace(asked_row);
        if before == Some(asked_row) {
            return;
        }
        if let Some(asked) = before.and_then(|row| self.asked.get_mut(row))
            && asked.claimed == Some(call)
        {
            asked.claimed = other;
        }
        let other = other.and_then(|other| self.served_by(other));
        if let Some(served) = other.and_then(|row| self.served.get_mut(row)) {
            served.asked = before;
        }
    }

    /// Where a tool call is remembered.
    pub(super) fn served_by(&self, call: CallId) -> Option<RowId> {
        self.served.find(call_mark(call)).next().map(|(row, _)| row)
    }
}

/// A point in a conversation from which a request may go on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) session: SessionId,
    /// The end of a conversation's first request. Another conversation may well begin with the
    /// same words.
    pub(super) opening: bool,
    /// The call that asked from here got no answer, so that an equal request repeats it.
    pub(super) failed: bool,
    /// A longer request has gone on from here.
    pub(super) continued: bool,
}

/// A tool call that a model's answer asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The model call.
    pub(super) cause: CallId,
    pub(super) session: SessionId,
    /// The model's id of it.
    pub(super) id: Option<String>,
    /// The tool's name as the model wrote it.
    pub(super) name: String,
    pub(super) arguments: Mark,
    pub(super) answered: Timestamp,
    /// The tool call that carries it out.
    pub(super) claimed: Option<CallId>,
    /// The model was told its result, or one that was never served: nobody will make it any more.
    pub(super) closed: bool,
    /// The same request was answered again later.
    pub(super) superseded: bool,
}

impl Asked {
    /// Whether a call may be taken for this one without knowing its id.
    pub(super) fn is_pending(&self, now: Timestamp, window_us: u64) -> bool {
        self.claimed.is_none() && !self.closed && self.age_us(now) <= window_us
    }

    pub(super) fn age_us(&self, now: Timestamp) -> u64 {
        now.micros().saturating_sub(self.answered.micros())
    }
}

/// A tool call that an agent made.
#[derive(Clone, Debug)]
pub(super) struct Served {
    pub(super) call: CallId,
    pub(super) arguments: Mark,
    /// What it carries out, as far as known.
    pub(super) asked: Option<RowId>,
    /// The caller sent the id, or the result proved it. Equal arguments are not certain: the same
    /// may have been asked for twice.
    pub(super) certain: bool,
    /// Its result came back in a model request.
    pub(super) confirmed: bool,
    /// Its result is known and can be recognised.
    pub(super) answered: bool,
}

/// A protocol session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Protocol {
    /// The session of all its calls so far; none when there were several.
    pub(super) session: Option<SessionId>,
}

/// A call between question and answer.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) agent: std::sync::Arc<str>,
    pub(super) session: SessionId,
    pub(super) kind: OpenKind,
}

/// What an answer will need to know of its question.
#[derive(Clone, Debug)]
pub(super) enum OpenKind {
    /// A model call.
    Model {
        /// The head of its chain; unknown after a restart, when no answer can come any more.
        head: Option<[u8; 32]>,
        /// The mark of it.
        conversation: Option<Mark>,
        /// Where that is remembered.
        place: Option<RowId>,
        /// Its trace.
        trace: Option<Mark>,
    },
    /// A tool call.
    Tool {
        /// Where it is remembered.
        served: RowId,
    },
}

/// Whether a link that was found when the tool was called needs no proof.
pub(super) fn is_certain(link: &CallLinked) -> bool {
    link.method == LinkMethod::ToolCallId && link.confidence == 100
}

/// The mark of a call's id: ULIDs are unique, and so need no key.
pub(super) fn call_mark(call: CallId) -> Mark {
    Mark(call.ulid().0.to_be_bytes())
}
