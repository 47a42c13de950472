//! `kill -9` at every request that a start makes of its disk, again and again.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustix::process::Signal;
use tests::gateway::{Gateway, Setup};
use tests::tools::{available, runs};

use crate::observer::Observer;
use crate::traced::{Point, points, sample, tracer};
use crate::witness::{Load, Witness};

/// How many starts are killed, unless all must be.
const KILLS: usize = 24;

/// So many of them come before one that is not.
const KILLS_IN_A_ROW: usize = 4;

/// Uses a gateway, and kills it while it erases and answers.
fn use_up(mut gateway: Gateway, witness: &Witness, observer: &Observer) {
    let (agents, people, data) = (gateway.agents, gateway.people, gateway.data.clone());
    witness.call(agents, Load::Models, 2);
    std::thread::scope(|scope| {
        for load in [Load::Models, Load::Tools("/mcp/tools"), Load::Tools("/mcp")] {
            scope.spawn(move || witness.call_until_gone(agents, load));
        }
        scope.spawn(|| observer.look_until_gone(people));
        // It may be gone before it has answered.
        drop(witness.erase_one(people, &data));
        gateway.signal(Signal::KILL);
        gateway.ended();
    });
}

/// Starts a gateway under this program.
fn start_under(setup: &Setup, wrapper: &[String]) -> Result<Gateway, Vec<String>> {
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    setup.clone().under(&wrapper).try_start()
}

/// A gateway, and everything that its start asked of its disk.
fn traced(setup: &Setup, data: &Path) -> (Gateway, Vec<Point>) {
    let log = data.with_extension("trace");
    let gateway = start_under(setup, &tracer(&log)).unwrap();
    let points = points(&fs::read_to_string(&log).unwrap(), data);
    (gateway, points)
}

fn strace() -> bool {
    available(runs("strace", "--version"), "strace", "install the package `strace`")
}

#[test]
fn a_first_start_that_is_killed_at_any_request_to_its_disk_can_be_repeated() {
    if !strace() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let witness = Arc::new(Witness::default());
    let place = |name: &str| {
        let data = folder.path().join(name);
        (witness.setup().data(&data), data)
    };
    let (setup, data) = place("traced");
    let (_, all) = traced(&setup, &data);
    let kills = sample(&all, KILLS);
    let mut killed = 0;
    for (number, point) in kills.iter().enumerate() {
        let (setup, data) = place(&number.to_string());
        killed += usize::from(start_under(&setup, &point.fault(&data, "signal=KILL")).is_err());
        let mut gateway = setup.start();
        Observer::new().verify_running(&gateway);
        gateway.stop_and_check();
    }
    println!("{} requests, {} starts, {killed} of them killed", all.len(), kills.len());
    assert!(killed > 0, "no start was killed");
}

#[test]
fn a_start_that_is_killed_at_any_request_to_its_disk_while_it_recovers_can_be_repeated() {
    if !strace() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (witness, observer) = (Arc::new(Witness::default()), Observer::new());
    let setup = witness.setup().data(&data);
    use_up(setup.clone().start(), &witness, &observer);
    let (gateway, all) = traced(&setup, &data);
    use_up(gateway, &witness, &observer);
    let kills = sample(&all, KILLS);
    let mut killed = 0;
    for (number, point) in kills.iter().enumerate() {
        if number % KILLS_IN_A_ROW == 0 {
            let gateway = setup.clone().start();
            witness.check(&gateway.records());
            gateway.records().assert_complete();
            observer.verify_running(&gateway);
            use_up(gateway, &witness, &observer);
        }
        match start_under(&setup, &point.fault(&data, "signal=KILL")) {
            // It did not come by there this time.
            Ok(gateway) => use_up(gateway, &witness, &observer),
            Err(_) => killed += 1,
        }
        witness.check_killed(&data);
    }
    let mut gateway = setup.start();
    observer.verify_running(&gateway);
    witness.check(&gateway.stop_and_check());
    observer.verify(&data);
    println!("{} requests, {} starts, {killed} of them killed", all.len(), kills.len());
    assert!(killed > 0, "no start was killed");
}
