//! SDKs that other people wrote, with the time-outs that they come with, make calls that wait for
//! people for minutes: each gets its result once, or a no that its model can understand.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use approvals::HoldView;
use events::{Operation, Vote};
use serde_json::Value;
use tests::gateway::UPSTREAM_KEY;
use tests::patience::until;
use tests::records::Records;
use tests::script::Server;
use tests::sdk::{Called, Caller, MODEL_SDKS, Outcome, TOOL_SDKS, installed};
use tests::tool_server::ToolServer;
use tests::wire::{AGENT_KEY, look};

use crate::call::HELD_TOOL;
use crate::plan::Plan;
use crate::scripted::{answering, arguments_of};
use crate::stage::{HASTY, Stage};
use crate::voting::{GRACE, REASON, pending};

/// Longer than any client waits by itself for a tool, and than most people take.
const MINUTES: Duration = Duration::from_mins(3);

/// What says that a call is to be made again, and how often that is done at most.
const AGAIN: [&str; 4] = ["--waiting", "Make the same call again", "--times", "8"];

/// Holds every call of a tool and of a model.
const POLICY: &str = r#"
@id("everything")
permit (principal, action, resource);

@id("all-wait")
@why("Somebody looks at everything here.")
forbid (principal, action in [Action::"call_model", Action::"call_tool"], resource)
when { context.unattended };
"#;

/// A provider and a tool server behind a gateway that holds everything.
struct World {
    stage: Stage,
    provider: Server,
    tools: ToolServer,
}

impl World {
    fn start() -> Self {
        let provider = Server::start("provider.py", &["--key", UPSTREAM_KEY]);
        let tools = answering();
        let model = |dialect, serves| {
            format!(
                "[[model]]\nname = \"{dialect}\"\ndialect = \"{dialect}\"\nurl = \"{}/v1\"\n\
                 key = {{ env = \"UPSTREAM_KEY\" }}\nserves = [\"{serves}\"]\n",
                provider.url
            )
        };
        let plan = Plan::new(POLICY).airline(&tools);
        let plan =
            plan.sections(&model("openai", "gpt-*")).sections(&model("anthropic", "claude-*"));
        Self { stage: Stage::of(plan), provider, tools }
    }

    /// One call of each SDK, all at once; each asks for something else.
    fn start_all(&self) -> Vec<(&'static str, Caller)> {
        let url = format!("http://{}", self.stage.agents());
        let models = MODEL_SDKS.iter().map(|sdk| {
            let text = format!("hello from {}", sdk.name);
            (sdk.name, sdk.start(&url, AGENT_KEY, &[&AGAIN[..], &["--text", &text]].concat()))
        });
        let endpoint = format!("{url}/mcp/airline");
        let tools = TOOL_SDKS.iter().map(|sdk| {
            let arguments = format!("{{\"reservation_id\":\"{}\"}}", sdk.name);
            let words = ["--tool", HELD_TOOL, "--arguments", &arguments];
            (sdk.name, sdk.start(&endpoint, AGENT_KEY, &[&AGAIN[..], &words].concat()))
        });
        models.chain(tools).collect()
    }

    /// Waits until all calls wait for people, for one after the other: it takes many programs a
    /// while to start.
    fn all_held(&self) -> Vec<HoldView> {
        let (all, desk) = (MODEL_SDKS.len() + TOOL_SDKS.len(), self.stage.desk());
        for count in 1..all {
            until("another call that waits", || {
                (count <= desk.holds(&pending()).len()).then_some(())
            });
        }
        self.stage.all_held(all)
    }

    /// How many requests for an answer the provider has seen, by path.
    fn asked_of_provider(&self) -> BTreeMap<String, usize> {
        let address = self.provider.url.strip_prefix("http://").unwrap().parse().unwrap();
        let seen = look(address, "/_seen").unwrap().json();
        let mut asked = BTreeMap::new();
        for request in seen.get("requests").and_then(Value::as_array).unwrap() {
            if request.get("method").and_then(Value::as_str) == Some("POST") {
                let path = request.get("path").and_then(Value::as_str).unwrap();
                *asked.entry(path.to_owned()).or_default() += 1;
            }
        }
        asked
    }

    fn assert_nothing_was_made(&self) {
        assert_eq!(self.tools.calls().len(), 0);
        assert!(self.asked_of_provider().is_empty());
    }
}

fn finish_all(callers: Vec<(&'static str, Caller)>) -> Vec<(&'static str, Called)> {
    callers.into_iter().map(|(name, caller)| (name, caller.finish())).collect()
}

/// How many dispatches of a kind are on record, each under a grant.
fn granted(records: &Records, operation: Operation) -> usize {
    let dispatched = records.dispatched().into_values();
    dispatched.filter(|fact| fact.operation == operation && fact.grant.is_some()).count()
}

#[test]
fn every_sdk_gets_a_call_that_waits_three_minutes_and_it_is_made_once() {
    if !installed() {
        return;
    }
    let world = World::start();
    let callers = world.start_all();
    let holds = world.all_held();
    let began = Instant::now();
    // A condition may take half a minute to become true, so there are several of them.
    for part in 1..=9 {
        let passed = MINUTES * part / 9;
        until("some of three minutes", || (passed <= began.elapsed()).then_some(()));
        world.assert_nothing_was_made();
    }
    for hold in &holds {
        world.stage.vote(hold.hold.id, GRACE, Vote::Approve);
    }
    for (name, called) in finish_all(callers) {
        let attempts = called.attempts.iter().map(|attempt| attempt.seconds);
        println!("{name}: {:?}", attempts.collect::<Vec<_>>());
        assert_eq!(called.outcome, Outcome::Answered, "{name}: {called:#?}");
        let expected = if name.starts_with("MCP") {
            "done".to_owned()
        } else {
            format!("You said: hello from {name}")
        };
        assert_eq!(called.text, expected, "{name}: {called:#?}");
    }
    let paths = ["/v1/chat/completions", "/v1/messages", "/v1/responses"];
    let once = paths.map(|path| (path.to_owned(), 2));
    assert_eq!(world.asked_of_provider(), BTreeMap::from(once), "each was made once");
    let mut made = arguments_of(&world.tools);
    assert_eq!(made.len(), TOOL_SDKS.len(), "each was made once: {made:?}");
    made.dedup();
    assert_eq!(made.len(), TOOL_SDKS.len(), "each was made once: {made:?}");
    let (records, _folder) = world.stage.end();
    records.assert_complete();
    assert_eq!(granted(&records, Operation::Chat), MODEL_SDKS.len());
    assert_eq!(granted(&records, Operation::ExecuteTool), TOOL_SDKS.len());
    assert_eq!(records.count("call.held"), holds.len(), "people were asked once for each");
}

#[test]
fn an_sdk_that_comes_back_by_itself_is_told_in_words_when_it_has_done_so_often() {
    if !installed() {
        return;
    }
    let plan = Plan::new(POLICY).hold(HASTY).airline(&answering());
    let stage = Stage::of(plan);
    let url = format!("http://{}/mcp/airline", stage.agents());
    let words = [&AGAIN[..2], &["--times", "1", "--tool", HELD_TOOL, "--arguments", "{}"]].concat();
    let callers = TOOL_SDKS.iter().map(|sdk| (sdk.name, sdk.start(&url, AGENT_KEY, &words)));
    for (name, called) in finish_all(callers.collect()) {
        assert_eq!(called.outcome, Outcome::Waiting, "{name}: {called:#?}");
        assert!(called.text.starts_with("NOT EXECUTED YET."), "{name}: {called:#?}");
    }
    assert_eq!(stage.records().count("call.held"), 1, "all of them wait for the same");
}

#[test]
fn every_sdk_gets_a_no_that_its_model_can_understand() {
    if !installed() {
        return;
    }
    let world = World::start();
    let callers = world.start_all();
    for hold in world.all_held() {
        world.stage.vote(hold.hold.id, GRACE, Vote::Reject);
    }
    for (name, called) in finish_all(callers) {
        assert_eq!(called.outcome, Outcome::Failed, "{name}: {called:#?}");
        assert_eq!(called.attempts.len(), 1, "{name} does not try again: {called:#?}");
        for said in ["NOT EXECUTED.", "grace@example.com rejected this call", REASON] {
            assert!(called.text.contains(said), "{name}: no `{said}` in {called:#?}");
        }
    }
    world.assert_nothing_was_made();
    let (records, _folder) = world.stage.end();
    assert_eq!(records.count("hold.refused"), MODEL_SDKS.len() + TOOL_SDKS.len());
    assert_eq!(granted(&records, Operation::Chat), 0);
}
