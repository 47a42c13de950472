//! What pages of others can do with a browser that is signed in: nothing.

use std::fmt::Write as _;
use std::net::SocketAddr;

use serde_json::json;
use tests::browser::{Browser, Look};
use tests::group::installed;
use tests::upstream::Upstream;
use tests::wire::{Answer, Connection};

use crate::pages::{page, site, url};
use crate::stage::{Stage, armed, hold_path, payment, press};

/// A GET or whatever else, as a browser sends it, with these cookies.
fn send(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut text = format!(
        "{method} {path} HTTP/1.1\r\nhost: {to}\r\naccept: text/html\r\ncontent-type: \
         application/x-www-form-urlencoded\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        // Writing to a string does not fail.
        let _ = write!(text, "{name}: {value}\r\n");
    }
    let mut connection = Connection::open(to).unwrap();
    connection.send(format!("{text}\r\n{body}")).unwrap();
    let head = connection.head().unwrap();
    let streams = head.header("content-type").is_some_and(|it| it.contains("event-stream"));
    let is_whole = streams || method == "HEAD";
    let body = if is_whole { Vec::new() } else { connection.rest_of(&head).0 };
    Answer { head, body }
}

/// The cookies of a browser as it sends them.
fn cookies(browser: &Browser) -> String {
    let pair = |cookie: &serde_json::Value| {
        let text = |name: &str| cookie.get(name).and_then(|it| it.as_str()).unwrap().to_owned();
        format!("{}={}", text("name"), text("value"))
    };
    browser.cookies().iter().map(pair).collect::<Vec<_>>().join("; ")
}

#[test]
fn every_answer_is_fenced_in_whoever_asks_and_whatever_for() {
    if !installed() {
        return;
    }
    let (stage, browser) = (Stage::start(), Browser::start(&Look::desktop()));
    let _asked = stage.ask("pay", &payment());
    let hold = hold_path(stage.held(1));
    stage.open_as(&browser, "dan", "/holds");
    let asset = |css: &str, name: &str| browser.find(css).attribute(name).unwrap();
    let (style, script) = (asset("link[rel=stylesheet]", "href"), asset("script[src]", "src"));
    let session = format!("{}/nothing", "/sessions");
    let paths = [
        "/",
        "/holds",
        "/holds?show=all",
        "/holds?show=decided",
        &hold,
        "/holds/nothing",
        "/holds/events",
        "/sign-in",
        "/sign-in?next=/help",
        "/sign-in/company",
        "/sign-in/company/callback",
        "/sign-in/nobody",
        "/sign-in/nobody/callback",
        "/set-password",
        "/set-password?token=nothing",
        "/sign-out",
        "/look",
        "/sessions",
        &session,
        "/people",
        "/people/revoke",
        "/policy",
        "/help",
        "/delegations",
        &style,
        &script,
        "/assets/nothing.css",
        "/nowhere",
        "/favicon.ico",
        "/api/v1/holds",
        "/api/v1/nothing",
        "/api/v1/events",
        "/api/v1/people",
        "/healthz",
        "/readyz",
        "/metrics",
        "/tlog/nothing",
    ];
    let cookies = cookies(&browser);
    for headers in [&[][..], &[("cookie", cookies.as_str())]] {
        for path in paths {
            for method in ["GET", "HEAD", "POST", "DELETE"] {
                let answer = send(stage.gateway.people, method, path, headers, "");
                fenced(&format!("{method} {path} {}", answer.status()), &answer);
            }
        }
    }
}

/// Fails where a header is missing, or where a page has what its policy forbids.
fn fenced(what: &str, answer: &Answer) {
    let header = |name: &str| answer.head.header(name).unwrap_or_default().to_owned();
    let policy = header("content-security-policy");
    for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{what}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{what}: {policy}");
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(header(name), value, "{what}: {name}");
    }
    let kept = header("cache-control");
    let is_public = what.contains("/assets/countersign.") || what.contains("/tlog/");
    assert!(is_public || kept.contains("no-"), "{what}: {kept}");
    let text = String::from_utf8_lossy(&answer.body);
    for inline in ["<script>", "<style", " style=\"", " onclick=", " onload=", "javascript:"] {
        assert!(!text.contains(inline), "{what}: {inline}");
    }
    for line in answer.head.headers.iter().filter(|(name, _)| name == "set-cookie") {
        assert!(line.1.contains("HttpOnly") && line.1.contains("SameSite="), "{what}: {line:?}");
    }
}

/// A site that sends forms to the gateway, frames its pages, and lets its scripts ask.
fn attacker(stage: &Stage, hold: &str) -> Upstream {
    let form = |id: &str, path: &str, fields: &str| {
        let action = stage.url(path);
        format!("<form id=\"{id}\" method=\"post\" action=\"{action}\">{fields}</form>")
    };
    let vote = "<input name=\"verdict\" value=\"approve\"><input name=\"version\" value=\"1\">";
    let forms = [
        form("vote", &format!("{hold}/vote"), vote),
        form("comment", &format!("{hold}/comment"), "<input name=\"comment\" value=\"x\">"),
        form("sign-out", "/sign-out", "<input name=\"csrf\" value=\"x\">"),
        form(
            "look",
            "/look",
            "<input name=\"theme\" value=\"dark\"><input name=\"return\" value=\"/\">",
        ),
        form(
            "sign-in",
            "/sign-in",
            "<input name=\"email\" value=\"a@b.c\"><input name=\"password\" value=\"x\">",
        ),
        form("revoke", "/people/revoke", "<input name=\"email\" value=\"bob@example.com\">"),
    ];
    let frame = format!("<iframe id=\"frame\" src=\"{}\"></iframe>", stage.url(hold));
    let body = format!("{}{frame}", forms.concat());
    site(move |_| (String::new(), page(&body)))
}

#[test]
fn pages_of_others_change_nothing_with_a_browser_that_is_signed_in() {
    if !installed() {
        return;
    }
    let (stage, browser) = (Stage::start(), Browser::start(&Look::desktop()));
    let _asked = stage.ask("pay", &payment());
    let hold = hold_path(stage.held(1));
    stage.open_as(&browser, "bob", &hold);
    armed(&browser, "Approve this exact call");
    let attacker = attacker(&stage, &hold);
    let other_port = url(&attacker, "/");
    let other_site = other_port.replace("127.0.0.1", "localhost");
    let before =
        stage.gateway.recorded("that it was looked at", |records| records.count("hold.viewed") > 0);
    for from in [&other_site, &other_port] {
        for form in ["vote", "comment", "sign-out", "look", "sign-in", "revoke"] {
            browser.open(from);
            let post = "document.getElementById(arguments[0]).submit()";
            browser.script(post, &[json!(form)]);
            browser.wait_text("this form was not sent by a page of this gateway");
            let posted = browser.exchanges().into_iter().rfind(|it| it.method == "POST").unwrap();
            assert_eq!(posted.status, Some(403), "{form} from {from}");
        }
        browser.open(from);
        let ask = "return fetch(arguments[0], {method: 'POST', credentials: 'include', mode: \
                   'no-cors', body: new URLSearchParams({verdict: 'approve'})})\
                   .then(it => it.type, it => String(it))";
        let path = stage.url(&format!("{hold}/vote"));
        browser.script(ask, &[json!(path)]);
        let read = "return fetch(arguments[0], {credentials: 'include'})\
                    .then(it => it.text(), () => 'unreadable')";
        let page = browser.script(read, &[json!(stage.url(&hold))]);
        assert_eq!(page, json!("unreadable"), "a page of another origin reads ours");
        let framed = browser.console().into_iter().any(|entry| {
            entry.message.contains("frame-ancestors") || entry.message.contains("X-Frame-Options")
        });
        assert!(framed, "a page of ours is in a frame: {:#?}", browser.console());
    }
    let records = stage.gateway.records();
    let kinds = records.events.iter().skip(before.events.len()).map(|it| it.event.kind());
    let kinds: Vec<&str> = kinds.filter(|kind| *kind != "notice.sent").collect();
    assert_eq!(kinds, [""; 0], "something was changed, or noted without end");
    browser.open(&stage.url(&hold));
    press(&browser, "Approve this exact call");
    browser.wait_text("Approved by bob@example.com");
}

#[test]
fn nobody_is_led_elsewhere() {
    if !installed() {
        return;
    }
    let (stage, browser) = (Stage::start(), Browser::start(&Look::desktop()));
    let own = stage.url("/");
    let elsewhere = [
        "//evil.example/",
        "https://evil.example/",
        "/%5Cevil.example",
        "%2F%2Fevil.example",
        "/%09/evil.example",
        "javascript:alert(1)",
        "/%0d%0aLocation:%20https://evil.example",
    ];
    stage.open_as(&browser, "bob", "/sign-in?next=//evil.example/");
    assert!(browser.url().starts_with(&own), "{}", browser.url());
    let (cookies, origin) = (cookies(&browser), own.trim_end_matches('/').to_owned());
    for next in elsewhere {
        let path = format!("/sign-in?next={next}");
        let headers = [("cookie", cookies.as_str()), ("origin", origin.as_str())];
        let signed_in = send(stage.gateway.people, "GET", &path, &headers, "");
        let back = format!("theme=dark&return={next}");
        let looked = send(stage.gateway.people, "POST", "/look", &headers, &back);
        for answer in [signed_in, looked] {
            assert_eq!(answer.status(), 303, "{next}");
            assert_eq!(answer.head.header("location"), Some("/"), "{next}");
        }
    }
}

#[test]
fn behind_https_cookies_are_bound_to_the_host() {
    if !installed() {
        return;
    }
    let mut stage = Stage::with("url = \"https://gate.example.com\"", "");
    let link = stage.gateway.hears("/set-password?token=").unwrap();
    let (_, token) = link.trim().split_once("token=").unwrap();
    let password = "four+unrelated+words+together";
    let form = format!("token={token}&password={password}&again={password}");
    let headers = [("origin", "https://gate.example.com"), ("sec-fetch-site", "same-origin")];
    let answer = send(stage.gateway.people, "POST", "/set-password", &headers, &form);
    assert_eq!(answer.status(), 303, "{answer:?}");
    let set = answer.head.headers.iter().filter(|(name, _)| name == "set-cookie");
    let set: Vec<&str> = set.map(|(_, value)| value.as_str()).collect();
    assert_eq!(set.len(), 2, "{set:?}");
    for cookie in set {
        let fences = ["Secure", "HttpOnly", "Path=/", "SameSite="];
        assert!(cookie.starts_with("__Host-"), "{cookie}");
        assert!(fences.iter().all(|fence| cookie.contains(fence)), "{cookie}");
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
}
