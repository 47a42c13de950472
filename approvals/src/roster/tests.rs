//! Tests of what is known of people and agents.

use super::*;
use crate::kit::{at, envelope, event_id, names, person, revoked};
use events::{AgentRestored, DelegationClosed, PersonRestored, PersonSignedIn, PersonSignedOut};

fn signed_in(name: &str, sign_in: &str, expires: u64) -> PersonSignedIn {
    PersonSignedIn {
        expires: at(expires),
        groups: names(&["finance"]),
        method: "password".into(),
        peer: None,
        person: person(name),
        roles: names(&["approver"]),
        sign_in: sign_in.into(),
    }
}

fn delegation(from: &str, to: &str, until: u64) -> DelegationOpened {
    DelegationOpened {
        from: person(from),
        groups: names(&["finance"]),
        reason: "holidays".into(),
        roles: Vec::new(),
        to: person(to).email,
        until: at(until),
    }
}

fn restored(name: &str) -> PersonRestored {
    PersonRestored { by: "operator".into(), email: person(name).email, reason: "back".into() }
}

#[test]
fn who_is_restored_has_to_sign_in_again() {
    let mut roster = Roster::default();
    roster.apply(&envelope(0, at(0), signed_in("ada", "old", 1000)));
    roster.apply(&envelope(1, at(1), signed_in("bob", "his", 1000)));
    assert!(!roster.is_signed_out("old"));
    roster.apply(&envelope(2, at(2), revoked("ada")));
    assert!(roster.is_signed_out("old") && !roster.is_signed_out("his"));
    assert!(roster.revoked_person("ADA@example.com").is_some(), "case does not matter");
    roster.apply(&envelope(3, at(3), restored("ada")));
    assert!(roster.revoked_person("ada@example.com").is_none());
    assert!(roster.is_signed_out("old"));
    roster.apply(&envelope(4, at(4), signed_in("ada", "new", 1000)));
    assert!(!roster.is_signed_out("new"));
}

#[test]
fn a_sign_in_that_was_ended_is_remembered_for_as_long_as_it_would_have_lasted() {
    let mut roster = Roster::default();
    roster.apply(&envelope(0, at(0), signed_in("ada", "one", 100)));
    let (ada, one) = (person("ada"), "one".into());
    roster.apply(&envelope(1, at(1), PersonSignedOut { person: ada, sign_in: one }));
    roster.apply(&envelope(2, at(100), signed_in("bob", "two", 1000)));
    assert!(roster.is_signed_out("one"));
    roster.apply(&envelope(3, at(101), signed_in("bob", "three", 1000)));
    assert!(!roster.sign_ins.contains_key("one"));
}

#[test]
fn a_delegation_ends_by_itself_by_being_closed_and_with_the_rights_of_either() {
    let mut roster = Roster::default();
    let stands_in = |roster: &Roster, second| {
        roster.delegation("ada@example.com", "bob@example.com", at(second)).is_some()
    };
    roster.apply(&envelope(1, at(0), delegation("ada", "bob", 50)));
    assert!(stands_in(&roster, 49) && !stands_in(&roster, 50));
    assert!(roster.delegation("bob@example.com", "ada@example.com", at(1)).is_none());
    let closed = DelegationClosed { by: "ada@example.com".into(), delegation: event_id(1) };
    roster.apply(&envelope(2, at(2), closed));
    assert!(!stands_in(&roster, 3));
    for name in ["ada", "bob"] {
        roster.apply(&envelope(3, at(4), delegation("ada", "bob", 50)));
        assert!(stands_in(&roster, 5));
        roster.apply(&envelope(4, at(5), revoked(name)));
        roster.apply(&envelope(5, at(6), restored(name)));
        assert!(!stands_in(&roster, 7), "what {name} had does not come back");
    }
}

#[test]
fn an_agent_that_is_restored_is_revoked_no_more() {
    let mut roster = Roster::default();
    let (agent, by): (Arc<str>, Arc<str>) = ("bot".into(), "operator".into());
    let fact =
        AgentRevoked { agent: Arc::clone(&agent), by: Arc::clone(&by), reason: "odd".into() };
    roster.apply(&envelope(0, at(0), fact));
    assert!(roster.revoked_agent("bot").is_some() && roster.revoked_agent("bat").is_none());
    roster.apply(&envelope(1, at(1), AgentRestored { agent, by, reason: "even".into() }));
    assert!(roster.revoked_agent("bot").is_none());
}

#[test]
fn of_people_what_they_had_at_the_last_sign_in_is_known() {
    let mut roster = Roster::default();
    roster.apply(&envelope(0, at(0), signed_in("ada", "one", 100)));
    let more = PersonSignedIn { groups: names(&["legal"]), ..signed_in("ada", "two", 100) };
    roster.apply(&envelope(1, at(1), more));
    assert_eq!(roster.known("Ada@example.com").unwrap().groups, names(&["legal"]));
    assert_eq!(roster.people().count(), 1);
    roster.apply(&envelope(2, at(2), revoked("ada")));
    assert_eq!(roster.people().count(), 0);
}
