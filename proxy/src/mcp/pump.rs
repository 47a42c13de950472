//! Moves the event stream of an upstream to an agent, each frame as it came, and holds the frame
//! with the awaited response back until the outcome is on record. It opens no stream itself.

use std::sync::Arc;

use bytes::Bytes;
use events::{FailureReason, Relay};
use tokio::sync::watch;

use crate::body::Pieces;
use crate::catalogue::{Catalogue, visible};
use crate::json::{self, Limits};
use crate::memory::Memory;
use crate::sse::{self, Fields, Frame, Parser};

use super::awaited::{Awaited, Place};
use super::clerk::{Call, Clerk, Failure, Talk};
use super::envelope::{Kind, Message};
use super::open_calls::{List, OpenCalls};
use super::reading::{Reading, too_large};
use super::reply::{Refusal, event};

/// What every stream needs.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) clerk: Clerk,
    pub(crate) calls: Arc<OpenCalls>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) limits: Arc<crate::config::Limits>,
    pub(crate) memory: Memory,
    /// Becomes true when the gateway stops; streams that nothing is awaited on then end.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// One stream under way.
pub(crate) struct Pump {
    pub(crate) bench: Bench,
    pub(crate) talk: Talk,
    pub(crate) status: u16,
    pub(crate) awaited: Option<Awaited>,
    pub(crate) modern: bool,
    pub(crate) pieces: Pieces,
    /// Whether the agent still listens.
    pub(crate) heard: bool,
}

/// A call whose response has come.
struct Answered {
    list: List,
    call: Call,
    /// All of its answer.
    answer: Vec<u8>,
}

/// Why a stream is not read on.
enum Stop {
    /// The answer is useless.
    Failed(Failure),
    /// The agent has gone, and nobody needs the rest.
    Unheard,
    /// The ledger does not record; the request with this id gets this error.
    Unrecorded(Option<(String, Refusal)>),
    /// The gateway stops, and nothing is awaited that will ever come.
    Stopping,
}

/// Returns when nothing is awaited any more that was.
async fn over(awaited: Option<&Awaited>) {
    match awaited {
        Some(awaited) => awaited.over().await,
        None => std::future::pending().await,
    }
}

impl Pump {
    /// Reads the stream to its end. Where it does not end as it should, the agent's breaks off with
    /// the pump.
    pub(crate) async fn run(mut self, mut reading: Reading) {
        let mut parser = Parser::new(self.bench.limits.answer_bytes_max);
        let mut ended = self.read(&mut reading, &mut parser).await;
        let (last, rest) = parser.finish();
        if let (Ok(()), Some(frame)) = (&ended, last) {
            ended = self.frame(frame).await;
        }
        match ended {
            Ok(()) => {
                let detail = "the stream ended without the response";
                match self.finish(Failure::new(FailureReason::Truncated, detail)).await {
                    // Behind half a frame nobody could read it.
                    Some(told) => self.tell(told).await,
                    None if rest.is_empty() => {}
                    None => drop(self.release(rest).await),
                }
                // Who missed a part of it must not take it for whole.
                if self.heard {
                    self.pieces.end();
                }
            }
            Err(Stop::Failed(failure)) => {
                if let Some(told) = self.finish(failure).await {
                    self.tell(told).await;
                }
            }
            Err(Stop::Unheard) => {
                if let Some((call, answer)) = self.take_call() {
                    call.cancel("the agent closed the stream", &answer).await;
                }
            }
            // A subscription is given up with the pump, and that is recorded.
            Err(Stop::Stopping) => {
                drop(self.take_call());
                self.pieces.end();
            }
            Err(Stop::Unrecorded(told)) => {
                drop(self.take_call());
                if let Some(told) = told {
                    self.tell(told).await;
                }
            }
        }
    }

    async fn read(&mut self, reading: &mut Reading, parser: &mut Parser) -> Result<(), Stop> {
        let pieces = self.pieces.clone();
        let mut stopping = self.bench.stopping.clone();
        loop {
            // Only a stream that nothing is awaited on, or that is of the modern era, ends with its
            // agent: in the legacy era to disconnect is not to cancel.
            let with_agent = self.modern || self.awaited.is_none();
            let with_gateway = self.awaited.as_ref().is_none_or(Awaited::is_listening);
            let piece = tokio::select! {
                piece = reading.next() => piece.map_err(Stop::Failed)?,
                () = pieces.closed(), if with_agent => return Err(Stop::Unheard),
                _ = stopping.wait_for(|stop| *stop), if with_gateway => return Err(Stop::Stopping),
                () = over(self.awaited.as_ref()) => {
                    self.awaited = None;
                    continue;
                }
            };
            let Some(piece) = piece else { return Ok(()) };
            parser.feed(&piece);
            loop {
                let frame = parser.next_frame();
                let too_long = |_| Stop::Failed(too_large(self.bench.limits.answer_bytes_max));
                match frame.map_err(too_long)? {
                    Some(frame) => self.frame(frame).await?,
                    None => break,
                }
            }
        }
    }

    /// Passes one frame on, after what must be on record first.
    async fn frame(&mut self, frame: Frame) -> Result<(), Stop> {
        self.keep(&frame).await?;
        let Some(data) = frame.fields.data.as_deref().filter(|data| !data.is_empty()) else {
            return self.release(frame.raw).await;
        };
        let limits = Limits { depth_max: self.bench.limits.json_depth_max };
        let message = match Message::read(data.as_bytes(), limits) {
            Ok(message) => message,
            Err(malformed) => {
                let detail = format!("the upstream sent what is no message: {malformed}");
                return Err(Stop::Failed(Failure::new(FailureReason::Garbled, detail)));
            }
        };
        match &message.kind {
            Kind::Response { id: Some(id), .. } => {
                if let Some(answered) = self.call_for(id, &frame) {
                    return self.response(&frame, &message, answered).await;
                }
                self.relay(&message).await?;
            }
            // What comes in the course of a call is part of its answer, as the outcome has it.
            Kind::Notification { .. }
                if self.awaited.as_ref().is_some_and(|awaited| !awaited.is_listening()) => {}
            Kind::Response { .. } | Kind::Request { .. } | Kind::Notification { .. } => {
                self.relay(&message).await?;
            }
        }
        self.release(frame.raw).await
    }

    /// Gives a call its outcome, then releases the frame that answers it.
    async fn response(
        &mut self,
        frame: &Frame,
        message: &Message<'_>,
        Answered { list, call, answer }: Answered,
    ) -> Result<(), Stop> {
        let completed = call.complete(self.status, Some(message), &answer).await;
        let noted = completed
            .map_err(|refusal| Stop::Unrecorded(message.id().map(|id| (id.to_owned(), refusal))))?;
        self.awaited.take_if(|awaited| message.answers(&awaited.wanted.id));
        let released = match noted {
            Some(noted) => Some(noted),
            None => shown(&self.bench, &self.talk, list, message).await,
        };
        let raw = match released {
            None => frame.raw.clone(),
            Some(text) => {
                let fields = Fields { data: Some(text), ..frame.fields.clone() };
                sse::write(&fields).map_err(|_| Stop::Unrecorded(None))?
            }
        };
        self.release(raw).await
    }

    /// The open call that a response with this id answers.
    fn call_for(&mut self, id: &str, frame: &Frame) -> Option<Answered> {
        if let Some(awaited) = self.awaited.as_mut().filter(|awaited| awaited.wanted.id == id) {
            let call = awaited.take(&self.bench.calls)?;
            return Some(Answered {
                list: awaited.wanted.list(),
                call,
                answer: awaited.parts.take(),
            });
        }
        let session = self.talk.session.as_deref()?;
        let key = (self.talk.server.to_string(), session.to_owned(), id.to_owned());
        // The response comes on another stream than what came before it.
        let (call, wanted, parts) = self.bench.calls.take(&key)?;
        let mut answer = parts.take();
        answer.extend_from_slice(&frame.raw);
        Some(Answered { list: wanted.list(), call, answer })
    }

    async fn relay(&self, message: &Message<'_>) -> Result<(), Stop> {
        let call = self.awaited.as_ref().and_then(Awaited::held);
        let said = (message.method(), message.text.as_bytes());
        let relayed = self.bench.clerk.relay(&self.talk, Relay::ToAgent, call, said).await;
        relayed.map(drop).map_err(|_| {
            let awaited = self.awaited.as_ref().map(|awaited| awaited.wanted.id.clone());
            Stop::Unrecorded(awaited.map(|id| (id, Refusal::withheld())))
        })
    }

    async fn keep(&mut self, frame: &Frame) -> Result<(), Stop> {
        let awaited = self.awaited.as_mut().filter(|awaited| !awaited.is_listening());
        let Some(awaited) = awaited else { return Ok(()) };
        let bytes_max = self.bench.limits.answer_bytes_max;
        awaited.keep(frame, bytes_max).await.map_err(Stop::Failed)
    }

    /// Hands bytes to the agent. One that takes none for as long as an upstream may be silent
    /// counts as gone.
    async fn release(&mut self, raw: Bytes) -> Result<(), Stop> {
        let patience = self.bench.limits.upstream_idle_timeout;
        if self.heard && self.pieces.send_within(raw, patience).await.is_err() {
            self.heard = false;
        }
        if self.heard || (!self.modern && self.awaited.is_some()) {
            return Ok(());
        }
        Err(Stop::Unheard)
    }

    fn take_call(&mut self) -> Option<(Call, Vec<u8>)> {
        let mut awaited = self.awaited.take()?;
        let call = awaited.take(&self.bench.calls)?;
        Some((call, awaited.parts.take()))
    }

    /// Answers the request with this id by an error.
    async fn tell(&mut self, (id, refusal): (String, Refusal)) {
        drop(self.release(event(&refusal.body(Some(&id)))).await);
    }

    /// Gives the awaited call its outcome when the stream ended without the response: at once, and
    /// then says what its agent is told; or, where the agent may resume the stream, when nothing
    /// has come in the time allowed. Where another stream may bring the response, it is that one's
    /// matter.
    async fn finish(&mut self, failure: Failure) -> Option<(String, Refusal)> {
        let awaited = self.awaited.as_ref()?;
        let id = awaited.wanted.id.clone();
        let resumable = awaited.parts.are_resumable() && failure.reason != FailureReason::Garbled;
        let Place::Shared(key, _) = &awaited.place else {
            let (call, answer) = self.take_call()?;
            return Some((id, call.fail(failure, &answer).await));
        };
        let (key, calls) = (key.clone(), Arc::clone(&self.bench.calls));
        let begun = calls.leave(&key)?;
        if !resumable {
            let (call, _, parts) = calls.take_left(&key, begun)?;
            return Some((id, call.fail(failure, &parts.take()).await));
        }
        let bench = self.bench.clone();
        self.bench.clerk.gate().tasks.spawn(async move {
            let mut stopping = bench.stopping.clone();
            tokio::select! {
                () = tokio::time::sleep(bench.limits.upstream_idle_timeout) => {}
                _ = stopping.wait_for(|stop| *stop) => {}
            }
            if let Some((call, _, parts)) = calls.take_left(&key, begun) {
                drop(call.fail(failure, &parts.take()).await);
            }
        });
        None
    }
}

/// What an agent gets in place of a response's text; `None` when it gets it as it is. Notes what a
/// list of tools says.
pub(crate) async fn shown(
    bench: &Bench,
    talk: &Talk,
    list: List,
    response: &Message<'_>,
) -> Option<String> {
    if list == List::None {
        return None;
    }
    let result = response.value(&["result"])?;
    json::find(result, &["tools"])?;
    let whole = list == List::Whole && json::find(result, &["nextCursor"]).is_none();
    bench.clerk.note_tools(bench.catalogue.observe(&talk.server, result, whole)).await;
    let cut = visible(result, |tool| bench.clerk.shows(&talk.caller, &talk.server, tool));
    if cut == result {
        return None;
    }
    json::set(response.text, &["result"], &cut).ok()
}
