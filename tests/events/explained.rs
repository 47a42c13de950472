//! Every member of every recorded event is explained in `docs/formats/events.md`.

use crate::examples::{SOURCE, all, draft};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// From where a kind is explained to where the next one is; nothing if it is not.
fn section<'a>(page: &'a str, kind: &str) -> &'a str {
    let found = page.split_once(&format!("**`{kind}`**"));
    found.and_then(|(_, rest)| rest.split("**`").next()).unwrap_or_default()
}

#[test]
fn every_member_of_every_kind_is_explained() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/formats/events.md");
    let page = fs::read_to_string(path).unwrap();
    for event in all() {
        let (kind, section) = (event.kind(), section(&page, event.kind()));
        let (bytes, _) = draft(event).encode_event(SOURCE).unwrap();
        let envelope: Value = serde_json::from_slice(&bytes).unwrap();
        assert!(!section.is_empty(), "docs/formats/events.md does not explain `{kind}`");
        for member in envelope.as_object().unwrap().keys() {
            assert!(page.contains(&format!("| `{member}` |")), "the envelope's `{member}`");
        }
        for member in envelope["data"].as_object().unwrap().keys() {
            let told = section.contains(&format!("`{member}`"));
            assert!(told, "docs/formats/events.md: `{kind}` has a member `{member}`");
        }
    }
}
