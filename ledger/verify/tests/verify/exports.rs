//! Exports in archives and directories: whole ones are verified, and what was done to others is
//! named.

use crate::made::{
    Made, archive, event_id, fact, of, only, payload, report, report_with, session, write_export,
};
use events::Event;
use std::fs;
use verify::{Check, Outcome, Report, Trust};

type Files = Vec<(String, Vec<u8>)>;

/// The report on these files as an archive, which must be that on them as a directory.
#[track_caller]
pub(crate) fn of_files(files: &Files) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evidence.tar");
    fs::write(&path, archive(files)).unwrap();
    let from_archive = report(&path);
    let directory = folder.path().join("evidence");
    write_export(&directory, files);
    let from_directory = report(&directory);
    let checks = |report: &Report| {
        let found = report.listed().iter();
        found.map(|f| (f.check, f.sequence, f.detail.clone())).collect::<Vec<_>>()
    };
    assert_eq!(checks(&from_archive), checks(&from_directory));
    from_archive
}

fn position(files: &Files, path: &str) -> usize {
    files.iter().position(|(name, _)| name.starts_with(path)).unwrap()
}

/// Makes the manifest anew, as a forger would.
fn with_manifest(made: &Made, mut files: Files, sequences: &[u64], contiguous: bool) -> Files {
    files.pop();
    let manifest = made.manifest(&files, sequences, contiguous);
    files.push(("manifest.json".to_owned(), manifest));
    files
}

#[test]
fn a_whole_export_is_verified_with_its_payloads() {
    let made = Made::whole(9);
    let report = of_files(&made.export(&made.all(), true));
    assert!(report.is_verified(), "{report}");
    assert_eq!(report.notes(), [], "{report}");
    for check in [Check::Proofs, Check::Payloads, Check::Files, Check::Sequence, Check::Calls] {
        assert!(matches!(report.outcome(check), Outcome::Ok(_)), "{report}");
    }
    let Outcome::Ok(payloads) = report.outcome(Check::Payloads) else { panic!() };
    assert!(payloads.contains("6 erased"), "{payloads}");
}

#[test]
fn the_key_in_the_export_is_used_with_a_warning() {
    let made = Made::whole(3);
    let folder = tempfile::tempdir().unwrap();
    write_export(folder.path(), &made.export(&made.all(), true));
    let report = report_with(folder.path(), &Trust::default());
    assert!(report.is_verified(), "{report}");
    assert!(report.remarks()[0].contains("came with the evidence"), "{report}");
}

#[test]
fn a_stretch_of_the_ledger_is_verified_and_what_lies_before_it_is_a_note() {
    let made = Made::whole(9);
    let report = of_files(&made.export(&(3..15).collect::<Vec<_>>(), true));
    // Its second session is erased behind the stretch.
    let absent = report.listed().iter().all(|finding| finding.check == Check::Payloads);
    assert!(absent && !report.notes().is_empty(), "{report}");
}

#[test]
fn a_selection_is_verified_if_it_has_all_events_of_its_calls() {
    let made = Made::whole(9);
    let one = |made: &Made, without: &str| -> Vec<u64> {
        let of_session = format!("\"correlationid\":\"{}\"", session(1));
        let fits = |at: &u64| {
            let text = String::from_utf8_lossy(&made.events[usize::try_from(*at).unwrap()]);
            text.contains(&of_session) && !text.contains(without)
        };
        made.all().into_iter().filter(fits).collect()
    };
    let mut selected = made.clone();
    selected.payloads.retain(|(of, _), _| *of == session(1));
    let fine = of_files(&selected.export(&one(&made, "no such words"), false));
    assert!(fine.is_verified(), "{fine}");
    let lacking = of_files(&selected.export(&one(&made, "\"type\":\"call.dispatched\""), false));
    assert!(!lacking.is_verified() && lacking.findings.of(Check::Calls) == 3, "{lacking}");
    let gaps = of_files(&selected.export(&one(&made, "no such words"), true));
    assert_eq!(of(&gaps, Check::Sequence).check, Check::Sequence, "{gaps}");
}

#[test]
fn an_altered_event_is_named_even_if_the_manifest_is_made_to_fit() {
    let made = Made::whole(9);
    let mut files = made.export(&made.all(), true);
    let part = position(&files, "events/part-00001.jsonl");
    let text = String::from_utf8(files[part].1.clone()).unwrap();
    let altered = text.replacen("\"time\":\"2026", "\"time\":\"2027", 1);
    files[part].1 = altered.into_bytes();
    let report = of_files(&with_manifest(&made, files, &made.all(), true));
    let finding = only(&report);
    assert_eq!((finding.check, finding.sequence), (Check::Proofs, Some(5)), "{report}");
    let place = finding.place.as_ref().unwrap();
    assert!(place.file.ends_with("events/part-00001.jsonl") && place.byte == Some(0), "{report}");
}

#[test]
fn a_missing_event_proof_part_or_payload_is_named() {
    let made = Made::whole(9);
    let all = made.all();
    for (path, check) in [
        ("events/part-00002.jsonl", Check::Sequence),
        ("proofs/00001/00000000000000000006", Check::Proofs),
        ("payloads/ses_00000000000000000000000001/", Check::Payloads),
        ("summary.html", Check::Files),
        ("manifest.json", Check::Files),
        ("checkpoint", Check::Checkpoint),
    ] {
        let mut files = made.export(&all, true);
        let at = position(&files, path);
        files.remove(at);
        let report = of_files(&files);
        assert!(report.findings.of(check) > 0, "{path}\n{report}");
    }
}

#[test]
fn an_event_that_is_left_out_with_its_proof_is_noticed() {
    let made = Made::whole(9);
    let mut sequences = made.all();
    sequences.remove(7);
    let report = of_files(&made.export(&sequences, true));
    assert_eq!(of(&report, Check::Sequence).sequence, Some(8), "{report}");
}

#[test]
fn a_payload_that_is_not_what_was_committed_to_is_named() {
    let made = Made::whole(9);
    let mut files = made.export(&made.all(), true);
    let at = position(&files, "payloads/") + 1;
    files[at].1[0] ^= 1;
    let report = of_files(&files);
    assert!(report.listed()[0].place.as_ref().unwrap().file.ends_with(&files[at].0), "{report}");
}

#[test]
fn a_payload_of_no_event_and_one_that_was_said_to_be_erased_are_named() {
    let mut made = Made::whole(9);
    made.content(1, b"nobody said so");
    let report = of_files(&made.export(&made.all(), true));
    assert!(only(&report).detail.contains("no event names"), "{report}");
    let mut made = Made::whole(9);
    // The second session's first call is the second of all.
    made.content(2, b"request 1");
    let report = of_files(&made.export(&made.all(), true));
    assert!(only(&report).detail.contains("erased later"), "{report}");
}

#[test]
fn a_file_that_the_manifest_does_not_list_is_named() {
    let made = Made::whole(3);
    let mut files = made.export(&made.all(), true);
    files.insert(2, ("readme.txt".to_owned(), b"trust me".to_vec()));
    assert_eq!(only(&of_files(&files)).check, Check::Files);
}

#[test]
fn a_manifest_that_says_otherwise_is_found() {
    let made = Made::whole(3);
    for (from, to) in [
        ("countersign-evidence/1", "countersign-evidence/2"),
        ("\"events\":15", "\"events\":14"),
        ("\"last\":14", "\"last\":15"),
        ("\"size\":15", "\"size\":16"),
        ("ledger.example", "ledger.sample"),
    ] {
        let mut files = made.export(&made.all(), true);
        let manifest = String::from_utf8(files.pop().unwrap().1).unwrap();
        assert!(manifest.contains(from), "{from}: {manifest}");
        files.push(("manifest.json".to_owned(), manifest.replacen(from, to, 1).into_bytes()));
        let report = of_files(&files);
        assert!(report.findings.of(Check::Files) > 0, "{from}\n{report}");
    }
}

fn with(files: &mut Files, from: &str, to: &str) {
    let manifest = String::from_utf8(files.pop().unwrap().1).unwrap();
    assert!(manifest.contains(from), "{from}: {manifest}");
    files.push(("manifest.json".to_owned(), manifest.replacen(from, to, 1).into_bytes()));
}

#[test]
fn erasures_that_stand_behind_a_range_are_no_gap() {
    let mut made = Made::whole(9);
    made.payloads.retain(|(of, _), _| *of == session(2));
    let asked = made.size() - 3;
    let mut sequences: Vec<u64> = (5..8).collect();
    sequences.extend([asked, asked + 1]);
    let mut files = made.export(&sequences, true);
    let gap = of_files(&files);
    assert_eq!(of(&gap, Check::Sequence).sequence, Some(asked), "{gap}");
    with(&mut files, "\"contiguous\":true", "\"behind\":2,\"contiguous\":true");
    let fine = of_files(&files);
    assert!(fine.is_verified(), "{fine}");
}

#[test]
fn payloads_that_are_said_to_have_lost_their_key_may_be_absent_and_are_told() {
    let made = Made::whole(9);
    let mut files = made.export(&made.all(), true);
    let at = position(&files, "payloads/") + 1;
    files.remove(at);
    assert_eq!(only(&of_files(&files)).check, Check::Payloads);
    with(&mut files, "\"undecryptable\":0", "\"undecryptable\":1");
    let told = of_files(&files);
    assert!(told.is_verified(), "{told}");
    assert!(told.remarks().iter().any(|remark| remark.contains("cannot be decrypted")), "{told}");
}

#[test]
fn events_that_are_left_out_of_a_range_cannot_be_said_to_stand_behind_it() {
    let mut made = Made::whole(9);
    made.payloads.clear();
    let sequences = [0, made.size() - 4, made.size() - 1];
    let mut files = made.export(&sequences, true);
    with(&mut files, "\"included\":true", "\"included\":false");
    with(&mut files, "\"contiguous\":true", "\"behind\":2,\"contiguous\":true");
    let report = of_files(&files);
    assert_eq!(report.findings.of(Check::Sequence), 2, "{report}");
    assert!(report.listed().iter().all(|found| found.place.is_some()), "{report}");
}

#[test]
fn a_hold_that_was_lifted_behind_a_range_may_stand_behind_it() {
    let mut made = Made::default();
    made.plain(fact("gateway.started"));
    made.dispatch(1, 1);
    let Event::LegalHoldPlaced(mut placed) = fact("legal_hold.placed") else { panic!() };
    (placed.session, placed.subject) = (Some(session(1)), None);
    let hold = event_id(made.plain(placed.into()));
    made.complete(1, 1);
    let Event::LegalHoldLifted(mut lifted) = fact("legal_hold.lifted") else { panic!() };
    lifted.hold = hold;
    let lifted = made.plain(lifted.into());
    let asked = made.request_erasure(1);
    let erased = made.erase(1, Some(event_id(asked)));
    let mut files = made.export(&[0, 1, 2, lifted, asked, erased], true);
    with(&mut files, "\"contiguous\":true", "\"behind\":3,\"contiguous\":true");
    let report = of_files(&files);
    assert!(report.is_verified(), "{report}");
}

#[test]
fn a_payload_that_was_discarded_once_is_missed_where_it_was_kept() {
    let mut made = Made::default();
    let Event::MessageRelayed(mut relayed) = fact("message.relayed") else { panic!() };
    relayed.payload = payload(b"kept");
    made.add(relayed.clone().into(), Some(session(1)), None, None);
    relayed.payload.discarded = true;
    made.add(relayed.into(), Some(session(1)), None, None);
    let lacking = of_files(&made.export(&made.all(), true));
    assert_eq!(only(&lacking).check, Check::Payloads, "{lacking}");
    made.content(1, b"kept");
    assert!(of_files(&made.export(&made.all(), true)).is_verified());
}

#[test]
fn a_salt_that_proves_nothing_is_named() {
    let made = Made::whole(3);
    let mut files = made.export(&made.all(), true);
    let salt = format!("{}\n", "00".repeat(32)).into_bytes();
    files.insert(files.len() - 1, (format!("payloads/{}/salt", session(7)), salt));
    let report = of_files(&files);
    let place = only(&report).place.as_ref().unwrap();
    assert!(place.file.ends_with("/salt"), "{report}");
}
