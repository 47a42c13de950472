//! Witnesses that are none, or that lie: what they say does not count, and it is told.

use std::io;

use tests::upstream::{Request, Upstream};
use tests::wire::Connection;
use tests::witness::Witness;
use tlog::{AddCheckpoint, CosigningKey};

use crate::log::Log;
use crate::protocol::ORIGIN;
use crate::quorum::Client;

fn key() -> CosigningKey {
    CosigningKey::from_seed("liar.example", &[5; 32]).unwrap()
}

/// What a gateway says of a witness that answers so.
fn told<S>(script: S) -> Result<(), String>
where
    S: Fn(&Request, &mut Connection) -> io::Result<()> + Send + Sync + 'static,
{
    let liar = Upstream::start(script);
    let (address, key) = (liar.address, key().verifier().to_string());
    let section =
        format!("[[witness]]\nname = \"liar\"\nurl = \"http://{address}/w\"\nkey = \"{key}\"\n");
    let cosigned = Client::new(1, &[section]).cosign(&Log::new(ORIGIN, "common"), 9).map(|_| ());
    assert!(liar.seen().iter().all(|request| request.line == "POST /w/add-checkpoint HTTP/1.1"));
    cosigned
}

/// The witness's cosignature of what is asked for, at a time that many seconds from now.
fn cosigned(request: &Request, shift: i64) -> String {
    let asked = AddCheckpoint::parse(&request.body).unwrap();
    let now = proxy::clock::now().micros() / 1_000_000;
    let time = now.checked_add_signed(shift).unwrap();
    key().sign(asked.note().text(), time).unwrap().to_string()
}

#[test]
fn a_cosignature_counts_only_if_its_time_is_about_now() {
    for (shift, counts) in [(0, true), (-60, true), (60, true), (-7200, false), (7200, false)] {
        let told =
            told(move |request, connection| connection.reply(200, &cosigned(request, shift)));
        match told {
            Ok(()) => assert!(counts, "{shift}"),
            Err(why) => assert!(!counts && why.contains("one clock is wrong"), "{why}"),
        }
    }
}

#[test]
fn an_answer_that_is_no_cosignature_does_not_count() {
    let forged = |request: &Request| {
        let other = Log::new("other.example/0", "common").checkpoint(9).to_string();
        let right = cosigned(request, 0);
        let signed = key().sign(&other, 1_800_000_000).unwrap().to_string();
        assert_ne!(right, signed);
        signed
    };
    let why = told(move |request, connection| connection.reply(200, &forged(request))).unwrap_err();
    assert!(why.contains("liar: a signature of `liar.example+") && why.contains("wrong"), "{why}");
    for body in ["", "\n", "{}", "\u{2014} liar.example AAAA"] {
        let why = told(move |_, connection| connection.reply(200, body)).unwrap_err();
        assert!(why.contains("liar: its answer is not a cosignature"), "{why}");
    }
}

#[test]
fn an_answer_without_end_or_without_sense_is_given_up() {
    let large = "x".repeat(1 << 20);
    let why = told(move |_, connection| connection.reply(200, &large)).unwrap_err();
    assert!(why.contains("liar: its answer broke off"), "{why}");
    let why = told(|_, connection| connection.reply(409, "many\n")).unwrap_err();
    assert!(why.contains("does not say which"), "{why}");
    let why = told(|_, connection| connection.reply(409, "0\n")).unwrap_err();
    assert!(why.contains("it has cosigned another tree of 0 records"), "{why}");
    let why = told(|request, connection| {
        let old = AddCheckpoint::parse(&request.body).unwrap().old();
        connection.reply(409, &format!("{}\n", old + 1))
    });
    assert!(why.unwrap_err().contains("it said 3 times that it knows another size"));
    let headers = "location: http://127.0.0.1:1/\r\n";
    let why = told(move |_, connection| connection.reply_with(307, headers, "\u{1b}[31m"));
    let why = why.unwrap_err();
    assert!(why.contains("it refused (307: \\u{1b}[31m)"), "{why}");
    let why = told(|_, _| Err(io::ErrorKind::Other.into())).unwrap_err();
    assert!(why.contains("liar: "), "{why}");
}

#[test]
fn a_witness_with_another_key_or_that_does_not_know_the_log_does_not_count() {
    let log = Log::new(ORIGIN, "common");
    let witness = Witness::start(&[log.key()]);
    let section = witness.section("one").replace(&witness.key, &key().verifier().to_string());
    let why = Client::new(1, &[section]).cosign(&log, 3).unwrap_err();
    assert!(why.contains("one: it did not cosign with the key liar.example+"), "{why}");
    let other = Log::new("other.example/0", "common");
    let why = Client::new(1, &[witness.section("one")]).cosign(&other, 3).unwrap_err();
    assert!(why.contains("it does not know this log") && why.contains("404"), "{why}");
}
