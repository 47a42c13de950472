//! The story of a call that people had to let go, told event by event.

use crate::made::{Made, call, event_id, fact, only, report, session};
use events::{
    CallDigest, CallDispatched, CallHeld, Digest, Event, EventId, Filter, GrantOpened, HoldEdited,
    HoldGranted, HoldVoted, Mark, Person, Threshold, Timestamp, Vote,
};
use std::sync::Arc;
use verify::Check;

/// A time that is over when a story begins.
pub(crate) const BEFORE: Timestamp = Timestamp::from_micros(1_794_000_000_000_000);

/// A time that no story reaches.
pub(crate) const AFTER: Timestamp = Timestamp::from_micros(1_796_000_000_000_000);

/// The call that the stories are about.
pub(crate) const CALL: u64 = 1;

pub(crate) fn person(name: &str) -> Person {
    let email = format!("{name}@example.com");
    Person { id: format!("local:{email}").into(), email: email.into() }
}

pub(crate) fn of_group(approve: u32, name: &str) -> Vec<Threshold> {
    vec![Threshold { approve, deny: 1, filter: Filter::Group(name.into()) }]
}

pub(crate) fn digest_of(held: &CallHeld, request: Option<Digest>) -> Digest {
    CallDigest {
        definition: held.definition,
        dialect: held.dialect,
        method: &held.method,
        model: held.model.as_deref(),
        principal: &held.principal,
        request,
        target: held.target.as_deref(),
        upstream: &held.upstream,
    }
    .digest()
}

#[derive(Clone)]
pub(crate) struct Story {
    pub(crate) made: Made,
    pub(crate) held: CallHeld,
    /// What is decided on.
    pub(crate) digest: Digest,
    pub(crate) version: u32,
}

impl Story {
    /// A gateway runs, and a call for ada is about to be held, which one of finance may let go.
    pub(crate) fn new() -> Self {
        let Event::CallHeld(mut held) = fact("call.held") else { panic!() };
        let mut made = Made::default();
        made.plain(fact("gateway.started"));
        held.request = Some(made.content(1, b"cancel it"));
        held.rule.approvers = vec![of_group(1, "finance")];
        held.rule.own = false;
        held.rule.step_up = false;
        held.expires = AFTER;
        let digest = digest_of(&held, held.request.map(|request| request.digest));
        Self { made, held, digest, version: 1 }
    }

    /// The story after the call is held.
    pub(crate) fn held() -> Self {
        let mut story = Self::new();
        story.hold();
        story
    }

    /// The story after ben let the call go, and the grant.
    pub(crate) fn granted() -> (Self, EventId) {
        let mut story = Self::held();
        let vote = story.approve("ben");
        let grant = story.grant(&[vote]);
        (story, grant)
    }

    /// Adds an event about the call.
    pub(crate) fn tell(&mut self, fact: impl Into<Event>) -> EventId {
        event_id(self.made.add(fact.into(), Some(session(1)), Some(call(CALL)), None))
    }

    /// Adds an event about no call.
    pub(crate) fn aside(&mut self, fact: impl Into<Event>) -> EventId {
        event_id(self.made.plain(fact.into()))
    }

    /// A person allows calls of a kind, in the session in which they met one.
    pub(crate) fn open(&mut self, kind: GrantOpened) -> EventId {
        event_id(self.made.add(kind.into(), Some(session(1)), None, None))
    }

    pub(crate) fn hold(&mut self) {
        let held = CallHeld { digest: self.digest, ..self.held.clone() };
        self.tell(held);
    }

    pub(crate) fn vote(&self, name: &str) -> HoldVoted {
        let Event::HoldVoted(vote) = fact("hold.voted") else { panic!() };
        HoldVoted {
            assertion: None,
            by: person(name),
            digest: self.digest,
            for_person: None,
            groups: vec!["finance".into()],
            roles: Vec::new(),
            sign_in: None,
            version: self.version,
            vote: Vote::Approve,
            ..vote
        }
    }

    pub(crate) fn approve(&mut self, name: &str) -> EventId {
        let vote = self.vote(name);
        self.tell(vote)
    }

    pub(crate) fn reject(&mut self, name: &str) -> EventId {
        let vote = HoldVoted { vote: Vote::Reject, ..self.vote(name) };
        self.tell(vote)
    }

    pub(crate) fn edit(&mut self, name: &str) -> HoldEdited {
        let request = self.made.content(1, b"cancel half of it");
        self.version += 1;
        self.digest = digest_of(&self.held, Some(request.digest));
        let (digest, version) = (self.digest, self.version);
        HoldEdited {
            arguments: Mark([0xee; 16]),
            by: person(name),
            digest,
            reason: None,
            request,
            version,
        }
    }

    pub(crate) fn decision(&self, votes: &[EventId]) -> HoldGranted {
        let votes = votes.to_vec();
        HoldGranted { break_glass: None, claim_until: AFTER, digest: self.digest, votes }
    }

    pub(crate) fn grant(&mut self, votes: &[EventId]) -> EventId {
        let decision = self.decision(votes);
        self.tell(decision)
    }

    /// The call as it is made under a grant.
    pub(crate) fn made_under(&self, grant: EventId) -> CallDispatched {
        let Event::CallDispatched(made) = fact("call.dispatched") else { panic!() };
        let held = self.held.clone();
        CallDispatched {
            arguments: held.arguments,
            dialect: held.dialect,
            grant: Some(grant),
            method: held.method,
            model: held.model,
            operation: held.operation,
            principal: held.principal,
            request: held.request,
            target: held.target,
            upstream: held.upstream,
            verdict: held.verdict,
            ..made
        }
    }

    /// The call is made, and completed.
    pub(crate) fn make(&mut self, grant: EventId) {
        let made = self.made_under(grant);
        self.run(made);
    }

    pub(crate) fn run(&mut self, made: CallDispatched) {
        self.tell(made);
        self.made.complete(1, CALL);
    }

    /// A grant of calls like this one.
    pub(crate) fn kind(&self) -> GrantOpened {
        let Event::GrantOpened(opened) = fact("grant.opened") else { panic!() };
        GrantOpened {
            agent: Arc::clone(&self.held.principal.agent),
            budget: 2,
            by: person("ben"),
            owner: Arc::clone(&self.held.principal.owner),
            target: self.held.target.clone().unwrap(),
            until: AFTER,
            upstream: Arc::clone(&self.held.upstream),
            ..opened
        }
    }

    #[track_caller]
    pub(crate) fn passes(&self) {
        let report = report(self.made.log().path());
        assert!(report.is_verified(), "{report}");
    }

    /// There is one finding, of grants, which says this.
    #[track_caller]
    pub(crate) fn fails(&self, detail: &str) {
        let report = report(self.made.log().path());
        let finding = only(&report);
        assert_eq!(finding.check, Check::Grants, "{report}");
        assert!(finding.detail.contains(detail), "{report}");
    }
}
