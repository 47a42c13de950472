//! A disk that fails once: at each request of a short life, start and stop included.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use tests::gateway::Setup;
use tests::tools::{available, runs};

use crate::observer::Observer;
use crate::traced::{Point, points, sample, tracer};
use crate::witness::{Load, Witness};

/// How many faults are tried, unless all must be.
const FAULTS: usize = 40;

/// How many gateways live at once.
const LIVES: usize = 2;

/// A gateway's life in a folder, and who watches it.
struct Life {
    folder: TempDir,
    witness: Arc<Witness>,
    observer: Observer,
}

impl Life {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, witness: Arc::default(), observer: Observer::new() }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts, serves some calls, erases a conversation, and stops. Whatever fails meanwhile, it
    /// comes to an end; says whether it started.
    fn live(&self, setup: Setup) -> bool {
        let Ok(mut gateway) = setup.try_start() else { return false };
        for (load, count) in [(Load::Models, 4), (Load::Tools("/mcp/tools"), 3)] {
            self.witness.call(gateway.agents, load, count);
        }
        // These fail when the gateway is gone.
        drop(self.witness.erase_one(gateway.people, &gateway.data));
        drop(self.observer.look(gateway.people));
        self.witness.call(gateway.agents, Load::Models, 2);
        drop(self.observer.look(gateway.people));
        gateway.stop();
        true
    }

    /// Starts on a disk that works again, and holds the ledger to what was seen.
    fn check(&self, setup: Setup) {
        let mut gateway = setup.start();
        self.witness.check(&gateway.records());
        self.witness.call(gateway.agents, Load::Models, 1);
        self.observer.verify_running(&gateway);
        let records = gateway.stop_and_check();
        self.witness.check(&records);
        self.observer.verify(&gateway.data);
    }
}

fn words(wrapper: &[String]) -> Vec<&str> {
    wrapper.iter().map(String::as_str).collect()
}

/// Everything that a life asks of its disk.
fn requests() -> Vec<Point> {
    let life = Life::new();
    let log = life.folder.path().join("trace");
    let setup = life.witness.setup().data(&life.data());
    assert!(life.live(setup.under(&words(&tracer(&log)))));
    points(&fs::read_to_string(log).unwrap(), &life.data())
}

/// What became of a life with one fault: whether it started.
fn with_fault(point: &Point, how: &str) -> bool {
    let life = Life::new();
    let data: &Path = &life.data();
    let setup = life.witness.setup().data(data);
    let fault = point.fault(data, how);
    let started = life.live(setup.clone().under(&words(&fault)));
    println!("{how} {point:?}: started {started}");
    life.check(setup);
    started
}

#[test]
fn a_disk_that_fails_once_at_any_request_costs_nothing_that_was_acknowledged() {
    if !available(runs("strace", "--version"), "strace", "install the package `strace`") {
        return;
    }
    let all = requests();
    let faults: Vec<(Point, &str)> = sample(&all, FAULTS)
        .into_iter()
        .zip([0, 1].into_iter().cycle())
        .flat_map(|(point, turn)| {
            let errors = point.errors();
            let one = errors.get(turn % errors.len()).copied();
            let tried = if tests::tools::exhaustive() { errors } else { one.as_slice() };
            tried.iter().map(|how| (point.clone(), *how)).collect::<Vec<_>>()
        })
        .collect();
    let (next, started) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..LIVES {
            scope.spawn(|| {
                while let Some((point, how)) = faults.get(next.fetch_add(1, Ordering::SeqCst)) {
                    started.fetch_add(with_fault(point, how).into(), Ordering::SeqCst);
                }
            });
        }
    });
    let started = started.into_inner();
    println!("{} requests, {} of them failed, {started} starts", all.len(), faults.len());
    assert!(started > 0, "no gateway started at all");
}
