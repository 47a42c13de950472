//! Finds the session of a model call, and how much of its conversation is known already.

use super::asked::ModelAsked;
use super::limits::{EQUAL_MAX, LOOKBACK_MAX};
use super::marks::Marks;
use super::remembered::{Agent, Place};
use super::shelf::RowId;
use crate::dialect::{self, Part, Request, ToolResult, Turn};
use events::{Mark, SessionId, SessionMethod};

/// The turns of a request that say something, with the heads of their chain.
pub(super) struct Conversation<'a> {
    turns: Vec<&'a Turn<'a>>,
    heads: Vec<[u8; 32]>,
}

/// Where a request stands.
pub(super) struct Standing {
    pub(super) session: SessionId,
    pub(super) method: SessionMethod,
    /// How many turns at its beginning are known.
    pub(super) known: usize,
}

/// The longest beginning of a conversation that is known.
struct Known {
    turns: usize,
    row: RowId,
    session: SessionId,
}

impl<'a> Conversation<'a> {
    pub(super) fn of(request: &'a Request<'a>) -> Self {
        let said = request.turns.iter();
        let (turns, digests): (Vec<_>, Vec<_>) =
            said.filter_map(|turn| Some((turn, dialect::turn_digest(turn)?))).unzip();
        Self { turns, heads: dialect::chain(digests) }
    }

    /// The head behind the last turn; none where the provider keeps what came before.
    pub(super) fn head(&self, request: &Request<'_>) -> Option<[u8; 32]> {
        let hints = &request.hints;
        let whole = hints.previous_answer.is_none() && hints.conversation.is_none();
        self.heads.last().copied().filter(|_| whole)
    }

    /// The tool results behind the first `known` turns.
    pub(super) fn results(&self, known: usize) -> impl Iterator<Item = &'a ToolResult<'a>> {
        let parts = self.turns.iter().skip(known).flat_map(|turn| &turn.parts);
        parts.filter_map(|part| match part {
            Part::Result(result) => Some(result),
            Part::Text(_) | Part::Refusal(_) | Part::Call(_) | Part::Other(_) => None,
        })
    }

    /// The longest known beginning that `usable` accepts, told the place and whether it is all.
    fn known(
        &self,
        marks: &Marks,
        agent: &Agent,
        usable: impl Fn(&Place, bool) -> bool,
    ) -> Option<Known> {
        let last = self.heads.len();
        let mut heads = self.heads.iter().enumerate().rev().take(LOOKBACK_MAX);
        heads.find_map(|(index, head)| {
            let turns = index + 1;
            let places = agent.places.find(marks.conversation(*head)).rev().take(EQUAL_MAX);
            let usable = places.filter(|(_, place)| usable(place, turns == last));
            // Where several end in the same words, the newest that has not gone on; else the
            // newest, of which this is a fork.
            let best = usable.max_by_key(|(row, place)| (!place.continued, *row));
            best.map(|(row, place)| Known { turns, row, session: place.session })
        })
    }
}

/// Finds the session; the place from which the request goes on is continued by it.
pub(super) fn find(
    marks: &Marks,
    agent: &mut Agent,
    asked: &ModelAsked<'_>,
    conversation: &Conversation<'_>,
) -> Standing {
    let partial = conversation.head(asked.request).is_none();
    let (session, method) = match explicit(marks, agent, asked) {
        Some(session) => (session, SessionMethod::Explicit),
        None if partial => (asked.fresh, SessionMethod::New),
        None => {
            // The same opening words make the same conversation only if they are said again for
            // want of an answer: scheduled agents begin every time alike.
            let usable = |place: &Place, all: bool| !all || !place.opening || place.failed;
            let known = conversation.known(marks, agent, usable);
            known.map_or((asked.fresh, SessionMethod::New), |known| {
                (known.session, SessionMethod::Chain)
            })
        }
    };
    if partial {
        return Standing { session, method, known: 0 };
    }
    let known = conversation.known(marks, agent, |place, _| place.session == session);
    if let Some(known) = &known
        && known.turns < conversation.heads.len()
        && let Some(place) = agent.places.get_mut(known.row)
    {
        place.continued = true;
    }
    Standing { session, method, known: known.map_or(0, |known| known.turns) }
}

/// The session that the caller names, or that of the answer from which it goes on.
fn explicit(marks: &Marks, agent: &Agent, asked: &ModelAsked<'_>) -> Option<SessionId> {
    let hints = &asked.request.hints;
    let named =
        asked.claimed_session.or(hints.session.as_deref()).or(hints.user_session.as_deref());
    let named = named.map(|name| ("session", name));
    let named =
        named.or(hints.conversation.as_deref().map(|name| ("provider's conversation", name)));
    if let Some((kind, name)) = named.filter(|(_, name)| !name.is_empty()) {
        return Some(marks.session(asked.agent, kind, name));
    }
    let answer = answer_mark(marks, hints.previous_answer.as_deref()?);
    agent.places.find(answer).next_back().map(|(_, place)| place.session)
}

/// The mark of a provider's id of an answer.
pub(super) fn answer_mark(marks: &Marks, id: &str) -> Mark {
    marks.mark("answer", &[id.as_bytes()])
}
