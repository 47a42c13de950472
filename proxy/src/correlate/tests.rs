//! That memory stays bounded whatever comes; what is decided, the suite `correlation` tests.

use super::*;
use crate::dialect::{Route, read_answer, read_request};
use proptest::prelude::*;
use serde_json::json;

const SMALL: Limits = Limits {
    agents: 3,
    places: 7,
    asked: 5,
    served: 6,
    told: 4,
    protocol: 2,
    open: 3,
    window_us: 1_000_000,
};

#[derive(Clone, Debug)]
enum Input {
    Ask { agent: u8, text: String, results: Vec<(String, String)> },
    Answer { call: u8, calls: Vec<(String, String, String)>, error: bool },
    Call { agent: u8, name: String, arguments: Option<String>, meta: String, protocol: u8 },
    Result { call: u8, text: String },
    Fail { call: u8 },
}

fn inputs() -> impl Strategy<Value = Vec<Input>> {
    let text = "\\PC{0,6}";
    let agent = 0..6u8;
    let calls = prop::collection::vec((text, text, text), 0..9);
    let input = prop_oneof![
        (agent.clone(), text, prop::collection::vec((text, text), 0..9))
            .prop_map(|(agent, text, results)| Input::Ask { agent, text, results }),
        (any::<u8>(), calls, prop::bool::weighted(0.1))
            .prop_map(|(call, calls, error)| Input::Answer { call, calls, error }),
        (agent, text, prop::option::of(text), text, 0..5u8).prop_map(
            |(agent, name, arguments, meta, protocol)| Input::Call {
                agent,
                name,
                arguments,
                meta,
                protocol
            }
        ),
        (any::<u8>(), "\\PC{0,200}").prop_map(|(call, text)| Input::Result { call, text }),
        any::<u8>().prop_map(|call| Input::Fail { call }),
    ];
    prop::collection::vec(input, 1..80)
}

fn id(number: usize) -> ulid::Ulid {
    ulid::Ulid::from_parts(1, number as u128)
}

/// One of the calls so far.
fn earlier(call: u8, count: usize) -> CallId {
    CallId::new(id(usize::from(call) % count.max(1)))
}

fn feed(correlator: &mut Correlator, number: usize, input: &Input) {
    let (call, fresh) = (CallId::new(id(number)), SessionId::new(id(number)));
    let now = Timestamp::from_micros(number as u64);
    match input {
        Input::Ask { agent, text, results } => {
            let results = results
                .iter()
                .map(|(id, text)| json!({"role": "tool", "tool_call_id": id, "content": text}));
            let mut messages = vec![json!({"role": "user", "content": text})];
            messages.extend(results);
            let body = json!({"model": "m", "messages": messages}).to_string();
            let request = read_request(Route::OpenAiChat, body.as_bytes()).unwrap();
            let (agent, request) = (&agent.to_string(), &request);
            let (claimed_session, trace) = (None, None);
            correlator.model_asked(ModelAsked {
                call,
                agent,
                now,
                fresh,
                claimed_session,
                trace,
                request,
            });
        }
        Input::Answer { call, calls, error } => {
            let calls = calls.iter().map(
                |(id, name, text)| json!({"id": id, "function": {"name": name, "arguments": text}}),
            );
            let message = json!({"role": "assistant", "tool_calls": calls.collect::<Vec<_>>()});
            let mut body = json!({"id": "x", "choices": [{"index": 0, "message": message}]});
            if *error {
                body = json!({"error": {"message": "no"}});
            }
            let answer = read_answer(Route::OpenAiChat, body.to_string().as_bytes());
            correlator.model_answered(earlier(*call, number), &answer, now);
        }
        Input::Call { agent, name, arguments, meta, protocol } => {
            let meta = json!({"callId": meta, "x": name}).to_string();
            correlator.tool_asked(ToolAsked {
                call,
                agent: &agent.to_string(),
                now,
                fresh,
                server: "s",
                tool: name,
                exposed: name,
                arguments: arguments.as_deref(),
                meta: Some(&meta),
                trace: None,
                protocol_session: Some(&protocol.to_string()),
            });
        }
        Input::Result { call, text } => {
            correlator.tool_answered(earlier(*call, number), text);
        }
        Input::Fail { call } => correlator.unanswered(earlier(*call, number)),
    }
}

fn assert_bounded(correlator: &Correlator) {
    let Memory { agents, open, .. } = &correlator.memory;
    let total = |len: fn(&remembered::Agent) -> usize| agents.values().map(len).sum::<usize>();
    assert!(agents.len() <= SMALL.agents);
    assert!(open.len() <= SMALL.open);
    assert!(total(|agent| agent.places.len()) <= SMALL.places);
    assert!(total(|agent| agent.asked.len()) <= SMALL.asked);
    assert!(total(|agent| agent.served.len()) <= SMALL.served);
    assert!(total(|agent| agent.told.len()) <= SMALL.told);
    assert!(total(|agent| agent.protocol.len()) <= SMALL.protocol);
}

proptest! {
    #[test]
    fn memory_is_bounded_whatever_comes(inputs in inputs()) {
        let mut correlator = Correlator::new([1; 32], SMALL);
        for (number, input) in inputs.iter().enumerate() {
            feed(&mut correlator, number, input);
            assert_bounded(&correlator);
        }
    }
}

#[test]
fn a_noisy_agent_forgets_its_own_past_first() {
    let mut correlator = Correlator::new([1; 32], SMALL);
    let ask = |agent, text: usize| Input::Ask { agent, text: text.to_string(), results: vec![] };
    feed(&mut correlator, 0, &ask(0, 0));
    for number in 1..100 {
        feed(&mut correlator, number, &ask(1, number));
    }
    let places = |agent: &str| correlator.memory.agents[agent].places.len();
    assert_eq!((places("0"), places("1")), (1, SMALL.places - 1));
}

#[test]
fn a_mark_is_hmac_sha_256_over_fields_with_their_lengths() {
    // Computed with Python:
    // hmac.new(bytes([1] * 32), (2).to_bytes(8, "big") + b"ab" + (1).to_bytes(8, "big") +
    // b"c", "sha256").
    let mark = marks::Marks::new([1; 32]).mark("ab", &[b"c"]);
    assert_eq!(mark.to_string(), "00f7da38a97bdafddab2519a3ee0272e");
}
