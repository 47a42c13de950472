//! What the file log costs: 128 writers behind a group commit, against the same group commit that
//! writes the same bytes into a filled file and syncs it, and nothing else.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark talks and may fail")]

use bytes::Bytes;
use ledger::backend::file::{FileLog, Options};
use ledger::log::{BATCH_RECORDS_MAX, Batch, Log};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

const WRITERS: usize = 128;
const RECORD_BYTES: usize = 1024;
const ROUND: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;

/// Something that makes a batch durable.
type Commit<'a> = &'a mut (dyn FnMut(Vec<Bytes>) + Send);

/// One record, and whom to tell that it is durable.
type Submission = (Bytes, SyncSender<()>);

fn main() {
    // Cargo passes `--bench`; a directory may follow, to choose the disk.
    let at = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let at = at.map_or_else(std::env::temp_dir, Into::into);
    let mut totals = [0.0; 3];
    for round in 1..=ROUNDS {
        let rates = [raw(&at), file_log(&at, false), file_log(&at, true)];
        let [raw, log, with_payloads] = rates;
        totals.iter_mut().zip(rates).for_each(|(total, rate)| *total += rate);
        println!(
            "round {round}: raw {raw:.0}/s, log {log:.0}/s, with payloads {with_payloads:.0}/s"
        );
    }
    let [raw, log, with_payloads] = totals;
    println!("{WRITERS} writers, {RECORD_BYTES} byte events, against raw write and sync:");
    println!(
        "log {:.1} %, with 1 KiB payloads {:.1} %",
        log / raw * 100.0,
        with_payloads / raw * 100.0
    );
}

/// Group commit straight into a filled file.
fn raw(at: &Path) -> f64 {
    let dir = tempfile::tempdir_in(at).unwrap();
    let mut file = File::create(dir.path().join("raw")).unwrap();
    let zeros = vec![0; 1024 * 1024];
    for _ in 0..512 {
        file.write_all(&zeros).unwrap();
    }
    file.sync_all().unwrap();
    let mut offset = 0;
    let mut buffer = Vec::new();
    measure(&mut |records| {
        buffer.clear();
        for record in &records {
            buffer.extend_from_slice(record);
        }
        file.write_all_at(&buffer, offset).unwrap();
        file.sync_data().unwrap();
        offset = (offset + buffer.len() as u64) % (500 * 1024 * 1024);
    })
}

/// The same into a file log.
fn file_log(at: &Path, with_payloads: bool) -> f64 {
    let dir = tempfile::tempdir_in(at).unwrap();
    let (mut log, _) = FileLog::open(dir.path(), &Options::default()).unwrap();
    let mut number = 0;
    measure(&mut |records| {
        let payloads = records.iter().filter(|_| with_payloads).map(|record| {
            number += 1;
            payload(number, record)
        });
        let payloads = payloads.collect();
        log.append(&Batch { records, payloads }).unwrap();
    })
}

fn payload(number: u64, record: &Bytes) -> ledger::log::Sealed {
    let mut address = [0; 32];
    address.iter_mut().zip(number.to_le_bytes()).for_each(|(place, byte)| *place = byte);
    let (scope, address) = (ledger::log::Scope([1; 16]), ledger::log::Address(address));
    ledger::log::Sealed { scope, address, bytes: record.clone() }
}

/// Runs the writers for a round; how many records became durable in a second.
fn measure(commit: Commit<'_>) -> f64 {
    let (submit, submitted) = sync_channel::<Submission>(WRITERS);
    // Made in advance, so that only the log is measured; far more than its dictionary holds.
    let events: Vec<Vec<Bytes>> =
        (0..WRITERS).map(|writer| (0..64).map(|number| event(writer, number)).collect()).collect();
    let started = Instant::now();
    let mut count = 0_u64;
    std::thread::scope(|scope| {
        for events in &events {
            let submit = submit.clone();
            scope.spawn(move || write(events, &submit, started));
        }
        drop(submit);
        count = group_commit(&submitted, commit);
    });
    f64::from(u32::try_from(count).unwrap()) / started.elapsed().as_secs_f64()
}

/// Submits one record after the other, each when the one before is durable.
fn write(events: &[Bytes], submit: &SyncSender<Submission>, started: Instant) {
    let (tell, durable) = sync_channel(1);
    for event in events.iter().cycle() {
        if started.elapsed() > ROUND {
            break;
        }
        submit.send((event.clone(), tell.clone())).unwrap();
        durable.recv().unwrap();
    }
}

/// Commits whatever has been submitted meanwhile, until all writers are gone.
fn group_commit(submitted: &Receiver<Submission>, commit: Commit<'_>) -> u64 {
    let mut count = 0;
    while let Ok(first) = submitted.recv() {
        let more = submitted.try_iter().take(BATCH_RECORDS_MAX - 1);
        let (records, tell): (Vec<_>, Vec<_>) = std::iter::once(first).chain(more).unzip();
        count += records.len() as u64;
        commit(records);
        for tell in tell {
            tell.send(()).unwrap();
        }
    }
    count
}

/// An event as large as a call's usually is: mostly names that recur, and ids and digests that do
/// not.
fn event(writer: usize, number: u64) -> Bytes {
    let mut state = (writer as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ number.wrapping_mul(0xD134_2543_DE82_EF95);
    let mut noise = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state
    };
    let mut text = format!(
        "{{\"causationid\":\"evt_{:026X}\",\"correlationid\":\"ses_{writer:026}\",\"data\":{{\"arguments\":\
         {{\"digest\":\"{:016x}{:016x}{:016x}{:016x}\",\"size\":{}}},\"call\":\"call_{:026X}\",\
         \"principal\":{{\"agent\":\"agent-{writer}\",\"owner\":\"ada@example.com\",\"team\":\"support\"}},",
        noise(),
        noise(),
        noise(),
        noise(),
        noise(),
        noise() % 9000,
        noise()
    );
    while text.len() < RECORD_BYTES - 120 {
        let field = text.len() % 17;
        write!(text, "\"field{field}\":\"value {}\",", noise() % 1000).unwrap();
    }
    text.push_str("\"verdict\":\"allow\"},\"specversion\":\"1.0\",\"type\":\"call.dispatched\"}");
    Bytes::from(text)
}
