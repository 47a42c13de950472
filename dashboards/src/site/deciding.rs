//! What people do with a hold: vote, change it, say something, break the glass, take it back. Each
//! form is good for one person, one version and one verdict.

use super::Site;
use super::asked::{challenge, what_runs};
use super::exact::payload;
use super::frame::{sender, sorry, to};
use super::hold_pages::{find, fresh, shown_at};
use super::passkeys::signed;
use super::refused::No;
use super::visitor::{Visitor, has_voted, voice};
use crate::truth::Arguments;
use approvals::{Ballot, CommandError, Edit, HoldView, Standing, Voter};
use axum::Router;
use axum::extract::{Form, Path, State};
use axum::response::Response;
use axum::routing::post;
use events::{Assertion, CallId, Channel, Digest, Risk, Timestamp, View, Vote};
use http::{HeaderMap, StatusCode};
use std::sync::Arc;

/// The routes below `/holds/{call}`.
pub(super) fn routes(site: &Site) -> Router {
    Router::new()
        .route("/holds/{call}/vote", post(vote))
        .route("/holds/{call}/comment", post(comment))
        .route("/holds/{call}/edit", post(edit))
        .route("/holds/{call}/break-glass", post(break_glass))
        .route("/holds/{call}/take-back", post(take_back))
        .with_state(site.clone())
}

/// The fields of a form, of which some come more than once.
#[derive(Debug)]
pub(super) struct Fields(pub(super) Vec<(String, String)>);

impl Fields {
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn get<'a>(&'a self, name: &'a str) -> &'a str {
        self.all(name).next().unwrap_or_default()
    }

    /// What somebody wrote, where they did. Browsers write line ends as two characters.
    fn remark(&self) -> Option<String> {
        let text = self.get("comment").replace("\r\n", "\n");
        (!text.trim().is_empty()).then_some(text)
    }

    /// What an authenticator signed, where one did.
    fn assertion(&self) -> Option<Assertion> {
        let text = |name| self.get(name).to_owned();
        (!self.get("signature").is_empty()).then(|| Assertion {
            authenticator: text("authenticator"),
            client: text("client"),
            credential: self.get("credential").into(),
            nonce: text("nonce"),
            signature: text("signature"),
        })
    }
}

/// A form about a hold, from somebody who may see it.
pub(super) struct Sent<'a> {
    site: &'a Site,
    headers: &'a HeaderMap,
    visitor: Visitor,
    view: HoldView,
    path: String,
}

impl<'a> Sent<'a> {
    /// Checks that a page of ours sent the form, for this action.
    pub(super) async fn open(
        site: &'a Site,
        headers: &'a HeaderMap,
        (call, action): (&str, &str),
        (fields, verdict): (&Fields, Option<&str>),
    ) -> Result<Self, Response> {
        let path = format!("/holds/{call}/{action}");
        let bound = [action, call, fields.get("version"), fields.get("call")];
        let mut words: Vec<&str> = match action {
            "comment" | "take-back" | "grant" => vec![action, call],
            _ => bound.to_vec(),
        };
        words.extend(verdict);
        let visitor = sender(site, headers, (&path, &words, fields.get("csrf"))).await?;
        match find(site, &visitor, call) {
            Ok(view) => Ok(Self { site, headers, visitor, view, path }),
            Err(no) => {
                site.refused(Some(visitor.profile.person()), &format!("POST {path}"), &no).await;
                Err(sorry(site, (Some(&visitor), headers), &no))
            }
        }
    }

    /// The page as it is now, with why not; that is on record.
    pub(super) async fn refuse(self, no: No) -> Response {
        let by = Some(self.visitor.profile.person());
        self.site.refused(by, &format!("POST {}", self.path), &no).await;
        let Some(view) = self.site.desk().hold(self.view.hold.id) else {
            return sorry(self.site, (Some(&self.visitor), self.headers), &no);
        };
        fresh(self.site, (&self.visitor, self.headers), view, Some(&no)).await
    }

    async fn answer(self, done: Result<Standing, CommandError>) -> Response {
        match done {
            Ok(_) => to(&format!("/holds/{}", self.view.hold.id)),
            Err(error) => self.refuse(error.into()).await,
        }
    }

    /// What was on the screen, if we sent it.
    fn seen(&self, fields: &Fields, arguments: &Arguments) -> Result<View, No> {
        let (call, view) = (self.view.hold.id.to_string(), fields.get("view"));
        let shown = shown_at(self.site, &self.visitor, (&call, view, fields.get("shown")));
        let digest = digest(view);
        let (Some(at), Some(digest)) = (shown, digest) else {
            let detail = "the form does not say what was shown; read the page again";
            return Err(No::unprocessable("view_required", detail));
        };
        let sections: Vec<&str> = arguments.sections().collect();
        let opened = fields.all("opened").filter(|id| sections.contains(id));
        Ok(View {
            digest,
            open_ms: self.site.now().micros().saturating_sub(at.micros()) / 1000,
            opened: opened.map(Arc::from).collect(),
            sections: u32::try_from(sections.len()).unwrap_or(u32::MAX),
        })
    }

    /// What would run, as it is shown and as it is.
    pub(super) async fn what_runs(&self) -> Result<(Arguments, Vec<u8>), No> {
        let (site, hold) = (self.site.clone(), self.view.hold.clone());
        let (arguments, bytes) = tokio::task::spawn_blocking(move || what_runs(&site, &hold))
            .await
            .map_err(|error| internal(&error))?;
        let bytes = bytes.map_err(|why| {
            No::unprocessable("not_shown", format!("what would run cannot be shown: {why}"))
        })?;
        Ok((arguments, bytes))
    }

    async fn arguments(&self) -> Result<Arguments, No> {
        self.what_runs().await.map(|(arguments, _)| arguments)
    }

    pub(super) fn id(&self) -> CallId {
        self.view.hold.id
    }

    pub(super) fn now(&self) -> Timestamp {
        self.site.now()
    }

    pub(super) fn voter(&self, channel: Channel) -> Voter {
        self.visitor.voter(channel)
    }

    fn ballot(&self, fields: &Fields, (vote, view): (Vote, View)) -> Result<Ballot, No> {
        let stale = || {
            let detail = "the form does not say which version it is about; read the page again";
            No::unprocessable("view_required", detail)
        };
        let voter = self.visitor.voter(Channel::Web);
        let at = (&self.site.desk().roster(), self.site.now());
        Ok(Ballot {
            for_person: voice(&self.view, &voter, at).ok().flatten(),
            voter,
            vote,
            digest: digest(fields.get("call")).ok_or_else(stale)?,
            version: fields.get("version").parse().map_err(|_| stale())?,
            reason: fields.remark(),
            view: Some(view),
            assertion: None,
        })
    }

    /// Whether the form is about the version that is decided on: what else it says is compared with
    /// that one.
    fn is_current(&self, fields: &Fields) -> bool {
        let hold = &self.view.hold;
        fields.get("version") == hold.version.to_string()
            && fields.get("call") == hold.digest.to_string()
    }
}

fn digest(text: &str) -> Option<Digest> {
    serde_json::from_value(serde_json::Value::from(text)).ok()
}

fn internal(error: &dyn std::fmt::Display) -> No {
    tracing::error!(%error, "a form about a call is not carried out");
    let detail = "it could not be done; the gateway's log says why";
    No::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
}

/// Whether all that had to be opened was, and what had to be written is right.
fn read_well(risk: Risk, arguments: &Arguments, (view, written): (&View, &str)) -> Result<(), No> {
    let unread = arguments.sections().filter(|id| !view.opened.iter().any(|it| **it == **id));
    let count = unread.count();
    if count > 0 {
        let parts =
            if count == 1 { "1 part was".to_owned() } else { format!("{count} parts were") };
        let detail = format!("{parts} not opened: open what is folded, tick the box, then approve");
        return Err(No::unprocessable("not_read", detail));
    }
    let wanted = challenge(arguments).filter(|_| risk == Risk::Critical);
    match wanted {
        Some((name, value)) if value != written.trim() => {
            let detail = format!("what you wrote is not the value of “{name}”: compare them again");
            Err(No::unprocessable("not_compared", detail))
        }
        Some(_) | None => Ok(()),
    }
}

async fn vote(
    State(site): State<Site>,
    Path(call): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let fields = Fields(fields);
    let (vote, verdict) = match fields.get("verdict") {
        "approve" => (Vote::Approve, "approve"),
        _ => (Vote::Reject, "reject"),
    };
    let form = (&fields, Some(verdict));
    let sent = match Sent::open(&site, &headers, (&call, "vote"), form).await {
        Ok(sent) => sent,
        Err(answer) => return answer,
    };
    match prepared(&sent, &fields, vote).await {
        Ok(ballot) => {
            let done = site.desk().vote(sent.view.hold.id, ballot).await;
            sent.answer(done).await
        }
        Err(no) => sent.refuse(no).await,
    }
}

async fn prepared(sent: &Sent<'_>, fields: &Fields, vote: Vote) -> Result<Ballot, No> {
    let arguments = sent.arguments().await?;
    let view = sent.seen(fields, &arguments)?;
    if vote == Vote::Approve && sent.is_current(fields) {
        let risk = sent.view.hold.fact.rule.risk;
        read_well(risk, &arguments, (&view, fields.get("challenge")))?;
    }
    let ballot = sent.ballot(fields, (vote, view))?;
    // The same vote again changes nothing, and its signature has been counted.
    if vote == Vote::Reject || has_voted(&sent.view, &ballot.voter) || !sent.is_current(fields) {
        return Ok(ballot);
    }
    signed(sent.site, &sent.visitor, (&sent.view.hold, ballot), fields.assertion()).await
}

async fn break_glass(
    State(site): State<Site>,
    Path(call): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let fields = Fields(fields);
    let form = (&fields, None);
    let sent = match Sent::open(&site, &headers, (&call, "break-glass"), form).await {
        Ok(sent) => sent,
        Err(answer) => return answer,
    };
    if fields.get("sure") != "yes" {
        let no = No::unprocessable("not_sure", "tick that you answer for this");
        return sent.refuse(no).await;
    }
    let arguments = match sent.arguments().await {
        Ok(arguments) => arguments,
        Err(no) => return sent.refuse(no).await,
    };
    let view = sent.seen(&fields, &arguments);
    match view.and_then(|view| sent.ballot(&fields, (Vote::Approve, view))) {
        Ok(ballot) => {
            let ballot = Ballot { for_person: None, ..ballot };
            let done = site.desk().break_glass(sent.view.hold.id, ballot).await;
            sent.answer(done).await
        }
        Err(no) => sent.refuse(no).await,
    }
}

async fn comment(
    State(site): State<Site>,
    Path(call): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let fields = Fields(fields);
    let sent = match Sent::open(&site, &headers, (&call, "comment"), (&fields, None)).await {
        Ok(sent) => sent,
        Err(answer) => return answer,
    };
    let (voter, text) = (sent.visitor.voter(Channel::Web), fields.remark().unwrap_or_default());
    let done = site.desk().comment(sent.view.hold.id, voter, text).await;
    sent.answer(done).await
}

async fn take_back(
    State(site): State<Site>,
    Path(call): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let fields = Fields(fields);
    let sent = match Sent::open(&site, &headers, (&call, "take-back"), (&fields, None)).await {
        Ok(sent) => sent,
        Err(answer) => return answer,
    };
    let (voter, reason) = (sent.visitor.voter(Channel::Web), fields.remark().unwrap_or_default());
    let done = site.desk().take_back(sent.view.hold.id, voter, reason).await;
    sent.answer(done).await
}

async fn edit(
    State(site): State<Site>,
    Path(call): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let fields = Fields(fields);
    let sent = match Sent::open(&site, &headers, (&call, "edit"), (&fields, None)).await {
        Ok(sent) => sent,
        Err(answer) => return answer,
    };
    match edited(&sent, &fields).await {
        Ok(edit) => {
            let done = site.desk().edit(sent.view.hold.id, edit).await;
            sent.answer(done).await
        }
        Err(no) => sent.refuse(no).await,
    }
}

async fn edited(sent: &Sent<'_>, fields: &Fields) -> Result<Edit, No> {
    let hold = sent.view.hold.clone();
    if !hold.fact.rule.edit {
        return Err(CommandError::from(approvals::Refusal::EditForbidden).into());
    }
    let stale = || No::unprocessable("view_required", "read the page again");
    let (shown, version) = (
        digest(fields.get("call")).ok_or_else(stale)?,
        fields.get("version").parse().map_err(|_| stale())?,
    );
    let (site, text) = (sent.site.clone(), fields.get("arguments").to_owned());
    let work = move || {
        let request = payload(&site, hold.session, hold.request.as_ref())?;
        site.parts().backstage.edit(&hold, &request, &text)
    };
    let made = tokio::task::spawn_blocking(work).await.map_err(|error| internal(&error))?;
    let made = made.map_err(|why| No::unprocessable("edit_refused", why))?;
    Ok(Edit {
        voter: sent.visitor.voter(Channel::Web),
        shown,
        version,
        arguments: made.arguments,
        text: made.text,
        request: made.request,
        reason: fields.remark(),
    })
}
