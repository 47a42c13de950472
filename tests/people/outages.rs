//! A mail server that is down, breaks off, or is believed to have failed: no mail is lost, and what
//! comes twice can be told.

use std::time::Duration;

use events::{CallId, Event};
use serde_json::json;
use tests::group::installed;
use tests::inbox::{Fault, Mail, Stage as At};
use tests::patience::until;

use crate::stage::{Asked, Stage};

/// Who is asked: whom the configuration names, and the first administrator.
const ASKED: [&str; 2] = ["administrator@localhost", "bob@example.com"];

/// To whom mails have come that ask to decide on a call, each as often as one came. All have one
/// id.
fn come(stage: &Stage, hold: CallId) -> Vec<String> {
    let id = format!("<hold-{}.asked.0@", hold.to_string().trim_start_matches("call_"));
    let about = |mail: &Mail| mail.header("message-id").is_some_and(|it| it.starts_with(&id));
    let mut come: Vec<String> =
        stage.inbox.mails().into_iter().filter(about).flat_map(|mail| mail.to).collect();
    come.sort();
    come
}

fn ask(stage: &Stage, number: u64) -> (Asked, CallId) {
    let asked = stage.ask("pay", &json!({"number": number}));
    (asked, stage.held(usize::try_from(number).unwrap()))
}

/// Waits until it is on record that everybody was asked to decide on a call.
fn sent(stage: &Stage, hold: CallId) {
    stage.gateway.recorded("that mails were sent", |records| {
        let about = records.events.iter().filter(|envelope| envelope.call == Some(hold));
        let sent = about.filter_map(|envelope| match &envelope.event {
            Event::NoticeSent(fact) => Some(fact.to.len()),
            _ => None,
        });
        sent.sum::<usize>() >= ASKED.len()
    });
}

#[test]
fn while_the_mail_server_is_down_mails_wait_and_each_comes_once() {
    if !installed() {
        return;
    }
    let stage = Stage::start();
    stage.inbox.down();
    let waiting: Vec<_> = (1..=3).map(|number| ask(&stage, number)).collect();
    assert_eq!(stage.inbox.mails().len(), 0);
    stage.inbox.up();
    for (_, hold) in waiting {
        sent(&stage, hold);
        assert_eq!(come(&stage, hold), ASKED);
    }
    assert_eq!(stage.inbox.mails().len(), 6, "a mail came twice, or another one");
}

#[test]
fn what_goes_wrong_at_any_stage_loses_no_mail_and_doubles_only_what_was_taken() {
    if !installed() {
        return;
    }
    let stage = Stage::start();
    let stages = [At::Greeting, At::Sender, At::Recipient, At::Message, At::Answer];
    let faults = [Fault::Code(451), Fault::Drop];
    let table: Vec<_> = stages.into_iter().flat_map(|at| faults.map(|fault| (at, fault))).collect();
    let mut open = Vec::new();
    for (number, (at, fault)) in (1..).zip(table) {
        stage.inbox.fault(at, fault, Some(1));
        let (asked, hold) = ask(&stage, number);
        open.push(asked);
        sent(&stage, hold);
        let struck = stage.inbox.counts();
        let mut come = come(&stage, hold);
        let count = come.len();
        come.dedup();
        assert_eq!(come, ASKED, "{at:?} {fault:?}");
        let taken = usize::from(at == At::Answer);
        assert_eq!(count, ASKED.len() + taken, "{at:?} {fault:?}: {struck:?}");
        stage.inbox.well();
    }
}

#[test]
fn a_gateway_that_dies_between_sending_and_recording_sends_the_same_message_again() {
    if !installed() {
        return;
    }
    let mut stage = Stage::start();
    stage.inbox.fault(At::Answer, Fault::Delay(Duration::from_secs(20)), None);
    let (asked, hold) = ask(&stage, 1);
    let first = stage.asked_by_mail("bob@example.com", hold);
    stage.gateway.kill();
    drop(asked);
    let records = stage.gateway.records();
    assert_eq!(records.count("notice.sent"), 0, "it died too late");
    stage.inbox.well();
    let stage = stage.again();
    sent(&stage, hold);
    let both: Vec<Mail> = until("the same mail again", || {
        let mut mails = stage.inbox.mails();
        mails.retain(|mail| mail.to == first.to);
        (mails.len() > 1).then_some(mails)
    });
    assert_eq!(both.len(), 2);
    let same = |name: &str| both.iter().all(|mail| mail.header(name) == first.header(name));
    assert!(same("message-id") && same("subject"), "{both:#?}");
    assert_eq!(stage.gateway.records().count("call.held"), 1);
}
