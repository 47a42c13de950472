//! Mails over real connections to servers of every temper.

use super::*;
use crate::notice::samples::mail_server::MailServer;
use crate::notice::samples::{Told, at, held};
use crate::notice::settings::Secret;

fn settings(port: u16, tls: MailTls) -> MailSettings {
    MailSettings {
        authority: None,
        account: None,
        fallback: vec!["ops@example.com".into()],
        from: "\"Countersign\" <gate@gate.example.com>".to_owned(),
        host: "127.0.0.1".to_owned(),
        per_hour_max: 20,
        port,
        tls,
    }
}

fn letter() -> Letter {
    Letter::of_one(&Told::holding(held()).single(0)[0], "https://gate.example.com").unwrap()
}

async fn send(post: &Post, to: &str) -> Result<(), Failure> {
    post.send(&letter(), to, at(0)).await
}

#[tokio::test]
async fn a_mail_reaches_its_addressee_as_it_was_composed() {
    let server = MailServer::start(|_| None);
    let post = Post::new(&settings(server.port, MailTls::None)).unwrap();
    send(&post, "ada@example.com").await.unwrap();
    let mail = server.wait(1).remove(0);
    assert_eq!(mail.to, "ada@example.com");
    assert_eq!(mail.header("To"), "ada@example.com");
    assert_eq!(mail.header("From"), "Countersign <gate@gate.example.com>");
    assert_eq!(mail.header("Date"), "Sat, 21 Nov 2026 08:00:00 +0000");
    assert_eq!(post.domain().as_ref(), "gate.example.com");
    assert!(mail.raw.contains("crm / refund_payment"));
}

#[tokio::test]
async fn without_starttls_nothing_is_sent_where_it_is_wanted() {
    let server = MailServer::start(|_| None);
    let mut settings = settings(server.port, MailTls::Starttls);
    settings.account = Some(("gate".to_owned(), Secret::new("hunter2")));
    let post = Post::new(&settings).unwrap();
    let failure = send(&post, "ada@example.com").await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable(_)), "{failure:?}");
    let commands = server.commands();
    assert!(commands.iter().all(|it| it.starts_with("EHLO") || it == "QUIT"), "{commands:?}");
}

#[tokio::test]
async fn a_server_without_tls_gets_nothing_where_tls_comes_first() {
    let server = MailServer::start(|_| None);
    let post = Post::new(&settings(server.port, MailTls::Implicit)).unwrap();
    let failure = send(&post, "ada@example.com").await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable(_)), "{failure:?}");
    assert!(server.commands().iter().all(|it| !it.starts_with("EHLO")));
}

#[tokio::test]
async fn what_a_server_says_of_an_addressee_is_final_or_not_as_it_says() {
    let server = MailServer::start(|command| {
        let refused = |name: &str| command.starts_with(&format!("RCPT TO:<{name}@"));
        let answer = match () {
            () if refused("gone") => "550 no such user",
            () if refused("full") => "452 mailbox full",
            () => return None,
        };
        Some(answer.to_owned())
    });
    let post = Post::new(&settings(server.port, MailTls::None)).unwrap();
    let gone = send(&post, "gone@example.com").await.unwrap_err();
    assert!(matches!(&gone, Failure::Final(detail) if detail.contains("no such user")), "{gone:?}");
    let full = send(&post, "full@example.com").await.unwrap_err();
    assert!(matches!(&full, Failure::Later(detail) if detail.contains("mailbox full")), "{full:?}");
    send(&post, "ada@example.com").await.unwrap();
}

#[tokio::test]
async fn refused_credentials_are_no_fault_of_an_addressee() {
    let refuse = |command: &str| command.starts_with("AUTH").then(|| "535 wrong".to_owned());
    let server = MailServer::start(refuse);
    let mut settings = settings(server.port, MailTls::None);
    settings.account = Some(("gate".to_owned(), Secret::new("hunter2")));
    let post = Post::new(&settings).unwrap();
    let failure = send(&post, "ada@example.com").await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable(_)), "{failure:?}");
    assert!(!failure.detail().contains("hunter2"));
}

#[tokio::test]
async fn a_server_that_is_not_there_may_be_there_later() {
    let vacant = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let post = Post::new(&settings(vacant, MailTls::None)).unwrap();
    let failure = send(&post, "ada@example.com").await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable(_)), "{failure:?}");
}
