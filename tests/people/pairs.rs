//! Two people with two browsers before one call.

use serde_json::json;
use tests::browser::{Browser, Look};
use tests::group::installed;
use tests::patience::until;

use crate::shots::Shots;
use crate::stage::{Stage, form, hold_path, open_fold, payment, press, send};

/// A stage with a second approver, and a browser for each.
fn pair(first: &Look) -> (Stage, Browser, Browser) {
    let stage = Stage::start();
    stage.provider.person("eve", &eve());
    (stage, Browser::start(first), Browser::start(&Look::desktop()))
}

fn eve() -> serde_json::Value {
    json!({
        "sub": "sub-of-eve", "email": "eve@example.com", "email_verified": true, "name": "Eve",
        "groups": ["approvers"],
    })
}

#[test]
fn each_sees_what_the_other_does_while_both_look() {
    if !installed() {
        return;
    }
    let (stage, bob, eve) = pair(&Look::phone());
    let shots = Shots::of("pair");
    let asked = stage.ask("pay_much", &payment());
    let path = hold_path(stage.held(1));
    stage.open_as(&bob, "bob", &path);
    stage.open_as(&eve, "eve", &path);
    eve.script("window.stays = true", &[]);
    press(&bob, "Approve this exact call");
    bob.wait_text("You have voted on this call.");
    eve.wait_text("bob@example.com approved");
    eve.wait_text("1 of 2");
    shots.take(&eve, "half");
    assert_eq!(stage.bank.calls().len(), 0, "one of two is not enough");
    assert_eq!(eve.script("return window.stays", &[]), json!(true), "the page was loaded anew");
    press(&eve, "Approve this exact call");
    eve.wait_text("Approved by");
    bob.wait_text("Approved by");
    bob.wait_text(", once.");
    shots.take(&bob, "made");
    let answer = asked.answer();
    assert_eq!(answer.pointer("/result/content/0/text"), Some(&json!("It was paid.")), "{answer}");
    assert_eq!(stage.bank.calls().len(), 1);
    bob.assert_quiet();
    eve.assert_quiet();
}

#[test]
fn who_decides_on_what_is_not_there_any_more_gets_the_page_as_it_is() {
    if !installed() {
        return;
    }
    let (stage, bob, eve) = pair(&Look::desktop().without_scripts());
    let shots = Shots::of("stale");
    let _asked = stage.ask("pay", &payment());
    let path = hold_path(stage.held(1));
    stage.open_as(&bob, "bob", &path);
    stage.open_as(&eve, "eve", &path);
    open_fold(&eve, "Change the arguments");
    let arguments = eve.find("#arguments");
    arguments.clear();
    arguments.enter(r#"{"to": "DE89 3704 0044 0532 0130 00", "amount": 1}"#);
    press(&eve, "Propose this instead");
    eve.wait_text("You cannot decide this");
    shots.take(&eve, "own-edit");

    bob.role("button", "Approve this exact call").click();
    bob.wait_text("The call was changed since it was shown");
    refused(&bob);
    shots.take(&bob, "edited");
    assert!(!bob.text().contains("1234.5") || bob.text().contains("before:"), "the old call");
    let records = stage.gateway.records();
    assert_eq!((records.count("hold.voted"), records.count("person.refused")), (0, 1));

    let approve = form(&bob, "approve");
    bob.role("button", "Reject").click();
    bob.wait_text("Rejected by bob@example.com");
    let (status, page) = send(&bob, &approve);
    assert_eq!(status, 409, "{page}");
    assert!(page.contains("A call that was decided"), "not the page as it is: {page}");
    assert_eq!(stage.gateway.records().count("hold.voted"), 1);
    assert_eq!(stage.bank.calls().len(), 0);
}

/// The last form was answered by 409.
fn refused(browser: &Browser) {
    until("the answer 409", || {
        let posted = browser.exchanges().into_iter().rfind(|it| it.method == "POST")?;
        (posted.status == Some(409)).then_some(())
    });
}
