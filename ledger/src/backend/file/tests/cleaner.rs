//! The thread that cleans the journal, stopped and failed at each of its syncs.

use super::super::disk::{Disk, DiskFile, Identity, Lock};
use super::super::simulated::{Crash, Fault, SimulatedDisk};
use super::{DIR, small};
use crate::backend::file::filler::Workers;
use crate::backend::file::{FileLog, Options};
use crate::conformance::{assert_holds, batch};
use crate::log::{Batch, Log};
use std::cell::RefCell;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// A disk whose cleaner syncs only when it may, and whose n-th such sync fails.
#[derive(Clone)]
struct Gated {
    disk: SimulatedDisk,
    fails: u32,
    counts: Arc<(Mutex<Counts>, Condvar)>,
}

#[derive(Default)]
struct Counts {
    asked: u32,
    allowed: u32,
    ended: u32,
}

struct GatedFile(Gated, Arc<dyn DiskFile>);

thread_local! {
    /// What happens before the next sync of the test's own thread.
    static BEFORE_SYNC: RefCell<Option<Box<dyn Fn()>>> = const { RefCell::new(None) };
}

impl Gated {
    fn new(fails: u32) -> Self {
        Self { disk: SimulatedDisk::default(), fails, counts: Arc::default() }
    }

    fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.counts.1.notify_all();
    }

    fn wait(&self, until: impl Fn(&Counts) -> bool) {
        let counts = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.counts.1.wait_timeout_while(counts, PATIENCE, |counts| !until(counts));
        assert!(!waited.unwrap_or_else(PoisonError::into_inner).1.timed_out(), "nothing happens");
    }

    /// Lets the cleaner go on up to and with its sync of this number.
    fn let_pass(&self, number: u32) {
        self.change(|counts| counts.allowed = number);
        self.wait(|counts| counts.ended >= number);
    }

    fn open(&self) -> FileLog {
        let disk = Arc::new(self.clone());
        FileLog::open_on(disk, Path::new(DIR), &options(), Workers::Threads).unwrap().0
    }

    /// Appends until the journal has turned and the cleaner waits.
    fn until_cleaning(&self, log: &mut FileLog) -> Vec<Batch> {
        let mut held = Vec::new();
        while log.journal.as_ref().is_some_and(|journal| journal.turns() == 0) {
            let more = batch(log.next().number(), 1, true);
            log.append(&more).unwrap();
            held.push(more);
        }
        self.wait(|counts| counts.asked > 0);
        held
    }
}

impl Disk for Gated {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir(path)
    }
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(GatedFile(self.clone(), self.disk.create(path)?)))
    }
    fn open(&self, path: &Path, writable: bool) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(GatedFile(self.clone(), self.disk.open(path, writable)?)))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.disk.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_dir(path)
    }
    fn identity(&self, path: &Path) -> io::Result<Identity> {
        self.disk.identity(path)
    }
    fn lock(&self, path: &Path, owner: &str) -> io::Result<Lock> {
        self.disk.lock(path, owner)
    }
}

impl DiskFile for GatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.1.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.1.write_at(bytes, offset)
    }
    fn sync(&self) -> io::Result<()> {
        let Self(gate, file) = self;
        if std::thread::current().name() != Some("ledger-journal") {
            let before = BEFORE_SYNC.with_borrow_mut(Option::take);
            if let Some(before) = before {
                before();
            }
            return file.sync();
        }
        let mut number = 0;
        gate.change(|counts| {
            counts.asked += 1;
            number = counts.asked;
        });
        gate.wait(|counts| counts.allowed >= number);
        if number == gate.fails {
            gate.disk.fail(0, Fault::Error(io::ErrorKind::Other));
        }
        let outcome = file.sync();
        gate.change(|counts| counts.ended += 1);
        outcome
    }
    fn length(&self) -> io::Result<u64> {
        self.1.length()
    }
    fn identity(&self) -> io::Result<Identity> {
        self.1.identity()
    }
    fn give_back(&self, range: Range<u64>) -> io::Result<()> {
        self.1.give_back(range)
    }
}

/// Segments with room for all that a test appends.
fn options() -> Options {
    Options { payload_segment_bytes: 30_000, event_segment_bytes: 30_000, ..small() }
}

fn reopen(disk: SimulatedDisk) -> FileLog {
    let opened = FileLog::open_on(Arc::new(disk), Path::new(DIR), &options(), Workers::Inline);
    opened.unwrap_or_else(|error| panic!("{error}")).0
}

#[test]
fn a_failed_sync_of_the_cleaner_does_not_hide_that_of_an_append() {
    let gate = Gated::new(2);
    let mut log = gate.open();
    let mut held = gate.until_cleaning(&mut log);
    gate.let_pass(1);
    // The cleaner's sync of the events fails between the write of an append and its own sync.
    let cleaner = gate.clone();
    BEFORE_SYNC.set(Some(Box::new(move || cleaner.let_pass(2))));
    let more = batch(log.next().number(), 1, false);
    held.extend(log.append(&more).is_ok().then_some(more));
    let after = reopen(gate.disk.crash(Crash::Nothing));
    assert!(held.len() as u64 <= after.next().number());
}

#[test]
fn a_failed_sync_of_the_cleaner_is_known_before_a_segment_is_left() {
    let gate = Gated::new(2);
    let mut log = gate.open();
    let mut held = gate.until_cleaning(&mut log);
    gate.let_pass(2);
    let first = log.events.segment.first;
    while log.events.segment.first == first {
        held.push(batch(log.next().number(), 20, false));
        if log.append(&held[held.len() - 1]).is_err() {
            break;
        }
    }
    let after = reopen(gate.disk.crash(Crash::Nothing));
    // The last one was not acknowledged, and may be there all the same.
    let last = held.pop().filter(|last| last.records.len() as u64 <= after.next().number());
    held.extend(last);
    assert_holds(&*after.reader(), &held);
}

#[test]
fn a_failed_cleaning_and_a_later_power_cut_are_no_damage() {
    for fails in [3, 4] {
        let gate = Gated::new(fails);
        let mut log = gate.open();
        let mut held = gate.until_cleaning(&mut log);
        gate.change(|counts| counts.allowed = u32::MAX);
        drop(log);
        // Started again on the machine and the page cache that live on.
        let mut log = reopen(gate.disk.clone());
        for _ in 0..5 {
            let more = batch(log.next().number(), 1, true);
            log.append(&more).unwrap();
            held.push(more);
            assert_holds(&*reopen(gate.disk.crash(Crash::Nothing)).reader(), &held);
        }
    }
}

#[test]
fn damage_in_the_journal_file_that_is_being_cleaned_is_found() {
    let gate = Gated::new(0);
    let mut log = gate.open();
    let held = gate.until_cleaning(&mut log);
    let path = Path::new(DIR).join("journal/0.log");
    let bytes = gate.disk.snapshot()[&path].clone();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    for at in 0..end {
        let copy = gate.disk.crash(Crash::Nothing);
        copy.tamper(&path, |bytes| bytes[at] ^= 1);
        let opened = FileLog::open_on(Arc::new(copy), Path::new(DIR), &options(), Workers::Inline);
        if let Ok((log, _)) = opened {
            assert_holds(&*log.reader(), &held);
        }
    }
    gate.change(|counts| counts.allowed = u32::MAX);
}
