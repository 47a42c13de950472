//! The whole way of a call through people: mail, link, sign-in, page, decision, and its outcome.

use events::Event;
use serde_json::json;
use tests::browser::{Browser, Look};
use tests::group::installed;

use crate::shots::Shots;
use crate::stage::{Stage, armed, hold_path, payment, press};

/// What a browser that looks like this sees of the whole way.
fn walk(look: &Look, name: &'static str) {
    if !installed() {
        return;
    }
    let (stage, browser, shots) = (Stage::start(), Browser::start(look), Shots::of(name));
    stage.talk();
    let asked = stage.ask("pay", &payment());
    let hold = stage.held(1);
    let mail = stage.asked_by_mail("bob@example.com", hold);
    assert!(mail.encrypted && mail.authenticated, "{mail:?}");
    assert_eq!(mail.links, [stage.url(&hold_path(hold))], "a link that names the call alone");
    assert_eq!(mail.loaded, [""; 0], "nothing in a mail is fetched");
    for word in ["Lovelace", "DE89", "1234"] {
        assert!(!mail.raw.contains(word), "an argument is in the mail");
    }
    shots.mail(&browser, &mail, "mail");

    browser.open(mail.links.first().unwrap());
    shots.take(&browser, "sign-in");
    stage.sign_in(&browser, "bob");
    assert_eq!(browser.url(), stage.url(&hold_path(hold)), "back at the call");
    for text in ["pay on bank", "DE89 3704 0044 0532 0130 00", "Money that was sent", "1234.5"] {
        browser.wait_text(text);
    }
    let fingerprint = browser.find("code.fingerprint").text();
    assert!(mail.text.contains(&fingerprint), "the same fingerprint in mail and page");
    armed(&browser, "Approve this exact call");
    shots.take(&browser, "call");
    assert_eq!(stage.bank.calls().len(), 0, "nothing is made yet");

    browser.find("#approve-comment").enter("I have the invoice before me.");
    press(&browser, "Approve this exact call");
    browser.wait_text("by bob@example.com");
    shots.take(&browser, "decided");
    browser.wait_text(", once.");
    shots.take(&browser, "made");
    let answer = asked.answer();
    assert_eq!(answer.pointer("/result/content/0/text"), Some(&json!("It was paid.")), "{answer}");
    let made = stage.bank.calls();
    assert_eq!(made.len(), 1, "made once");
    assert_eq!(made.first().unwrap().params.get("arguments"), Some(&payment()));

    let closing = stage.mail("bob@example.com", hold, ".decided.");
    assert_eq!(closing.subject, mail.subject, "one thread");
    assert_eq!(closing.header("in-reply-to"), mail.header("message-id"));
    shots.mail(&browser, &closing, "closing-mail");
    look_around(&stage, &browser, &shots);
    browser.assert_quiet();
    // The console says of every 404 that it is one.
    browser.open(&stage.url("/nowhere"));
    browser.wait_text("There is nothing at this address.");
    shots.take(&browser, "not-found");
    near(&stage, &browser);
    on_record(stage);
}

/// Looks at the other pages.
fn look_around(stage: &Stage, browser: &Browser, shots: &Shots) {
    let _waiting = stage.ask("pay_much", &payment());
    let second = stage.held(2);
    for (path, what) in [
        ("/holds", "inbox"),
        ("/holds?show=decided", "inbox-decided"),
        ("/holds?show=all", "inbox-all"),
        (&*hold_path(second), "second-call"),
        ("/help", "help"),
        ("/sessions", "sessions"),
        ("/people", "people"),
        ("/policy", "policy"),
    ] {
        browser.open(&stage.url(path));
        shots.take(browser, what);
        let (wide, high) = (width(browser), "the page is wider than its window");
        assert!(wide.0 <= wide.1, "{path}: {high}: {wide:?}");
    }
}

/// How wide the page is, and how wide the window.
fn width(browser: &Browser) -> (u64, u64) {
    let body = "const it = document.documentElement; return [it.scrollWidth, it.clientWidth]";
    let found = browser.script(body, &[]);
    let side = |index: usize| found.get(index).and_then(serde_json::Value::as_u64);
    (side(0).unwrap(), side(1).unwrap())
}

/// The browser asked nobody but the gateway and the provider.
fn near(stage: &Stage, browser: &Browser) {
    for exchange in browser.exchanges() {
        let own = exchange.url.starts_with(&stage.url("/"));
        let known = own || exchange.url.starts_with(&stage.provider.issuer);
        assert!(known, "{exchange:?}");
    }
}

/// What the ledger says of it.
fn on_record(stage: Stage) {
    let mut gateway = stage.gateway;
    let records = gateway.stop_and_check();
    let voted = records.events.iter().find_map(|envelope| match &envelope.event {
        Event::HoldVoted(fact) => Some(fact),
        _ => None,
    });
    let voted = voted.unwrap();
    assert_eq!(&*voted.by.email, "bob@example.com");
    assert_eq!(voted.reason.as_deref(), Some("I have the invoice before me."));
    assert!(voted.view.is_some(), "what was on the screen is on record");
    for kind in ["person.signed_in", "hold.voted", "hold.granted", "call.completed"] {
        let count = if kind == "call.completed" { 2 } else { 1 };
        assert_eq!(records.count(kind), count, "{kind}");
    }
}

#[test]
fn a_call_goes_its_whole_way_on_a_desktop() {
    walk(&Look::desktop(), "desktop");
}

#[test]
fn a_call_goes_its_whole_way_on_a_phone() {
    walk(&Look::phone(), "phone");
}

#[test]
fn a_call_goes_its_whole_way_in_the_dark() {
    walk(&Look::phone().dark(), "phone-dark");
    if Shots::of("dark").wanted() {
        walk(&Look::desktop().dark(), "desktop-dark");
    }
}
