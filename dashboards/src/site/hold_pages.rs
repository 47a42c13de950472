//! The page of one hold: what would run and the forms, or what became of it.

use super::Site;
use super::asked::{Asked, asked, challenge, deciders};
use super::frame::{Wanted, changes_from_now, page, reader, said, sentence, shell, sorry};
use super::inbox::ended;
use super::passkeys::{Approval, signing};
use super::refused::No;
use super::visitor::{Visitor, has_voted, voice};
use super::widening::widening;
use crate::markup::Label;
use crate::moment::{Moment, distance};
use crate::pages::{
    Challenge, Closed, ClosedKind, DecidedPage, Deciding, HoldPage, Place, Progress, Remark,
    Threshold, Tier, Tokens, Vote,
};
use crate::truth::view_digest;
use approvals::hold::Cast;
use approvals::threshold::Seat;
use approvals::{Hold, HoldView, State as HoldState};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use events::{CallId, Channel, Digest, Filter, Operation, Timestamp, Vote as Verdict};
use http::{HeaderMap, Method, StatusCode};
use identity::role::Right;

/// How many times looks at one call are recorded.
const VIEWS_MAX: usize = 100;

/// The route: `/holds/{call}`.
pub(super) fn routes(site: &Site) -> Router {
    Router::new().route("/holds/{call}", get(hold_page)).with_state(site.clone())
}

async fn hold_page(
    State(site): State<Site>,
    Path(call): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let path = format!("/holds/{call}");
    let visitor = match reader(&site, &headers, &path).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    if method == Method::HEAD {
        return StatusCode::OK.into_response();
    }
    match find(&site, &visitor, &call) {
        Ok(view) => fresh(&site, (&visitor, &headers), view, None).await,
        Err(no) => {
            if no.status == StatusCode::FORBIDDEN {
                site.refused(Some(visitor.profile.person()), &format!("GET {path}"), &no).await;
            }
            sorry(&site, (Some(&visitor), &headers), &no)
        }
    }
}

/// A hold that this person may see.
pub(super) fn find(site: &Site, visitor: &Visitor, call: &str) -> Result<HoldView, No> {
    let id: CallId = call.parse().map_err(|_| No::unknown())?;
    let view = site.desk().hold(id).ok_or_else(No::unknown)?;
    let at = (&site.desk().roster(), site.now());
    if visitor.may(Right::ViewInbox) || voice(&view, &visitor.voter(Channel::Web), at).is_ok() {
        return Ok(view);
    }
    Err(No::forbidden("your roles do not let you see calls that wait"))
}

enum Made {
    Waiting(Box<HoldPage>, Digest),
    Closed(Box<DecidedPage>),
}

/// The page as it is now, with what a form came to; that the person saw it is on record first.
pub(super) async fn fresh(
    site: &Site,
    (visitor, headers): (&Visitor, &HeaderMap),
    view: HoldView,
    no: Option<&No>,
) -> Response {
    let (id, seen) = (view.hold.id, view.hold.views.len());
    let made = {
        let (site, visitor, headers) = (site.clone(), visitor.clone(), headers.clone());
        tokio::task::spawn_blocking(move || make(&site, &visitor, &headers, &view)).await
    };
    let status = no.map_or(StatusCode::OK, |no| no.status);
    let notice = no.map(|no| said(true, &no.detail));
    match made {
        Ok(Made::Waiting(mut waiting, digest)) => {
            if seen < VIEWS_MAX
                && let Err(error) = site.desk().viewed(id, visitor.profile.person(), digest).await
            {
                tracing::warn!(%error, hold = %id, "that a call was looked at is not on record");
            }
            waiting.shell.notice = notice;
            page(status, &*waiting)
        }
        Ok(Made::Closed(mut closed)) => {
            closed.shell.notice = notice;
            page(status, &*closed)
        }
        Err(error) => {
            tracing::error!(%error, hold = %id, "a call cannot be shown");
            let detail = "the call cannot be shown; the gateway's log says why";
            let no = No::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail);
            sorry(site, (Some(visitor), headers), &no)
        }
    }
}

/// It blocks.
fn make(site: &Site, visitor: &Visitor, headers: &HeaderMap, view: &HoldView) -> Made {
    let live = changes_from_now(site);
    // As it is now, or what happened since it was looked up would not be heard of.
    let now = site.desk().hold(view.hold.id);
    let view = now.as_ref().unwrap_or(view);
    let hold = &view.hold;
    let path = format!("/holds/{}", hold.id);
    let asked = asked(site, view);
    let is_pending = hold.state.is_pending();
    let title = if is_pending { "A call waits" } else { "A call that was decided" };
    let wanted = Wanted { title, place: Place::Inbox, path: &path };
    let mut shell = shell(site, Some(visitor), headers, wanted);
    let (votes, remarks) = (votes(hold), remarks(hold));
    if !is_pending {
        let closed = closed(site, view);
        let token = |words: &[&str]| visitor.sign_in.form_token(site.key(), words);
        let is_in_time = matches!(hold.state, HoldState::Granted { .. });
        // What was granted is made, or not, while somebody looks.
        shell.live = is_in_time.then_some(live);
        let take_back = is_in_time.then(|| token(&["take-back", &hold.id.to_string()]));
        let widening = widening(site, visitor, view, &asked);
        let ask = asked.ask;
        let page = DecidedPage { shell, ask, closed, votes, remarks, take_back, widening };
        return Made::Closed(Box::new(page));
    }
    shell.live = Some(live);
    let digest = view_digest(&asked.ask).unwrap_or(Digest([0; 32]));
    let seen = digest.to_string();
    let forms = Forms { site, visitor, view };
    let progress = forms.progress(votes, remarks);
    let deciding = forms.deciding(&asked, digest);
    Made::Waiting(
        Box::new(HoldPage {
            shell,
            shown: shown_now(site, visitor, (&hold.id.to_string(), &seen)),
            ask: asked.ask,
            view: seen,
            progress,
            deciding,
            comment: forms.token(&["comment", &hold.id.to_string()]),
            glass: forms.glass(),
        }),
        digest,
    )
}

/// A page that was sent now, as its forms say it.
fn shown_now(site: &Site, visitor: &Visitor, (call, view): (&str, &str)) -> String {
    let now = site.now().micros().to_string();
    let mac = visitor.sign_in.form_token(site.key(), &["shown", call, view, &now]);
    format!("{now}.{mac}")
}

/// When a page was sent that has this view, if we sent it to this sign-in.
pub(super) fn shown_at(
    site: &Site,
    visitor: &Visitor,
    (call, view, shown): (&str, &str, &str),
) -> Option<Timestamp> {
    let (at, mac) = shown.split_once('.')?;
    let is_ours = visitor.sign_in.is_form_token(site.key(), &["shown", call, view, at], mac);
    is_ours.then(|| at.parse().ok().map(Timestamp::from_micros)).flatten()
}

struct Forms<'a> {
    site: &'a Site,
    visitor: &'a Visitor,
    view: &'a HoldView,
}

impl Forms<'_> {
    fn token(&self, words: &[&str]) -> String {
        self.visitor.sign_in.form_token(self.site.key(), words)
    }

    /// The token of a form about the version that is decided on.
    fn bound(&self, action: &str, verdict: &[&str]) -> String {
        let hold = &self.view.hold;
        let (call, digest) = (hold.id.to_string(), hold.digest.to_string());
        let version = hold.version.to_string();
        self.token(&[&[action, &call, &version, &digest], verdict].concat())
    }

    fn glass(&self) -> Option<String> {
        let mut roles = self.visitor.profile.roles.iter();
        let may =
            roles.any(|role| self.site.parts().break_glass.iter().any(|it| **it == *role.text()));
        may.then(|| self.bound("break-glass", &[]))
    }

    /// The forms that decide, or why this person has none.
    fn deciding(&self, asked: &Asked, shown: Digest) -> Result<Deciding, String> {
        let hold = &self.view.hold;
        let voter = self.visitor.voter(Channel::Web);
        let (roster, now) = (self.site.desk().roster(), self.site.now());
        if has_voted(self.view, &voter) {
            return Err("You have voted on this call.".to_owned());
        }
        let voice = voice(self.view, &voter, (&roster, now)).map_err(|why| sentence(&why))?;
        let bytes = asked.bytes.as_ref().map_err(|why| {
            format!("What would run cannot be shown: {why}. Nobody can approve what nobody sees.")
        })?;
        let is_critical = asked.ask.tier == Tier::Critical;
        let challenge = challenge(&asked.ask.arguments).filter(|_| is_critical);
        let can_edit = hold.fact.rule.edit && hold.fact.operation == Operation::ExecuteTool;
        let editable = can_edit.then(|| String::from_utf8(bytes.clone()).ok()).flatten();
        let approval = Approval {
            call: hold.id,
            digest: hold.digest,
            version: hold.version,
            view: Some(shown),
            for_person: voice.as_deref(),
        };
        let signing = signing(self.site, self.visitor, (hold, approval));
        Ok(Deciding {
            signing: signing.map_err(|why| sentence(&why)),
            tokens: Tokens {
                approve: self.bound("vote", &["approve"]),
                reject: self.bound("vote", &["reject"]),
                edit: self.bound("edit", &[]),
            },
            reason_required: hold.fact.rule.reason,
            challenge: challenge
                .map(|(name, _)| Challenge { what: format!("the value of “{name}”") }),
            editable,
            for_person: voice.map(|email| Label::name(&email)),
        })
    }

    fn progress(&self, votes: Vec<Vote>, remarks: Vec<Remark>) -> Progress {
        let hold = &self.view.hold;
        let standing = hold.standing();
        let have = |filter: &Filter| {
            let meant = standing.iter().filter(|(_, vote)| {
                vote.vote == Verdict::Approve && Seat::of(vote).is_meant(filter)
            });
            u32::try_from(meant.count()).unwrap_or(u32::MAX)
        };
        let thresholds = hold.fact.rule.approvers.iter().flatten().map(|it| Threshold {
            who: Label::of(&it.filter.to_string()),
            have: have(&it.filter).min(it.approve),
            need: it.approve,
            refuse: it.deny.max(1),
        });
        Progress {
            version: hold.version,
            votes,
            thresholds: thresholds.collect(),
            expires: Moment::of(hold.fact.expires),
            left: distance(self.site.now(), hold.fact.expires),
            needs: self.view.progress.words(),
            attended: self.attended(),
            remarks,
        }
    }

    fn attended(&self) -> String {
        if self.view.waiting > 0 {
            return "The agent waits for the answer.".to_owned();
        }
        let minutes = self.view.hold.fact.rule.claim_s.div_ceil(60);
        format!(
            "The agent was told to ask again; nobody waits at the moment. Once approved, the call \
             is made if the agent asks for it again within {minutes} minutes."
        )
    }
}

fn votes(hold: &Hold) -> Vec<Vote> {
    hold.votes.iter().map(vote).collect()
}

fn vote(cast: &Cast) -> Vote {
    let fact = &cast.fact;
    let by = match &fact.for_person {
        Some(other) => format!("{} for {}", fact.by.email, other.email),
        None => fact.by.email.to_string(),
    };
    let channel = match fact.channel {
        Channel::Web if fact.assertion.is_some() => "on this page, signed with their passkey",
        Channel::Web => "on this page",
        Channel::Api => "by a program",
        Channel::Cli => "on the command line, with the operator's key",
    };
    Vote {
        by: Label::name(&by),
        approves: fact.vote == Verdict::Approve,
        when: Moment::of(cast.at),
        comment: Label::of(fact.reason.as_deref().unwrap_or_default()),
        assurance: if cast.is_void { "void: it counts for nothing any more" } else { channel },
    }
}

fn remarks(hold: &Hold) -> Vec<Remark> {
    let said = hold.comments.iter().map(|said| Remark {
        by: Label::name(&said.fact.by.email),
        when: Moment::of(said.at),
        text: Label::of(&said.fact.text),
    });
    said.collect()
}

fn closed(site: &Site, view: &HoldView) -> Closed {
    let hold = &view.hold;
    let (kind, after) = match &hold.state {
        HoldState::Granted { claim_until, break_glass, .. } => {
            let until = Moment::of(*claim_until).said;
            let left = distance(site.now(), *claim_until);
            let after = if view.is_being_made || view.waiting > 0 {
                "The agent waits for it; it is being made.".to_owned()
            } else {
                format!(
                    "It was not made yet. It is when the agent asks for it again, until {until} \
                     ({left})."
                )
            };
            (
                if break_glass.is_some() { ClosedKind::BrokenGlass } else { ClosedKind::Granted },
                after,
            )
        }
        HoldState::Dispatched { at, .. } => {
            (ClosedKind::Granted, format!("It was made at {}, once.", Moment::of(*at).said))
        }
        HoldState::Refused { until, .. } => {
            let until = Moment::of(*until).said;
            (ClosedKind::Refused, format!("The same call gets this answer until {until}."))
        }
        HoldState::Expired { granted: true, .. } => {
            (ClosedKind::Expired, "It was approved, and not made in time.".to_owned())
        }
        HoldState::Expired { granted: false, .. } => {
            (ClosedKind::Expired, "Nobody decided in time.".to_owned())
        }
        HoldState::Withdrawn { .. } => (ClosedKind::Withdrawn, "It will not be made.".to_owned()),
        HoldState::Pending => (ClosedKind::Withdrawn, String::new()),
    };
    let last = hold.standing().last().map(|(_, vote)| *vote);
    let reason = match &hold.state {
        HoldState::Withdrawn { reason, .. } => reason.clone(),
        HoldState::Granted { break_glass: Some(broken), .. } => broken.reason.clone(),
        HoldState::Granted { break_glass: None, .. }
        | HoldState::Refused { .. }
        | HoldState::Dispatched { .. } => {
            last.and_then(|vote| vote.reason.clone()).unwrap_or_default()
        }
        HoldState::Pending | HoldState::Expired { .. } => String::new(),
    };
    let view = last.and_then(|vote| vote.view.as_ref()).map(|view| view.digest.to_string());
    Closed {
        kind,
        by: Label::name(&deciders(hold)),
        when: Moment::of(ended(hold)),
        reason: Label::of(&reason),
        after,
        view,
    }
}
