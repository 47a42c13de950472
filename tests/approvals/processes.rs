//! People decide in another process than the one that holds the calls: nothing is lost, made twice
//! or made without them, whichever of the two is killed, and when.

use serde_json::{Value, json};
use tests::patience::until;

use crate::call::Call;
use crate::pair::{Pair, SHARED_KEY, id};

/// Long enough for people in a suite.
const PATIENT: &str = "60s";

/// So short that an agent is always told to ask again.
const HASTY: &str = "1s";

fn is_told(answer: &Value, what: &str) -> bool {
    answer.to_string().contains(what)
}

#[test]
fn a_call_is_made_once_when_people_allow_it_in_another_process() {
    let pair = Pair::start(PATIENT);
    let asked = pair.calling(&Call::of("AAAAAA"));
    let hold = pair.held();
    let shown = pair.shown(&hold);
    assert_eq!(shown["arguments"], json!("{\"reservation_id\":\"AAAAAA\"}"), "{shown}");
    assert_eq!(pair.server.calls().len(), 0, "nothing was sent");
    // Whoever votes is answered with what it came to.
    assert_ne!(pair.vote(&hold, "approve"), "pending");
    let answer = asked.join().unwrap();
    assert!(is_told(&answer, "done"), "{answer}");
    pair.comes_to(&hold, "dispatched");
    let (here, there) = (pair.service.records(), pair.gateway.records());
    let vote = |records: &tests::records::Records| {
        let found = records.events.iter().find(|it| it.event.kind() == "hold.voted").unwrap();
        (found.id, found.time, found.event.clone())
    };
    assert_eq!(vote(&here), vote(&there), "the same word is on record in both");
    assert_eq!(here.count("call.dispatched"), 0, "what is made is on record where it is made");
    pair.end(1);
}

#[test]
fn a_call_that_is_rejected_in_another_process_is_never_made() {
    let pair = Pair::start(PATIENT);
    let asked = pair.calling(&Call::of("AAAAAA"));
    let hold = pair.held();
    assert_eq!(pair.vote(&hold, "reject"), "refused");
    let answer = asked.join().unwrap();
    assert!(is_told(&answer, "operator rejected this call"), "{answer}");
    pair.end(0);
}

#[test]
fn a_vote_counts_when_the_gateway_is_back_though_both_were_killed_since() {
    let mut pair = Pair::start(HASTY);
    let call = &Call::of("AAAAAA");
    pair.call(call);
    let hold = pair.held();
    pair.gateway.kill();
    assert_eq!(pair.vote(&hold, "approve"), "pending", "whoever holds it has not heard of it");
    pair.service.kill();
    assert_eq!(pair.service.records().count("hold.voted"), 1);
    pair.gateway.start();
    let answer = pair.call(call);
    assert!(!is_told(&answer, "done"), "nobody has told the gateway: {answer}");
    pair.service.start();
    pair.insist(call);
    pair.comes_to(&hold, "dispatched");
    pair.end(1);
}

#[test]
fn a_grant_that_the_service_did_not_learn_of_is_made_without_it_and_learnt_later() {
    let mut pair = Pair::start(HASTY);
    let call = &Call::of("AAAAAA");
    pair.call(call);
    let hold = pair.held();
    pair.gateway.kill();
    pair.vote(&hold, "approve");
    pair.gateway.start();
    pair.gateway.has("hold.granted", 1);
    pair.service.kill();
    // The ledger of the gateway says all that is needed, also after it was killed.
    pair.gateway.kill();
    pair.gateway.start();
    pair.insist(call);
    let again = pair.call(call);
    assert!(!is_told(&again, "done"), "a grant is good for one call: {again}");
    pair.service.start();
    pair.comes_to(&hold, "dispatched");
    pair.end(1);
}

#[test]
fn the_service_finds_what_waits_again_when_it_was_killed() {
    let mut pair = Pair::start(PATIENT);
    let asked = pair.calling(&Call::of("AAAAAA"));
    let hold = pair.held();
    pair.service.kill();
    pair.service.start();
    let found = pair.held();
    assert_eq!(id(&found), id(&hold));
    until("what would run is shown again", || pair.shown(&found)["arguments"].as_str().map(drop));
    pair.vote(&found, "approve");
    let answer = asked.join().unwrap();
    assert!(is_told(&answer, "done"), "{answer}");
    assert_eq!(pair.service.records().count("call.held"), 1, "it was put before people once");
    pair.end(1);
}

#[test]
fn a_call_that_was_held_when_the_gateway_was_killed_is_made_when_it_is_asked_for_again() {
    let mut pair = Pair::start(HASTY);
    let call = &Call::of("AAAAAA");
    pair.call(call);
    let hold = pair.held();
    pair.gateway.kill();
    pair.gateway.start();
    pair.vote(&hold, "approve");
    pair.insist(call);
    assert_eq!(pair.gateway.records().count("call.held"), 1, "one hold");
    pair.end(1);
}

#[test]
fn without_the_service_a_call_waits_and_expires_as_a_no() {
    let mut pair =
        Pair::with(PATIENT, "@approvers(\"1 of role:operator\")\n@expires(\"3s\")", "SHARED");
    pair.service.kill();
    let answer = pair.call(&Call::of("AAAAAA"));
    assert!(is_told(&answer, "Nobody allowed this call in time"), "{answer}");
    pair.service.start();
    pair.service.has("gateway.started", 2);
    pair.end(0);
}

#[test]
fn what_comes_too_late_at_the_gateway_does_not_count_and_the_service_learns_so() {
    let mut pair =
        Pair::with(HASTY, "@approvers(\"1 of role:operator\")\n@expires(\"6s\")", "SHARED");
    pair.call(&Call::of("AAAAAA"));
    let hold = pair.held();
    pair.gateway.kill();
    pair.vote(&hold, "approve");
    pair.service.kill();
    pair.gateway.start();
    pair.gateway.has("hold.expired", 1);
    pair.service.start();
    pair.comes_to(&hold, "expired");
    pair.end(0);
}

#[test]
fn an_agent_that_is_revoked_at_the_service_is_stopped_at_the_gateway() {
    let pair = Pair::start(PATIENT);
    let asked = pair.calling(&Call::of("AAAAAA"));
    let hold = pair.held();
    let path = "/api/v1/agents/bot/revocation";
    let revoked = pair.service.ask(("POST", path), &json!({"reason": "it went astray"}));
    assert_eq!(revoked.status(), 200, "{revoked:?}");
    let answer = asked.join().unwrap();
    assert!(is_told(&answer, "revoked"), "{answer}");
    pair.comes_to(&hold, "withdrawn");
    pair.end(0);
}

#[test]
fn what_was_allowed_can_be_taken_back_until_it_is_made() {
    let pair = Pair::start(HASTY);
    let call = &Call::of("AAAAAA");
    pair.call(call);
    let hold = pair.held();
    assert_eq!(pair.vote(&hold, "approve"), "granted");
    let path = format!("/api/v1/holds/{}/withdrawal", id(&hold));
    let taken = pair.service.ask(("POST", &path), &json!({"reason": "on second thoughts"}));
    assert_eq!((taken.status(), &taken.json()["state"]), (200, &json!("withdrawn")));
    let answer = pair.call(call);
    assert!(!is_told(&answer, "done"), "it is asked for anew: {answer}");
    pair.end(0);
}

#[test]
fn an_edit_is_made_where_the_call_is_held_and_voted_on_where_people_are() {
    let mut pair = Pair::start(HASTY);
    let call = &Call::of("AAAAAA");
    pair.call(call);
    let hold = pair.held();
    let voter = json!({
        "person": {"email": "grace@example.com", "id": "local:grace@example.com"},
        "groups": [], "roles": ["operator"], "sign_in": null, "channel": "web",
    });
    let order = json!({"edit": [id(&hold), {
        "voter": voter, "shown": hold["digest"], "version": hold["version"],
        "arguments": "{\"reservation_id\": \"BBBBBB\"}", "reason": null,
    }]});
    let orders = ("POST", "/api/v1/held/orders");
    let done = pair.gateway.ask_as(SHARED_KEY, orders, &order.to_string());
    assert_eq!(done.status(), 200, "{done:?}");
    let shown = until("the edit is known where people are", || {
        Some(pair.shown(&hold)).filter(|shown| shown["version"] == 2)
    });
    assert_eq!(shown["arguments"], json!("{\"reservation_id\":\"BBBBBB\"}"), "{shown}");
    pair.vote(&shown, "approve");
    pair.gateway.kill();
    pair.gateway.start();
    pair.insist(call);
    let made = pair.server.calls().first().unwrap().params["arguments"].clone();
    assert_eq!(made, json!({"reservation_id": "BBBBBB"}));
    pair.end(1);
}

#[test]
fn nobody_but_the_two_hears_what_they_tell_each_other() {
    let pair = Pair::with(HASTY, "@approvers(\"1 of role:operator\")", "OTHER");
    pair.call(&Call::of("AAAAAA"));
    for path in ["/api/v1/feed", "/api/v1/held/agents", "/api/v1/held/policies"] {
        for key in ["", "another-secret-here", "csk-of-somebody-else"] {
            let answer = pair.gateway.ask_as(key, ("GET", path), "");
            assert_eq!(answer.status(), 401, "{path} {key}");
        }
        let answer = pair.gateway.ask_as(SHARED_KEY, ("GET", path), "");
        assert_eq!(answer.status(), 200, "{path}");
    }
    let ready = pair.service.ask(("GET", "/readyz"), &Value::Null);
    let said = String::from_utf8_lossy(&ready.body).into_owned();
    assert!(said.contains("gateway one does not answer"), "{said}");
    let holds = pair.service.ask(("GET", "/api/v1/holds"), &Value::Null).json();
    assert_eq!(holds, json!({"holds": []}), "with a wrong secret nothing is told");
    pair.end(0);
}

#[test]
fn nobody_votes_at_the_gateway_itself() {
    let pair = Pair::start(HASTY);
    pair.call(&Call::of("AAAAAA"));
    let hold = pair.held();
    let path = format!("/api/v1/holds/{}/votes", id(&hold));
    let vote = json!({"vote": "approve", "digest": hold["digest"], "version": 1});
    let answer = pair.gateway.ask(("POST", &path), &vote);
    assert_eq!(answer.status(), 421, "{answer:?}");
    let page = pair.gateway.ask(("GET", "/holds"), &Value::Null);
    let to = page.head.header("location").unwrap_or_default();
    assert_eq!((page.status(), to), (303, &*format!("http://{}/holds", pair.service.people)));
    pair.end(0);
}
