//! The examples against the bytes in `tests/golden/events`, which are never edited after a release.

use crate::examples::{SOURCE, all, draft};
use events::{Digest, Draft, Envelope, Event, KINDS, PayloadRef, SEQUENCE_DIGITS};
use std::fs;
use std::path::Path;

const SEQUENCE: u64 = 42;

fn recorded(draft: &Draft<Event>) -> Vec<u8> {
    let (mut bytes, at) = draft.encode_event(SOURCE).unwrap();
    bytes[at..at + SEQUENCE_DIGITS].copy_from_slice(format!("{SEQUENCE:020}").as_bytes());
    bytes
}

fn golden(kind: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/events");
    fs::read_to_string(folder.join(format!("{kind}.json"))).unwrap_or_default()
}

#[test]
fn every_kind_has_an_example() {
    assert_eq!(all().iter().map(Event::kind).collect::<Vec<_>>(), KINDS);
}

#[test]
fn every_kind_is_encoded_as_it_always_was() {
    for event in all() {
        let kind = event.kind();
        let bytes = String::from_utf8(recorded(&draft(event))).unwrap();
        assert_eq!(bytes, golden(kind), "tests/golden/events/{kind}.json");
    }
}

#[test]
fn every_kind_is_read_back_as_it_was_recorded() {
    for event in all() {
        let draft = draft(event);
        let read = Envelope::parse(golden(draft.fact.kind()).as_bytes()).unwrap();
        let expected = Envelope {
            sequence: SEQUENCE,
            id: draft.id,
            time: draft.time,
            source: SOURCE.into(),
            session: draft.session,
            cause: draft.cause,
            call: draft.call,
            event: draft.fact,
        };
        assert_eq!(read, expected);
    }
}

#[test]
fn every_kind_is_recorded_in_the_canonical_form_of_rfc_8785() {
    for event in all() {
        let text = String::from_utf8(recorded(&draft(event))).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(text, serde_json_canonicalizer::to_string(&value).unwrap());
    }
}

#[test]
fn an_event_of_another_version_or_with_a_crooked_sequence_is_not_read() {
    let bytes = golden("call.in_doubt");
    let changed = |from: &str, to: &str| {
        assert!(bytes.contains(from), "{bytes}");
        Envelope::parse(bytes.replace(from, to).as_bytes()).unwrap_err().to_string()
    };
    let kind = changed("call.in_doubt", "call.forgotten");
    assert_eq!(
        kind,
        "event kind `call.forgotten` of schema `urn:countersign:events:1` is unknown to this version"
    );
    assert!(changed("events:1", "events:2").contains("`urn:countersign:events:2` is unknown"));
    let zeros = "00000000000000000042";
    for crooked in ["42", "+0000000000000000042", "0000000000000000004x", "99999999999999999999"] {
        assert_eq!(changed(zeros, crooked), format!("sequence `{crooked}` is not 20 digits"));
    }
}

#[test]
fn a_payload_that_was_not_kept_says_so_and_one_that_was_says_nothing() {
    let kept = PayloadRef { bytes: 7, digest: Digest([1; 32]), discarded: false };
    let discarded = PayloadRef { discarded: true, ..kept };
    let digest = "01".repeat(32);
    let text = |payload: &PayloadRef| serde_json::to_string(payload).unwrap();
    assert_eq!(text(&kept), format!(r#"{{"bytes":7,"digest":"{digest}"}}"#));
    let said = format!(r#"{{"bytes":7,"digest":"{digest}","discarded":true}}"#);
    assert_eq!(text(&discarded), said);
    assert_eq!(serde_json::from_str::<PayloadRef>(&said).unwrap(), discarded);
}
