//! People sign what they approve with a passkey, in a browser that has one.

use events::Event;
use serde_json::{Value, json};
use tests::browser::{Browser, Look};
use tests::gateway::verifier;
use tests::group::installed;

use crate::stage::{Stage, hold_path, payment, press};

/// Payments, each signed.
const POLICY: &str = r#"
@id("everything")
permit (principal, action, resource);

@id("payments")
@why("Money that was sent does not come back.")
@approvers("1 of role:approver")
@step_up("required")
forbid (principal, action, resource)
when { context.unattended };
"#;

/// The same page by the machine's name: browsers use passkeys nowhere else.
fn local(stage: &Stage, path: &str) -> String {
    format!("http://localhost:{}{path}", stage.gateway.people.port())
}

/// Signs bob in, who comes back from the provider by the machine's address, and goes on by its
/// name.
fn bob(stage: &Stage, browser: &Browser) {
    stage.open_as(browser, "bob", "/holds");
    let cookies = browser.cookies();
    browser.open(&local(stage, "/sign-in"));
    for cookie in cookies {
        let (name, value) = (cookie.get("name"), cookie.get("value"));
        browser.set_cookie(&json!({"name": name, "value": value, "path": "/"}));
    }
}

fn register(stage: &Stage, browser: &Browser) {
    browser.open(&local(stage, "/account"));
    browser.wait_text("You have registered none.");
    browser.find("#passkey-name").enter("my phone");
    browser.role("button", "Register a passkey").click();
    browser.wait_text("my phone since");
}

fn approve(browser: &Browser) {
    press(browser, "Approve this exact call");
}

/// Has the next approval signed with what another page asked.
fn swap(browser: &Browser, options: &Value) {
    let body = "document.querySelector('[data-passkey]').dataset.passkey = arguments[0]";
    browser.script(body, std::slice::from_ref(options));
}

fn asked(browser: &Browser) -> Value {
    browser.script("return document.querySelector('[data-passkey]').dataset.passkey", &[])
}

#[test]
fn a_call_goes_when_its_approver_s_passkey_signed_this_decision_and_no_other() {
    if !installed() {
        return;
    }
    let stage = Stage::under(POLICY);
    let browser = Browser::start(&Look::desktop());
    browser.give_key();
    bob(&stage, &browser);
    let first = stage.ask("pay", &payment());
    let held = stage.held(1);
    browser.open(&local(&stage, &hold_path(held)));
    browser.wait_text("You have no passkey yet");
    let buttons = browser.roles("button");
    assert!(!buttons.iter().any(|button| button.label().starts_with("Approve")));

    register(&stage, &browser);
    let second = stage.ask("pay_much", &payment());
    let other = stage.held(2);
    browser.open(&local(&stage, &hold_path(other)));
    let of_the_other = asked(&browser);
    browser.open(&local(&stage, &hold_path(held)));
    swap(&browser, &of_the_other);
    approve(&browser);
    browser.wait_text("it signed another decision");
    assert_eq!(stage.bank.calls().len(), 0, "nothing is made");

    approve(&browser);
    browser.wait_text("signed with their passkey");
    let paid = Some(&json!("It was paid."));
    assert_eq!(first.answer().pointer("/result/content/0/text"), paid);

    // By the machine's address there is no passkey, and the page says where there is.
    browser.open(&stage.url(&hold_path(other)));
    approve(&browser);
    browser.wait_text(&format!("open this page at {}", local(&stage, "")));
    browser.open(&local(&stage, &hold_path(other)));
    approve(&browser);
    browser.wait_text("signed with their passkey");
    assert_eq!(second.answer().pointer("/result/content/0/text"), paid);
    on_record(stage);
}

/// What the ledger says of it; the auditor's program checks the signatures.
fn on_record(stage: Stage) {
    let mut gateway = stage.gateway;
    let records = gateway.stop_and_check();
    let votes = records.events.iter().filter_map(|envelope| match &envelope.event {
        Event::HoldVoted(fact) => Some(fact),
        _ => None,
    });
    let signed: Vec<bool> = votes.map(|vote| vote.assertion.is_some()).collect();
    assert_eq!(signed, [true, true]);
    assert_eq!(records.count("passkey.registered"), 1);
    let refused = records.events.iter().filter_map(|envelope| match &envelope.event {
        Event::PersonRefused(fact) => Some(&*fact.code),
        _ => None,
    });
    assert_eq!(refused.collect::<Vec<_>>(), ["passkey_refused", "passkey_required"]);
    let key = records.events.iter().find_map(|envelope| match &envelope.event {
        Event::GatewayStarted(fact) => fact.checkpoint_key.clone(),
        _ => None,
    });
    let data = &gateway.data;
    let output = verifier().args(["--vkey", &key.unwrap()]).arg(data).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("2 granted"), "{said}");
}
