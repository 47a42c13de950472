//! Every byte of a small ledger, changed: it is noticed, or it changes nothing that is read.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use ledger::backend::file::{FileLog, Options};
use tests::gateway::Setup;
use tests::records::Records;
use tests::upstream::{Upstream, completion};
use tests::wire::{ask, chat};

/// All that a reader gets of a ledger: its events and every payload that they name.
#[derive(PartialEq, Eq)]
struct Content {
    events: Vec<String>,
    payloads: Vec<Vec<u8>>,
}

fn content(data: &Path) -> Result<Content, String> {
    let records = Records::try_read(data)?;
    let events = records.events.iter().map(|envelope| format!("{envelope:?}")).collect();
    Ok(Content { events, payloads: records.payloads()? })
}

fn segments(data: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for series in ["events", "payloads"] {
        let folder = fs::read_dir(data.join("ledger").join(series)).unwrap();
        let paths = folder.map(|entry| entry.unwrap().path());
        found.extend(paths.filter(|path| path.extension().is_some_and(|kind| kind == "log")));
    }
    found
}

/// What a change of one byte led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Noticed {
    /// A reader says that the ledger is damaged.
    WhenRead,
    /// A reader takes the last batch for one that is still being written; the next start refuses.
    WhenOpened,
    /// Everything reads as before.
    Harmless,
}

fn notice(data: &Path, intact: &Content) -> Noticed {
    let Ok(found) = content(data) else { return Noticed::WhenRead };
    if found == *intact {
        return Noticed::Harmless;
    }
    let kept = intact.events.get(..found.events.len());
    assert!(kept == Some(&found.events), "an event reads differently");
    let options = Options { shard: "countersign/0".into(), ..Options::default() };
    let opened = FileLog::open(&data.join("ledger"), &options);
    assert!(opened.is_err(), "the last events vanished without a word");
    Noticed::WhenOpened
}

/// Every byte where `COUNTERSIGN_TESTS=required`; otherwise those at both ends of a segment, where
/// headers and commits are, and every eleventh between, so that each bit of a byte has its turn.
fn chosen(at: u64, end: u64) -> bool {
    at < 128 || end < at + 128 || at.is_multiple_of(11) || tests::tools::required()
}

#[test]
fn no_byte_of_a_ledger_can_be_changed_so_that_it_reads_differently() {
    let upstream = Upstream::start(|_, connection| connection.reply(200, &completion("well")));
    let mut gateway = Setup::new().provider("openai", &upstream.url(), "*").start();
    for number in 0..6 {
        let text = format!("question {number}");
        assert_eq!(ask(gateway.agents, chat("m", &text, false)).unwrap().status(), 200);
    }
    gateway.stop_and_check();
    let data = gateway.data.clone();
    let intact = content(&data).unwrap();
    let mut seen: BTreeMap<Noticed, usize> = BTreeMap::new();
    for path in segments(&data) {
        let bytes = fs::read(&path).unwrap();
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
        let file = fs::File::options().write(true).open(&path).unwrap();
        for (at, byte) in (0..).zip(bytes.iter().take(end + 1)) {
            if !chosen(at, end as u64) {
                continue;
            }
            file.write_all_at(&[byte ^ (1 << (at % 8))], at).unwrap();
            let noticed = notice(&data, &intact);
            assert_ne!(noticed, Noticed::Harmless, "byte {at} of {}", path.display());
            *seen.entry(noticed).or_default() += 1;
            file.write_all_at(&[*byte], at).unwrap();
        }
    }
    println!("{seen:?}");
    assert!(content(&data).is_ok_and(|found| found == intact), "the ledger is as before");
    gateway.again().stop_and_check();
}
