//! A signer who let a call go without those who had to decide, or twice, is found out.

use crate::made::{call, event_id, fact, only, report, session, write_export};
use crate::story::{AFTER, BEFORE, Story, of_group, person};
use events::{
    AgentRevoked, BreakGlass, CallDispatched, CallHeld, Decision, DelegationOpened, Digest, Event,
    EventId, GrantOpened, GrantRevoked, HoldEdited, HoldExpired, HoldGranted, HoldRefused,
    HoldWithdrawn, Mark, PersonRevoked, Principal,
};
use verify::{Check, Outcome, Report};

#[test]
fn a_call_that_people_let_go_is_in_order_and_counted() {
    let (mut story, grant) = Story::granted();
    story.make(grant);
    let report = report(story.made.log().path());
    let Outcome::Ok(detail) = report.outcome(Check::Grants) else { panic!("{report}") };
    assert!(detail.starts_with("1 held, 1 granted, 1 of them dispatched; 0 grants"), "{detail}");
}

#[test]
fn a_held_call_that_was_never_made_is_no_open_call() {
    let mut story = Story::held();
    story.aside(fact("gateway.started"));
    let Event::GatewayStopped(mut stopped) = fact("gateway.stopped") else { panic!() };
    stopped.cancelled = 0;
    story.aside(stopped);
    story.passes();
}

#[test]
fn a_call_that_people_had_to_decide_on_and_that_names_no_grant_is_found() {
    let mut never_held = Story::new();
    let made = CallDispatched { grant: None, ..never_held.made_under(event_id(0)) };
    never_held.run(made.clone());
    never_held.fails("people had to decide, and it names no grant");
    let mut held = Story::held();
    let mut allowed = made;
    allowed.verdict.decision = Decision::Allow;
    held.run(allowed);
    held.fails("it was held, and dispatched without a grant");
    let mut forged = Story::held();
    forged.make(event_id(77));
    forged.fails("which is not there before");
}

#[test]
fn a_grant_that_is_used_twice_is_found() {
    let (mut story, grant) = Story::granted();
    story.make(grant);
    let again = story.made_under(grant);
    let mut by_another = story.clone();
    by_another.made.add(again.clone().into(), Some(session(1)), Some(call(2)), None);
    by_another.made.complete(1, 2);
    by_another.fails("is of `call_00000000000000000000000001`");
    story.tell(again);
    story.made.complete(1, 1);
    let report = report(story.made.log().path());
    assert_eq!((report.findings.of(Check::Grants), report.findings.of(Check::Calls)), (1, 1));
}

#[test]
fn a_call_that_is_not_the_one_that_was_decided_on_is_found() {
    let (story, grant) = Story::granted();
    let honest = || story.made_under(grant);
    let other = Principal { owner: "eve@example.com".into(), ..story.held.principal.clone() };
    let table = [
        (CallDispatched { principal: other, ..honest() }, "principal"),
        (CallDispatched { upstream: "bank".into(), ..honest() }, "upstream"),
        (CallDispatched { target: Some("refund".into()), ..honest() }, "target"),
        (CallDispatched { model: None, ..honest() }, "model"),
        (CallDispatched { method: "tools/list".into(), ..honest() }, "method"),
        (CallDispatched { arguments: Some(Mark([9; 16])), ..honest() }, "arguments"),
        (CallDispatched { arguments: None, ..honest() }, "arguments"),
    ];
    for (made, what) in table {
        let mut story = story.clone();
        story.run(made);
        story.fails(&format!("with another {what} than was decided on"));
    }
}

#[test]
fn what_is_decided_on_is_made_again_from_the_events() {
    let mut story = Story::new();
    story.tell(CallHeld { digest: Digest([1; 32]), ..story.held.clone() });
    story.fails("that of the call is");
    let mut story = Story::held();
    let honest = story.edit("eve");
    story.tell(HoldEdited { digest: Digest([1; 32]), ..honest });
    story.fails("the edit's digest");
    let mut story = Story::held();
    let vote = story.approve("ben");
    story.tell(HoldGranted { digest: Digest([1; 32]), ..story.decision(&[vote]) });
    story.fails("which is not decided on");
}

#[test]
fn an_edited_call_is_made_as_edited() {
    let mut story = Story::held();
    let edited = story.edit("eve");
    let arguments = Some(edited.arguments);
    story.tell(edited);
    let vote = story.approve("ben");
    let grant = story.grant(&[vote]);
    let mut as_before = story.clone();
    as_before.make(grant);
    as_before.fails("with another arguments than was decided on");
    story.run(CallDispatched { arguments, ..story.made_under(grant) });
    story.passes();
}

#[test]
fn an_edit_that_the_rule_forbids_or_that_skips_a_version_is_found() {
    let mut story = Story::new();
    story.held.rule.edit = false;
    story.hold();
    let edited = story.edit("eve");
    story.tell(edited);
    story.fails("its rule allows no edit");
    let mut story = Story::held();
    story.version = 7;
    let edited = story.edit("eve");
    story.tell(edited);
    story.fails("version 8 was made of version 1");
}

#[test]
fn a_call_that_was_granted_is_neither_edited_nor_decided_again() {
    let (story, _) = Story::granted();
    let mut edited = story.clone();
    let edit = edited.edit("eve");
    edited.tell(edit);
    edited.fails("a `hold.edited` after it was granted");
    let mut voted = story.clone();
    voted.approve("eve");
    voted.fails("a `hold.voted` after it was granted");
    let mut refused = story;
    refused.tell(HoldRefused { digest: refused.digest, until: AFTER, votes: Vec::new() });
    refused.fails("a `hold.refused` after it was granted");
}

#[test]
fn nothing_follows_the_end_of_a_hold() {
    let ends: [(Event, &str); 2] = [
        (HoldExpired { granted: true, until: AFTER }.into(), "expired"),
        (HoldWithdrawn { by: "agent".into(), reason: "it gave up".to_owned() }.into(), "withdrawn"),
    ];
    for (end, word) in ends {
        let (mut story, grant) = Story::granted();
        story.tell(end);
        story.tell(fact("hold.commented"));
        story.tell(fact("hold.left"));
        story.tell(fact("notice.sent"));
        story.passes();
        let mut voted = story.clone();
        voted.approve("eve");
        voted.fails(&format!("a `hold.voted` after it was {word}"));
        story.make(grant);
        story.fails(&format!("is used after it was {word}"));
    }
}

#[test]
fn a_call_is_held_once_and_not_after_it_was_made() {
    let mut story = Story::held();
    story.hold();
    story.fails("it is held a second time");
    let mut story = Story::new();
    story.made.dispatch(1, 1);
    story.hold();
    let report = report(story.made.log().path());
    assert_eq!(only(&report).check, Check::Calls, "{report}");
}

#[test]
fn what_comes_after_its_time_is_found() {
    let mut story = Story::held();
    let vote = story.approve("ben");
    let grant = story.tell(HoldGranted { claim_until: BEFORE, ..story.decision(&[vote]) });
    story.make(grant);
    story.fails("it was dispatched after its grant ended");
    let mut story = Story::new();
    story.held.expires = BEFORE;
    story.hold();
    story.approve("ben");
    story.fails("voted after it expired");
    let mut story = Story::held();
    story.tell(HoldExpired { granted: true, until: AFTER });
    story.fails("says otherwise of whether it was granted");
}

#[test]
fn a_grant_in_an_emergency_is_a_note() {
    let mut story = Story::held();
    let glass = BreakGlass { by: person("eve"), reason: "fire".to_owned() };
    let grant = story.tell(HoldGranted { break_glass: Some(glass), ..story.decision(&[]) });
    story.make(grant);
    let report = report(story.made.log().path());
    assert!(report.is_verified(), "{report}");
    let mut by_owner = Story::held();
    let glass = BreakGlass { by: person("ada"), reason: "fire".to_owned() };
    by_owner.tell(HoldGranted { break_glass: Some(glass), ..by_owner.decision(&[]) });
    by_owner.fails("`ada@example.com` decided, for whom the call is");
    let [note] = report.notes() else { panic!("{report}") };
    assert!(note.detail.contains("`eve@example.com` granted it alone"), "{report}");
}

#[test]
fn calls_under_a_grant_of_a_kind_fit_it() {
    let honest = |opened: GrantOpened, calls: u64| {
        let mut story = Story::new();
        let grant = story.open(opened);
        for number in 1..=calls {
            let made = story.made_under(grant);
            story.made.add(made.into(), Some(session(1)), Some(call(number)), None);
            story.made.complete(1, number);
        }
        story
    };
    let kind = Story::new().kind();
    honest(kind.clone(), 2).passes();
    honest(kind.clone(), 3).fails("call 3 under a grant of 2");
    honest(GrantOpened { until: BEFORE, ..kind.clone() }, 1).fails("after its grant ended");
    let other = "its grant is for another agent, owner or tool";
    honest(GrantOpened { agent: "x".into(), ..kind.clone() }, 1).fails(other);
    honest(GrantOpened { owner: "x".into(), ..kind.clone() }, 1).fails(other);
    honest(GrantOpened { target: "x".into(), ..kind.clone() }, 1).fails(other);
    honest(GrantOpened { upstream: "x".into(), ..kind.clone() }, 1).fails(other);
    let revoked =
        |grant: EventId| GrantRevoked { by: person("ben"), grant, reason: "enough".to_owned() };
    let mut story = Story::new();
    let grant = story.open(kind);
    story.aside(revoked(grant));
    story.passes();
    story.make(grant);
    story.fails("its grant was revoked before");
    let mut story = Story::new();
    story.aside(revoked(event_id(77)));
    story.fails("no grant");
}

#[test]
fn a_grant_of_a_kind_ends_with_the_rights_of_who_opened_it_and_of_its_agent() {
    let by = || "operator".into();
    let reason = || "left".to_owned();
    let email = person("ben").email;
    let agent = Story::new().held.principal.agent;
    let ends: [Event; 2] = [
        PersonRevoked { by: by(), email, reason: reason() }.into(),
        AgentRevoked { agent, by: by(), reason: reason() }.into(),
    ];
    for end in ends {
        let mut story = Story::new();
        let kind = story.kind();
        let grant = story.open(kind);
        story.aside(end);
        story.make(grant);
        story.fails("its grant was revoked before");
    }
}

/// Everything that can happen in order, twice over.
fn everything() -> Story {
    let mut story = Story::new();
    story.aside(fact("policy.loaded"));
    let Event::DelegationOpened(opened) = fact("delegation.opened") else { panic!() };
    story.aside(DelegationOpened { from: person("dan"), ..opened });
    story.aside(fact("person.signed_in"));
    story.held.rule.approvers = vec![of_group(1, "finance"), of_group(1, "travel")];
    story.hold();
    story.tell(fact("hold.viewed"));
    story.approve("ben");
    let edited = story.edit("eve");
    let arguments = Some(edited.arguments);
    story.tell(edited);
    let Event::PersonSignedIn(signed_in) = fact("person.signed_in") else { panic!() };
    let mut vote = story.vote("ben");
    (vote.by, vote.sign_in) = (signed_in.person, Some(signed_in.sign_in));
    let by_ben = story.tell(vote);
    let mut vote = story.vote("cleo");
    vote.groups = vec!["travel".into()];
    let by_cleo = story.tell(vote);
    let grant = story.grant(&[by_ben, by_cleo]);
    let kind = story.kind();
    let kind = story.open(kind);
    story.run(CallDispatched { arguments, ..story.made_under(grant) });
    let made = story.made_under(kind);
    story.made.add(made.into(), Some(session(1)), Some(call(2)), None);
    story.made.complete(1, 2);
    let held = CallHeld { digest: story.digest, ..story.held.clone() };
    let held = CallHeld { request: None, ..held };
    let held = CallHeld { digest: crate::story::digest_of(&held, None), ..held };
    let (of, third) = (Some(session(1)), Some(call(3)));
    story.made.add(held.into(), of, third, None);
    story.made.add(HoldExpired { granted: false, until: AFTER }.into(), of, third, None);
    story
}

fn exported(story: &Story, sequences: &[u64], contiguous: bool) -> Report {
    let folder = tempfile::tempdir().unwrap();
    write_export(folder.path(), &story.made.export(sequences, contiguous));
    report(folder.path())
}

#[test]
fn no_part_of_an_honest_log_is_suspected() {
    let story = everything();
    story.passes();
    let all = story.made.all();
    for cut in 1..all.len() {
        for part in [&all[..cut], &all[cut..]] {
            let report = exported(&story, part, true);
            assert_eq!(report.findings.of(Check::Grants), 0, "{part:?}: {report}");
        }
    }
}

#[test]
fn a_selection_from_which_a_grant_or_its_votes_were_taken_is_not_whole() {
    let story = everything();
    let text = |sequence: &u64| {
        let at = usize::try_from(*sequence).unwrap();
        String::from_utf8(story.made.events[at].clone()).unwrap()
    };
    for kind in ["call.held", "hold.voted", "hold.granted", "grant.opened", "person.signed_in"] {
        let named = format!("\"type\":\"{kind}\"");
        let mut rest = story.made.all();
        rest.retain(|sequence| !text(sequence).contains(&named));
        let report = exported(&story, &rest, false);
        assert!(report.findings.of(Check::Grants) > 0, "{kind}: {report}");
    }
}
