//! Explores all short histories of a hold, and long random ones, with crashes at every point.

use super::*;
use crate::kit::{call_id, session_id};
use events::{Envelope, Event};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// How many things happen in each history that is explored in full.
const DEPTH: usize = 7;

/// Something that may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// Somebody votes on what they see now.
    Vote(&'static str, Vote),
    /// The last ballot arrives once more.
    Again,
    Edit(&'static str),
    /// So much time goes by that everything is over.
    Wait,
    Expire,
    Revoke(&'static str),
    Claim,
    Drop,
    /// The call is made by who has the claim.
    Spend,
    Withdraw,
    /// The process ends, and another one begins.
    Crash,
}

const ACTS: &[Act] = &[
    Act::Vote("ada", Vote::Approve),
    Act::Vote("ada", Vote::Reject),
    Act::Vote("bob", Vote::Approve),
    Act::Vote("bob", Vote::Reject),
    Act::Vote("lea", Vote::Approve),
    Act::Vote("olga", Vote::Approve),
    Act::Again,
    Act::Edit("bob"),
    Act::Wait,
    Act::Expire,
    Act::Revoke("ada"),
    Act::Claim,
    Act::Drop,
    Act::Spend,
    Act::Withdraw,
    Act::Crash,
];

/// A hold, what is on record, and who is about to make the call.
#[derive(Clone, Debug)]
struct World {
    hold: Hold,
    roster: Roster,
    log: Vec<Envelope>,
    second: u64,
    is_claimed: bool,
    last: Option<Ballot>,
}

fn groups(name: &str) -> &'static [&'static str] {
    match name {
        "ada" => &["finance", "legal"],
        "lea" => &["legal"],
        _ => &["finance"],
    }
}

impl World {
    fn new() -> Self {
        let finance = vec![threshold(1, 1, "group:finance")];
        let rule = rule(vec![
            finance,
            vec![threshold(1, 1, "group:legal"), threshold(2, 1, "group:finance")],
        ]);
        let first = envelope(0, at(0), crate::kit::held(rule, 1));
        let hold = Hold::begin(&first).unwrap();
        let roster = Roster::default();
        Self { hold, roster, log: vec![first], second: 0, is_claimed: false, last: None }
    }

    fn next_id(&self) -> EventId {
        event_id(self.log.len() as u64)
    }

    fn record(&mut self, event: Event) {
        let sequence = self.log.len() as u64;
        let envelope = envelope(sequence, at(self.second), event);
        show(&mut self.hold, &mut self.roster, &envelope);
        self.log.push(envelope);
    }

    /// Makes everything anew from what is on record.
    fn rebuilt(&self) -> (Hold, Roster) {
        let (mut hold, mut roster) = (Hold::begin(&self.log[0]).unwrap(), Roster::default());
        self.log[1..].iter().for_each(|envelope| show(&mut hold, &mut roster, envelope));
        (hold, roster)
    }

    /// Carries out a command; of what it makes be recorded only so much, if there is a crash.
    fn carry_out(&mut self, command: &Command, kept: usize) {
        let context = Context { is_claimed: self.is_claimed, ..context(&self.roster, self.second) };
        let Ok(steps) = decide(&self.hold, command, &context) else { return };
        for step in steps.into_iter().take(kept) {
            self.record(step.into_event().unwrap());
        }
    }

    fn act(&mut self, act: Act, kept: usize) {
        self.second += 1;
        let id = self.next_id();
        match act {
            Act::Vote(name, vote) => {
                let ballot = ballot(&voter(name, groups(name)), vote, &self.hold);
                self.last = Some(ballot.clone());
                self.carry_out(&Command::Vote(id, ballot), kept);
            }
            Act::Again => {
                if let Some(ballot) = self.last.clone() {
                    self.carry_out(&Command::Vote(id, ballot), kept);
                }
            }
            Act::Edit(name) => {
                let digest = u8::try_from(self.log.len()).unwrap() + 100;
                let command = edit_by(&voter(name, groups(name)), &self.hold, digest);
                self.carry_out(&command, kept);
            }
            Act::Wait => self.second += 1000,
            Act::Expire => self.carry_out(&Command::Expire, kept),
            Act::Revoke(name) => self.record(revoked(name).into()),
            Act::Claim => {
                let State::Granted { claim_until, .. } = self.hold.state else { return };
                self.is_claimed |= at(self.second) < claim_until;
            }
            Act::Drop => self.is_claimed = false,
            Act::Spend => {
                if let State::Granted { grant, .. } = self.hold.state
                    && std::mem::take(&mut self.is_claimed)
                {
                    self.record(dispatched(grant));
                }
            }
            Act::Withdraw => {
                self.carry_out(&Command::Withdraw("agent".into(), "gone".into()), kept);
            }
            Act::Crash => {
                (self.hold, self.roster) = self.rebuilt();
                self.is_claimed = false;
                self.carry_out(&Command::Settle, kept);
            }
        }
    }

    /// What must be true after anything.
    fn check(&self) {
        let (hold, roster) = self.rebuilt();
        assert_eq!((&hold, &roster), (&self.hold, &self.roster), "made anew it is the same");
        let count = |is: fn(&Event) -> bool| self.log.iter().filter(|it| is(&it.event)).count();
        let grants = count(|event| matches!(event, Event::HoldGranted(_)));
        let refusals = count(|event| matches!(event, Event::HoldRefused(_)));
        let expired = count(|event| matches!(event, Event::HoldExpired(_)));
        let withdrawn = count(|event| matches!(event, Event::HoldWithdrawn(_)));
        let made = count(|event| matches!(event, Event::CallDispatched(_)));
        assert!(grants + refusals <= 1, "it is decided once: {self:#?}");
        assert!(refusals + expired + withdrawn + made <= 1, "it ends once: {self:#?}");
        assert!(made <= grants, "it is made once for a grant: {self:#?}");
        for (index, envelope) in self.log.iter().enumerate() {
            if let Event::HoldGranted(fact) = &envelope.event {
                self.check_grant(index, fact);
            }
        }
    }

    /// Looks at the log alone: two people who are let count, of whom one is of legal or both are of
    /// finance, said yes to this very version, and were not revoked.
    fn check_grant(&self, index: usize, fact: &events::HoldGranted) {
        let before = &self.log[..index];
        let edits = before.iter().rposition(|it| matches!(it.event, Event::HoldEdited(_)));
        let last = edits.map(|at| &before[at].event);
        let (editor, digest) = if let Some(Event::HoldEdited(edit)) = last {
            (Some(Arc::clone(&edit.by.email)), edit.digest)
        } else {
            (None, self.hold.fact.digest)
        };
        assert_eq!(fact.digest, digest, "what is granted is the last version");
        let mut people = BTreeSet::new();
        for envelope in &before[edits.unwrap_or_default()..] {
            if let Event::HoldVoted(vote) = &envelope.event
                && fact.votes.contains(&envelope.id)
            {
                assert_eq!((vote.digest, vote.vote), (digest, Vote::Approve));
                people.insert(Arc::clone(&vote.by.email));
            }
        }
        let is_revoked = |email: &str| {
            before
                .iter()
                .any(|it| matches!(&it.event, Event::PersonRevoked(r) if *r.email == *email))
        };
        assert_eq!(people.len(), fact.votes.len(), "each vote is another person's: {self:#?}");
        assert_eq!(people.len(), 2, "two sets take two people");
        for email in people {
            assert_ne!(&*email, "olga@example.com", "the agent acts for her");
            assert_ne!(Some(&email), editor.as_ref(), "who edited does not approve");
            assert!(!is_revoked(&email), "{email} has no rights: {self:#?}");
        }
    }
}

fn show(hold: &mut Hold, roster: &mut Roster, envelope: &Envelope) {
    roster.apply(envelope);
    if let Event::PersonRevoked(fact) = &envelope.event {
        hold.void_votes_of(&fact.email);
    } else if let Some(step) = Step::of(&envelope.event) {
        hold.apply(envelope.id, envelope.time, step);
    }
}

fn dispatched(grant: EventId) -> Event {
    let held = crate::kit::held(rule(Vec::new()), 1);
    events::CallDispatched {
        arguments: None,
        conversation: None,
        dialect: held.dialect,
        grant: Some(grant),
        method: held.method,
        model: None,
        operation: held.operation,
        principal: held.principal,
        request: None,
        session: held.session,
        shadow: None,
        stream: false,
        target: held.target,
        tool_call: None,
        trace: None,
        upstream: held.upstream,
        verdict: held.verdict,
    }
    .into()
}

/// Everything that can happen from here on; what changes nothing is not gone on with.
fn explore(world: &World, depth: usize, seen: &mut BTreeSet<&'static str>) -> usize {
    let mut histories = 1;
    for act in ACTS {
        // With a crash between the records of one batch, and without.
        for kept in [usize::MAX, 1] {
            let mut next = world.clone();
            next.act(*act, kept);
            if kept == 1 {
                let mut whole = world.clone();
                whole.act(*act, usize::MAX);
                if whole.log.len() == next.log.len() {
                    continue;
                }
                next.act(Act::Crash, usize::MAX);
                assert_eq!(
                    whole.hold.state.word(),
                    next.hold.state.word(),
                    "what a crash broke off is completed"
                );
            }
            next.check();
            seen.insert(next.hold.state.word());
            let is_news = next.log.len() > world.log.len()
                || next.is_claimed != world.is_claimed
                || *act == Act::Wait && next.second < 1500;
            if is_news && depth > 1 {
                histories += explore(&next, depth - 1, seen);
            }
        }
    }
    histories
}

#[test]
fn in_no_short_history_is_a_call_made_twice_or_without_the_people_it_takes() {
    let mut seen = BTreeSet::new();
    let histories = explore(&World::new(), DEPTH, &mut seen);
    let all = ["dispatched", "expired", "granted", "pending", "refused", "withdrawn"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
    assert!(histories > 5_000, "only {histories} histories");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn in_no_long_history_is_a_call_made_twice_or_without_the_people_it_takes(
        acts in prop::collection::vec((0..ACTS.len(), prop::bool::weighted(0.1)), 1..60)
    ) {
        let mut world = World::new();
        for (act, is_torn) in acts {
            // Time goes by slowly, or nothing would ever be decided.
            let is_early = world.log.len() < 6;
            let act = ACTS[act];
            if is_early && matches!(act, Act::Wait | Act::Withdraw | Act::Vote(_, Vote::Reject)) {
                continue;
            }
            world.act(act, if is_torn { 1 } else { usize::MAX });
            if is_torn {
                world.act(Act::Crash, usize::MAX);
            }
            world.check();
        }
    }
}

#[test]
fn the_events_of_a_hold_are_of_its_call_and_session() {
    let world = World::new();
    assert_eq!((world.hold.id, world.hold.session), (call_id(1), session_id(1)));
}
