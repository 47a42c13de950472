//! Calls that wait are seen and decided on from the command line, with the operator's key.

use std::fs;
use std::time::Duration;

use events::{Channel, Event, Vote};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::gateway::{Gateway, Setup};
use tests::mcp;
use tests::patience::until;
use tests::standins::Standins;
use tests::wire::{AGENT_KEY, Connection};

use super::words::{Ended, run};

/// Who has the operator's key may decide on calculations; on cancellations only approvers may.
const POLICY: &str = r#"
permit (principal, action, resource);

@id("sums")
@why("Sums are looked at.")
@approvers("1 of role:operator")
@risk("high")
forbid (principal, action == Action::"airline/calculate", resource)
when { context.unattended };

@id("cancellations")
@approvers("1 of role:approver")
forbid (principal, action == Action::"airline/cancel_reservation", resource)
when { context.unattended };
"#;

struct Stage {
    gateway: Gateway,
    folder: TempDir,
    session: String,
    /// Kept, so that its tools are there.
    _standins: Standins,
}

impl Stage {
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("policy.cedar");
        fs::write(&file, POLICY).unwrap();
        let standins = Standins::start(Duration::ZERO);
        let sections = format!(
            "[policy]\nfiles = [{:?}]\n[approvals]\nhold = \"5m\"",
            file.display().to_string()
        );
        let gateway = Setup::new()
            .tools("airline", &format!("url = \"{}\"", standins.airline_url()))
            .sections(&sections)
            .start();
        let bearer = format!("Bearer {AGENT_KEY}");
        let session = mcp::session(gateway.agents, "/mcp/airline", &[("authorization", &bearer)]);
        Self { gateway, folder, session, _standins: standins }
    }

    /// Asks for a call that waits; its connection, and its id.
    fn asks(&self, tool: &str, arguments: &Value) -> (Connection, String) {
        let before = self.held();
        let bearer = format!("Bearer {AGENT_KEY}");
        let headers = [("authorization", bearer.as_str()), ("mcp-session-id", &self.session)];
        let mut connection = Connection::open(self.gateway.agents).unwrap();
        let call = mcp::call(7, tool, arguments);
        connection.send(mcp::sent("/mcp/airline", &headers, call)).unwrap();
        let call = until("a call that waits", || {
            self.held().into_iter().find(|call| !before.contains(call))
        });
        (connection, call)
    }

    fn held(&self) -> Vec<String> {
        let records = self.gateway.records();
        let held = records.events.iter().filter(|event| matches!(event.event, Event::CallHeld(_)));
        held.filter_map(|event| Some(event.call?.to_string())).collect()
    }

    /// Runs a command with what points it at the running gateway.
    fn run(&self, words: &[&str]) -> Ended {
        let url = format!("http://{}", self.gateway.people);
        let data = self.gateway.data.display().to_string();
        run(self.folder.path(), &[words, &["--url", &url, "--data", &data]].concat())
    }

    fn fingerprint(&self, call: &str) -> String {
        let shown = self.run(&["approvals", "show", call]).with(0).out;
        let line = shown.lines().find_map(|line| line.strip_prefix("fingerprint  "));
        line.unwrap_or_else(|| panic!("no fingerprint: {shown}")).to_owned()
    }
}

#[test]
fn a_call_is_listed_shown_and_approved_as_it_was_seen_and_then_it_is_made() {
    let stage = Stage::start();
    let arguments = json!({ "expression": "1 + 1\u{202e}\u{1b}[2J" });
    let (mut connection, call) = stage.asks("calculate", &arguments);
    let listed = stage.run(&["approvals", "list"]).with(0).out;
    assert!(listed.starts_with(&call) && listed.contains("agent  airline/calculate"), "{listed}");
    let shown = stage.run(&["approvals", "show", &call]).with(0).out;
    for part in [
        "why          Sums are looked at. (by sums)\n",
        "needs        1 more with the role operator (0 approved, 0 rejected)\n",
        "expression: 1 + 1⟦U+202E RLO⟧⟦U+001B ESC⟧[2J\n",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");

    let nobody = stage.run(&["approvals", "approve", &call]).with(64);
    assert!(nobody.err.contains("nobody is here to confirm it"), "{nobody:?}");
    let other = ["approvals", "approve", &call, "--fingerprint", "aaaa-aaaa-aaaa-aaaa-aaaa"];
    assert!(stage.run(&other).with(1).err.contains("you have seen another one"));
    assert!(stage.run(&["approvals", "list"]).with(0).out.contains(&call), "it still waits");

    let said = stage.run(&["approvals", "comment", &call, "Looks right to me."]).with(0);
    assert_eq!(said.out, format!("said to {call}\n"));
    let fingerprint = stage.fingerprint(&call);
    let words =
        ["approvals", "approve", &call, "--fingerprint", &fingerprint, "--reason", "It is a sum."];
    let approved = stage.run(&words).with(0);
    assert!(approved.out.starts_with(&format!("{call} is ")), "{approved:?}");
    let answer = connection.answer().unwrap();
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert!(!String::from_utf8_lossy(&answer.body).contains("NOT EXECUTED"), "{answer:?}");
    let records = stage.gateway.records();
    let vote = records.events.iter().find_map(|event| match &event.event {
        Event::HoldVoted(fact) => Some(fact.clone()),
        _ => None,
    });
    let vote = vote.unwrap();
    assert_eq!((vote.vote, vote.channel, vote.version), (Vote::Approve, Channel::Cli, 1));
    assert_eq!(vote.reason.as_deref(), Some("It is a sum."));
    let late = stage.run(&["approvals", "reject", &call, "--reason", "Too late."]).with(1);
    assert!(late.err.starts_with("countersign: "), "it is decided: {late:?}");
    let decided = stage.run(&["approvals", "list", "--state", "decided", "--json"]).with(0).json();
    assert_eq!(decided["holds"][0]["state"], "dispatched", "{decided}");
}

#[test]
fn a_no_reaches_the_agent_and_what_the_key_may_not_decide_stays_undecided() {
    let stage = Stage::start();
    let (mut connection, call) = stage.asks("calculate", &json!({ "expression": "2" }));
    stage.run(&["approvals", "reject", &call, "--reason", "Not today."]).with(0);
    let answer = connection.answer().unwrap();
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(body.contains("NOT EXECUTED") && body.contains("Not today."), "{body}");

    let arguments = json!({ "reservation_id": "4WQ150" });
    let (mut connection, call) = stage.asks("cancel_reservation", &arguments);
    let shown = stage.run(&["approvals", "show", &call]).with(0).out;
    assert!(shown.contains("you may not vote: "), "{shown}");
    let fingerprint = stage.fingerprint(&call);
    let words = ["approvals", "approve", &call, "--fingerprint", &fingerprint];
    stage.run(&words).with(1);
    let withdrawn = stage.run(&["approvals", "withdraw", &call, "--reason", "Wrong one."]).with(0);
    assert_eq!(withdrawn.out, format!("{call} is withdrawn\n"));
    assert!(String::from_utf8_lossy(&connection.answer().unwrap().body).contains("Wrong one."));

    let (mut connection, _) = stage.asks("calculate", &json!({ "expression": "3" }));
    let revoked = stage.run(&["agents", "revoke", "agent", "--reason", "It is mad."]).with(0);
    assert_eq!(revoked.out, "agent is revoked; 1 calls that waited are withdrawn\n");
    let answer = connection.answer().unwrap();
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(body.contains("agent `agent` is revoked"), "{body}");
    let restored = ["agents", "restore", "agent", "--reason", "It was not."];
    assert_eq!(stage.run(&restored).with(0).out, "agent is not revoked any more\n");
    assert_eq!(stage.run(&restored).with(0).out, "agent was not revoked\n");
}

#[test]
fn without_a_gateway_calls_are_read_from_the_ledger_and_nothing_can_be_decided() {
    let mut stage = Stage::start();
    let (connection, call) = stage.asks("calculate", &json!({ "expression": "5" }));
    let live = stage.run(&["approvals", "show", &call, "--json"]).with(0).json();
    drop(connection);
    stage.gateway.kill();
    let config = stage.gateway.config().display().to_string();
    let here = |words: &[&str]| run(stage.folder.path(), &[words, &["--config", &config]].concat());
    let listed = here(&["approvals", "list"]).with(0).out;
    assert!(listed.starts_with(&call) && listed.contains("This is not live"), "{listed}");
    let shown = here(&["approvals", "show", &call]).with(0).out;
    assert!(shown.contains("  expression: 5\n") && shown.contains("This is not live"), "{shown}");
    let mut stored = here(&["approvals", "show", &call, "--json"]).with(0).json();
    // Whether somebody waits, and what the key may, only a gateway knows.
    for told in [&mut stored, &mut live.clone()] {
        told["waiting"] = json!(0);
        told.as_object_mut().unwrap().remove("may_not_vote");
    }
    let mut live = live;
    live["waiting"] = json!(0);
    live.as_object_mut().unwrap().remove("may_not_vote");
    assert_eq!(stored, live, "the ledger tells the same as the gateway");
    let vote = here(&["approvals", "reject", &call, "--reason", "No."]).with(74);
    assert!(vote.err.contains("no gateway answers at `http://127.0.0.1:"), "{vote:?}");
    let url = ["--url", "http://127.0.0.1:9", "--data", &stage.gateway.data.display().to_string()];
    run(stage.folder.path(), &[&["approvals", "list"], &url[..]].concat()).with(74);
    let absent = "call_00000000000000000000000001";
    let absent = here(&["approvals", "show", absent]).with(64);
    assert!(absent.err.contains("waits for people, or ever did"), "{absent:?}");
    here(&["approvals", "show", "nonsense"]).with(64);
}

#[test]
fn people_are_invited_listed_and_stopped() {
    let stage = Stage::start();
    let invite =
        ["people", "invite", "Ada@example.com", "--role", "approver", "--group", "finance"];
    let invited = stage.run(&invite).with(0).out;
    assert!(invited.contains("/set-password?token="), "{invited}");
    assert_ne!(invited, stage.run(&["people", "link", "ada@example.com"]).with(0).out);
    let wrong = stage.run(&["people", "invite", "bob@example.com", "--role", "king"]);
    assert!(wrong.code != Some(0) && wrong.err.contains("king"), "{wrong:?}");
    let data = stage.gateway.data.display().to_string();
    let list = || run(stage.folder.path(), &["people", "list", "--data", &data]).with(0).out;
    assert!(list().contains("ada@example.com  roles approver  groups finance\n"), "{}", list());
    let revoke = ["people", "revoke", "ada@example.com", "--reason", "Gone."];
    assert_eq!(stage.run(&revoke).with(0).out, "ada@example.com is revoked\n");
    assert_eq!(stage.run(&revoke).with(0).out, "ada@example.com was already revoked\n");
    assert!(list().contains("ada@example.com  revoked\n"), "{}", list());
    let restore = ["people", "restore", "ada@example.com", "--reason", "Back."];
    assert_eq!(stage.run(&restore).with(0).out, "ada@example.com is not revoked\n");
}
