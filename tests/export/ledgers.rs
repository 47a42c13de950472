//! Ledgers of many events, written without a gateway.

use bytes::Bytes;
use events::{
    CallCompleted, CallDispatched, CallId, Decision, Dialect, Draft, Event, EventId, Operation,
    Principal, SessionId, SessionMethod, Timestamp, Verdict,
};
use ledger::backend::file::{FileLog, Options};
use ledger::log::{Batch, Log as _};
use std::path::Path;
use ulid::Ulid;

/// The source of every event, and the shard's name.
const SHARD: &str = "countersign/0";

/// Writes a ledger of so many calls, two events each, into a data folder.
pub(crate) fn write(data: &Path, calls: u64) {
    std::fs::create_dir_all(data).unwrap();
    let options = Options {
        shard: SHARD.into(),
        event_segment_bytes: 1 << 20,
        payload_segment_bytes: 1 << 20,
        synced: false,
        ..Options::default()
    };
    let (mut log, _) = FileLog::open(&data.join("ledger"), &options).unwrap();
    for first in (0..2 * calls).step_by(1000) {
        let records = (first..(2 * calls).min(first + 1000)).map(record).collect();
        log.append(&Batch { records, payloads: Vec::new() }).unwrap();
    }
}

fn record(sequence: u64) -> Bytes {
    let call = u128::from(sequence / 2);
    let fact: Event = if sequence.is_multiple_of(2) {
        dispatched().into()
    } else {
        CallCompleted { duration_us: 7, status: 200, ..CallCompleted::default() }.into()
    };
    let draft = Draft {
        id: EventId::new(Ulid(u128::from(sequence) + 1)),
        time: Timestamp::from_micros(1_795_248_000_000_000 + sequence * 1000),
        session: Some(SessionId::new(Ulid(call / 10 + 1))),
        cause: None,
        call: Some(CallId::new(Ulid(call + 1))),
        fact,
    };
    let (mut bytes, at) = draft.encode_event(SHARD).unwrap();
    let digits = bytes.get_mut(at..at + 20).unwrap();
    digits.copy_from_slice(format!("{sequence:020}").as_bytes());
    bytes.into()
}

fn dispatched() -> CallDispatched {
    CallDispatched {
        arguments: None,
        conversation: None,
        dialect: Dialect::Openai,
        grant: None,
        method: "POST /v1/chat/completions".into(),
        model: Some("gpt-4o".into()),
        operation: Operation::Chat,
        principal: Principal {
            actors: Vec::new(),
            agent: "agent".into(),
            owner: "ada@example.com".into(),
            team: "tests".into(),
        },
        request: None,
        session: SessionMethod::New,
        shadow: None,
        stream: false,
        target: None,
        tool_call: None,
        trace: None,
        upstream: "openai".into(),
        verdict: Verdict { decision: Decision::Allow, policies: Vec::new(), reason: None },
    }
}
