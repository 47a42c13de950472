//! The commands that read, run on a real ledger in a folder and over a real socket.

use super::{CommandError, events, trace};
use crate::keys::read_or_make;
use clap::{Args, Command, FromArgMatches};
use events_crate::{
    CallCompleted, CallDispatched, CallId, Decision, Dialect, Draft, EventId, GatewayStarted,
    Operation, PayloadRef, Principal, SessionId, SessionMethod, Timestamp, Verdict,
};
use ledger::backend::file::{FileLog, Options};
use ledger::payload::{Keys, Unpacked, new_key_text, read_key_file};
use ledger::{Entry, Ledger};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command as Process;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use ulid::Ulid;

use ::events as events_crate;

const SESSION: SessionId = SessionId::new(Ulid(1));
const CALL: CallId = CallId::new(Ulid(2));

fn draft<F>(number: u128, call: Option<CallId>, fact: F) -> Draft<F> {
    Draft {
        id: EventId::new(Ulid(number)),
        time: Timestamp::from_micros(1_795_248_000_000_000),
        session: call.map(|_| SESSION),
        cause: None,
        call,
        fact,
    }
}

fn started() -> Draft<GatewayStarted> {
    let fact = GatewayStarted {
        checkpoint_key: None,
        configuration: events_crate::Digest([7; 32]),
        durability: "synced".into(),
        in_doubt: 0,
        lost_lock: false,
        version: "0.1.0".into(),
    };
    draft(1, None, fact)
}

fn asked(request: PayloadRef) -> Draft<CallDispatched> {
    let fact = CallDispatched {
        arguments: None,
        conversation: None,
        dialect: Dialect::Openai,
        grant: None,
        method: "POST /v1/chat/completions".into(),
        model: Some("gpt-4o".into()),
        operation: Operation::Chat,
        principal: Principal {
            actors: Vec::new(),
            agent: "bot".into(),
            owner: "ada@example.com".into(),
            team: "support".into(),
        },
        request: Some(request),
        session: SessionMethod::New,
        shadow: None,
        stream: false,
        target: None,
        tool_call: None,
        trace: None,
        upstream: "openai".into(),
        verdict: Verdict { decision: Decision::Allow, policies: vec![], reason: None },
    };
    draft(2, Some(CALL), fact)
}

/// A ledger in `data`, and the runtime that writes it.
fn open(data: &Path) -> (tokio::runtime::Runtime, Ledger) {
    let options = Options {
        event_segment_bytes: 1 << 20,
        payload_segment_bytes: 1 << 20,
        ..Options::default()
    };
    std::fs::create_dir_all(data.join("ledger")).unwrap();
    let (log, _) = FileLog::open(&data.join("ledger"), &options).unwrap();
    let options = ledger::Options {
        source: "urn:test".into(),
        queue_max: 16,
        append_timeout: Duration::from_secs(30),
        keys: keys(data),
    };
    let runtime = super::foreground::runtime().unwrap();
    let ledger = runtime.block_on(async { Ledger::start(Box::new(log), options).unwrap().0 });
    (runtime, ledger)
}

/// The key in the data folder, as a gateway makes it.
fn keys(data: &Path) -> Keys {
    let path = data.join("keys/payloads.key");
    read_or_make(&path, || new_key_text().map(String::into_bytes)).unwrap();
    Keys::new(Arc::new(read_key_file(&path).unwrap().unwrap()), [])
}

/// Three events: a start, a call, its outcome.
async fn fill(ledger: &Ledger) {
    ledger.record(started()).await.unwrap();
    let request = br#"{"messages":[{"role":"user","content":"hello\u001b[2J there"}]}"#;
    let content =
        Unpacked { session: SESSION, is_first: true, bytes: request, cuts: &[], kept: true };
    let packed = ledger.pack(content).unwrap();
    let draft = asked(packed.reference);
    ledger.record(Entry { payloads: vec![packed], ..Entry::from(draft) }).await.unwrap();
    let done = CallCompleted { duration_us: 1500, status: 200, ..CallCompleted::default() };
    ledger.record(draft_of(done)).await.unwrap();
}

fn draft_of(done: CallCompleted) -> Draft<CallCompleted> {
    draft(3, Some(CALL), done)
}

fn parsed<A: Args + FromArgMatches>(line: &[&str]) -> A {
    let command = A::augment_args(Command::new("test").no_binary_name(true));
    A::from_arg_matches(&command.get_matches_from(line)).unwrap()
}

fn events_of(line: &[&str]) -> Result<String, CommandError> {
    let mut out = Vec::new();
    events::run(&parsed(line), &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn trace_of(line: &[&str]) -> Result<String, CommandError> {
    let mut out = Vec::new();
    trace::run(&parsed(line), &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn a_ledger_is_read_while_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let (runtime, ledger) = open(folder.path());
    runtime.block_on(fill(&ledger));
    let table = events_of(&["--data", data]).unwrap();
    let expected = [
        "SEQUENCE  TIME                      TYPE              SUBJECT  SUMMARY",
        "       0  2026-11-21T08:00:00.000Z  gateway.started   -  \
         version 0.1.0, durability synced, configuration 070707070707",
        "       1  2026-11-21T08:00:00.000Z  call.dispatched   call_00000000000000000000000002  \
         bot for ada@example.com: chat gpt-4o → openai, 63 bytes",
        "       2  2026-11-21T08:00:00.000Z  call.completed    call_00000000000000000000000002  \
         1.5 ms",
    ];
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (shown, expected): (Vec<_>, Vec<_>) =
        (table.lines().map(words).collect(), expected.into_iter().map(words).collect());
    assert_eq!(shown, expected);
    let summaries: Vec<usize> = table
        .lines()
        .zip(["SUMMARY", "version", "bot for", "1.5 ms"])
        .filter_map(|(line, text)| line.find(text))
        .collect();
    assert_eq!(summaries, [94; 4], "the columns stand below each other");
    let session = SESSION.to_string();
    let of_session = events_of(&["--data", data, "--session", &session]).unwrap();
    assert_eq!(of_session.lines().count(), 3);
    let some = events_of(&["--data", data, "--from", "1", "--type", "call.completed"]).unwrap();
    assert!(some.contains("1.5 ms") && some.lines().count() == 2, "{some}");
    assert_eq!(events_of(&["--data", data, "--from", "9", "--json"]).unwrap(), "");
}

#[test]
fn json_lines_are_the_canonical_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (runtime, ledger) = open(folder.path());
    runtime.block_on(fill(&ledger));
    let data = folder.path().to_str().unwrap();
    let lines = events_of(&["--data", data, "--json", "--type", "call."]).unwrap();
    let records = ledger.reader().read(ledger::Sequence::new(1), usize::MAX).unwrap();
    let expected: Vec<&[u8]> = records.iter().map(AsRef::as_ref).collect();
    assert_eq!(lines.lines().map(str::as_bytes).collect::<Vec<_>>(), expected);
}

#[test]
fn a_trace_shows_what_was_said_and_nothing_that_pretends() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let (runtime, ledger) = open(folder.path());
    runtime.block_on(fill(&ledger));
    let expected = "\
ada@example.com
└─ bot (team support)
   └─ session ses_00000000000000000000000001 · 2026-11-21T08:00:00Z · 1.5 ms · 1 model call
      │  0 tool calls
      └─ #1 +0.000 s · chat gpt-4o → openai · 1.5 ms
            user: hello⟦U+001B⟧[2J there
";
    let (session, call) = (SESSION.to_string(), CALL.to_string());
    for what in ["latest", &session, &call] {
        let drawn = trace_of(&[what, "--data", data, "--color", "never"]).unwrap();
        assert_eq!(drawn, expected, "{what}");
    }
    let tree = trace_of(&["latest", "--data", data, "--json"]).unwrap();
    let tree: serde_json::Value = serde_json::from_str(&tree).unwrap();
    let dispatched = tree.pointer("/branches/0/calls/0/asked/data/model").unwrap();
    assert_eq!(dispatched, "gpt-4o");
}

#[test]
fn without_its_key_a_payload_is_not_shown_and_it_is_said_why() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let (runtime, ledger) = open(folder.path());
    runtime.block_on(fill(&ledger));
    let id = ledger.keys().ids()[0];
    let (key, away) = (folder.path().join("keys/payloads.key"), folder.path().join("away"));
    std::fs::rename(&key, &away).unwrap();
    let mut out = Vec::new();
    let line = ["latest", "--data", data, "--color", "never"];
    let error = trace::run(&parsed(&line), &mut out).unwrap_err();
    let drawn = String::from_utf8(out).unwrap();
    let shown = format!("user: (encrypted, and the key {id} is not here)\n");
    assert!(drawn.ends_with(&shown), "{drawn}");
    assert!(error.to_string().contains("name the place of that key"), "{error}");
    assert_eq!(error.exit_code(), 74);
    assert!(events_of(&["--data", data]).unwrap().contains("call.completed"));

    // The configuration says where it is; other secrets of it are not looked for.
    let file = folder.path().join("countersign.toml");
    let text = "data = \".\"\n[ledger]\npayload_keys = [{ file = \"away\" }]\n[[model]]\n\
                name = \"a\"\nkey = { env = \"COUNTERSIGN_NOT_SET\" }\n";
    std::fs::write(&file, text).unwrap();
    let line = ["latest", "--config", file.to_str().unwrap(), "--color", "never"];
    assert!(trace_of(&line).unwrap().contains("user: hello"));
    std::fs::rename(&away, &key).unwrap();
    assert!(trace_of(&["latest", "--data", data]).unwrap().contains("user: hello"));
}

#[test]
fn a_running_gateway_tells_the_same_as_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let (runtime, ledger) = open(folder.path());
    runtime.block_on(fill(&ledger));
    let keys = ledger.keys().clone();
    let routes = dashboards::ledger_routes(Arc::clone(ledger.reader()), keys, None);
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    let server = runtime.spawn(axum::serve(listener, service).into_future());
    let url = ["--url", &url];
    for options in [vec![], vec!["--json"], vec!["--from", "2"], vec!["--type", "call."]] {
        let here = events_of(&[&options[..], &["--data", data]].concat()).unwrap();
        let there = events_of(&[&options[..], &url].concat()).unwrap();
        assert_eq!(here, there);
    }
    let here = trace_of(&["latest", "--color", "never", "--data", data]).unwrap();
    let there = trace_of(&["latest", "--color", "never", url[0], url[1]]).unwrap();
    assert_eq!(here, there);
    server.abort();
}

#[test]
fn following_shows_what_comes_and_ends_when_interrupted() {
    /// Tells of every line as it comes.
    struct Lines(mpsc::Sender<String>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.send(String::from_utf8_lossy(bytes).into_owned()).unwrap();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap().to_owned();
    let (runtime, ledger) = open(folder.path());
    let (sender, lines) = mpsc::channel();
    let follower = std::thread::spawn(move || {
        events::run(&parsed(&["--follow", "--data", &data]), &mut Lines(sender))
    });
    let next = || lines.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(next().starts_with("SEQUENCE"));
    runtime.block_on(fill(&ledger));
    let mut shown = String::new();
    while shown.lines().count() < 3 {
        shown += &next();
    }
    assert!(shown.contains("call.completed"), "{shown}");
    // The first line was shown after the signals' handlers were there.
    let interrupted = Process::new("kill").args(["-INT", &std::process::id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    assert!(follower.join().unwrap().is_ok());
}

#[test]
fn a_closed_pipe_ends_a_command_in_peace() {
    struct ClosedPipe;
    impl std::io::Write for ClosedPipe {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let (runtime, ledger) = open(folder.path());
    runtime.block_on(fill(&ledger));
    let ended = events::run(&parsed(&["--data", folder.path().to_str().unwrap()]), &mut ClosedPipe);
    assert!(matches!(&ended, Err(error @ CommandError::Closed) if error.exit_code() == 0));
}

#[test]
fn what_cannot_be_done_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let error = events_of(&["--data", data]).unwrap_err();
    let expected = format!(
        "no ledger in `{data}/ledger`: start `countersign serve` first, or say `--data DIR`"
    );
    assert_eq!((error.to_string(), error.exit_code()), (expected, 74));
    let (_runtime, ledger) = open(folder.path());
    let usage = |outcome: Result<String, CommandError>| {
        let error = outcome.unwrap_err();
        assert_eq!(error.exit_code(), 64);
        error.to_string()
    };
    let kind = usage(events_of(&["--data", data, "--type", "calls"]));
    let kinds = events_crate::KINDS.join(", ");
    let expected = format!("--type: no kind of event is `calls`; there are {kinds}; ");
    assert!(kind.starts_with(&expected), "{kind}");
    let what = usage(trace_of(&["yesterday", "--data", data]));
    assert!(what.ends_with("or `latest`, found `yesterday`"), "{what}");
    let latest = usage(trace_of(&["latest", "--data", data]));
    assert_eq!(latest, "the ledger has no calls yet");
    let absent = usage(trace_of(&[&SESSION.to_string(), "--data", data]));
    assert_eq!(absent, format!("the ledger has no call of session `{SESSION}`"));
    let url = usage(events_of(&["--url", "127.0.0.1:8081"]));
    assert!(url.contains("`http://127.0.0.1:8081`, found `127.0.0.1:8081`"), "{url}");
    drop(ledger);
}
