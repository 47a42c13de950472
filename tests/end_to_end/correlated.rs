//! Calls are put into sessions and linked to what caused them, without the agent's help.

use std::collections::BTreeSet;
use std::time::Duration;

use events::{CallId, Event, FindingKind, Operation};
use tests::gateway::Setup;
use tests::standins::Standins;
use tests::wire::AGENT_KEY;

use proxy::standin::conversation::Role;
use proxy::standin::player::{Era, Options};
use proxy::standin::recording::Message;

#[test]
fn recorded_agents_play_as_without_a_gateway_and_each_conversation_is_one_session() {
    let standins = Standins::start(Duration::ZERO);
    let mut gateway = Setup::new().provider("openai", &standins.provider_url(), "*").start();
    // Tools are called past the gateway here, so each of their results is one it never saw.
    let options = |stream| Options {
        model_url: format!("http://{}/v1", gateway.agents),
        tools_url: standins.airline_url(),
        key: Some(AGENT_KEY.into()),
        era: Era::Legacy,
        stream,
    };
    let played = standins.play([options(false), options(true), options(true)]);
    assert_eq!((played.failed, played.first_failure, played.mismatches), (0, None, 0));
    let records = gateway.stop_and_check();
    assert_eq!(records.count("call.dispatched"), played.model_requests);
    assert_eq!(records.count("call.completed"), played.model_requests);
    let sessions: BTreeSet<_> =
        records.events.iter().filter_map(|envelope| envelope.session).collect();
    assert_eq!(sessions.len(), standins.recordings.sessions().len());
    let unserved = records.count_findings(FindingKind::UnservedResult);
    assert_eq!(unserved, told(&standins), "a finding for each result it never served");
}

#[test]
fn each_tool_call_is_linked_to_the_model_call_that_asked_for_it_in_both_eras_of_mcp() {
    let standins = Standins::start(Duration::ZERO);
    let url = standins.airline_url();
    let airline = format!("url = \"{url}\"\nkey = {{ env = \"UPSTREAM_KEY\" }}");
    let setup =
        Setup::new().provider("openai", &standins.provider_url(), "*").tools("airline", &airline);
    let mut gateway = setup.start();
    let options = |era, stream| Options {
        model_url: format!("http://{}/v1", gateway.agents),
        tools_url: format!("http://{}/mcp/airline", gateway.agents),
        key: Some(AGENT_KEY.into()),
        era,
        stream,
    };
    for (era, stream) in [(Era::Legacy, true), (Era::Modern, false)] {
        let played = standins.play([options(era, stream)]);
        assert_eq!((played.failed, played.first_failure, played.mismatches), (0, None, 0));
    }
    let records = gateway.stop_and_check();
    let tools = records.events.iter().filter(|envelope| {
        matches!(&envelope.event, Event::CallDispatched(fact)
            if fact.operation == Operation::ExecuteTool)
    });
    let (linked, alone): (Vec<_>, Vec<_>) = tools.partition(|envelope| envelope.cause.is_some());
    assert!(alone.is_empty(), "{} of {} alone", alone.len(), linked.len() + alone.len());
    let dispatched = records.dispatched();
    for tool in &linked {
        let cause = tool.cause.map(|cause| CallId::new(cause.ulid())).unwrap();
        assert_eq!(dispatched[&cause].operation, Operation::Chat);
    }
    let unasked = records.count_findings(FindingKind::UnaskedCall);
    let unserved = records.count_findings(FindingKind::UnservedResult);
    assert_eq!((unasked, unserved), (0, 0));
}

/// How many tool calls the model is told the results of: all but those at the end of a session.
/// One whose id comes twice in a session is told of once.
fn told(standins: &Standins) -> usize {
    let sessions = standins.recordings.sessions().iter();
    let told = sessions.map(|session| {
        let answers = session
            .messages
            .iter()
            .rposition(|message| matches!(message.turn().role, Role::Assistant));
        let before = session.messages.iter().take(answers.unwrap_or_default());
        let ids = before.filter_map(|message| match message {
            Message::Tool { tool_call_id, .. } => Some(tool_call_id),
            _ => None,
        });
        ids.collect::<BTreeSet<_>>().len()
    });
    told.sum()
}
