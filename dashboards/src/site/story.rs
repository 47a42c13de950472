//! What was said in a session before a call was held: its last calls, read back from the ledger.
//! It blocks.

use super::Site;
use super::exact::payload;
use super::reading::{each_record, position};
use crate::markup::Label;
use crate::pages::Said;
use crate::truth::shown;
use analytics::{Call, Calls, Outcome, Projection as _, answer_text, result_text, user_text};
use approvals::Hold;
use bytes::Bytes;
use events::{Envelope, Operation};
use ledger::log::Reader;

/// How many events before a call are looked at.
const EVENTS_MAX: u64 = 20_000;

/// How many calls are told.
const CALLS_MAX: usize = 6;

/// How many events of the same moment may stand behind the one looked for.
const MARGIN: u64 = 256;

/// What was said before, the oldest first.
pub(super) fn so_far(site: &Site, hold: &Hold) -> Vec<Said> {
    let calls = calls_before(site, hold);
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
    let both = if call.operation() == Operation::Chat {
        let asked = user_text(&bytes(call.request()));
        let answered = answer_text(&bytes(call.answer()));
        let who = format!("user, as the agent tells it (for {owner})");
        let model = format!("model {}", call.model().unwrap_or("of no name"));
        [said(who, asked), said(model, answered)]
    } else {
        let is_answered = matches!(call.outcome, Some(Outcome::Completed(_)));
        let answer = is_answered.then(|| result_text(&bytes(call.answer()))).flatten();
        let tool = format!("tool {} answered", call.target().unwrap_or("of no name"));
        [said(tool, answer), None]
    };
    both.into_iter().flatten().collect()
}

/// The calls of a hold's session before it, from whoever has them on record.
fn calls_before(site: &Site, hold: &Hold) -> Calls {
    let there = site.parts().backstage.before(hold);
    let records = there.unwrap_or_else(|| session_before(&*site.parts().reader, hold));
    let mut calls = Calls::default();
    records.iter().filter_map(|it| Envelope::parse(it).ok()).for_each(|it| calls.apply(&it));
    calls
}

/// The events of a hold's session that stand before it, as far as they are looked at. It blocks.
pub fn session_before(reader: &dyn Reader, hold: &Hold) -> Vec<Bytes> {
    let end = position(reader, hold.at).saturating_add(MARGIN);
    let mut records = Vec::new();
    each_record(reader, end.saturating_sub(EVENTS_MAX)..end, |record, envelope| {
        if envelope.session == Some(hold.session) {
            records.push(record.clone());
        }
    });
    records
}
