//! What was said in a session before a call was held: its last calls, read back from the ledger.
//! It blocks.

use super::Site;
use super::exact::payload;
use crate::markup::Label;
use crate::pages::Said;
use crate::truth::shown;
use analytics::{Call, Calls, Outcome, Projection as _, answer_text, result_text, user_text};
use approvals::Hold;
use events::{Envelope, Operation, Timestamp};
use ledger::Sequence;
use ledger::log::Reader;

/// How many events before a call are looked at.
const EVENTS_MAX: u64 = 20_000;

/// How many calls are told.
const CALLS_MAX: usize = 6;

/// How many events of the same moment may stand behind the one looked for.
const MARGIN: u64 = 256;

const READ_BYTES: usize = 1 << 20;

/// What was said before, the oldest first.
pub(super) fn so_far(site: &Site, hold: &Hold) -> Vec<Said> {
    let calls = calls_before(&*site.parts().reader, hold);
    let mut before: Vec<&Call> = calls
        .iter()
        .filter(|call| call.id != hold.id && call.time <= hold.at && call.operation().is_act())
        .collect();
    before.sort_unstable_by_key(|call| call.sequence);
    let skipped = before.len().saturating_sub(CALLS_MAX);
    let mut said: Vec<Said> = Vec::new();
    for call in before.into_iter().skip(skipped) {
        said.extend(told(site, call));
    }
    let mut last: Option<String> = None;
    // A conversation is sent again with every turn: what a person said is told once.
    said.retain(|it| {
        let source = format!("{}\n{}", it.who.text(), it.text.source());
        let is_new = last.as_ref() != Some(&source);
        last = Some(source);
        is_new
    });
    said
}

fn told(site: &Site, call: &Call) -> Vec<Said> {
    let Some(session) = call.session else { return Vec::new() };
    let bytes = |reference| payload(site, session, reference).unwrap_or_default();
    let said = |who: String, text: Option<String>| {
        text.map(|text| Said { who: Label::name(&who), text: shown(&text) })
    };
    let owner = &call.principal().owner;
    let both = match call.operation() {
        Operation::Chat => {
            let model = call.model().unwrap_or("a model");
            let asked = said(
                format!("user, as the agent tells it (for {owner})"),
                user_text(&bytes(call.request())),
            );
            [asked, said(format!("model {model}"), answer_text(&bytes(call.answer())))]
        }
        _ => {
            let tool = call.target().unwrap_or("of no name");
            let answer = match &call.outcome {
                Some(Outcome::Completed(_)) => result_text(&bytes(call.answer())),
                Some(Outcome::Failed(_) | Outcome::Cancelled(_) | Outcome::InDoubt(_)) | None => {
                    None
                }
            };
            [said(format!("tool {tool} answered"), answer), None]
        }
    };
    both.into_iter().flatten().collect()
}

/// The calls of a hold's session among the events before it.
fn calls_before(reader: &dyn Reader, hold: &Hold) -> Calls {
    let end = position(reader, hold.at).saturating_add(MARGIN).min(reader.next().number());
    let mut calls = Calls::default();
    let mut next = end.saturating_sub(EVENTS_MAX);
    while next < end {
        let Ok(records) = reader.read(Sequence::new(next), READ_BYTES) else { break };
        if records.is_empty() {
            break;
        }
        for record in records {
            next += 1;
            let Ok(envelope) = Envelope::parse(&record) else { continue };
            if next <= end && envelope.session == Some(hold.session) {
                calls.apply(&envelope);
            }
        }
    }
    calls
}

/// About where the events of a moment stand.
fn position(reader: &dyn Reader, moment: Timestamp) -> u64 {
    let (mut low, mut high) = (0, reader.next().number());
    while low < high {
        let middle = low + (high - low) / 2;
        let record =
            reader.read(Sequence::new(middle), 1).ok().and_then(|read| read.into_iter().next());
        let time = record.and_then(|record| Envelope::parse(&record).ok()).map(|it| it.time);
        if time.is_some_and(|time| time <= moment) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
