//! Getting in and out.

use super::stage::Stage;
use events::Event;
use http::{StatusCode, header};
use identity::role::Role;
use std::sync::Arc;

const PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn who_is_not_signed_in_is_led_to_the_sign_in_and_back() {
    let stage = Stage::new();
    let call = stage.hold(r#"{"amount":1}"#).await;
    for path in ["/", "/holds", "/sessions", "/people", "/policy", "/help"] {
        let answer = stage.get(path, None).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.location().starts_with("/sign-in?next=/"), "{path}");
    }
    let path = format!("/holds/{call}");
    assert_eq!(stage.get(&path, None).await.location(), format!("/sign-in?next={path}"));
    let form = [("csrf", "x"), ("verdict", "approve")];
    let answer = stage.post(&format!("{path}/vote"), None, &form).await;
    assert!(answer.location().starts_with("/sign-in"));
    assert_eq!(stage.get("/holds/events", None).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stage.state(call), "pending");
}

#[tokio::test]
async fn a_link_sets_a_password_once_and_a_sign_in_is_on_record_with_its_cookie() {
    let stage = Stage::new();
    let token = stage.invite("ada", &[Role::Approver]);
    let page = stage.get(&format!("/set-password?token={token}"), None).await;
    assert_eq!((page.status, stage.events().len()), (StatusCode::OK, 0), "looking uses nothing up");
    let fields = [("token", token.as_str()), ("password", PASSWORD), ("again", PASSWORD)];
    let answer = stage.post("/set-password", None, &fields).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/"));
    let cookies: Vec<&str> =
        answer.headers.get_all(header::SET_COOKIE).iter().map(|it| it.to_str().unwrap()).collect();
    assert!(
        cookies[0].starts_with("countersign=") && cookies[0].contains("; HttpOnly; SameSite=Lax")
    );
    assert!(cookies[1].starts_with("countersign-own=") && cookies[1].contains("SameSite=Strict"));
    let events = stage.events();
    let Some(Event::PersonSignedIn(fact)) = events.last() else { panic!("{events:?}") };
    assert_eq!((&*fact.method, fact.peer.as_deref()), ("link", Some("10.0.0.7")));
    let answer = stage.post("/set-password", None, &fields).await;
    assert_eq!(answer.status, StatusCode::GONE, "a second time");
    let fields = [("email", "ada@example.com"), ("password", PASSWORD), ("next", "//evil.example")];
    let answer = stage.post("/sign-in", None, &fields).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/"), "not elsewhere");
}

#[tokio::test]
async fn who_sets_a_new_password_is_signed_out_everywhere_else() {
    let stage = Stage::new();
    let before = stage.browser("ada", &[Role::Approver]).await;
    let email = "ada@example.com".parse().unwrap();
    let hour = std::time::Duration::from_hours(1);
    let token = stage.accounts.renew_link(&email, stage.now(), hour).unwrap();
    assert_eq!(stage.get("/", Some(&before)).await.status, StatusCode::OK);
    let fields = [("token", token.as_str()), ("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(stage.post("/set-password", None, &fields).await.location(), "/");
    assert!(stage.get("/", Some(&before)).await.location().starts_with("/sign-in"));
}

#[tokio::test]
async fn wrong_passwords_are_on_record_and_soon_have_to_wait() {
    let stage = Stage::new();
    stage.invite("ada", &[Role::Approver]);
    let fields = [("email", "ada@example.com"), ("password", "wrong")];
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(stage.post("/sign-in", None, &fields).await.status);
    }
    let (wrong, late) = statuses.split_at(5);
    assert!(wrong.iter().all(|status| *status == StatusCode::UNAUTHORIZED), "{statuses:?}");
    assert!(late.iter().all(|status| *status == StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
    let events = stage.events();
    let failed = |event: &&Event| matches!(event, Event::SignInFailed(_));
    assert_eq!(events.iter().filter(failed).count(), 5, "what has to wait is not tried");
}

#[tokio::test]
async fn a_sign_in_ends_when_it_is_signed_out_or_revoked_or_over() {
    let stage = Stage::new();
    let ada = stage.browser("ada", &[Role::Approver]).await;
    let ben = stage.browser("ben", &[Role::Approver]).await;
    let cy = stage.browser("cy", &[Role::Approver]).await;
    let page = stage.get("/", Some(&ada)).await;
    let csrf = page.field("action=\"/sign-out\"", "csrf");
    let answer = stage.post("/sign-out", Some(&ada), &[("csrf", &csrf)]).await;
    assert_eq!(answer.location(), "/sign-in");
    assert!(stage.get("/", Some(&ada)).await.location().starts_with("/sign-in"));
    let by: Arc<str> = "operator".into();
    let email = ben.sign_in.profile.email.text();
    stage.desk.revoke_person(Arc::clone(&email), Arc::clone(&by), "left".into()).await.unwrap();
    assert!(stage.get("/", Some(&ben)).await.location().starts_with("/sign-in"));
    stage.desk.restore_person(email, by, "came back".into()).await.unwrap();
    let is_back = stage.get("/", Some(&ben)).await.location().is_empty();
    assert!(!is_back, "what was ended stays so");
    assert_eq!(stage.get("/", Some(&cy)).await.status, StatusCode::OK);
    stage.pass(12 * 3600);
    assert!(stage.get("/", Some(&cy)).await.location().starts_with("/sign-in"));
}

#[tokio::test]
async fn roles_that_are_taken_away_are_gone_at_the_next_request() {
    let stage = Stage::new();
    let ada = stage.browser("ada", &[Role::Approver]).await;
    assert_eq!(stage.get("/sessions", Some(&ada)).await.status, StatusCode::OK);
    let email = "ada@example.com".parse().unwrap();
    stage.accounts.set_roles(&email, [].into(), [].into()).unwrap();
    assert_eq!(stage.get("/sessions", Some(&ada)).await.status, StatusCode::FORBIDDEN);
    stage.accounts.set_disabled(&email, true).unwrap();
    assert!(stage.get("/sessions", Some(&ada)).await.location().starts_with("/sign-in"));
}
