//! An export holds a part in memory and not the ledger, and ends with whoever asked for it.

use crate::bundle::{archive, check};
use crate::ledgers::write;
use std::path::Path;
use std::process::{Child, Stdio};
use tests::gateway::{Setup, program};
use tests::patience::until;
use tests::wire::{Connection, post};

/// The most memory that a process had until it ended, in KiB.
fn peak(mut child: Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    // A process that has ended and was not waited for has no memory.
    while let Some(now) = high_water(Path::new(&status)) {
        peak = now;
        std::thread::yield_now();
    }
    assert!(child.wait().unwrap().success());
    peak
}

fn high_water(status: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn peak_of_export(calls: u64) -> u64 {
    let scratch = tempfile::tempdir().unwrap();
    let (data, out) = (scratch.path().join("data"), scratch.path().join("all.tar"));
    write(&data, calls);
    let mut command = program();
    command.current_dir(scratch.path()).args(["export", "--by", "auditor"]);
    command.arg("--data").arg(&data).arg("--out").arg(&out).stdout(Stdio::null());
    let peak = peak(command.spawn().unwrap());
    assert_eq!(check(&archive(&out)).len() as u64, 2 * calls + 1);
    peak
}

#[test]
fn more_events_need_no_more_memory() {
    // The smaller one fills a part, too.
    let (few, many) = (peak_of_export(2_500), peak_of_export(15_000));
    assert!(many < few + few / 4, "{few} KiB for 5,000 events, {many} KiB for 30,000");
}

#[test]
fn an_export_ends_when_whoever_asked_for_it_has_gone() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    write(&data, 10_000);
    let mut gateway = Setup::new().data(&data).start();
    let request = post("/api/v1/exports", &[], r#"{"by":"auditor","payloads":true}"#);
    let begin = || {
        let mut connection = Connection::open(gateway.people).unwrap();
        connection.send(&request).unwrap();
        let head = connection.head().unwrap();
        (connection, head.status)
    };
    let first = begin();
    let second = begin();
    assert_eq!((first.1, second.1), (200, 200));
    assert_eq!(begin().1, 503, "two are as many as go");
    drop((first, second));
    until("there is a turn again", || Some(begin()).filter(|begun| begun.1 == 200));
    assert!(gateway.stop().success());
}
