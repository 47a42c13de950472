//! Subscriptions of the modern era before servers that know none: what these tell of their own
//! accord reaches the agent that asked for it.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use events::{Event, Relay};
use serde_json::{Value, json};
use tests::gateway::{Gateway, Setup};
use tests::patience::until;
use tests::records::Records;
use tests::upstream::{Request, Upstream};
use tests::wire::Connection;

use crate::servers::{Heard, accepted, asked, legacy, message, modern, notification, response};
use tests::mcp::{MODERN, send};

const TOOLS: &str = "notifications/tools/list_changed";
const UPDATED: &str = "notifications/resources/updated";

/// A server that says on its one stream what it is given to say.
fn teller() -> (Upstream, Sender<String>) {
    let (say, said) = channel::<String>();
    let said = Mutex::new(said);
    let can = json!({"resources": {"subscribe": true}});
    let upstream = legacy(can, move |request, asked, connection| {
        if request.line.starts_with("GET") {
            let Ok(said) = said.try_lock() else { return connection.reply(409, "{}") };
            connection.begin_stream()?;
            while let Ok(said) = said.recv() {
                connection.event(&said)?;
            }
            return connection.send("0\r\n\r\n");
        }
        reply(request, asked, connection)
    });
    (upstream, say)
}

/// What a server answers beside its stream.
fn reply(_: &Request, asked: &Value, connection: &mut Connection) -> io::Result<()> {
    match asked["method"].as_str() {
        Some("resources/subscribe" | "resources/unsubscribe") => {
            connection.reply(200, &response(asked, &json!({})))
        }
        _ => accepted(connection),
    }
}

fn gateway(lines: &str) -> Gateway {
    Setup::new().tools("news", lines).start()
}

fn over_http(upstream: &Upstream) -> Gateway {
    gateway(&format!("url = \"{}\"", upstream.url()))
}

/// Methods of what went to the agent beside calls, in order.
fn relayed(records: &Records) -> Vec<String> {
    let mut methods = Vec::new();
    for envelope in &records.events {
        if let Event::MessageRelayed(relayed) = &envelope.event
            && relayed.direction == Relay::ToAgent
        {
            methods.push(relayed.method.clone());
        }
    }
    methods
}

fn tag(message: &Value) -> &Value {
    &message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"]
}

#[test]
fn a_modern_agent_hears_what_a_legacy_server_tells_as_far_as_it_asked() {
    let (upstream, say) = teller();
    let mut gateway = over_http(&upstream);
    let mut heard = Heard::subscribe(
        gateway.agents,
        &json!({"toolsListChanged": true, "resourceSubscriptions": ["news+test://a", "x+y:z"]}),
    );
    assert_eq!(heard.next_method(), "notifications/subscriptions/acknowledged");
    let subscribed = asked(&upstream, "resources/subscribe");
    assert_eq!(subscribed.len(), 1, "{subscribed:?}");
    assert_eq!(subscribed[0]["params"]["uri"], "test://a");
    let ping = json!({"jsonrpc": "2.0", "id": 99, "method": "ping"}).to_string();
    for said in [
        ping,
        notification("notifications/prompts/list_changed", &json!({})),
        notification(UPDATED, &json!({"uri": "test://b"})),
        notification(UPDATED, &json!({"uri": "test://a", "_meta": {"own": 1}})),
        json!({"jsonrpc": "2.0", "method": TOOLS}).to_string(),
    ] {
        say.send(said).unwrap();
    }
    let updated = heard.next().unwrap();
    assert_eq!((&updated["method"], tag(&updated)), (&json!(UPDATED), &json!("sub")));
    assert_eq!(updated["params"]["uri"], "news+test://a");
    assert_eq!(updated["params"]["_meta"]["own"], 1);
    let changed = heard.next().unwrap();
    assert_eq!((&changed["method"], tag(&changed)), (&json!(TOOLS), &json!("sub")));
    until("the answer to the ping", || {
        upstream.seen().iter().map(message).find(|message| message["id"] == 99)
    });
    drop(heard);
    until("its end", || asked(&upstream, "resources/unsubscribe").into_iter().next());
    let records = gateway.stop_and_check();
    assert_eq!(relayed(&records), ["ping", UPDATED, TOOLS], "each is on record, and no other");
}

#[test]
fn subscriptions_of_one_agent_share_a_stream_and_neither_ends_with_the_other() {
    let (upstream, say) = teller();
    let mut gateway = over_http(&upstream);
    let wanted = json!({"resourceSubscriptions": ["news+test://a"]});
    let subscribe = || {
        let mut heard = Heard::subscribe(gateway.agents, &wanted);
        assert_eq!(heard.next_method(), "notifications/subscriptions/acknowledged");
        heard
    };
    let (mut first, mut second) = (subscribe(), subscribe());
    let update = notification(UPDATED, &json!({"uri": "test://a"}));
    say.send(update.clone()).unwrap();
    assert_eq!((first.next_method(), second.next_method()), (UPDATED.into(), UPDATED.into()));
    assert_eq!(asked(&upstream, "resources/subscribe").len(), 2);
    drop(first);
    say.send(update).unwrap();
    assert_eq!(second.next_method(), UPDATED);
    assert_eq!(asked(&upstream, "resources/unsubscribe"), [] as [Value; 0]);
    drop(second);
    until("its end", || asked(&upstream, "resources/unsubscribe").into_iter().next());
    let gets = upstream.seen().iter().filter(|request| request.line.starts_with("GET")).count();
    assert_eq!(gets, 1);
    gateway.stop_and_check();
}

#[test]
fn a_subscription_goes_on_when_the_server_has_forgotten_its_session() {
    let gets = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&gets);
    let upstream = legacy(json!({}), move |request, asked, connection| {
        if !request.line.starts_with("GET") {
            return reply(request, asked, connection);
        }
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 => {
                connection.begin_stream()?;
                connection.send("0\r\n\r\n")
            }
            1 => connection.reply(404, "{}"),
            _ => {
                connection.begin_stream()?;
                connection.event(&notification(TOOLS, &json!({})))?;
                drop(connection.rest());
                Ok(())
            }
        }
    });
    let mut gateway = over_http(&upstream);
    let mut heard = Heard::subscribe(gateway.agents, &json!({"toolsListChanged": true}));
    assert_eq!(heard.next_method(), "notifications/subscriptions/acknowledged");
    assert_eq!(heard.next_method(), TOOLS);
    assert_eq!(asked(&upstream, "initialize").len(), 2);
    gateway.stop_and_check();
}

/// A process of the legacy era whose tool changes its list. Its lines are joined by spaces.
const PROCESS: &str = r#"
while read -r line; do
    id=$(printf '%s' "$line" | sed 's/.*"id":\([0-9]*\).*/\1/');
    ok='{"jsonrpc":"2.0","id":'$id',"result":';
    case $line in
    *'"initialize"'*)
        can='{"tools":{"listChanged":true}}';
        echo "$ok"'{"protocolVersion":"2025-11-25","capabilities":'$can',"serverInfo":{}}}' ;;
    *'"tools/list"'*) echo "$ok"'{"tools":[{"name":"work","inputSchema":{"type":"object"}}]}}' ;;
    *'"tools/call"'*)
        echo '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}';
        echo "$ok"'{"content":[]}}' ;;
    *'"id"'*) echo '{"jsonrpc":"2.0","id":'$id',"error":{"code":-32601,"message":"no"}}' ;;
    esac;
done
"#;

#[test]
fn a_modern_agent_hears_what_a_legacy_process_tells() {
    let script = PROCESS.replace('\n', " ");
    let mut gateway = gateway(&format!("command = [\"sh\", \"-c\", '''{script}''']"));
    let mut heard = Heard::subscribe(gateway.agents, &json!({"toolsListChanged": true}));
    assert_eq!(heard.next_method(), "notifications/subscriptions/acknowledged");
    let body = modern("7", "tools/call", &json!({"name": "news__work", "arguments": {}}));
    let headers = [
        ("mcp-protocol-version", MODERN),
        ("mcp-method", "tools/call"),
        ("mcp-name", "news__work"),
    ];
    assert_eq!(send(gateway.agents, "/mcp", &headers, &body).status(), 200);
    let changed = heard.next().unwrap();
    assert_eq!((&changed["method"], tag(&changed)), (&json!(TOOLS), &json!("sub")));
    assert_eq!(relayed(&gateway.stop_and_check()), [TOOLS]);
}
