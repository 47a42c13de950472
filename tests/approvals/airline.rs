//! Every recorded session of the airline, with a policy that holds whatever books, changes, cancels
//! or pays: exactly those calls wait for people, and none is made without them.

use std::collections::BTreeSet;

use events::{Event, FindingKind, Vote};
use proxy::json;
use proxy::standin::player::{Era, Options, Played};
use proxy::standin::recording::{Message, Recordings};
use serde_json::Value;
use tests::records::Records;
use tests::standins::Standins;

use crate::plan::{Plan, key_of};
use crate::stage::{PATIENT, Stage};

/// The tools that do something which a person must allow.
const ACTS: &[&str] = &[
    "book_reservation",
    "cancel_reservation",
    "send_certificate",
    "update_reservation_baggages",
    "update_reservation_flights",
    "update_reservation_passengers",
];

/// How many agents play at once. Each has a name of its own: the same call of two of them is two.
const AGENTS: usize = 4;

fn policy() -> String {
    let actions: Vec<String> =
        ACTS.iter().map(|tool| format!("Action::\"airline/{tool}\"")).collect();
    format!(
        "@id(\"everything\")\n\
         permit (principal, action, resource);\n\
         @id(\"acts\")\n\
         @why(\"It books, changes, cancels or pays.\")\n\
         @risk(\"high\")\n\
         forbid (principal, action in [{}], resource)\n\
         when {{ context.unattended }};\n",
        actions.join(", ")
    )
}

fn sections(provider: &str) -> String {
    let agents = (0..AGENTS).map(|number| {
        format!(
            "[[agent]]\nname = \"agent-{number}\"\nowner = \"ada@example.com\"\n\
             key = {{ env = \"AGENT_{number}\" }}\ntools = [\"airline/*\"]\nmodels = [\"*\"]\n"
        )
    });
    let model = format!(
        "[[model]]\nname = \"openai\"\ndialect = \"openai\"\nurl = \"{provider}\"\n\
         key = {{ env = \"UPSTREAM_KEY\" }}\nserves = [\"*\"]\n"
    );
    agents.chain([model]).collect()
}

/// A call as it is compared: the tool, and the arguments in canonical form.
type Made = (String, String);

fn made(tool: &str, arguments: &str) -> Made {
    let canonical = String::from_utf8(json::canonical(arguments).unwrap()).unwrap();
    (tool.to_owned(), canonical)
}

/// The calls that the sessions make of these tools, sorted.
fn recorded(recordings: &Recordings) -> Vec<Made> {
    let mut calls = Vec::new();
    for session in recordings.sessions() {
        let mut asked = Vec::new();
        for message in &session.messages {
            match message {
                Message::Assistant { .. } => asked = message.turn().calls,
                Message::Tool { tool_call_id, .. } => {
                    let call = asked.iter().find(|call| call.id == *tool_call_id);
                    let call = call.filter(|call| ACTS.contains(&call.name.as_str()));
                    calls.extend(call.map(|call| made(&call.name, &call.arguments)));
                }
                Message::System { .. } | Message::User { .. } => {}
            }
        }
    }
    calls.sort();
    calls
}

/// The calls that were held, sorted.
fn held(records: &Records) -> Vec<Made> {
    let mut calls = Vec::new();
    for envelope in &records.events {
        let Event::CallHeld(fact) = &envelope.event else { continue };
        let request = records.payload(envelope.session, &fact.request.unwrap());
        let request: Value = serde_json::from_slice(&request).unwrap();
        let arguments = request.pointer("/params/arguments").unwrap().to_string();
        calls.push(made(fact.target.as_deref().unwrap(), &arguments));
    }
    calls.sort();
    calls
}

fn findings(records: &Records) -> Vec<FindingKind> {
    let of = |event: &Event| match event {
        Event::FindingRaised(finding) => Some(finding.kind),
        _ => None,
    };
    records.events.iter().filter_map(|envelope| of(&envelope.event)).collect()
}

/// Plays every session to its end; somebody allows whatever waits.
fn play(recordings: Recordings, plan: Plan) -> (Played, Records, Vec<Made>) {
    let standins = Standins::replaying(recordings, std::time::Duration::ZERO);
    let expected = recorded(&standins.recordings);
    let plan = plan.sections(&sections(&standins.provider_url()));
    let stage = Stage::before(standins, plan);
    let everybody = stage.everybody_gets(Vote::Approve);
    let url = format!("http://{}", stage.agents());
    let agents = (0..AGENTS).map(|number| Options {
        model_url: format!("{url}/v1"),
        tools_url: format!("{url}/mcp/airline"),
        key: Some(key_of(&format!("AGENT_{number}"))),
        era: if number % 2 == 0 { Era::Legacy } else { Era::Modern },
        stream: number % 4 < 2,
    });
    let played = stage.standins.play(agents);
    drop(everybody);
    let (records, _folder) = stage.end();
    (played, records, expected)
}

fn exactly_those_are_held(hold: std::time::Duration) -> usize {
    let load = || tests::recordings::recordings().unwrap();
    let plan = || Plan::new(&policy()).hold(hold).asks(100_000, 1000);
    let (free, before, _) = play(load(), Plan::open());
    let (played, records, expected) = play(load(), plan());
    assert_eq!((played.failed, &played.first_failure), (0, &None));
    assert_eq!((played.sessions, played.mismatches), (free.sessions, 0));
    assert_eq!(played.tool_calls, free.tool_calls);
    assert_eq!(held(&records), expected, "exactly those were held");
    records.assert_complete();
    let mut grants = BTreeSet::new();
    for (call, fact) in records.dispatched() {
        let acts = ACTS.contains(&fact.target.as_deref().unwrap_or_default());
        assert_eq!(fact.grant.is_some(), acts, "{call}: {fact:?}");
        assert!(fact.grant.is_none_or(|grant| grants.insert(grant)), "{call}: a grant is for one");
    }
    assert_eq!(grants.len(), expected.len(), "each was made once");
    assert_eq!(records.count("hold.granted"), expected.len());
    assert_eq!(findings(&records), findings(&before), "nobody is led astray by waiting");
    expected.len()
}

#[test]
fn of_all_recorded_sessions_exactly_what_acts_waits_for_people_and_is_made_once() {
    println!("{} calls were held and made", exactly_those_are_held(PATIENT));
}
