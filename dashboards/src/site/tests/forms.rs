//! Forms that decide.

use super::stage::{Form, Stage};
use events::{Event, Risk, Vote};
use http::StatusCode;
use identity::role::Role;

const APPROVER: &[Role] = &[Role::Approver];

#[tokio::test]
async fn an_approver_reads_a_call_and_lets_it_go_and_the_vote_says_what_was_shown() {
    let stage = Stage::new();
    let ada = stage.browser("ada", APPROVER).await;
    let call = stage.hold(r#"{"amount":100,"to":"x"}"#).await;
    let inbox = stage.get("/holds", Some(&ada)).await;
    assert!(inbox.text.contains(&format!("/holds/{call}")));
    let form = stage.form(&ada, call, "approve").await.with("comment", "checked");
    stage.pass(30);
    let answer = stage.vote(&ada, call, &form).await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::SEE_OTHER, &*format!("/holds/{call}"))
    );
    assert_eq!(stage.state(call), "granted");
    let hold = stage.view(call).hold;
    let vote = &hold.votes[0].fact;
    let view = vote.view.as_ref().unwrap();
    assert_eq!((view.open_ms, vote.reason.as_deref()), (30_000, Some("checked")));
    assert_eq!(hold.views[0].fact.view, view.digest, "what was looked at is what was voted on");
    let page = stage.get(&format!("/holds/{call}"), Some(&ada)).await;
    assert!(page.text.contains("Approved by"));
}

#[tokio::test]
async fn a_form_is_good_for_its_person_its_verdict_and_our_own_pages_alone() {
    let stage = Stage::new();
    let ada = stage.browser("ada", APPROVER).await;
    let ben = stage.browser("ben", APPROVER).await;
    let call = stage.hold(r#"{"amount":1}"#).await;
    let (other, path) = (stage.hold(r#"{"amount":2}"#).await, format!("/holds/{call}/vote"));
    let form = stage.form(&ada, call, "reject").await;
    let turned = form.clone().with("verdict", "approve");
    assert_eq!(
        stage.vote(&ada, call, &turned).await.status,
        StatusCode::FORBIDDEN,
        "other verdict"
    );
    assert_eq!(stage.vote(&ben, call, &form).await.status, StatusCode::FORBIDDEN, "other person");
    assert_eq!(stage.vote(&ada, other, &form).await.status, StatusCode::FORBIDDEN, "other call");
    let later = form.clone().with("version", "2");
    assert_eq!(stage.vote(&ada, call, &later).await.status, StatusCode::FORBIDDEN, "other version");
    let fields: Vec<(&str, &str)> = form.0.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    for site in ["cross-site", "same-site", "none"] {
        let answer = stage.post_as(&path, (&ada.cookies, site), &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{site}");
    }
    let half = ada.cookies.split(';').next().unwrap();
    let answer = stage.post_as(&path, (half, "same-origin"), &fields).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "without the cookie of our own pages");
    assert_eq!((stage.state(call), stage.state(other)), ("pending", "pending"));
    let refused = |event: &&Event| matches!(event, Event::PersonRefused(_));
    assert_eq!(stage.events().iter().filter(refused).count(), 5, "what a known person tried");
    assert_eq!(stage.vote(&ada, call, &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(stage.state(call), "refused");
}

#[tokio::test]
async fn a_vote_says_what_was_on_the_screen_and_nobody_can_make_that_up() {
    let stage = Stage::new();
    let ada = stage.browser("ada", APPROVER).await;
    let call = stage.hold(r#"{"amount":1}"#).await;
    let form = stage.form(&ada, call, "approve").await;
    let earlier = format!("1{}", &form.0.iter().find(|(name, _)| name == "shown").unwrap().1);
    for (field, value) in [("shown", ""), ("shown", &*earlier), ("view", &"0".repeat(64))] {
        let answer = stage.vote(&ada, call, &form.clone().with(field, value)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
    }
    assert_eq!(stage.state(call), "pending");
}

#[tokio::test]
async fn what_is_folded_has_to_be_opened_before_a_yes_and_not_before_a_no() {
    let stage = Stage::new();
    let ada = stage.browser("ada", APPROVER).await;
    let long = format!(r#"{{"note":"{}"}}"#, "word ".repeat(2000));
    let call = stage.hold(&long).await;
    let form = stage.form(&ada, call, "approve").await;
    let answer = stage.vote(&ada, call, &form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text.contains("1 part was not opened"));
    let answer = stage.vote(&ada, call, &form.clone().with("opened", "section-9")).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "there is no such part");
    let answer = stage.vote(&ada, call, &form.with("opened", "section-1")).await;
    assert_eq!((answer.status, stage.state(call)), (StatusCode::SEE_OTHER, "granted"));
    let second = stage.hold(&long.replace("word", "term")).await;
    let form = stage.form(&ada, second, "reject").await;
    assert_eq!(stage.vote(&ada, second, &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(stage.state(second), "refused");
}

#[tokio::test]
async fn a_grave_call_is_approved_only_with_its_value_written_again() {
    let stage = Stage::new();
    let ada = stage.browser("ada", APPROVER).await;
    let call = stage.hold_by(r#"{"amount":4250.00}"#, Risk::Critical, "role:approver").await;
    let form = stage.form(&ada, call, "approve").await;
    for wrong in ["", "4250", "425.00"] {
        let answer = stage.vote(&ada, call, &form.clone().with("challenge", wrong)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    let answer = stage.vote(&ada, call, &form.with("challenge", " 4250.00 ")).await;
    assert_eq!((answer.status, stage.state(call)), (StatusCode::SEE_OTHER, "granted"));
}

#[tokio::test]
async fn a_vote_on_what_was_changed_or_decided_meanwhile_shows_the_page_as_it_is() {
    let stage = Stage::new();
    let ada = stage.browser("ada", APPROVER).await;
    let ben = stage.browser("ben", APPROVER).await;
    let call = stage.hold(r#"{"amount":100}"#).await;
    let old = stage.form(&ada, call, "approve").await;
    let page = stage.get(&format!("/holds/{call}"), Some(&ben)).await;
    let edit = |field: &str| page.field(&format!("/holds/{call}/edit"), field);
    let (version, csrf, digest) = (edit("version"), edit("csrf"), edit("call"));
    let mut fields = vec![
        ("version", version.as_str()),
        ("csrf", &csrf),
        ("call", &digest),
        ("arguments", r#"{"amount":"forbidden"}"#),
    ];
    let path = format!("/holds/{call}/edit");
    let refused = stage.post(&path, Some(&ben), &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "the policy is asked again");
    fields[3].1 = r#"{"amount":50}"#;
    assert_eq!(stage.post(&path, Some(&ben), &fields).await.status, StatusCode::SEE_OTHER);
    assert_eq!(stage.view(call).hold.version, 2);
    let answer = stage.vote(&ada, call, &old).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.text.contains("The call was changed since it was shown"), "{}", answer.text);
    let mine = stage.get(&format!("/holds/{call}"), Some(&ben)).await;
    assert!(mine.text.contains("somebody else has to approve it"), "{}", mine.text);
    let form = Form::of(&answer, "approve");
    assert_eq!(stage.vote(&ada, call, &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(stage.state(call), "granted");
    let second = stage.hold(r#"{"amount":7}"#).await;
    let (late, first) =
        (stage.form(&ben, second, "approve").await, stage.form(&ada, second, "reject").await);
    stage.vote(&ada, second, &first).await;
    let answer = stage.vote(&ben, second, &late).await;
    assert_eq!((answer.status, stage.state(second)), (StatusCode::CONFLICT, "refused"));
    assert!(answer.text.contains("already"), "{}", answer.text);
}

#[tokio::test]
async fn the_glass_is_broken_by_who_may_with_a_reason_and_sure_of_it() {
    let stage = Stage::new();
    let root = stage.browser("root", &[Role::Administrator]).await;
    let ada = stage.browser("ada", APPROVER).await;
    let call = stage.hold(r#"{"amount":1}"#).await;
    let page = stage.get(&format!("/holds/{call}"), Some(&ada)).await;
    assert!(!page.text.contains("Break the glass"));
    let page = stage.get(&format!("/holds/{call}"), Some(&root)).await;
    assert!(page.text.contains("You cannot decide this"), "an administrator does not vote");
    let path = format!("/holds/{call}/break-glass");
    let names = ["version", "csrf", "call", "view", "shown"];
    let values = names.map(|name| page.field(&format!("action=\"{path}\""), name));
    let mut fields: Vec<(&str, &str)> =
        names.into_iter().zip(values.iter().map(String::as_str)).collect();
    let answer = stage.post(&path, Some(&root), &fields).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "not sure");
    fields.push(("sure", "yes"));
    let answer = stage.post(&path, Some(&root), &fields).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "no reason");
    fields.push(("comment", "the house burns"));
    let answer = stage.post(&path, Some(&root), &fields).await;
    assert_eq!((answer.status, stage.state(call)), (StatusCode::SEE_OTHER, "granted"));
    let page = stage.get(&format!("/holds/{call}"), Some(&ada)).await;
    assert!(page.text.contains("Let through by breaking the glass"));
}

#[tokio::test]
async fn an_approved_call_can_be_taken_back_and_others_like_it_allowed_for_a_time() {
    let stage = Stage::new();
    let ada = stage.browser("ada", APPROVER).await;
    let call = stage.hold(r#"{"amount":100,"to":"x"}"#).await;
    let form = stage.form(&ada, call, "approve").await;
    stage.vote(&ada, call, &form).await;
    let page = stage.get(&format!("/holds/{call}"), Some(&ada)).await;
    let grant = page.field(&format!("/holds/{call}/grant"), "csrf");
    let fields = [
        ("csrf", grant.as_str()),
        ("rule:/amount", "most"),
        ("most:/amount", "100"),
        ("rule:/to", "equal"),
        ("calls", "3"),
        ("minutes", "10"),
    ];
    let answer = stage.post(&format!("/holds/{call}/grant"), Some(&ada), &fields).await;
    assert_eq!(answer.location(), "/policy");
    let policy = stage.get("/policy", Some(&ada)).await;
    assert!(policy.text.contains("from 0 to 100") && policy.text.contains("3 of 3 calls left"));
    let csrf = policy.field("action=\"/grants/", "csrf");
    let (id, _) = stage.desk.grants().pop().unwrap();
    let path = format!("/grants/{id}/revoke");
    stage.post(&path, Some(&ada), &[("csrf", &csrf), ("reason", "enough")]).await;
    assert!(stage.desk.grants().pop().unwrap().1.ended.is_some());
    let back = page.field(&format!("/holds/{call}/take-back"), "csrf");
    let fields = [("csrf", back.as_str()), ("comment", "a mistake")];
    stage.post(&format!("/holds/{call}/take-back"), Some(&ada), &fields).await;
    assert_eq!(stage.state(call), "withdrawn");
}

#[tokio::test]
async fn who_stands_in_for_another_votes_in_their_place() {
    let stage = Stage::new();
    let ada = stage.browser("ada", APPROVER).await;
    let cy = stage.browser("cy", &[]).await;
    let call = stage.hold(r#"{"amount":1}"#).await;
    let path = format!("/holds/{call}");
    assert_eq!(stage.get(&path, Some(&cy)).await.status, StatusCode::FORBIDDEN);
    let page = stage.get("/people", Some(&ada)).await;
    let csrf = page.field("action=\"/delegations\"", "csrf");
    let fields =
        [("csrf", csrf.as_str()), ("to", "cy@example.com"), ("days", "3"), ("reason", "holidays")];
    assert_eq!(stage.post("/delegations", Some(&ada), &fields).await.location(), "/people");
    let form = stage.form(&cy, call, "approve").await;
    stage.vote(&cy, call, &form).await;
    let hold = stage.view(call).hold;
    let vote = &hold.votes[0].fact;
    assert_eq!((&*vote.by.email, vote.vote), ("cy@example.com", Vote::Approve));
    assert_eq!(&*vote.for_person.as_ref().unwrap().email, "ada@example.com");
}
