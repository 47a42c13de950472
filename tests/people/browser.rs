//! The browser does what a person does, and tells what a person does not see.

use serde_json::{Value, json};
use tests::browser::{Browser, Look};
use tests::element::Key;
use tests::group::installed;
use tests::upstream::{Request, Upstream};

use crate::pages::{page, site, url};

const BODY: &str = "<main><h1>Inbox</h1><noscript>Without scripts</noscript>\
     <p id=\"theme\">Paper</p><script src=\"/ran.js\"></script>\
     <form method=\"post\" action=\"/decide\"><label>Comment <input name=\"comment\"></label>\
     <label><input type=\"checkbox\" name=\"seen\"> I have seen it</label>\
     <button name=\"verdict\" value=\"yes\">Approve</button></form>\
     <a href=\"/other\">Other</a></main>";

const STRICT: &str = "content-security-policy: default-src 'self'; img-src 'self' data:\r\n";

fn stage() -> Upstream {
    site(|request: &Request| {
        let line = request.line.as_str();
        let body = String::from_utf8_lossy(&request.body).into_owned();
        match line.split(' ').nth(1).unwrap_or_default() {
            "/ran.js" => (String::new(), "document.title = 'Scripts ran'".to_owned()),
            "/decide" => {
                ("303 location: /decided\r\nset-cookie: who=ada; HttpOnly\r\n".into(), body)
            }
            "/decided" => (String::new(), page("<p>Decided</p>")),
            "/careless" => {
                (STRICT.to_owned(), page("<button onclick=\"document.title = 'x'\">Go</button>"))
            }
            _ => (STRICT.to_owned(), page(BODY)),
        }
    })
}

fn decides(look: &Look) {
    let site = stage();
    let browser = Browser::start(look);
    browser.open(&url(&site, "/"));
    browser.role("textbox", "Comment").enter("fine — ünïcödé");
    browser.role("checkbox", "I have seen it").click();
    assert!(browser.role("checkbox", "I have seen it").selected());
    browser.role("button", "Approve").click();
    browser.wait_text("Decided");
    assert!(browser.url().ends_with("/decided"), "{}", browser.url());
    let posted = site.seen().into_iter().find(|request| request.line.starts_with("POST"));
    let body = String::from_utf8(posted.unwrap().body).unwrap();
    assert_eq!(body, "comment=fine+%E2%80%94+%C3%BCn%C3%AFc%C3%B6d%C3%A9&seen=on&verdict=yes");
    let cookies = browser.cookies();
    let named = cookies.iter().find(|cookie| cookie.get("name") == Some(&json!("who")));
    assert_eq!(named.and_then(|cookie| cookie.get("httpOnly")), Some(&json!(true)));
    browser.forget();
    assert_eq!(browser.cookies(), Vec::<Value>::new());
    browser.assert_quiet();
}

#[test]
fn a_browser_fills_in_forms_by_what_a_screen_reader_says() {
    if installed() {
        decides(&Look::desktop());
    }
}

#[test]
fn a_browser_fills_in_forms_without_scripts_and_on_a_phone() {
    if installed() {
        decides(&Look::phone().without_scripts());
    }
}

#[test]
fn a_browser_runs_scripts_only_if_it_may() {
    if !installed() {
        return;
    }
    let site = stage();
    let browser = Browser::start(&Look::desktop());
    browser.open(&url(&site, "/"));
    assert_eq!(browser.title(), "Scripts ran");
    let browser = Browser::start(&Look::desktop().without_scripts());
    browser.open(&url(&site, "/"));
    assert_eq!(browser.title(), "A page");
    browser.wait_text("Without scripts");
    let asked = browser.exchanges();
    assert!(asked.iter().all(|exchange| !exchange.url.contains("ran.js")), "{asked:#?}");
}

#[test]
fn a_browser_tells_what_it_asked_for_and_what_came_of_it() {
    if !installed() {
        return;
    }
    let site = stage();
    let browser = Browser::start(&Look::desktop());
    browser.open(&url(&site, "/"));
    browser.role("button", "Approve").click();
    browser.wait_text("Decided");
    let asked: Vec<String> = browser
        .exchanges()
        .iter()
        .map(|each| {
            let path = each.url.trim_start_matches(&url(&site, "")).to_owned();
            format!("{} {path} {} {}", each.method, each.kind, each.status.unwrap())
        })
        .collect();
    let expected = [
        "GET / Document 200",
        "GET /ran.js Script 200",
        "POST /decide Document 303",
        "GET /decided Document 200",
    ];
    assert_eq!(asked, expected);
}

#[test]
fn a_browser_tells_of_what_a_policy_forbids() {
    if !installed() {
        return;
    }
    let site = stage();
    let browser = Browser::start(&Look::desktop());
    browser.open(&url(&site, "/careless"));
    browser.role("button", "Go").click();
    assert_eq!(browser.title(), "A page", "the policy was not obeyed");
    let console = browser.console();
    assert!(console.iter().any(|entry| entry.source == "security"), "{console:#?}");
}

#[test]
fn a_browser_keeps_cookies_for_this_host_alone_and_sends_them_back() {
    if !installed() {
        return;
    }
    let secure = "set-cookie: __Host-session=1; Secure; HttpOnly; Path=/; SameSite=Lax\r\n\
         set-cookie: __Host-strict=2; Secure; HttpOnly; Path=/; SameSite=Strict\r\n";
    let site = site(move |_| (secure.to_owned(), page("<a href=\"/next\">Next</a>")));
    let browser = Browser::start(&Look::desktop());
    for host in ["127.0.0.1", "localhost"] {
        browser.open(&format!("http://{host}:{}/", site.address.port()));
        browser.role("link", "Next").click();
        let sent = site.seen().into_iter().rfind(|request| request.line.starts_with("GET /next"));
        let sent = sent.unwrap().header("cookie").unwrap_or_default().to_owned();
        assert!(sent.contains("__Host-session=1; __Host-strict=2"), "{host} was sent `{sent}`");
    }
}

#[test]
fn a_browser_has_a_key_that_signs_what_a_page_asks() {
    if !installed() {
        return;
    }
    let site = stage();
    let browser = Browser::start(&Look::desktop());
    browser.give_key();
    browser.open(&format!("http://localhost:{}/", site.address.port()));
    let made = browser.script(
        "const challenge = new Uint8Array(32);
         return navigator.credentials.create({publicKey: {challenge, rp: {name: 'Countersign'},
             user: {id: new Uint8Array(8), name: 'ada', displayName: 'Ada'},
             pubKeyCredParams: [{type: 'public-key', alg: -7}]}})
             .then(made => navigator.credentials.get({publicKey: {challenge,
                 allowCredentials: [{type: 'public-key', id: made.rawId}]}}))
             .then(signed => signed.response.signature.byteLength > 60)",
        &[],
    );
    assert_eq!(made, json!(true));
}

#[test]
fn a_browser_obeys_the_keyboard() {
    if !installed() {
        return;
    }
    let site = stage();
    let browser = Browser::start(&Look::desktop());
    browser.open(&url(&site, "/"));
    browser.press(Key::TAB);
    browser.press("typed");
    let field = browser.find("input[name=comment]");
    assert_eq!(browser.focused(), Some(field.clone()));
    assert_eq!(field.property("value"), json!("typed"));
    browser.press(Key::ENTER);
    browser.wait_text("Decided");
}

#[test]
fn a_browser_has_the_size_and_the_taste_that_it_is_given() {
    if !installed() {
        return;
    }
    let site = stage();
    let folder = tempfile::tempdir().unwrap();
    for (look, width) in [(Look::phone().dark(), 390), (Look::desktop(), 1280)] {
        let browser = Browser::start(&look);
        browser.open(&url(&site, "/"));
        assert_eq!(browser.script("return innerWidth", &[]), json!(width));
        let dark = "return matchMedia('(prefers-color-scheme: dark)').matches";
        assert_eq!(browser.script(dark, &[]), json!(width == 390));
        let file = folder.path().join(format!("{width}.png"));
        browser.script("document.body.style.height = '3000px'", &[]);
        browser.screenshot(&file);
        let picture = std::fs::read(&file).unwrap();
        assert_eq!(picture.get(1..4), Some(&b"PNG"[..]));
        let number = |at: usize| {
            let bytes = picture.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map(u32::from_be_bytes)
        };
        assert_eq!(number(16), Some(width));
        assert!(number(20).is_some_and(|height| height >= 3000), "{:?}", number(20));
    }
}
