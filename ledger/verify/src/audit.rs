//! The fold over events: form, sequence, completeness, custody. Pure; takes record after record and
//! remembers only what is open.

mod canonical;

mod calls;

mod custody;

mod grants;

pub use custody::PayloadState;

pub(crate) use calls::{CallCounts, ENDED_MAX};
pub(crate) use custody::PayloadCounts;
pub(crate) use grants::GrantCounts;

use crate::finding::{Check, Finding, Findings};
use crate::record::{Record, Stretch};
use calls::{Calls, Wrong};
use custody::Custody;
use events::{
    BreakGlass, Envelope, Event, HoldGranted, ParseError, PayloadRef, SessionId, Timestamp,
};
use grants::Grants;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// How far an event's time may be before that of an earlier event without a word: calls that run at
/// once tell the time before they are in line.
const BACK_MICROS_MAX: u64 = 60_000_000;

/// Says what has become of a payload of a session.
pub(crate) type PayloadReader<'a> = &'a mut dyn FnMut(u64, SessionId, &PayloadRef) -> PayloadState;

/// Which part of a log was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Whether nothing that is read refers to something before the first event.
    pub(crate) has_beginning: bool,
    /// Whether the last event is the last of the checkpoint.
    pub(crate) has_end: bool,
}

impl Part {
    /// All that a checkpoint covers.
    pub(crate) const WHOLE: Self = Self { has_beginning: true, has_end: true };
}

/// What a fold over events comes to.
#[derive(Debug, Default)]
pub(crate) struct Audited {
    pub(crate) findings: Findings,
    pub(crate) events: u64,
    /// How many of them, at the end, are of kinds that may stand behind a range.
    pub(crate) custody_last: u64,
    pub(crate) unknown: u64,
    pub(crate) calls: CallCounts,
    pub(crate) open: u64,
    pub(crate) grants: GrantCounts,
    pub(crate) payloads: PayloadCounts,
    pub(crate) erasures: u64,
    pub(crate) forgot_sessions: bool,
    /// The latest erasure of each session, where that is asked for.
    pub(crate) erased: HashMap<SessionId, u64>,
}

/// The fold.
pub(crate) struct Audit<'a> {
    payload: PayloadReader<'a>,
    findings: Findings,
    source: Option<Arc<str>>,
    latest: Timestamp,
    events: u64,
    custody_last: u64,
    unknown: u64,
    calls: Calls,
    grants: Grants,
    custody: Custody,
    unless_before: Findings,
}

/// The envelope of an event of a kind that is not known.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    sequence: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    time: Timestamp,
}

/// The place that an event says to have; `None` if it says none.
pub(crate) fn sequence_of(bytes: &[u8]) -> Option<u64> {
    let outline: Outline<'_> = serde_json::from_slice(bytes).ok()?;
    sequence(&outline.sequence)
}

fn sequence(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|next| next.is_ascii_digit());
    if plain && digits.len() == events::SEQUENCE_DIGITS { digits.parse().ok() } else { None }
}

impl<'a> Audit<'a> {
    pub(crate) fn new(payload: PayloadReader<'a>) -> Self {
        Self {
            payload,
            findings: Findings::default(),
            source: None,
            latest: Timestamp::default(),
            events: 0,
            custody_last: 0,
            unknown: 0,
            calls: Calls::default(),
            grants: Grants::default(),
            custody: Custody::default(),
            unless_before: Findings::default(),
        }
    }

    /// The fold, which also remembers when each session was erased last.
    pub(crate) fn remembering_erasures(mut self) -> Self {
        self.custody.erased = Some(HashMap::new());
        self
    }

    /// Takes the records of a stretch.
    pub(crate) fn stretch(&mut self, stretch: &Stretch) {
        stretch.records().for_each(|record| self.record(&record));
    }

    /// Takes the next record.
    pub(crate) fn record(&mut self, record: &Record<'_>) {
        self.events += 1;
        self.form(record);
        let custody_before = std::mem::take(&mut self.custody_last);
        match Envelope::parse(record.bytes) {
            Ok(envelope) => {
                if custody::may_stand_behind(&envelope.event) {
                    self.custody_last = custody_before + 1;
                }
                self.place(record, envelope.sequence, &envelope.source, envelope.time);
                self.known(record, &envelope);
            }
            Err(ParseError::Unknown { kind, schema }) => {
                self.unknown += 1;
                let detail = format!("kind `{kind}` of schema `{schema}` is unknown here");
                self.findings.note(Finding::new(Check::Events, detail).about(record.index));
                match serde_json::from_slice::<Outline<'_>>(record.bytes) {
                    Ok(Outline { sequence: digits, source, time }) => match sequence(&digits) {
                        Some(sequence) => self.place(record, sequence, &source, time),
                        None => self.add(record, Check::Events, "its sequence is not 20 digits"),
                    },
                    Err(error) => self.add(record, Check::Events, error),
                }
            }
            Err(error) => self.add(record, Check::Events, error),
        }
    }

    fn add(&mut self, record: &Record<'_>, check: Check, detail: impl std::fmt::Display) {
        self.findings.add(Finding::new(check, detail).about(record.index).at(record.place()));
    }

    /// Canonical bytes of a CloudEvents 1.0 object.
    fn form(&mut self, record: &Record<'_>) {
        let mut version = false;
        let canonical = canonical::check(record.bytes, &mut |name, value| {
            version |= name == b"specversion" && value == b"\"1.0\"";
        });
        if let Err(wrong) = canonical {
            let detail = format!("not canonical (RFC 8785): {}", wrong.what);
            let finding = Finding::new(Check::Events, detail).about(record.index);
            self.findings.add(finding.at(record.place_of(wrong.at)));
        } else if !version {
            self.add(record, Check::Events, "`specversion` is not `1.0`");
        }
    }

    /// Where it stands, in which shard, and when.
    fn place(&mut self, record: &Record<'_>, sequence: u64, source: &str, time: Timestamp) {
        if sequence != record.index {
            let detail = format!("it says to be event {sequence}");
            self.add(record, Check::Sequence, detail);
        }
        match &self.source {
            None => self.source = Some(source.into()),
            Some(first) if **first != *source => {
                let detail = format!("its source is `{source}`, that of the first is `{first}`");
                self.add(record, Check::Sequence, detail);
            }
            Some(_) => {}
        }
        if time.micros().saturating_add(BACK_MICROS_MAX) < self.latest.micros() {
            let detail =
                format!("its time {time} is over a minute before that of an earlier event");
            self.findings.note(Finding::new(Check::Sequence, detail).about(record.index));
        }
        self.latest = self.latest.max(time);
    }

    fn known(&mut self, record: &Record<'_>, envelope: &Envelope) {
        if matches!(envelope.event, Event::GatewayStarted(_)) {
            for (call, at) in self.calls.left_open() {
                let detail = format!("`{call}`, dispatched at {at}, has no outcome before this");
                self.add(record, Check::Calls, detail);
            }
        }
        let wrong = self.calls.apply(record.index, envelope.call, &envelope.event);
        self.wrong(record, Check::Calls, wrong);
        let wrong = self.grants.apply(envelope);
        self.wrong(record, Check::Grants, wrong);
        if let Event::HoldGranted(HoldGranted { break_glass: Some(glass), .. }) = &envelope.event {
            let BreakGlass { by, reason } = glass;
            let detail = format!("`{}` granted it alone, in an emergency: {reason}", by.email);
            self.findings.note(Finding::new(Check::Grants, detail).about(record.index));
        }
        if let Some(payload) = envelope.event.payload() {
            let state = match envelope.session {
                Some(session) => (self.payload)(record.index, session, payload),
                None => PayloadState::Absent,
            };
            let finding = self.custody.payload(record, envelope.session, payload, state);
            if let Some(finding) = finding {
                let place = finding.place.clone().unwrap_or_else(|| record.place());
                self.findings.add(finding.about(record.index).at(place));
            }
        }
        self.custody.apply(record, envelope, &mut self.findings);
    }

    fn wrong(&mut self, record: &Record<'_>, check: Check, wrong: Option<Wrong>) {
        match wrong {
            Some(Wrong::Surely(detail)) => self.add(record, check, detail),
            Some(Wrong::UnlessBefore(detail)) => {
                let finding = Finding::new(check, detail).about(record.index);
                self.unless_before.add(finding.at(record.place()));
            }
            None => {}
        }
    }

    /// What it comes to, when there are no more records.
    pub(crate) fn finish(mut self, part: Part) -> Audited {
        let mut unless_before = self.unless_before;
        unless_before.absorb(std::mem::take(&mut self.custody.unless_before));
        let before = unless_before.total();
        if part.has_beginning {
            self.findings.absorb(unless_before);
        } else if before > 0 {
            let detail = format!("{before} events refer to something before the first one here");
            self.findings.note(Finding::new(Check::Calls, detail));
        }
        let open = self.calls.open_count();
        if self.calls.stopped_in_order() == Some(false) && part.has_end {
            for (call, at) in self.calls.left_open() {
                let detail = format!("`{call}` has no outcome, and the gateway has stopped");
                self.findings.add(Finding::new(Check::Calls, detail).about(at));
            }
        } else if open > 0 {
            let detail = format!("{open} calls had no outcome yet at the last event");
            self.findings.note(Finding::new(Check::Calls, detail));
        }
        self.custody.finish(&mut self.findings);
        Audited {
            findings: self.findings,
            events: self.events,
            custody_last: self.custody_last,
            unknown: self.unknown,
            calls: self.calls.counts,
            grants: self.grants.counts,
            open: u64::try_from(open).unwrap_or(u64::MAX),
            payloads: self.custody.payloads,
            erasures: self.custody.erasures,
            forgot_sessions: self.custody.forgot_sessions(),
            erased: self.custody.erased.take().unwrap_or_default(),
        }
    }
}
