//! What somebody with access to the disk, and without the key, may add behind the checkpoint.

use std::time::Duration;

use bytes::Bytes;
use events::{Draft, Event, EventId, PayloadErased, Timestamp};
use ledger::backend::file::{FileLog, Options};
use ledger::log::{Batch, Log as _};
use ledger::payload::scope;
use tests::gateway::{Setup, program};
use tests::standins::Standins;
use tests::wire::{ask, chat};
use ulid::Ulid;

#[test]
fn an_erasure_that_nobody_signed_accounts_for_no_payload() {
    let standins = Standins::start(Duration::ZERO);
    let mut gateway = Setup::new().provider("openai", &standins.provider_url(), "*").start();
    assert_eq!(ask(gateway.agents, chat("gpt-4o", "hello", false)).unwrap().status(), 200);
    gateway.stop_and_check();
    let records = gateway.records();
    let session = records.events.iter().find_map(|envelope| envelope.session).unwrap();
    let verify = || program().arg("verify").arg(&gateway.data).output().unwrap();
    assert_eq!(verify().status.code(), Some(0));

    let options = Options { shard: "countersign/0".into(), ..Options::default() };
    let (mut log, _) = FileLog::open(&gateway.data.join("ledger"), &options).unwrap();
    log.erase(&[scope(session)]).unwrap();
    let fact: Event = PayloadErased { bytes: 9, payloads: 3, sessions: vec![session] }.into();
    let draft = Draft {
        id: EventId::new(Ulid(1)),
        time: Timestamp::default(),
        session: None,
        cause: None,
        call: None,
        fact,
    };
    let (mut bytes, at) = draft.encode_event("countersign/0").unwrap();
    let digits = format!("{:020}", records.events.len());
    bytes.get_mut(at..at + 20).unwrap().copy_from_slice(digits.as_bytes());
    log.append(&Batch { records: vec![Bytes::from(bytes)], payloads: Vec::new() }).unwrap();
    drop(log);

    let ended = verify();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("where nobody signed it"), "{said}");
}
