//! A desk over a ledger in memory, with a clock that is turned by hand.

use super::super::*;
use crate::hold::Ballot;
use crate::kit::{at, ballot, held, person, rule, session_id, threshold, voter};
use events::{HoldRule, PersonSignedIn, Vote};
use ledger::backend::memory::MemoryStore;
use ledger::log::Log;
use ledger::payload::{Keys, Unpacked};
use ledger::{Options, Sequence, WriterTask};
use std::sync::atomic::{AtomicU64, Ordering};
use ulid::Ulid;

/// The time and the ids of a test; cheap to clone, and outlives restarts.
#[derive(Clone)]
pub(super) struct Hands(Arc<(AtomicU64, AtomicU64)>);

impl Hands {
    pub(super) fn new() -> Self {
        Self(Arc::new((AtomicU64::new(0), AtomicU64::new(1))))
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.0.load(Ordering::SeqCst))
    }

    pub(super) fn turn(&self, seconds: u64) {
        self.0.0.fetch_add(seconds * crate::kit::SECOND, Ordering::SeqCst);
    }

    pub(super) fn number(&self) -> u64 {
        self.0.1.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn clock(&self) -> Clock {
        let (time, ids) = (self.clone(), self.clone());
        let id = move || EventId::new(Ulid::from(u128::from(ids.number())));
        Clock::new(move || time.now(), id)
    }
}

pub(super) fn options(keys: Keys) -> Options {
    Options { source: "here".into(), queue_max: 64, append_timeout: Duration::from_secs(30), keys }
}

pub(super) struct Rig {
    pub(super) store: MemoryStore,
    pub(super) ledger: Ledger,
    pub(super) desk: Desk,
    pub(super) clock: Hands,
    pub(super) task: WriterTask,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(super) fn with(settings: Settings) -> Self {
        let store = MemoryStore::default();
        let log = store.open().unwrap();
        Self::over(Box::new(log), settings, (store, Hands::new(), Keys::random().unwrap()))
    }

    /// A desk that was shown all that is on record.
    pub(super) fn over(
        log: Box<dyn Log>,
        settings: Settings,
        (store, clock, keys): (MemoryStore, Hands, Keys),
    ) -> Self {
        let (ledger, task) = Ledger::start(log, options(keys)).unwrap();
        let desk = Desk::new(ledger.clone(), clock.clock(), settings);
        let rig = Self { store, ledger, desk, clock, task };
        rig.show_all();
        rig
    }

    pub(super) fn show_all(&self) {
        self.events().iter().for_each(|envelope| self.desk.apply(envelope));
    }

    pub(super) fn events(&self) -> Vec<Envelope> {
        let reader = self.ledger.reader();
        let mut events = Vec::new();
        loop {
            let from = Sequence::new(events.len() as u64);
            let records = reader.read(from, 1 << 20).unwrap();
            if records.is_empty() {
                return events;
            }
            events.extend(records.iter().map(|record| Envelope::parse(record).unwrap()));
        }
    }

    pub(super) fn kinds(&self) -> Vec<&'static str> {
        self.events().iter().map(|envelope| envelope.event.kind()).collect()
    }

    pub(super) fn count(&self, kind: &str) -> usize {
        self.kinds().iter().filter(|it| **it == kind).count()
    }

    /// A call that one of finance can decide.
    pub(super) fn new_hold(&self, identity: u8) -> NewHold {
        self.hold_by(rule(vec![vec![threshold(1, 1, "group:finance")]]), identity)
    }

    pub(super) fn hold_by(&self, rule: HoldRule, identity: u8) -> NewHold {
        NewHold {
            call: CallId::new(Ulid::from(u128::from(self.clock.number()))),
            session: session_id(1),
            cause: None,
            fact: held(rule, identity),
            payload: None,
            also: Vec::new(),
            arguments: None,
        }
    }

    pub(super) async fn ask(&self, identity: u8) -> Asked {
        self.desk.ask(self.new_hold(identity)).await.unwrap()
    }

    pub(super) async fn waits(&self, identity: u8) -> Waiting {
        match self.ask(identity).await {
            Asked::Waits(waiting) => waiting,
            other @ (Asked::Granted(_) | Asked::Refused(_) | Asked::TooMany(_)) => {
                panic!("does not wait: {other:?}")
            }
        }
    }

    pub(super) async fn vote(
        &self,
        name: &str,
        hold: CallId,
        vote: Vote,
    ) -> Result<Standing, CommandError> {
        let view = self.desk.hold(hold).unwrap();
        let ballot: Ballot = ballot(&voter(name, &["finance"]), vote, &view.hold);
        self.desk.vote(hold, ballot).await
    }

    pub(super) async fn approve(&self, name: &str, hold: CallId) -> Result<Standing, CommandError> {
        self.vote(name, hold, Vote::Approve).await
    }

    /// Something that the desk does by itself comes about.
    pub(super) async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..10_000 {
            if is_so(self) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("it does not come about: {:#?}", self.kinds());
    }

    /// Nothing has become of it, though everybody had the chance to do something.
    pub(super) async fn stays_open(&self, waiting: &mut Waiting) {
        let decided = waiting.decided();
        tokio::pin!(decided);
        for _ in 0..100 {
            let is_ready = futures_poll(decided.as_mut()).await;
            assert!(!is_ready, "it is decided");
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn pack(&self, bytes: &[u8]) -> Packed {
        let session = session_id(1);
        let content = Unpacked { session, is_first: false, bytes, cuts: &[], kept: true };
        self.ledger.pack(content).unwrap()
    }

    /// Somebody of finance signs in.
    pub(super) async fn sign_in(&self, name: &str) {
        let fact = PersonSignedIn {
            expires: at(1_000_000),
            groups: crate::kit::names(&["finance"]),
            method: "password".into(),
            peer: None,
            person: person(name),
            roles: Vec::new(),
            sign_in: name.into(),
        };
        let id = EventId::new(Ulid::from(u128::from(self.clock.number())));
        let time = self.clock.now();
        let draft = Draft { id, time, session: None, cause: None, call: None, fact };
        self.ledger.record(draft).await.unwrap();
        self.show_all();
    }
}

/// Whether a future is ready now.
async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_ready()))
        .await
}
