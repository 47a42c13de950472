//! `[[payloads]] keep`: what a rule says not to keep is never in the store.

use crate::disk::stored;
use crate::stage::{Stage, check, named, report, run};
use events::Event;
use std::time::Duration;
use tests::gateway::Setup;
use tests::standins::Standins;
use tests::wire::AGENT_KEY;

use proxy::standin::player::{Era, Options};

const RULES: &str = r#"
[[payloads]]
models = ["asked-only"]
keep = "requests"

[[payloads]]
models = ["silent"]
keep = "nothing"
"#;

#[test]
fn what_a_rule_discards_is_not_stored_and_its_events_say_so() {
    let mut stage = Stage::with(RULES);
    for session in ["asked-only", "silent", "whole"] {
        stage.say(session, &format!("a question of {session}"));
    }
    let records = stage.gateway.stop_and_check();
    for (name, discarded) in
        [("asked-only", [false, true]), ("silent", [true, true]), ("whole", [false, false])]
    {
        let session = stage.session(name);
        let named = named(&records, session);
        let said: Vec<bool> = named.iter().map(|reference| reference.discarded).collect();
        assert_eq!(said, discarded, "{name}");
        // The key record stands for the salt of the commitments.
        let kept = discarded.iter().filter(|discarded| !**discarded).count() + 1;
        assert_eq!(stored(stage.data(), session).len(), kept, "{name}");
    }
    let words = ["verify", stage.data().to_str().unwrap(), "--json"];
    let verified = report(&run(&words, &[]).with(0));
    assert_eq!(check(&verified, "payloads"), ("ok", "3 as committed to, 0 erased, 3 discarded"));

    // Who has the salt can still find out whether a guess is right.
    let silent = stage.session("silent");
    let words = ["erase", "--session", &silent.to_string(), "--basis", "law"];
    let ended = run(&words, &stage.here()).with(0);
    assert!(ended.out.starts_with("erased 1 payloads and keys of 1 sessions"), "{}", ended.out);
    assert!(stored(stage.data(), silent).is_empty());
    stage.verify();
}

#[test]
fn tool_calls_find_their_cause_where_nothing_is_kept_at_all() {
    let standins = Standins::start(Duration::ZERO);
    let airline =
        format!("url = \"{}\"\nkey = {{ env = \"UPSTREAM_KEY\" }}", standins.airline_url());
    let mut gateway = Setup::new()
        .provider("openai", &standins.provider_url(), "*")
        .tools("airline", &airline)
        .sections("[[payloads]]\nkeep = \"nothing\"")
        .start();
    let played = standins.play([Options {
        model_url: format!("http://{}/v1", gateway.agents),
        tools_url: format!("http://{}/mcp/airline", gateway.agents),
        key: Some(AGENT_KEY.into()),
        era: Era::Modern,
        stream: true,
    }]);
    assert_eq!((played.failed, played.first_failure, played.mismatches), (0, None, 0));
    let records = gateway.stop_and_check();
    let tools = records.events.iter().filter(
        |envelope| matches!(&envelope.event, Event::CallDispatched(fact) if fact.target.is_some()),
    );
    let causes: Vec<bool> = tools.map(|envelope| envelope.cause.is_some()).collect();
    assert!(10 < causes.len() && causes.iter().all(|found| *found), "{causes:?}");
    let payloads = records.events.iter().filter_map(|envelope| envelope.event.payload());
    assert!(payloads.clone().count() > 100 && payloads.clone().all(|it| it.discarded));
    run(&["verify", gateway.data.to_str().unwrap()], &[]).with(0);
}
