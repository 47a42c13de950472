//! How far back a start looks, in a real ledger.

use super::*;
use crate::config::{Config, Pattern, Price};
use crate::correlate::Limits;
use crate::facts::Facts;
use crate::prices::Prices;
use crate::rules::Rules;
use events::{
    CallCompleted, CallDispatched, Decision, Dialect, GatewayStarted, GatewayStopped, Operation,
    Principal, SessionMethod, Usage, Verdict,
};
use ledger::backend::memory::MemoryLog;
use ledger::payload::Keys;
use ledger::{Options, WriterTask};
use std::time::Duration;

const HOUR: u64 = 60 * 60 * 1_000_000;

/// When the call was made.
const CALLED: u64 = 1_795_248_000_000_000;

fn session() -> SessionId {
    SessionId::new(ulid::Ulid::from_parts(1, 1))
}

fn dispatched() -> CallDispatched {
    CallDispatched {
        arguments: None,
        conversation: None,
        dialect: Dialect::Openai,
        grant: None,
        method: "POST /v1/chat/completions".into(),
        model: Some("latest".into()),
        operation: Operation::Chat,
        principal: Principal {
            actors: Vec::new(),
            agent: "a".into(),
            owner: "ada".into(),
            team: "t".into(),
        },
        request: None,
        session: SessionMethod::Explicit,
        shadow: None,
        stream: false,
        target: None,
        tool_call: None,
        trace: None,
        upstream: "provider".into(),
        verdict: Verdict { decision: Decision::Allow, policies: Vec::new(), reason: None },
    }
}

fn completed() -> CallCompleted {
    let usage = Usage { input: Some(40), output: Some(2), ..Usage::default() };
    let model = Some("dated-2026-01-01".to_owned());
    CallCompleted { model, usage: Some(usage), ..CallCompleted::default() }
}

fn started() -> GatewayStarted {
    GatewayStarted {
        checkpoint_key: None,
        configuration: Digest([0; 32]),
        durability: "memory".into(),
        in_doubt: 0,
        lost_lock: false,
        version: "1".into(),
    }
}

/// Records these at one moment, about this call if there is one.
async fn record(ledger: &Ledger, micros: u64, call: Option<CallId>, facts: Vec<Event>) {
    for fact in facts {
        let time = Timestamp::from_micros(micros);
        let session = call.map(|_| session());
        let draft = Draft { id: clock::event_id(), time, session, cause: None, call, fact };
        ledger.record_event(draft).await.unwrap();
    }
}

fn begun() -> (Ledger, WriterTask) {
    let options = Options {
        source: "test/0".into(),
        queue_max: 8,
        append_timeout: Duration::from_mins(1),
        keys: Keys::random().unwrap(),
    };
    Ledger::start(Box::new(MemoryLog::new()), options).unwrap()
}

/// What a start so many hours after the call knows of its session, and how much it looked at.
fn known(ledger: &Ledger, hours: u64) -> (Facts, u64) {
    let price = Price {
        models: vec![Pattern::parse("dated-*").unwrap()],
        input: 2_500_000,
        cached_input: 0,
        cache_write: 0,
        output: 10_000_000,
    };
    let config = Arc::new(Config { prices: vec![price], ..Config::default() });
    let rules = Arc::new(Rules::new(Arc::clone(&config), Arc::default()));
    let mut facts = SessionFacts::new(rules, Prices::new(config));
    let mut correlator = Correlator::new([0; 32], Limits::default());
    let now = Timestamp::from_micros(CALLED + hours * HOUR);
    let found = look_back(&**ledger.reader(), &mut correlator, &mut facts, now).unwrap();
    assert_eq!(found.in_doubt(), 0);
    (facts.of(session()), found.events)
}

#[tokio::test]
async fn what_a_session_did_in_the_last_run_or_the_last_day_is_known_after_a_start() {
    let call = CallId::new(ulid::Ulid::from_parts(1, 2));
    let said = vec![Event::from(dispatched()), Event::from(completed())];
    let stop = || Event::from(GatewayStopped { cancelled: 0, reason: "a test".into() });
    // More than the first step back takes.
    let many = || (0..STEP_BACK).map(|_| stop()).collect::<Vec<_>>();
    let spent =
        Facts { calls: 1, tokens: 42, cost_micros: 40 * 5 / 2 + 2 * 10, ..Facts::default() };

    let (ledger, _task) = begun();
    record(&ledger, CALLED, Some(call), said).await;
    record(&ledger, CALLED, None, many()).await;
    let whole = STEP_BACK + 2;
    assert_eq!(known(&ledger, 1000), (spent, whole), "it was in the last run");

    record(&ledger, CALLED, None, vec![started().into(), stop(), started().into()]).await;
    assert_eq!(known(&ledger, 23), (spent, whole + 3), "it was two runs ago, within a day");
    let nothing = Facts::default();
    assert_eq!(known(&ledger, 25), (nothing, STEP_BACK), "it was two runs and a day ago");
}
