//! The official clients of three APIs, streaming and not, before a provider whose answers ask for a
//! tool that the client runs itself.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use approvals::HoldFilter;
use events::{Event, FindingKind, Operation, Vote};
use tests::gateway::UPSTREAM_KEY;
use tests::sdk::{Called, Caller, MODEL_SDKS, Outcome, Sdk, installed};
use tests::wire::AGENT_KEY;

use super::stage::{Stage, holding, policy};

/// The tool that the scripts offer.
const TOOL: &str = "get_weather";

/// How its call shows in what they print.
const CALLED: &str = "get_weather({";

const PATIENT: Duration = Duration::from_mins(1);

/// The stand-in provider of `tests/clients`.
struct Provider {
    child: Child,
    url: String,
}

impl Provider {
    fn start() -> Self {
        let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/run");
        let mut command = Command::new(run);
        command.args(["provider.py", "--port", "0", "--key", UPSTREAM_KEY]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ");
        let url = url.unwrap_or_else(|| panic!("the provider said `{line}`"));
        Self { url: format!("{url}/v1"), child }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn begin(sdk: &Sdk, stage: &Stage) -> Caller {
    sdk.start(&stage.url(), AGENT_KEY, &["--text", "hi", "--tools", "--times", "1"])
}

fn call(sdk: &Sdk, stage: &Stage) -> Called {
    begin(sdk, stage).finish()
}

#[test]
fn every_model_sdk_gets_a_held_tool_call_once_people_have_let_it_go() {
    if !installed() {
        return;
    }
    let provider = Provider::start();
    let stage = Stage::start(&holding(TOOL), &provider.url, PATIENT);
    for sdk in MODEL_SDKS {
        let caller = begin(sdk, &stage);
        let held = stage.held();
        let fact = &held.hold.fact;
        assert_eq!((fact.operation, &*fact.upstream), (Operation::ExecuteTool, "local"));
        assert_eq!(fact.target.as_deref(), Some(TOOL), "{}", sdk.name);
        let outcomes = stage.records().outcomes(fact.answer_of.unwrap()).len();
        assert_eq!(outcomes, 1, "{}: the model has answered, and that is on record", sdk.name);
        stage.vote(held.hold.id, Vote::Approve);
        let called = caller.finish();
        assert_eq!(called.outcome, Outcome::Answered, "{}: {called:#?}", sdk.name);
        assert!(called.text.contains(CALLED), "{}: {called:#?}", sdk.name);
    }
    let (records, _folder) = stage.end();
    records.assert_complete();
    let many = MODEL_SDKS.len();
    let granted = records.dispatched().into_values().filter(|fact| fact.grant.is_some()).count();
    assert_eq!((granted, records.count("call.held")), (many, many));
    assert_eq!(records.count("call.linked"), many, "each is linked to the answer that asks for it");
    assert_eq!(records.count("message.relayed"), 0, "what was released is what the model said");
    assert_eq!(records.count_findings(FindingKind::UnaskedCall), 0);
}

#[test]
fn every_model_sdk_reads_why_a_tool_call_was_denied() {
    if !installed() {
        return;
    }
    let provider = Provider::start();
    let denying = policy(
        "@id(\"no\") @why(\"Nobody looks at the sky.\")\n\
         forbid (principal, action, resource == Tool::\"local/get_weather\");",
    );
    let stage = Stage::start(&denying, &provider.url, PATIENT);
    for sdk in MODEL_SDKS {
        let called = call(sdk, &stage);
        assert_eq!(called.outcome, Outcome::Answered, "{}: {called:#?}", sdk.name);
        assert!(called.text.contains("Nobody looks at the sky."), "{}: {called:#?}", sdk.name);
        assert!(!called.text.contains(CALLED), "{}: {called:#?}", sdk.name);
    }
    let (records, _folder) = stage.end();
    records.assert_complete();
    let many = MODEL_SDKS.len();
    assert_eq!((records.count("call.denied"), records.count("message.relayed")), (many, many));
}

#[test]
fn a_rejected_tool_call_is_told_to_every_model_sdk_and_people_are_asked_once() {
    if !installed() {
        return;
    }
    let provider = Provider::start();
    let stage = Stage::start(&holding(TOOL), &provider.url, PATIENT);
    for (number, sdk) in MODEL_SDKS.iter().enumerate() {
        let caller = begin(sdk, &stage);
        if number == 0 {
            stage.vote(stage.held().hold.id, Vote::Reject);
        }
        let called = caller.finish();
        assert_eq!(called.outcome, Outcome::Answered, "{}: {called:#?}", sdk.name);
        assert!(called.text.contains("grace@example.com rejected this call"), "{called:#?}");
        assert!(called.text.contains("because the suite says so"), "{called:#?}");
        assert!(!called.text.contains(CALLED), "{}: {called:#?}", sdk.name);
    }
    assert_eq!(stage.desk().holds(&HoldFilter::default()).len(), 1, "of all dialects the same");
}

#[test]
fn arguments_that_an_approver_wrote_are_what_every_model_sdk_gets() {
    if !installed() {
        return;
    }
    let provider = Provider::start();
    let stage = Stage::start(&holding(TOOL), &provider.url, PATIENT);
    for sdk in MODEL_SDKS {
        let caller = begin(sdk, &stage);
        let hold = stage.held().hold.id;
        stage.edit(hold, r#"{"city":"Oslo"}"#);
        stage.vote(hold, Vote::Approve);
        let called = caller.finish();
        assert!(called.text.contains(CALLED), "{}: {called:#?}", sdk.name);
        assert!(called.text.contains("Oslo"), "{}: {called:#?}", sdk.name);
        assert!(!called.text.contains("rich"), "{}: {called:#?}", sdk.name);
    }
    let (records, _folder) = stage.end();
    records.assert_complete();
    let relayed = records.events.iter().filter_map(|envelope| match &envelope.event {
        Event::MessageRelayed(fact) => Some((envelope.session, fact.payload)),
        _ => None,
    });
    let released: Vec<_> = relayed.collect();
    assert_eq!(released.len(), MODEL_SDKS.len());
    for (session, payload) in released {
        let text = String::from_utf8(records.payload(session, &payload)).unwrap();
        assert!(text.contains("Oslo"), "what the agent got is on record: {text}");
    }
}

#[test]
fn without_a_policy_that_names_local_tools_every_model_sdk_gets_its_tool_call() {
    if !installed() {
        return;
    }
    let provider = Provider::start();
    let general = policy(
        "forbid (principal, action in Action::\"call_tool\", resource)\n\
         when { context.unattended };",
    );
    let stage = Stage::start(&general, &provider.url, PATIENT);
    for sdk in MODEL_SDKS {
        let called = call(sdk, &stage);
        assert!(called.text.contains(CALLED), "{}: {called:#?}", sdk.name);
    }
    let (records, _folder) = stage.end();
    assert_eq!((records.count("call.held"), records.count("call.denied")), (0, 0));
}
