//! What must hold for evidence that an auditor gets, whatever is in its files: a verdict, and none
//! that is good for what the log did not sign.

use crate::damage::{Files, Source, damage, edit, read, scratch, write};
use crate::made::{Made, ORIGIN, archive, key, trust};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use tlog::{Checkpoint, Hash};
use verify::{Report, Silent, Subject, Trust};

/// A small log, and an export of it in an archive's order.
struct Whole {
    log: Files,
    made: Made,
    export: Vec<(String, Vec<u8>)>,
}

static WHOLE: LazyLock<Whole> = LazyLock::new(|| {
    let made = Made::whole(2);
    let folder = made.log();
    let mut log = read(folder.path());
    log.insert("vkey".to_owned(), key().verifier().to_string().into_bytes());
    let export = made.export(&made.all(), true);
    Whole { log, made, export }
});

fn report(path: &Path, trust: &Trust) -> Option<Report> {
    let subject = Subject::find(path.to_str().expect("it is a text")).ok()?;
    let mut reports = subject.verify(trust, &mut Silent).expect("files can be read");
    let report = reports.pop()?;
    // Whatever it says can be shown.
    assert!(!report.to_string().is_empty() && serde_json::to_string(&report.document()).is_ok());
    Some(report)
}

/// A log in a directory: each change of a file is noticed, and so is a checkpoint of any size that
/// its operator has signed.
pub fn log_directory(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let mut files = WHOLE.log.clone();
    let kind = source.byte();
    if kind % 4 == 1 {
        let size = u64::from_le_bytes(std::array::from_fn(|_| source.byte()));
        let root = Hash([source.byte(); 32]);
        let checkpoint = Checkpoint::new(ORIGIN, size, root).expect("it is a name");
        let note = checkpoint.sign(&key()).expect("it is signed").to_string();
        files.insert("checkpoint".to_owned(), note.into_bytes());
    }
    damage(&mut files, false, &mut source);
    let folder = scratch();
    write(folder.path(), &files);
    let is_whole = files.iter().all(|(path, bytes)| path == "vkey" || WHOLE.log[path] == *bytes)
        && WHOLE.log.keys().all(|path| path == "vkey" || files.contains_key(path));
    if let Some(report) = report(folder.path(), &trust()) {
        assert_eq!(report.is_verified(), is_whole, "{report}");
    }
    if kind >= 128 {
        // With the key that is found there: damage to it is noticed, too.
        if let Some(report) = report(folder.path(), &Trust::default()) {
            assert!(!report.is_verified() || is_whole, "{report}");
        }
    }
}

/// An export in an archive: no event is believed that is not in the log.
pub fn export(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let kind = source.byte() % 4;
    let mut files = WHOLE.export.clone();
    if kind > 1 {
        let named = files.into_iter().enumerate();
        let mut edited: Files =
            named.map(|(at, (path, bytes))| (format!("{at:05} {path}"), bytes)).collect();
        damage(&mut edited, false, &mut source);
        files = edited.into_iter().map(|(path, bytes)| (path[6..].to_owned(), bytes)).collect();
    }
    if kind == 3 && files.last().is_some_and(|(path, _)| path == "manifest.json") {
        // As a forger would: nobody signed the manifest.
        files.pop();
        let manifest = WHOLE.made.manifest(&files, &WHOLE.made.all(), true);
        files.push(("manifest.json".to_owned(), manifest));
    }
    let mut bytes = archive(&files);
    while kind < 2 && !source.is_empty() {
        edit(&mut bytes, &mut source);
    }
    if kind == 1 {
        renew(&mut bytes);
    }
    let folder = scratch();
    let path = folder.path().join("evidence.tar");
    fs::write(&path, &bytes).expect("a file is written");
    let report = report(&path, &trust()).expect("a file is an archive");
    if report.is_verified() {
        assert_true(&bytes);
    }
    let is_whole = files == WHOLE.export && bytes == archive(&files);
    assert!(report.is_verified() || !is_whole, "{report}");
}

/// Makes the checksum of each header fit that stands where one may stand.
fn renew(bytes: &mut [u8]) {
    for block in bytes.as_chunks_mut::<512>().0 {
        if block[257..262] == *b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}

/// Asserts that the events of a verified archive are events of the log.
fn assert_true(bytes: &[u8]) {
    let mut archive = tar::Archive::new(bytes);
    for file in archive.entries().expect("it was read before") {
        let mut file = file.expect("it was read before");
        let path = file.path_bytes().into_owned();
        if path.starts_with(b"events/") && path.ends_with(b".jsonl") {
            let mut lines = Vec::new();
            std::io::Read::read_to_end(&mut file, &mut lines).expect("it was read before");
            for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                assert!(WHOLE.made.events.iter().any(|event| event == line), "an invented event");
            }
        }
    }
}
