//! Tests of what is measured of people's watching.

use super::*;
use crate::kit::{at, call_id, envelope, event_id, held, person, rule, threshold};
use events::{
    Channel, Digest, HoldExpired, HoldGranted, HoldRefused, HoldViewed, PayloadRef, View,
};

/// One call after the other, each with what becomes of it.
#[derive(Default)]
struct Record {
    oversight: Oversight,
    sequence: u64,
}

impl Record {
    fn note(&mut self, call: u64, second: u64, event: impl Into<Event>) {
        self.sequence += 1;
        let envelope = envelope(self.sequence, at(second), event);
        self.oversight.apply(&Envelope { call: Some(call_id(call)), ..envelope });
    }

    fn hold(&mut self, call: u64, second: u64) {
        let mut held = held(rule(vec![vec![threshold(1, 1, "group:finance")]]), 1);
        // Of 300 words: 72 seconds.
        let request = PayloadRef { bytes: 1800, digest: Digest([1; 32]), discarded: false };
        held.request = Some(request);
        self.note(call, second, held);
    }

    fn vote(&mut self, call: u64, second: u64, vote: Vote, view: Option<View>) {
        self.note(
            call,
            second,
            HoldVoted {
                assertion: None,
                by: person("ada"),
                channel: Channel::Web,
                digest: Digest([1; 32]),
                for_person: None,
                groups: Vec::new(),
                reason: None,
                roles: Vec::new(),
                sign_in: None,
                version: 1,
                view,
                vote,
            },
        );
    }

    fn grant(&mut self, call: u64, second: u64) {
        let (digest, votes) = (Digest([1; 32]), vec![event_id(1)]);
        let claim_until = at(second + 300);
        self.note(call, second, HoldGranted { break_glass: None, claim_until, digest, votes });
    }
}

fn view(open_ms: u64, opened: usize) -> View {
    let opened = (0..opened).map(|part| part.to_string().into()).collect();
    View { digest: Digest([2; 32]), open_ms, opened, sections: 1 }
}

#[test]
fn an_approval_in_less_time_than_reading_takes_is_told_from_one_with_care() {
    let mut record = Record::default();
    let looks = [
        Some(view(72_000, 1)),
        Some(view(71_999, 1)),
        Some(view(72_000, 0)),
        None,
        Some(view(0, 0)),
    ];
    for (call, look) in (1..).zip(looks) {
        record.hold(call, 0);
        record.vote(call, 80, Vote::Approve, look);
    }
    record.hold(9, 0);
    record.vote(9, 80, Vote::Reject, Some(view(0, 0)));
    let votes = Votes { approved: 5, rejected: 1, hasty: 2, unopened: 2, unseen: 1 };
    assert_eq!(record.oversight.approvers[&person("ada").email], votes);
    assert_eq!(record.oversight.tools["crm/refund"], votes);
    assert_eq!(record.oversight.agents["support-bot"], votes);
    assert_eq!(record.oversight.load[&(person("ada").email, 0)], 6);
}

#[test]
fn times_are_those_to_the_first_look_and_to_the_decision() {
    let mut record = Record::default();
    for (call, seconds) in [(1, 10), (2, 20), (3, 90)] {
        record.hold(call, 100);
        for later in [seconds, seconds + 5] {
            let look = HoldViewed { by: person("ada"), view: Digest([2; 32]) };
            record.note(call, 100 + later, look);
        }
        record.grant(call, 200 + seconds);
    }
    record.hold(4, 100);
    record.note(4, 700, HoldExpired { granted: false, until: at(800) });
    let of_risk = &record.oversight.risks[&Risk::High];
    let seconds = |times: &Times, percent| times.percentile(percent).unwrap().as_secs();
    assert_eq!((seconds(&of_risk.to_open, 50), seconds(&of_risk.to_open, 95)), (20, 90));
    assert_eq!((seconds(&of_risk.to_decide, 50), of_risk.to_decide.count()), (120, 3));
    assert_eq!((of_risk.held, of_risk.undecided), (4, 1));
    assert_eq!(Times::default().percentile(50), None);
}

#[test]
fn what_is_always_approved_is_suggested_until_it_is_rejected_once() {
    let mut record = Record::default();
    for call in 1..=12 {
        record.hold(call, 0);
        assert!(record.oversight.suggestions().is_empty());
        record.grant(call, 1);
    }
    let suggested = record.oversight.suggestions();
    assert_eq!((suggested.len(), suggested[0].approved, &*suggested[0].target), (1, 12, "refund"));
    record.hold(13, 2);
    let refused = HoldRefused { digest: Digest([1; 32]), until: at(9), votes: Vec::new() };
    record.note(13, 3, refused);
    assert!(record.oversight.suggestions().is_empty());
}
