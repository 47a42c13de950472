//! The mail server keeps what it is sent, and fails in each way that it is told to.

use std::time::Duration;

use tests::group::{installed, script};
use tests::inbox::{Fault, Inbox, Stage};

/// What a program that sends to these addresses is told: `sent`, or why not.
fn send(inbox: &Inbox, how: &str, password: &str, to: &[&str]) -> String {
    let port = match how {
        "starttls" => inbox.starttls,
        "tls" => inbox.tls,
        _ => inbox.plain,
    };
    let authority = inbox.authority.to_str().unwrap();
    let mut command = script(&["send.py", &port.to_string(), how, authority, password]);
    let output = command.args(to).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn an_inbox_keeps_mails_that_came_in_each_way() {
    if !installed() {
        return;
    }
    let inbox = Inbox::start();
    let password = inbox.password.clone();
    for (how, password) in [("starttls", password.as_str()), ("tls", &password), ("plain", "")] {
        let to = format!("{how}@example.com");
        assert_eq!(send(&inbox, how, password, &[&to, "hidden@example.com"]), "sent");
        let mail = inbox.wait_for(&to);
        assert_eq!((mail.encrypted, mail.authenticated), (how != "plain", how != "plain"));
        assert_eq!(mail.from, "gateway@example.com");
        assert_eq!(mail.to, [to.as_str(), "hidden@example.com"]);
        assert_eq!(mail.subject, "Zur Prüfung: 1 Aufruf");
        assert_eq!(mail.header("to"), Some(to.as_str()));
        assert_eq!(mail.parts, ["multipart/alternative", "text/plain", "text/html"]);
        assert!(mail.text.starts_with("Bitte prüfen: http://127.0.0.1:8081/holds/1?a=1"));
        let (first, second) =
            ("http://127.0.0.1:8081/holds/1?a=1", "http://127.0.0.1:8081/holds/2");
        assert_eq!(mail.links, [first, second]);
        assert_eq!(mail.loaded, ["http://127.0.0.1:8081/pixel.png"]);
        assert!(mail.raw.contains("\r\nSubject: Zur =?utf-8?"), "{}", mail.raw);
    }
}

#[test]
fn an_inbox_refuses_who_has_no_password_and_who_has_a_wrong_one() {
    if !installed() {
        return;
    }
    let inbox = Inbox::start();
    for how in ["starttls", "tls"] {
        let said = send(&inbox, how, "", &["ada@example.com"]);
        assert!(said.contains("530"), "{said}");
        let said = send(&inbox, how, "wrong", &["ada@example.com"]);
        assert!(said.contains("535"), "{said}");
    }
    assert_eq!(inbox.mails().len(), 0);
    assert!(inbox.counts().get("rejected").is_some_and(|rejected| *rejected >= 2));
}

#[test]
fn an_inbox_fails_at_each_stage_and_keeps_a_mail_only_if_it_says_so_or_the_answer_is_lost() {
    if !installed() {
        return;
    }
    let inbox = Inbox::start();
    let try_to = |to: &str| send(&inbox, "plain", "", &[to]);
    let stages = [Stage::Greeting, Stage::Sender, Stage::Recipient, Stage::Message, Stage::Answer];
    let mut kept = 0;
    for stage in stages {
        for (fault, word) in [(Fault::Code(451), "451"), (Fault::Drop, "Disconnected")] {
            inbox.fault(stage, fault, Some(1));
            let said = try_to("ada@example.com");
            assert!(said.contains(word), "{stage:?} {fault:?}: {said}");
            kept += usize::from(stage == Stage::Answer);
            assert_eq!(inbox.mails().len(), kept, "{stage:?} {fault:?}");
        }
    }
    inbox.fault(Stage::Message, Fault::Delay(Duration::from_millis(50)), None);
    assert_eq!(try_to("ada@example.com"), "sent");
    inbox.well();
    inbox.fault_to("bob@example.com", Fault::Code(550), None);
    assert!(try_to("bob@example.com").contains("550"));
    assert_eq!(try_to("ada@example.com"), "sent");
    inbox.down();
    assert!(try_to("ada@example.com").contains("Refused"));
    inbox.up();
    assert_eq!(try_to("ada@example.com"), "sent");
}
