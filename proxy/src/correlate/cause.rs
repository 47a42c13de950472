//! Finds the tool call of a model's answer that an agent carries out.
//!
//! In order: the id that the caller sends (100), name and arguments with the same trace (99), name
//! and arguments (95), name and arguments but for what clients add (80), the trace alone (70), an
//! id whose name fits but not its arguments (50), and at last a tool call that is carried out
//! already: until its result is told to the model, the agent may repeat it (50). Where a name fits
//! only behind an unknown prefix, ten less. Where k fit equally well the oldest is taken, at the
//! k-th part.

use super::limits::{EQUAL_MAX, FRESH_US};
use super::remembered::{Agent, Asked};
use super::shelf::RowId;
use super::tool_name::{Fit, ToolName};
use events::{LinkMethod, Mark, SessionId, Timestamp};

/// A tool call whose cause is looked for.
#[derive(Clone, Debug)]
pub(super) struct Sought<'a> {
    pub(super) name: ToolName<'a>,
    pub(super) arguments: Mark,
    pub(super) reduced: Mark,
    pub(super) trace: Option<Mark>,
    /// The marks of ids that the caller sent.
    pub(super) ids: Vec<Mark>,
    /// The session of all earlier calls over the same protocol session.
    pub(super) session: Option<SessionId>,
    pub(super) now: Timestamp,
    pub(super) window_us: u64,
}

/// A cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) row: RowId,
    pub(super) method: LinkMethod,
    pub(super) confidence: u8,
    pub(super) candidates: Option<u32>,
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Search {
    pub(super) found: Option<Found>,
    /// A tool call whose id the caller sent, although name or arguments differ.
    pub(super) mismatch: Option<RowId>,
}

/// How well a row fits among those that fit by the same method; the greatest is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::struct_excessive_bools, reason = "they are compared in this order, no more")]
struct Rank {
    fit: Fit,
    pending: bool,
    current: bool,
    same_session: bool,
    fresh: bool,
}

struct Candidate {
    row: RowId,
    rank: Rank,
}

/// Looks for the cause among what the agent's models asked for.
pub(super) fn search(agent: &Agent, sought: &Sought<'_>) -> Search {
    let by_id = || sought.ids.iter().flat_map(|id| agent.asked.find(*id).rev());
    let agrees = |row: RowId| {
        [sought.arguments, sought.reduced].iter().any(|mark| agent.asked.has(row, *mark))
    };
    let agreeing = candidates(sought, by_id().filter(|(row, _)| agrees(*row)));
    if let Some(found) = best(agreeing, LinkMethod::ToolCallId, 100) {
        return Search { found: Some(found), mismatch: None };
    }
    let mismatch = by_id().next().map(|(row, _)| row);
    let found = by_content(agent, sought)
        .or_else(|| best(candidates(sought, by_id()), LinkMethod::ToolCallId, 50))
        .or_else(|| {
            let again = agent.asked.find(sought.arguments).rev();
            let again = again.filter(|(_, asked)| asked.age_us(sought.now) <= sought.window_us);
            best(candidates(sought, again), LinkMethod::Arguments, 50)
        });
    Search { found, mismatch }
}

/// The methods that need no id, and so see what is pending alone.
fn by_content(agent: &Agent, sought: &Sought<'_>) -> Option<Found> {
    let pending = |mark: Mark| {
        let rows = agent.asked.find(mark).rev();
        rows.filter(|(_, asked)| asked.is_pending(sought.now, sought.window_us))
    };
    let traced = |row: RowId| sought.trace.is_some_and(|trace| agent.asked.has(row, trace));
    let equal = || pending(sought.arguments).filter(|(_, row)| row.arguments == sought.arguments);
    let of_trace = equal().filter(|(row, _)| traced(*row));
    let alike = pending(sought.arguments).chain(pending(sought.reduced));
    best(candidates(sought, of_trace), LinkMethod::Trace, 99)
        .or_else(|| best(candidates(sought, equal()), LinkMethod::Arguments, 95))
        .or_else(|| best(candidates(sought, alike), LinkMethod::Subset, 80))
        .or_else(|| {
            let traced = sought.trace.into_iter().flat_map(pending);
            best(candidates(sought, traced), LinkMethod::TraceOnly, 70)
        })
}

/// The rows whose name fits, with their ranks.
fn candidates<'a>(
    sought: &Sought<'_>,
    rows: impl Iterator<Item = (RowId, &'a Asked)>,
) -> Vec<Candidate> {
    let ranked = rows.take(EQUAL_MAX).filter_map(|(row, asked)| {
        let rank = Rank {
            fit: sought.name.fit(&asked.name)?,
            pending: asked.claimed.is_none() && !asked.closed,
            current: !asked.superseded,
            same_session: sought.session == Some(asked.session),
            fresh: asked.age_us(sought.now) <= FRESH_US,
        };
        Some(Candidate { row, rank })
    });
    ranked.collect()
}

fn best(mut candidates: Vec<Candidate>, method: LinkMethod, confidence: u8) -> Option<Found> {
    // Two marks may lead to one row.
    candidates.sort_unstable_by_key(|candidate| candidate.row);
    candidates.dedup_by_key(|candidate| candidate.row);
    let rank = candidates.iter().map(|candidate| candidate.rank).max()?;
    let mut equal = candidates.iter().filter(|candidate| candidate.rank == rank);
    let row = equal.next()?.row;
    let count = 1 + u32::try_from(equal.count()).unwrap_or(u32::MAX - 1);
    let confidence =
        if rank.fit == Fit::Whole { confidence } else { confidence.saturating_sub(10) };
    let confidence = u8::try_from(u32::from(confidence) / count).unwrap_or_default();
    Some(Found { row, method, confidence, candidates: (count > 1).then_some(count) })
}
