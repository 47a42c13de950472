//! What it costs to verify a ledger, against hashing and decompressing the same bytes, and to prove
//! one event of a very large one. `-- EVENTS LEAVES DIR` changes how many and where.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark talks and may fail")]

use bytes::Bytes;
use events::{
    CallCompleted, CallDispatched, CallId, Decision, Dialect, Digest, Draft, Event, EventId, Mark,
    Operation, PayloadRef, Principal, SEQUENCE_DIGITS, SessionId, SessionMethod, Timestamp, Usage,
    Verdict,
};
use ledger::Sequence;
use ledger::backend::file::{FileLog, FileReader, Options};
use ledger::log::{Batch, Log, Reader as _};
use ledger::sealer::{DirectoryLock, LogFiles, LostLock, Sealer, prove};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tlog::{Checkpoint, SigningKey, TILE_WIDTH, TreeBuilder, leaf_hash};
use verify::{Silent, Trust, log_directory, verify};

const ROUNDS: usize = 3;

fn main() {
    let mut numbers = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let mut number = |or: u64| numbers.next().map_or(or, |text| text.parse().unwrap());
    let (count, leaves) = (number(1_000_000), number(10_000_000));
    let at = numbers.next().map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::tempdir_in(at).unwrap();
    verification(dir.path(), count);
    proofs(dir.path(), leaves);
}

fn verification(dir: &Path, count: u64) {
    let (ledger, tlog) = (dir.join("ledger"), dir.join("tlog/0"));
    let bytes = write(&ledger, count);
    seal(&ledger, &tlog, &dir.join("lock"));
    println!("{count} events, {:.0} MB", megabytes(bytes));
    for round in 1..=ROUNDS {
        let sum = time(|| sha256sum(&tlog));
        let hash = time(|| hash(&tlog));
        let unpack = time(|| decompress(&ledger));
        let log = time(|| {
            let report = verify(&log_directory(tlog.clone()), &Trust::default(), &mut Silent);
            assert!(report.unwrap().is_verified());
        });
        let stored = time(|| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
            let verified = command.args(["verify", "--no-payloads"]).arg(dir).output().unwrap();
            assert!(verified.status.success(), "{verified:?}");
        });
        let seconds = Duration::as_secs_f64;
        println!(
            "round {round}: sha256sum {:.2} s, SHA-256 here {:.2} s, decompression {:.2} s; log {:.2} s \
             ({:.0} % of sha256sum's speed), ledger {:.2} s ({:.0} % of both)",
            seconds(&sum),
            seconds(&hash),
            seconds(&unpack),
            seconds(&log),
            seconds(&sum) / seconds(&log) * 100.0,
            seconds(&stored),
            (seconds(&sum) + seconds(&unpack)) / seconds(&stored) * 100.0,
        );
    }
}

fn time(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The same bytes through the command that everybody has.
fn sha256sum(tlog: &Path) {
    let script = "find \"$0\"/tile/entries -type f | xargs cat | sha256sum";
    let summed = Command::new("sh").args(["-c", script]).arg(tlog).output().unwrap();
    assert!(summed.status.success());
}

/// The same bytes through the implementation used here, read one file after the other.
fn hash(tlog: &Path) {
    let mut hasher = Sha256::new();
    visit(&tlog.join("tile/entries"), &mut |file| hasher.update(std::fs::read(file).unwrap()));
    assert_ne!(hasher.finalize().first(), None);
}

fn visit(folder: &Path, file: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { visit(&path, file) } else { file(&path) }
    }
}

fn decompress(ledger: &Path) {
    let reader = FileReader::open(ledger).unwrap();
    let mut next = Sequence::FIRST;
    loop {
        let records = reader.read(next, 1 << 20).unwrap();
        if records.is_empty() {
            break;
        }
        next = next.after(records.len() as u64);
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed("bench.example/0", &[7; 32]).unwrap()
}

fn seal(ledger: &Path, tlog: &Path, lock: &Path) {
    let reader = std::sync::Arc::new(FileReader::open(ledger).unwrap());
    let lock = Box::new(DirectoryLock::open(lock, "bench").unwrap());
    let files = LogFiles::new(tlog.to_owned());
    files.put_policy(&format!("log {}\nquorum none\n", key().verifier())).unwrap();
    let mut sealer = Sealer::open(reader, files, lock, key(), LostLock::Refuse).unwrap();
    let signed = sealer.seal().unwrap().unwrap().clone();
    sealer.publish(&signed).unwrap();
}

/// Writes that many events of calls, and says how many bytes they have.
fn write(ledger: &Path, count: u64) -> u64 {
    let options = Options { synced: false, shard: "countersign/0".into(), ..Options::default() };
    let (mut log, _) = FileLog::open(ledger, &options).unwrap();
    let mut bytes = 0;
    let mut next = 0;
    while next < count {
        let until = count.min(next + 1024);
        let records: Vec<Bytes> = (next..until).map(record).collect();
        bytes += records.iter().map(|record| record.len() as u64).sum::<u64>();
        log.append(&Batch { records, payloads: Vec::new() }).unwrap();
        next = until;
    }
    bytes
}

fn record(number: u64) -> Bytes {
    let ulid = |kind: u128| (u128::from(1_795_250_000_000 + number / 2) << 80) | (kind << 64);
    let call = CallId::new((ulid(1) + u128::from(number / 2)).into());
    let draft = Draft {
        id: EventId::new((ulid(2) + u128::from(number)).into()),
        time: Timestamp::from_micros(1_795_250_000_000_000 + number * 500),
        session: Some(SessionId::new((ulid(3) + u128::from(number / 40)).into())),
        cause: Some(EventId::new(call.ulid())),
        call: Some(call),
        fact: if number.is_multiple_of(2) { dispatched(number) } else { completed(number) },
    };
    let (mut bytes, at) = draft.encode_event("countersign/0").unwrap();
    let digits = format!("{number:0SEQUENCE_DIGITS$}");
    bytes.splice(at..at + SEQUENCE_DIGITS, digits.into_bytes());
    bytes.into()
}

fn digest(number: u64) -> [u8; 32] {
    Sha256::digest(number.to_le_bytes()).into()
}

fn mark(number: u64) -> Mark {
    let digest = digest(number);
    let mut mark = [0; 16];
    mark.iter_mut().zip(digest).for_each(|(place, byte)| *place = byte);
    Mark(mark)
}

fn payload(number: u64) -> PayloadRef {
    PayloadRef { bytes: number % 9000, digest: Digest(digest(number)), discarded: false }
}

fn dispatched(number: u64) -> Event {
    CallDispatched {
        arguments: Some(mark(number)),
        conversation: Some(mark(number + 1)),
        dialect: Dialect::Openai,
        grant: None,
        method: "POST /v1/chat/completions".into(),
        model: Some("gpt-5".into()),
        operation: Operation::Chat,
        principal: Principal {
            actors: Vec::new(),
            agent: "support-bot".into(),
            owner: "ada@example.com".into(),
            team: "support".into(),
        },
        request: Some(payload(number)),
        session: SessionMethod::Chain,
        shadow: None,
        stream: true,
        target: None,
        tool_call: None,
        trace: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        upstream: "openai".into(),
        verdict: Verdict {
            decision: Decision::Allow,
            policies: vec!["agent.support-bot.models".into()],
            reason: None,
        },
    }
    .into()
}

fn completed(number: u64) -> Event {
    CallCompleted {
        answer: Some(payload(number)),
        conversation: Some(mark(number)),
        duration_us: 1_234_567,
        finish: vec!["stop".into()],
        first_byte_us: Some(98_765),
        model: Some("gpt-5-2025-08-07".into()),
        response: Some(format!("chatcmpl-{number:032x}")),
        result: None,
        status: 200,
        tool_calls: Vec::new(),
        unsuccessful: false,
        usage: Some(Usage {
            cache_write: None,
            cached_input: Some(number % 4096),
            input: Some(5000 + number % 977),
            output: Some(number % 800),
            reasoning: None,
        }),
    }
    .into()
}

/// Lays out a tree of so many leaves, and proves leaves all over it.
fn proofs(dir: &Path, leaves: u64) {
    let folder = dir.join("large");
    let put = |path: &str, bytes: &[u8]| {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let mut tree = TreeBuilder::new();
    for number in 0..leaves {
        let full = &mut |tile: tlog::TileId, bytes: &[u8]| put(&tile.path(), bytes);
        tree.push(leaf_hash(&number.to_le_bytes()), full).unwrap();
    }
    tree.partial().for_each(|(tile, bytes)| put(&tile.path(), &bytes));
    let key = key();
    let checkpoint = Checkpoint::new(key.verifier().name(), leaves, tree.root()).unwrap();
    put("checkpoint", checkpoint.sign(&key).unwrap().to_string().as_bytes());
    let files = LogFiles::new(folder.clone());
    let mut times: Vec<Duration> = (0..1000_u64)
        .map(|step| {
            let index = step.wrapping_mul(0x9E37_79B9_7F4A_7C15) % leaves;
            time(|| assert!(prove(&files, key.verifier(), index).unwrap().is_some()))
        })
        .collect();
    times.sort_unstable();
    let of = |part: usize| times.get(times.len() * part / 100).unwrap().as_secs_f64() * 1e6;
    println!(
        "a proof of one event of {leaves} ({} full tiles below): p50 {:.0} µs, p99 {:.0} µs",
        leaves / TILE_WIDTH,
        of(50),
        of(99)
    );
}
