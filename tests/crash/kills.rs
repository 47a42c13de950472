//! `kill -9` in a loop, under load.

use std::sync::Arc;

use events::Event;
use rustix::process::Signal;
use tests::patience::until;

use crate::observer::Observer;
use crate::witness::{Load, Witness};

/// How often the gateway is killed.
const ROUNDS: usize = 8;

/// How many agents call at once.
const AGENTS: usize = 8;

/// How many more answers come before each kill: primes, so that kills hit all phases.
const ANSWERS: [usize; ROUNDS] = [1, 7, 19, 2, 37, 61, 3, 97];

/// Kills a gateway again and again under these loads, while conversations are erased, and holds its
/// ledger to what was seen and to every checkpoint that was published.
fn survives(loads: &[Load]) {
    let (witness, observer) = (Arc::new(Witness::default()), Observer::new());
    let mut gateway = witness.setup().start();
    let mut in_doubt = 0;
    for more in ANSWERS {
        let wanted = witness.answers() + more;
        let (agents, people, data) = (gateway.agents, gateway.people, gateway.data.clone());
        std::thread::scope(|scope| {
            for load in loads.iter().cycle().take(AGENTS) {
                scope.spawn(|| witness.call_until_gone(agents, *load));
            }
            scope.spawn(|| observer.look_until_gone(people));
            scope.spawn(|| witness.erase_until_gone(people, &data));
            until("answers", || (witness.answers() >= wanted).then_some(()));
            gateway.signal(Signal::KILL);
            gateway.ended();
        });
        // What another program reads before anybody has recovered anything.
        witness.check_killed(&gateway.data);
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
        observer.verify_running(&gateway);
    }
    let (answers, published) = (witness.answers(), observer.count());
    println!("{answers} answers, {in_doubt} calls in doubt, {published} checkpoints");
    assert!(in_doubt > 0, "no kill ever hit a call in flight");
    witness.check(&gateway.stop_and_check());
    observer.verify(&gateway.data);
}

#[test]
fn whatever_was_acknowledged_before_a_kill_is_there_after_it_and_what_was_in_flight_is_in_doubt() {
    survives(&[Load::Models]);
}

#[test]
fn tool_calls_survive_kills_as_model_calls_do_at_one_server_and_at_all_of_them() {
    survives(&[Load::Tools("/mcp/tools"), Load::Tools("/mcp")]);
}

#[test]
fn a_second_gateway_on_the_same_ledger_does_not_start_and_does_not_disturb_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let witness = Arc::new(Witness::default());
    let setup = witness.setup().data(&folder.path().join("data"));
    let mut first = setup.clone().start();
    assert!(setup.try_start().is_err(), "two gateways write one ledger");
    std::thread::scope(|scope| {
        let (agents, witness) = (first.agents, &witness);
        scope.spawn(move || witness.call_until_gone(agents, Load::Models));
        until("answers", || (witness.answers() >= 3).then_some(()));
        let records = first.stop_and_check();
        witness.check(&records);
    });
}
