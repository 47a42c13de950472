//! Every kind of event has a line that says something.

mod holds;

mod people;

use super::summary;
use crate::samples::{answered, chat, link, principal, session, verdict};
use events::{
    CallCancelled, CallDenied, CallFailed, CallInDoubt, CallRefused, Decision, Dialect, Digest,
    EraseRequested, Event, EventId, FailureReason, FindingKind, FindingRaised, GatewayStarted,
    GatewayStopped, KINDS, LedgerExported, LedgerGap, LedgerRecovered, LegalHoldLifted,
    LegalHoldPlaced, LinkMethod, MessageRelayed, Operation, PayloadErased, PayloadRef, Relay,
    Timestamp, ToolSeen, ToolsChanged, UpstreamStarted, UpstreamStopped,
};

const DIGEST: Digest = Digest([0xab; 32]);

fn calls() -> Vec<(Event, &'static str)> {
    let denied = CallDenied {
        dialect: Dialect::Mcp,
        method: "tools/call".into(),
        model: None,
        operation: Operation::ExecuteTool,
        principal: principal(),
        request: None,
        shadow: None,
        target: Some("pay".into()),
        upstream: None,
        verdict: verdict(Decision::Deny),
    };
    let refused = CallRefused {
        bytes: 12,
        code: "duplicate_key".into(),
        detail: "the key `a` comes twice".into(),
        dialect: Some(Dialect::Openai),
        method: Some("POST /v1/chat/completions".into()),
        peer: Some("127.0.0.1:9".into()),
        principal: None,
        status: 400,
    };
    let failed = CallFailed {
        answer: None,
        detail: "reset".into(),
        duration_us: 1500,
        may_have_acted: true,
        reason: FailureReason::Broken,
        status: None,
        usage: None,
    };
    let cancelled = CallCancelled {
        answer: None,
        by: "agent".into(),
        detail: "closed".into(),
        duration_us: 1500,
        may_have_acted: false,
    };
    vec![
        (chat(None).into(), "support-bot for ada@example.com: chat gpt-4o → openai"),
        (denied.into(), "support-bot for ada@example.com: tool pay: not for bots"),
        (
            refused.into(),
            "127.0.0.1:9: openai POST /v1/chat/completions: the key `a` comes twice \
             (duplicate_key, status 400)",
        ),
        (
            answered(812_000, None, &[("t", "pay")]).into(),
            "812 ms, tokens 1,204 in (1,024 cached), 36 out, tool_calls, asks for pay",
        ),
        (failed.into(), "1.5 ms, the connection broke (it may have acted): reset"),
        (cancelled.into(), "1.5 ms, by the agent (nothing was done): closed"),
        (
            CallInDoubt { dispatched: 7, detail: "killed".into() }.into(),
            "dispatched as event 7, outcome unknown: killed",
        ),
        (
            link(1, "t", LinkMethod::Arguments, 90).into(),
            "caused by call_00000000000000000000000001, by arguments, 90 % sure",
        ),
    ]
}

fn others() -> Vec<(Event, &'static str)> {
    let finding = FindingRaised {
        detail: "odd".into(),
        evidence: vec![],
        kind: FindingKind::ResultAltered,
        tool_call: None,
    };
    let started = GatewayStarted {
        checkpoint_key: None,
        configuration: DIGEST,
        durability: "synced".into(),
        in_doubt: 2,
        lost_lock: false,
        version: "0.1.0".into(),
    };
    let relayed = MessageRelayed {
        call: None,
        direction: Relay::ToAgent,
        method: "ping".into(),
        payload: PayloadRef { bytes: 2, digest: DIGEST, discarded: false },
        principal: principal(),
        upstream: "crm".into(),
    };
    let changed = ToolsChanged {
        added: vec![ToolSeen { definition: DIGEST, name: "pay".into() }],
        altered: vec![],
        removed: vec!["old".into()],
        upstream: "crm".into(),
    };
    let up = UpstreamStarted {
        attempt: 1,
        command: vec!["python3".into(), "server.py".into()],
        process: 42,
        upstream: "crm".into(),
    };
    let down = UpstreamStopped {
        detail: "exit status 1".into(),
        restart_ms: Some(500),
        upstream: "crm".into(),
    };
    let recovered =
        LedgerRecovered { cut_bytes: 9, cut_digest: DIGEST, quarantine: "cut-1".into() };
    vec![
        (finding.into(), "result altered: odd"),
        (
            started.into(),
            "version 0.1.0, durability synced, configuration abababababab, 2 calls of the \
             previous run in doubt",
        ),
        (
            GatewayStopped { cancelled: 0, reason: "SIGTERM".into() }.into(),
            "SIGTERM, 0 calls cancelled",
        ),
        (recovered.into(), "9 unacknowledged bytes were cut, kept in cut-1"),
        (relayed.into(), "crm → support-bot: ping"),
        (changed.into(), "crm: 1 added, 1 removed: pay, old"),
        (up.into(), "crm: process 42, attempt 1: python3 server.py"),
        (down.into(), "crm: exit status 1, starts again in 500 ms"),
    ]
}

fn of_the_record() -> Vec<(Event, &'static str)> {
    let by = || "cleo".into();
    let sessions = vec![session(1), session(2)];
    let requested = EraseRequested {
        basis: "article 17".into(),
        by: by(),
        criterion: "subject ada".into(),
        sessions: sessions.clone(),
    };
    let placed = LegalHoldPlaced {
        by: by(),
        reason: "case 1".into(),
        session: None,
        subject: Some("ada".into()),
    };
    let hold = EventId::new(session(3).ulid());
    let exported =
        LedgerExported { by: by(), criterion: "agent bot".into(), payloads: false, size: 7 };
    let moment = |micros| Timestamp::from_micros(micros);
    let gap =
        LedgerGap { cause: "full".into(), from: moment(0), refused: 3, to: moment(1_000_000) };
    vec![
        (requested.into(), "cleo: subject ada, 2 sessions: article 17"),
        (
            PayloadErased { bytes: 10, payloads: 4, sessions }.into(),
            "4 payloads of 2 sessions, 10 bytes",
        ),
        (placed.into(), "cleo: ada: case 1"),
        (
            LegalHoldLifted { by: by(), hold, reason: "closed".into() }.into(),
            "cleo: 00000000000000000000000003: closed",
        ),
        (exported.into(), "cleo: agent bot, without payloads, of 7 events"),
        (
            gap.into(),
            "3 refusals are not on record, 1970-01-01T00:00:00.000000Z to \
             1970-01-01T00:00:01.000000Z: full",
        ),
    ]
}

#[test]
fn every_kind_of_event_has_a_line() {
    let mut lines = calls();
    lines.extend(others());
    lines.extend(of_the_record());
    lines.extend(holds::lines());
    lines.extend(people::lines());
    for (event, line) in &lines {
        assert_eq!(summary(event), *line);
    }
    let mut kinds: Vec<&str> = lines.iter().map(|(event, _)| event.kind()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, KINDS);
}
