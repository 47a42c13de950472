//! What is shown to whom.

use super::stage::{Browser, OPERATOR, Stage};
use axum::body::Body;
use axum::extract::ConnectInfo;
use events::Event;
use futures_util::StreamExt as _;
use http::{Request, StatusCode};
use identity::role::Role;
use std::net::SocketAddr;
use tower::ServiceExt as _;

#[tokio::test]
async fn who_has_no_say_sees_no_call_and_that_is_on_record() {
    let stage = Stage::new();
    let ann = stage.browser("ann", &[Role::Analyst]).await;
    let call = stage.hold(r#"{"amount":1}"#).await;
    let inbox = stage.get("/holds?show=all", Some(&ann)).await;
    assert!(!inbox.text.contains(&call.to_string()));
    let answer = stage.get(&format!("/holds/{call}"), Some(&ann)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let events = stage.events();
    assert!(matches!(events.last(), Some(Event::PersonRefused(_))), "{events:?}");
    assert_eq!(stage.get("/policy", Some(&ann)).await.status, StatusCode::FORBIDDEN);
    assert_eq!(stage.get("/sessions", Some(&ann)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn whom_the_agent_acts_for_is_told_why_they_cannot_decide() {
    let stage = Stage::new();
    let olga = stage.browser("olga", &[Role::Approver]).await;
    let call = stage.hold(r#"{"amount":1}"#).await;
    let page = stage.get(&format!("/holds/{call}"), Some(&olga)).await;
    assert!(page.text.contains("You cannot decide this"));
    assert!(page.text.contains("who cannot approve its calls as well"), "{}", page.text);
    assert!(!page.text.contains("/vote\""));
    let inbox = stage.get("/holds", Some(&olga)).await;
    assert!(inbox.text.contains("Nothing waits for you."));
}

#[tokio::test]
async fn reading_pages_changes_nothing_but_that_it_was_seen() {
    let stage = Stage::new();
    let ada = stage.browser("ada", &[Role::Approver, Role::Administrator]).await;
    let call = stage.hold(r#"{"amount":1}"#).await;
    let before = stage.events().len();
    let paths = ["/", "/holds", "/holds?show=all", "/holds?show=decided", "/sessions", "/people"];
    let more = [format!("/holds/{call}"), "/policy".to_owned(), "/help".to_owned()];
    for path in paths.into_iter().map(str::to_owned).chain(more) {
        for method in ["HEAD", "GET", "GET"] {
            let request = Request::builder().method(method).uri(&path);
            let request = request.header("cookie", &ada.cookies).body(Body::empty()).unwrap();
            let answer = stage.send(request).await;
            assert_eq!(answer.status, StatusCode::OK, "{method} {path}: {}", answer.text);
        }
    }
    for action in ["vote", "comment", "edit", "break-glass", "take-back", "grant"] {
        let answer = stage.get(&format!("/holds/{call}/{action}"), Some(&ada)).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{action}");
    }
    let events = stage.events();
    let after: Vec<&Event> = events.iter().skip(before).collect();
    assert!(matches!(after.as_slice(), [Event::HoldViewed(_)]), "once, whoever often: {after:?}");
}

#[tokio::test]
async fn every_page_is_fenced_in_and_kept_by_nobody() {
    let stage = Stage::new();
    let ada = stage.browser("ada", &[Role::Approver]).await;
    let call = stage.hold(r#"{"to":"<script>alert(1)</script>"}"#).await;
    let hold = format!("/holds/{call}");
    for (path, browser) in
        [("/sign-in", None), ("/", Some(&ada)), (&hold, Some(&ada)), ("/people", Some(&ada))]
    {
        let answer = stage.get(path, browser).await;
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}");
        assert_eq!(answer.headers["x-frame-options"], "DENY", "{path}");
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer", "{path}");
        assert!(!answer.text.contains("<script>alert"), "{path}");
    }
}

#[tokio::test]
async fn only_administrators_say_who_is_who() {
    let stage = Stage::new();
    let ada = stage.browser("ada", &[Role::Approver]).await;
    let root = stage.browser("root", &[Role::Administrator]).await;
    let page = stage.get("/people", Some(&ada)).await;
    assert!(!page.text.contains("Invite somebody"));
    let page = stage.get("/people", Some(&root)).await;
    let csrf = page.field("action=\"/people/invite\"", "csrf");
    let mut fields = vec![
        ("csrf", csrf.as_str()),
        ("email", "eve@example.com"),
        ("name", "Eve"),
        ("role", "approver"),
        ("role", "analyst"),
    ];
    let answer = stage.post("/people/invite", Some(&root), &fields).await;
    assert!(answer.text.contains("/set-password?token="), "{}", answer.text);
    let eve = stage.accounts.list().unwrap().into_iter().find(|it| &*it.profile.name == "Eve");
    assert_eq!(eve.unwrap().profile.roles, [Role::Approver, Role::Analyst].into());
    let own = ada.sign_in.form_token(stage.site.key(), &["people"]);
    fields[0].1 = &own;
    fields[1].1 = "mallory@example.com";
    let answer = stage.post("/people/invite", Some(&ada), &fields).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let fields = [("csrf", csrf.as_str()), ("email", "root@example.com"), ("reason", "bye")];
    let answer = stage.post("/people/revoke", Some(&root), &fields).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "not themselves");
    let fields = [("csrf", csrf.as_str()), ("email", "ada@example.com"), ("reason", "left")];
    stage.post("/people/revoke", Some(&root), &fields).await;
    assert!(stage.desk.is_person_revoked("ada@example.com"));
}

#[tokio::test]
async fn who_reads_is_told_that_something_changed_and_nothing_of_what() {
    let stage = Stage::new();
    let ada = stage.browser("ada", &[Role::Approver]).await;
    let request = Request::get("/holds/events").header("cookie", &ada.cookies);
    let request = request.body(Body::empty()).unwrap();
    let response = stage.site.router().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut told = response.into_body().into_data_stream();
    let call = stage.hold(r#"{"to":"a secret"}"#).await;
    let piece = told.next().await.unwrap().unwrap();
    let text = std::str::from_utf8(&piece).unwrap();
    assert!(text.contains("event: changed") && text.contains(&call.to_string()), "{text}");
    assert!(!text.contains("secret") && !text.contains("refund"), "{text}");
}

#[tokio::test]
async fn events_are_for_this_machine_and_for_who_has_the_right() {
    let stage = Stage::new();
    let ada = stage.browser("ada", &[Role::Approver]).await;
    let root = stage.browser("root", &[Role::Administrator]).await;
    let site = Some(stage.site.clone());
    let reader = std::sync::Arc::clone(stage.ledger.reader());
    let routes = crate::ledger_routes(reader, stage.ledger.keys().clone(), site);
    let token = |browser: &Browser| browser.sign_in.seal(stage.site.key()).unwrap();
    let ask = async |header: &str, value: String, peer: [u8; 4]| {
        let request = Request::get("/api/v1/events").header(header, value);
        let mut request = request.header("host", "127.0.0.1").body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((peer, 999))));
        routes.clone().oneshot(request).await.unwrap().status()
    };
    let (near, far) = ([127, 0, 0, 1], [10, 0, 0, 7]);
    let bearer = |token: String| format!("Bearer {token}");
    assert_eq!(ask("x-nothing", String::new(), near).await, StatusCode::OK);
    assert_eq!(ask("x-nothing", String::new(), far).await, StatusCode::FORBIDDEN);
    assert_eq!(ask("x-forwarded-for", "1.2.3.4".to_owned(), near).await, StatusCode::FORBIDDEN);
    assert_eq!(ask("authorization", bearer(token(&ada)), far).await, StatusCode::OK);
    assert_eq!(ask("cookie", ada.cookies.clone(), far).await, StatusCode::OK);
    assert_eq!(ask("authorization", bearer(token(&root)), far).await, StatusCode::FORBIDDEN);
    assert_eq!(ask("authorization", bearer(OPERATOR.to_owned()), far).await, StatusCode::OK);
    assert_eq!(ask("authorization", bearer("csop_x".to_owned()), far).await, StatusCode::FORBIDDEN);
}
