//! Programs that guard mailboxes open every link, run scripts, press buttons: nothing comes of it.

use std::collections::BTreeSet;

use serde_json::json;
use tests::browser::{Browser, Look};
use tests::group::installed;
use tests::scanner::scan;

use crate::stage::{Stage, hold_path, payment};

/// What may be on record of who decides nothing.
const HARMLESS: [&str; 3] = ["person.sign_in_failed", "person.refused", "notice.sent"];

#[test]
fn a_scanner_of_mails_approves_nothing_whatever_it_presses() {
    if !installed() {
        return;
    }
    let stage = Stage::start();
    let _asked = stage.ask("pay", &payment());
    let hold = stage.held(1);
    let mail = stage.asked_by_mail("bob@example.com", hold);
    let before = stage
        .gateway
        .recorded("that the mail was sent", |records| records.count("notice.sent") > 0);
    let scan = scan(&mail.links);
    assert!(scan.clicks > 3 && scan.submissions > 1, "{scan:#?}");
    let gone = scan.exchanges.iter().filter(|it| it.method == "POST").count();
    assert!(gone > 0, "it submitted nothing");
    let records = stage.gateway.records();
    let kinds = records.events.iter().skip(before.events.len()).map(|it| it.event.kind());
    let mut kinds: BTreeSet<&str> = kinds.collect();
    for harmless in HARMLESS {
        kinds.remove(harmless);
    }
    assert_eq!(kinds, BTreeSet::new(), "a scanner did something");
    assert_eq!(stage.bank.calls().len(), 0);
}

#[test]
fn opening_pages_decides_nothing_for_who_is_signed_in() {
    if !installed() {
        return;
    }
    let (stage, browser) = (Stage::start(), Browser::start(&Look::desktop()));
    let _asked = stage.ask("pay", &payment());
    let hold = stage.held(1);
    stage.open_as(&browser, "bob", &hold_path(hold));
    let before =
        stage.gateway.recorded("that it was looked at", |records| records.count("hold.viewed") > 0);
    let asked = browser.script(
        "const paths = new Set(['/sign-out', '/look']);
         for (const it of document.querySelectorAll('a[href], form')) {
             paths.add(new URL(it.getAttribute('href') ?? it.getAttribute('action'),
                 location.href).pathname);
         }
         return [...paths]",
        &[],
    );
    let paths = asked.as_array().unwrap();
    assert!(paths.len() > 8, "{asked}");
    for path in paths {
        for query in ["", "?verdict=approve&comment=yes"] {
            let body = "return fetch(arguments[0], {method: arguments[1]}).then(it => it.status)";
            for method in ["GET", "HEAD"] {
                let url = format!("{}{query}", path.as_str().unwrap());
                let status = browser.script(body, &[json!(url), json!(method)]);
                assert!(status.as_u64().is_some(), "{url}: {status}");
            }
        }
    }
    let records = stage.gateway.records();
    let kinds = records.events.iter().skip(before.events.len()).map(|it| it.event.kind());
    let kinds: BTreeSet<&str> = kinds.filter(|kind| *kind != "notice.sent").collect();
    assert_eq!(kinds, BTreeSet::new(), "a GET did something");
    browser.open(&stage.url(&hold_path(hold)));
    browser.wait_text("Nobody has voted yet.");
}
