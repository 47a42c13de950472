//! What each mail says, to the letter, and that nobody else writes in it.

use super::*;
use crate::notice::outbox::Due;
use crate::notice::samples::{
    Told, at, call, edited, expired, granted, held, person, refused, routing, voted, withdrawn,
};
use events::{BreakGlass, CallHeld, Vote};
use std::path::Path;

const URL: &str = "https://gate.example.com/";

/// Compares with a file of `golden`; where they differ, what it is now is put beside it.
fn assert_golden(name: &str, now: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/notice/letter/golden").join(name);
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    if golden != now {
        let beside = path.with_added_extension("tmp");
        std::fs::write(&beside, now).unwrap();
        panic!("{} is not what it was: compare {}", path.display(), beside.display());
    }
}

fn assert_letter(name: &str, told: &Told, seconds: u64) {
    let notice = told.single(seconds).remove(0);
    let letter = Letter::of_one(&notice, URL).unwrap();
    assert_golden(&format!("{name}.txt"), &letter.text);
    assert_golden(&format!("{name}.html"), &letter.html);
}

fn asked() -> Told {
    let mut told = Told::holding(held());
    told.send_all(0, &routing());
    told
}

/// The mail as a mail server gets it, with soft line breaks undone.
fn raw(letter: &Letter) -> String {
    let from = "Countersign <gate@gate.example.com>".parse().unwrap();
    let message = letter.to(&from, "ada@example.com", at(0)).unwrap();
    String::from_utf8(message.formatted()).unwrap().replace("=\r\n", "")
}

fn headers(raw: &str) -> Vec<&str> {
    raw.split_once("\r\n\r\n").unwrap().0.split("\r\n").collect()
}

#[test]
fn every_mail_about_one_call_says_what_it_always_said() {
    assert_letter("asked", &Told::holding(held()), 0);
    assert_letter("reminded", &asked(), 600);

    let mut told = asked();
    told.send_all(600, &routing());
    told.send_all(1200, &routing());
    told.add(1300, call(1), voted("ben", (1, Vote::Approve)));
    let escalated = told.single(1800).into_iter().find(|it| it.kind == NoticeKind::Escalated);
    let letter = Letter::of_one(&escalated.unwrap(), URL).unwrap();
    assert_golden("escalated.txt", &letter.text);
    assert_golden("escalated.html", &letter.html);

    let mut told = asked();
    told.add(60, call(1), edited("ben", 2));
    assert_letter("edited", &told, 61);
}

#[test]
fn every_mail_about_an_ending_says_what_it_always_said() {
    let mut told = asked();
    let votes = ["ben", "cy"].map(|it| told.add(5, call(1), voted(it, (1, Vote::Approve))));
    told.add(5, call(1), granted(votes.to_vec(), None));
    assert_letter("granted", &told, 6);
    told.send_all(6, &routing());
    told.add(900, call(1), expired(true));
    assert_letter("unused", &told, 901);

    let mut told = asked();
    let glass = BreakGlass { by: person("ada"), reason: "payroll is due".to_owned() };
    told.add(5, call(1), granted(Vec::new(), Some(glass)));
    assert_letter("emergency", &told, 6);

    let mut told = asked();
    let vote = told.add(5, call(1), voted("ben", (1, Vote::Reject)));
    told.add(5, call(1), refused(vec![vote]));
    assert_letter("refused", &told, 6);

    let mut told = asked();
    told.add(3600, call(1), expired(false));
    assert_letter("expired", &told, 3601);

    let mut told = asked();
    told.add(5, call(1), withdrawn("agent", "see http://evil.example"));
    assert_letter("withdrawn", &told, 6);
}

#[test]
fn the_mail_that_gathers_says_what_it_always_said() {
    let mut told = Told::default();
    for number in 1..=80 {
        told.add(0, call(number), held());
    }
    let due = told.due(0, &routing());
    let gathered = due.iter().find_map(|due| match due {
        Due::Gathered { message, notices, .. } => Some((message, notices)),
        Due::Single(_) => None,
    });
    let (message, notices) = gathered.unwrap();
    let two = Letter::of_many(message, &notices[..2], URL).unwrap();
    assert_golden("gathered.txt", &two.text);
    assert_golden("gathered.html", &two.html);
    assert_eq!(two.subject, "Countersign: 2 calls wait");
    let all = Letter::of_many(message, notices, URL).unwrap();
    assert!(all.text.contains("And 10 more.") && all.html.contains("And 10 more."));
}

#[test]
fn mails_about_one_call_are_one_thread_and_no_robot_answers_them() {
    let mut told = Told::holding(held());
    let first = raw(&Letter::of_one(&told.single(0)[0], URL).unwrap());
    let id = format!("<hold-{}.asked.0@gate.example.com>", call(1).ulid());
    assert!(headers(&first).contains(&format!("Message-ID: {id}").as_str()), "{first}");
    assert!(headers(&first).contains(&"Auto-Submitted: auto-generated"));
    assert!(headers(&first).contains(&"X-Auto-Response-Suppress: All"));
    assert!(!first.contains("In-Reply-To"));

    told.send_all(0, &routing());
    let second = raw(&Letter::of_one(&told.single(600)[0], URL).unwrap());
    for line in [format!("In-Reply-To: {id}"), format!("References: {id}")] {
        assert!(headers(&second).contains(&line.as_str()), "{second}");
    }
    let subject = |raw: &str| raw.lines().find(|it| it.starts_with("Subject:")).map(str::to_owned);
    assert_eq!(subject(&first), subject(&second));
    assert_eq!(subject(&first).unwrap(), "Subject: Countersign: high-risk call 000001");
}

#[test]
fn the_text_stands_before_the_page_and_neither_fetches_anything_or_can_decide() {
    let raw = raw(&Letter::of_one(&Told::holding(held()).single(0)[0], URL).unwrap());
    let (text, page) = (raw.find("text/plain").unwrap(), raw.find("text/html").unwrap());
    assert!(raw.contains("multipart/alternative") && text < page);
    for word in ["<img", "<form", "<script", "src=", "url(", "token", "?"] {
        let body = raw.split_once("\r\n\r\n").unwrap().1;
        assert!(!body.contains(word), "a mail has {word}");
    }
}

#[test]
fn what_a_tool_server_calls_its_tool_is_never_more_than_a_name() {
    let hostile = [
        "pay\r\nBcc: eve@evil.example\r\n\r\n<b>hi</b>",
        "[APPROVED] refund",
        "\u{202e}dnufer\u{202c}",
        "https://evil.example/approve",
        "<a href=\"https://evil.example\">ok</a>",
        "&lt;script&gt;",
        "`*~ <!channel>",
    ];
    for name in hostile {
        let mut held = CallHeld { target: Some(name.into()), ..held() };
        held.rule.risk = events::Risk::Critical;
        let notice = Told::holding(held).single(0).remove(0);
        let letter = Letter::of_one(&notice, URL).unwrap();
        assert_eq!(letter.subject, "Countersign: critical-risk call 000001");
        let raw = raw(&letter);
        let sound = headers(&raw).iter().all(|line| !line.contains("evil"));
        assert!(sound && raw.is_ascii(), "{raw}");
        for whole in [&letter.text, &letter.html] {
            for word in ["evil.example", "[APPROVED]", "\u{202e}", "<b>", "<a href=\"https://evil"]
            {
                assert!(!whole.contains(word), "{name:?} brings {word:?}: {whole}");
            }
            assert_eq!(whole.matches("://").count(), whole.matches(URL).count(), "{whole}");
        }
        assert!(letter.text.lines().filter(|line| line.starts_with("Tool:")).count() == 1);
    }
}

#[test]
fn what_is_no_address_is_no_addressee() {
    let letter = Letter::of_one(&Told::holding(held()).single(0)[0], URL).unwrap();
    let from = "gate@gate.example.com".parse().unwrap();
    for address in ["ada", "ada@example.com\r\nRCPT TO:<eve@evil.example>", "a@b>,<c@d"] {
        assert!(letter.to(&from, address, at(0)).is_err(), "{address}");
    }
}
