//! Events and routes for the tests of notices.

pub(super) mod mail_server;

pub(super) mod web_server;

use crate::notice::outbox::{Due, Notice, Outbox};
use crate::notice::routing::{MailRoute, Routing};
use events::{
    BreakGlass, CallHeld, CallId, Decision, Dialect, Digest, Envelope, Escalation, Event, EventId,
    Filter, HoldEdited, HoldExpired, HoldGranted, HoldRefused, HoldRule, HoldVoted, HoldWithdrawn,
    Mark, NoticeSent, Operation, PayloadRef, Person, PersonSignedIn, Principal, Risk, SessionId,
    SessionMethod, Threshold, Timestamp, Verdict, Vote,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use ulid::Ulid;

/// 2026-11-21T08:00:00Z.
pub(super) const START: u64 = 1_795_248_000_000_000;

pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(START + seconds * 1_000_000)
}

pub(super) fn call(number: u128) -> CallId {
    CallId::new(Ulid::from(0x019f_0000_0000_0000_0000_0000_0000_0000 + number))
}

pub(super) fn event_id(number: u128) -> EventId {
    EventId::new(Ulid::from(0x019f_1111_0000_0000_0000_0000_0000_0000 + number))
}

pub(super) fn person(name: &str) -> Person {
    let email = format!("{name}@example.com");
    Person { email: email.as_str().into(), id: format!("local:{email}").into() }
}

/// An event of the ledger.
pub(super) fn envelope(sequence: u64, seconds: u64, event: impl Into<Event>) -> Envelope {
    Envelope {
        sequence,
        id: event_id(u128::from(sequence)),
        time: at(seconds),
        source: "test".into(),
        session: Some(SessionId::new(Ulid::from(7_u128))),
        cause: None,
        call: None,
        event: event.into(),
    }
}

/// That `ada`, `ben`, `cy` and the owner signed in as approvers, `ben` and `cy` of finance.
pub(super) fn signed_in() -> impl Iterator<Item = PersonSignedIn> {
    let people = [("ada", false), ("ben", true), ("cy", true), ("owner", false)];
    people.into_iter().map(|(name, is_of_finance)| PersonSignedIn {
        expires: at(100_000),
        groups: is_of_finance.then(|| "finance".into()).into_iter().collect(),
        method: "password".into(),
        peer: None,
        person: person(name),
        roles: vec!["approver".into()],
        sign_in: name.into(),
    })
}

pub(super) fn routing() -> Routing {
    let mail = MailRoute {
        domain: "gate.example.com".into(),
        fallback: vec!["ops@example.com".into()],
        per_hour_max: 20,
    };
    let mut routing = Routing { mail: Some(mail), ..Routing::default() };
    for fact in signed_in() {
        routing.roster.apply(&envelope(0, 0, fact));
    }
    routing
}

pub(super) fn held() -> CallHeld {
    let threshold = |approve, filter: &str| Threshold {
        approve,
        deny: 1,
        filter: filter.parse().expect("a filter"),
    };
    CallHeld {
        answer_of: None,
        arguments: Some(Mark([1; 16])),
        definition: None,
        dialect: Dialect::Mcp,
        digest: Digest::of(&[b"abc"]),
        expires: at(3600),
        identity: Mark([2; 16]),
        method: "tools/call".into(),
        model: None,
        operation: Operation::ExecuteTool,
        principal: Principal {
            actors: Vec::new(),
            agent: "support-bot".into(),
            owner: "owner@example.com".into(),
            team: "support".into(),
        },
        request: None,
        rule: HoldRule {
            approvers: vec![vec![threshold(2, "group:finance"), threshold(1, "role:approver")]],
            claim_s: 600,
            edit: true,
            escalate: vec![Escalation {
                after_s: 1800,
                to: Filter::Person("boss@example.com".into()),
            }],
            expires_s: 3600,
            own: false,
            reason: false,
            remind_s: Some(600),
            risk: Risk::High,
            step_up: false,
        },
        session: SessionMethod::New,
        target: Some("refund_payment".into()),
        tool_call: None,
        upstream: "crm".into(),
        verdict: Verdict {
            decision: Decision::Hold,
            policies: vec!["refunds-need-people".into()],
            reason: Some("Refunds over 50 EUR are decided by people.".to_owned()),
        },
    }
}

/// A ledger of events that notices are made from, and the outbox that follows it.
#[derive(Default)]
pub(super) struct Told {
    pub(super) envelopes: Vec<Envelope>,
    pub(super) outbox: Outbox,
}

impl Told {
    pub(super) fn holding(held: CallHeld) -> Self {
        let mut told = Self::default();
        told.add(0, call(1), held);
        told
    }

    pub(super) fn add(&mut self, seconds: u64, call: CallId, fact: impl Into<Event>) -> EventId {
        self.add_caused(seconds, call, (fact, None))
    }

    pub(super) fn add_caused(
        &mut self,
        seconds: u64,
        call: CallId,
        (fact, cause): (impl Into<Event>, Option<EventId>),
    ) -> EventId {
        let number = self.envelopes.len();
        let number = u64::try_from(number).expect("few");
        let envelope = Envelope { cause, call: Some(call), ..envelope(number, seconds, fact) };
        let id = envelope.id;
        self.outbox.apply(&envelope);
        self.envelopes.push(envelope);
        id
    }

    /// What an outbox says that is made again from the same events.
    pub(super) fn folded_again(&self) -> Outbox {
        let mut outbox = Outbox::default();
        for envelope in &self.envelopes {
            outbox.apply(envelope);
        }
        outbox
    }

    pub(super) fn due(&self, seconds: u64, routing: &Routing) -> Vec<Due> {
        self.outbox.due(at(seconds), routing, &BTreeSet::new())
    }

    /// The notices that are due, and nothing gathered.
    pub(super) fn single(&self, seconds: u64) -> Vec<Notice> {
        let due = self.due(seconds, &routing()).into_iter();
        due.map(|due| match due {
            Due::Single(notice) => notice,
            Due::Gathered { .. } => panic!("a gathering mail"),
        })
        .collect()
    }

    /// What is due as `kind.round`, with the addressees' names.
    pub(super) fn names(&self, seconds: u64) -> BTreeMap<String, String> {
        let due = self.single(seconds).into_iter();
        due.map(|notice| {
            let to: Vec<&str> =
                notice.to.iter().map(|to| to.trim_end_matches("@example.com")).collect();
            let kind = crate::notice::outbox::word(notice.kind);
            (format!("{kind}.{}", notice.round), to.join(" "))
        })
        .collect()
    }

    /// Records that everything due was sent.
    pub(super) fn send_all(&mut self, seconds: u64, routing: &Routing) -> Vec<Due> {
        let all = self.due(seconds, routing);
        for due in &all {
            for notice in due.notices() {
                self.sent(seconds, (notice, due.message()));
            }
        }
        all
    }

    pub(super) fn sent(&mut self, seconds: u64, (notice, message): (&Notice, &Arc<str>)) {
        let fact = NoticeSent {
            channel: Arc::clone(&notice.channel),
            kind: notice.kind,
            message: Arc::clone(message),
            round: notice.round,
            to: notice.to.iter().cloned().collect(),
        };
        self.add_caused(seconds, notice.facts.call, (fact, Some(notice.cause)));
    }
}

pub(super) fn voted(name: &str, (version, vote): (u32, Vote)) -> HoldVoted {
    HoldVoted {
        assertion: None,
        by: person(name),
        channel: events::Channel::Web,
        digest: Digest::of(&[b"abc"]),
        for_person: None,
        groups: Vec::new(),
        reason: None,
        roles: Vec::new(),
        sign_in: None,
        version,
        view: None,
        vote,
    }
}

pub(super) fn edited(name: &str, version: u32) -> HoldEdited {
    HoldEdited {
        arguments: Mark([3; 16]),
        by: person(name),
        digest: Digest::of(&[b"edited", &version.to_be_bytes()]),
        reason: Some("too much".to_owned()),
        request: PayloadRef { bytes: 9, digest: Digest([4; 32]), discarded: false },
        version,
    }
}

pub(super) fn granted(votes: Vec<EventId>, break_glass: Option<BreakGlass>) -> HoldGranted {
    HoldGranted { break_glass, claim_until: at(7200), digest: Digest::of(&[b"abc"]), votes }
}

pub(super) fn refused(votes: Vec<EventId>) -> HoldRefused {
    HoldRefused { digest: Digest::of(&[b"abc"]), until: at(7200), votes }
}

pub(super) fn expired(granted: bool) -> HoldExpired {
    HoldExpired { granted, until: at(7200) }
}

pub(super) fn withdrawn(by: &str, reason: &str) -> HoldWithdrawn {
    HoldWithdrawn { by: by.into(), reason: reason.to_owned() }
}
