//! Tests of two desks: one that holds calls, and one where people are.

use super::rig::{Hands, Rig};
use super::*;
use crate::kit::person;
use events::PersonRevoked;
use ledger::backend::memory::MemoryStore;
use ledger::payload::Keys;
use std::pin::Pin;

/// Whoever holds the calls in these tests takes no orders.
struct Deaf;

impl Holder for Deaf {
    fn carry_out(&self, _order: Order) -> Carried<'_> {
        let detail = "nobody is there".to_owned();
        Box::pin(async { Err(CommandError::Elsewhere { answered: false, detail }) })
    }
}

struct Two {
    /// Where calls are held.
    holding: Rig,
    /// The ledger of where people are.
    people: Rig,
    /// The desk there.
    desk: Desk,
}

impl Two {
    fn new() -> Self {
        let clock = Hands::new();
        let rig = |settings| {
            let store = MemoryStore::default();
            let log = Box::new(store.open().unwrap());
            Rig::over(log, settings, (store, clock.clone(), Keys::random().unwrap()))
        };
        let holding = rig(Settings { takes: true, ..Settings::default() });
        let people = rig(Settings::default());
        let ledger = people.ledger.clone();
        let desk = Desk::of_others(ledger, clock.clock(), Settings::default(), Arc::new(Deaf));
        Self { holding, people, desk }
    }

    /// Tells people all that is on record where calls are held.
    async fn tell_people(&self) {
        self.desk.learn(&self.holding.events()).await.unwrap();
    }

    /// Tells whoever holds the calls all that people said; gives what did not count.
    async fn tell_holder(&self) -> Vec<CommandError> {
        let mut refused = Vec::new();
        for said in self.people.events() {
            refused.extend(self.holding.desk.take_word(&said).await.err());
        }
        refused
    }

    async fn vote(&self, name: &str, hold: CallId) -> Result<Standing, CommandError> {
        let view = self.desk.hold(hold).unwrap();
        let ballot = ballot(&voter(name, &["finance"]), Vote::Approve, &view.hold);
        let before = self.people.count("hold.voted");
        let voting: Pin<Box<dyn Future<Output = _> + Send>> =
            Box::pin(self.desk.vote(hold, ballot));
        let heard = async {
            self.people.until(|people| people.count("hold.voted") > before).await;
            self.tell_holder().await;
            self.tell_people().await;
        };
        tokio::join!(voting, heard).0
    }
}

#[tokio::test]
async fn a_word_from_elsewhere_decides_once_however_often_it_is_told() {
    let two = Two::new();
    let mut waiting = two.holding.waits(1).await;
    two.tell_people().await;
    let standing = two.vote("ada", waiting.id()).await.unwrap();
    assert_eq!((standing.state.word(), standing.changed), ("granted", true));
    for _ in 0..3 {
        assert!(two.tell_holder().await.is_empty());
        two.tell_people().await;
    }
    let kinds = ["call.held", "hold.voted", "hold.granted"];
    for rig in [&two.holding, &two.people] {
        assert_eq!(rig.kinds(), kinds, "each is on record once in either ledger");
    }
    let ids = |rig: &Rig| rig.events().iter().map(|it| (it.id, it.time)).collect::<Vec<_>>();
    assert_eq!(ids(&two.holding), ids(&two.people), "and is the same event");
    let Decided::Granted(claim) = waiting.decided().await else { panic!("it is granted") };
    claim.spend();
}

#[tokio::test]
async fn where_people_are_nothing_is_decided_and_nothing_ends() {
    let two = Two::new();
    let waiting = two.holding.waits(1).await;
    two.tell_people().await;
    let view = two.desk.hold(waiting.id()).unwrap();
    let ballot = ballot(&voter("ada", &["finance"]), Vote::Approve, &view.hold);
    // Nobody tells the other desk of it.
    let standing = two.desk.vote(waiting.id(), ballot).await.unwrap();
    assert!(standing.state.is_pending());
    let taken = two.desk.take_back(waiting.id(), voter("ada", &["finance"]), "no".into()).await;
    assert!(matches!(taken, Err(CommandError::Elsewhere { answered: false, .. })));
    two.people.clock.turn(601);
    let late = two.tell_holder().await;
    assert!(
        matches!(late[..], [CommandError::Refused(crate::Refusal::TooLate { .. })]),
        "{late:?}"
    );
    assert_eq!(two.people.kinds(), ["call.held", "hold.voted"]);
    assert_eq!(two.holding.kinds(), ["call.held"], "what came too late is not on record");
}

#[tokio::test]
async fn a_decision_on_a_word_that_was_void_by_then_is_learnt_and_not_put_on_record() {
    let two = Two::new();
    let waiting = two.holding.waits(1).await;
    two.tell_people().await;
    let view = two.desk.hold(waiting.id()).unwrap();
    let ballot = ballot(&voter("ada", &["finance"]), Vote::Approve, &view.hold);
    two.desk.vote(waiting.id(), ballot).await.unwrap();
    two.tell_holder().await;
    assert_eq!(two.holding.desk.hold(waiting.id()).unwrap().hold.state.word(), "granted");
    // Here the revocation comes first, there the grant does.
    let email = person("ada").email;
    two.desk.revoke_person(email, "operator".into(), "left".into()).await.unwrap();
    two.tell_people().await;
    assert_eq!(two.desk.hold(waiting.id()).unwrap().hold.state.word(), "granted");
    assert_eq!(two.people.count("hold.granted"), 0, "its ledger would not bear it out");
    two.tell_holder().await;
    let revoked = |it: &Envelope| matches!(&it.event, Event::PersonRevoked(PersonRevoked { .. }));
    assert_eq!(two.holding.events().iter().filter(|it| revoked(it)).count(), 1);
}

#[tokio::test]
async fn an_agent_that_people_stop_has_its_calls_taken_back_where_they_are_held() {
    let two = Two::new();
    let mut waiting = two.holding.waits(1).await;
    two.tell_people().await;
    let agent: Arc<str> = "support-bot".into();
    two.desk.revoke_agent(agent, "operator".into(), "astray".into()).await.unwrap();
    two.tell_holder().await;
    assert!(matches!(waiting.decided().await, Decided::Withdrawn(_)));
    let stopped = two.holding.desk.ask(two.holding.new_hold(2)).await;
    assert!(matches!(stopped, Err(DeskError::Revoked { .. })));
    two.tell_people().await;
    assert_eq!(two.desk.hold(waiting.id()).unwrap().hold.state.word(), "withdrawn");
    assert_eq!(two.people.count("agent.revoked"), 1);
}
