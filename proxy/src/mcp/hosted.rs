//! One request to an endpoint whose server the gateway itself is: sessions, streams, responses and
//! notifications. Requests go on to the merged answers or straight to the one server.

use std::sync::Arc;

use events::Relay;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use tokio::sync::oneshot;

use crate::json;
use crate::problem::ErrorCode;

use super::carrier::NoResponse;
use super::clerk::Talk;
use super::connect::Visitor;
use super::envelope::{INVALID_PARAMS, INVALID_REQUEST, Kind, Message};
use super::errand::{To, status};
use super::headers::{MODERN, VERSION, single};
use super::host::{Host, Open, Session, mirrored};
use super::http_line::Era;
use super::merged_text::outward_message;
use super::open_calls::Wanted;
use super::passage::Sent;
use super::pump::shown;
use super::reply::{Refusal, Reply, empty_reply};
use super::speaker::Speaker;

/// The versions with sessions.
const VERSIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// JSON-RPC: the version asked for is not spoken here.
const UNSUPPORTED_VERSION: i64 = -32022;

impl Host {
    /// Answers one request.
    pub(crate) async fn serve(self: Arc<Self>, sent: Sent) -> Result<Reply, Refusal> {
        if sent.method != Method::POST {
            return self.stream_or_end(sent).await;
        }
        let body = sent.body.clone();
        let message = Message::read(&body, self.limits())
            .map_err(|malformed| Refusal::malformed(malformed.code, malformed.detail))?;
        if let Kind::Request { .. } = message.kind {
            return self.ask(sent, &message).await;
        }
        self.to_the_end(async move |host| host.said(&sent).await).await
    }

    /// Does something in a task of its own: what is on record as said reaches the servers, even if
    /// the agent does not wait.
    async fn to_the_end<F>(
        self: Arc<Self>,
        what: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<Reply, Refusal>
    where
        F: Future<Output = Result<Reply, Refusal>> + Send + 'static,
    {
        let (done, answer) = oneshot::channel();
        let doing = what(Arc::clone(&self));
        self.bench.clerk.gate().tasks.spawn(async move { drop(done.send(doing.await)) });
        answer.await.unwrap_or_else(|_| {
            Err(Refusal::new(ErrorCode::Internal, "it ended without an answer"))
        })
    }

    /// A notification, or the answer to a server's question.
    async fn said(&self, sent: &Sent) -> Result<Reply, Refusal> {
        let message = Message::read(&sent.body, self.limits())
            .map_err(|malformed| Refusal::malformed(malformed.code, malformed.detail))?;
        let visitor = self.visitor(sent)?;
        match &message.kind {
            Kind::Response { id: Some(id), .. } => self.answer(&visitor, &message, id).await?,
            Kind::Response { id: None, .. } | Kind::Request { .. } => {}
            Kind::Notification { .. } => self.notify(&visitor, &message).await?,
        }
        Ok(empty_reply(StatusCode::ACCEPTED))
    }

    fn visitor(&self, sent: &Sent) -> Result<Visitor, Refusal> {
        let session = if sent.modern { None } else { Some(self.find(&sent.talk)?) };
        if session.is_some()
            && single(&sent.headers, &VERSION).is_some_and(|version| !VERSIONS.contains(&version))
        {
            let detail = "the header `MCP-Protocol-Version` names no version with sessions";
            return Err(Refusal::malformed(INVALID_REQUEST, detail));
        }
        Ok(Visitor { talk: sent.talk.clone(), session, extra: mirrored(&sent.headers) })
    }

    /// A request runs in a task of its own, because it goes on when a legacy agent has gone.
    async fn ask(self: Arc<Self>, sent: Sent, message: &Message<'_>) -> Result<Reply, Refusal> {
        let opens = message.asks("initialize");
        let visitor = if opens {
            let hello = message.value(&["params"]).unwrap_or("{}");
            let session = Session::new(&sent.talk.caller, hello)?;
            let talk = Talk { session: Some(Arc::clone(&session.id)), ..sent.talk.clone() };
            Visitor { talk, session: Some(session), extra: mirrored(&sent.headers) }
        } else {
            self.visitor(&sent)?
        };
        if visitor.is_modern() && !self.is_plain() {
            fits(message)?;
        }
        let (speaker, answer) = Speaker::new();
        let tasks = self.bench.clerk.gate().tasks.clone();
        let body = sent.body.clone();
        tasks.spawn(async move {
            let Ok(message) = Message::read(&body, self.limits()) else { return };
            if self.is_plain() {
                self.plain(&visitor, &message, speaker).await;
            } else {
                self.merged(&visitor, &message, speaker).await;
            }
            drop(sent);
        });
        answer.await.unwrap_or_else(|_| {
            Err(Refusal::new(ErrorCode::Internal, "the call ended without an answer"))
        })
    }

    /// A request to the one server, passed on as it is.
    async fn plain(&self, visitor: &Visitor, message: &Message<'_>, mut speaker: Speaker) {
        let id = message.id().unwrap_or("null").to_owned();
        let opens = message.asks("initialize");
        let open = match self.plain_line(visitor, opens).await {
            Ok(open) => open,
            Err(refusal) => return speaker.refuse(refusal, &id).await,
        };
        let to = To { member: 0, open: &open, exposed: None };
        let carried = match self.carry(visitor, to, message, Some(&mut speaker)).await {
            Ok(carried) => carried,
            Err(NoResponse::Cancelled) => return speaker.end(),
            Err(NoResponse::Refused(refusal) | NoResponse::SessionGone(refusal)) => {
                return speaker.refuse(refusal, &id).await;
            }
        };
        let Ok(response) = Message::read(carried.text.as_bytes(), self.limits()) else { return };
        if let (true, Some(session), Some(_)) =
            (opens, &visitor.session, response.value(&["result"]))
        {
            speaker.session = http::HeaderValue::from_str(&session.id).ok();
            self.keep(Arc::clone(session));
        }
        let list = Wanted::of(message).map(|wanted| wanted.list());
        let talk = self.talk(visitor, 0);
        let text = match list {
            Some(list) => shown(&self.bench, &talk, list, &response).await,
            None => None,
        };
        let status = status(&response, visitor.is_modern(), carried.status);
        speaker.finish(status, text.unwrap_or_else(|| carried.text.clone())).await;
    }

    /// The process of a session, which begins with it and ends it; or the one that all requests
    /// without a session share.
    async fn plain_line(&self, visitor: &Visitor, opens: bool) -> Result<Arc<Open>, Refusal> {
        let slot = self.slot(visitor.session.as_deref(), &visitor.talk.caller, 0);
        let mut place = slot.0.lock().await;
        if let Some(open) = place.as_ref().filter(|open| open.line.is_open()) {
            return Ok(Arc::clone(open));
        }
        if let (false, Some(session)) = (opens, &visitor.session) {
            // What the process knew of the session is lost with it.
            self.lose(session);
            return Err(Refusal::no_session());
        }
        let (mut line, said) = self.line(visitor.session.as_ref(), 0).await?;
        if visitor.is_modern() {
            line.agree(Era::Modern);
        }
        let open = Arc::new(Open::new(line, "{}".to_owned()));
        self.attend(visitor.session.as_ref(), &open, said, (self.talk(visitor, 0), 0));
        *place = Some(Arc::clone(&open));
        Ok(open)
    }

    /// A response of the agent to a server's question.
    async fn answer(
        &self,
        visitor: &Visitor,
        message: &Message<'_>,
        id: &str,
    ) -> Result<(), Refusal> {
        let Some(session) = &visitor.session else { return Ok(()) };
        let Some((member, own)) = session.floor.answered(id) else {
            let detail = format!("nobody asked a question with the id {id}");
            return Err(Refusal::malformed(INVALID_REQUEST, detail));
        };
        let text =
            json::set(message.text, &["id"], &own).unwrap_or_else(|_| message.text.to_owned());
        self.tell(visitor, member, &text).await
    }

    /// A notification of the agent.
    async fn notify(&self, visitor: &Visitor, message: &Message<'_>) -> Result<(), Refusal> {
        let floor = visitor.session.as_ref().map(|session| &session.floor);
        if message.method() == "notifications/cancelled" {
            let path = ["params", "requestId"];
            let working = floor.and_then(|floor| floor.working(message.value(&path)?));
            let Some((member, own)) = working else { return Ok(()) };
            // A server that does not listen must not keep the call open.
            if let (Some(floor), Some(id)) = (floor, message.value(&path)) {
                floor.cancel(id);
            }
            let text = json::set(message.text, &path, &own);
            return self.tell(visitor, member, &text.unwrap_or_default()).await;
        }
        // Every line of a merged session had a handshake of its own.
        if message.method() == "notifications/initialized" && !self.is_plain() {
            return Ok(());
        }
        let telling = (0..self.members.len()).map(|it| self.tell(visitor, it, message.text));
        join_all(telling).await.into_iter().collect()
    }

    /// Tells a server something, if there is a line to it.
    async fn tell(&self, visitor: &Visitor, member: usize, text: &str) -> Result<(), Refusal> {
        let slot = self.slot(visitor.session.as_deref(), &visitor.talk.caller, member);
        let open = slot.0.lock().await.as_ref().filter(|open| open.line.is_open()).map(Arc::clone);
        let Some(open) = open else { return Ok(()) };
        let message = Message::read(text.as_bytes(), self.limits())
            .map_err(|malformed| Refusal::malformed(malformed.code, malformed.detail))?;
        let talk = self.talk(visitor, member);
        let said = (message.method(), text.as_bytes());
        let permit = self.bench.clerk.relay(&talk, Relay::ToUpstream, None, said).await?;
        open.line.tell(permit, &message).await.map_err(|failure| failure.refusal())
    }

    /// GET opens the stream of what servers say unasked, DELETE ends the session.
    async fn stream_or_end(self: Arc<Self>, sent: Sent) -> Result<Reply, Refusal> {
        if sent.modern {
            let detail = "requests of this version have no sessions and no stream of their own";
            return Err(Refusal::new(ErrorCode::MethodNotAllowed, detail));
        }
        let session = self.find(&sent.talk)?;
        if sent.method == Method::DELETE {
            let forgetting = async move |host: Arc<Self>| {
                host.forget(&session, &sent.talk).await;
                Ok(empty_reply(StatusCode::OK))
            };
            return self.to_the_end(forgetting).await;
        }
        let (speaker, answer) = Speaker::new();
        tokio::spawn(self.speak_unasked(session, sent.talk, speaker));
        answer.await.unwrap_or_else(|_| {
            Err(Refusal::new(ErrorCode::Internal, "the stream ended before it began"))
        })
    }

    async fn speak_unasked(
        self: Arc<Self>,
        session: Arc<Session>,
        talk: Talk,
        mut speaker: Speaker,
    ) {
        let floor = Arc::clone(&session.floor);
        let mut ended = session.ended();
        drop(session); // the stream alone does not keep it
        let mut stopping = self.bench.stopping.clone();
        speaker.comment().await;
        loop {
            let unasked = tokio::select! {
                unasked = floor.next() => unasked,
                () = speaker.gone() => return,
                _ = ended.changed() => return speaker.end(),
                _ = stopping.wait_for(|stop| *stop) => return speaker.end(),
            };
            let Ok(message) = Message::read(unasked.text.as_bytes(), self.limits()) else {
                continue;
            };
            let Some(member) = self.members.get(unasked.member) else { continue };
            let talk = Talk { server: Arc::clone(&member.name), ..talk.clone() };
            let said = (message.method(), message.text.as_bytes());
            if self.bench.clerk.relay(&talk, Relay::ToAgent, None, said).await.is_err() {
                return;
            }
            let Some(text) = floor.outward(&unasked, self.limits()) else { continue };
            let text = if self.is_plain() { text } else { outward_message(&text, &talk.server) };
            speaker.say(&text).await;
        }
    }
}

/// Fails for a modern request that lacks what every one must have.
fn fits(message: &Message<'_>) -> Result<(), Refusal> {
    let Some(version) = message.meta_version() else {
        let detail = "`_meta` lacks the protocol version";
        return Err(Refusal::malformed(INVALID_PARAMS, detail));
    };
    if version != MODERN {
        let refusal = Refusal::malformed(UNSUPPORTED_VERSION, "unsupported protocol version");
        return Err(refusal.explained("supported", vec![MODERN]).explained("requested", version));
    }
    let path = ["params", "_meta", super::envelope::META_CAPABILITIES];
    if message.value(&path).is_none() {
        let detail = "`_meta` lacks the client's capabilities";
        return Err(Refusal::malformed(INVALID_PARAMS, detail));
    }
    Ok(())
}
