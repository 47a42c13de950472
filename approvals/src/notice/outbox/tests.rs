//! What is due, to whom and when; and that nothing is sent twice or lost.

mod histories;

use super::*;
use crate::notice::samples::{
    Told, at, call, edited, expired, granted, held, refused, routing, voted, withdrawn,
};
use events::{BreakGlass, NoticeFailed, Risk, Vote};

fn pairs(told: &Told, seconds: u64) -> Vec<(String, String)> {
    told.names(seconds).into_iter().collect()
}

fn pair(kind: &str, to: &str) -> (String, String) {
    (kind.to_owned(), to.to_owned())
}

#[test]
fn those_who_may_decide_are_asked_once_and_the_owner_of_the_agent_is_not() {
    let mut told = Told::holding(held());
    assert_eq!(pairs(&told, 0), [pair("asked.0", "ada ben cy")]);
    told.send_all(1, &routing());
    assert_eq!(pairs(&told, 2), []);
}

#[test]
fn whoever_an_agent_acts_for_or_through_is_not_asked_however_the_address_is_written() {
    let mut held = held();
    held.principal.owner = "ADA@example.com".into();
    held.principal.actors = vec!["ben@example.com".into()];
    assert_eq!(pairs(&Told::holding(held), 0), [pair("asked.0", "cy owner")]);
}

#[test]
fn the_owner_is_asked_where_the_rule_lets_owners_approve() {
    let mut held = held();
    held.rule.own = true;
    assert_eq!(pairs(&Told::holding(held), 0), [pair("asked.0", "ada ben cy owner")]);
}

#[test]
fn where_nobody_can_satisfy_one_set_the_fallback_is_told_as_well() {
    let mut held = held();
    let mut nobody = held.rule.approvers[0][0].clone();
    nobody.filter = "group:lawyers".parse().unwrap();
    held.rule.approvers.push(vec![nobody]);
    assert_eq!(pairs(&Told::holding(held), 0), [pair("asked.0", "ada ben cy ops")]);
}

#[test]
fn webhooks_are_told_once_each_by_their_names() {
    let told = Told::holding(held());
    let routing = Routing { mail: None, webhooks: vec!["chat".into()], ..routing() };
    let due = told.due(0, &routing);
    let [Due::Single(notice)] = due.as_slice() else { panic!("{due:?}") };
    assert_eq!((notice.channel.as_ref(), notice.to.len()), ("chat", 1));
    assert_eq!(notice.message.as_ref(), format!("hold_{}_asked_0", call(1).ulid()));
}

#[test]
fn whoever_has_not_voted_is_reminded_and_what_was_missed_is_not_made_up_for() {
    let mut told = Told::holding(held());
    told.send_all(0, &routing());
    told.add(100, call(1), voted("ben", (1, Vote::Approve)));
    assert_eq!(pairs(&told, 599), []);
    assert_eq!(pairs(&told, 600), [pair("reminded.0", "ada cy")]);
    assert_eq!(pairs(&told, 1799), [pair("reminded.1", "ada cy")]);
    told.send_all(1300, &routing());
    assert_eq!(pairs(&told, 1799), []);
}

#[test]
fn whoever_is_asked_late_is_not_reminded_of_what_was_before() {
    let mut told = Told::holding(held());
    assert_eq!(pairs(&told, 700), [pair("asked.0", "ada ben cy")]);
    told.send_all(700, &routing());
    assert_eq!(pairs(&told, 701), []);
    assert_eq!(pairs(&told, 1200), [pair("reminded.1", "ada ben cy")]);
}

#[test]
fn a_call_that_waits_for_long_is_told_to_those_of_its_escalation() {
    let mut told = Told::holding(held());
    told.send_all(1799, &routing());
    assert_eq!(pairs(&told, 1799), []);
    assert_eq!(told.names(1800)["escalated.0"], "boss");
    told.send_all(1800, &routing());
    told.add(1900, call(1), expired(false));
    assert_eq!(pairs(&told, 1901), [pair("decided.0", "ada ben boss cy")]);
}

#[test]
fn an_edit_is_told_to_those_who_know_what_was_before_but_not_to_who_made_it() {
    let mut told = Told::holding(held());
    told.send_all(0, &routing());
    told.add(50, call(1), voted("ada", (1, Vote::Approve)));
    told.add(60, call(1), edited("ben", 2));
    assert_eq!(pairs(&told, 61), [pair("edited.0", "ada cy")]);
    told.send_all(61, &routing());
    assert_eq!(pairs(&told, 62), []);
}

#[test]
fn whoever_is_asked_after_an_edit_is_asked_about_what_it_made() {
    let mut told = Told::holding(held());
    told.add(60, call(1), edited("ben", 2));
    assert_eq!(pairs(&told, 61), [pair("asked.1", "ada cy")]);
    told.send_all(61, &routing());
    assert_eq!(pairs(&told, 62), []);
}

#[test]
fn a_mail_that_an_edit_overtook_is_followed_by_one_about_the_edit() {
    let mut told = Told::holding(held());
    let under_way = told.single(0);
    told.add(1, call(1), edited("ben", 2));
    told.sent(2, (&under_way[0], &under_way[0].message));
    assert_eq!(pairs(&told, 3), [pair("edited.0", "ada cy")]);
}

#[test]
fn a_decision_is_told_to_everybody_who_was_asked_and_to_nobody_else() {
    let mut told = Told::holding(held());
    told.add(5, call(1), granted(Vec::new(), None));
    assert_eq!(pairs(&told, 6), [], "nobody was asked");

    let mut told = Told::holding(held());
    told.send_all(0, &routing());
    let vote = told.add(5, call(1), voted("ben", (1, Vote::Approve)));
    told.add(5, call(1), granted(vec![vote], None));
    assert_eq!(pairs(&told, 6), [pair("decided.0", "ada ben cy")]);
    told.send_all(6, &routing());
    told.add(2000, call(1), expired(true));
    assert_eq!(pairs(&told, 2001), [pair("decided.1", "ada ben cy")]);
    told.send_all(2001, &routing());
    assert_eq!(pairs(&told, 2002), []);
}

#[test]
fn a_mail_that_the_decision_overtook_is_followed_by_the_decision() {
    let mut told = Told::holding(held());
    let under_way = told.single(0);
    told.add(1, call(1), refused(Vec::new()));
    told.sent(2, (&under_way[0], &under_way[0].message));
    assert_eq!(pairs(&told, 3), [pair("decided.0", "ada ben cy")]);
}

#[test]
fn nobody_is_asked_about_a_call_whose_time_is_over() {
    let told = Told::holding(held());
    assert_eq!(pairs(&told, 3600), []);
}

#[test]
fn one_addressee_that_failed_for_good_keeps_no_other_and_is_told_of_what_follows() {
    let mut told = Told::holding(held());
    let notice = told.single(0).remove(0);
    let fact = NoticeFailed {
        channel: notice.channel,
        detail: "550 no such user".to_owned(),
        kind: notice.kind,
        message: notice.message,
        round: 0,
        to: vec!["ada@example.com".into()],
        tries: 1,
    };
    told.add(1, call(1), fact);
    assert_eq!(pairs(&told, 2), [pair("asked.0", "ben cy")]);
    told.send_all(2, &routing());
    assert_eq!(pairs(&told, 600), [pair("reminded.0", "ada ben cy")]);
}

#[test]
fn over_so_many_mails_in_an_hour_an_addressee_gets_one_that_gathers() {
    let mut told = Told::default();
    let held = || {
        let mut held = events::CallHeld { expires: at(9000), ..held() };
        held.rule.escalate.clear();
        held
    };
    for number in 1..=27 {
        told.add(0, call(number), held());
    }
    let under_way = told.due(0, &routing()).iter().flat_map(Due::needs).collect();
    told.add(0, call(30), held());
    let more = told.outbox.due(at(0), &routing(), &under_way);
    assert!(more.is_empty(), "while one that gathers is under way, no other is");
    let all = told.send_all(0, &routing());
    let gathered: Vec<usize> = all
        .iter()
        .filter_map(|due| match due {
            Due::Gathered { notices, .. } => Some(notices.len()),
            Due::Single(_) => None,
        })
        .collect();
    assert_eq!((all.len() - gathered.len(), gathered), (20, vec![8, 8, 8]));
    told.add(10, call(28), held());
    assert!(told.due(299, &routing()).is_empty(), "the next waits, to gather more");
    let next = told.due(300, &routing());
    assert!(next.len() == 3 && next.iter().all(|due| matches!(due, Due::Gathered { .. })));
    // After an hour mails about one call are sent again.
    let later = told.due(3601, &routing());
    assert!(later.iter().any(|due| matches!(due, Due::Single(_))));
}

#[test]
fn what_is_busy_is_not_due_and_counts_as_a_mail() {
    let told = Told::holding(held());
    let one = told.single(0).remove(0);
    let mut busy: BTreeSet<Need> = one.needs().collect();
    assert!(told.outbox.due(at(0), &routing(), &busy).is_empty());
    busy.pop_first();
    let due = told.outbox.due(at(0), &routing(), &busy);
    let [Due::Single(notice)] = due.as_slice() else { panic!("{due:?}") };
    assert_eq!(notice.to, BTreeSet::from(["ada@example.com".into()]));
}

#[test]
fn what_has_ended_is_forgotten_after_a_day() {
    let mut told = Told::holding(held());
    told.send_all(0, &routing());
    told.add(10, call(1), withdrawn("agent", "not needed"));
    told.add(90_000, call(2), events::CallHeld { expires: at(99_000), ..held() });
    assert_eq!(told.outbox.stories.keys().copied().collect::<Vec<_>>(), [call(2)]);
    let glass = BreakGlass { by: crate::notice::samples::person("ada"), reason: "x".to_owned() };
    told.add(90_001, call(1), granted(Vec::new(), Some(glass)));
    assert_eq!(told.outbox.stories.len(), 1);
}

#[test]
fn all_of_it_comes_out_the_same_from_the_ledger() {
    let mut told = Told::holding(held());
    told.send_all(0, &routing());
    let other = events::CallHeld { expires: at(9000), ..held() };
    assert_eq!(other.rule.risk, Risk::High);
    told.add(3, call(2), other);
    told.add(4, call(1), edited("cy", 2));
    let (one, two) = (told.due(700, &routing()), told.folded_again());
    let two = two.due(at(700), &routing(), &BTreeSet::new());
    assert_eq!(format!("{one:?}"), format!("{two:?}"));
}
