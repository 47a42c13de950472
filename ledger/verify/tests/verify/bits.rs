//! Every bit of small evidence, flipped one by one: none goes unnoticed but where it means nothing.

use crate::made::{Made, archive, files_of, report};
use std::fs;
use std::path::Path;

/// Bits of a file whose flip leaves the evidence verified.
fn unnoticed(path: &Path, evidence: &Path) -> Vec<usize> {
    let original = fs::read(path).unwrap();
    let mut found = Vec::new();
    for byte in 0..original.len() {
        for bit in 0..8 {
            let mut altered = original.clone();
            altered[byte] ^= 1 << bit;
            fs::write(path, &altered).unwrap();
            if report(evidence).is_verified() {
                found.push(byte);
            }
        }
    }
    fs::write(path, original).unwrap();
    found
}

/// The bytes of `text` that lie within one of these, which must be there.
fn within(text: &[u8], parts: &[&str]) -> Vec<std::ops::Range<usize>> {
    let text = String::from_utf8_lossy(text);
    let range = |part: &&str| {
        let start = text.find(part).unwrap();
        start..start + part.len()
    };
    parts.iter().map(range).collect()
}

#[test]
fn no_flipped_bit_of_a_log_goes_unnoticed() {
    let mut made = Made::whole(1);
    made.events.truncate(5);
    let log = made.log();
    for file in files_of(log.path()) {
        assert_eq!(unnoticed(&file, log.path()), Vec::<usize>::new(), "{}", file.display());
    }
}

#[test]
fn no_flipped_bit_of_an_archive_goes_unnoticed_but_in_words_that_prove_nothing() {
    let mut made = Made::default();
    made.plain(crate::made::fact("gateway.started"));
    made.dispatch(1, 1);
    let bytes = archive(&made.bundle(&made.all(), true));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evidence.tar");
    fs::write(&path, &bytes).unwrap();
    // Who exported, when and why, and how many payloads are said to be there, proves nothing; the
    // checksums of headers have more than one spelling.
    let words = within(
        &bytes,
        &[
            "\"by\":\"ada@example.com\"",
            "\"criterion\":\"all\"",
            "\"made\":\"2026-11-25T00:00:00Z\"",
            "{\"included\":true,\"present\":2,\"erased\":1,\"discarded\":0,\"undecryptable\":0}",
        ],
    );
    let is_spelling = |byte: &usize| (148..156).contains(&(byte % 512));
    let strange: Vec<_> = unnoticed(&path, &path)
        .into_iter()
        .filter(|byte| !is_spelling(byte) && !words.iter().any(|range| range.contains(byte)))
        .map(|byte| (byte, String::from_utf8_lossy(&bytes[byte - 20..byte + 20]).into_owned()))
        .collect();
    assert_eq!(strange, []);
}
