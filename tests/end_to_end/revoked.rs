//! Whoever is revoked hears nothing more from that moment on, and what it had begun is on record.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use ledger::sealer::LostLock;
use proxy::config::{Config, KeyHash, look_up};
use proxy::gateway::Gateway;
use tempfile::TempDir;
use tests::mcp;
use tests::records::Records;
use tests::tool_server::ToolServer;
use tests::upstream::{Upstream, completion};
use tests::wire::{AGENT_KEY, Connection, ask, chat};
use tokio::runtime::Runtime;

/// A gateway in this process, so that a test is the people who revoke.
struct Stage {
    runtime: Runtime,
    gateway: Gateway,
    folder: TempDir,
}

impl Stage {
    fn start(upstream: &str, tools: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "data = \"{}\"\n[listen]\nagents = \"127.0.0.1:0\"\npeople = \"127.0.0.1:0\"\n\
             [ledger]\nsegment_bytes = \"1 MiB\"\nreserve_bytes = \"1 MiB\"\n\
             [[model]]\nname = \"m\"\ndialect = \"openai\"\nurl = \"{upstream}\"\n\
             [[tools]]\nname = \"crm\"\n{tools}\n\
             [[agent]]\nname = \"agent\"\nowner = \"Ada@example.com\"\nkey_hash = \"{}\"\n\
             models = [\"*\"]\ntools = [\"*\"]\n",
            folder.path().join("data").display(),
            KeyHash::of(AGENT_KEY)
        );
        let loaded = Config::parse(&text, Path::new("countersign.toml"), &look_up).unwrap();
        let runtime = Runtime::new().unwrap();
        let gateway = runtime.block_on(Gateway::start(loaded, LostLock::Refuse)).unwrap();
        Self { runtime, gateway, folder }
    }

    fn revoke_agent(&self) {
        let desk = self.gateway.gate().desk();
        let revoking = desk.revoke_agent("agent".into(), "dan@example.com".into(), "odd".into());
        self.runtime.block_on(revoking).unwrap();
    }

    fn revoke_owner(&self) {
        let desk = self.gateway.gate().desk();
        let email = "ada@example.com".into();
        let revoking = desk.revoke_person(email, "dan@example.com".into(), "left".into());
        self.runtime.block_on(revoking).unwrap();
    }

    /// Stops, and checks that every call has its outcome.
    fn stop(self) -> Records {
        let stopped = self.runtime.block_on(self.gateway.stop("a test has ended")).unwrap();
        assert!(stopped, "a call did not end");
        let records = Records::read(&self.folder.path().join("data"));
        records.assert_complete();
        records
    }
}

fn tools() -> String {
    ToolServer::start(&["read"], |call, connection| connection.reply(200, &call.said("x"))).url()
}

#[test]
fn a_stream_for_news_breaks_off_when_its_agent_or_the_person_it_acts_for_is_revoked() {
    for revoke in [Stage::revoke_agent, Stage::revoke_owner] {
        let stage = Stage::start("http://127.0.0.1:1", &tools());
        let agents = stage.gateway.agents;
        let session = mcp::session(agents, "/mcp", &[]);
        let mut connection = Connection::open(agents).unwrap();
        let head = format!(
            "GET /mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {AGENT_KEY}\r\n\
             accept: text/event-stream\r\nmcp-session-id: {session}\r\n\r\n"
        );
        connection.send(head).unwrap();
        assert_eq!(connection.head().unwrap().status, 200);
        revoke(&stage);
        let ended = loop {
            match connection.chunk() {
                Ok(Some(_)) => {}
                ended => break ended.map_err(|error| error.kind()),
            }
        };
        assert_eq!(ended, Err(io::ErrorKind::UnexpectedEof));
        assert_eq!(mcp::send(agents, "/mcp", &[], mcp::plain(2, "ping")).status(), 401);
        stage.stop();
    }
}

/// A provider that answers when it is let, and tells when it is asked.
fn slow(stream: bool) -> (Upstream, Receiver<()>, Sender<()>) {
    let (asked, is_asked) = channel();
    let (let_it, is_let) = channel::<()>();
    let (asked, is_let) = (Mutex::new(asked), Arc::new(Mutex::new(is_let)));
    let upstream = Upstream::start(move |_, connection| {
        if stream {
            connection.begin_stream()?;
            connection.event(r#"{"id":"a","choices":[{"index":0,"delta":{"content":"one"}}]}"#)?;
        }
        asked.lock().unwrap().send(()).map_err(io::Error::other)?;
        is_let.lock().unwrap().recv().map_err(io::Error::other)?;
        if stream {
            return connection.event("[DONE]");
        }
        connection.reply(200, &completion("too late"))
    });
    (upstream, is_asked, let_it)
}

#[test]
fn an_answer_that_comes_when_its_agent_is_revoked_is_on_record_and_withheld() {
    let (upstream, is_asked, let_it) = slow(false);
    let stage = Stage::start(&upstream.url(), &tools());
    let mut connection = Connection::open(stage.gateway.agents).unwrap();
    connection.send(chat("m", "hello", false)).unwrap();
    is_asked.recv().unwrap();
    stage.revoke_agent();
    let_it.send(()).unwrap();
    let answer = connection.answer().unwrap();
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status(), 401, "{text}");
    assert!(text.contains("agent `agent` is revoked") && !text.contains("too late"), "{text}");
    assert_eq!(stage.stop().count("call.completed"), 1);
}

#[test]
fn a_streamed_answer_breaks_off_when_the_person_it_is_for_is_revoked() {
    let (upstream, is_asked, let_it) = slow(true);
    let stage = Stage::start(&upstream.url(), &tools());
    let mut connection = Connection::open(stage.gateway.agents).unwrap();
    connection.send(chat("m", "hello", true)).unwrap();
    is_asked.recv().unwrap();
    assert_eq!(connection.head().unwrap().status, 200);
    assert!(connection.chunk().unwrap().is_some());
    stage.revoke_owner();
    let rest = String::from_utf8_lossy(&connection.rest()).into_owned();
    assert!(!rest.contains("[DONE]"), "{rest}");
    assert!(!rest.ends_with("0\r\n\r\n"), "it looks whole: {rest}");
    let_it.send(()).unwrap();
    let answer = ask(stage.gateway.agents, chat("m", "more", false)).unwrap();
    assert_eq!(answer.status(), 401);
    assert!(String::from_utf8_lossy(&answer.body).contains("acts for `Ada@example.com`"));
    assert_eq!(stage.stop().count("call.cancelled"), 1);
}
