//! A replay of recorded sessions is what a gateway would have made of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use events::{CallId, Envelope, Event, Verdict};
use proxy::standin::player::{Era, Options};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::gateway::{Gateway, Setup};
use tests::mcp;
use tests::records::Records;
use tests::standins::Standins;
use tests::wire::AGENT_KEY;

use super::words::{Ended, run};

/// Policies that look at everything that there is to look at, and disturb no recorded session.
const WATCHING: &str = r#"
@id("all")
permit (principal, action, resource);

@id("busy")
@shadow
forbid (principal, action == Action::"call_model", resource)
when { context.session.calls > 9 };

@id("dear")
@shadow
forbid (principal, action == Action::"call_model", resource)
when { context.session.tokens > 20000 || context.session.cost_micros > 50000 };

@id("untrusted")
@shadow
@approvers("1 of finance")
forbid (principal, action in Action::"call_tool", resource)
when { context.unattended && context.session.read_untrusted && !resource.read_only };

@id("reservation")
@shadow
forbid (principal, action == Action::"airline/get_reservation_details", resource)
when { context.arguments.reservation_id like "*A*" };

@id("sum")
@shadow
forbid (principal, action == Action::"airline/calculate", resource)
when { context.argument_text like "*+*" };

@id("unseen")
@shadow
forbid (principal, action in Action::"call_tool", resource)
when { context.unattended && context.uninspectable };
"#;

/// A gateway that has played every recorded session in both eras, and the folder of its policies.
struct Stage {
    gateway: Gateway,
    folder: TempDir,
    records: Records,
}

impl Stage {
    fn played(policy: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("force.cedar");
        fs::write(&file, policy).unwrap();
        let standins = Standins::start(Duration::ZERO);
        let url = standins.airline_url();
        let sections = format!("[policy]\nfiles = [{:?}]", file.display().to_string());
        let gateway = Setup::new()
            .provider("openai", &standins.provider_url(), "*")
            .tools("airline", &format!("url = \"{url}\""))
            .sections(&sections)
            .start();
        look_around(&gateway);
        for (era, stream) in [(Era::Legacy, true), (Era::Modern, false)] {
            let played = standins.play([Options {
                model_url: format!("http://{}/v1", gateway.agents),
                tools_url: format!("http://{}/mcp/airline", gateway.agents),
                key: Some(AGENT_KEY.into()),
                era,
                stream,
            }]);
            assert_eq!((played.failed, played.first_failure, played.mismatches), (0, None, 0));
        }
        let records = gateway.records();
        Self { gateway, folder, records }
    }

    fn write(&self, name: &str, policy: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        fs::write(&file, policy).unwrap();
        file
    }

    fn replay(&self, policy: &str, words: &[&str]) -> Ended {
        let config = self.gateway.config().display().to_string();
        let first = ["replay", "--policy", policy, "--config", &config];
        run(self.folder.path(), &[&first[..], words].concat())
    }
}

/// The listed calls of a replay, each with one member.
fn listed<'a>(told: &'a Value, member: &str) -> BTreeMap<CallId, &'a Value> {
    let rows = told["listed"].as_array().unwrap().iter();
    rows.map(|row| (row["call"].as_str().unwrap().parse().unwrap(), &row[member])).collect()
}

fn is_tool_call(event: &Envelope) -> bool {
    matches!(&event.event, Event::CallDispatched(fact) if *fact.method == *"tools/call")
}

fn decision(verdict: &Verdict) -> Value {
    json!(verdict)["decision"].clone()
}

/// Calls a tool that the gateway has not seen yet, and lists the tools. Of sessions at once, one
/// may call what another is only being told of; a replay would know it then, and a gateway not yet.
fn look_around(gateway: &Gateway) {
    let key = ("authorization", &*format!("Bearer {AGENT_KEY}"));
    let session = mcp::session(gateway.agents, "/mcp/airline", &[key]);
    let headers = [key, ("mcp-session-id", &session)];
    let call = mcp::call(2, "calculate", &json!({"expression": "1 + 1"}));
    for message in [call, mcp::plain(3, "tools/list")] {
        let answer = mcp::send(gateway.agents, "/mcp/airline", &headers, message);
        assert_eq!(answer.status(), 200, "{answer:?}");
    }
}

#[test]
fn policies_that_were_in_force_answer_every_recorded_call_as_they_did() {
    let stage = Stage::played(WATCHING);
    let told = stage.replay("force.cedar", &["--all", "--json"]).with(0).json();
    let (verdicts, shadows) = (listed(&told, "verdict"), listed(&told, "shadow"));
    let asked = stage.records.dispatched();
    let asked = asked.iter().filter(|(_, fact)| fact.operation.is_act());
    let mut differing = BTreeMap::new();
    for (call, fact) in asked.clone() {
        assert_eq!(*verdicts[call], json!(fact.verdict), "{call}");
        assert_eq!(*shadows[call], json!(fact.shadow), "{call}");
        if let Some(shadow) = &fact.shadow {
            for policy in &shadow.policies {
                *differing.entry(policy.to_string()).or_insert(0) += 1;
            }
        }
    }
    assert_eq!(asked.count(), verdicts.len());
    let seen: Vec<&str> = differing.keys().map(String::as_str).collect();
    assert_eq!(
        seen,
        ["busy", "dear", "reservation", "sum", "unseen", "untrusted"],
        "each had a say"
    );

    // What was only watched is what replaces it once it decides.
    stage.write("strict.cedar", &WATCHING.replace("@shadow\n", ""));
    let told = stage.replay("strict.cedar", &["--all", "--json"]).with(0).json();
    let verdicts = listed(&told, "verdict");
    for (call, fact) in stage.records.dispatched() {
        if fact.operation.is_act() {
            let expected = fact.shadow.as_ref().unwrap_or(&fact.verdict);
            assert_eq!(verdicts[&call]["decision"], decision(expected), "{call}");
        }
    }
    // A running gateway tells the same.
    let url = format!("http://{}", stage.gateway.people);
    let there = stage.replay("strict.cedar", &["--all", "--json", "--url", &url]).with(0).json();
    assert_eq!(there, told);
}

#[test]
fn only_the_calls_that_are_wanted_are_decided_and_a_stricter_answer_can_fail_a_build() {
    let stage = Stage::played("permit (principal, action, resource);");
    stage.write("none.cedar", "permit (principal, action, resource)\nwhen { context.hour > 24 };");
    let all = stage.replay("none.cedar", &["--json"]).with(0).json();
    assert_eq!(all["calls"], all["changes"]["allowed → denied"]);
    let changed = stage.replay("none.cedar", &["--fail-on-change"]).with(1);
    assert!(changed.err.contains("that were allowed would be held or denied"), "{changed:?}");
    stage.replay("force.cedar", &["--fail-on-change"]).with(0);

    let calls = |words: &[&str]| {
        let words = [&["--json"], words].concat();
        stage.replay("none.cedar", &words).with(0).json()["calls"].as_u64().unwrap()
    };
    let total = all["calls"].as_u64().unwrap();
    assert_eq!(calls(&["--from", "40"]) + calls(&["--to", "40"]), total);
    assert_eq!((calls(&["--agent", "agent"]), calls(&["--agent", "idle"])), (total, 0));
    // One with calls of models and tools; the first sessions only list tools.
    let mut with_tools = stage.records.events.iter().filter(|event| is_tool_call(event));
    let session = with_tools.find_map(|event| event.session).unwrap().to_string();
    let of_one = calls(&["--session", &session]);
    assert!(0 < of_one && of_one < total, "{of_one} of {total}");

    // What is asked of a session that is erased cannot be known any more.
    let data = stage.gateway.data.display().to_string();
    let url = format!("http://{}", stage.gateway.people);
    let erase = ["erase", "--session", &session, "--basis", "a", "--url", &url, "--data", &data];
    run(stage.folder.path(), &erase).with(0);
    let told = stage.replay("none.cedar", &["--session", &session, "--json"]).with(0).json();
    let of_tools = stage.records.events.iter().filter(|event| {
        event.session.is_some_and(|of| of.to_string() == session) && is_tool_call(event)
    });
    assert_eq!(told["changes"]["undecidable"], of_tools.count());
    assert_eq!(told["calls"], of_one);
}

#[test]
fn a_replay_without_a_configuration_takes_names_from_the_ledger_and_says_what_it_cannot_use() {
    let mut stage = Stage::played("permit (principal, action, resource);");
    stage.gateway.stop_and_check();
    let data = stage.gateway.data.display().to_string();
    let replay = |policy: &str| {
        stage.write("one.cedar", policy);
        run(stage.folder.path(), &["replay", "--policy", "one.cedar", "--data", &data])
    };
    let named = "permit (principal, action, resource);\n\
                 @id(\"no\") forbid (principal, action, resource in Server::\"airline\");";
    let told = replay(named).with(0).out;
    assert!(told.contains("allowed → denied by no: policy `no` forbids this"), "{told}");
    assert!(told.contains("by tool or model\n  airline/book_reservation "), "{told}");
    let wrong = replay("permit (principal, action, resource in Server::\"airlines\");").with(78);
    assert!(wrong.err.contains("one.cedar:1:"), "{wrong:?}");
    let gone = "permit (principal, action == Action::\"airline/fly\", resource);";
    assert!(
        replay(gone).with(0).out.contains("note: did not fit the tools at some time: one.cedar:1:")
    );
    let nowhere = ["replay", "--policy", "one.cedar", "--data", "nowhere"];
    assert!(run(stage.folder.path(), &nowhere).with(74).err.contains("no ledger in"));
}

#[test]
fn a_call_that_people_were_asked_about_is_decided_once_and_another_rule_is_told() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("force.cedar");
    let policy = "permit (principal, action, resource);\n@approvers(\"1 of finance\")\n\
                  forbid (principal, action in Action::\"call_tool\", resource)\n\
                  when { context.unattended };\n";
    fs::write(&file, policy).unwrap();
    fs::write(folder.path().join("free.cedar"), "permit (principal, action, resource);").unwrap();
    fs::write(folder.path().join("other.cedar"), policy.replace("finance", "legal")).unwrap();
    let standins = Standins::start(Duration::ZERO);
    let sections =
        format!("[policy]\nfiles = [{:?}]\n[approvals]\nhold = \"1s\"", file.display().to_string());
    let gateway = Setup::new()
        .tools("airline", &format!("url = \"{}\"", standins.airline_url()))
        .sections(&sections)
        .start();
    let bearer = format!("Bearer {AGENT_KEY}");
    let session = mcp::session(gateway.agents, "/mcp/airline", &[("authorization", &bearer)]);
    let headers = [("authorization", bearer.as_str()), ("mcp-session-id", session.as_str())];
    let call = mcp::call(7, "calculate", &json!({"expression": "1 + 1"}));
    let answer = mcp::send(gateway.agents, "/mcp/airline", &headers, &call);
    assert!(String::from_utf8_lossy(&answer.body).contains("NOT EXECUTED YET"), "{answer:?}");
    let config = gateway.config().display().to_string();
    for (policy, change) in [
        ("force.cedar", "still held"),
        ("other.cedar", "still held, by another rule"),
        ("free.cedar", "held → allowed"),
    ] {
        let words = ["replay", "--policy", policy, "--config", &config, "--json"];
        let told = run(folder.path(), &words).with(0).json();
        assert_eq!(told["changes"], json!({ change: 1 }), "{policy}: {told:#}");
        assert_eq!(told["listed"].as_array().unwrap().len(), usize::from(change != "still held"));
    }
}
