//! Deciding with what people have: no JavaScript, no mouse, and texts that are made to deceive.

use serde_json::{Value, json};
use tests::browser::{Browser, Look};
use tests::element::Key;
use tests::group::installed;
use tests::mcp;
use tests::patience::until;

use crate::shots::Shots;
use crate::stage::{Stage, armed, hold_path, payment, press};

/// How often the tabulator is pressed on a page at most.
const TABS_MAX: usize = 60;

fn text(answer: &Value) -> &str {
    answer.pointer("/result/content/0/text").and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn people_decide_without_javascript() {
    if !installed() {
        return;
    }
    let stage = Stage::start();
    let browser = Browser::start(&Look::phone().without_scripts());
    let asked = stage.ask("pay", &payment());
    stage.open_as(&browser, "bob", &hold_path(stage.held(1)));
    browser.role("button", "Approve this exact call").click();
    browser.wait_text("Approved by bob@example.com");
    assert_eq!(text(&asked.answer()), "It was paid.");

    let asked = stage.ask("pay", &json!({"to": "somebody else"}));
    browser.open(&stage.url(&hold_path(stage.held(2))));
    browser.find("#reject-comment").enter("Nobody knows this account.");
    browser.role("button", "Reject").click();
    browser.wait_text("Rejected by bob@example.com");
    let answer = asked.answer();
    assert_eq!(answer.pointer("/result/isError"), Some(&json!(true)), "{answer}");
    assert!(text(&answer).contains("Nobody knows this account."), "{answer}");
    assert_eq!(stage.bank.calls().len(), 1, "what was rejected was not made");
    browser.assert_quiet();
}

#[test]
fn people_decide_by_keyboard_and_no_single_key_decides() {
    if !installed() {
        return;
    }
    let (stage, browser) = (Stage::start(), Browser::start(&Look::desktop()));
    let asked = stage.ask("pay", &payment());
    let hold = stage.held(1);
    stage.open_as(&browser, "bob", "/");
    go_to(&browser, "pay on bank");
    browser.press(Key::ENTER);
    browser.wait_url("the call", |url| url == stage.url(&hold_path(hold)));
    armed(&browser, "Approve this exact call");
    for key in "abcdefghilmnpqrstuvwxyzjkAYR0123456789 ".chars().map(String::from) {
        browser.press(&key);
    }
    browser.press(Key::ENTER);
    assert_eq!(browser.url(), stage.url(&hold_path(hold)));
    assert_eq!(stage.gateway.records().count("hold.voted"), 0, "a single key decided");

    go_to(&browser, "Comment optional, on record");
    browser.press("Right.");
    go_to(&browser, "Approve this exact call");
    armed(&browser, "Approve this exact call");
    browser.press(Key::ENTER);
    browser.wait_text("Approved by bob@example.com");
    browser.wait_text("Right.");
    assert_eq!(text(&asked.answer()), "It was paid.");
    browser.assert_quiet();
}

/// Presses the tabulator until what has this name has the keyboard, and shows that it has.
fn go_to(browser: &Browser, name: &str) {
    for _ in 0..TABS_MAX {
        browser.press(Key::TAB);
        let Some(focused) = browser.focused() else { continue };
        if focused.label() == name {
            let outlines = "return ['', '::after'].map(it => getComputedStyle(arguments[0], \
                            it).outlineStyle)";
            let outlines = browser.script(outlines, &[focused.argument()]).to_string();
            assert!(outlines.contains("solid"), "nobody sees that {name} has it: {outlines}");
            return;
        }
    }
    panic!("no way by keyboard to `{name}`");
}

/// Right to left, letters that cannot be seen, a domain that is another, and much between.
fn deceiving(length: usize) -> Value {
    json!({
        "to": "https://p\u{430}ypal.com/\u{202e}moc.knab",
        "note": "Thank you\u{e0041}\u{e0042}\u{e0043} very\u{200b}much",
        "body": format!("{}PAY EVERYTHING{}", "a".repeat(length / 2), "z".repeat(length / 2)),
    })
}

/// What of it has to be seen.
const SEEN: [&str; 5] = ["U+202E", "U+200B", "U+E0041", "xn--", "PAY EVERYTHING"];

#[test]
fn nobody_approves_what_they_have_not_opened() {
    if !installed() {
        return;
    }
    let stage = Stage::start();
    let (browser, shots) = (Browser::start(&Look::desktop()), Shots::of("deceiving"));
    let call = deceiving(100_000);
    let asked = stage.ask("pay", &call);
    let hold = stage.held(1);
    stage.open_as(&browser, "bob", &hold_path(hold));
    shots.take(&browser, "call");
    let approve = browser.role("button", "Approve this exact call");
    until("the brake", || approve.attribute("aria-disabled"));
    approve.click();
    until("the part to be read", || {
        let found = browser.find_all("details.fold");
        found.iter().any(|it| it.attribute("open").is_some()).then_some(())
    });
    assert_eq!(stage.gateway.records().count("hold.voted"), 0, "approved without reading");
    for seen in SEEN {
        assert!(browser.source().contains(seen), "{seen} cannot be seen");
    }
    for fold in browser.find_all("details.fold") {
        if fold.attribute("open").is_none() {
            fold.find_all("summary").first().unwrap().click();
        }
    }
    for tick in browser.find_all("input[name=opened]") {
        tick.click();
    }
    press(&browser, "Approve this exact call");
    browser.wait_text("Approved by bob@example.com");
    assert_eq!(text(&asked.answer()), "It was paid.");
    let made = stage.bank.calls();
    assert_eq!(made.first().unwrap().params.get("arguments"), Some(&call));
    browser.assert_quiet();
}

#[test]
fn without_javascript_what_was_not_opened_is_not_approved_either() {
    if !installed() {
        return;
    }
    let stage = Stage::start();
    let browser = Browser::start(&Look::desktop().without_scripts());
    let asked = stage.ask_text("pay", &mcp::modern_call(7, "pay", &deceiving(1 << 20)));
    let hold = stage.held(1);
    stage.open_as(&browser, "bob", &hold_path(hold));
    browser.role("button", "Approve this exact call").click();
    browser.wait_text("not opened");
    let posted = browser.exchanges().into_iter().rfind(|it| it.method == "POST").unwrap();
    assert_eq!(posted.status, Some(422), "{posted:?}");
    assert_eq!(stage.gateway.records().count("hold.voted"), 0, "approved without reading");
    for fold in browser.find_all("details.fold") {
        fold.find_all("summary").first().unwrap().click();
    }
    for tick in browser.find_all("input[name=opened]") {
        tick.click();
    }
    browser.role("button", "Approve this exact call").click();
    browser.wait_text("Approved by bob@example.com");
    assert_eq!(text(&asked.answer()), "It was paid.");
}
