//! People without a provider: the link of the first start, passwords, invitations, and their end.

use serde_json::{Value, json};
use tests::browser::{Browser, Look};
use tests::element::Element;
use tests::group::installed;
use tests::patience::until;

use crate::shots::Shots;
use crate::stage::{Stage, armed, form, hold_path, open_fold, payment, press, send};

const PASSWORD: &str = "four unrelated words together";
const FIRST: &str = "administrator@localhost";

/// The link that the first start prints.
fn first_link(stage: &mut Stage) -> String {
    stage.gateway.hears("/set-password?token=").unwrap().trim().to_owned()
}

fn choose_password(browser: &Browser, link: &str, again: &str) {
    browser.open(link);
    browser.find("#password").enter(PASSWORD);
    browser.find("#again").enter(again);
    browser.role("button", "Set the password").click();
}

fn sign_in(browser: &Browser, email: &str, password: &str) {
    let field = browser.find("#email");
    field.clear();
    field.enter(email);
    browser.find("#password").enter(password);
    browser.role("button", "Sign in").click();
}

fn sign_out(browser: &Browser) {
    browser.role("button", "Sign out").click();
    browser.wait_url("the sign-in", |url| url.ends_with("/sign-in"));
}

/// The button with this name in the item of a person.
fn of_person<'b>(browser: &'b Browser, person: &str, what: &str) -> Element<'b> {
    until(&format!("`{what}` of {person}"), || {
        let item =
            browser.find_all(".people .item").into_iter().find(|it| it.text().contains(person))?;
        item.find_all("summary, button").into_iter().find(|it| it.text() == what)
    })
}

#[test]
fn the_first_start_s_link_sets_one_password_and_a_sign_out_ends_what_it_began() {
    if !installed() {
        return;
    }
    let (mut stage, browser) = (Stage::start(), Browser::start(&Look::desktop()));
    let (link, shots) = (first_link(&mut stage), Shots::of("local"));
    // To look at it, as a mail's scanner might, uses nothing up.
    browser.open(&link);
    shots.take(&browser, "set-password");
    choose_password(&browser, &link, "four unrelated words apart");
    browser.wait_text("You wrote two different passwords.");
    choose_password(&browser, &link, PASSWORD);
    browser.wait_text("Inbox");
    shots.take(&browser, "first-administrator");
    for cookie in browser.cookies() {
        assert_eq!(cookie.get("httpOnly"), Some(&json!(true)), "{cookie}");
        let same_site = cookie.get("sameSite").and_then(Value::as_str).unwrap_or_default();
        assert!(["Lax", "Strict"].contains(&same_site), "{cookie}");
    }
    let kept = browser.cookies();
    sign_out(&browser);
    for cookie in &kept {
        browser.set_cookie(cookie);
    }
    browser.open(&stage.url("/holds"));
    browser.wait_url("the sign-in", |url| url.contains("/sign-in?next="));
    browser.forget();
    choose_password_fails(&browser, &link);

    browser.open(&stage.url("/sign-in"));
    for _ in 0..6 {
        sign_in(&browser, FIRST, "a wrong password, surely");
    }
    shots.take(&browser, "throttled");
    let refused = browser.exchanges().into_iter().filter(|it| it.method == "POST");
    let statuses: Vec<_> = refused.filter_map(|it| it.status).collect();
    assert!(statuses.ends_with(&[429]), "not throttled: {statuses:?}");
    let failed = stage.gateway.records().count("person.sign_in_failed");
    assert!(failed >= 5, "{failed} failures on record");
    until("the right password is taken again", || {
        if !browser.find_all("#email").is_empty() {
            sign_in(&browser, FIRST, PASSWORD);
        }
        browser.find_all("nav.places").into_iter().next().map(drop)
    });
}

/// The link does not work a second time.
fn choose_password_fails(browser: &Browser, link: &str) {
    browser.open(link);
    assert_eq!(browser.find_all("#password").len(), 0, "the link worked twice");
    browser.wait_text("Status 410");
}

/// Has an administrator invite somebody who may vote, and that person sign in.
fn invited(stage: &Stage, administrator: &Browser, shots: &Shots) -> Browser {
    stage.open_as(administrator, "dan", "/people");
    administrator.find("#name").enter("Eve");
    administrator.find("#email").enter("eve@example.com");
    administrator.find(".invite input[value=approver]").click();
    administrator.role("button", "Make a link").click();
    let link = administrator.find("code.link").text();
    shots.take(administrator, "invited");
    let eve = Browser::start(&Look::desktop());
    choose_password(&eve, &link, PASSWORD);
    eve.wait_text("Inbox");
    eve
}

#[test]
fn who_is_revoked_loses_access_and_votes_at_once() {
    if !installed() {
        return;
    }
    let (stage, dan) = (Stage::start(), Browser::start(&Look::desktop()));
    let shots = Shots::of("revoked");
    let eve = invited(&stage, &dan, &shots);
    let _asked = stage.ask("pay_much", &payment());
    let path = hold_path(stage.held(1));
    eve.open(&stage.url(&path));
    press(&eve, "Approve this exact call");
    eve.wait_text("You have voted on this call.");
    let kept = eve.cookies();

    dan.open(&stage.url("/people"));
    of_person(&dan, "eve@example.com", "Revoke").click();
    let reasons = dan.find_all("input[name=reason]");
    reasons.into_iter().find(Element::displayed).unwrap().enter("She has left.");
    of_person(&dan, "eve@example.com", "Revoke at once").click();
    dan.wait_text("revoked");
    shots.take(&dan, "people");
    eve.wait_url("the sign-in, without a click", |url| url.contains("/sign-in"));
    for cookie in &kept {
        eve.set_cookie(cookie);
    }
    eve.open(&stage.url(&path));
    eve.wait_url("the sign-in", |url| url.contains("/sign-in"));
    sign_in(&eve, "eve@example.com", PASSWORD);
    eve.wait_text("revoked");
    dan.open(&stage.url(&path));
    dan.wait_text("void: it counts for nothing any more");
    dan.wait_text("0 of 2");
    shots.take(&dan, "void");
}

#[test]
fn who_loses_a_role_decides_nothing_more() {
    if !installed() {
        return;
    }
    let (stage, dan) = (Stage::start(), Browser::start(&Look::desktop()));
    let eve = invited(&stage, &dan, &Shots::of("role"));
    let _asked = stage.ask("pay", &payment());
    let path = hold_path(stage.held(1));
    eve.open(&stage.url(&path));
    armed(&eve, "Approve this exact call");
    let approve = form(&eve, "approve");
    dan.open(&stage.url("/people"));
    of_person(&dan, "eve@example.com", "Change").click();
    let boxes = dan.find_all("input[name=role][value=approver]");
    boxes.into_iter().find(|it| it.displayed() && it.selected()).unwrap().click();
    of_person(&dan, "eve@example.com", "Give these roles").click();
    dan.wait_url("the list", |url| url.ends_with("/people"));
    eve.wait_text("Your roles do not let you see calls that wait.");
    let (status, page) = send(&eve, &approve);
    assert_eq!(status, 403, "{page}");
    assert_eq!(stage.gateway.records().count("hold.voted"), 0);
}

#[test]
fn a_sign_out_in_one_window_closes_the_others() {
    if !installed() {
        return;
    }
    let (stage, browser) = (Stage::start(), Browser::start(&Look::desktop()));
    let _asked = stage.ask("pay", &payment());
    stage.open_as(&browser, "bob", &hold_path(stage.held(1)));
    armed(&browser, "Approve this exact call");
    open_fold(&browser, "Only say something");
    browser.script(
        "const form = new FormData(document.querySelector('form[action=\"/sign-out\"]'));
         return fetch('/sign-out', {method: 'POST', body: new URLSearchParams(form)})
             .then(it => it.status)",
        &[],
    );
    browser.wait_url("the sign-in, without a click", |url| url.contains("/sign-in"));
}
