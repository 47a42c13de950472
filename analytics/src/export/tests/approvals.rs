//! Calls that waited for people go out with all that shows who let them go.

use super::world::{World, sequences};
use crate::export::Selection;
use crate::samples::{
    Book, approved_by, at, call, chat, event, granted, held, link, person, served, session, tool,
};
use events::{
    CallDispatched, DelegationClosed, DelegationOpened, Digest, Event, GrantOpened, GrantRevoked,
    HoldRefused, HoldVoted, LinkMethod, PayloadErased, PayloadRef, PersonRevoked, PersonSignedIn,
    PersonSignedOut, PolicyLoaded,
};

/// Writes an event that is about no call and no session.
fn aside(book: &mut Book, event: impl Into<Event>) {
    book.write((0, 0), event);
    let last = book.events.last_mut().unwrap();
    (last.session, last.call) = (None, None);
}

fn signed_in(name: &str) -> PersonSignedIn {
    PersonSignedIn {
        expires: at(480),
        groups: vec!["finance".into()],
        method: "password".into(),
        peer: None,
        person: person(name),
        roles: Vec::new(),
        sign_in: format!("sign-in of {name}").into(),
    }
}

fn loaded() -> PolicyLoaded {
    let files = vec!["a.cedar".into()];
    PolicyLoaded { digest: Digest([1; 32]), files, policies: 1, shadow: 0 }
}

fn opened() -> GrantOpened {
    GrantOpened {
        agent: "support-bot".into(),
        budget: 2,
        by: person("ben"),
        owner: "ada@example.com".into(),
        shape: PayloadRef { bytes: 7, digest: Digest([1; 32]), discarded: true },
        target: "pay".into(),
        until: at(60),
        upstream: "airline".into(),
    }
}

fn delegated(to: &str) -> DelegationOpened {
    DelegationOpened {
        from: person("cleo"),
        groups: vec!["finance".into()],
        reason: "on leave".to_owned(),
        roles: Vec::new(),
        to: person(to).email,
        until: at(60),
    }
}

fn made(grant: u64) -> CallDispatched {
    CallDispatched { grant: Some(event(grant)), ..tool("pay", None) }
}

/// Session 1 has a model call and two tool calls that it caused: one waited, one had a grant of a
/// kind that was opened in session 5. The same went on in session 2, by other people.
fn book() -> Book {
    let mut book = Book::default();
    aside(&mut book, loaded()); // 0: before another was loaded
    aside(&mut book, loaded()); // 1
    aside(&mut book, signed_in("ben")); // 2
    aside(&mut book, signed_in("eve")); // 3
    aside(&mut book, delegated("ben")); // 4
    aside(&mut book, delegated("eve")); // 5
    book.write((5, 0), opened()); // 6
    book.events.last_mut().unwrap().call = None;
    aside(&mut book, opened()); // 7
    book.write((1, 1), chat(None)).write((1, 1), served(1, None)); // 8, 9
    book.write((3, 2), held("pay")); // 10
    let stand_in = HoldVoted { for_person: Some(person("cleo")), ..approved_by("ben") };
    book.write((3, 2), stand_in).write((3, 2), granted(&[11])); // 11, 12
    book.write((3, 2), made(12)).write((3, 2), served(1, None)); // 13, 14
    book.write((3, 2), link(1, "t", LinkMethod::Arguments, 90)); // 15: behind the vote
    book.write((1, 3), made(6)).write((1, 3), served(1, None)); // 16, 17
    book.write((2, 4), held("pay")).write((2, 4), approved_by("eve")); // 18, 19
    let refused = HoldRefused { digest: Digest([1; 32]), until: at(9), votes: vec![event(19)] };
    book.write((2, 4), refused); // 20
    let signed_out = PersonSignedOut { person: person("ben"), sign_in: "sign-in of ben".into() };
    aside(&mut book, signed_out); // 21
    let revoked = |name: &str| PersonRevoked {
        by: "operator".into(),
        email: person(name).email,
        reason: "left".to_owned(),
    };
    aside(&mut book, revoked("cleo")); // 22
    aside(&mut book, revoked("eve")); // 23
    let ended = |grant| GrantRevoked { by: person("ben"), grant: event(grant), reason: "x".into() };
    aside(&mut book, ended(6)); // 24
    aside(&mut book, ended(7)); // 25
    let closed = |of| DelegationClosed { by: "cleo@example.com".into(), delegation: event(of) };
    aside(&mut book, closed(4)); // 26
    aside(&mut book, closed(5)); // 27
    let erased = |number| PayloadErased { bytes: 4, payloads: 1, sessions: vec![session(number)] };
    aside(&mut book, erased(5)); // 28: the shape of the grant
    aside(&mut book, erased(2)); // 29
    book
}

#[test]
fn a_session_has_the_votes_and_whatever_they_rest_on() {
    let world = World::of(&book());
    let of_session = Selection { sessions: [session(1)].into(), ..Selection::default() };
    let expected: Vec<u64> = [1, 2, 4, 6].into_iter().chain(8..18).collect();
    let expected = [expected, vec![21, 22, 24, 26, 28]].concat();
    assert_eq!(sequences(&world.checked(&of_session)), expected);
    let of_call = Selection { calls: [call(4)].into(), ..Selection::default() };
    assert_eq!(sequences(&world.checked(&of_call)), [1, 3, 5, 18, 19, 20, 23, 27, 29]);
}

#[test]
fn a_call_that_only_waited_is_one_of_its_person_s_calls() {
    let of_ada = Selection { person: Some("ada@example.com".into()), ..Selection::default() };
    let sequences = sequences(&World::of(&book()).checked(&of_ada));
    assert!((18..21).all(|sequence| sequences.contains(&sequence)), "{sequences:?}");
}

#[test]
fn the_page_says_who_let_a_call_go_and_counts_it_once() {
    let bundle = World::of(&book()).checked(&Selection::default());
    let page = String::from_utf8(bundle["summary.html"].clone()).unwrap();
    let made = "granted by 1 vote, to be made until 2026-11-21T09:10:00Z; made as event 13";
    assert!(page.contains(made), "{page}");
    let vote = "ben@example.com in place of cleo@example.com approved version 1, on the page";
    assert!(page.contains(vote) && page.contains("refused by 1 vote, stays no"), "{page}");
    let row = page.split("ses_00000000000000000000000003").nth(1).unwrap();
    let counts: Vec<&str> = row.split("<td class=\"number\">").skip(1).take(3).collect();
    let counts: Vec<&str> = counts.iter().filter_map(|cell| cell.split('<').next()).collect();
    assert_eq!(counts, ["1", "1", "1"], "{row}");
    assert!(page.contains("grant.opened") && page.contains("person.revoked"), "{page}");
}

#[test]
fn the_table_says_who_voted_and_what() {
    let bundle = World::of(&book()).checked(&Selection::default());
    let csv = String::from_utf8(bundle["events/part-00000.csv"].clone()).unwrap();
    let vote = csv.lines().nth(20).unwrap();
    assert!(vote.ends_with(",eve@example.com") && vote.contains(",approve,"), "{vote}");
    let hold = csv.lines().nth(19).unwrap();
    assert!(hold.contains(",execute_tool,") && hold.contains(",hold,"), "{hold}");
}
