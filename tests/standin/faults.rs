//! The stand-in provider fails in exactly the way that it is asked to.

use std::{net::SocketAddr, sync::Arc};

use http::{Method, StatusCode};
use proxy::standin::{
    provider::{self, HUGE_BYTES, Options},
    recording::Recordings,
    server::Handle,
};
use serde_json::json;

use crate::client::{ANYWHERE, Answer, send};

async fn start() -> Handle {
    let recordings = Arc::new(Recordings::embedded().unwrap());
    provider::start(ANYWHERE, recordings, Options::default()).await.unwrap()
}

async fn ask(server: SocketAddr, model: &str, stream: bool) -> Result<Answer, String> {
    let body = json!({"model": model, "stream": stream, "messages": []});
    send(server, Method::POST, "/v1/chat/completions", &[], &body).await
}

#[tokio::test]
async fn a_reset_breaks_the_connection_before_any_answer() {
    let server = start().await;
    let error = ask(server.addr(), "fault-reset", false).await.err().unwrap();
    assert!(error.contains("ConnectionReset"), "{error}");
}

#[tokio::test]
async fn a_drop_ends_the_connection_in_the_middle_of_the_answer() {
    let server = start().await;
    for stream in [false, true] {
        let error = ask(server.addr(), "fault-drop", stream).await.err().unwrap();
        assert!(error.contains("IncompleteMessage") || error.contains("UnexpectedEof"), "{error}");
    }
}

#[tokio::test]
async fn a_garbage_answer_is_a_success_that_nobody_can_read() {
    let server = start().await;
    let answer = ask(server.addr(), "fault-garbage", false).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert!(str::from_utf8(&answer.body).is_err());
}

#[tokio::test]
async fn a_huge_answer_is_valid_but_for_its_size() {
    let server = start().await;
    let answer = ask(server.addr(), "fault-huge", false).await.unwrap();
    let text = answer.json()["choices"][0]["message"]["content"].as_str().map(str::len);
    assert_eq!(text, Some(HUGE_BYTES));
}

#[tokio::test]
async fn a_busy_model_says_when_to_come_back() {
    let server = start().await;
    let answer = ask(server.addr(), "fault-busy", false).await.unwrap();
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers["retry-after"], "1");
}

#[tokio::test]
async fn a_call_that_hangs_stays_open_while_others_are_answered_and_ends_with_the_provider() {
    let server = start().await;
    let address = server.addr();
    let mut hanging = Box::pin(ask(address, "fault-hang", false));
    let other = async {
        while server.requests() == 0 {
            tokio::task::yield_now().await;
        }
        ask(address, "gpt-4o", false).await.unwrap()
    };
    tokio::select! {
        _ = &mut hanging => panic!("a call that hangs was answered"),
        answered = other => assert_eq!(answered.status, StatusCode::OK),
    }
    let (ended, ()) = tokio::join!(hanging, server.shutdown());
    assert!(ended.is_err(), "the call ended with an answer");
    let again = tokio::net::TcpStream::connect(address).await;
    assert!(again.is_err(), "it still listens");
}
