//! Logs that are signed and whole, and whose events are not what they should be: the signer himself
//! is found out.

use crate::made::{Made, call, event_id, fact, of, only, report, session};
use events::{Event, LegalHoldLifted, LegalHoldPlaced};
use verify::{Check, Report};

fn of_log(made: &Made) -> Report {
    report(made.log().path())
}

fn started() -> Made {
    let mut made = Made::default();
    made.plain(fact("gateway.started"));
    made
}

fn alter(made: &mut Made, at: usize, from: &str, to: &str) {
    let text = String::from_utf8(made.events[at].clone()).unwrap();
    assert!(text.contains(from), "{text}");
    made.events[at] = text.replacen(from, to, 1).into_bytes();
}

#[test]
fn a_second_outcome_is_found() {
    let mut made = started();
    made.dispatch(1, 1);
    made.complete(1, 1);
    let at = made.complete(1, 1);
    let report = of_log(&made);
    let finding = only(&report);
    assert_eq!((finding.check, finding.sequence), (Check::Calls, Some(at)));
    assert!(finding.detail.contains("second outcome"), "{report}");
    assert!(finding.place.as_ref().unwrap().byte.is_some(), "{report}");
}

#[test]
fn an_outcome_without_dispatch_is_found() {
    let mut made = started();
    let at = made.complete(1, 1);
    let report = of_log(&made);
    assert_eq!((only(&report).check, only(&report).sequence), (Check::Calls, Some(at)));
}

#[test]
fn a_second_dispatch_is_found_while_the_call_is_open_and_when_it_has_ended() {
    let mut made = started();
    made.dispatch(1, 1);
    let at = made.dispatch(1, 1);
    made.complete(1, 1);
    let report = of_log(&made);
    assert_eq!((only(&report).check, only(&report).sequence), (Check::Calls, Some(at)));
    let mut made = started();
    made.dispatch(1, 1);
    made.complete(1, 1);
    let at = made.dispatch(1, 1);
    let report = of_log(&made);
    assert_eq!((only(&report).check, only(&report).sequence), (Check::Calls, Some(at)));
}

#[test]
fn a_denied_call_that_was_dispatched_is_found() {
    let mut made = started();
    made.add(fact("call.denied"), Some(session(1)), Some(call(1)), None);
    let at = made.dispatch(1, 1);
    let report = of_log(&made);
    assert_eq!((only(&report).check, only(&report).sequence), (Check::Calls, Some(at)));
}

#[test]
fn a_call_in_doubt_that_points_elsewhere_is_found() {
    let mut made = started();
    made.dispatch(1, 1);
    let at = made.add(fact("call.in_doubt"), None, Some(call(1)), None);
    let report = of_log(&made);
    assert_eq!((only(&report).check, only(&report).sequence), (Check::Calls, Some(at)));
    assert!(only(&report).detail.contains("dispatched at 1"), "{report}");
}

#[test]
fn a_call_that_a_start_left_open_is_found() {
    let mut made = started();
    made.dispatch(1, 1);
    made.plain(fact("gateway.started"));
    assert_eq!(only(&of_log(&made)).check, Check::Calls);
}

#[test]
fn an_open_call_is_a_note_while_the_gateway_runs_and_a_finding_when_it_stopped() {
    let mut made = started();
    made.dispatch(1, 1);
    let running = of_log(&made);
    assert!(running.is_verified() && running.notes().len() == 1, "{running}");
    let Event::GatewayStopped(mut stopped) = fact("gateway.stopped") else { panic!() };
    stopped.cancelled = 0;
    let mut clean = made.clone();
    clean.plain(stopped.clone().into());
    let stopped_report = of_log(&clean);
    let finding = only(&stopped_report);
    assert_eq!((finding.check, finding.sequence), (Check::Calls, Some(1)));
    stopped.cancelled = 1;
    made.plain(stopped.into());
    assert!(of_log(&made).is_verified());
}

#[test]
fn an_event_that_says_to_stand_elsewhere_is_found() {
    let mut made = Made::whole(3);
    alter(
        &mut made,
        4,
        "\"sequence\":\"00000000000000000004\"",
        "\"sequence\":\"00000000000000000005\"",
    );
    let report = of_log(&made);
    assert_eq!((only(&report).check, only(&report).sequence), (Check::Sequence, Some(4)));
}

#[test]
fn an_event_of_another_source_is_found() {
    let mut made = Made::whole(3);
    alter(&mut made, 4, "\"source\":\"countersign/0\"", "\"source\":\"countersign/1\"");
    let report = of_log(&made);
    assert_eq!((only(&report).check, only(&report).sequence), (Check::Sequence, Some(4)));
}

#[test]
fn an_event_that_is_not_canonical_is_found_with_its_byte() {
    let mut made = Made::whole(3);
    alter(&mut made, 4, "\"specversion\":", "\"specversion\" :");
    let text = String::from_utf8(made.events[4].clone()).unwrap();
    let offset = text.find("\"specversion\"").unwrap() + "\"specversion\"".len();
    let start: usize = made.events[..4].iter().map(|event| event.len() + 2).sum::<usize>() + 2;
    let report = of_log(&made);
    let byte = only(&report).place.as_ref().unwrap().byte;
    assert_eq!((only(&report).check, only(&report).sequence), (Check::Events, Some(4)));
    assert_eq!(byte, u64::try_from(start + offset).ok());
}

#[test]
fn an_event_that_is_none_is_found() {
    for wrong in ["", "{}", "null", "\u{1b}[31m", "{\"sequence\":\"00000000000000000004\"}"] {
        let mut made = Made::whole(3);
        made.events[3] = wrong.as_bytes().to_vec();
        let report = of_log(&made);
        assert!(report.listed().iter().any(|f| (f.check, f.sequence) == (Check::Events, Some(3))));
        assert!(!report.to_string().contains('\u{1b}'));
    }
}

#[test]
fn a_kind_that_is_not_known_is_a_note_and_its_envelope_is_checked() {
    let mut made = Made::whole(3);
    let last = made.events.len() - 1;
    alter(&mut made, last, "\"type\":\"gateway.stopped\"", "\"type\":\"gateway.danced\"");
    let report = of_log(&made);
    assert!(report.is_verified() && report.notes().len() == 1, "{report}");
    alter(&mut made, last, "\"source\":\"countersign/0\"", "\"source\":\"countersign/1\"");
    assert_eq!(only(&of_log(&made)).check, Check::Sequence);
}

#[test]
fn an_event_before_its_time_is_a_note() {
    let mut made = Made::whole(3);
    alter(&mut made, 4, "\"time\":\"2026", "\"time\":\"2025");
    let report = of_log(&made);
    assert!(report.is_verified() && report.notes()[0].sequence == Some(4), "{report}");
}

#[test]
fn an_erasure_without_its_request_is_found() {
    let mut made = started();
    made.dispatch(1, 1);
    made.complete(1, 1);
    let asked = made.request_erasure(1);
    let mut unasked = made.clone();
    let at = unasked.erase(1, None);
    let report = of_log(&unasked);
    assert_eq!((only(&report).check, only(&report).sequence), (Check::Erasures, Some(at)));
    let mut of_another = made.clone();
    of_another.erase(2, Some(event_id(asked)));
    assert_eq!(only(&of_log(&of_another)).check, Check::Erasures);
    made.erase(1, Some(event_id(asked)));
    assert!(of_log(&made).is_verified());
}

fn hold(of_session: Option<u64>, subject: Option<&str>) -> Event {
    let (by, reason) = ("ada@example.com".into(), "a matter".to_owned());
    let (session, subject) = (of_session.map(session), subject.map(Into::into));
    LegalHoldPlaced { by, reason, session, subject }.into()
}

#[test]
fn an_erasure_under_a_hold_of_the_session_or_of_its_person_is_found() {
    for placed in [hold(Some(1), None), hold(None, Some("ada@example.com"))] {
        let mut made = started();
        made.dispatch(1, 1);
        made.complete(1, 1);
        let id = event_id(made.plain(placed));
        let mut lifted = made.clone();
        let asked = made.request_erasure(1);
        let at = made.erase(1, Some(event_id(asked)));
        let report = of_log(&made);
        assert_eq!((only(&report).check, only(&report).sequence), (Check::Holds, Some(at)));
        let by = "ada@example.com".into();
        lifted.plain(LegalHoldLifted { by, hold: id, reason: "settled".to_owned() }.into());
        let asked = lifted.request_erasure(1);
        lifted.erase(1, Some(event_id(asked)));
        assert!(of_log(&lifted).is_verified());
    }
}

#[test]
fn a_hold_that_is_placed_while_an_erasure_is_under_way_is_too_late() {
    let mut made = started();
    made.dispatch(1, 1);
    made.complete(1, 1);
    let asked = made.request_erasure(1);
    made.plain(hold(Some(1), None));
    made.erase(1, Some(event_id(asked)));
    assert!(of_log(&made).is_verified());
}

#[test]
fn a_hold_of_someone_else_does_not_matter_and_one_that_was_never_placed_cannot_be_lifted() {
    let mut made = started();
    made.dispatch(1, 1);
    made.complete(1, 1);
    made.plain(hold(Some(2), None));
    made.plain(hold(None, Some("eve@example.com")));
    let asked = made.request_erasure(1);
    made.erase(1, Some(event_id(asked)));
    assert!(of_log(&made).is_verified());
    let by = "ada@example.com".into();
    made.plain(LegalHoldLifted { by, hold: event_id(0), reason: "none".to_owned() }.into());
    assert_eq!(of(&of_log(&made), Check::Holds).check, Check::Holds);
}

#[test]
fn findings_without_number_are_counted_and_the_first_are_listed() {
    let mut made = started();
    for number in 0..1500 {
        made.complete(1, number);
    }
    let report = of_log(&made);
    assert_eq!(report.listed().len(), verify::LISTED_MAX);
    assert_eq!(report.findings.total(), 1500);
    assert!(report.to_string().contains("500 more"), "{report}");
}
