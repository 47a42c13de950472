//! Which model call a tool call is linked to, by which method, and how surely.

use crate::wire::{asks, user};
use crate::world::{Tool, World};
use events::{CallId, CallLinked, FindingKind, LinkMethod, SessionMethod};
use serde_json::json;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A model of agent `a` asks for these tools.
fn asked(world: &mut World, calls: &[(&str, &str, &str)]) -> CallId {
    let text = format!("do {}", world.now);
    let (call, _) = world.ask("a", &json!([user(&text)]), &json!({}));
    world.answer(call, &asks(calls));
    call
}

/// The one link of a tool call that is made now.
fn link(world: &mut World, tool: &Tool<'_>) -> CallLinked {
    let (call, place) = world.call(tool);
    let links = world.links(call);
    assert_eq!(links.len(), 1, "{tool:?}: {:?}", world.findings());
    assert_eq!((place.cause, place.method), (Some(links[0].cause), SessionMethod::Link));
    links[0].clone()
}

#[track_caller]
fn is(link: &CallLinked, id: &str, method: LinkMethod, confidence: u8) {
    let found = (link.tool_call.as_deref(), link.method, link.confidence);
    assert_eq!(found, (Some(id), method, confidence));
}

#[test]
fn arguments_are_compared_by_what_they_say() {
    for (model, agent) in [
        ("{\"a\":1,\"b\":[true]}", "{ \"b\" : [true], \"a\" : 1.0 }"),
        ("\"\\u00e9\"", "\"é\""),
        ("", "{}"),
        ("", ""),
        ("{}", ""),
        ("null", "{}"),
        ("not json", "not json"),
        ("{\"id\":9007199254740993}", "{\"id\":9007199254740993}"),
    ] {
        let mut world = World::default();
        asked(&mut world, &[("c1", "t", model)]);
        is(&link(&mut world, &Tool::new("a", "t", agent)), "c1", LinkMethod::Arguments, 95);
    }
}

#[test]
fn arguments_that_say_something_else_are_not_equal() {
    for (model, agent) in [
        ("{\"a\":1}", "{\"a\":\"1\"}"),
        ("{\"a\":1}", "{\"a\":1,\"b\":2}"),
        ("{\"id\":9007199254740993}", "{\"id\":9007199254740992}"),
        ("{\"a\":1,\"a\":2}", "{\"a\":2}"),
        ("not json", "not  json"),
    ] {
        let mut world = World::default();
        asked(&mut world, &[("c1", "t", model)]);
        world.call(&Tool::new("a", "t", agent));
        assert_eq!(world.findings(), [FindingKind::UnaskedCall], "{model} {agent}");
    }
}

#[test]
fn what_clients_add_to_arguments_or_take_out_makes_a_link_less_sure() {
    for (model, agent) in [
        ("{\"a\":1,\"b\":null}", "{\"a\":1}"),
        ("{\"a\":1}", "{\"a\":1,\"b\":null}"),
        ("{\"a\":1,\"security_risk\":\"LOW\"}", "{\"a\":1}"),
        ("{\"a\":1,\"task_progress\":\"x\"}", "{\"a\":1,\"_meta\":{}}"),
    ] {
        let mut world = World::default();
        asked(&mut world, &[("c1", "t", model)]);
        is(&link(&mut world, &Tool::new("a", "t", agent)), "c1", LinkMethod::Subset, 80);
    }
}

#[test]
fn a_name_behind_an_unknown_prefix_makes_a_link_less_sure() {
    for (name, confidence) in [("mcp__any__t", 95), ("airline__t", 95), ("other_t", 85)] {
        let mut world = World::default();
        asked(&mut world, &[("c1", name, "{}")]);
        let link = link(&mut world, &Tool::new("a", "t", "{}"));
        is(&link, "c1", LinkMethod::Arguments, confidence);
    }
}

#[test]
fn an_id_that_the_caller_sends_is_certain_if_name_and_arguments_agree() {
    for key in ["claudecode/toolUseId", "callId", "copilot/toolCallId", "anything/else"] {
        let mut world = World::default();
        asked(&mut world, &[("c1", "t", "{}"), ("c2", "t", "{}")]);
        let tool = Tool::new("a", "t", "{}").with_meta(json!({key: "c2"}));
        is(&link(&mut world, &tool), "c2", LinkMethod::ToolCallId, 100);
        assert_eq!(world.findings(), []);
    }
}

#[test]
fn a_caller_that_sends_the_id_may_come_late() {
    let mut world = World::default();
    asked(&mut world, &[("c1", "t", "{}")]);
    world.wait_seconds(3600);
    let tool = Tool::new("a", "t", "{}").with_meta(json!({"callId": "c1"}));
    is(&link(&mut world, &tool), "c1", LinkMethod::ToolCallId, 100);
}

#[test]
fn a_tool_call_that_comes_too_late_is_not_linked() {
    let mut world = World::default();
    asked(&mut world, &[("c1", "t", "{}")]);
    world.wait_seconds(16 * 60);
    world.call(&Tool::new("a", "t", "{}"));
    assert_eq!(world.findings(), [FindingKind::UnaskedCall]);
}

#[test]
fn a_trace_makes_a_link_surer_and_alone_links_other_arguments() {
    let mut world = World::default();
    let (call, _) = world.ask("a", &json!([user("x")]), &json!({"trace": TRACE}));
    world.answer(call, &asks(&[("c1", "t", "{}"), ("c2", "u", "{}")]));
    asked(&mut world, &[("c3", "t", "{}")]);
    let traced = Tool::new("a", "t", "{}").with_meta(json!({"traceparent": TRACE}));
    is(&link(&mut world, &traced), "c1", LinkMethod::Trace, 99);
    let other = Tool::new("a", "u", "{\"n\":1}").with_meta(json!({"traceparent": TRACE}));
    is(&link(&mut world, &other), "c2", LinkMethod::TraceOnly, 70);
}

#[test]
fn equal_tool_calls_are_taken_in_order_and_share_the_confidence() {
    let mut world = World::default();
    let cause = asked(&mut world, &[("c1", "t", "{}"), ("c2", "t", "{}"), ("c3", "t", "{}")]);
    for (id, candidates, confidence) in [("c1", Some(3), 31), ("c2", Some(2), 47), ("c3", None, 95)]
    {
        let link = link(&mut world, &Tool::new("a", "t", "{}"));
        is(&link, id, LinkMethod::Arguments, confidence);
        assert_eq!((link.cause, link.candidates), (cause, candidates));
    }
}

#[test]
fn a_tool_call_that_is_made_again_is_linked_again_with_less_confidence() {
    let mut world = World::default();
    asked(&mut world, &[("c1", "t", "{}")]);
    link(&mut world, &Tool::new("a", "t", "{}"));
    is(&link(&mut world, &Tool::new("a", "t", "{}")), "c1", LinkMethod::Arguments, 50);
}

#[test]
fn a_fresh_tool_call_is_preferred_to_an_equal_one_that_was_given_up() {
    let mut world = World::default();
    asked(&mut world, &[("c1", "t", "{}")]);
    world.wait_seconds(60);
    asked(&mut world, &[("c2", "t", "{}")]);
    is(&link(&mut world, &Tool::new("a", "t", "{}")), "c2", LinkMethod::Arguments, 95);
}

#[test]
fn a_request_that_is_answered_again_replaces_the_tool_calls_of_its_first_answer() {
    let mut world = World::default();
    let begin = |world: &mut World| world.ask("a", &json!([user("x")]), &json!({"header": "s"})).0;
    let first = begin(&mut world);
    world.answer(first, &asks(&[("c1", "t", "{}")]));
    let second = begin(&mut world);
    world.answer(second, &asks(&[("c1", "t", "{}")]));
    let link = link(&mut world, &Tool::new("a", "t", "{}"));
    is(&link, "c1", LinkMethod::Arguments, 95);
    assert_eq!(link.cause, second);
}

#[test]
fn a_protocol_session_tells_equal_tool_calls_of_two_conversations_apart() {
    let mut world = World::default();
    for (id, protocol) in [("c1", "p1"), ("c2", "p2")] {
        let arguments = json!({"of": id}).to_string();
        asked_in(&mut world, id, &arguments);
        link(&mut world, &Tool::new("a", "t", &arguments).over(protocol));
    }
    asked_in(&mut world, "c1", "{}");
    asked_in(&mut world, "c2", "{}");
    let tool = Tool::new("a", "t", "{}").over("p2");
    is(&link(&mut world, &tool), "c2", LinkMethod::Arguments, 95);
}

fn asked_in(world: &mut World, id: &str, arguments: &str) {
    let (call, _) = world.ask("a", &json!([user(arguments)]), &json!({"header": id}));
    world.answer(call, &asks(&[(id, "t", arguments)]));
}

#[test]
fn a_tool_call_that_no_model_asked_for_belongs_to_its_protocol_session() {
    let mut world = World::default();
    let (_, first) = world.call(&Tool::new("a", "t", "{}").over("p1"));
    let (_, second) = world.call(&Tool::new("a", "u", "{}").over("p1"));
    let (_, other) = world.call(&Tool::new("b", "u", "{}").over("p1"));
    let (_, none) = world.call(&Tool::new("a", "u", "{}"));
    assert_eq!((first.session, first.method), (second.session, SessionMethod::Protocol));
    assert_ne!(other.session, first.session);
    assert_eq!(none.method, SessionMethod::New);
    assert_eq!(world.findings(), [FindingKind::UnaskedCall; 4]);
}

#[test]
fn long_ids_and_names_are_shortened_and_still_found() {
    let mut world = World::default();
    let (id, other) = ("é".repeat(5000), format!("{}x", "é".repeat(4999)));
    let (call, _) = world.ask("a", &json!([user("x")]), &json!({}));
    let outcome = world.answer(call, &asks(&[(&other, "t", "{}"), (&id, "t", "{}")]));
    assert!(outcome.tool_calls.iter().all(|call| call.id.as_ref().unwrap().len() <= 128));
    let tool = Tool::new("a", "t", "{}").with_meta(json!({"callId": id}));
    let link = link(&mut world, &tool);
    assert_eq!((link.method, link.confidence), (LinkMethod::ToolCallId, 100));
    assert_eq!(link.tool_call, outcome.tool_calls[1].id);
}

#[test]
fn more_tool_calls_than_an_event_can_hold_are_not_expected() {
    let mut world = World::default();
    let calls: Vec<_> = (0..2000).map(|number| (number.to_string(), "t", "{}")).collect();
    let calls: Vec<_> = calls.iter().map(|(id, name, text)| (id.as_str(), *name, *text)).collect();
    let (call, _) = world.ask("a", &json!([user("x")]), &json!({}));
    let listed = world.answer(call, &asks(&calls)).tool_calls;
    assert!(serde_json::to_string(&listed.len()).unwrap().len() < 32 * 1024);
    assert!((300..1000).contains(&listed.len()), "{}", listed.len());
}
