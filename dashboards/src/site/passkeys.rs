//! Approvals that people sign with their passkeys: what an authenticator is asked, and whether it
//! signed this very decision.

use super::Site;
use super::refused::No;
use super::visitor::Visitor;
use crate::pages::Signing;
use approvals::{Ballot, Hold};
use events::{Assertion, CallId, DecisionDigest, Digest, Vote};
use http::StatusCode;
use identity::account::{AccountError, Accounts};
use identity::passkey::{self, Ceremony, Passkey, PasskeyError};
use std::sync::Arc;

/// Where passkeys of this gateway's people are used; none where browsers allow none.
pub(super) fn place(site: &Site) -> Option<passkey::Site> {
    let url = &site.parts().url;
    passkey::Site::of(url).or_else(|| {
        // This machine has passkeys by its name alone, and never by its address.
        let here = ["http://127.0.0.1", "http://[::1]"];
        let port = here.iter().find_map(|here| url.strip_prefix(here))?;
        passkey::Site::of(&format!("http://localhost{port}"))
    })
}

/// Why nobody has passkeys here.
pub(super) const NOWHERE: &str = "browsers use passkeys on pages with a name and `https`: set \
                                  `url` in `[approvals]` to the address of these pages";

pub(super) fn ceremony<'a>(
    site: &'a Site,
    visitor: &'a Visitor,
    place: &'a passkey::Site,
) -> Ceremony<'a> {
    Ceremony { key: site.key(), sign_in: &visitor.sign_in, site: place, now: site.now() }
}

fn broken(error: &dyn std::fmt::Display) -> No {
    tracing::error!(%error, "passkeys cannot be used");
    let detail = "passkeys cannot be used at the moment; the gateway's log says why";
    No::new(StatusCode::SERVICE_UNAVAILABLE, "passkeys_unavailable", detail)
}

/// Why a passkey was not taken.
pub(super) fn untaken(error: PasskeyError) -> No {
    No::unprocessable("passkey_refused", error.to_string())
}

/// Something with the passkeys that people have registered, where blocking is allowed.
pub(super) async fn with_passkeys<T: Send + 'static>(
    site: &Site,
    work: impl FnOnce(&Accounts) -> Result<T, AccountError> + Send + 'static,
) -> Result<T, No> {
    let nowhere = || No::unprocessable("no_passkeys", "this gateway keeps no passkeys");
    let passkeys = site.parts().passkeys.clone().ok_or_else(nowhere)?;
    let done = tokio::task::spawn_blocking(move || work(&passkeys)).await;
    done.map_err(|error| broken(&error))?.map_err(|error| match error {
        AccountError::PasskeyUnknown(_)
        | AccountError::PasskeyExists
        | AccountError::PasskeyCopied => No::unprocessable("passkey_refused", error.to_string()),
        AccountError::File { .. }
        | AccountError::Broken { .. }
        | AccountError::Exists(_)
        | AccountError::Unknown(_) => broken(&error),
    })
}

/// The passkeys of a person. It blocks.
fn known(site: &Site, visitor: &Visitor) -> Vec<Passkey> {
    let Some(passkeys) = &site.parts().passkeys else { return Vec::new() };
    let known = passkeys.passkeys(&visitor.profile.id);
    known.inspect_err(|error| drop(broken(error))).unwrap_or_default()
}

/// The decision to approve a version of a call, as this person and in this one's place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Approval<'a> {
    pub(super) call: CallId,
    pub(super) digest: Digest,
    pub(super) version: u32,
    pub(super) view: Option<Digest>,
    /// The e-mail address of whom the person stands in for.
    pub(super) for_person: Option<&'a str>,
}

impl Approval<'_> {
    fn decision(self, site: &Site, visitor: &Visitor) -> Digest {
        let person = visitor.profile.person();
        let roster = site.desk().roster();
        let given = self.for_person.and_then(|from| {
            roster.delegation(from, &person.email, site.now()).map(|it| Arc::clone(&it.from.id))
        });
        let decision = DecisionDigest {
            call: self.call,
            digest: self.digest,
            for_person: given.as_deref(),
            person: &person.id,
            version: self.version,
            view: self.view,
            vote: Vote::Approve,
        };
        decision.digest()
    }
}

/// What the form that approves asks of the reader's authenticator; nothing where they have none
/// and the rule wants none. It blocks.
///
/// An error says what to do before one can approve.
pub(super) fn signing(
    site: &Site,
    visitor: &Visitor,
    (hold, approval): (&Hold, Approval<'_>),
) -> Result<Option<Signing>, String> {
    let is_required = hold.fact.rule.step_up;
    let unless = |why: &str| if is_required { Err(why.to_owned()) } else { Ok(None) };
    let Some(place) = place(site) else { return unless(NOWHERE) };
    let known = known(site, visitor);
    if known.is_empty() {
        return unless("you have no passkey yet: register one, then come back to this page");
    }
    let ceremony = ceremony(site, visitor, &place);
    let Ok(nonce) = ceremony.nonce() else {
        return unless("the system has no random numbers; try again");
    };
    let decision = approval.decision(site, visitor);
    match ceremony.request_options(&nonce, &decision, &known) {
        Ok(options) => {
            let options = options.to_string();
            Ok(Some(Signing { nonce, options, origin: place.origin, is_required }))
        }
        Err(error) => unless(&error.to_string()),
    }
}

/// The ballot with what the person's authenticator signed, once that is verified and counted.
/// Where nothing was signed and nothing has to be, as it is.
pub(super) async fn signed(
    site: &Site,
    visitor: &Visitor,
    (hold, ballot): (&Hold, Ballot),
    assertion: Option<Assertion>,
) -> Result<Ballot, No> {
    let Some(assertion) = assertion else {
        if hold.fact.rule.step_up {
            return Err(unsigned(site));
        }
        return Ok(ballot);
    };
    let place = place(site).ok_or_else(|| No::unprocessable("passkey_refused", NOWHERE))?;
    let approval = Approval {
        call: hold.id,
        digest: ballot.digest,
        version: ballot.version,
        view: ballot.view.as_ref().map(|view| view.digest),
        for_person: ballot.for_person.as_deref(),
    };
    let decision = approval.decision(site, visitor);
    let id = Arc::clone(&visitor.profile.id);
    let known = with_passkeys(site, move |passkeys| passkeys.passkeys(&id)).await?;
    let used = ceremony(site, visitor, &place).verify(&assertion, &decision, &known);
    let (used, id) = (used.map_err(untaken)?, Arc::clone(&visitor.profile.id));
    // Before the vote is on record: of two copies of a passkey, one is found out.
    with_passkeys(site, move |passkeys| passkeys.passkey_used(&id, &used)).await?;
    Ok(Ballot { assertion: Some(assertion), ..ballot })
}

fn unsigned(site: &Site) -> No {
    let at = place(site).map_or_else(
        || NOWHERE.to_owned(),
        |place| {
            let origin = place.origin;
            format!("open this page at {origin}, with JavaScript, and approve it there")
        },
    );
    let detail = format!("approving this call takes your passkey, and nothing was signed: {at}");
    No::unprocessable("passkey_required", detail)
}
