//! Selections take whole calls, and all that fit.

use super::world::{Bundle, World, for_person, records};
use crate::export::Selection;
use crate::samples::{Book, answered, call, chat, link, session, tool};
use events::{
    Envelope, Event, FindingKind, FindingRaised, LegalHoldLifted, LegalHoldPlaced, LinkMethod,
};
use events::{EraseRequested, EventId};
use proptest::prelude::*;
use std::collections::BTreeSet;
use ulid::Ulid;

fn envelopes(bundle: &Bundle) -> Vec<Envelope> {
    records(bundle).iter().map(|record| Envelope::parse(record).unwrap()).collect()
}

fn sequences(world: &World, selection: &Selection) -> Vec<u64> {
    envelopes(&world.checked(selection)).iter().map(|event| event.sequence).collect()
}

#[test]
fn a_session_has_what_it_caused_and_what_concerns_its_payloads() {
    let mut book = Book::default();
    let hold = |number: u128, person: Option<&str>| LegalHoldPlaced {
        by: "ada".into(),
        reason: "the matter of the missing bags".into(),
        session: person.is_none().then(|| session(number)),
        subject: person.map(Into::into),
    };
    let lifted = |event: u128| LegalHoldLifted {
        by: "ada".into(),
        hold: EventId::new(Ulid::from(event)),
        reason: "settled".into(),
    };
    let request = |sessions: Vec<u128>| EraseRequested {
        basis: "law".into(),
        by: "ada".into(),
        criterion: "these".into(),
        sessions: sessions.into_iter().map(session).collect(),
    };
    book.write((1, 1), for_person("ann", chat(None))); // 0
    book.write((2, 2), for_person("bob", chat(None))); // 1
    book.write((3, 3), for_person("ann", tool("book", None))); // 2: caused by call 1
    book.write((3, 3), link(1, "id", LinkMethod::Arguments, 90)); // 3
    book.write((3, 3), answered(1, None, &[])); // 4
    book.write((1, 1), answered(1, None, &[])); // 5
    book.write((2, 2), answered(1, None, &[])); // 6
    let custody: [Event; 7] = [
        hold(1, None).into(), // 7
        hold(2, None).into(),
        hold(9, Some("ann")).into(), // 9
        hold(9, Some("bob")).into(),
        lifted(7).into(), // 11
        lifted(8).into(),
        request(vec![2, 3]).into(), // 13: session 3 is touched
    ];
    for fact in custody {
        book.write((9, 9), fact);
        let last = book.events.last_mut().unwrap();
        (last.session, last.call) = (None, None);
    }
    let evidence = vec![call(1)];
    let (detail, kind) = ("odd".to_owned(), FindingKind::UnaskedCall);
    book.write((8, 8), FindingRaised { detail, evidence, kind, tool_call: None }); // 14
    let world = World::of(&book);
    let of_session = Selection { sessions: [session(1)].into(), ..Selection::default() };
    assert_eq!(sequences(&world, &of_session), [0, 2, 3, 4, 5, 7, 9, 11, 13, 14]);
    let of_call = Selection { calls: [call(3)].into(), ..Selection::default() };
    assert_eq!(sequences(&world, &of_call), [2, 3, 4, 9, 13]);
    let case = Selection { calls: [call(3)].into(), sessions: [session(2)].into(), ..of_session };
    assert_eq!(sequences(&world, &case), [1, 2, 3, 4, 6, 8, 9, 10, 12, 13]);
    let of_bob = Selection { person: Some("bob".into()), ..Selection::default() };
    assert_eq!(sequences(&world, &of_bob), [1, 6, 8, 10, 12, 13]);
}

/// One step of some ledger: a call of a session for a person is asked, or an open one answered.
#[derive(Clone, Debug)]
struct Step {
    begins: bool,
    session: u128,
    person: usize,
    answered: usize,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (any::<bool>(), 1..5_u128, 0..3_usize, any::<prop::sample::Index>()).prop_map(
        |(begins, session, person, answered)| {
            let answered = answered.index(1 << 16);
            Step { begins, session, person, answered }
        },
    );
    prop::collection::vec(step, 1..60)
}

const PEOPLE: [&str; 3] = ["ann", "bob", "cyd"];

fn book(steps: &[Step]) -> Book {
    let mut book = Book::default();
    let mut open = Vec::new();
    for (number, step) in (1..).zip(steps) {
        book.wait(500);
        if step.begins || open.is_empty() {
            let ids = (step.session, number);
            book.write(ids, for_person(PEOPLE[step.person], chat(None)));
            open.push(ids);
        } else {
            let ids = open.remove(step.answered % open.len());
            book.write(ids, answered(1, None, &[]));
        }
    }
    book
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn calls_are_whole_and_all_that_fit_are_there(
        steps in steps(),
        from in prop::option::of(0..60_u64),
        sessions in prop::collection::btree_set(1..5_u128, 0..3),
        person in prop::option::of(0..3_usize),
    ) {
        let book = book(&steps);
        let selection = Selection {
            from: from.map(crate::export::Bound::Sequence),
            sessions: sessions.into_iter().map(session).collect(),
            person: person.map(|person| PEOPLE[person].to_owned()),
            ..Selection::default()
        };
        prop_assume!(!selection.is_contiguous());
        let fits = |event: &&Envelope| {
            let Event::CallDispatched(fact) = &event.event else { return false };
            from.is_none_or(|from| from <= event.sequence)
                && person.is_none_or(|person| *fact.principal.owner == *PEOPLE[person])
                && (selection.sessions.is_empty()
                    || selection.sessions.contains(&event.session.unwrap()))
        };
        let calls: BTreeSet<_> = book.events.iter().filter(fits).map(|event| event.call).collect();
        let expected: Vec<Envelope> =
            book.events.iter().filter(|event| calls.contains(&event.call)).cloned().collect();
        let bundle = World::of(&book).checked(&selection);
        prop_assert_eq!(envelopes(&bundle), expected);
    }
}
