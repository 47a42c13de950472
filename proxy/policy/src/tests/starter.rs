//! The policies to start with compile for any model and do what they say.

use super::world::{SMALL, model, question, refund, said};
use crate::{Answer, Claims, Kind, Model, Policies, Question, STARTER, SessionFacts, Source};
use events::Risk;

fn starter(model: &Model) -> Policies {
    let source = Source { name: "starter.cedar".to_owned(), text: STARTER.to_owned() };
    Policies::compile(&[source], model).unwrap()
}

fn answer(question: &Question<'_>) -> Answer {
    starter(&model()).decide(question)
}

#[test]
fn they_compile_for_any_model_even_an_empty_one() {
    for model in [Model::default(), model()] {
        let policies = starter(&model);
        assert_eq!((policies.len(), policies.shadowed()), (6, 1));
    }
}

#[test]
fn a_read_only_tool_of_a_trusted_server_runs_and_that_of_another_is_held() {
    let lookup = question(Kind::Tool { server: "crm", name: "lookup", arguments: None });
    assert_eq!(said(&answer(&lookup)), "allow starter-permit");
    let fetch = question(Kind::Tool { server: "web", name: "fetch", arguments: None });
    assert_eq!(said(&answer(&fetch)), "hold starter-destructive, starter-open-world");
    let unknown = question(Kind::Tool { server: "late", name: "x", arguments: None });
    assert_eq!(said(&answer(&unknown)), "hold starter-destructive, starter-open-world");
}

#[test]
fn what_may_destroy_something_is_held() {
    let held = answer(&refund(SMALL));
    assert_eq!(said(&held), "hold starter-destructive");
    assert_eq!(held.rule.unwrap().risk, Risk::High);
}

#[test]
fn the_lethal_trifecta_is_held_as_critical_and_no_two_of_three_are() {
    let mut model = model();
    for tool in &mut model.tools {
        tool.claims = Claims { destructive: Some(false), ..Claims::default() };
    }
    for bits in 0..8_u8 {
        let [read_private, read_untrusted, is_outside] = [1, 2, 4].map(|bit| bits & bit != 0);
        for tool in &mut model.tools {
            tool.labels.outside = Some(is_outside);
        }
        let session = SessionFacts { read_private, read_untrusted, ..SessionFacts::default() };
        let answer = starter(&model).decide(&Question { session, ..refund(SMALL) });
        let expected = if bits == 7 { "hold starter-trifecta" } else { "allow starter-permit" };
        assert_eq!(said(&answer), expected, "{session:?}, outside: {is_outside}");
        if let Some(rule) = answer.rule {
            assert!(rule.reason && rule.risk == Risk::Critical);
        }
    }
}

#[test]
fn arguments_that_cannot_be_inspected_are_held() {
    let mut model = model();
    for tool in &mut model.tools {
        tool.claims = Claims { destructive: Some(false), ..Claims::default() };
    }
    let strange = refund(r#"{"account":"a","amount":"5"}"#);
    assert_eq!(said(&starter(&model).decide(&strange)), "hold starter-uninspectable");
}

#[test]
fn a_session_that_has_cost_much_is_held() {
    let ask = question(Kind::Model { provider: "openai", name: "gpt-5" });
    for (cost_micros, expected) in
        [(5_000_000, "allow starter-permit"), (5_000_001, "hold starter-spend")]
    {
        let session = SessionFacts { cost_micros, ..SessionFacts::default() };
        assert_eq!(said(&answer(&Question { session, ..ask })), expected);
    }
}

#[test]
fn what_night_would_hold_is_only_told() {
    let mut model = model();
    for tool in &mut model.tools {
        tool.claims = Claims { destructive: Some(false), ..Claims::default() };
    }
    let now = "2026-11-21T03:00:00Z".parse().unwrap();
    let answer = starter(&model).decide(&Question { now, ..refund(SMALL) });
    assert_eq!(said(&answer), "allow starter-permit");
    assert_eq!(answer.shadow.unwrap().policies.join(","), "starter-night");
}
