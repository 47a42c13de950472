//! The courier over a real ledger, to servers that refuse, fail and vanish.

use super::*;
use crate::notice::samples::mail_server::{Mail, MailServer};
use crate::notice::samples::web_server::WebServer;
use crate::notice::samples::{call, expired, held, signed_in};
use crate::notice::settings::{MailSettings, MailTls, Secret, WebhookKind, WebhookSettings};
use events::{CallHeld, CallId, NoticeKind};
use ledger::backend::memory::MemoryStore;
use ledger::payload::Keys;
use ledger::{Options, WriterTask};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use ulid::Ulid;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

#[expect(clippy::disallowed_methods, reason = "tests have real clocks")]
fn clock() -> Clock {
    let now = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap())
    };
    Clock::new(now, || events::EventId::new(Ulid::generate()))
}

fn ledger() -> Ledger {
    start(&MemoryStore::default()).0
}

fn start(store: &MemoryStore) -> (Ledger, WriterTask) {
    let options = Options {
        source: "test/0".into(),
        queue_max: 64,
        append_timeout: PATIENCE,
        keys: Keys::random().unwrap(),
    };
    Ledger::start(Box::new(store.open().unwrap()), options).unwrap()
}

/// Records something now.
async fn record(ledger: &Ledger, call: impl Into<Option<CallId>>, event: impl Into<Event>) {
    let clock = clock();
    let (id, time) = (clock.event_id(), clock.now());
    let (session, cause, fact) = (None, None, event.into());
    ledger.record_event(Draft { id, time, session, cause, call: call.into(), fact }).await.unwrap();
}

/// Holds a call for an hour from now, of which `ada`, `ben` and `cy` are told.
async fn hold(ledger: &Ledger, number: u128) {
    for fact in signed_in() {
        record(ledger, None, fact).await;
    }
    let expires = after(clock().now(), Duration::from_hours(1));
    record(ledger, call(number), CallHeld { expires, ..held() }).await;
}

fn settings(mail: Option<&MailServer>, webhook: Option<&WebServer>) -> NoticeSettings {
    let mail = mail.map(|server| MailSettings {
        authority: None,
        account: None,
        fallback: vec!["ops@example.com".into()],
        from: "gate@gate.example.com".to_owned(),
        host: "127.0.0.1".to_owned(),
        per_hour_max: 20,
        port: server.port,
        tls: MailTls::None,
    });
    let secret = Secret::of_webhook("a secret of more than 24 bytes").unwrap();
    let webhook = webhook.map(|server| WebhookSettings {
        kind: WebhookKind::Standard(secret),
        name: "ops".into(),
        url: format!("http://127.0.0.1:{}/", server.port),
    });
    let patience = Patience {
        first: Duration::from_millis(10),
        most: Duration::from_millis(20),
        give_up: Duration::from_hours(1),
    };
    NoticeSettings {
        mail,
        patience,
        public_url: "https://gate.example.com".to_owned(),
        role_holders: BTreeMap::new(),
        webhooks: webhook.into_iter().collect(),
    }
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(ledger: &Ledger, settings: &NoticeSettings) -> Self {
        let courier = Courier::new(ledger.clone(), clock(), settings).unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(courier.run(async { stopped.await.unwrap_or_default() }));
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}

/// What is on record about notices, once it is on record of so many addressees.
async fn recorded(ledger: &Ledger, addressees: usize) -> Vec<Event> {
    let mut committed = ledger.committed();
    let all = async {
        loop {
            committed.mark_unchanged();
            let records = ledger.reader().read(Sequence::FIRST, usize::MAX).unwrap();
            let events = records.iter().map(|record| Envelope::parse(record).unwrap().event);
            let events: Vec<Event> =
                events.filter(|event| event.kind().starts_with("notice.")).collect();
            if addressees <= events.iter().map(|event| to(event).len()).sum() {
                return events;
            }
            committed.changed().await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("not on record in time")
}

fn to(event: &Event) -> &[Arc<str>] {
    if let Event::NoticeFailed(fact) = event { &fact.to } else { &sent(event).to }
}

fn sent(event: &Event) -> &NoticeSent {
    if let Event::NoticeSent(fact) = event { fact } else { panic!("not sent: {event:?}") }
}

fn names(mails: &[Mail]) -> Vec<&str> {
    let mut names: Vec<&str> =
        mails.iter().map(|mail| mail.to.trim_end_matches("@example.com")).collect();
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_asked_and_told_the_end_and_a_restart_repeats_nothing() {
    let (ledger, server) = (ledger(), MailServer::start(|_| None));
    let settings = settings(Some(&server), None);
    let first = Running::start(&ledger, &settings);
    hold(&ledger, 1).await;
    assert_eq!(names(&server.wait(3)), ["ada", "ben", "cy"]);
    first.stop().await;
    record(&ledger, call(1), expired(false)).await;
    let second = Running::start(&ledger, &settings);
    let mails = server.wait(6);
    assert_eq!(names(&mails[3..]), ["ada", "ben", "cy"]);
    assert!(mails[3..].iter().all(|mail| mail.raw.contains("Nobody decided in time")));
    let events = recorded(&ledger, 6).await;
    let kinds = events.iter().map(sent).map(|fact| (fact.kind, fact.to.len()));
    let kinds: Vec<(NoticeKind, usize)> = kinds.collect();
    assert_eq!(kinds, [(NoticeKind::Asked, 3), (NoticeKind::Decided, 3)]);
    second.stop().await;
    assert_eq!(server.wait(6).len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addressee_whom_the_server_refuses_for_good_is_on_record_and_keeps_no_other() {
    let refuse = |command: &str| command.contains("<ben@").then(|| "550 no such user".to_owned());
    let (ledger, server) = (ledger(), MailServer::start(refuse));
    let running = Running::start(&ledger, &settings(Some(&server), None));
    hold(&ledger, 1).await;
    let events = recorded(&ledger, 3).await;
    for event in &events {
        if let Event::NoticeFailed(fact) = event {
            assert_eq!((fact.to[0].as_ref(), fact.tries), ("ben@example.com", 1));
            assert!(fact.detail.contains("no such user"), "{}", fact.detail);
        } else {
            assert_eq!(sent(event).to, ["ada@example.com".into(), "cy@example.com".into()]);
        }
    }
    running.stop().await;
    assert_eq!(names(&server.wait(2)), ["ada", "cy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_not_taken_is_tried_until_it_is_and_recorded_once() {
    let refusals = AtomicUsize::new(5);
    let busy = move |command: &str| {
        let left =
            || refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |it| it.checked_sub(1));
        (command == "." && left().is_ok()).then(|| "451 try later".to_owned())
    };
    let (ledger, server) = (ledger(), MailServer::start(busy));
    let running = Running::start(&ledger, &settings(Some(&server), None));
    hold(&ledger, 1).await;
    assert_eq!(names(&server.wait(3)), ["ada", "ben", "cy"]);
    let events = recorded(&ledger, 3).await;
    let mut all: Vec<&Arc<str>> = events.iter().flat_map(to).collect();
    all.sort();
    assert_eq!(all.len(), 3);
    assert!(events.iter().all(|event| matches!(event, Event::NoticeSent(_))));
    running.stop().await;
    assert_eq!(server.wait(3).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_took_before_a_crash_is_sent_again_as_the_same_message() {
    let (ledger, server) = (ledger(), MailServer::start(|_| None));
    hold(&ledger, 1).await;
    let settings = settings(Some(&server), None);
    let mut courier = Courier::new(ledger.clone(), clock(), &settings).unwrap();
    // All of the way but the record, which the crash comes before.
    let mut deliveries = JoinSet::new();
    while deliveries.is_empty() {
        courier.work(&mut deliveries).await;
    }
    let delivered = deliveries.join_next().await.unwrap().unwrap();
    assert!(delivered.outcomes.values().all(Result::is_ok));
    drop(courier);

    let running = Running::start(&ledger, &settings);
    let mails = server.wait(6);
    let ids: BTreeSet<&str> = mails.iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    recorded(&ledger, 3).await;
    running.stop().await;
    assert_eq!(server.wait(6).len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_is_not_sent_again_until_the_next_start() {
    let (store, server) = (MemoryStore::default(), MailServer::start(|_| None));
    let settings = settings(Some(&server), None);
    let (ledger, task) = start(&store);
    hold(&ledger, 1).await;
    let mut courier = Courier::new(ledger.clone(), clock(), &settings).unwrap();
    let mut deliveries = JoinSet::new();
    while deliveries.is_empty() {
        courier.work(&mut deliveries).await;
    }
    store.fail_next();
    courier.take_in(deliveries.join_next().await.unwrap());
    for _ in 0..3 {
        courier.is_stale = true;
        courier.work(&mut deliveries).await;
    }
    assert!(deliveries.is_empty() && server.wait(3).len() == 3);
    drop((courier, ledger));
    task.join().await.unwrap();

    let (ledger, _task) = start(&store);
    let running = Running::start(&ledger, &settings);
    recorded(&ledger, 3).await;
    running.stop().await;
    let mails = server.wait(6);
    let ids: BTreeSet<&str> = mails.iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!((mails.len(), ids.len()), (6, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_fails_twice_gets_the_same_message_a_third_time() {
    let answer = |request| if request < 2 { "503 Later" } else { "204 No Content" }.to_owned();
    let (ledger, server) = (ledger(), WebServer::start(answer));
    let running = Running::start(&ledger, &settings(None, Some(&server)));
    hold(&ledger, 1).await;
    let events = recorded(&ledger, 1).await;
    assert!(
        matches!(events.as_slice(), [Event::NoticeSent(fact)] if fact.channel.as_ref() == "ops")
    );
    running.stop().await;
    let seen = server.wait(3);
    let same = |seen: &[crate::notice::samples::web_server::Seen]| {
        let of = |it: &crate::notice::samples::web_server::Seen| {
            (it.header("webhook-id").to_owned(), it.body.clone())
        };
        seen.iter().map(of).collect::<BTreeSet<_>>().len()
    };
    assert_eq!((seen.len(), same(&seen)), (3, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_delivered_is_given_up_on_record_and_a_dead_webhook_keeps_no_mail() {
    let webhook = WebServer::start(|_| "500 Never".to_owned());
    let (ledger, server) = (ledger(), MailServer::start(|_| None));
    let mut settings = settings(Some(&server), Some(&webhook));
    settings.patience.give_up = Duration::from_millis(50);
    let running = Running::start(&ledger, &settings);
    hold(&ledger, 1).await;
    assert_eq!(names(&server.wait(3)), ["ada", "ben", "cy"]);
    let events = recorded(&ledger, 4).await;
    let failed: Vec<&NoticeFailed> = events
        .iter()
        .filter_map(|event| if let Event::NoticeFailed(fact) = event { Some(fact) } else { None })
        .collect();
    let [failed] = failed.as_slice() else { panic!("{events:?}") };
    assert_eq!(
        (failed.channel.as_ref(), failed.detail.as_str()),
        ("ops", "the webhook answered 500")
    );
    assert!(1 < failed.tries);
    running.stop().await;
}

#[test]
fn only_the_kinds_that_notices_are_made_from_are_parsed() {
    let record = |kind: &str| format!("{{\"data\":{{\"type\":\"x\"}},\"type\":\"{kind}\"}}");
    for kind in events::KINDS {
        let wanted = *kind == "call.held"
            || kind.starts_with("delegation.")
            || kind.starts_with("hold.")
            || kind.starts_with("person.")
            || kind.starts_with("notice.");
        assert_eq!(concerns_notices(record(kind).as_bytes()), wanted, "{kind}");
    }
}

#[tokio::test]
async fn webhooks_have_names_of_their_own() {
    let (ledger, server) = (ledger(), WebServer::start(|_| "204 No Content".to_owned()));
    let new = |names: &[&str]| {
        let mut settings = settings(None, Some(&server));
        let one = settings.webhooks.remove(0);
        let named = |name: &&str| WebhookSettings { name: (*name).into(), ..one.clone() };
        settings.webhooks = names.iter().map(named).collect();
        Courier::new(ledger.clone(), clock(), &settings)
    };
    assert!(matches!(new(&["mail"]), Err(SettingsError::Name)));
    assert!(matches!(new(&["a", "a"]), Err(SettingsError::Twice(_))));
    assert!(new(&["a", "b"]).is_ok());
}
