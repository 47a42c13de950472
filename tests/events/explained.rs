//! Every member of every recorded event is explained in `docs/formats/events.md`.

use crate::examples::{SOURCE, all, draft};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// From where a kind is explained to where the next one is.
fn section<'a>(page: &'a str, kind: &str) -> &'a str {
    let (_, rest) = page
        .split_once(&format!("**`{kind}`**"))
        .unwrap_or_else(|| panic!("docs/formats/events.md does not explain `{kind}`"));
    rest.split("**`").next().unwrap()
}

#[test]
fn every_member_of_every_kind_is_explained() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/formats/events.md");
    let page = fs::read_to_string(path).unwrap();
    for event in all() {
        let (kind, section) = (event.kind(), section(&page, event.kind()));
        let (bytes, _) = draft(event).encode_event(SOURCE).unwrap();
        let Value::Object(envelope) = serde_json::from_slice(&bytes).unwrap() else { panic!() };
        for member in envelope.keys() {
            assert!(page.contains(&format!("| `{member}` |")), "the envelope's `{member}`");
        }
        for member in envelope["data"].as_object().unwrap().keys() {
            let told = section.contains(&format!("`{member}`"));
            assert!(told, "docs/formats/events.md: `{kind}` has a member `{member}`");
        }
    }
}
