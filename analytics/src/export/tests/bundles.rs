//! What is in a bundle, and what ends one.

use super::world::{World, manifest, record, records, sequences, unpack};
use crate::export::{Archive, Bound, ExportError, FolderArchive, Selection};
use crate::samples::{Book, answered, chat, session};
use events::{EventId, LegalHoldLifted, LegalHoldPlaced, PayloadErased, PayloadRef};
use ledger::sealer::LogFiles;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use std::io;

fn book(calls: u128) -> Book {
    let mut book = Book::default();
    for number in 0..calls {
        book.write((1 + number % 3, number), chat(None)).wait(1000);
        book.write((1 + number % 3, number), answered(5, None, &[])).wait(1000);
    }
    book
}

fn range(from: u64, to: u64) -> Selection {
    let bound = |place| Some(Bound::Sequence(place));
    Selection { from: bound(from), to: bound(to), ..Selection::default() }
}

#[test]
fn every_event_has_a_proof_that_verifies_whatever_the_size() {
    for calls in [1, 127, 128, 129, 300] {
        let world = World::of(&book(calls));
        let bundle = world.checked(&Selection::default());
        assert_eq!(sequences(&bundle).len() as u128, 2 * calls);
    }
}

#[test]
fn many_events_come_in_parts() {
    let bundle = World::of(&book(2500)).checked(&Selection::default());
    let lines = |part: &str| std::str::from_utf8(&bundle[part]).unwrap().lines().count();
    assert_eq!(lines("events/part-00000.jsonl"), 4096);
    assert_eq!(lines("events/part-00001.jsonl"), 904);
    assert_eq!(lines("events/part-00001.csv"), 905);
    assert!(bundle.contains_key("proofs/00001/00000000000000004096.tlog-proof"));
}

#[test]
fn a_range_has_all_events_between_its_ends() {
    let world = World::of(&book(20));
    let bundle = world.checked(&range(7, 12));
    assert_eq!(sequences(&bundle), [7, 8, 9, 10, 11]);
    let manifest = manifest(&bundle);
    assert_eq!(manifest["contiguous"], true);
    assert_eq!((&manifest["first"], &manifest["last"]), (&7.into(), &11.into()));
    let time = |text: &str| Some(text.parse().unwrap());
    let selection = Selection {
        from: time("2026-11-21T08:00:03Z"),
        to: time("2026-11-21T10:00:06+02:00"),
        ..Selection::default()
    };
    assert_eq!(sequences(&world.checked(&selection)), [3, 4, 5]);
    assert!(sequences(&world.checked(&range(30, 10))).is_empty());
}

#[test]
fn a_range_of_time_is_whole_even_if_the_clock_was_set_back() {
    let mut book = book(3);
    book.events[3].time = book.events[0].time;
    let selection = Selection { from: "2026-11-21T08:00:02Z".parse().ok(), ..Selection::default() };
    assert_eq!(sequences(&World::of(&book).checked(&selection)), [2, 3, 4, 5]);
}

#[test]
fn the_parquet_table_has_the_records_and_their_columns() {
    let world = World::of(&book(3));
    let bundle = world.checked(&Selection::default());
    let table = bytes::Bytes::from(bundle["events/part-00000.parquet"].clone());
    let reader = SerializedFileReader::new(table).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    let column = |row: &parquet::record::Row, wanted: &str| {
        row.get_column_iter().find(|(name, _)| *name == wanted).unwrap().1.clone()
    };
    assert_eq!(rows.len(), 6);
    for (row, (sequence, record)) in rows.iter().zip((0..).zip(records(&bundle))) {
        assert_eq!(column(row, "sequence"), Field::Long(sequence));
        assert_eq!(column(row, "record"), Field::Bytes(record.into()));
    }
    assert_eq!(column(&rows[0], "model"), Field::Str("gpt-4o".into()));
    assert_eq!(column(&rows[1], "model"), Field::Null);
    assert_eq!(column(&rows[1], "duration_us"), Field::Long(5));
    assert_eq!(column(&rows[0], "time"), Field::TimestampMicros(1_795_248_000_000_000));
}

#[test]
fn an_absent_payload_is_accounted_for_even_if_it_was_erased_behind_the_range() {
    let mut book = Book::default();
    let (kept, gone) = (book.payload("kept"), book.payload("gone"));
    let discarded = PayloadRef { discarded: true, ..book.payload("discarded") };
    book.write((1, 1), chat(Some(kept)));
    book.write((2, 2), chat(Some(gone)));
    book.write((3, 3), chat(Some(discarded)));
    book.write((4, 4), chat(None));
    let erased = |number| PayloadErased { bytes: 4, payloads: 1, sessions: vec![session(number)] };
    book.write((9, 9), erased(3)).write((9, 9), erased(2));
    let world = World::of(&book).keep(&kept, "kept");
    let bundle = world.checked(&range(0, 3));
    assert_eq!(sequences(&bundle), [0, 1, 2, 5]);
    let manifest = manifest(&bundle);
    assert_eq!((&manifest["first"], &manifest["last"]), (&0.into(), &5.into()));
    assert_eq!((&manifest["contiguous"], &manifest["behind"]), (&true.into(), &1.into()));
    let expected = r#"{"included":true,"present":1,"erased":1,"discarded":1,"undecryptable":0}"#;
    assert_eq!(manifest["payloads"], serde_json::from_str::<serde_json::Value>(expected).unwrap());
    assert_eq!(bundle[&format!("payloads/{}/{}", session(1), kept.digest)], b"kept");
    assert_eq!(bundle[&format!("payloads/{}/salt", session(1))].len(), 65);
}

#[test]
fn an_event_of_a_kind_that_is_not_known_yet_goes_out_like_any_other() {
    let book = book(2);
    let known = record(&book.events[1]);
    let unknown = String::from_utf8(known).unwrap().replace("call.completed", "call.dreamt");
    let records = [record(&book.events[0]), unknown.into_bytes()];
    let bundle = World::of_records(records.clone()).checked(&Selection::default());
    assert_eq!(super::world::records(&bundle), records);
}

#[test]
fn a_record_that_was_altered_after_it_was_sealed_is_not_handed_out() {
    let mut book = book(200);
    let world = World::of(&book);
    let (files, signed) = world.seal();
    book.events[77].event = answered(6, None, &[]).into();
    let altered = World::of(&book);
    let mut lost = Vec::new();
    let all = Selection::default();
    let error = altered.export_to(&files, &signed, &all, &mut Until(&mut lost, usize::MAX));
    assert_eq!(error.unwrap_err().to_string(), "entry 77 is not the one that was sealed");
    assert!(!lost.iter().any(|path| path == "manifest.json"));
    let other = World::of(&book).seal().1;
    let error = world.export_to(&files, &other, &all, &mut Until(&mut lost, usize::MAX));
    assert!(matches!(error, Err(ExportError::Prove(_))), "{error:?}");
    let nowhere = LogFiles::new("nowhere".into());
    let error = world.export_to(&nowhere, &signed, &all, &mut Until(&mut lost, usize::MAX));
    assert!(matches!(error, Err(ExportError::Prove(_))), "{error:?}");
}

/// Takes so many files, then fails.
struct Until<'a>(&'a mut Vec<String>, usize);

impl Archive for Until<'_> {
    fn add(&mut self, path: &str, _: &[u8]) -> io::Result<()> {
        if self.0.len() >= self.1 {
            return Err(io::Error::other("the disk is full"));
        }
        self.0.push(path.to_owned());
        Ok(())
    }
}

#[test]
fn an_export_that_breaks_off_has_no_manifest() {
    let world = World::of(&book(3));
    let (files, signed) = world.seal();
    let whole = world.checked(&Selection::default()).len();
    for count in 0..whole {
        let mut paths = Vec::new();
        let mut archive = Until(&mut paths, count);
        let ended = world.export_to(&files, &signed, &Selection::default(), &mut archive);
        assert!(matches!(ended, Err(ExportError::Write(_))), "{ended:?}");
        assert!(!paths.iter().any(|path| path == "manifest.json"));
    }
}

#[test]
fn a_folder_has_the_files_of_the_archive() {
    let mut book = book(3);
    let payload = book.payload("said twice");
    book.write((1, 9), chat(Some(payload))).write((1, 9), answered(1, Some(payload), &[]));
    let world = World::of(&book).keep(&payload, "said twice");
    let (files, signed) = world.seal();
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("bundle");
    let mut archive = FolderArchive::create(&folder).unwrap();
    world.export_to(&files, &signed, &Selection::default(), &mut archive).unwrap();
    for (path, content) in unpack(&world.export(&Selection::default()).1) {
        assert_eq!(std::fs::read(folder.join(&path)).unwrap(), content, "{path}");
    }
    assert!(FolderArchive::create(&folder).is_err());
    let other = scratch.path().join("other");
    let tar = world.export(&Selection::default()).1;
    let mut archive = FolderArchive::create(&other).unwrap();
    crate::export::unpack(tar.as_slice(), &mut archive).unwrap();
    let content = |folder: &std::path::Path| std::fs::read(folder.join("manifest.json")).unwrap();
    assert_eq!(content(&other), content(&folder));
}

#[test]
fn the_page_shows_text_of_others_as_text() {
    let mut book = Book::default();
    let mut call = chat(None);
    call.principal.agent = "<script>alert(1)</script>\u{202e}".into();
    book.write((1, 1), call);
    let bundle = World::of(&book).checked(&Selection::default());
    let page = String::from_utf8(bundle["summary.html"].clone()).unwrap();
    assert!(!page.contains("<script") && !page.contains("<b>Ada") && !page.contains('\u{202e}'));
    assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;⟦U+202E⟧"), "{page}");
}

#[test]
fn a_lifted_hold_goes_with_the_erasure_that_it_had_kept_back() {
    let mut book = Book::default();
    let gone = book.payload("gone");
    let placed = |number| LegalHoldPlaced {
        by: "ada".into(),
        reason: "a case".into(),
        session: Some(session(number)),
        subject: None,
    };
    let lifted = |hold: u128| LegalHoldLifted {
        by: "ada".into(),
        hold: EventId::new(hold.into()),
        reason: "it ended".into(),
    };
    book.write((1, 1), chat(Some(gone))).write((9, 9), placed(1));
    book.write((9, 9), placed(2)).write((9, 9), lifted(1)).write((9, 9), lifted(2));
    book.write((9, 9), PayloadErased { bytes: 4, payloads: 1, sessions: vec![session(1)] });
    let bundle = World::of(&book).checked(&range(0, 2));
    assert_eq!(sequences(&bundle), [0, 1, 3, 5]);
    assert_eq!(manifest(&bundle)["behind"], 2);
}

#[test]
fn a_payload_that_is_erased_while_the_bundle_is_written_ends_the_export() {
    let mut book = Book::default();
    let gone = book.payload("gone");
    book.write((1, 1), chat(Some(gone)));
    let sealed = World::of(&book);
    let (files, signed) = sealed.seal();
    book.write((9, 9), PayloadErased { bytes: 4, payloads: 1, sessions: vec![session(2)] });
    let all = Selection::default();
    let mut paths = Vec::new();
    let other = World::of(&book).export_to(&files, &signed, &all, &mut Until(&mut paths, 100));
    assert!(!matches!(other, Err(ExportError::ErasedMeanwhile(_))), "{other:?}");
    book.write((9, 9), PayloadErased { bytes: 4, payloads: 1, sessions: vec![session(1)] });
    let error = World::of(&book).export_to(&files, &signed, &all, &mut Until(&mut paths, 100));
    assert!(matches!(error, Err(ExportError::ErasedMeanwhile(_))), "{error:?}");
}
