//! Whatever the process of a tool server does, each call has one outcome, with its reason.

use std::io::Write as _;
use std::net::SocketAddr;

use events::{Event, FailureReason};
use serde_json::json;
use tempfile::NamedTempFile;
use tests::gateway::{Gateway, Setup};
use tests::mcp::{call, message, send, session};

use FailureReason::{Exited, TimedOut};

/// A tool server in the shell's language, which misbehaves as the tool's name says.
const SCRIPT: &str = r#"
answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
while read -r line; do
    id=$(expr "$line" : '.*"id":\([0-9]*\)')
    case "$line" in
    *'"initialize"'*) answer '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}}}' ;;
    *'"tools/list"'*) answer '{"tools":[{"name":"well"},{"name":"hang"},{"name":"exit"},
        {"name":"garble"},{"name":"flood"},{"name":"mistake"}]}' | tr -d '\n'; echo ;;
    *'"exit"'*) exit 3 ;;
    *'"garble"'*) echo 'Traceback (most recent call last):' ;;
    *'"flood"'*) head -c 2000000 /dev/zero | tr '\0' x; echo ;;
    *'"mistake"'*) id=4711; answer '{}' ;;
    *'"well"'*) answer '{"content":[{"type":"text","text":"well"}]}' ;;
    esac
done
"#;

/// What the process does when this tool is called, why the call fails, and what its agent is told.
const FAULTS: [(&str, FailureReason, u16, &str); 5] = [
    ("hang", TimedOut, 504, "upstream_timed_out"),
    ("garble", TimedOut, 504, "upstream_timed_out"),
    ("mistake", TimedOut, 504, "upstream_timed_out"),
    ("exit", Exited, 502, "upstream_broken"),
    ("flood", Exited, 502, "upstream_broken"),
];

/// A gateway before the process, and the file that its program is in.
fn stage() -> (Gateway, NamedTempFile) {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(SCRIPT.as_bytes()).unwrap();
    let gateway = Setup::new()
        .tools("process", &format!("command = [\"sh\", \"{}\"]", file.path().display()))
        .prefix("never")
        .limit("upstream_idle_timeout = \"2s\"")
        .limit("answer_bytes_max = \"1 MiB\"")
        .start();
    (gateway, file)
}

/// Calls each tool in a session of its own, and after each that fails a neighbour's.
fn misuse(to: SocketAddr, path: &str) {
    let called = |session: &str, tool| {
        send(to, path, &[("mcp-session-id", session)], call(9, tool, &json!({})))
    };
    let neighbour = session(to, path, &[]);
    for (tool, _, status, code) in FAULTS {
        let answer = called(&session(to, path, &[]), tool);
        let told = message(&answer.body);
        assert_eq!((answer.status(), &told["id"]), (status, &json!(9)), "{tool}: {told}");
        assert_eq!(told["error"]["data"]["code"], json!(code), "{tool} at {path}: {told}");
        let answer = called(&neighbour, "well");
        assert!(message(&answer.body)["result"].is_object(), "{path}: {answer:?}");
    }
}

#[test]
fn each_fault_of_a_process_is_told_to_the_agent_and_hurts_no_process_of_another_session() {
    let (mut gateway, _program) = stage();
    let agents = gateway.agents;
    std::thread::scope(|scope| {
        for path in ["/mcp/process", "/mcp"] {
            scope.spawn(move || misuse(agents, path));
        }
    });
    let records = gateway.stop_and_check();
    for (tool, reason, ..) in FAULTS {
        let outcomes = records.outcomes_of_tool(tool);
        let told = outcomes
            .iter()
            .all(|event| matches!(event, Event::CallFailed(failed) if failed.reason == reason));
        assert!(told && outcomes.len() == 2, "{tool}: {outcomes:?}");
    }
    assert_eq!(records.outcomes_of_tool("well").len(), 2 * FAULTS.len());
    let ended = records.count("upstream.stopped");
    assert_eq!(records.count("upstream.started"), ended, "a process was left behind");
}
