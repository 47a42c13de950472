//! What must hold for a ledger's directory, whatever is in its files: it opens with everything that
//! was acknowledged, or the damage is named; never is something else read.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use bytes::Bytes;
use ledger::Sequence;
use ledger::backend::file::{FileLog, FileReader, Options};
use ledger::log::{Address, Batch, Log, Reader, Scope, Sealed};

use crate::checksums::{payload_frames, renew, renew_all};
use crate::damage::{Files, Source, damage, read, scratch, write};

/// How many batches there are, and how many records in each.
const BATCHES: u8 = 12;
const RECORDS: u8 = 3;

/// How many scopes take turns.
const SCOPES: u8 = 3;

fn options() -> Options {
    Options {
        shard: "fuzz".to_owned(),
        event_segment_bytes: 2048,
        payload_segment_bytes: 4096,
        journal_bytes: 2048,
        reserve_bytes: 0,
        dictionary_bytes: 256,
        synced: true,
    }
}

fn record(number: u8) -> Bytes {
    // Neither alike nor without pattern, so that some blocks are compressed.
    format!("record {number} {}", "ab".repeat(usize::from(number % 5) * 20)).into()
}

fn sealed(number: u8) -> Sealed {
    let bytes = vec![number; 300 + usize::from(number) * 7].into();
    Sealed { scope: Scope([number % SCOPES; 16]), address: Address([number; 32]), bytes }
}

/// A ledger of several segments of both series, with batches in its journal, whose scope 1 was
/// erased but for what came later.
struct Whole {
    files: Files,
    /// The same in the middle of that erasure.
    erasing: Files,
}

static WHOLE: LazyLock<Whole> = LazyLock::new(|| {
    let folder = scratch();
    let mut log = FileLog::open(folder.path(), &options()).expect("a log is made").0;
    let mut erasing = None;
    for number in 0..BATCHES {
        if number == BATCHES - 4 {
            let before = read(folder.path());
            log.erase(&[Scope([1; 16])]).expect("it is erased");
            erasing = Some(with_erasure(before));
        }
        let records = (0..RECORDS).map(|at| record(number * RECORDS + at)).collect();
        let payloads = vec![sealed(number)];
        log.append(&Batch { records, payloads }).expect("it is appended");
    }
    // Copied while it is open, as a crash leaves it: the journal is not empty.
    let files = read(folder.path());
    Whole { files, erasing: erasing.expect("there was one") }
});

/// The files of a ledger with the note of an erasure of scope 1 that did not happen yet.
fn with_erasure(mut files: Files) -> Files {
    let mut places = Vec::new();
    for (path, bytes) in files.iter().filter(|(path, _)| path.starts_with("payloads/")) {
        let name = path.trim_start_matches("payloads/").trim_end_matches(".log");
        let Ok(segment) = name.parse::<u64>() else { continue };
        for at in payload_frames(bytes) {
            let (length, name) = (&bytes[at..at + 4], &bytes[at + 16..at + 64]);
            if name[..16] == [1; 16] {
                places.extend_from_slice(&segment.to_le_bytes());
                places.extend_from_slice(&u64::try_from(at).expect("it fits").to_le_bytes());
                places.extend_from_slice(length);
                places.extend_from_slice(&[0; 4]);
                places.extend_from_slice(name);
            }
        }
    }
    let count = u64::try_from(places.len() / 72).expect("it fits");
    let mut shard = b"fuzz".to_vec();
    shard.resize(32, 0);
    let (one, scope) = (1_u64.to_le_bytes(), [1; 16]);
    let parts: [&[u8]; 9] = [
        b"cs-erase",
        &1_u32.to_le_bytes(),
        &[0; 4],
        &one,
        &count.to_le_bytes(),
        &shard,
        &scope,
        &places,
        &[0; 4],
    ];
    let mut bytes = parts.concat();
    renew("erasing", &mut bytes);
    files.insert("erasing".to_owned(), bytes);
    files
}

/// All that a ledger gives: its records, and the payloads of each number that are there.
fn content(reader: &dyn Reader) -> Result<(Vec<Bytes>, BTreeMap<u8, Bytes>), String> {
    let mut records = Vec::new();
    while records.len() <= usize::from(BATCHES * RECORDS) {
        let next = Sequence::new(u64::try_from(records.len()).expect("it fits"));
        let more = reader.read(next, 1 << 20).map_err(|error| error.to_string())?;
        if more.is_empty() {
            break;
        }
        records.extend(more);
    }
    let mut payloads = BTreeMap::new();
    for number in 0..BATCHES {
        let Sealed { scope, address, bytes: _ } = sealed(number);
        let found = reader.payload(scope, address).map_err(|error| error.to_string())?;
        payloads.extend(found.map(|bytes| (number, bytes)));
    }
    Ok((records, payloads))
}

/// The damaged files, and whether checksums were made to fit again, after which anything may be
/// read that somebody could have written so.
fn damaged(bytes: &[u8]) -> (Files, bool) {
    let mut source = Source::new(bytes);
    let kind = source.byte();
    let mut files = if kind % 4 == 0 { WHOLE.erasing.clone() } else { WHOLE.files.clone() };
    if kind % 4 > 1 {
        // As after an orderly end.
        let journals = files.iter_mut().filter(|(path, _)| path.starts_with("journal/"));
        journals.for_each(|(_, bytes)| bytes.fill(0));
    }
    let is_forged = kind / 4 % 4 > 0;
    damage(&mut files, true, &mut source);
    if is_forged {
        renew_all(&mut files);
    }
    (files, is_forged)
}

/// Whether what was read is nothing but what was written: all of it from the first record on, or
/// less of it.
fn assert_true((records, payloads): &(Vec<Bytes>, BTreeMap<u8, Bytes>)) {
    for (number, found) in (0..).zip(records) {
        assert_eq!(*found, record(number));
    }
    for (number, found) in payloads {
        assert_eq!(*found, sealed(*number).bytes);
    }
}

/// A ledger that is opened for writing.
pub fn open(bytes: &[u8]) {
    let (files, is_forged) = damaged(bytes);
    let folder = scratch();
    write(folder.path(), &files);
    let Ok((mut log, recovery)) = FileLog::open(folder.path(), &options()) else { return };
    let next = log.next().number();
    assert_eq!(recovery.records, next);
    let found = content(&*log.reader());
    if !is_forged {
        // Damage that a reader finds was not to be found by the writer: it does not read all.
        if let Ok(found) = &found {
            assert_true(found);
            assert!(next == 0 || found.0.len() <= usize::from(BATCHES * RECORDS));
        }
    }
    let more = Batch { records: vec![record(0)], payloads: vec![sealed(BATCHES)] };
    if log.append(&more).is_ok() {
        assert_eq!(log.next().number(), next + 1);
    }
}

/// A ledger that is read by another process.
pub fn read_only(bytes: &[u8]) {
    let (files, is_forged) = damaged(bytes);
    let folder = scratch();
    write(folder.path(), &files);
    if let Ok(found) = read_at(folder.path())
        && !is_forged
    {
        assert_true(&found);
    }
    assert_eq!(read(folder.path()), files, "a reader changes nothing");
}

fn read_at(folder: &Path) -> Result<(Vec<Bytes>, BTreeMap<u8, Bytes>), String> {
    let reader = FileReader::open(folder).map_err(|error| error.to_string())?;
    content(&reader)
}

/// A ledger one of whose small files is endless.
pub fn endless(path: &str) {
    let folder = scratch();
    write(folder.path(), &WHOLE.erasing);
    let file = std::fs::File::options().write(true).open(folder.path().join(path));
    // A sparse file stands for an endless one.
    file.and_then(|file| file.set_len(1 << 44)).expect("the file is there");
    FileLog::open(folder.path(), &options()).map(drop).expect_err("it cannot be read");
}
