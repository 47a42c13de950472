//! Whether a result that a model is told proves a link, or shows that something is wrong.

use crate::wire::{asks, told, user};
use crate::world::{Tool, World};
use events::{CallId, FindingKind, LinkMethod};
use serde_json::{Value, json};

/// A tool call is asked for, made and answered; gives both calls and the messages so far.
fn done(world: &mut World, result: &Value) -> (CallId, CallId, Vec<Value>) {
    let messages = vec![user("x"), asks(&[("c1", "t", "{}")])];
    let (model, _) = world.ask("a", &json!([messages[0]]), &json!({}));
    world.answer(model, &messages[1]);
    let (tool, _) = world.call(&Tool::new("a", "t", "{}"));
    world.result_object(tool, result);
    (model, tool, messages)
}

fn texts(texts: &[&str]) -> Value {
    let parts: Vec<_> = texts.iter().map(|text| json!({"type": "text", "text": text})).collect();
    json!({"content": parts})
}

/// Tells the model of the last turn this.
fn tell(world: &mut World, messages: &mut Vec<Value>, message: Value) -> CallId {
    messages.push(message);
    world.ask("a", &json!(messages), &json!({})).0
}

#[test]
fn a_result_is_recognised_in_the_ways_in_which_agents_are_known_to_write_it() {
    let structured = json!({"content": [{"type": "text", "text": "42"}],
        "structuredContent": {"b": 1, "a": [2.0]}});
    for (result, text) in [
        (texts(&["booked"]), "booked"),
        (texts(&["booked  it\r\n"]), "booked it"),
        (texts(&["one", "two"]), "onetwo"),
        (texts(&["one", "two"]), "one\ntwo"),
        (texts(&["one", "two"]), "one\n\ntwo"),
        (texts(&["one", "two"]), "two"),
        (texts(&["{\"a\": 1, \"b\": 2}"]), "{\"b\":2,\"a\":1}"),
        (texts(&["one"]), "{\"type\":\"text\",\"text\":\"one\",\"annotations\":null}"),
        (texts(&["one", "two"]), "[{\"type\":\"text\",\"text\":\"one\"},{\"text\":\"two\"}]"),
        (texts(&["one"]), "{\"content\":[{\"type\":\"text\",\"text\":\"one\"}],\"isError\":false}"),
        (structured.clone(), "42"),
        (structured, "{\"a\":[2],\"b\":1}"),
        (texts(&[""]), ""),
    ] {
        let mut world = World::default();
        let (model, tool, mut messages) = done(&mut world, &result);
        tell(&mut world, &mut messages, told("c1", text));
        let links = world.links(tool);
        let last = links.last().unwrap();
        assert_eq!((last.method, last.confidence), (LinkMethod::Result, 100), "{text}");
        assert_eq!((last.cause, last.tool_call.as_deref()), (model, Some("c1")));
        assert_eq!((links.len(), world.findings()), (2, vec![]), "{text}");
    }
}

#[test]
fn a_result_is_looked_at_once_however_often_it_is_sent_again() {
    let mut world = World::default();
    let (_, tool, mut messages) = done(&mut world, &texts(&["booked"]));
    let call = tell(&mut world, &mut messages, told("c1", "booked"));
    world.fail(call);
    world.ask("a", &json!(messages), &json!({}));
    tell(&mut world, &mut messages, user("thanks"));
    // A client that leaves out its oldest messages begins a session that shares no beginning.
    world.ask("a", &json!(messages[1..]), &json!({}));
    assert_eq!(world.links(tool).len(), 2);
}

#[test]
fn a_result_that_differs_from_what_the_tool_gave_is_a_finding_and_raised_once() {
    let mut world = World::default();
    let (_, tool, mut messages) = done(&mut world, &texts(&["refused"]));
    tell(&mut world, &mut messages, told("c1", "booked"));
    assert_eq!(world.findings(), [FindingKind::ResultAltered]);
    assert_eq!(world.events.last().unwrap().call, Some(tool));
    world.ask("a", &json!(messages), &json!({}));
    assert_eq!(world.findings(), [FindingKind::ResultAltered]);
}

#[test]
fn what_an_agent_says_of_a_tool_call_without_a_result_is_no_finding() {
    let mut world = World::default();
    let (model, _) = world.ask("a", &json!([user("x")]), &json!({}));
    world.answer(model, &asks(&[("c1", "t", "{}")]));
    let (tool, _) = world.call(&Tool::new("a", "t", "{}"));
    world.fail(tool);
    let messages = json!([user("x"), asks(&[("c1", "t", "{}")]), told("c1", "it took too long")]);
    world.ask("a", &messages, &json!({}));
    assert_eq!(world.findings(), []);
}

#[test]
fn an_image_is_no_text_that_could_have_been_altered() {
    let mut world = World::default();
    let image = json!({"content": [{"type": "image", "data": "AAAA", "mimeType": "image/png"}]});
    let (_, _, mut messages) = done(&mut world, &image);
    tell(&mut world, &mut messages, told("c1", "[image]"));
    assert_eq!(world.findings(), []);
}

#[test]
fn a_result_of_a_tool_that_the_gateway_does_not_see_is_a_finding_for_each_tool_call() {
    let mut world = World::default();
    let calls = [("c1", "bash", "{}"), ("c2", "bash", "{}")];
    let (model, _) = world.ask("a", &json!([user("x")]), &json!({"header": "s"}));
    world.answer(model, &asks(&calls));
    let messages = json!([user("x"), asks(&calls), told("c1", "ok"), told("c2", "ok")]);
    world.ask("a", &messages, &json!({"header": "s"}));
    world.ask("a", &messages, &json!({"header": "s"}));
    assert_eq!(world.findings(), [FindingKind::UnservedResult; 2]);
}

#[test]
fn many_unserved_results_in_one_request_are_told_with_their_number() {
    let mut world = World::default();
    let results: Vec<_> = (0..500).map(|number| told(&format!("c{number}"), "ok")).collect();
    world.ask("a", &json!(results), &json!({}));
    assert_eq!(world.findings(), [FindingKind::UnservedResult; 17]);
    let last = format!("{:?}", world.events.last().unwrap().event);
    assert!(last.contains("484 more"), "{last}");
}

#[test]
fn a_result_corrects_the_link_of_equal_tool_calls_that_were_made_in_another_order() {
    let mut world = World::default();
    let mut models = Vec::new();
    for session in ["s1", "s2"] {
        let (model, _) = world.ask("a", &json!([user("x")]), &json!({"header": session}));
        world.answer(model, &asks(&[("c1", "t", "{}")]));
        models.push(model);
    }
    // The second conversation's agent is first.
    let tools: Vec<_> = ["of the second", "of the first"]
        .map(|text| {
            let (tool, _) = world.call(&Tool::new("a", "t", "{}"));
            world.result(tool, text);
            tool
        })
        .into();
    for (session, text) in [("s1", "of the first"), ("s2", "of the second")] {
        let messages = json!([user("x"), asks(&[("c1", "t", "{}")]), told("c1", text)]);
        world.ask("a", &messages, &json!({"header": session}));
    }
    for (tool, model) in tools.iter().zip(models.iter().rev()) {
        let links = world.links(*tool);
        assert_eq!((links[1].cause, links[1].method), (*model, LinkMethod::Result));
        assert_eq!(links.len(), 2);
        assert_ne!(links[0].cause, links[1].cause);
    }
    assert_eq!(world.findings(), []);
}

#[test]
fn either_result_of_a_tool_call_that_was_made_twice_is_recognised() {
    for (told_text, proved) in [("first", 0), ("second", 1)] {
        for meta in [json!({}), json!({"callId": "c1"})] {
            let mut world = World::default();
            let mut messages = vec![user("x"), asks(&[("c1", "t", "{}")])];
            let (model, _) = world.ask("a", &json!([messages[0]]), &json!({}));
            world.answer(model, &messages[1]);
            let tools = ["first", "second"].map(|text| {
                let tool = Tool::new("a", "t", "{}").with_meta(meta.clone());
                let (call, _) = world.call(&tool);
                world.result(call, text);
                call
            });
            tell(&mut world, &mut messages, told("c1", told_text));
            let links = tools.map(|tool| world.links(tool).len());
            assert_eq!(links, if proved == 0 { [2, 1] } else { [1, 2] });
            assert_eq!(world.findings(), []);
        }
    }
}

#[test]
fn a_tool_call_under_a_name_that_says_nothing_is_linked_by_its_result() {
    let mut world = World::default();
    let (model, _) = world.ask("a", &json!([user("x")]), &json!({}));
    world.answer(model, &asks(&[("c1", "tool_1", "{}")]));
    let (tool, _) = world.call(&Tool::new("a", "book", "{\"n\":1}"));
    let text = "a text that is long enough to be told from others";
    world.result(tool, text);
    let messages = json!([user("x"), asks(&[("c1", "tool_1", "{}")]), told("c1", text)]);
    world.ask("a", &messages, &json!({}));
    let links = world.links(tool);
    assert_eq!((links[0].cause, links[0].method), (model, LinkMethod::Result));
    assert_eq!(world.findings(), [FindingKind::UnaskedCall]);
}
