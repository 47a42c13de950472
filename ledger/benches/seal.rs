//! What sealing costs those who record: callers of a ledger with a sealer and of one without, in
//! turn; few, who wait for the disk, and many, who keep the processors busy. `-- DIR` chooses the
//! disk.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark talks and may fail")]

use events::{Draft, EventId, GatewayStopped, Timestamp};
use ledger::backend::file::{FileLog, Options as FileOptions};
use ledger::log::Log as _;
use ledger::payload::Keys;
use ledger::sealer::{DirectoryLock, LogFiles, LostLock, Sealer};
use ledger::{Ledger, Options, Sealing};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tlog::SigningKey;

const CALLERS: [usize; 3] = [4, 16, 128];
const ROUND: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;

fn main() {
    let at = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let at = at.map_or_else(std::env::temp_dir, Into::into);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
    for callers in CALLERS {
        let mut ratios = Vec::new();
        for round in 1..=ROUNDS {
            let without = runtime.block_on(measure(&at, callers, false));
            let with = runtime.block_on(measure(&at, callers, true));
            println!("round {round}: {without:.0} events/s, sealed {with:.0} events/s");
            ratios.push(with / without);
        }
        ratios.sort_unstable_by(f64::total_cmp);
        let ratio = ratios.get(ROUNDS / 2).unwrap() * 100.0;
        println!("{callers} callers, sealed: {ratio:.1} % of the throughput without");
    }
}

async fn measure(at: &Path, callers: usize, with_sealer: bool) -> f64 {
    let dir = tempfile::tempdir_in(at).unwrap();
    let (log, _) = FileLog::open(&dir.path().join("ledger"), &FileOptions::default()).unwrap();
    let reader = log.reader();
    let options = Options {
        source: "countersign/0".into(),
        queue_max: 4096,
        append_timeout: Duration::from_secs(30),
        keys: Keys::none(),
    };
    let (ledger, writer) = Ledger::start(Box::new(log), options).unwrap();
    let sealing = with_sealer.then(|| {
        let key = SigningKey::from_seed("bench.example/0", &[7; 32]).unwrap();
        let lock = Box::new(DirectoryLock::open(&dir.path().join("lock"), "bench").unwrap());
        let files = LogFiles::new(dir.path().join("tlog"));
        let sealer = Sealer::open(reader, files, lock, key, LostLock::Refuse).unwrap();
        Sealing::start(sealer, ledger.committed(), Duration::from_secs(1), None)
    });
    let started = Instant::now();
    let callers: Vec<_> =
        (0..callers).map(|_| tokio::spawn(record(ledger.clone(), started))).collect();
    let mut count = 0;
    for caller in callers {
        count += caller.await.unwrap();
    }
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    drop(ledger);
    writer.join().await.unwrap();
    if let Some((sealing, task)) = sealing {
        task.join().await;
        assert_eq!(sealing.size(), u64::from(count));
    }
    rate
}

/// Records one event after the other, each when the one before is durable.
async fn record(ledger: Ledger, started: Instant) -> u32 {
    let reason: Arc<str> = "x".repeat(700).into();
    let mut count = 0;
    while started.elapsed() < ROUND {
        let fact = GatewayStopped { cancelled: u64::from(count), reason: reason.to_string() };
        let draft = Draft {
            id: EventId::new(ulid::Ulid::from_parts(1, u128::from(count))),
            time: Timestamp::from_micros(1),
            session: None,
            cause: None,
            call: None,
            fact,
        };
        ledger.record(draft).await.unwrap();
        count += 1;
    }
    count
}
