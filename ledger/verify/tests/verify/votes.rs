//! A grant counts only with the votes of the right people, each under their own sign-in.

use crate::made::fact;
use crate::story::{AFTER, BEFORE, Story, of_group, person};
use events::{
    DelegationClosed, DelegationOpened, Event, EventId, Filter, HoldRefused, HoldVoted,
    PersonRestored, PersonRevoked, PersonSignedIn, PersonSignedOut, Threshold, Vote,
};
use std::sync::Arc;

/// The story of a grant by a vote.
fn by(vote: impl FnOnce(&Story) -> HoldVoted) -> Story {
    let mut story = Story::held();
    let vote = vote(&story);
    let vote = story.tell(vote);
    let grant = story.grant(&[vote]);
    story.make(grant);
    story
}

#[test]
fn a_vote_that_is_not_there_or_on_something_else_does_not_count() {
    by(|story| story.vote("ben")).passes();
    let mut story = Story::held();
    story.grant(&[EventId::new(7_u128.into())]);
    story.fails("is not among those of this version");
    let mut story = Story::held();
    story.grant(&[]);
    story.fails("no vote is named");
    by(|story| HoldVoted { version: 2, ..story.vote("ben") }).fails("is on another version");
    let digest = events::Digest([1; 32]);
    by(|story| HoldVoted { digest, ..story.vote("ben") }).fails("is on another version");
    by(|story| HoldVoted { vote: Vote::Reject, ..story.vote("ben") }).fails("says otherwise");
    let mut story = Story::held();
    let before = story.approve("ben");
    let edited = story.edit("eve");
    story.tell(edited);
    story.grant(&[before]);
    story.fails("is not among those of this version");
    let mut story = Story::held();
    let vote = story.approve("ben");
    story.grant(&[vote]);
    story.grant(&[vote]);
    story.fails("a `hold.granted` after it was granted");
}

#[test]
fn votes_that_do_not_satisfy_the_rule_are_found() {
    by(|story| HoldVoted { groups: vec!["travel".into()], ..story.vote("ben") })
        .fails("1 votes do not satisfy its rule");
    let mut story = Story::new();
    story.held.rule.approvers = vec![of_group(2, "finance")];
    story.hold();
    let vote = story.approve("ben");
    let mut alone = story.clone();
    alone.grant(&[vote]);
    alone.fails("1 votes do not satisfy its rule");
    let again = story.approve("ben");
    let mut twice = story.clone();
    twice.grant(&[vote, again]);
    twice.fails("two votes by `ben@example.com` are counted");
    let other = story.approve("eve");
    story.grant(&[vote, other]);
    story.passes();
}

#[test]
fn one_person_does_not_count_for_two_sets_and_any_threshold_of_a_set_is_enough() {
    let chief =
        Threshold { approve: 1, deny: 1, filter: Filter::Person("cleo@example.com".into()) };
    let lead = Threshold { approve: 1, deny: 1, filter: Filter::Role("lead".into()) };
    let mut story = Story::new();
    story.held.rule.approvers = vec![of_group(1, "finance"), vec![chief, lead]];
    story.hold();
    let both = HoldVoted { roles: vec!["lead".into()], ..story.vote("ben") };
    let both = story.tell(both);
    let mut alone = story.clone();
    alone.grant(&[both]);
    alone.fails("1 votes do not satisfy its rule");
    let other = story.approve("eve");
    story.grant(&[both, other]);
    story.passes();
}

#[test]
fn whoever_is_concerned_does_not_count_unless_the_rule_says_so() {
    by(|story| story.vote("ADA")).fails("for whom the call is");
    by(|story| HoldVoted { by: person("x"), ..story.vote("x") }).passes();
    let mut actor = Story::new();
    actor.held.principal.actors = vec!["ben@example.com".into()];
    actor.digest =
        crate::story::digest_of(&actor.held, actor.held.request.map(|request| request.digest));
    actor.hold();
    let vote = actor.approve("ben");
    actor.grant(&[vote]);
    actor.fails("through whom the agent acts");
    let mut editor = Story::held();
    let edited = editor.edit("ben");
    editor.tell(edited);
    let vote = editor.approve("ben");
    editor.grant(&[vote]);
    editor.fails("who made this version");
    let mut own = Story::new();
    own.held.rule.own = true;
    own.hold();
    let vote = own.approve("ada");
    own.grant(&[vote]);
    own.passes();
}

fn delegated(from: &str, to: &str) -> DelegationOpened {
    let Event::DelegationOpened(opened) = fact("delegation.opened") else { panic!() };
    DelegationOpened { from: person(from), to: person(to).email, until: AFTER, ..opened }
}

#[test]
fn a_vote_in_somebody_s_place_needs_their_delegation() {
    let stand_in =
        |story: &Story| HoldVoted { for_person: Some(person("cleo")), ..story.vote("ben") };
    by(stand_in).fails("who had not delegated to them");
    let told = |opened: DelegationOpened, is_closed: bool| {
        let mut story = Story::held();
        let delegation = story.aside(opened);
        if is_closed {
            story.aside(DelegationClosed { by: "operator".into(), delegation });
        }
        let vote = stand_in(&story);
        let vote = story.tell(vote);
        story.grant(&[vote]);
        story
    };
    let opened = delegated("cleo", "ben");
    told(opened.clone(), false).passes();
    told(opened.clone(), true).fails("who had not delegated to them");
    told(DelegationOpened { until: BEFORE, ..opened }, false).fails("had not delegated");
}

#[test]
fn a_person_counts_once_even_by_delegation_and_the_owner_never() {
    let mut story = Story::new();
    story.held.rule.approvers = vec![of_group(2, "finance")];
    story.hold();
    story.aside(delegated("cleo", "ben"));
    let own = story.approve("cleo");
    let vote = HoldVoted { for_person: Some(person("cleo")), ..story.vote("ben") };
    let stand_in = story.tell(vote);
    story.grant(&[own, stand_in]);
    story.fails("two votes of `cleo@example.com` are counted");
    let mut story = Story::new();
    story.held.rule.approvers = vec![of_group(2, "finance")];
    story.hold();
    story.aside(delegated("cleo", "ben"));
    let own = story.approve("ben");
    let vote = HoldVoted { for_person: Some(person("cleo")), ..story.vote("ben") };
    let stand_in = story.tell(vote);
    story.grant(&[own, stand_in]);
    story.fails("two votes by `ben@example.com` are counted");
    let mut story = Story::held();
    let over = DelegationOpened { until: BEFORE, ..delegated("ada", "ben") };
    story.aside(over);
    let vote = story.approve("ben");
    story.grant(&[vote]);
    story.passes();
    let mut story = Story::held();
    story.aside(delegated("ada", "ben"));
    let vote = story.approve("ben");
    story.grant(&[vote]);
    story.fails("to whom they have delegated");
}

fn revoked(name: &str) -> PersonRevoked {
    let (by, reason) = ("operator".into(), "left".to_owned());
    PersonRevoked { by, email: person(name).email, reason }
}

#[test]
fn a_person_who_was_revoked_does_not_count_and_does_not_vote() {
    let mut story = Story::held();
    let vote = story.approve("ben");
    story.aside(revoked("ben"));
    let mut counted = story.clone();
    counted.grant(&[vote]);
    counted.fails("of `ben@example.com` is void, by a revocation");
    let mut voted = story.clone();
    voted.approve("ben");
    voted.fails("`ben@example.com` voted, and was revoked");
    let (by, reason) = ("operator".into(), "is back".to_owned());
    story.aside(PersonRestored { by, email: person("ben").email, reason });
    let mut restored = story.clone();
    restored.grant(&[vote]);
    restored.fails("of `ben@example.com` is void, by a revocation");
    let again = story.approve("ben");
    story.grant(&[again]);
    story.passes();
}

#[test]
fn a_vote_under_a_sign_in_is_under_one_s_own_while_it_lasts() {
    let Event::PersonSignedIn(signed_in) = fact("person.signed_in") else { panic!() };
    let of_ben = PersonSignedIn { person: person("ben"), expires: AFTER, ..signed_in };
    let told = |signed_in: Option<PersonSignedIn>, then: Option<Event>| {
        let mut story = Story::held();
        for fact in signed_in.into_iter().map(Event::from).chain(then) {
            story.aside(fact);
        }
        let sign_in = Some(Arc::clone(&of_ben.sign_in));
        let vote = HoldVoted { sign_in, ..story.vote("ben") };
        story.tell(vote);
        story
    };
    told(Some(of_ben.clone()), None).passes();
    told(None, None).fails("no such sign-in is there");
    let of_eve = PersonSignedIn { person: person("eve"), ..of_ben.clone() };
    told(Some(of_eve), None).fails("which is of `eve@example.com`");
    told(Some(PersonSignedIn { expires: BEFORE, ..of_ben.clone() }), None).fails("had expired");
    let out = PersonSignedOut { person: person("ben"), sign_in: Arc::clone(&of_ben.sign_in) };
    told(Some(of_ben.clone()), Some(out.into())).fails("which had ended");
    let mut story = told(Some(of_ben.clone()), None);
    story.aside(revoked("ben"));
    let (by, reason) = ("operator".into(), "is back".to_owned());
    story.aside(PersonRestored { by, email: person("ben").email, reason });
    let vote = HoldVoted { sign_in: Some(Arc::clone(&of_ben.sign_in)), ..story.vote("ben") };
    story.tell(vote);
    story.fails("which had ended");
}

#[test]
fn a_refusal_names_rejections_of_what_was_decided_on() {
    let mut story = Story::held();
    let vote = story.reject("ben");
    let refused = HoldRefused { digest: story.digest, until: AFTER, votes: vec![vote] };
    let mut of_another = story.clone();
    of_another.tell(HoldRefused { digest: events::Digest([1; 32]), ..refused.clone() });
    of_another.fails("not decided on");
    let mut by_approval = story.clone();
    let approval = by_approval.approve("eve");
    by_approval.tell(HoldRefused { votes: vec![approval], ..refused.clone() });
    by_approval.fails("says otherwise");
    story.tell(refused);
    story.passes();
}
