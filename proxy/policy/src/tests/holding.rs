//! Annotations say who may let go what is held, and several policies together ask for all of it.

use super::world::{SMALL, policies, refund};
use events::{Escalation, Filter, HoldRule, Risk, Threshold};

const HELD: &str = "forbid (principal, action, resource) when { context.unattended };";

fn rule(texts: &[&str]) -> HoldRule {
    let held = texts.iter().map(|annotations| format!("{annotations}\n{HELD}\n"));
    let text = format!("permit (principal, action, resource);\n{}", held.collect::<String>());
    policies(&text).decide(&refund(SMALL)).rule.unwrap()
}

fn threshold(approve: u32, deny: u32, filter: &str) -> Threshold {
    Threshold { approve, deny, filter: filter.parse().unwrap() }
}

#[test]
fn without_annotations_one_approver_has_an_hour() {
    let expected = HoldRule {
        approvers: vec![vec![threshold(1, 1, "role:approver")]],
        claim_s: 15 * 60,
        edit: true,
        escalate: Vec::new(),
        expires_s: 60 * 60,
        own: false,
        reason: false,
        remind_s: None,
        risk: Risk::Medium,
        step_up: false,
    };
    assert_eq!(rule(&[""]), expected);
}

#[test]
fn every_annotation_is_in_the_rule() {
    let given =
        rule(&["@approvers(\"2 of finance or 1 of role:administrator; 1 of Ada@Example.com\")
        @deny(\"2\") @expires(\"2d\") @reason(\"required\") @risk(\"critical\") @edit(\"forbidden\")
        @escalate(\"30m to group:directors; 90s to ada@example.com\") @remind(\"10m\")
        @claim(\"5m\") @own(\"allowed\") @step_up(\"required\") @id(\"x\") @why(\"Because.\")"]);
    let expected = HoldRule {
        approvers: vec![
            vec![threshold(2, 2, "group:finance"), threshold(1, 2, "role:administrator")],
            vec![threshold(1, 2, "person:ada@example.com")],
        ],
        claim_s: 5 * 60,
        edit: false,
        escalate: vec![
            Escalation { after_s: 90, to: Filter::Person("ada@example.com".into()) },
            Escalation { after_s: 30 * 60, to: Filter::Group("directors".into()) },
        ],
        expires_s: 2 * 24 * 60 * 60,
        own: true,
        reason: true,
        remind_s: Some(10 * 60),
        risk: Risk::Critical,
        step_up: true,
    };
    assert_eq!(given, expected);
}

#[test]
fn several_policies_together_ask_for_all_that_each_asks_for() {
    let joined = rule(&[
        "@approvers(\"1 of finance\") @expires(\"2h\") @risk(\"low\") @own(\"allowed\")",
        "@approvers(\"1 of security; 1 of finance\") @expires(\"30m\") @reason(\"required\")",
        "@risk(\"high\") @edit(\"forbidden\") @own(\"forbidden\") @claim(\"1m\") @remind(\"5m\")",
        "@remind(\"3m\") @step_up(\"required\")",
    ]);
    let expected = HoldRule {
        approvers: vec![
            vec![threshold(1, 1, "group:finance")],
            vec![threshold(1, 1, "group:security")],
        ],
        claim_s: 60,
        edit: false,
        escalate: Vec::new(),
        expires_s: 30 * 60,
        own: false,
        reason: true,
        remind_s: Some(3 * 60),
        risk: Risk::High,
        step_up: true,
    };
    assert_eq!(joined, expected);
}

#[test]
fn how_many_rejections_end_it_can_be_said_alone() {
    assert_eq!(rule(&["@deny(\"3\")"]).approvers, [[threshold(1, 3, "role:approver")]]);
}

#[test]
fn a_permit_that_wants_attendance_says_who_attends() {
    let text = "@approvers(\"2 of finance\") @id(\"p\") @why(\"Ask.\")
                permit (principal, action, resource) unless { context.unattended };";
    let answer = policies(text).decide(&refund(SMALL));
    assert_eq!(answer.rule.unwrap().approvers, [[threshold(2, 1, "group:finance")]]);
    assert_eq!(answer.verdict.reason.as_deref(), Some("Ask."));
}
