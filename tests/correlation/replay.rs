//! Two hundred recorded sessions: every tool call finds its model call, every result its tool call.

use crate::world::{Tool, World, asks, told, user};
use events::{CallId, LinkMethod};
use proxy::standin::conversation::Role;
use proxy::standin::recording::{Message, Session};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One recorded session on its way.
struct Playing<'a> {
    session: &'a Session,
    /// How many of its messages were said.
    said: usize,
    messages: Vec<Value>,
    /// The last model call.
    model: Option<CallId>,
    protocol: Option<String>,
    /// The last tool call, its model call, and whether its result was told to the model.
    tools: Vec<(CallId, CallId)>,
    told: usize,
}

impl<'a> Playing<'a> {
    fn new(session: &'a Session, protocol: Option<String>) -> Self {
        let (messages, tools) = (Vec::new(), Vec::new());
        Self { session, said: 0, messages, model: None, protocol, tools, told: 0 }
    }

    /// Says the next message; false when all were said.
    fn step(&mut self, world: &mut World) -> bool {
        let Some(message) = self.session.messages.get(self.said) else { return false };
        self.said += 1;
        let turn = message.turn();
        let wire = match message {
            Message::Tool { tool_call_id, content } => {
                self.call(world, tool_call_id, content);
                told(tool_call_id, content)
            }
            Message::Assistant { .. } => {
                let calls: Vec<_> = turn
                    .calls
                    .iter()
                    .map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.as_str()))
                    .collect();
                let mut wire = asks(&calls);
                wire["content"] = turn.text.as_str().into();
                if calls.is_empty() {
                    wire.as_object_mut().unwrap().remove("tool_calls");
                }
                let (call, _) = world.ask("agent", &self.messages.clone().into(), &json!({}));
                world.answer(call, &wire);
                (self.model, self.told) = (Some(call), self.tools.len());
                wire
            }
            Message::System { content } => json!({"role": "system", "content": content}),
            Message::User { content } => user(content),
        };
        assert_eq!(turn.role == Role::User, matches!(message, Message::User { .. }));
        self.messages.push(wire);
        true
    }

    fn call(&mut self, world: &mut World, id: &str, content: &str) {
        let asked = self.session.messages[..self.said].iter().rev();
        let mut asked = asked.flat_map(|message| message.turn().calls);
        let call = asked.find(|call| call.id == id).unwrap();
        let mut tool = Tool::new("agent", &call.name, &call.arguments);
        tool.protocol = self.protocol.as_deref();
        let (made, _) = world.call(&tool);
        world.result(made, content);
        self.tools.push((made, self.model.unwrap()));
    }

    /// Every tool call was linked to its model call, and proved by its result if that was told.
    fn check(&self, world: &World) {
        for (position, (call, cause)) in self.tools.iter().enumerate() {
            let links = world.links(*call);
            let first = links.first().unwrap();
            assert_eq!((first.cause, first.method), (*cause, LinkMethod::Arguments), "{call}");
            let proofs: Vec<_> =
                links.iter().filter(|link| link.method == LinkMethod::Result).collect();
            assert_eq!(proofs.len(), usize::from(position < self.told), "{call}");
            assert!(proofs.iter().all(|link| link.cause == *cause), "{call}");
        }
    }
}

fn recordings() -> proxy::standin::recording::Recordings {
    tests::recordings::recordings().unwrap()
}

#[test]
fn every_tool_call_of_every_recorded_session_finds_its_model_call() {
    let recordings = recordings();
    let mut world = World::default();
    let mut tools = 0;
    for session in recordings.sessions() {
        let mut playing = Playing::new(session, None);
        while playing.step(&mut world) {}
        playing.check(&world);
        tools += playing.tools.len();
        world.wait_seconds(60);
    }
    assert_eq!(world.findings(), []);
    assert!(tools >= recordings.sessions().len(), "{tools}");
}

#[test]
fn sessions_that_run_at_once_under_one_key_are_kept_apart() {
    play_at_once(|_| None);
}

#[test]
fn sessions_that_run_at_once_with_a_protocol_session_each_are_kept_apart() {
    play_at_once(|number| Some(number.to_string()));
}

/// Each session takes a step in turn until all have ended.
fn play_at_once(protocol: impl Fn(usize) -> Option<String>) {
    let recordings = recordings();
    let mut world = World::default();
    let sessions = recordings.sessions().iter().enumerate();
    let mut playing: Vec<_> =
        sessions.map(|(number, session)| Playing::new(session, protocol(number))).collect();
    while playing.iter_mut().filter_map(|one| one.step(&mut world).then_some(())).count() > 0 {}
    for one in &playing {
        one.check(&world);
    }
    assert_eq!(world.findings(), []);
    let sessions: BTreeSet<_> = world.events.iter().map(|event| event.session).collect();
    assert_eq!(sessions.len(), recordings.sessions().len());
}
