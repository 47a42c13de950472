//! Any history of holds, deliveries, crashes and restarts: never twice, never lost.

use crate::notice::outbox::{Due, Notice};
use crate::notice::routing::Routing;
use crate::notice::samples::{
    Told, at, call, edited, expired, granted, held, refused, routing, voted, withdrawn,
};
use crate::notice::story::Need;
use events::{CallHeld, NoticeKind, Vote};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const CALLS: u128 = 4;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// All that is due is handed to the mail server, which has taken it.
    Begin,
    /// The process dies: what is under way was taken, and nobody knows.
    Crash,
    Edit(u128),
    Expire(u128),
    Grant(u128),
    Hold(u128),
    /// What is under way is recorded.
    Land,
    Pass(u64),
    Refuse(u128),
    Vote(u128),
    Withdraw(u128),
}

fn step() -> impl Strategy<Value = Step> {
    let of = |make: fn(u128) -> Step| (1..=CALLS).prop_map(make);
    prop_oneof![
        5 => Just(Step::Begin),
        1 => Just(Step::Crash),
        2 => of(Step::Edit),
        1 => of(Step::Expire),
        2 => of(Step::Grant),
        6 => of(Step::Hold),
        4 => Just(Step::Land),
        3 => (1_u64..900).prop_map(Step::Pass),
        1 => of(Step::Refuse),
        2 => of(Step::Vote),
        1 => of(Step::Withdraw),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Now {
    Ended(u32),
    Granted,
    Waits(u32),
}

struct World {
    told: Told,
    now: u64,
    routing: Routing,
    calls: BTreeMap<u128, Now>,
    under_way: Vec<Due>,
    /// How often each notice was taken by the mail server, and under which message.
    taken: BTreeMap<Need, (usize, BTreeSet<Arc<str>>)>,
    /// How often a crash let it be forgotten that a notice was taken.
    forgotten: BTreeMap<Need, usize>,
    /// The latest version that each addressee has read of, by call.
    knows: BTreeMap<(u128, Arc<str>), u32>,
}

impl World {
    fn new() -> Self {
        let mut routing = routing();
        routing.mail.as_mut().expect("mails").per_hour_max = 5;
        Self {
            told: Told::default(),
            now: 0,
            routing,
            calls: BTreeMap::new(),
            under_way: Vec::new(),
            taken: BTreeMap::new(),
            forgotten: BTreeMap::new(),
            knows: BTreeMap::new(),
        }
    }

    fn begin(&mut self) {
        let busy: BTreeSet<Need> = self.under_way.iter().flat_map(Due::needs).collect();
        let due = self.told.outbox.due(at(self.now), &self.routing, &busy);
        for one in &due {
            for notice in one.notices() {
                self.read(notice, one.message());
            }
        }
        self.under_way.extend(due);
    }

    fn read(&mut self, notice: &Notice, message: &Arc<str>) {
        for need in notice.needs() {
            let number = (1..=CALLS).find(|it| call(*it) == need.call).expect("a call");
            self.knows.insert((number, Arc::clone(&need.to)), notice.facts.version);
            let (times, messages) = self.taken.entry(need).or_default();
            *times += 1;
            messages.insert(Arc::clone(message));
        }
    }

    fn land(&mut self) {
        for due in std::mem::take(&mut self.under_way) {
            for notice in due.notices() {
                self.told.sent(self.now, (notice, due.message()));
            }
        }
    }

    fn crash(&mut self) {
        for need in self.under_way.drain(..).flat_map(|due| due.needs()) {
            *self.forgotten.entry(need).or_default() += 1;
        }
        self.told.outbox = self.told.folded_again();
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Begin => self.begin(),
            Step::Crash => self.crash(),
            Step::Land => self.land(),
            Step::Pass(seconds) => self.now += seconds,
            Step::Hold(number) if !self.calls.contains_key(&number) => {
                let mut held = CallHeld { expires: at(10_000_000), ..held() };
                // A reminder also says what has changed, so some calls have none.
                held.rule.remind_s = held.rule.remind_s.filter(|_| number.is_multiple_of(2));
                self.told.add(self.now, call(number), held);
                self.calls.insert(number, Now::Waits(1));
            }
            Step::Edit(number) => {
                if let Some(Now::Waits(version)) = self.calls.get_mut(&number) {
                    *version += 1;
                    let name = if version.is_multiple_of(2) { "ben" } else { "cy" };
                    self.told.add(self.now, call(number), edited(name, *version));
                }
            }
            Step::Vote(number) => {
                if let Some(Now::Waits(version)) = self.calls.get(&number) {
                    let fact = voted("ada", (*version, Vote::Approve));
                    self.told.add(self.now, call(number), fact);
                }
            }
            Step::Expire(number)
            | Step::Withdraw(number)
            | Step::Refuse(number)
            | Step::Grant(number) => self.end(number, step),
            Step::Hold(_) => {}
        }
    }

    fn end(&mut self, number: u128, step: Step) {
        let Some(now) = self.calls.get_mut(&number) else { return };
        let round = u32::from(*now == Now::Granted);
        let waits = matches!(now, Now::Waits(_));
        let (told, call) = (&mut self.told, call(number));
        match step {
            Step::Grant(_) if waits => {
                told.add(self.now, call, granted(Vec::new(), None));
                *now = Now::Granted;
            }
            Step::Refuse(_) if waits => {
                told.add(self.now, call, refused(Vec::new()));
                *now = Now::Ended(0);
            }
            Step::Expire(_) if waits || round == 1 => {
                told.add(self.now, call, expired(round == 1));
                *now = Now::Ended(round);
            }
            Step::Withdraw(_) if waits || round == 1 => {
                told.add(self.now, call, withdrawn("agent", "gave up"));
                *now = Now::Ended(round);
            }
            Step::Begin
            | Step::Crash
            | Step::Edit(_)
            | Step::Expire(_)
            | Step::Grant(_)
            | Step::Hold(_)
            | Step::Land
            | Step::Pass(_)
            | Step::Refuse(_)
            | Step::Vote(_)
            | Step::Withdraw(_) => {}
        }
    }

    fn settle(&mut self) {
        for _ in 0..4 {
            self.land();
            self.begin();
            self.land();
            self.now += 301;
        }
    }

    fn check(&self) {
        for (need, (times, messages)) in &self.taken {
            let forgotten = self.forgotten.get(need).copied().unwrap_or_default();
            assert!(*times <= 1 + forgotten, "{need:?} was sent {times} times");
            let own = messages.iter().filter(|message| message.starts_with("hold-")).count();
            assert!(own <= 1, "{need:?} had several messages of its own: {messages:?}");
        }
        for (number, now) in &self.calls {
            match now {
                Now::Waits(version) => self.check_waiting(*number, *version),
                Now::Granted => self.check_ended(*number, 0),
                Now::Ended(round) => self.check_ended(*number, *round),
            }
        }
    }

    fn check_waiting(&self, number: u128, version: u32) {
        let deciders = ["ben@example.com", "cy@example.com"];
        let editor = if version.is_multiple_of(2) { deciders[0] } else { deciders[1] };
        for decider in deciders.iter().filter(|it| version == 1 || **it != editor) {
            let known = self.knows.get(&(number, (*decider).into()));
            assert_eq!(known, Some(&version), "{decider} does not know call {number} as it is");
        }
    }

    fn check_ended(&self, number: u128, round: u32) {
        let call = call(number);
        let told: BTreeSet<&Arc<str>> = self
            .taken
            .keys()
            .filter(|need| need.call == call && self.is_known(need))
            .map(|need| &need.to)
            .collect();
        for to in told {
            let last = self.taken.keys().any(|need| {
                need.call == call
                    && need.to == *to
                    && (need.kind, need.round) == (NoticeKind::Decided, round)
            });
            assert!(last, "{to} was asked about call {number} and not told how it ended");
        }
    }

    /// Whether the ledger has it that a notice was sent.
    fn is_known(&self, need: &Need) -> bool {
        let forgotten = self.forgotten.get(need).copied().unwrap_or_default();
        self.taken.get(need).is_some_and(|(times, _)| forgotten < *times)
    }
}

proptest! {
    #[test]
    fn whatever_happens_in_whatever_order_nothing_is_sent_twice_and_nothing_is_lost(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        world.settle();
        world.check();
        let none = BTreeSet::new();
        let one = world.told.outbox.due(at(world.now), &world.routing, &none);
        let two = world.told.folded_again().due(at(world.now), &world.routing, &none);
        prop_assert_eq!(format!("{one:?}"), format!("{two:?}"));
    }
}
