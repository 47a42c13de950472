//! Every bit of small evidence, flipped one by one: none goes unnoticed but where it means nothing.

use crate::made::{Made, archive, fact, files_of, report, session};
use events::Event;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Bits of a file whose flip leaves the evidence verified.
fn unnoticed(path: &Path, evidence: &Path) -> Vec<usize> {
    let original = fs::read(path).unwrap();
    let mut found = Vec::new();
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    for byte in 0..original.len() {
        let place = u64::try_from(byte).unwrap();
        // Of the zeros that fill an archive one bit each will do.
        let bits = if original[byte] == 0 { 0..1 } else { 0..8 };
        for bit in bits {
            // In place, because a file that is made anew is slow.
            file.write_at(&[original[byte] ^ (1 << bit)], place).unwrap();
            if report(evidence).is_verified() {
                found.push(byte);
            }
        }
        file.write_at(&original[byte..=byte], place).unwrap();
    }
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
    let mut made = Made::default();
    made.plain(fact("gateway.started"));
    made.plain(fact("gateway.stopped"));
    let log = made.log();
    for file in files_of(log.path()) {
        assert_eq!(unnoticed(&file, log.path()), Vec::<usize>::new(), "{}", file.display());
    }
}

#[test]
fn no_flipped_bit_of_an_archive_goes_unnoticed_but_in_words_that_prove_nothing() {
    let mut made = Made::default();
    let Event::MessageRelayed(mut relayed) = fact("message.relayed") else { panic!() };
    relayed.payload = made.content(1, b"hello");
    made.add(relayed.into(), Some(session(1)), None, None);
    let bytes = archive(&made.export(&made.all(), true));
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
            "\"discarded\":0",
            "\"erased\":1",
            "\"present\":1",
            "\"undecryptable\":0",
        ],
    );
    let is_spelling = |byte: &usize| (148..156).contains(&(byte % 512));
    let strange: Vec<_> = unnoticed(&path, &path)
        .into_iter()
        .filter(|byte| !is_spelling(byte) && !words.iter().any(|range| range.contains(byte)))
        .map(|byte| (byte, bytes[byte.saturating_sub(20)..=byte].escape_ascii().to_string()))
        .collect();
    assert_eq!(strange, []);
}
