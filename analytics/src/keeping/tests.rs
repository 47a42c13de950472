//! Selections over small ledgers.

use super::{Criterion, Keeping, Used};
use crate::samples::{Book, applied, principal, session, verdict};
use events::{
    CallCompleted, CallDispatched, Decision, Dialect, EraseRequested, Event, EventId,
    LegalHoldLifted, LegalHoldPlaced, Operation, PayloadErased, Principal, SessionId,
    SessionMethod,
};
use std::collections::BTreeSet;

fn asked(book: &mut Book, owner: &str, model: &str) -> CallDispatched {
    CallDispatched {
        arguments: None,
        conversation: None,
        dialect: Dialect::Openai,
        grant: None,
        method: "POST /v1/chat/completions".into(),
        model: Some(model.into()),
        operation: Operation::Chat,
        principal: Principal { owner: owner.into(), ..principal() },
        request: Some(book.payload(owner)),
        session: SessionMethod::New,
        shadow: None,
        stream: false,
        target: None,
        tool_call: None,
        trace: None,
        upstream: "openai".into(),
        verdict: verdict(Decision::Allow),
    }
}

fn world() -> Book {
    let mut book = Book::default();
    for (number, owner) in [(1, "ada"), (2, "ada"), (3, "bob")] {
        let fact = asked(&mut book, owner, "gpt-4o");
        book.wait(1000).write((number, number), fact);
    }
    book
}

fn ids(sessions: &[SessionId]) -> Vec<u128> {
    sessions.iter().map(|id| u128::from(id.ulid())).collect()
}

fn of(subject: &str) -> Criterion {
    Criterion { subject: Some(subject.into()), ..Criterion::default() }
}

fn held_by(book: &mut Book, hold: LegalHoldPlaced) -> EventId {
    book.wait(1).write((90, 90), hold);
    book.events.last().unwrap().id
}

#[test]
fn a_subject_an_age_and_a_list_select_what_fits_all_of_them() {
    let book = world();
    let keeping = applied(&book.events, Keeping::default());
    assert_eq!(ids(&keeping.select(&of("ada")).sessions), [1, 2]);
    let second = book.events[1].time;
    let old = Criterion { before: Some(second), ..of("ada") };
    assert_eq!(ids(&keeping.select(&old).sessions), [1]);
    let listed = BTreeSet::from([session(2), session(3)]);
    let listed = Criterion { sessions: Some(listed), ..Criterion::default() };
    assert_eq!(ids(&keeping.select(&listed).sessions), [2, 3]);
    let (_, kept) = keeping.sessions().next().unwrap();
    assert_eq!(kept.used, BTreeSet::from([Used::Model("gpt-4o".into())]));
}

#[test]
fn a_session_is_of_everyone_it_was_for() {
    let mut book = world();
    let fact = asked(&mut book, "eve", "gpt-4o");
    book.wait(1000).write((1, 9), fact);
    let keeping = applied(&book.events, Keeping::default());
    assert_eq!(ids(&keeping.select(&of("eve")).sessions), [1]);
    assert_eq!(ids(&keeping.select(&of("ada")).sessions), [1, 2]);
    let (by, reason) = ("counsel".into(), "matter 17".to_owned());
    let hold = LegalHoldPlaced { by, reason, session: None, subject: Some("eve".into()) };
    let hold = held_by(&mut book, hold);
    let keeping = applied(&book.events, Keeping::default());
    assert_eq!(keeping.select(&of("ada")).held, [(session(1), hold)]);
}

#[test]
fn a_legal_hold_keeps_a_session_or_all_of_a_person_until_it_is_lifted() {
    let mut book = world();
    let of_session = LegalHoldPlaced {
        by: "cleo".into(),
        reason: "case 1".into(),
        session: Some(session(1)),
        subject: None,
    };
    let of_person =
        LegalHoldPlaced { session: None, subject: Some("ada".into()), ..of_session.clone() };
    let first = held_by(&mut book, of_session);
    let held = applied(&book.events, Keeping::default()).select(&of("ada"));
    assert_eq!((ids(&held.sessions), held.held), (vec![2], vec![(session(1), first)]));
    let second = held_by(&mut book, of_person);
    let lift = |hold| LegalHoldLifted { by: "cleo".into(), hold, reason: "closed".into() };
    book.write((90, 90), lift(first));
    let held = applied(&book.events, Keeping::default()).select(&of("ada"));
    assert_eq!(ids(&held.sessions), [] as [u128; 0]);
    assert_eq!(held.held, [(session(1), second), (session(2), second)]);
    book.write((90, 90), lift(second));
    let freed = applied(&book.events, Keeping::default()).select(&of("ada"));
    assert_eq!(ids(&freed.sessions), [1, 2]);
}

#[test]
fn what_was_erased_is_not_selected_again_before_it_has_new_payloads() {
    let mut book = world();
    let sessions = vec![session(1), session(2)];
    let requested = EraseRequested {
        basis: "article 17".into(),
        by: "cleo".into(),
        criterion: "subject ada".into(),
        sessions: sessions.clone(),
    };
    book.write((90, 90), requested);
    let request = book.events.last().unwrap().id;
    let keeping = applied(&book.events, Keeping::default());
    assert_eq!(keeping.unfinished().keys().copied().collect::<Vec<_>>(), [request]);
    let erased: Event = PayloadErased { bytes: 1, payloads: 1, sessions }.into();
    book.write((90, 90), erased);
    book.events.last_mut().unwrap().cause = Some(request);
    let keeping = applied(&book.events, Keeping::default());
    assert!(keeping.unfinished().is_empty());
    assert_eq!(ids(&keeping.select(&of("ada")).sessions), [] as [u128; 0]);
    let answer = book.payload("late");
    let late = CallCompleted { answer: Some(answer), ..completed() };
    book.write((2, 2), late);
    let keeping = applied(&book.events, Keeping::default());
    assert_eq!(ids(&keeping.select(&of("ada")).sessions), [2]);
}

fn completed() -> CallCompleted {
    CallCompleted {
        answer: None,
        conversation: None,
        duration_us: 1,
        finish: Vec::new(),
        first_byte_us: None,
        model: None,
        response: None,
        result: None,
        status: 200,
        tool_calls: Vec::new(),
        unsuccessful: false,
        usage: None,
    }
}

#[test]
fn what_a_hold_kept_of_an_erasure_is_still_asked_for_when_the_rest_is_erased() {
    let mut book = world();
    let requested = EraseRequested {
        basis: "article 17".into(),
        by: "cleo".into(),
        criterion: "subject ada".into(),
        sessions: vec![session(1), session(2)],
    };
    book.write((90, 90), requested);
    let request = book.events.last().unwrap().id;
    let erase = |book: &mut Book, number| {
        let sessions = vec![session(number)];
        book.write((90, 90), PayloadErased { bytes: 1, payloads: 1, sessions });
        book.events.last_mut().unwrap().cause = Some(request);
        let keeping = applied(&book.events, Keeping::default());
        keeping.unfinished().get(&request).map(|left| ids(&left.sessions))
    };
    assert_eq!(erase(&mut book, 2), Some(vec![1]));
    assert_eq!(erase(&mut book, 1), None);
}
