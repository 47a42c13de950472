//! Subscriptions at the merged endpoint, before scripted servers.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tests::gateway::{Gateway, Setup};
use tests::patience::until;
use tests::upstream::Upstream;
use tests::wire::Connection;

use crate::servers::{Heard, acknowledgement, discovered, message, response, tagged};

const CHANGED: &str = "notifications/tools/list_changed";
const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

/// A server of the modern era that does in subscriptions what `listen` says.
fn server<L>(listen: L) -> Upstream
where
    L: Fn(&Value, &mut Connection) -> io::Result<()> + Send + Sync + 'static,
{
    Upstream::start(move |request, connection| {
        let asked = message(request);
        match asked["method"].as_str() {
            Some("server/discover") => connection.reply(200, &response(&asked, &discovered())),
            Some("subscriptions/listen") => listen(&asked, connection),
            _ => connection.reply(404, "{}"),
        }
    })
}

/// A server that tells of a change before it acknowledges, against the rules.
fn hasty() -> Upstream {
    server(|asked, connection| {
        connection.begin_stream()?;
        connection.event(&tagged(asked, CHANGED, &json!({})))?;
        connection.event(&acknowledgement(asked))?;
        drop(connection.rest());
        Ok(())
    })
}

/// A server that acknowledges when it is let, and tells of a change with the same breath.
fn late() -> (Upstream, Sender<()>, Arc<AtomicBool>) {
    let (let_it, is_let) = channel();
    let is_let: Mutex<Receiver<()>> = Mutex::new(is_let);
    let acknowledged = Arc::new(AtomicBool::new(false));
    let said = Arc::clone(&acknowledged);
    let upstream = server(move |asked, connection| {
        connection.begin_stream()?;
        is_let.lock().unwrap().recv().map_err(io::Error::other)?;
        said.store(true, Ordering::SeqCst);
        connection.event(&acknowledgement(asked))?;
        connection.event(&tagged(asked, CHANGED, &json!({})))?;
        drop(connection.rest());
        Ok(())
    });
    (upstream, let_it, acknowledged)
}

fn gateway(upstreams: &[&Upstream]) -> Gateway {
    let setup = upstreams.iter().zip(["first", "second"]).fold(Setup::new(), |setup, each| {
        setup.tools(each.1, &format!("url = \"{}\"", each.0.url()))
    });
    setup.start()
}

fn listened(upstream: &Upstream) -> bool {
    let asks = |message: Value| message["method"] == "subscriptions/listen";
    upstream.seen().iter().any(|request| asks(message(request)))
}

fn subscribe(gateway: &Gateway) -> Heard {
    Heard::subscribe(gateway.agents, &json!({"toolsListChanged": true}))
}

#[test]
fn a_subscription_is_acknowledged_when_every_server_has_and_misses_no_change_after_it() {
    let (hasty, (late, let_it, acknowledged)) = (hasty(), late());
    let mut gateway = gateway(&[&hasty, &late]);
    let mut heard = subscribe(&gateway);
    gateway.recorded("what the hasty server says", |records| records.count("message.relayed") > 0);
    until("the late server to be asked", || listened(&late).then_some(()));
    let_it.send(()).unwrap();
    let first = heard.next().unwrap();
    assert_eq!(first["method"], ACKNOWLEDGED);
    assert!(acknowledged.load(Ordering::SeqCst), "acknowledged before the late server had");
    let tag = &first["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
    assert_eq!(
        (tag, &first["params"]["notifications"]["toolsListChanged"]),
        (&json!("sub"), &json!(true))
    );
    for _server in ["hasty", "late"] {
        let change = heard.next().unwrap();
        assert_eq!(change["method"], CHANGED);
        assert_eq!(&change["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], tag);
    }
    gateway.stop_and_check();
    let last = heard.next().unwrap();
    assert_eq!((&last["id"], &last["result"]["resultType"]), (&json!("sub"), &json!("complete")));
    assert_eq!(&last["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"], tag);
    assert!(heard.next().is_none(), "the stream ends with its result");
}

#[test]
fn a_server_that_acknowledges_too_late_delays_no_other_and_is_heard_later() {
    let (hasty, (late, let_it, acknowledged)) = (hasty(), late());
    let mut gateway = gateway(&[&hasty, &late]);
    let mut heard = subscribe(&gateway);
    assert_eq!((heard.next_method(), heard.next_method()), (ACKNOWLEDGED.into(), CHANGED.into()));
    assert!(!acknowledged.load(Ordering::SeqCst));
    let_it.send(()).unwrap();
    assert_eq!(heard.next_method(), CHANGED, "and no second acknowledgement");
    drop(heard);
    gateway.recorded("both ends", |records| records.count("call.cancelled") == 2);
    gateway.stop_and_check();
}

#[test]
fn an_agent_that_hangs_up_before_the_acknowledgement_ends_what_it_asked_for() {
    let (late, _let_it, _) = late();
    let silent = server(|_, connection| {
        drop(connection.rest());
        Ok(())
    });
    let mut gateway = gateway(&[&silent, &late]);
    let heard = subscribe(&gateway);
    until("both to be asked", || (listened(&silent) && listened(&late)).then_some(()));
    drop(heard);
    gateway.recorded("both ends", |records| records.count("call.cancelled") == 2);
    gateway.stop_and_check();
}

#[test]
fn a_gateway_that_stops_before_the_acknowledgement_ends_the_subscription_and_says_so() {
    let (late, _let_it, _) = late();
    let mut gateway = gateway(&[&late]);
    let mut heard = subscribe(&gateway);
    until("it to be asked", || listened(&late).then_some(()));
    gateway.stop_and_check();
    assert_eq!(heard.next().unwrap()["result"]["resultType"], "complete");
    assert!(heard.next().is_none());
}

#[test]
fn a_part_of_a_subscription_that_breaks_off_is_renewed_and_the_agent_does_not_notice() {
    let asked_before = AtomicBool::new(false);
    let breaking = server(move |asked, connection| {
        connection.begin_stream()?;
        connection.event(&acknowledgement(asked))?;
        if !asked_before.swap(true, Ordering::SeqCst) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        connection.event(&tagged(asked, CHANGED, &json!({})))?;
        drop(connection.rest());
        Ok(())
    });
    let mut gateway = gateway(&[&breaking]);
    let mut heard = subscribe(&gateway);
    assert_eq!((heard.next_method(), heard.next_method()), (ACKNOWLEDGED.into(), CHANGED.into()));
    drop(heard);
    let records = gateway.recorded("its end", |records| records.count("call.cancelled") == 1);
    assert_eq!(records.count("call.failed"), 1, "the part that broke off");
    gateway.stop_and_check();
}
