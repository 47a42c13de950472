//! `[[payloads]] kept_for`: what is old is erased by itself, by the first rule that fits.

use crate::stage::{Stage, erased, provider, run, setup};
use events::{
    CallCompleted, CallDispatched, CallId, Decision, Dialect, Draft, EventId, Operation, Principal,
    SessionId, SessionMethod, Timestamp, Verdict,
};
use ledger::payload::Unpacked;
use ledger::sealer::LostLock;
use ledger::{Entry, Ledger};
use proxy::config::{Config, look_up};
use proxy::custody::Custody;
use std::collections::BTreeSet;
use std::path::Path;
use ulid::Ulid;

const DAY: u64 = 24 * 3600 * 1_000_000;

const RULES: &str = r#"
[[payloads]]
models = ["case-kept"]
kept_for = "3650d"

[[payloads]]
models = ["case-*"]
kept_for = "30d"

[[payloads]]
tools = ["crm/*"]
kept_for = "60d"

[[payloads]]
models = ["mail"]
kept_for = "365d"
"#;

/// Sessions by number: how many days ago they said something, and what they used.
const SESSIONS: [(u128, &[(u64, &str)]); 9] = [
    (1, &[(100, "case-a")]),
    (2, &[(100, "mail")]),
    (3, &[(100, "mail"), (99, "case-b")]),
    (4, &[(100, "case-kept")]),
    (5, &[(100, "unruled")]),
    (6, &[(100, "case-held")]),
    (7, &[(100, "case-c"), (10, "case-c")]),
    (8, &[(400, "mail")]),
    (9, &[(100, "crm/read"), (100, "mail")]),
];

const DUE: [u128; 4] = [1, 3, 8, 9];

fn session(number: u128) -> SessionId {
    SessionId::new(Ulid(number))
}

/// Writes the ledger that a gateway would have written over the last year.
fn write_old(data: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let text = format!("data = \"{}\"\n[ledger]\nsegment_bytes = \"1 MiB\"", data.display());
    let loaded = Config::parse(&text, Path::new("countersign.toml"), &look_up).unwrap();
    runtime.block_on(async {
        let custody = Custody::open(&loaded.config, LostLock::Refuse).await.unwrap();
        let (ledger, sealing, closing) = custody.split();
        let mut days: Vec<_> = SESSIONS
            .iter()
            .flat_map(|(number, said)| said.iter().map(|(day, used)| (*day, *number, *used)))
            .collect();
        days.sort_unstable_by(|one, other| other.cmp(one));
        for (place, (day, number, used)) in (1..).zip(days) {
            record(&ledger, place, (day, session(number)), used).await;
        }
        drop((ledger, sealing));
        closing.close().await.unwrap();
    });
}

async fn record(ledger: &Ledger, place: u128, (day, session): (u64, SessionId), used: &str) {
    let text = format!("what was said {day} days ago in {session}");
    let (bytes, cuts) = (text.as_bytes(), &[][..]);
    let packed = ledger.pack(Unpacked { session, is_first: false, bytes, cuts, kept: true });
    let packed = packed.unwrap();
    let tool = used.split_once('/');
    let now = proxy::clock::now().micros();
    let call = CallId::new(Ulid(place));
    let owner = if session == self::session(6) { "olga@example.com" } else { "ada@example.com" };
    let draft = Draft {
        id: EventId::new(Ulid(place)),
        time: Timestamp::from_micros(now - day * DAY),
        session: Some(session),
        cause: None,
        call: Some(call),
        fact: CallDispatched {
            arguments: None,
            conversation: None,
            dialect: if tool.is_some() { Dialect::Mcp } else { Dialect::Openai },
            grant: None,
            method: "POST /v1/chat/completions".into(),
            model: tool.is_none().then(|| used.into()),
            operation: if tool.is_some() { Operation::ExecuteTool } else { Operation::Chat },
            principal: Principal {
                actors: Vec::new(),
                agent: "agent".into(),
                owner: owner.into(),
                team: "tests".into(),
            },
            request: Some(packed.reference),
            session: SessionMethod::New,
            shadow: None,
            stream: false,
            target: tool.map(|(_, tool)| tool.into()),
            tool_call: None,
            trace: None,
            upstream: tool.map_or("openai", |(server, _)| server).into(),
            verdict: Verdict { decision: Decision::Allow, policies: Vec::new(), reason: None },
        },
    };
    let outcome = CallCompleted { status: 200, ..CallCompleted::default() };
    let outcome = Draft {
        id: EventId::new(Ulid(1000 + place)),
        time: draft.time,
        session: draft.session,
        cause: Some(draft.id),
        call: draft.call,
        fact: outcome.into(),
    };
    let entry = Entry { payloads: vec![packed], also: vec![outcome], ..Entry::from(draft) };
    ledger.record(entry).await.unwrap();
}

fn gone(stage: &Stage) -> BTreeSet<SessionId> {
    erased(&stage.gateway.records()).into_iter().map(|(_, session)| session).collect()
}

#[test]
fn payloads_past_their_time_are_erased_by_the_first_rule_and_the_shortest_of_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    write_old(&data);
    let here = ["--data".to_owned(), data.display().to_string()];
    let words = ["legal-hold", "place", "--subject", "olga@example.com", "--reason", "matter"];
    let hold = run(&words, &here).with(0).out;
    let hold = hold.trim().rsplit(' ').next().unwrap();

    let mut stage = Stage { gateway: setup(&provider(), RULES).data(&data).start() };
    stage.gateway.recorded("the end of an erasure", |it| 0 < it.count("payload.erased"));
    let due: BTreeSet<_> = DUE.map(session).into();
    assert_eq!(gone(&stage), due);
    stage.say("case-new", "what is said today stays");
    stage.gateway.stop_and_check();
    stage.verify();

    // What is due is looked for at each start.
    stage.gateway = stage.gateway.again();
    stage.say("case-new", "again");
    stage.gateway.stop_and_check();
    run(&["legal-hold", "lift", hold, "--reason", "settled"], &here).with(0);
    stage.gateway = stage.gateway.again();
    let freed: BTreeSet<_> = due.into_iter().chain([session(6)]).collect();
    stage.gateway.recorded("the erasure of what was held", |it| it.count("payload.erased") == 2);
    assert_eq!(gone(&stage), freed);
    stage.gateway.stop_and_check();
    stage.verify();
}
