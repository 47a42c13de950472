//! What people say at a desk: votes, edits, and grants for calls of a kind.

use std::sync::Arc;

use approvals::{
    Ballot, CommandError, Desk, Edit, HoldFilter, HoldView, OpenGrant, Shape, Standing, Voter,
};
use events::{CallId, Channel, EventId, Person, PersonAdded, Timestamp, View, Vote};
use ledger::payload::{Unpacked, load};
use proxy::correlate::{Correlator, Limits};
use proxy::json;
use tokio::task::JoinHandle;

use crate::stage::Stage;

/// The approver of most tests.
pub(crate) const GRACE: &str = "grace@example.com";

/// What is said with every vote.
pub(crate) const REASON: &str = "because the suite says so";

/// Somebody with the role `approver`.
pub(crate) fn voter(email: &str) -> Voter {
    Voter { person: person(email), ..somebody() }
}

fn person(email: &str) -> Person {
    Person { email: email.into(), id: format!("local:{email}").into() }
}

fn somebody() -> Voter {
    Voter {
        person: person(GRACE),
        groups: Vec::new(),
        roles: vec!["approver".into()],
        sign_in: None,
        channel: Channel::Web,
    }
}

/// A vote on what a view shows.
pub(crate) fn ballot(view: &HoldView, email: &str, vote: Vote) -> Ballot {
    let digest = view.hold.digest;
    Ballot {
        voter: voter(email),
        vote,
        digest,
        version: view.hold.version,
        reason: Some(REASON.to_owned()),
        view: Some(View { digest, open_ms: 60_000, opened: Vec::new(), sections: 0 }),
        for_person: None,
        assertion: None,
    }
}

/// The calls that wait for people.
pub(crate) fn pending() -> HoldFilter {
    HoldFilter { pending: Some(true), ..HoldFilter::default() }
}

/// Says the same to every call that waits, until dropped.
pub(crate) struct Everybody(JoinHandle<()>);

impl Drop for Everybody {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn say_to_all(desk: Desk, vote: Vote) {
    let mut changes = desk.changes();
    loop {
        changes.mark_unchanged();
        for view in desk.holds(&pending()) {
            let cast = desk.vote(view.hold.id, ballot(&view, GRACE, vote)).await;
            // Somebody may have taken it back meanwhile.
            assert!(matches!(cast, Ok(_) | Err(CommandError::Refused(_))), "{cast:?}");
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

impl Stage {
    /// Votes as a person with the role `approver`.
    pub(crate) fn vote(&self, hold: CallId, email: &str, vote: Vote) -> Standing {
        self.try_vote(hold, email, vote).unwrap()
    }

    /// The same where it may not count.
    pub(crate) fn try_vote(
        &self,
        hold: CallId,
        email: &str,
        vote: Vote,
    ) -> Result<Standing, CommandError> {
        let desk = self.desk();
        let view = desk.hold(hold).unwrap();
        self.wait(desk.vote(hold, ballot(&view, email, vote)))
    }

    /// From now on somebody says the same to every call that waits.
    pub(crate) fn everybody_gets(&self, vote: Vote) -> Everybody {
        Everybody(self.spawn(say_to_all(self.desk(), vote)))
    }

    /// Changes the arguments of a call that waits, as a page does it.
    pub(crate) fn edit(
        &self,
        hold: CallId,
        email: &str,
        arguments: &str,
    ) -> Result<Standing, CommandError> {
        let (desk, view) = (self.desk(), self.desk().hold(hold).unwrap());
        let session = view.hold.session;
        let request = self.request(&view);
        let request = json::set(&request, &["params", "arguments"], arguments).unwrap();
        let (bytes, cuts) = (request.as_bytes(), &[][..]);
        let packed = Unpacked { session, is_first: false, bytes, cuts, kept: true };
        let packed = self.gate().ledger().pack(packed).unwrap();
        let canonical = String::from_utf8(json::canonical(arguments).unwrap()).unwrap();
        let edit = Edit {
            voter: voter(email),
            shown: view.hold.digest,
            version: view.hold.version,
            arguments: self.marks().arguments(arguments),
            text: canonical.into(),
            request: packed,
            reason: Some(REASON.to_owned()),
        };
        self.wait(desk.edit(hold, edit))
    }

    /// The request that waits.
    fn request(&self, view: &HoldView) -> String {
        let ledger = self.gate().ledger();
        let reference = view.hold.fact.request.unwrap();
        let bytes = load(&**ledger.reader(), ledger.keys(), view.hold.session, &reference);
        String::from_utf8(bytes.unwrap().unwrap()).unwrap()
    }

    fn marks(&self) -> Correlator {
        let key = std::fs::read(self.data().join("ledger/marks.key")).unwrap();
        Correlator::new(key.try_into().unwrap(), Limits::default())
    }

    /// Lets somebody be known as an approver.
    pub(crate) fn add(&self, email: &str) {
        let added = PersonAdded {
            by: "operator".into(),
            groups: Vec::new(),
            person: person(email),
            roles: vec!["approver".into()],
        };
        self.wait(self.desk().note(added)).unwrap();
    }

    /// Allows so many calls that look so until then.
    pub(crate) fn open_grant(
        &self,
        (hold, email): (CallId, &str),
        (shape, arguments): (&Shape, &str),
        (budget, until): (u32, Timestamp),
    ) -> Result<EventId, CommandError> {
        let (voter, arguments): (Voter, Arc<str>) = (voter(email), arguments.into());
        let wish = OpenGrant { voter, arguments, shape: shape.clone(), budget, until };
        self.wait(self.desk().open_grant(hold, wish))
    }
}
