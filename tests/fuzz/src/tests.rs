//! Each target with many inputs that follow from a number, so that they are the same everywhere.

use std::fmt::Write as _;

/// Says what the input was, if the test fails.
struct Shown<'a>(&'a [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut hexadecimal = String::new();
            for byte in self.0 {
                // Writing to a string does not fail.
                _ = write!(hexadecimal, "{byte:02x}");
            }
            eprintln!("the input: {hexadecimal}");
        }
    }
}

/// Gives `count` inputs of at most `most` bytes to a target, and before them the empty one and
/// every single byte.
fn many(target: fn(&[u8]), count: usize, most: usize) {
    let give = |bytes: &[u8]| {
        let shown = Shown(bytes);
        target(bytes);
        drop(shown);
    };
    give(&[]);
    (0..=16).chain([127, 128, 255]).for_each(|byte| give(&[byte]));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    for _ in 0..count {
        let [first, second, ..] = next();
        let length = usize::from(u16::from_le_bytes([first, second])) % most;
        let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| next()).collect();
        bytes.truncate(length);
        give(&bytes);
    }
}

#[test]
fn texts_of_a_log_are_read_or_refused() {
    many(crate::log::texts, 20_000, 60);
    // One text after the other, each with a single edit.
    for text in 0..crate::log::texts_count() {
        for edit in 0..=u8::MAX {
            let text = u8::try_from(text).unwrap();
            crate::log::texts(&[text, edit, 0, edit / 3, edit, 65, 10]);
        }
    }
}

#[test]
fn tiles_and_bundles_of_any_bytes_are_read_or_refused() {
    many(crate::log::parts, 150, 120);
}

#[test]
fn payloads_that_somebody_else_wrote_are_the_right_ones_or_refused() {
    many(crate::payload::payload, 20_000, 40);
}

#[test]
fn a_payload_that_doubles_itself_again_and_again_is_refused() {
    for depth in [1, 2, 20, 40, 200] {
        crate::payload::doubled(depth);
    }
}

#[test]
fn a_damaged_ledger_opens_with_what_was_written_or_not_at_all() {
    many(crate::ledger_files::open, 2000, 40);
}

#[test]
fn a_commit_that_says_to_reach_behind_the_end_of_its_file_is_refused() {
    let found: &[u8] = b"\x2a\x02\xad\x2f\x0a\x2d\x02\xad\x2f\x0a\x2d";
    crate::ledger_files::open(found);
}

#[test]
fn a_damaged_ledger_is_read_as_it_was_written_or_not_at_all() {
    many(crate::ledger_files::read_only, 2000, 40);
}

#[test]
fn an_endless_file_of_a_ledger_is_not_read_whole() {
    for path in ["journal/0.log", "journal/1.log", "erasing"] {
        crate::ledger_files::endless(path);
    }
}

#[test]
fn a_damaged_log_is_not_verified() {
    many(crate::evidence::log_directory, 1000, 40);
}

#[test]
fn a_damaged_export_is_not_verified_or_says_nothing_new() {
    many(crate::evidence::export, 1000, 40);
}

#[test]
fn a_witness_answers_whatever_it_is_asked() {
    many(crate::witness::request, 1000, 40);
}
