//! What programs and chats are told, over real connections.

use super::*;
use crate::notice::outbox::Due;
use crate::notice::routing::Routing;
use crate::notice::samples::web_server::WebServer;
use crate::notice::samples::{Told, at, held, routing};
use crate::notice::settings::Secret;
use events::CallHeld;

const URL: &str = "https://gate.example.com";

fn webhook(server: &WebServer, kind: WebhookKind) -> Webhook {
    let url = format!("http://127.0.0.1:{}/hook", server.port);
    Webhook::new(&WebhookSettings { kind, name: "ops".into(), url }).unwrap()
}

fn standard() -> WebhookKind {
    // The key of the example in the specification of Standard Webhooks.
    let secret = Secret::of_webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    WebhookKind::Standard(secret)
}

fn notice(held: CallHeld) -> Notice {
    let routing = Routing { mail: None, webhooks: vec!["ops".into()], ..routing() };
    let due = Told::holding(held).due(0, &routing).remove(0);
    let Due::Single(notice) = due else { panic!("{due:?}") };
    notice
}

#[test]
fn the_signature_is_that_of_the_specification_of_standard_webhooks() {
    let WebhookKind::Standard(secret) = standard() else { panic!("not standard") };
    let id = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330");
    let signature = sign(secret.bytes(), id, r#"{"test": 2432232314}"#);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[tokio::test]
async fn a_program_gets_signed_json_that_has_no_argument_in_it() {
    let server = WebServer::start(|_| "204 No Content".to_owned());
    let notice = notice(held());
    webhook(&server, standard()).send(&notice, URL, at(0)).await.unwrap();
    let seen = server.wait(1).remove(0);
    assert_eq!(seen.line, "POST /hook HTTP/1.1");
    let (id, seconds) = (seen.header("webhook-id"), seen.header("webhook-timestamp"));
    assert_eq!((id, seconds), (notice.message.as_ref(), "1795248000"));
    let WebhookKind::Standard(secret) = standard() else { panic!("not standard") };
    let signature = sign(secret.bytes(), (id, seconds), &seen.body);
    assert_eq!(seen.header("webhook-signature"), signature);
    let golden: serde_json::Value = serde_json::from_str(include_str!("golden.json")).unwrap();
    let sent: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(sent, golden);
}

#[tokio::test]
async fn a_chat_gets_a_text_in_which_nobody_else_can_call_people_or_link() {
    let server = WebServer::start(|_| "200 OK".to_owned());
    let mut hostile =
        CallHeld { target: Some("<!channel> *x* `y` https://evil.example".into()), ..held() };
    hostile.verdict.reason = Some("<https://evil.example|ok> & more".to_owned());
    webhook(&server, WebhookKind::Slack).send(&notice(hostile), URL, at(0)).await.unwrap();
    let seen = server.wait(1).remove(0);
    assert_eq!(seen.header("webhook-signature"), "");
    let body: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
    let text = body["text"].as_str().unwrap();
    assert_eq!(text.matches('<').count(), 1, "{text}");
    assert!(text.contains("&lt;https://evil.example|ok&gt; &amp; more"), "{text}");
    assert!(!text.contains("<!channel>") && !text.contains("*x*"), "{text}");
    let link = "<https://gate.example.com/holds/call_01KW0000000000000000000001|Open call 000001>";
    assert!(text.ends_with(link), "{text}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_what_is_gone_is_gone() {
    let elsewhere = WebServer::start(|_| "204 No Content".to_owned());
    let moved = format!("307 Temporary Redirect\r\nlocation: http://127.0.0.1:{}/", elsewhere.port);
    for (answer, is_final) in
        [(moved.as_str(), true), ("410 Gone", true), ("500 Oops", false), ("401 No", false)]
    {
        let answer = answer.to_owned();
        let server = WebServer::start(move |_| answer.clone());
        let sent = webhook(&server, standard()).send(&notice(held()), URL, at(0)).await;
        assert_eq!(matches!(sent, Err(Failure::Final(_))), is_final, "{sent:?}");
        assert!(sent.is_err());
    }
    assert!(elsewhere.seen().is_empty());
}
