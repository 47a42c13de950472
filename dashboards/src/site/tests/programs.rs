//! Programs, with tokens.

use super::stage::{OPERATOR, Stage};
use events::Risk;
use http::StatusCode;
use identity::role::Role;
use serde_json::{Value, json};

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn a_program_with_a_person_s_token_lists_reads_and_votes() {
    let stage = Stage::new();
    let ada = stage.browser("ada", &[Role::Approver]).await;
    let token = ada.sign_in.seal(stage.site.key()).unwrap();
    let call = stage.hold(r#"{"amount": 1.0}"#).await;
    let list = stage.program(("GET", "/api/v1/holds"), &token, None).await;
    assert_eq!(value(&list.text)["holds"][0]["id"], call.to_string());
    let path = format!("/api/v1/holds/{call}");
    let shown = value(&stage.program(("GET", &path), &token, None).await.text);
    assert_eq!(
        (&shown["arguments"], &shown["may_not_vote"]),
        (&json!(r#"{"amount": 1.0}"#), &Value::Null)
    );
    let votes = format!("{path}/votes");
    let old = json!({ "vote": "approve", "digest": "0".repeat(64), "version": 1 });
    let answer = stage.program(("POST", &votes), &token, Some(old)).await;
    assert_eq!(
        (answer.status, &value(&answer.text)["code"]),
        (StatusCode::CONFLICT, &json!("stale"))
    );
    let vote = json!({ "vote": "approve", "digest": shown["digest"], "version": 1 });
    let answer = stage.program(("POST", &votes), &token, Some(vote.clone())).await;
    assert_eq!(value(&answer.text)["state"], "granted");
    let again = stage.program(("POST", &votes), &token, Some(vote)).await;
    assert_eq!((again.status, &value(&again.text)["changed"]), (StatusCode::OK, &json!(false)));
}

#[tokio::test]
async fn programs_have_to_show_a_token_and_cookies_are_none() {
    let stage = Stage::new();
    let ada = stage.browser("ada", &[Role::Approver]).await;
    for path in ["/api/v1/holds", "/api/v1/holds/call_00000000000000000000000001"] {
        let answer = stage.get(path, Some(&ada)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let answer = stage.program(("GET", path), "csop_wrong", None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn the_operator_s_key_votes_only_where_a_rule_names_operators() {
    let stage = Stage::new();
    let theirs = stage.hold(r#"{"amount":1}"#).await;
    let own = stage.hold_by(r#"{"amount":2}"#, Risk::Low, "role:operator").await;
    for (call, status) in [(theirs, StatusCode::FORBIDDEN), (own, StatusCode::OK)] {
        let hold = stage.view(call).hold;
        let vote = json!({ "vote": "approve", "digest": hold.digest, "version": hold.version });
        let path = format!("/api/v1/holds/{call}/votes");
        let answer = stage.program(("POST", &path), OPERATOR, Some(vote)).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    assert_eq!((stage.state(theirs), stage.state(own)), ("pending", "granted"));
    let path = format!("/api/v1/holds/{theirs}/withdrawal");
    let why = Some(json!({ "reason": "not needed any more" }));
    let answer = stage.program(("POST", &path), OPERATOR, why).await;
    assert_eq!((answer.status, stage.state(theirs)), (StatusCode::OK, "withdrawn"));
}

#[tokio::test]
async fn agents_and_people_are_stopped_and_let_in_again_by_who_may() {
    let stage = Stage::new();
    let ada = stage.browser("ada", &[Role::Approver]).await;
    let token = ada.sign_in.seal(stage.site.key()).unwrap();
    let call = stage.hold(r#"{"amount":1}"#).await;
    let why = || Some(json!({ "reason": "it runs wild" }));
    let path = "/api/v1/agents/bot/revocation";
    let answer = stage.program(("POST", path), &token, why()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(!stage.desk.is_agent_revoked("bot"));
    let answer = stage.program(("POST", path), OPERATOR, why()).await;
    assert_eq!(value(&answer.text)["withdrawn"], 1);
    assert!(stage.desk.is_agent_revoked("bot"));
    assert_eq!(stage.state(call), "withdrawn");
    stage.program(("DELETE", path), OPERATOR, why()).await;
    assert!(!stage.desk.is_agent_revoked("bot"));
    let unknown = stage.program(("POST", "/api/v1/agents/x/revocation"), OPERATOR, why()).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let path = "/api/v1/people/ada@example.com/revocation";
    stage.program(("POST", path), OPERATOR, why()).await;
    let answer = stage.program(("GET", "/api/v1/holds"), &token, None).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "her token is nobody's any more");
}

#[tokio::test]
async fn the_operator_s_key_gets_a_link_for_who_lost_a_password() {
    let stage = Stage::new();
    let body = json!({ "email": "eve@example.com", "name": "Eve", "roles": ["approver"] });
    let answer = stage.program(("POST", "/api/v1/people"), OPERATOR, Some(body.clone())).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let again = stage.program(("POST", "/api/v1/people"), OPERATOR, Some(body)).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    let path = "/api/v1/people/eve@example.com/link";
    let answer = stage.program(("POST", path), OPERATOR, None).await;
    let link = value(&answer.text)["link"].as_str().unwrap().to_owned();
    let path = link.strip_prefix("http://127.0.0.1:8081").unwrap();
    assert_eq!(stage.get(path, None).await.status, StatusCode::OK);
}
