//! Tests of what follows from what on one hold.

mod model;

use super::*;
use crate::kit::{
    at, ballot, envelope, event_id, hold, let_happen, names, person, revoked, rule, threshold,
    voter,
};
use crate::roster::Roster;
use crate::threshold::Ineligible;
use events::{Assertion, Channel, DelegationOpened, PersonSignedIn, PersonSignedOut, View, Vote};
use std::time::Duration;

fn finance(approve: u32) -> Hold {
    hold(rule(vec![vec![threshold(approve, 1, "group:finance")]]))
}

fn context(roster: &Roster, second: u64) -> Context<'_> {
    Context {
        now: at(second),
        roster,
        no_answers_for: Duration::from_mins(15),
        break_glass: &[],
        is_claimed: false,
    }
}

fn vote(number: u64, ballot: Ballot) -> Command {
    Command::Vote(event_id(number), ballot)
}

/// Decides and lets it happen; says in which state that ends.
fn carry_out(
    hold: &mut Hold,
    number: u64,
    command: &Command,
    context: &Context<'_>,
) -> Result<&'static str, Refusal> {
    let steps = decide(hold, command, context)?;
    let_happen(hold, number, context.now, steps);
    Ok(hold.state.word())
}

fn refused(hold: &Hold, command: &Command, context: &Context<'_>) -> Refusal {
    decide(hold, command, context).unwrap_err()
}

#[test]
fn a_call_is_granted_by_the_vote_that_completes_the_rule() {
    let (mut hold, roster) = (finance(2), Roster::default());
    let (ada, bob) = (voter("ada", &["finance"]), voter("bob", &["finance"]));
    let first = vote(10, ballot(&ada, Vote::Approve, &hold));
    assert_eq!(carry_out(&mut hold, 10, &first, &context(&roster, 1)), Ok("pending"));
    let second = vote(20, ballot(&bob, Vote::Approve, &hold));
    assert_eq!(carry_out(&mut hold, 20, &second, &context(&roster, 2)), Ok("granted"));
    assert_eq!(
        hold.state,
        State::Granted {
            grant: event_id(21),
            at: at(2),
            claim_until: at(302),
            votes: vec![event_id(10), event_id(20)],
            break_glass: None,
        }
    );
}

#[test]
fn a_no_says_until_when_it_answers() {
    let (mut hold, roster) = (finance(2), Roster::default());
    let no = vote(10, ballot(&voter("ada", &["finance"]), Vote::Reject, &hold));
    assert_eq!(carry_out(&mut hold, 10, &no, &context(&roster, 5)), Ok("refused"));
    let State::Refused { until, votes, .. } = &hold.state else { panic!("{hold:?}") };
    assert_eq!((*until, votes.as_slice()), (at(905), [event_id(10)].as_slice()));
}

#[test]
fn the_same_vote_again_changes_nothing_and_another_one_is_a_conflict() {
    let (mut hold, roster) = (finance(2), Roster::default());
    let ada = voter("ada", &["finance"]);
    let yes = |hold: &Hold, number| vote(number, ballot(&ada, Vote::Approve, hold));
    let first = yes(&hold, 10);
    carry_out(&mut hold, 10, &first, &context(&roster, 1)).unwrap();
    assert_eq!(decide(&hold, &yes(&hold, 11), &context(&roster, 2)), Ok(Vec::new()));
    let no = vote(12, ballot(&ada, Vote::Reject, &hold));
    let why = refused(&hold, &no, &context(&roster, 2));
    assert_eq!((why.code(), why.is_conflict()), ("already_voted", true));
    let bob = vote(20, ballot(&voter("bob", &["finance"]), Vote::Approve, &hold));
    carry_out(&mut hold, 20, &bob, &context(&roster, 3)).unwrap();
    assert_eq!(decide(&hold, &yes(&hold, 13), &context(&roster, 4)), Ok(Vec::new()), "decided");
    let decided = Refusal::Decided { state: "granted", at: at(3) };
    let cy = vote(30, ballot(&voter("cy", &["finance"]), Vote::Reject, &hold));
    assert_eq!(refused(&hold, &cy, &context(&roster, 4)), decided);
}

#[test]
fn an_edit_makes_a_version_for_which_nobody_has_voted() {
    let (mut hold, roster) = (finance(2), Roster::default());
    let (ada, bob) = (voter("ada", &["finance"]), voter("bob", &["finance"]));
    let old = ballot(&ada, Vote::Approve, &hold);
    carry_out(&mut hold, 10, &vote(10, old.clone()), &context(&roster, 1)).unwrap();
    let edit = edit_by(&bob, &hold, 7);
    assert_eq!(carry_out(&mut hold, 20, &edit, &context(&roster, 2)), Ok("pending"));
    assert_eq!((hold.version, hold.standing().len()), (2, 0));
    assert_ne!(hold.digest, hold.fact.digest);
    let stale = Refusal::Stale { version: 2, digest: hold.digest };
    let late = vote(30, Ballot { voter: voter("cy", &["finance"]), ..old });
    assert_eq!(refused(&hold, &late, &context(&roster, 3)), stale);
    let own = vote(31, ballot(&bob, Vote::Approve, &hold));
    let why = refused(&hold, &own, &context(&roster, 3));
    assert_eq!(why, Ineligible::Editor(Arc::clone(&bob.person.email)).into());
    let again = vote(40, ballot(&ada, Vote::Approve, &hold));
    assert_eq!(carry_out(&mut hold, 40, &again, &context(&roster, 4)), Ok("pending"));
    assert_eq!(hold.standing().len(), 1, "the first does not count again");
}

fn edit_by(voter: &Voter, hold: &Hold, digest: u8) -> Command {
    Command::Edit(Edition {
        voter: voter.clone(),
        shown: hold.digest,
        version: hold.version,
        arguments: Mark([digest; 16]),
        request: PayloadRef { bytes: 1, digest: Digest([digest; 32]), discarded: false },
        reason: None,
    })
}

#[test]
fn who_edits_must_be_allowed_to_must_have_seen_the_call_and_must_change_it() {
    let (mut hold, roster) = (finance(1), Roster::default());
    let ada = voter("ada", &["finance"]);
    let code = |hold: &Hold, command: &Command| refused(hold, command, &context(&roster, 1)).code();
    let Command::Edit(edition) = edit_by(&ada, &hold, 7) else { unreachable!() };
    let stale = Command::Edit(Edition { version: 2, ..edition.clone() });
    assert_eq!(code(&hold, &stale), "stale");
    let same = Command::Edit(Edition { arguments: Mark([1; 16]), ..edition.clone() });
    assert_eq!(code(&hold, &same), "unchanged");
    let stranger = Command::Edit(Edition { voter: voter("sid", &[]), ..edition.clone() });
    assert_eq!(code(&hold, &stranger), "not_eligible");
    Arc::make_mut(&mut hold.fact).rule.edit = false;
    assert_eq!(code(&hold, &Command::Edit(edition)), "edit_forbidden");
}

#[test]
fn after_its_time_nobody_can_vote_and_the_answer_is_no() {
    let (mut hold, roster) = (finance(1), Roster::default());
    let yes = vote(10, ballot(&voter("ada", &["finance"]), Vote::Approve, &hold));
    assert_eq!(decide(&hold, &Command::Expire, &context(&roster, 599)), Ok(Vec::new()));
    let late = refused(&hold, &yes, &context(&roster, 600));
    assert_eq!(late, Refusal::TooLate { expires: at(600) });
    assert_eq!(carry_out(&mut hold, 20, &Command::Expire, &context(&roster, 600)), Ok("expired"));
    let expired = State::Expired { at: at(600), granted: false, until: at(1500) };
    assert_eq!(hold.state, expired);
}

#[test]
fn a_grant_that_nobody_uses_ends_and_the_call_may_be_asked_for_again_at_once() {
    let (mut hold, roster) = (finance(1), Roster::default());
    let yes = vote(10, ballot(&voter("ada", &["finance"]), Vote::Approve, &hold));
    carry_out(&mut hold, 10, &yes, &context(&roster, 1)).unwrap();
    let claimed = Context { is_claimed: true, ..context(&roster, 301) };
    assert_eq!(decide(&hold, &Command::Expire, &claimed), Ok(Vec::new()), "it is being made");
    carry_out(&mut hold, 20, &Command::Expire, &context(&roster, 301)).unwrap();
    assert_eq!(hold.state, State::Expired { at: at(301), granted: true, until: at(301) });
}

#[test]
fn a_grant_is_used_by_the_dispatch_that_names_it_alone() {
    let (mut hold, roster) = (finance(1), Roster::default());
    let yes = vote(10, ballot(&voter("ada", &["finance"]), Vote::Approve, &hold));
    carry_out(&mut hold, 10, &yes, &context(&roster, 1)).unwrap();
    hold.apply(event_id(30), at(2), Step::Dispatched(event_id(99)));
    assert_eq!(hold.state.word(), "granted");
    hold.apply(event_id(31), at(2), Step::Dispatched(event_id(11)));
    assert_eq!(hold.state, State::Dispatched { grant: event_id(11), at: at(2) });
}

#[test]
fn the_votes_of_who_is_revoked_are_void_for_good() {
    let (mut hold, mut roster) = (finance(2), Roster::default());
    let (ada, bob) = (voter("ada", &["finance"]), voter("bob", &["finance"]));
    let yes = vote(10, ballot(&ada, Vote::Approve, &hold));
    carry_out(&mut hold, 10, &yes, &context(&roster, 1)).unwrap();
    hold.void_votes_of("Ada@example.com");
    roster.apply(&envelope(15, at(2), revoked("ada")));
    let other = vote(20, ballot(&bob, Vote::Approve, &hold));
    assert_eq!(carry_out(&mut hold, 20, &other, &context(&roster, 3)), Ok("pending"));
    let again = vote(30, ballot(&ada, Vote::Approve, &hold));
    assert_eq!(refused(&hold, &again, &context(&roster, 4)).code(), "person_revoked");
}

#[test]
fn a_sign_in_that_has_ended_votes_no_more() {
    let (hold, mut roster) = (finance(1), Roster::default());
    let mut ada = voter("ada", &["finance"]);
    ada.sign_in = Some("one".into());
    let signed_in = PersonSignedIn {
        expires: at(1000),
        groups: Vec::new(),
        method: "password".into(),
        peer: None,
        person: person("ada"),
        roles: Vec::new(),
        sign_in: "one".into(),
    };
    roster.apply(&envelope(1, at(0), signed_in));
    let yes = vote(10, ballot(&ada, Vote::Approve, &hold));
    assert!(decide(&hold, &yes, &context(&roster, 1)).is_ok());
    let (person, sign_in) = (person("ada"), "one".into());
    roster.apply(&envelope(2, at(1), PersonSignedOut { person, sign_in }));
    assert_eq!(refused(&hold, &yes, &context(&roster, 2)), Refusal::SignedOut);
}

#[test]
fn in_another_s_place_a_vote_counts_for_what_the_other_gave_and_once() {
    let (mut hold, mut roster) = (finance(2), Roster::default());
    let bob = voter("bob", &[]);
    let stand_in = |hold: &Hold| Ballot {
        for_person: Some("ada@example.com".into()),
        ..ballot(&bob, Vote::Approve, hold)
    };
    let early = refused(&hold, &vote(10, stand_in(&hold)), &context(&roster, 1));
    assert_eq!(early.code(), "not_delegated");
    roster.apply(&envelope(
        5,
        at(0),
        DelegationOpened {
            from: person("ada"),
            groups: names(&["finance"]),
            reason: "holidays".into(),
            roles: Vec::new(),
            to: "bob@example.com".into(),
            until: at(500),
        },
    ));
    let given = vote(10, stand_in(&hold));
    carry_out(&mut hold, 10, &given, &context(&roster, 1)).unwrap();
    assert_eq!(hold.votes[0].fact.for_person, Some(person("ada")));
    assert_eq!(hold.votes[0].fact.groups, names(&["finance"]));
    let ada = vote(20, ballot(&voter("ada", &["finance"]), Vote::Approve, &hold));
    assert_eq!(refused(&hold, &ada, &context(&roster, 2)).code(), "already_voted");
    let own = vote(30, ballot(&voter("bob", &["finance"]), Vote::Approve, &hold));
    assert_eq!(refused(&hold, &own, &context(&roster, 2)).code(), "already_voted");
}

#[test]
fn a_vote_on_the_page_says_what_was_shown() {
    let (hold, roster) = (finance(1), Roster::default());
    let mut ada = voter("ada", &["finance"]);
    ada.channel = Channel::Web;
    let blind = ballot(&ada, Vote::Approve, &hold);
    let why = refused(&hold, &vote(10, blind.clone()), &context(&roster, 1));
    assert_eq!(why, Refusal::ViewRequired);
    let digest = Digest([9; 32]);
    let view = Some(View { digest, open_ms: 4000, opened: Vec::new(), sections: 0 });
    assert!(decide(&hold, &vote(10, Ballot { view, ..blind }), &context(&roster, 1)).is_ok());
}

#[test]
fn an_approval_has_a_reason_where_the_rule_wants_one() {
    let (mut hold, roster) = (finance(1), Roster::default());
    Arc::make_mut(&mut hold.fact).rule.reason = true;
    let say = |vote: Vote, reason: Option<&str>| {
        let reason = reason.map(str::to_owned);
        let ballot = Ballot { reason, ..ballot(&voter("ada", &["finance"]), vote, &hold) };
        decide(&hold, &Command::Vote(event_id(10), ballot), &context(&roster, 1))
    };
    assert_eq!(say(Vote::Approve, None), Err(Refusal::ReasonRequired));
    assert_eq!(say(Vote::Approve, Some(" ")), Err(Refusal::ReasonRequired));
    assert!(say(Vote::Approve, Some("checked with the customer")).is_ok());
    assert!(say(Vote::Reject, None).is_ok());
    let long = "a".repeat(2001);
    assert_eq!(say(Vote::Reject, Some(&long)), Err(Refusal::TooLong { characters: 2001 }));
}

#[test]
fn an_approval_is_signed_where_the_rule_wants_it_whatever_it_comes_by() {
    let (mut hold, roster) = (finance(1), Roster::default());
    Arc::make_mut(&mut hold.fact).rule.step_up = true;
    let say = |vote: Vote, channel: Channel, assertion: Option<Assertion>| {
        let voter = Voter { channel, ..voter("ada", &["finance"]) };
        let ballot = Ballot { assertion, ..ballot(&voter, vote, &hold) };
        decide(&hold, &Command::Vote(event_id(10), ballot), &context(&roster, 1))
    };
    for channel in [Channel::Api, Channel::Cli, Channel::Web] {
        assert_eq!(say(Vote::Approve, channel, None), Err(Refusal::PasskeyRequired));
    }
    let signed = Assertion {
        authenticator: String::new(),
        client: String::new(),
        credential: "AAAA".into(),
        nonce: String::new(),
        signature: String::new(),
    };
    let steps = say(Vote::Approve, Channel::Api, Some(signed.clone())).unwrap();
    assert!(matches!(&steps[0], Step::Voted(vote) if vote.assertion == Some(signed)));
    assert!(say(Vote::Reject, Channel::Api, None).is_ok());
}

#[test]
fn an_emergency_right_takes_a_role_a_reason_and_somebody_else() {
    let (mut hold, roster) = (finance(2), Roster::default());
    let roles = names(&["administrator"]);
    let context = Context { break_glass: &roles, ..context(&roster, 1) };
    let say = |hold: &Hold, name: &str, roles: &[&str], reason: Option<&str>| {
        let voter = Voter { roles: names(roles), ..voter(name, &[]) };
        let reason = reason.map(str::to_owned);
        Command::BreakGlass(Ballot { reason, ..ballot(&voter, Vote::Approve, hold) })
    };
    let code = |command: &Command| refused(&hold, command, &context).code();
    let (admin, why) = (&["administrator"][..], Some("the shop is down"));
    assert_eq!(code(&say(&hold, "ada", &["approver"], why)), "break_glass_forbidden");
    assert_eq!(code(&say(&hold, "ada", admin, None)), "reason_required");
    assert_eq!(code(&say(&hold, "olga", admin, why)), "own_request");
    let command = say(&hold, "ada", admin, why);
    assert_eq!(carry_out(&mut hold, 10, &command, &context), Ok("granted"));
    let State::Granted { break_glass, votes, .. } = &hold.state else { unreachable!() };
    assert_eq!(break_glass.as_ref().map(|it| it.by.clone()), Some(person("ada")));
    assert!(votes.is_empty());
}

#[test]
fn a_call_can_be_taken_back_until_it_is_being_made() {
    let (mut hold, roster) = (finance(1), Roster::default());
    let yes = vote(10, ballot(&voter("ada", &["finance"]), Vote::Approve, &hold));
    carry_out(&mut hold, 10, &yes, &context(&roster, 1)).unwrap();
    let back = |name: &str, groups: &[&str]| Command::TakeBack(voter(name, groups), "no".into());
    let stranger = refused(&hold, &back("sid", &[]), &context(&roster, 2));
    assert_eq!(stranger.code(), "no_say");
    let claimed = Context { is_claimed: true, ..context(&roster, 2) };
    assert_eq!(refused(&hold, &back("olga", &[]), &claimed), Refusal::BeingMade);
    let owner = back("olga", &[]);
    assert_eq!(carry_out(&mut hold, 20, &owner, &context(&roster, 2)), Ok("withdrawn"));
    assert_eq!(decide(&hold, &back("ada", &["finance"]), &context(&roster, 3)), Ok(Vec::new()));
}

#[test]
fn to_look_at_a_call_is_recorded_once_for_each_that_is_shown() {
    let (mut hold, roster) = (finance(1), Roster::default());
    let look = |digest| Command::View(person("ada"), Digest([digest; 32]));
    for (number, digest) in [(10, 1), (20, 1), (30, 2)] {
        carry_out(&mut hold, number, &look(digest), &context(&roster, 1)).unwrap();
    }
    assert_eq!(hold.views.len(), 2);
}

#[test]
fn what_is_said_after_the_decision_is_kept_and_decides_nothing() {
    let (mut hold, roster) = (finance(1), Roster::default());
    let no = vote(10, ballot(&voter("ada", &["finance"]), Vote::Reject, &hold));
    carry_out(&mut hold, 10, &no, &context(&roster, 1)).unwrap();
    let comment = Command::Comment(voter("bob", &[]), "why?".into());
    assert_eq!(carry_out(&mut hold, 20, &comment, &context(&roster, 2)), Ok("refused"));
    assert_eq!(hold.comments.len(), 1);
    let empty = Command::Comment(voter("bob", &[]), " ".into());
    assert_eq!(refused(&hold, &empty, &context(&roster, 2)), Refusal::Empty);
}
