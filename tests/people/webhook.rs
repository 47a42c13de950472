//! The receiver of webhooks fails as often as it is told to.

use tests::webhook::{Reply, Webhook};
use tests::wire::{ask, post};

#[test]
fn a_receiver_fails_as_told_and_keeps_everything() {
    let webhook = Webhook::start();
    webhook.reply(&Reply::Status(503), 2);
    webhook.reply(&Reply::Nothing, 1);
    let send = |number: u8| {
        let body = format!("{{\"number\":{number}}}");
        let request = post("/hook", &[("webhook-signature", "v1,x")], body);
        ask(webhook.address(), request).map(|answer| answer.status()).ok()
    };
    let statuses: Vec<Option<u16>> = (0..4).map(send).collect();
    assert_eq!(statuses, [Some(503), Some(503), None, Some(204)]);
    let seen = webhook.wait(4);
    assert!(seen.iter().all(|request| request.header("webhook-signature") == Some("v1,x")));
    assert_eq!(seen.last().unwrap().body, b"{\"number\":3}");
}
