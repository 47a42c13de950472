//! Two hundred recorded sessions: every tool call finds its model call, every result its tool call.

use crate::wire::{Wire, asks, told, user};
use crate::world::{Tool, World};
use events::{CallId, LinkMethod};
use proxy::standin::conversation::Role;
use proxy::standin::recording::{Message, Recordings, Session};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// One recorded session on its way.
struct Playing<'a> {
    session: &'a Session,
    /// How many of its messages were said.
    said: usize,
    messages: Vec<Value>,
    /// The last model call.
    model: Option<CallId>,
    protocol: Option<String>,
    /// Whether the provider keeps what was said, so that only what is new is sent.
    kept: bool,
    /// The last tool call, its model call, and whether its result was told to the model.
    tools: Vec<(CallId, CallId)>,
    told: usize,
}

impl<'a> Playing<'a> {
    fn new(session: &'a Session, protocol: Option<String>) -> Self {
        let (messages, tools) = (Vec::new(), Vec::new());
        Self { session, said: 0, messages, model: None, protocol, kept: false, tools, told: 0 }
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
                let (call, _) = world.ask("agent", &self.messages.clone().into(), &self.known());
                world.answer(call, &wire);
                if self.kept {
                    self.messages.clear();
                }
                (self.model, self.told) = (Some(call), self.tools.len());
                wire
            }
            Message::System { content } => json!({"role": "system", "content": content}),
            Message::User { content } => user(content),
        };
        assert_eq!(turn.role == Role::User, matches!(message, Message::User { .. }));
        if !self.kept || !matches!(message, Message::Assistant { .. }) {
            self.messages.push(wire);
        }
        true
    }

    /// What the provider is told of the answer that it keeps.
    fn known(&self) -> Value {
        match self.model.filter(|_| self.kept) {
            Some(model) => json!({"previous_response_id": format!("answer-{model}")}),
            None => json!({}),
        }
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

static RECORDINGS: LazyLock<Recordings> =
    LazyLock::new(|| tests::recordings::recordings().unwrap());

#[test]
fn every_tool_call_of_every_recorded_session_finds_its_model_call() {
    for mut world in World::each() {
        let mut tools = 0;
        for session in RECORDINGS.sessions() {
            let mut playing = Playing::new(session, None);
            while playing.step(&mut world) {}
            playing.check(&world);
            tools += playing.tools.len();
            world.wait_seconds(60);
        }
        assert_eq!(world.findings(), []);
        assert!(tools >= RECORDINGS.sessions().len(), "{tools}");
    }
}

#[test]
fn sessions_that_run_at_once_under_one_key_are_kept_apart() {
    World::each().for_each(|world| play_at_once(world, |_| None));
}

#[test]
fn sessions_that_run_at_once_with_a_protocol_session_each_are_kept_apart() {
    play_at_once(World::default(), |number| Some(number.to_string()));
}

#[test]
fn sessions_that_run_at_once_and_are_kept_by_the_provider_are_kept_apart() {
    let playing = RECORDINGS.sessions().iter();
    let playing = playing.map(|session| Playing { kept: true, ..Playing::new(session, None) });
    take_turns(World::speaking(Wire::Responses), playing.collect());
}

fn play_at_once(world: World, protocol: impl Fn(usize) -> Option<String>) {
    let sessions = RECORDINGS.sessions().iter().enumerate();
    let playing = sessions.map(|(number, session)| Playing::new(session, protocol(number)));
    take_turns(world, playing.collect());
}

/// Each session takes a step in turn until all have ended.
fn take_turns(mut world: World, mut playing: Vec<Playing<'_>>) {
    while playing.iter_mut().filter_map(|one| one.step(&mut world).then_some(())).count() > 0 {}
    for one in &playing {
        one.check(&world);
    }
    assert_eq!(world.findings(), []);
    let sessions: BTreeSet<_> = world.events.iter().map(|event| event.session).collect();
    assert_eq!(sessions.len(), playing.len());
}
