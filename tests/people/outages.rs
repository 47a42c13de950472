//! A mail server that is down, breaks off, or is believed to have failed: no mail is lost, and what
//! comes twice can be told.

use std::collections::BTreeMap;
use std::time::Duration;

use events::CallId;
use serde_json::json;
use tests::group::installed;
use tests::inbox::{Fault, Mail, Stage as At};
use tests::patience::until;

use crate::stage::{Asked, Stage, payment};

/// The ids of the mails that asked somebody to decide on a call, each as often as it came.
fn ids(stage: &Stage, to: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for mail in stage.inbox.mails() {
        let id = mail.header("message-id").unwrap_or_default().to_owned();
        if mail.to.iter().any(|it| it == to) && id.contains(".asked.") {
            *found.entry(id).or_default() += 1;
        }
    }
    found
}

fn ask(stage: &Stage, number: u64) -> (Asked, CallId) {
    let mut arguments = payment();
    arguments["number"] = json!(number);
    let asked = stage.ask("pay", &arguments);
    (asked, stage.held(usize::try_from(number).unwrap()))
}

/// Waits until so many mails are on record as sent.
fn sent(stage: &Stage, count: usize) {
    stage.gateway.recorded("that mails were sent", |records| records.count("notice.sent") >= count);
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
    for (_, hold) in &waiting {
        stage.asked_by_mail("bob@example.com", *hold);
    }
    sent(&stage, 3);
    let ids = ids(&stage, "bob@example.com");
    assert_eq!(ids.values().copied().collect::<Vec<_>>(), [1, 1, 1], "{ids:?}");
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
        stage.asked_by_mail("bob@example.com", hold);
        sent(&stage, usize::try_from(number).unwrap());
        let ids = ids(&stage, "bob@example.com");
        let of_this = ids.iter().find(|(id, _)| id.contains(hold.to_string().trim_start_matches("call_")));
        let times = if at == At::Answer { 2 } else { 1 };
        assert_eq!(of_this.map(|(_, times)| *times), Some(times), "{at:?} {fault:?}: {ids:?}");
        assert_eq!(u64::try_from(ids.len()).unwrap(), number, "{at:?} {fault:?}: {ids:?}");
        stage.inbox.well();
    }
}

#[test]
fn a_gateway_that_dies_between_sending_and_recording_sends_the_same_message_again() {
    if !installed() {
        return;
    }
    let mut stage = Stage::start();
    stage.inbox.fault(At::Answer, Fault::Delay(Duration::from_secs(20)), Some(1));
    let (asked, hold) = ask(&stage, 1);
    let first = stage.asked_by_mail("bob@example.com", hold);
    stage.gateway.kill();
    drop(asked);
    let records = stage.gateway.records();
    assert_eq!(records.count("notice.sent"), 0, "it died too late");
    stage.inbox.well();
    let stage = stage.again();
    sent(&stage, 1);
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
