//! One full example of every kind of event: every member is there, and no two values are equal
//! where they could be confused.

mod holds;

mod people;

use events::{
    CallCancelled, CallCompleted, CallDenied, CallDispatched, CallFailed, CallId, CallInDoubt,
    CallLinked, CallRefused, Decision, Dialect, Digest, Draft, EraseRequested, Event, EventId,
    FailureReason, FindingKind, FindingRaised, GatewayStarted, GatewayStopped, LedgerExported,
    LedgerGap, LedgerRecovered, LegalHoldLifted, LegalHoldPlaced, LinkMethod, Mark, MessageRelayed,
    Operation, PayloadErased, PayloadRef, Principal, Relay, SessionId, SessionMethod, Timestamp,
    ToolCallAsked, ToolSeen, ToolsChanged, UpstreamStarted, UpstreamStopped, Usage, Verdict,
};
use ulid::Ulid;

/// The shard that records the examples.
pub(crate) const SOURCE: &str = "countersign/0";

/// An envelope around this fact, with every member it can have.
pub(crate) fn draft<F>(fact: F) -> Draft<F> {
    Draft {
        id: EventId::new(Ulid::from_parts(1_795_250_096_789, 1)),
        time: Timestamp::from_micros(1_795_250_096_789_012),
        session: Some(SessionId::new(Ulid::from_parts(1_795_250_000_000, 2))),
        cause: Some(EventId::new(Ulid::from_parts(1_795_250_050_000, 3))),
        call: Some(call(4)),
        fact,
    }
}

fn call(number: u128) -> CallId {
    CallId::new(Ulid::from_parts(1_795_250_090_000, number))
}

fn payload(bytes: u64) -> PayloadRef {
    PayloadRef { bytes, digest: digest(bytes.to_le_bytes()[0]), discarded: false }
}

fn digest(byte: u8) -> Digest {
    Digest([byte; 32])
}

fn principal() -> Principal {
    Principal {
        actors: vec!["planner".into(), "desk".into()],
        agent: "support-bot".into(),
        owner: "ada@example.com".into(),
        team: "support".into(),
    }
}

fn verdict(decision: Decision) -> Verdict {
    Verdict {
        decision,
        policies: vec!["agent.support-bot.tools".into(), "refunds".into()],
        reason: Some("`support-bot` may use `crm/*` – nothing else".into()),
    }
}

/// One of each kind, in the order of `events::KINDS`.
pub(crate) fn all() -> Vec<Event> {
    let mut all = outcomes();
    all.extend(requests());
    all.extend(findings());
    all.extend(of_the_gateway());
    all.extend(of_the_record());
    all.extend(holds::all());
    all.extend(people::all());
    all.sort_by_key(Event::kind);
    all
}

fn requests() -> Vec<Event> {
    let dispatched = CallDispatched {
        arguments: Some(Mark([0xa1; 16])),
        conversation: Some(Mark([0xc1; 16])),
        dialect: Dialect::Mcp,
        grant: Some(EventId::new(Ulid::from_parts(1_795_250_050_000, 11))),
        method: "tools/call".into(),
        model: Some("gpt-5".into()),
        operation: Operation::ExecuteTool,
        principal: principal(),
        request: Some(payload(321)),
        session: SessionMethod::Explicit,
        shadow: Some(verdict(Decision::Deny)),
        stream: true,
        target: Some("cancel_reservation".into()),
        tool_call: Some("call_k3\u{1}\"\\\n".into()),
        trace: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        upstream: "airline".into(),
        verdict: verdict(Decision::Hold),
    };
    let denied = CallDenied {
        dialect: Dialect::Openai,
        method: "POST /v1/chat/completions".into(),
        model: Some("gpt-5".into()),
        operation: Operation::Chat,
        principal: principal(),
        request: Some(payload(654)),
        shadow: Some(verdict(Decision::Allow)),
        target: Some("refund".into()),
        upstream: Some("openai".into()),
        verdict: verdict(Decision::Deny),
    };
    let refused = CallRefused {
        bytes: 4096,
        code: "malformed_body".into(),
        detail: "duplicate key `role` at byte 77".into(),
        dialect: Some(Dialect::Anthropic),
        method: Some("POST /v1/messages".into()),
        peer: Some("127.0.0.1".into()),
        principal: Some(principal()),
        status: 400,
    };
    vec![dispatched.into(), denied.into(), refused.into()]
}

fn outcomes() -> Vec<Event> {
    let usage = Usage {
        cache_write: Some(10),
        cached_input: Some(20),
        input: Some(300),
        output: Some(40),
        reasoning: Some(5),
    };
    let asked = ToolCallAsked {
        arguments: Mark([0xa2; 16]),
        id: Some("call_k3".into()),
        name: "cancel_reservation".into(),
    };
    let completed = CallCompleted {
        answer: Some(payload(987)),
        conversation: Some(Mark([0xc2; 16])),
        duration_us: 1_234_567,
        finish: vec!["tool_calls".into()],
        first_byte_us: Some(98_765),
        model: Some("gpt-5-2025-08-07".into()),
        response: Some("chatcmpl-1".into()),
        result: Some(Mark([0xe1; 16])),
        status: 200,
        tool_calls: vec![asked],
        unsuccessful: true,
        usage: Some(usage),
    };
    let failed = CallFailed {
        answer: Some(payload(12)),
        detail: "connection reset after 12 bytes".into(),
        duration_us: 2_345_678,
        may_have_acted: true,
        reason: FailureReason::Broken,
        status: Some(502),
        usage: Some(usage),
    };
    let cancelled = CallCancelled {
        answer: Some(payload(34)),
        by: "agent".into(),
        detail: "the agent closed the connection".into(),
        duration_us: 3_456_789,
        may_have_acted: true,
    };
    let in_doubt =
        CallInDoubt { dispatched: 41, detail: "the gateway stopped before the outcome".into() };
    vec![completed.into(), failed.into(), cancelled.into(), in_doubt.into()]
}

fn findings() -> Vec<Event> {
    let linked = CallLinked {
        candidates: Some(2),
        cause: call(5),
        confidence: 90,
        method: LinkMethod::Arguments,
        tool_call: Some("call_k3".into()),
    };
    let raised = FindingRaised {
        detail: "no model asked for `cancel_reservation`".into(),
        evidence: vec![call(4), call(6)],
        kind: FindingKind::UnaskedCall,
        tool_call: Some("call_k4".into()),
    };
    vec![linked.into(), raised.into()]
}

fn of_the_gateway() -> Vec<Event> {
    let started = GatewayStarted {
        checkpoint_key: Some("audit.example.com/0+0a1b2c3d+AQIDBA==".into()),
        configuration: digest(0x11),
        durability: "synced".into(),
        in_doubt: 3,
        lost_lock: true,
        version: "0.1.0".into(),
    };
    let stopped = GatewayStopped { cancelled: 1, reason: "SIGTERM".into() };
    let recovered = LedgerRecovered {
        cut_bytes: 512,
        cut_digest: digest(0x22),
        quarantine: "quarantine/00000000000000000042".into(),
    };
    let relayed = MessageRelayed {
        call: Some(call(7)),
        direction: Relay::ToAgent,
        method: "elicitation/create".into(),
        payload: PayloadRef { bytes: 77, digest: digest(0x33), discarded: false },
        principal: principal(),
        upstream: "airline".into(),
    };
    let seen = |name: &str, byte| ToolSeen { definition: digest(byte), name: name.into() };
    let changed = ToolsChanged {
        added: vec![seen("book_reservation", 0x44)],
        altered: vec![seen("cancel_reservation", 0x55)],
        removed: vec!["think".into()],
        upstream: "airline".into(),
    };
    let upstream_started = UpstreamStarted {
        attempt: 2,
        command: vec!["python3".into(), "server.py".into()],
        process: 4711,
        upstream: "files".into(),
    };
    let upstream_stopped = UpstreamStopped {
        detail: "exit status: 1".into(),
        restart_ms: Some(2000),
        upstream: "files".into(),
    };
    vec![
        started.into(),
        stopped.into(),
        recovered.into(),
        relayed.into(),
        changed.into(),
        upstream_started.into(),
        upstream_stopped.into(),
    ]
}

fn of_the_record() -> Vec<Event> {
    let session = |number| SessionId::new(Ulid::from_parts(1_795_250_000_000, number));
    let requested = EraseRequested {
        basis: "GDPR article 17".into(),
        by: "operator root".into(),
        criterion: "subject ada@example.com".into(),
        sessions: vec![session(8), session(9)],
    };
    let erased =
        PayloadErased { bytes: 4321, payloads: 17, sessions: vec![session(8), session(9)] };
    let placed = LegalHoldPlaced {
        by: "operator root".into(),
        reason: "case 26-114".into(),
        session: Some(session(8)),
        subject: Some("ada@example.com".into()),
    };
    let lifted = LegalHoldLifted {
        by: "operator root".into(),
        hold: EventId::new(Ulid::from_parts(1_795_250_050_000, 10)),
        reason: "case closed".into(),
    };
    let exported = LedgerExported {
        by: "operator root".into(),
        criterion: "agent support-bot".into(),
        payloads: true,
        size: 42,
    };
    let gap = LedgerGap {
        cause: "the ledger's disk is full".into(),
        from: Timestamp::from_micros(1_795_250_010_000_000),
        refused: 12,
        to: Timestamp::from_micros(1_795_250_020_000_000),
    };
    vec![requested.into(), erased.into(), placed.into(), lifted.into(), exported.into(), gap.into()]
}
