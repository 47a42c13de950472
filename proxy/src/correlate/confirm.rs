//! Compares the tool results in a model request with those that tools gave.
//!
//! A result that is equal proves which tool call it belongs to, and corrects a link that was
//! doubtful. One that differs was altered on the way, and one of no tool call was made up or comes
//! from a tool that the gateway does not see.

use super::asked::{Note, proved};
use super::limits::{TELLING_BYTES_MIN, UNSERVED_NOTES_MAX};
use super::marks::Marks;
use super::remembered::{Agent, Asked, Served, call_mark};
use super::result_text;
use super::shelf::RowId;
use crate::dialect::ToolResult;
use events::{CallId, FindingKind, FindingRaised, Mark, SessionId};

/// A model request whose results are compared.
pub(super) struct Confirming<'a> {
    pub(super) marks: &'a Marks,
    pub(super) agent: &'a mut Agent,
    pub(super) session: SessionId,
    pub(super) call: CallId,
    notes: Vec<Note>,
    /// Findings about results that were never served.
    unserved: usize,
}

/// A result as it is compared.
struct Told<'a> {
    result: &'a ToolResult<'a>,
    texts: Vec<Mark>,
    /// For findings, which are raised once.
    once: Mark,
}

impl<'a> Confirming<'a> {
    pub(super) fn new(
        marks: &'a Marks,
        agent: &'a mut Agent,
        session: SessionId,
        call: CallId,
    ) -> Self {
        Self { marks, agent, session, call, notes: Vec::new(), unserved: 0 }
    }

    /// Compares the results, oldest first, and says what is to be recorded.
    pub(super) fn run<'r>(
        mut self,
        results: impl Iterator<Item = &'r ToolResult<'r>>,
    ) -> Vec<Note> {
        for result in results {
            let id = self.marks.shortened(&result.call_id);
            let told = Told {
                result,
                texts: result_text::told(self.marks, &result.text),
                once: self.once(&id, &result.text),
            };
            self.settle(&told, &id);
        }
        if let Some(more) = self.unserved.checked_sub(UNSERVED_NOTES_MAX).filter(|more| *more > 0) {
            let detail = format!("{more} more tool results of this request were never served");
            self.raise(FindingKind::UnservedResult, self.call, detail, None);
        }
        self.notes
    }

    /// The mark under which a finding about a result is remembered: that of its id, else of its
    /// text.
    fn once(&self, id: &str, text: &str) -> Mark {
        if id.is_empty() {
            let session = self.session.ulid().0.to_be_bytes();
            self.marks.mark("told text", &[&session, text.as_bytes()])
        } else {
            self.marks.tool_call_in(self.session, id)
        }
    }

    fn settle(&mut self, told: &Told<'_>, id: &str) {
        let Some(row) = self.row_of(told, id) else {
            return self.settle_unasked(told, id);
        };
        let Some(asked) = self.agent.asked.get(row).cloned() else { return };
        let linked = asked.claimed.and_then(|call| self.served(call));
        if let Some((served_row, served)) = &linked
            && self.is_of(*served_row, told)
        {
            if !served.confirmed {
                self.confirm(*served_row, row, &asked);
            }
            return;
        }
        if let Some(other) = self.recognised(told, row, &asked) {
            return self.confirm(other, row, &asked);
        }
        match linked {
            Some((_, served)) if served.answered => self.altered(told, &asked, served.call),
            // It failed, has nothing to compare, or runs still: what the model is told then is
            // the agent's own words.
            Some(_) => {}
            None => self.unserved(told, id, Some(row)),
        }
    }

    /// The tool call of this session that the result says it answers: the newest of that id whose
    /// result is known to be this one, else that was carried out, else at all.
    fn row_of(&self, told: &Told<'_>, id: &str) -> Option<RowId> {
        if id.is_empty() {
            return None;
        }
        let rows = self.agent.asked.find(self.marks.tool_call_in(self.session, id));
        let ranked = rows.map(|(row, asked)| {
            let served = asked.claimed.and_then(|call| self.served(call));
            let equal = served.as_ref().is_some_and(|(served, _)| self.is_of(*served, told));
            (equal, served.is_some(), row)
        });
        ranked.max().map(|(_, _, row)| row)
    }

    /// A result whose id no answer of this session gave.
    fn settle_unasked(&mut self, told: &Told<'_>, id: &str) {
        let known = told.texts.iter().flat_map(|text| self.agent.served.find(*text));
        let telling = told.result.text.len() >= TELLING_BYTES_MIN;
        // Sent again after the client cut its history, or taken over from another session.
        let same_id = |served: &Served| {
            let asked = served.asked.and_then(|row| self.agent.asked.get(row));
            asked.is_some_and(|asked| asked.id.as_deref() == Some(id))
        };
        let seen = known.into_iter().any(|(_, served)| telling || same_id(served));
        if !seen {
            self.unserved(told, id, None);
        }
    }

    /// Another tool call whose result this is: one that repeats the same, or one whose own link is
    /// not certain.
    fn recognised(&self, told: &Told<'_>, row: RowId, asked: &Asked) -> Option<RowId> {
        let telling = told.result.text.len() >= TELLING_BYTES_MIN;
        let found = told.texts.iter().flat_map(|text| self.agent.served.find(*text));
        let fitting = found.filter(|(_, served)| {
            let equal = asked.arguments == served.arguments;
            let free = served.asked.is_none() || !served.certain && equal;
            let repeats = served.asked == Some(row);
            !served.confirmed && (repeats || free && (telling || equal))
        });
        fitting.map(|(row, _)| row).min()
    }

    fn served(&self, call: CallId) -> Option<(RowId, Served)> {
        let (row, served) = self.agent.served.find(call_mark(call)).next()?;
        Some((row, served.clone()))
    }

    fn is_of(&self, served: RowId, told: &Told<'_>) -> bool {
        told.texts.iter().any(|text| self.agent.served.has(served, *text))
    }

    fn confirm(&mut self, served: RowId, row: RowId, asked: &Asked) {
        let in_session = asked.id.as_deref();
        let in_session = in_session.map(|id| self.marks.tool_call_in(self.session, id));
        self.agent.prove(served, row, in_session);
        let Some(served) = self.agent.served.get(served) else { return };
        let link = proved(asked.cause, asked.id.clone());
        self.notes.push(Note::link(self.session, served.call, self.call, link));
    }

    fn altered(&mut self, told: &Told<'_>, asked: &Asked, served: CallId) {
        if self.is_told(told) {
            return;
        }
        let detail = format!(
            "the model was told a result of `{}` that is not the one the tool gave",
            self.marks.shortened(&asked.name)
        );
        self.raise(FindingKind::ResultAltered, served, detail, asked.id.clone());
    }

    /// The tool call that it answers, if known, will not be made any more.
    fn unserved(&mut self, told: &Told<'_>, id: &str, row: Option<RowId>) {
        if self.is_told(told) {
            return;
        }
        self.unserved += 1;
        if self.unserved <= UNSERVED_NOTES_MAX {
            // Only with a finding, from which it will be known after a restart.
            if let Some(asked) = row.and_then(|row| self.agent.asked.get_mut(row)) {
                asked.closed = true;
            }
            let id = Some(id.to_owned()).filter(|id| !id.is_empty());
            let detail =
                "the model was told a tool result that the gateway never served".to_owned();
            self.raise(FindingKind::UnservedResult, self.call, detail, id);
        }
    }

    /// Whether a finding was raised about this result before; from now on it was.
    fn is_told(&mut self, told: &Told<'_>) -> bool {
        let known = self.agent.told.find(told.once).next().is_some();
        if !known {
            self.agent.told.insert((), [told.once]);
        }
        known
    }

    fn raise(
        &mut self,
        kind: FindingKind,
        about: CallId,
        detail: String,
        tool_call: Option<String>,
    ) {
        let mut evidence = vec![self.call, about];
        evidence.dedup();
        let finding = FindingRaised { detail, evidence, kind, tool_call };
        self.notes.push(Note::finding(self.session, about, Some(self.call), finding));
    }
}
