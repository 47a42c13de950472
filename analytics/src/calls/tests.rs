//! The laws that the rows keep, whatever the ledger says.

use super::{Asked, Calls, Outcome};
use crate::hold::HoldState;
use crate::projection::{Fold, FoldError};
use crate::samples::{
    Book, answered, applied, approved_by, at, call, chat, event, granted, held, link, rejected_by,
    served, tool,
};
use crate::session_calls::{Locator, Members, SessionCalls, Wanted};
use crate::trace::Trace;
use events::{
    CallCancelled, CallDispatched, CallInDoubt, Envelope, Event, FindingKind, FindingRaised,
    HoldExpired, LinkMethod,
};
use proptest::prelude::*;

/// One event about one of four calls of one of three sessions; any order, sensible or not.
fn line() -> impl Strategy<Value = (u128, u128, Event)> {
    (0..3_u128, 0..4_u128, 0..10_u8).prop_map(|(session, number, kind)| {
        let id = session * 10 + number;
        let event = match kind {
            0 => chat(None).into(),
            1 => tool("pay", None).into(),
            2 => answered(10, None, &[("t1", "pay")]).into(),
            3 => CallInDoubt { dispatched: 1, detail: "crash".into() }.into(),
            4 => held("pay").into(),
            5 => approved_by("ben").into(),
            6 => granted(&[1]).into(),
            7 => HoldExpired { granted: false, until: at(90) }.into(),
            8 => link(session * 10, "t1", LinkMethod::Arguments, 90).into(),
            _ => FindingRaised {
                detail: "odd".into(),
                evidence: vec![call(id)],
                kind: FindingKind::UnaskedCall,
                tool_call: None,
            }
            .into(),
        };
        (session, id, event)
    })
}

fn ledger(lines: Vec<(u128, u128, Event)>) -> Vec<Envelope> {
    let mut book = Book::default();
    for (session, id, event) in lines {
        book.wait(1).write((session, id), event);
    }
    book.events
}

fn fold(events: &[Envelope]) -> Calls {
    let mut fold = Fold::new(Calls::default());
    for event in events {
        fold.apply(event).unwrap();
    }
    fold.into_projection()
}

proptest! {
    #[test]
    fn rebuilt_rows_equal_rows_folded_bit_by_bit(
        lines in prop::collection::vec(line(), 0..40),
        stops in prop::collection::vec(0..40_usize, 0..5),
    ) {
        let events = ledger(lines);
        let mut fold_in_parts = Fold::new(Calls::default());
        for stop in stops.into_iter().chain([events.len()]) {
            // Each reading begins a little too early, as one does after a restart.
            let from = usize::try_from(fold_in_parts.cursor()).unwrap().saturating_sub(3);
            for event in events.iter().take(stop).skip(from) {
                fold_in_parts.apply(event).unwrap();
            }
        }
        prop_assert_eq!(fold_in_parts.cursor(), events.len() as u64);
        prop_assert_eq!(fold_in_parts.into_projection(), fold(&events));
    }

    #[test]
    fn the_order_of_independent_sessions_does_not_matter(
        lines in prop::collection::vec(line(), 0..40),
    ) {
        let events = ledger(lines);
        let mut by_session = events.clone();
        by_session.sort_by_key(|event| event.session);
        let sorted = applied(&by_session, Calls::default());
        let whole = fold(&events);
        prop_assert!(whole.iter().eq(sorted.iter()));
        prop_assert_eq!(whole.strays(), sorted.strays());
    }

    #[test]
    fn the_calls_of_one_session_are_the_same_alone_and_among_all(
        lines in prop::collection::vec(line(), 1..40),
    ) {
        let events = ledger(lines);
        let session = events[0].session.unwrap();
        let members = applied(&events, Members::new(session));
        let alone = applied(&events, SessionCalls::new(members));
        let whole = fold(&events);
        let expected = whole.iter().filter(|call| call.session == Some(session));
        prop_assert!(alone.calls().iter().eq(expected));
        let trace = Trace::of(session, alone.calls());
        prop_assert_eq!(trace.calls().count(), alone.calls().len());
    }
}

#[test]
fn a_gap_is_an_error_and_changes_nothing() {
    let events = ledger(vec![(0, 1, chat(None).into()), (0, 2, chat(None).into())]);
    let mut fold = Fold::new(Calls::default());
    let gap = fold.apply(&events[1]);
    assert!(matches!(gap, Err(FoldError::Gap { expected: 0, found: 1 })));
    assert!(fold.projection().is_empty());
}

#[test]
fn a_kind_of_a_later_version_is_counted_and_passed_over() {
    let mut fold = Fold::new(Calls::default());
    let record = br#"{"data":{},"dataschema":"urn:countersign:events:9",
        "id":"00000000000000000000000000","sequence":"00000000000000000000","source":"x",
        "specversion":"1.0","time":"2026-11-21T08:00:00Z","type":"call.dreamt"}"#;
    fold.apply_record(record).unwrap();
    assert_eq!((fold.cursor(), fold.unknown()), (1, 1));
    assert!(matches!(fold.apply_record(b"{}"), Err(FoldError::Unreadable { sequence: 1, .. })));
}

#[test]
fn a_call_keeps_its_first_outcome_and_its_surest_cause() {
    let gave_up = CallCancelled {
        answer: None,
        by: "agent".into(),
        detail: "closed".into(),
        duration_us: 5,
        may_have_acted: true,
    };
    let events = ledger(vec![
        (0, 1, chat(None).into()),
        (0, 2, tool("pay", None).into()),
        (0, 2, link(9, "a", LinkMethod::Subset, 60).into()),
        (0, 2, link(1, "b", LinkMethod::Arguments, 90).into()),
        (0, 2, link(1, "c", LinkMethod::Result, 90).into()),
        (0, 2, served(3, None).into()),
        (0, 2, gave_up.into()),
    ]);
    let calls = fold(&events);
    let row = calls.get(call(2)).unwrap();
    assert!(matches!(row.outcome, Some(Outcome::Completed(_))));
    assert_eq!(row.cause().unwrap().tool_call.as_deref(), Some("b"));
    assert!(row.is_confirmed());
    assert_eq!(calls.strays(), 1);
}

#[test]
fn a_held_call_that_is_made_keeps_what_people_did() {
    let made = CallDispatched { grant: Some(event(3)), ..tool("pay", None) };
    let events = ledger(vec![
        (0, 1, held("pay").into()),
        (0, 1, approved_by("ben").into()),
        (0, 1, approved_by("eve").into()),
        (0, 1, granted(&[1]).into()),
        (0, 1, made.into()),
        (0, 1, served(3, None).into()),
    ]);
    let calls = fold(&events);
    let row = calls.get(call(1)).unwrap();
    let hold = row.hold.as_ref().unwrap();
    assert!(matches!(row.asked, Asked::Dispatched(_)) && row.outcome.is_some());
    assert_eq!((hold.state, hold.time), (HoldState::Dispatched, events[0].time));
    assert_eq!((row.sequence, row.sent(), row.grant()), (0, events[4].time, Some(event(3))));
    assert_eq!(hold.allowed_by(), ["ben@example.com"]);
    assert_eq!((hold.votes().count(), calls.strays()), (2, 0));
}

#[test]
fn what_comes_after_the_end_of_a_hold_changes_nothing_and_is_counted() {
    let events = ledger(vec![
        (0, 1, held("pay").into()),
        (0, 1, HoldExpired { granted: false, until: at(90) }.into()),
        (0, 1, rejected_by("ben").into()),
        (0, 1, granted(&[2]).into()),
        (0, 1, held("pay").into()),
        (0, 2, approved_by("ben").into()),
    ]);
    let calls = fold(&events);
    let hold = calls.get(call(1)).unwrap().hold.as_ref().unwrap();
    assert_eq!((hold.state, hold.steps.len(), calls.strays()), (HoldState::Expired, 1, 4));
}

#[test]
fn a_session_is_found_by_a_call_and_as_the_latest() {
    let events = ledger(vec![
        (1, 10, chat(None).into()),
        (2, 20, chat(None).into()),
        (1, 10, served(3, None).into()),
    ]);
    let find = |wanted| applied(&events, Locator::new(wanted)).session();
    assert_eq!(find(Wanted::Latest), events[1].session);
    assert_eq!(find(Wanted::Call(call(10))), events[0].session);
    assert_eq!(find(Wanted::Call(call(99))), None);
}
