//! Evidence that was made to harm whoever verifies it: endless, huge, leading elsewhere.

use crate::made::{Made, archive, key, only, report, trust, write_export};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use tlog::{Checkpoint, Hash};
use verify::{Check, Outcome, Report, Silent, Subject};

fn of_archive(bytes: &[u8]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evidence.tar");
    fs::write(&path, bytes).unwrap();
    report(&path)
}

fn entry(path: &[u8], kind: tar::EntryType, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header.as_bytes().to_vec()
}

#[test]
fn paths_that_lead_out_of_an_archive_are_refused() {
    for path in ["/etc/passwd", "../up", "events/../../up", "a//b", "a\\b", "bell\u{7}", ".", "a/"]
    {
        let mut bytes = entry(path.as_bytes(), tar::EntryType::Regular, 0);
        bytes.extend([0; 1024]);
        let report = of_archive(&bytes);
        let refused = report.listed().iter().any(|finding| finding.detail.contains("a path"));
        assert!(refused && !report.to_string().contains('\u{7}'), "{path}\n{report}");
    }
}

#[test]
fn links_and_devices_in_an_archive_are_refused() {
    use tar::EntryType as Kind;
    for kind in
        [Kind::Link, Kind::Symlink, Kind::Char, Kind::Block, Kind::Fifo, Kind::XGlobalHeader]
    {
        let mut bytes = entry(b"checkpoint", kind, 0);
        bytes.extend([0; 1024]);
        let report = of_archive(&bytes);
        let refused = report.listed().iter().any(|finding| finding.detail.contains("neither file"));
        assert!(refused, "{report}");
    }
}

#[test]
fn lengths_that_no_file_has_are_refused() {
    let most = 0o77_777_777_777;
    for (path, kind) in [
        ("checkpoint", tar::EntryType::Regular),
        ("keys/policy", tar::EntryType::Regular),
        ("events/part-00000.jsonl", tar::EntryType::Regular),
        ("proofs/00000/00000000000000000000.tlog-proof", tar::EntryType::Regular),
        ("manifest.json", tar::EntryType::Regular),
        ("pax", tar::EntryType::XHeader),
        ("long", tar::EntryType::GNULongName),
        ("summary.html", tar::EntryType::Regular),
        ("payloads/ses_00000000000000000000000001/salt", tar::EntryType::Regular),
    ] {
        let report = of_archive(&entry(path.as_bytes(), kind, most));
        assert!(report.findings.of(Check::Files) > 0, "{path}\n{report}");
    }
}

#[test]
fn an_archive_that_was_cut_anywhere_is_not_verified() {
    let made = Made::whole(1);
    let bytes = archive(&made.export(&made.all(), true));
    for length in (0..bytes.len() - 512).step_by(509) {
        assert!(!of_archive(&bytes[..length]).is_verified(), "{length}");
    }
}

#[test]
fn a_path_in_an_extended_header_is_read_and_checked() {
    let made = Made::whole(1);
    let files = made.export(&made.all(), true);
    let extended = |path: &str| {
        let mut builder = tar::Builder::new(Vec::new());
        builder.append_pax_extensions([("path", path.as_bytes())]).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_path("other").unwrap();
        header.set_size(u64::try_from(files[0].1.len()).unwrap());
        header.set_cksum();
        builder.append(&header, files[0].1.as_slice()).unwrap();
        let mut bytes = builder.into_inner().unwrap();
        bytes.truncate(bytes.len() - 1024);
        bytes.extend(archive(&files[1..]));
        of_archive(&bytes)
    };
    assert!(extended("checkpoint").is_verified());
    assert!(!extended("../checkpoint").is_verified());
}

#[test]
fn a_link_in_a_directory_is_not_followed() {
    let made = Made::whole(1);
    let folder = tempfile::tempdir().unwrap();
    write_export(folder.path(), &made.export(&made.all(), true));
    let summary = folder.path().join("summary.html");
    fs::rename(&summary, folder.path().join("other.html")).unwrap();
    std::os::unix::fs::symlink("other.html", &summary).unwrap();
    assert!(!report(folder.path()).is_verified());

    let log = made.log();
    let checkpoint = log.path().join("checkpoint");
    fs::rename(&checkpoint, log.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", &checkpoint).unwrap();
    assert!(only(&report(log.path())).detail.contains("not a regular file"));
}

#[test]
fn an_endless_file_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    // A sparse file stands for an endless one.
    let sparse = |path: &Path| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(path).unwrap().set_len(1 << 40).unwrap();
    };
    sparse(&folder.path().join("evidence.tar"));
    assert!(!report(&folder.path().join("evidence.tar")).is_verified());
    let made = Made::whole(1);
    for file in ["checkpoint", "tile/0/000.p/9", "tile/entries/000.p/9"] {
        let log = made.log();
        assert!(log.path().join(file).exists(), "{file}");
        sparse(&log.path().join(file));
        assert!(!report(log.path()).is_verified(), "{file}");
    }
    for file in ["checkpoint", "manifest.json", "events/part-00000.jsonl"] {
        let export = tempfile::tempdir().unwrap();
        write_export(export.path(), &made.export(&made.all(), true));
        sparse(&export.path().join(file));
        assert!(!report(export.path()).is_verified(), "{file}");
    }
}

#[test]
fn a_checkpoint_that_promises_events_without_number_is_given_up() {
    for log in [Made::whole(1).log(), tempfile::tempdir().unwrap()] {
        for size in [1 << 20, 1 << 60, 1 << 62, u64::MAX] {
            let checkpoint = Checkpoint::new(crate::made::ORIGIN, size, Hash([1; 32])).unwrap();
            let note = checkpoint.sign(&key()).unwrap().to_string();
            fs::write(log.path().join("checkpoint"), note).unwrap();
            let report = report(log.path());
            assert!(matches!(report.outcome(Check::Records), Outcome::Failed(1..40)), "{report}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_are_a_verified_archive(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        prop_assert!(!of_archive(&bytes).is_verified());
    }

    #[test]
    fn whatever_is_written_over_a_log_is_noticed(
        file in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let log = Made::whole(2).log();
        let files = crate::made::files_of(log.path());
        let path = &files[file.index(files.len())];
        fs::write(path, bytes).unwrap();
        let subject = Subject::find(log.path().to_str().unwrap()).unwrap();
        let report = subject.verify(&trust(), &mut Silent).unwrap().pop().unwrap();
        prop_assert!(!report.is_verified());
    }
}
