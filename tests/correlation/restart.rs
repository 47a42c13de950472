//! A gateway that was restarted decides as if it had lived on, as far as events can tell.

use crate::wire::{Wire, asks, told, user};
use crate::world::{Tool, World};
use events::Event;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// What an agent may do next.
#[derive(Clone, Debug)]
enum Act {
    /// A conversation goes on, or begins.
    Ask { conversation: usize, text: u8 },
    /// The last request of a conversation is answered with so many tool calls.
    Answer { conversation: usize, tools: Vec<u8> },
    /// The last request of a conversation fails.
    Fail { conversation: usize },
    /// A tool is called, perhaps with an id, and gives a result.
    Call { arguments: u8, id: Option<u8>, result: Option<u8> },
    /// The model is to be told of a result.
    Tell { conversation: usize, id: u8, result: u8 },
    /// Time passes.
    Wait { seconds: u64 },
}

const CONVERSATIONS: usize = 4;

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let conversation = 0..CONVERSATIONS;
    let act = prop_oneof![
        4 => (conversation.clone(), 0..2u8)
            .prop_map(|(conversation, text)| Act::Ask { conversation, text }),
        4 => (conversation.clone(), prop::collection::vec(0..4u8, 0..3))
            .prop_map(|(conversation, tools)| Act::Answer { conversation, tools }),
        1 => conversation.clone().prop_map(|conversation| Act::Fail { conversation }),
        4 => (0..4u8, prop::option::of(0..6u8), prop::option::of(0..3u8))
            .prop_map(|(arguments, id, result)| Act::Call { arguments, id, result }),
        3 => (conversation, 0..6u8, 0..3u8)
            .prop_map(|(conversation, id, result)| Act::Tell { conversation, id, result }),
        1 => (0..700u64).prop_map(|seconds| Act::Wait { seconds }),
    ];
    prop::collection::vec(act, 1..60)
}

/// The agent's side: what it has said, and which request waits for an answer.
#[derive(Clone, Default)]
struct Agent {
    messages: [Vec<Value>; CONVERSATIONS],
    waiting: [Option<events::CallId>; CONVERSATIONS],
    ids: u8,
}

impl Agent {
    fn act(&mut self, world: &mut World, act: &Act) {
        match act {
            Act::Ask { conversation, text } => {
                let messages = &mut self.messages[*conversation];
                // Each conversation has words of its own: which of two equal ones goes on, events
                // do not tell.
                messages.push(user(&format!("{conversation} {text}")));
                let (call, _) = world.ask("a", &json!(messages), &json!({}));
                if let Some(call) = self.waiting[*conversation].replace(call) {
                    world.fail(call);
                }
            }
            Act::Answer { conversation, tools } => {
                let Some(call) = self.waiting[*conversation].take() else { return };
                let calls: Vec<_> = tools
                    .iter()
                    .map(|tool| {
                        self.ids = (self.ids + 1) % 6;
                        (format!("c{}", self.ids), format!("{{\"n\":{tool}}}"))
                    })
                    .collect();
                let calls: Vec<_> =
                    calls.iter().map(|(id, text)| (id.as_str(), "t", text.as_str())).collect();
                let mut message = asks(&calls);
                message["content"] = format!("{call}").into();
                world.answer(call, &message);
                self.messages[*conversation].push(message);
            }
            Act::Fail { conversation } => {
                if let Some(call) = self.waiting[*conversation].take() {
                    world.fail(call);
                }
            }
            Act::Call { arguments, id, result } => {
                let arguments = format!("{{\"n\":{arguments}}}");
                let mut tool = Tool::new("a", "t", &arguments);
                tool.meta = id.map(|id| json!({"callId": format!("c{id}")}));
                let (call, _) = world.call(&tool);
                match result {
                    Some(result) => world.result(call, &said(*result)),
                    None => world.fail(call),
                }
            }
            Act::Tell { conversation, id, result } => {
                self.messages[*conversation].push(told(&format!("c{id}"), &said(*result)));
            }
            Act::Wait { seconds } => world.wait_seconds(*seconds),
        }
    }
}

fn said(result: u8) -> String {
    format!("result number {result}, which is long enough to be recognised by")
}

fn play(world: &mut World, agent: &mut Agent, acts: &[Act]) {
    for act in acts {
        agent.act(world, act);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_restarted_gateway_decides_as_the_one_that_lived_on(
        wire in select(&Wire::ALL[..]),
        before in acts(),
        after in acts(),
    ) {
        let (mut world, mut agent) = (World::speaking(wire), Agent::default());
        play(&mut world, &mut agent, &before);
        // What was open when the gateway died is in doubt.
        for conversation in 0..CONVERSATIONS {
            agent.act(&mut world, &Act::Fail { conversation });
        }
        let (mut restarted, mut its_agent) = (world.restarted(), agent.clone());
        play(&mut world, &mut agent, &after);
        play(&mut restarted, &mut its_agent, &after);
        prop_assert_eq!(world.events, restarted.events);
    }

    #[test]
    fn the_same_calls_give_the_same_decisions(acts in acts()) {
        let (mut one, mut other) = (World::default(), World::default());
        play(&mut one, &mut Agent::default(), &acts);
        play(&mut other, &mut Agent::default(), &acts);
        prop_assert_eq!(one.events, other.events);
    }

    #[test]
    fn links_name_calls_that_were_made_and_certain_ones_are_surer_than_others(acts in acts()) {
        let mut world = World::default();
        play(&mut world, &mut Agent::default(), &acts);
        let calls: Vec<_> = world.events.iter().filter_map(|event| event.call).collect();
        for event in &world.events {
            if let Event::CallLinked(link) = &event.event {
                prop_assert!(calls.contains(&link.cause) && (1..=100).contains(&link.confidence));
                prop_assert!(link.candidates.is_none_or(|count| count > 1));
            }
        }
    }
}
