//! One held call: its version, its votes, and whether a grant of it is as its rule says.

use super::lateness::is_past;
use super::roster::Roster;
use super::thresholds::{Approver, satisfied};
use events::{
    CallDigest, CallDispatched, CallHeld, Digest, EventId, HoldEdited, HoldGranted, HoldRefused,
    HoldVoted, Mark, Timestamp, Vote,
};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A grant that waits for its call.
#[derive(Clone, Copy)]
pub(super) struct Granted {
    pub(super) id: EventId,
    until: Timestamp,
}

struct Cast {
    vote: HoldVoted,
    /// Whether whoever gave it, or in whose place, was revoked since.
    is_void: bool,
}

/// See the module.
pub(super) struct Hold {
    /// `None` where it was held before the part that was read.
    held: Option<Box<CallHeld>>,
    /// The version that is decided on, where that is known.
    version: Option<u32>,
    digest: Option<Digest>,
    arguments: Option<Mark>,
    /// Who made this version by an edit.
    editor: Option<Arc<str>>,
    votes: HashMap<EventId, Cast>,
    pub(super) granted: Option<Granted>,
}

/// The digest that a call should have, with this request.
fn digest_of(held: &CallHeld, request: Option<Digest>) -> Digest {
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

fn is(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

impl Hold {
    /// A call that was held before the part that was read.
    pub(super) fn unseen() -> Self {
        Self {
            held: None,
            version: None,
            digest: None,
            arguments: None,
            editor: None,
            votes: HashMap::new(),
            granted: None,
        }
    }

    /// Whether it was held in the part that was read.
    pub(super) const fn is_seen(&self) -> bool {
        self.held.is_some()
    }

    /// A call begins to wait; says what is wrong with that.
    pub(super) fn begin(held: &CallHeld) -> (Self, Option<String>) {
        let should = digest_of(held, held.request.map(|request| request.digest));
        let wrong = (should != held.digest)
            .then(|| format!("its digest is `{}`, that of the call is `{should}`", held.digest));
        let begun = Self {
            held: Some(Box::new(held.clone())),
            version: Some(1),
            digest: Some(held.digest),
            arguments: held.arguments,
            ..Self::unseen()
        };
        (begun, wrong)
    }

    /// A person makes a new version; all votes are void.
    pub(super) fn edit(&mut self, edit: &HoldEdited) -> Option<String> {
        let follows = self.version.is_none_or(|version| edit.version == version.saturating_add(1));
        let before = self.version;
        self.version = Some(edit.version);
        self.digest = Some(edit.digest);
        self.arguments = Some(edit.arguments);
        self.editor = Some(Arc::clone(&edit.by.email));
        self.votes.clear();
        self.granted = None;
        if !follows {
            let before = before.unwrap_or_default();
            return Some(format!("version {} was made of version {before}", edit.version));
        }
        let held = self.held.as_ref()?;
        if !held.rule.edit {
            return Some(format!("`{}` edited it, and its rule allows no edit", edit.by.email));
        }
        let should = digest_of(held, Some(edit.request.digest));
        (should != edit.digest).then(|| {
            format!("the edit's digest is `{}`, that of the call is `{should}`", edit.digest)
        })
    }

    /// A person votes.
    pub(super) fn vote(
        &mut self,
        id: EventId,
        time: Timestamp,
        vote: &HoldVoted,
    ) -> Option<String> {
        self.votes.insert(id, Cast { vote: vote.clone(), is_void: false });
        let held = self.held.as_ref().filter(|held| is_past(time, held.expires))?;
        Some(format!("`{}` voted after it expired at {}", vote.by.email, held.expires))
    }

    /// Somebody has no rights any more, and votes that were given count no more.
    pub(super) fn void(&mut self, email: &str) {
        for Cast { vote, is_void } in self.votes.values_mut() {
            let mut persons = std::iter::once(&vote.by).chain(&vote.for_person);
            *is_void |= persons.any(|person| is(&person.email, email));
        }
    }

    /// People said yes; says what is wrong with that.
    pub(super) fn grant(
        &mut self,
        id: EventId,
        time: Timestamp,
        grant: &HoldGranted,
        roster: &Roster,
    ) -> Option<String> {
        self.granted = Some(Granted { id, until: grant.claim_until });
        if self.digest.is_some_and(|digest| digest != grant.digest) {
            return Some(format!("the grant is of `{}`, which is not decided on", grant.digest));
        }
        let held = self.held.as_ref()?;
        if is_past(time, held.expires) {
            return Some(format!("it was granted after it expired at {}", held.expires));
        }
        let apart = Apart { held, editor: self.editor.as_deref(), roster, time };
        match &grant.break_glass {
            Some(glass) => apart.check(&glass.by.email).err(),
            None => self.decide(held, grant, &apart).err(),
        }
    }

    /// Whether the votes that a grant names satisfy the rule.
    fn decide(
        &self,
        held: &CallHeld,
        grant: &HoldGranted,
        apart: &Apart<'_>,
    ) -> Result<(), String> {
        if grant.votes.is_empty() {
            return Err("it was granted, and no vote is named".to_owned());
        }
        let (mut hands, mut persons): (HashSet<&str>, HashSet<&str>) = Default::default();
        let mut approvers = Vec::new();
        for id in &grant.votes {
            let vote = self.cited(*id, Vote::Approve)?;
            if held.rule.step_up && vote.assertion.is_none() {
                return Err(format!("the vote `{id}` of `{}` is not signed", vote.by.email));
            }
            let email = vote.for_person.as_ref().map_or(&*vote.by.email, |person| &*person.email);
            apart.check(&vote.by.email)?;
            apart.check(email)?;
            if !hands.insert(&vote.by.email) {
                return Err(format!("two votes by `{}` are counted", vote.by.email));
            }
            if !persons.insert(email) {
                return Err(format!("two votes of `{email}` are counted"));
            }
            let (groups, roles) = (vote.groups.as_slice(), vote.roles.as_slice());
            approvers.push(Approver { email, groups, roles });
        }
        match satisfied(&held.rule.approvers, &approvers) {
            Some(true) => Ok(()),
            Some(false) => Err(format!("{} votes do not satisfy its rule", approvers.len())),
            None => Err("its rule is too intricate to be checked".to_owned()),
        }
    }

    /// A vote of the version that is decided on.
    fn cited(&self, id: EventId, wanted: Vote) -> Result<&HoldVoted, String> {
        let Some(Cast { vote, is_void }) = self.votes.get(&id) else {
            return Err(format!("the vote `{id}` is not among those of this version"));
        };
        let by = &vote.by.email;
        if *is_void {
            return Err(format!("the vote `{id}` of `{by}` is void, by a revocation"));
        }
        if Some(vote.digest) != self.digest || Some(vote.version) != self.version {
            return Err(format!("the vote `{id}` is on another version, {}", vote.version));
        }
        if vote.vote != wanted {
            return Err(format!("the vote `{id}` of `{by}` says otherwise"));
        }
        Ok(vote)
    }

    /// People said no; says what is wrong with that.
    pub(super) fn refuse(&self, refusal: &HoldRefused) -> Option<String> {
        self.held.as_ref()?;
        if self.digest.is_some_and(|digest| digest != refusal.digest) {
            return Some(format!("the refusal is of `{}`, not decided on", refusal.digest));
        }
        refusal.votes.iter().find_map(|id| self.cited(*id, Vote::Reject).err())
    }

    /// The call is made under its grant; says what is wrong with that.
    pub(super) fn make(
        &self,
        id: EventId,
        time: Timestamp,
        made: &CallDispatched,
    ) -> Option<String> {
        let Some(granted) = self.granted.filter(|granted| granted.id == id) else {
            return Some(format!("the grant `{id}` was void when it was dispatched"));
        };
        if is_past(time, granted.until) {
            return Some(format!("it was dispatched after its grant ended at {}", granted.until));
        }
        let held = self.held.as_ref()?;
        let what = if held.principal != made.principal {
            "principal"
        } else if held.upstream != made.upstream {
            "upstream"
        } else if held.target != made.target {
            "target"
        } else if held.model != made.model {
            "model"
        } else if (held.dialect, held.operation) != (made.dialect, made.operation)
            || held.method != made.method
        {
            "method"
        } else if self.arguments != made.arguments {
            "arguments"
        } else {
            return None;
        };
        Some(format!("it was dispatched with another {what} than was decided on"))
    }
}

/// Separation of duties: whoever has a part in asking has none in answering.
struct Apart<'a> {
    held: &'a CallHeld,
    editor: Option<&'a str>,
    roster: &'a Roster,
    /// When it is decided.
    time: Timestamp,
}

impl Apart<'_> {
    fn check(&self, email: &str) -> Result<(), String> {
        if self.roster.is_revoked(email) {
            return Err(format!("`{email}` decided, and was revoked"));
        }
        if self.held.rule.own {
            return Ok(());
        }
        let principal = &self.held.principal;
        let mut asking = std::iter::once(&principal.owner).chain(&principal.actors);
        let why = if is(email, &principal.owner) {
            "for whom the call is"
        } else if principal.actors.iter().any(|actor| is(actor, email)) {
            "through whom the agent acts"
        } else if self.editor.is_some_and(|editor| is(editor, email)) {
            "who made this version"
        } else if asking.any(|from| self.roster.stands_in(email, from, self.time)) {
            "to whom they have delegated for whom the call is"
        } else {
            return Ok(());
        };
        Err(format!("`{email}` decided, {why}"))
    }
}
