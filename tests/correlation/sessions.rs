//! Into which session a model call is put.

use crate::wire::{Wire, asks, says, told, user};
use crate::world::{Tool, World};
use events::{FindingKind, LinkMethod, SessionMethod};
use serde_json::{Value, json};

/// Asks, has it answered with `reply`, and gives the place.
fn turn(world: &mut World, messages: &Value, reply: &str) -> proxy::correlate::ModelPlace {
    let (call, place) = world.ask("a", messages, &json!({}));
    world.answer(call, &says(reply));
    place
}

#[test]
fn a_conversation_that_goes_on_stays_in_its_session() {
    for mut world in World::each() {
        let first = turn(&mut world, &json!([user("hi")]), "hello");
        assert_eq!(first.method, SessionMethod::New);
        let second = turn(&mut world, &json!([user("hi"), says("hello"), user("book")]), "done");
        assert_eq!((second.session, second.method), (first.session, SessionMethod::Chain));
        let other = turn(&mut world, &json!([user("cancel")]), "done");
        assert_ne!(other.session, first.session);
    }
}

#[test]
fn a_fork_stays_in_the_session_of_what_it_forks_from() {
    for mut world in World::each() {
        let first = turn(&mut world, &json!([user("hi")]), "hello");
        for text in ["book", "cancel", "book"] {
            let fork = turn(&mut world, &json!([user("hi"), says("hello"), user(text)]), "done");
            assert_eq!((fork.session, fork.method), (first.session, SessionMethod::Chain));
        }
    }
}

#[test]
fn two_conversations_that_begin_alike_are_two_sessions_and_each_goes_on_in_its_own() {
    for mut world in World::each() {
        let first = turn(&mut world, &json!([user("check the inbox")]), "one mail");
        let second = turn(&mut world, &json!([user("check the inbox")]), "two mails");
        assert_ne!(first.session, second.session);
        for (place, reply) in [(first, "one mail"), (second, "two mails")] {
            let messages = json!([user("check the inbox"), says(reply), user("read")]);
            assert_eq!(turn(&mut world, &messages, "read").session, place.session);
        }
    }
}

#[test]
fn two_conversations_that_are_alike_so_far_are_told_apart_as_they_go_on() {
    for mut world in World::each() {
        let first = turn(&mut world, &json!([user("hi")]), "hello");
        let second = turn(&mut world, &json!([user("hi")]), "hello");
        let third = turn(&mut world, &json!([user("hi"), says("hello"), user("book")]), "done");
        let fourth = turn(&mut world, &json!([user("hi"), says("hello"), user("cancel")]), "done");
        let mut sessions = [third.session, fourth.session];
        sessions.sort_unstable();
        assert_eq!(sessions, [first.session, second.session]);
    }
}

#[test]
fn a_request_that_is_repeated_because_it_failed_stays_in_its_session() {
    for mut world in World::each() {
        let (call, first) = world.ask("a", &json!([user("hi")]), &json!({}));
        world.fail(call);
        let again = turn(&mut world, &json!([user("hi")]), "hello");
        assert_eq!((again.session, again.method), (first.session, SessionMethod::Chain));
    }
}

#[test]
fn an_answer_that_is_an_error_does_not_count_as_one() {
    for mut world in World::each() {
        let (call, first) = world.ask("a", &json!([user("hi")]), &json!({}));
        let error = proxy::dialect::Answer {
            error: Some(proxy::dialect::ApiError::default()),
            ..proxy::dialect::Answer::default()
        };
        let outcome = world.correlator.model_answered(call, &error, events::Timestamp::default());
        assert_eq!(outcome, proxy::correlate::ModelOutcome::default());
        assert_eq!(turn(&mut world, &json!([user("hi")]), "hello").session, first.session);
    }
}

#[test]
fn a_session_that_the_caller_names_is_the_same_whatever_is_said_and_on_every_gateway() {
    let place = |world: &mut World, agent: &str, text: &str, more: Value| {
        world.ask(agent, &json!([user(text)]), &more).1
    };
    let mut world = World::default();
    let first = place(&mut world, "a", "hi", json!({"header": "s1"}));
    assert_eq!(first.method, SessionMethod::Explicit);
    let same = place(&mut world, "a", "cancel", json!({"metadata": {"session_id": "s1"}}));
    assert_eq!(same.session, first.session);
    let elsewhere = place(&mut World::default(), "a", "other", json!({"header": "s1"}));
    assert_eq!(elsewhere.session, first.session);
    for (agent, name) in [("b", "s1"), ("a", "s2")] {
        let other = place(&mut world, agent, "hi", json!({"header": name}));
        assert_ne!(other.session, first.session, "{agent} {name}");
    }
}

#[test]
fn a_named_session_is_not_joined_to_the_one_whose_words_it_repeats() {
    for mut world in World::each() {
        let first = turn(&mut world, &json!([user("hi")]), "hello");
        let messages = json!([user("hi"), says("hello"), user("book")]);
        let (_, named) = world.ask("a", &messages, &json!({"header": "s1"}));
        assert_ne!(named.session, first.session);
    }
}

#[test]
fn equal_conversations_of_two_agents_never_meet() {
    for mut world in World::each() {
        let first = turn(&mut world, &json!([user("hi")]), "hello");
        let messages = json!([user("hi"), says("hello"), user("book")]);
        let (_, other) = world.ask("b", &messages, &json!({}));
        assert_ne!(other.session, first.session);
        assert_eq!(other.method, SessionMethod::New);
        // The mark tells nobody whose conversation it is, and everybody that it is the same.
        assert_eq!(other.conversation, turn(&mut world, &messages, "done").conversation);
    }
}

#[test]
fn the_turns_of_a_tool_belong_to_the_conversation_too() {
    for mut world in World::each() {
        let (call, first) = world.ask("a", &json!([user("book")]), &json!({}));
        let asked = asks(&[("c1", "book", "{\"seat\":\"3A\"}")]);
        world.answer(call, &asked);
        let respelled = asks(&[("c1", "book", "{ \"seat\": \"3A\" }")]);
        let next =
            turn(&mut world, &json!([user("book"), respelled, told("c1", "booked")]), "done");
        assert_eq!(next.session, first.session);
    }
}

#[test]
fn an_agent_that_goes_on_from_an_answer_which_the_provider_keeps_stays_in_its_session() {
    for restarts in [false, true] {
        let mut world = World::speaking(Wire::Responses);
        let (model, first) = world.ask("a", &json!([user("book")]), &json!({}));
        world.answer(model, &asks(&[("c1", "book", "{}")]));
        let (tool, made) = world.call(&Tool::new("a", "book", "{}"));
        world.result(tool, "the last seat at the window was booked");
        if restarts {
            world = world.restarted();
        }
        let known = json!({"previous_response_id": format!("answer-{model}")});
        let messages = json!([told("c1", "the last seat at the window was booked")]);
        let (_, next) = world.ask("a", &messages, &known);
        assert_eq!((made.session, next.session), (first.session, first.session));
        assert_eq!(world.links(tool).last().unwrap().method, LinkMethod::Result);
        let (_, other) = world.ask("b", &messages, &known);
        assert_ne!(other.session, first.session, "another agent's answer is nobody else's");
        assert_eq!(world.findings(), [FindingKind::UnservedResult]);
    }
}
