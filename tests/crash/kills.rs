//! `kill -9` in a loop, under load.

use std::sync::Arc;

use events::Event;
use rustix::process::Signal;
use tests::gateway::Setup;
use tests::patience::until;

use crate::witness::Witness;

/// How often the gateway is killed.
const ROUNDS: usize = 8;

/// How many agents call at once.
const AGENTS: usize = 8;

/// How many more answers come before each kill: primes, so that kills hit all phases.
const ANSWERS: [usize; ROUNDS] = [1, 7, 19, 2, 37, 61, 3, 97];

#[test]
fn whatever_was_acknowledged_before_a_kill_is_there_after_it_and_what_was_in_flight_is_in_doubt() {
    let witness = Arc::new(Witness::default());
    let upstream = witness.upstream();
    let mut gateway = Setup::new().provider("openai", &upstream.url(), "*").start();
    let mut in_doubt = 0;
    for more in ANSWERS {
        let wanted = witness.answers() + more;
        let agents = gateway.agents;
        std::thread::scope(|scope| {
            for _ in 0..AGENTS {
                scope.spawn(|| witness.call_until_gone(agents));
            }
            until("answers", || (witness.answers() >= wanted).then_some(()));
            gateway.signal(Signal::KILL);
            gateway.ended();
        });
        // What another program reads before anybody has recovered anything.
        witness.check(&gateway.records());
        gateway = gateway.again();
        let records = gateway.records();
        witness.check(&records);
        records.assert_complete();
        let doubts = records.count("call.in_doubt");
        let said = gateway.said().join("\n");
        let fresh = doubts - in_doubt;
        let told = format!("{fresh} calls of the last run are in doubt");
        assert!(
            if fresh == 0 { !said.contains("in doubt") } else { said.contains(&told) },
            "{said}"
        );
        let started = records.events.iter().rev().find_map(|envelope| match &envelope.event {
            Event::GatewayStarted(started) => Some(started.in_doubt),
            _ => None,
        });
        assert_eq!(started, Some(fresh as u64));
        in_doubt = doubts;
    }
    println!("{} answers, {in_doubt} calls in doubt", witness.answers());
    assert!(in_doubt > 0, "no kill ever hit a call in flight");
    witness.check(&gateway.stop_and_check());
}

#[test]
fn a_second_gateway_on_the_same_ledger_does_not_start_and_does_not_disturb_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let witness = Arc::new(Witness::default());
    let upstream = witness.upstream();
    let setup = Setup::new().provider("openai", &upstream.url(), "*");
    let setup = setup.data(&folder.path().join("data"));
    let mut first = setup.clone().start();
    assert!(setup.try_start().is_err(), "two gateways write one ledger");
    std::thread::scope(|scope| {
        let (agents, witness) = (first.agents, &witness);
        scope.spawn(move || witness.call_until_gone(agents));
        until("answers", || (witness.answers() >= 3).then_some(()));
        let records = first.stop_and_check();
        witness.check(&records);
    });
}
