//! `countersign export`, with a gateway that runs and without one.

use crate::bundle::{archive, check, export, folder, payloads, verify};
use events::{Event, LedgerExported};
use std::path::Path;
use std::time::Duration;
use tests::gateway::{Gateway, Setup};
use tests::standins::Standins;
use tests::wire::{ask, chat, look};

fn started(standins: &Standins) -> Gateway {
    let gateway = Setup::new().provider("openai", &standins.provider_url(), "*").start();
    for text in ["hello", "how are you"] {
        assert_eq!(ask(gateway.agents, chat("gpt-4o", text, false)).unwrap().status(), 200);
    }
    gateway
}

fn exports(events: &[events::Envelope]) -> Vec<&LedgerExported> {
    let export = |event: &'_ Event| matches!(event, Event::LedgerExported(_));
    let facts = events.iter().map(|event| &event.event).filter(|event| export(event));
    facts
        .filter_map(|event| if let Event::LedgerExported(it) = event { Some(it) } else { None })
        .collect()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_gateway_that_runs_hands_out_evidence_of_everything_the_export_included() {
    let standins = Standins::start(Duration::ZERO);
    let mut gateway = started(&standins);
    let scratch = tempfile::tempdir().unwrap();
    let (tar, dir) = (scratch.path().join("all.tar"), scratch.path().join("all"));
    let url = format!("http://{}", gateway.people);
    let ended = export(&["--url", &url, "--out", text(&tar)]);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let files = archive(&tar);
    let events = check(&files);
    assert_eq!(payloads(&files, &events), 4);
    let key = look(gateway.people, "/tlog/0/key").unwrap().body;
    let key = String::from_utf8(key).unwrap();
    verify(&tar, key.trim());
    let recorded = gateway.records().events;
    assert_eq!(events, recorded, "the export is the last event that it holds");
    let expected = LedgerExported {
        by: "auditor".into(),
        criterion: "everything".into(),
        payloads: true,
        size: u64::try_from(recorded.len()).unwrap() - 1,
    };
    assert_eq!(exports(&events), [&expected]);

    let ended = export(&["--url", &url, "--no-payloads", "--to", "3", "--out", text(&dir)]);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    verify(&dir, key.trim());
    let files = folder(&dir);
    let events = check(&files);
    assert_eq!((events.len(), payloads(&files, &events)), (3, 0));
    assert!(!files.keys().any(|path| path.starts_with("payloads/")));
    assert_eq!(exports(&gateway.stop_and_check().events).len(), 2);
}

#[test]
fn without_a_gateway_the_command_records_and_seals_the_export_itself() {
    let standins = Standins::start(Duration::ZERO);
    let mut gateway = started(&standins);
    let scratch = tempfile::tempdir().unwrap();
    let tar = scratch.path().join("case.tar");
    let config = gateway.data.parent().unwrap().join("countersign.toml");
    let words = ["--config", text(&config), "--principal", "ada@example.com", "--out", text(&tar)];
    let ended = program_env(&words);
    assert_eq!(ended.code, Some(74), "{}", ended.said);
    assert!(ended.said.contains("--url http://"), "{}", ended.said);
    assert!(!tar.exists());
    gateway.stop();
    let ended = program_env(&words);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let files = archive(&tar);
    let events = check(&files);
    assert_eq!(payloads(&files, &events), 4);
    let recorded = gateway.records().events;
    let last = recorded.last().unwrap();
    assert!(matches!(&last.event, Event::LedgerExported(fact) if &*fact.by == "auditor"));
    // What a gateway finds is a ledger that goes on.
    let mut gateway = gateway.again();
    assert_eq!(gateway.stop_and_check().count("ledger.exported"), 1);
}

/// Runs the command with the secrets that the configuration refers to.
fn program_env(words: &[&str]) -> crate::bundle::Ended {
    crate::bundle::export_with(
        words,
        &[
            ("AGENT_KEY", tests::wire::AGENT_KEY),
            ("UPSTREAM_KEY", tests::gateway::UPSTREAM_KEY),
            ("IDLE_KEY", tests::gateway::IDLE_KEY),
        ],
    )
}

#[test]
fn nothing_that_is_there_is_overwritten_and_nothing_half_done_is_left() {
    let scratch = tempfile::tempdir().unwrap();
    let there = scratch.path().join("there.tar");
    std::fs::write(&there, "mine").unwrap();
    let data = scratch.path().join("data");
    let ended = export(&["--data", text(&data), "--out", text(&there)]);
    assert_eq!(ended.code, Some(64), "{}", ended.said);
    assert_eq!(std::fs::read(&there).unwrap(), b"mine");
    let other = scratch.path().join("other.tar");
    let ended = export(&["--data", text(&data), "--out", text(&other)]);
    assert_eq!(ended.code, Some(74), "{}", ended.said);
    assert!(!data.exists(), "a ledger was made where there was none");
    let ended = export(&["--url", "http://127.0.0.1:1", "--out", text(&other)]);
    assert_eq!(ended.code, Some(74), "{}", ended.said);
    let case = scratch.path().join("case");
    std::fs::write(&case, "# nothing yet\n").unwrap();
    let ended = export(&["--case", text(&case), "--out", text(&other)]);
    assert_eq!(ended.code, Some(64), "{}", ended.said);
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 2);
}
