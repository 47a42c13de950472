//! The ledger itself: exports, gaps, erasures and legal holds.

use events::{
    EraseRequested, LedgerExported, LedgerGap, LedgerRecovered, LegalHoldPlaced, PayloadErased,
};

pub(super) fn recovered(fact: &LedgerRecovered) -> String {
    format!("{} unacknowledged bytes were cut, kept in {}", fact.cut_bytes, fact.quarantine)
}

pub(super) fn exported(fact: &LedgerExported) -> String {
    let payloads = if fact.payloads { "with payloads" } else { "without payloads" };
    format!("{}: {}, {payloads}, of {} events", fact.by, fact.criterion, fact.size)
}

pub(super) fn gap(fact: &LedgerGap) -> String {
    let LedgerGap { cause, from, refused, to } = fact;
    format!("{refused} refusals are not on record, {from} to {to}: {cause}")
}

pub(super) fn hold_placed(fact: &LegalHoldPlaced) -> String {
    let session = fact.session.map(|session| session.to_string());
    let what = session.as_deref().or(fact.subject.as_deref()).unwrap_or("nothing");
    format!("{}: {what}: {}", fact.by, fact.reason)
}

pub(super) fn erase_requested(fact: &EraseRequested) -> String {
    let EraseRequested { basis, by, criterion, sessions } = fact;
    format!("{by}: {criterion}, {} sessions: {basis}", sessions.len())
}

pub(super) fn erased(fact: &PayloadErased) -> String {
    let PayloadErased { bytes, payloads, sessions } = fact;
    format!("{payloads} payloads of {} sessions, {bytes} bytes", sessions.len())
}
