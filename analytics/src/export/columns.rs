//! The columns of the tables: what they are called, and what an event has in them.

use super::item::Item;
use events::{Event, Principal, Usage};
use serde::Serialize;

/// What a column holds; each may be empty but the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An integer.
    Number,
    /// Microseconds since 1970, in UTC.
    Time,
    /// Text.
    Text,
}

/// A cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Cell {
    #[default]
    Empty,
    Number(u64),
    Text(String),
}

/// The columns in their order.
pub(super) const COLUMNS: &[(&str, Kind)] = &[
    ("sequence", Kind::Number),
    ("id", Kind::Text),
    ("time", Kind::Time),
    ("type", Kind::Text),
    ("session", Kind::Text),
    ("call", Kind::Text),
    ("cause", Kind::Text),
    ("agent", Kind::Text),
    ("owner", Kind::Text),
    ("team", Kind::Text),
    ("dialect", Kind::Text),
    ("operation", Kind::Text),
    ("method", Kind::Text),
    ("model", Kind::Text),
    ("target", Kind::Text),
    ("upstream", Kind::Text),
    ("decision", Kind::Text),
    ("reason", Kind::Text),
    ("status", Kind::Number),
    ("duration_us", Kind::Number),
    ("input_tokens", Kind::Number),
    ("cached_input_tokens", Kind::Number),
    ("output_tokens", Kind::Number),
    ("reasoning_tokens", Kind::Number),
    ("person", Kind::Text),
];

/// What only some kinds of events have.
#[derive(Default)]
struct Details {
    dialect: Cell,
    operation: Cell,
    method: Cell,
    model: Cell,
    target: Cell,
    upstream: Cell,
    decision: Cell,
    reason: Cell,
    status: Cell,
    duration: Cell,
    usage: Usage,
}

/// The cells of an event, one for each of [`COLUMNS`].
pub(super) fn cells(item: &Item) -> Vec<Cell> {
    let details = details(item.event.as_ref());
    let principal = item.principal();
    let of = |part: fn(&Principal) -> &str| text(principal.map(part));
    let usage = details.usage;
    vec![
        Cell::Number(item.sequence),
        text(item.id),
        Cell::Number(item.time.micros()),
        text(Some(&item.kind)),
        text(item.session),
        text(item.call),
        text(item.cause),
        of(|principal| &principal.agent),
        of(|principal| &principal.owner),
        of(|principal| &principal.team),
        details.dialect,
        details.operation,
        details.method,
        details.model,
        details.target,
        details.upstream,
        details.decision,
        details.reason,
        details.status,
        details.duration,
        number(usage.input),
        number(usage.cached_input),
        number(usage.output),
        number(usage.reasoning),
        text(item.person().map(|person| &person.email)),
    ]
}

fn details(event: Option<&Event>) -> Details {
    match event {
        Some(Event::CallDispatched(fact)) => Details {
            dialect: word(fact.dialect),
            operation: word(fact.operation),
            method: text(Some(&fact.method)),
            model: text(fact.model.as_ref()),
            target: text(fact.target.as_ref()),
            upstream: text(Some(&fact.upstream)),
            decision: word(fact.verdict.decision),
            reason: text(fact.verdict.reason.as_ref()),
            ..Details::default()
        },
        Some(Event::CallDenied(fact)) => Details {
            dialect: word(fact.dialect),
            operation: word(fact.operation),
            method: text(Some(&fact.method)),
            model: text(fact.model.as_ref()),
            target: text(fact.target.as_ref()),
            upstream: text(fact.upstream.as_ref()),
            decision: word(fact.verdict.decision),
            reason: text(fact.verdict.reason.as_ref()),
            ..Details::default()
        },
        Some(Event::CallHeld(fact)) => Details {
            dialect: word(fact.dialect),
            operation: word(fact.operation),
            method: text(Some(&fact.method)),
            model: text(fact.model.as_ref()),
            target: text(fact.target.as_ref()),
            upstream: text(Some(&fact.upstream)),
            decision: word(fact.verdict.decision),
            reason: text(fact.verdict.reason.as_ref()),
            ..Details::default()
        },
        Some(Event::CallRefused(fact)) => Details {
            dialect: fact.dialect.map(word).unwrap_or_default(),
            method: text(fact.method.as_ref()),
            reason: text(Some(&fact.code)),
            status: Cell::Number(fact.status.into()),
            ..Details::default()
        },
        _ => outcome(event),
    }
}

fn outcome(event: Option<&Event>) -> Details {
    match event {
        Some(Event::CallCompleted(fact)) => Details {
            model: text(fact.model.as_ref()),
            status: Cell::Number(fact.status.into()),
            duration: Cell::Number(fact.duration_us),
            usage: fact.usage.unwrap_or_default(),
            ..Details::default()
        },
        Some(Event::CallFailed(fact)) => Details {
            reason: word(fact.reason),
            status: number(fact.status.map(u64::from)),
            duration: Cell::Number(fact.duration_us),
            usage: fact.usage.unwrap_or_default(),
            ..Details::default()
        },
        Some(Event::CallCancelled(fact)) => Details {
            reason: text(Some(&fact.by)),
            duration: Cell::Number(fact.duration_us),
            ..Details::default()
        },
        Some(Event::CallLinked(fact)) => Details {
            target: text(Some(fact.cause)),
            reason: word(fact.method),
            ..Details::default()
        },
        Some(Event::FindingRaised(fact)) => {
            Details { reason: word(fact.kind), ..Details::default() }
        }
        Some(Event::MessageRelayed(fact)) => Details {
            method: text(Some(&fact.method)),
            upstream: text(Some(&fact.upstream)),
            reason: word(fact.direction),
            ..Details::default()
        },
        _ => by_people(event),
    }
}

/// What people decided, and why.
fn by_people(event: Option<&Event>) -> Details {
    let because = |reason: Option<&String>| Details { reason: text(reason), ..Details::default() };
    match event {
        Some(Event::HoldVoted(fact)) => {
            Details { decision: word(fact.vote), ..because(fact.reason.as_ref()) }
        }
        Some(Event::HoldEdited(fact)) => because(fact.reason.as_ref()),
        Some(Event::HoldCommented(fact)) => because(Some(&fact.text)),
        Some(Event::HoldGranted(fact)) => {
            because(fact.break_glass.as_ref().map(|glass| &glass.reason))
        }
        Some(Event::HoldLeft(fact)) => because(Some(&fact.detail)),
        Some(Event::HoldWithdrawn(fact)) => because(Some(&fact.reason)),
        Some(Event::GrantOpened(fact)) => Details {
            target: text(Some(&fact.target)),
            upstream: text(Some(&fact.upstream)),
            ..Details::default()
        },
        Some(Event::GrantRevoked(fact)) => because(Some(&fact.reason)),
        Some(Event::AgentRevoked(fact)) => because(Some(&fact.reason)),
        Some(Event::AgentRestored(fact)) => because(Some(&fact.reason)),
        Some(Event::PersonRevoked(fact)) => because(Some(&fact.reason)),
        Some(Event::PersonRestored(fact)) => because(Some(&fact.reason)),
        Some(Event::DelegationOpened(fact)) => because(Some(&fact.reason)),
        Some(Event::PersonRefused(fact)) => because(Some(&fact.detail)),
        Some(Event::SignInFailed(fact)) => because(Some(&fact.detail)),
        _ => Details::default(),
    }
}

fn text(value: Option<impl ToString>) -> Cell {
    value.map_or(Cell::Empty, |value| Cell::Text(value.to_string()))
}

fn number(value: Option<u64>) -> Cell {
    value.map_or(Cell::Empty, Cell::Number)
}

/// A value as it stands in events.
fn word(value: impl Serialize) -> Cell {
    let value = serde_json::to_value(value).ok();
    text(value.as_ref().and_then(|value| value.as_str()))
}
