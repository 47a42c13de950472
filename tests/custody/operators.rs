//! Who may: whoever has the operator's key, and no page in a browser.

use crate::stage::{Stage, run};
use std::fs;
use tests::wire::{AGENT_KEY, Answer, ask};

const PATHS: [(&str, &str); 4] = [
    ("POST", "/api/v1/erasures"),
    ("GET", "/api/v1/legal-holds"),
    ("POST", "/api/v1/legal-holds"),
    ("DELETE", "/api/v1/legal-holds/01M7YKX2MN0000000000000001"),
];

fn request(stage: &Stage, (method, path): (&str, &str), lines: &str) -> Answer {
    let body = r#"{"subject":"ada@example.com","basis":"law","reason":"law","by":"me"}"#;
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}");
    ask(stage.gateway.people, format!("{head}\r\n{lines}\r\n{body}")).unwrap()
}

#[test]
fn without_the_operator_s_key_nothing_is_erased_and_no_hold_is_placed_lifted_or_shown() {
    let mut stage = Stage::start();
    stage.say("kept", "a");
    let json = "content-type: application/json\r\n";
    for asked in PATHS {
        for key in [String::new(), bearer("csop_0000"), bearer(""), bearer(AGENT_KEY)] {
            let answer = request(&stage, asked, &format!("{json}{key}"));
            assert_eq!(answer.status(), 401, "{asked:?}: {answer:?}");
            assert!(
                answer.json().get("detail").unwrap().as_str().unwrap().contains("operator.key")
            );
        }
    }
    let other = stage.data().parent().unwrap().join("other.key");
    fs::write(&other, "csop_0000\n").unwrap();
    let [url, base, ..] = stage.there();
    let there = [url, base, "--key-file".into(), other.display().to_string()];
    for words in [
        &["erase", "--subject", "ada@example.com", "--basis", "law"][..],
        &["legal-hold", "place", "--subject", "ada@example.com", "--reason", "law"],
        &["legal-hold", "list"],
    ] {
        let ended = run(words, &there).with(74);
        assert!(ended.err.contains("401") && ended.err.contains("operator.key"), "{}", ended.err);
    }
    let records = stage.gateway.stop_and_check();
    assert_eq!(records.count("payload.erase_requested") + records.count("legal_hold.placed"), 0);
}

fn bearer(key: &str) -> String {
    format!("authorization: Bearer {key}\r\n")
}

#[test]
fn what_a_page_of_another_origin_can_send_by_itself_is_refused_even_with_the_key() {
    let mut stage = Stage::start();
    stage.say("kept", "a");
    let key = fs::read_to_string(stage.data().join("keys/operator.key")).unwrap();
    let key = bearer(key.trim());
    let origin = "origin: https://evil.example\r\n";
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        for asked in PATHS.iter().filter(|(method, _)| *method == "POST") {
            let lines = format!("content-type: {kind}\r\n{origin}{key}");
            let answer = request(&stage, *asked, &lines);
            assert_eq!(answer.status(), 415, "{answer:?}");
        }
    }
    let lines = "access-control-request-method: POST\r\norigin: https://evil.example\r\n";
    let answer = request(&stage, ("OPTIONS", "/api/v1/erasures"), lines);
    assert!(answer.head.header("access-control-allow-origin").is_none());
    assert_eq!(stage.gateway.stop_and_check().count("payload.erase_requested"), 0);
}
