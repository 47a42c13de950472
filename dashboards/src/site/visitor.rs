//! Who is there: the person behind a request, with the rights that are in force now.

use super::Site;
use approvals::hold::{Context, terms};
use approvals::threshold::Seat;
use approvals::{HoldView, Roster, State, Voter};
use events::{Channel, Timestamp};
use http::{HeaderMap, header};
use identity::Profile;
use identity::cookie::Cookie;
use identity::role::Right;
use identity::session::{Method, SignIn};
use std::sync::Arc;
use std::time::Duration;

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    /// By what.
    pub(super) sign_in: SignIn,
    /// Who, with the roles as they are now.
    pub(super) profile: Profile,
}

impl Visitor {
    /// Whoever the cookie of a browser says, if that sign-in is in force.
    pub(super) async fn of_browser(site: &Site, headers: &HeaderMap) -> Option<Self> {
        let value = site.cookies().find(headers, Cookie::SignIn)?;
        Self::recognise(site, value).await
    }

    /// Whoever a sealed sign-in names, if it is in force.
    pub(super) async fn recognise(site: &Site, value: &str) -> Option<Self> {
        let sign_in = SignIn::open(site.key(), value, site.now())?;
        let email = sign_in.profile.email.as_str();
        if site.desk().is_signed_out(&sign_in.id) || site.desk().is_person_revoked(email) {
            return None;
        }
        let mut profile = match &sign_in.method {
            Method::Password | Method::Link => current(site, &sign_in.profile.id).await?,
            Method::Provider(name) => {
                let mut all = site.parts().providers.iter();
                all.find(|one| one.provider().name == *name)?;
                let roles = std::collections::BTreeSet::new();
                Profile { roles, ..sign_in.profile.clone() }
            }
        };
        profile.roles.extend(site.parts().appointed.roles(&profile));
        Some(Self { sign_in, profile })
    }

    /// Whether one of the roles has this right.
    pub(super) fn may(&self, right: Right) -> bool {
        self.profile.may(right)
    }

    /// The person as desks know people.
    pub(super) fn voter(&self, channel: Channel) -> Voter {
        Voter {
            person: self.profile.person(),
            groups: self.profile.groups.iter().cloned().collect(),
            roles: self.profile.roles.iter().map(|role| role.text().into()).collect(),
            sign_in: Some(Arc::clone(&self.sign_in.id)),
            channel,
        }
    }
}

/// An account as it is now; none where it is disabled or gone.
async fn current(site: &Site, id: &Arc<str>) -> Option<Profile> {
    let (accounts, id) = (site.parts().accounts.clone()?, Arc::clone(id));
    let found = tokio::task::spawn_blocking(move || accounts.current(&id)).await.ok()?;
    found.inspect_err(|error| tracing::error!(%error, "nobody can be recognised")).ok().flatten()
}

/// The token that a program sends.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::trim)
}

/// Whether a vote of this person could count on a hold: the e-mail address of whom they would stand
/// in for, where they have no voice of their own; or why not.
pub(super) fn voice(
    view: &HoldView,
    voter: &Voter,
    (roster, now): (&Roster, Timestamp),
) -> Result<Option<Arc<str>>, String> {
    let hold = &view.hold;
    let context = Context {
        now,
        roster,
        no_answers_for: Duration::ZERO,
        break_glass: &[],
        is_claimed: view.is_being_made,
    };
    let terms = terms(hold, &context);
    let person = &voter.person;
    let own = Seat { person, hand: person, groups: &voter.groups, roles: &voter.roles };
    let refused = match terms.eligible(own) {
        Ok(()) => return Ok(None),
        Err(refused) => refused,
    };
    let given = roster.delegations(now).map(|(_, delegation)| delegation);
    let mut given = given.filter(|it| it.to.eq_ignore_ascii_case(&person.email));
    let found = given.find(|it| {
        let (groups, roles) = (&it.groups, &it.roles);
        terms.eligible(Seat { person: &it.from, hand: person, groups, roles }).is_ok()
    });
    found.map(|it| Some(Arc::clone(&it.from.email))).ok_or_else(|| refused.to_string())
}

/// Whether the person could decide a hold alone.
pub(super) fn suffices(site: &Site, visitor: &Visitor, view: &HoldView) -> bool {
    let (voter, roster) = (visitor.voter(Channel::Web), site.desk().roster());
    let context = Context {
        now: site.now(),
        roster: &roster,
        no_answers_for: Duration::ZERO,
        break_glass: &[],
        is_claimed: view.is_being_made,
    };
    let person = &voter.person;
    let seat = Seat { person, hand: person, groups: &voter.groups, roles: &voter.roles };
    terms(&view.hold, &context).suffices(seat)
}

/// Whether the person has voted on the version that is decided on.
pub(super) fn has_voted(view: &HoldView, voter: &Voter) -> bool {
    let mut standing = view.hold.standing().into_iter();
    standing.any(|(_, vote)| approvals::roster::is_same(&vote.by, &voter.person))
}

/// Whether the call waits for this very person.
pub(super) fn waits_for(view: &HoldView, voter: &Voter, at: (&Roster, Timestamp)) -> bool {
    matches!(view.hold.state, State::Pending)
        && !has_voted(view, voter)
        && voice(view, voter, at).is_ok()
}
