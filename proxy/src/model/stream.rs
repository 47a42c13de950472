//! Streams: frames flow as they come, and the last one is withheld until the outcome is durable.

use super::answer::{answer, answer_problem, answered, completed};
use super::watch::Watch;
use super::{Models, Passing, Reply, refusal};
use crate::body::{Bounds, Pieces, ReceiveError, stream};
use crate::dialect::{Route, Step, StreamReader, error_frame};
use crate::gate::OpenCall;
use crate::memory::Held;
use crate::problem::{ErrorCode, Problem};
use crate::sse::{Fault, Frame, Parser};
use crate::upstream::returned;
use bytes::{Bytes, BytesMut};
use events::FailureReason;
use http::{HeaderValue, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::time::Duration;
use tokio::sync::oneshot;

/// The most bytes that one frame of a stream may have.
const FRAME_BYTES_MAX: usize = 8 << 20;

/// How long the rest of a stream is waited for once its last frame has come.
const AFTERMATH: Duration = Duration::from_millis(250);

/// How many bytes of ids, names and arguments are kept while reading a stream.
const KEPT_BYTES_MAX: usize = 4 << 20;

/// How often the bytes of a stream are held that is watched: whole, as frames, and as arguments.
const WATCHED_COPIES: usize = 3;

/// What clients pass over, said while people decide about the rest of a stream.
const WAITING: &[u8] = b": a person is asked about what follows\n\n";

/// How often that is said.
const WAITING_EVERY: Duration = Duration::from_secs(10);

/// How a stream ended.
enum End {
    /// With its last frame, which has not been released.
    Whole,
    /// Without it: the upstream closed properly, but too early.
    Truncated,
    /// The agent left.
    Abandoned,
    /// It broke.
    Failed(FailureReason, ErrorCode, String),
}

/// A stream on its way.
struct Relaying {
    route: Route,
    reader: StreamReader,
    parser: Parser,
    /// All bytes that came, for the record.
    whole: BytesMut,
    /// Frames from the first last one on.
    withheld: BytesMut,
    terminal: bool,
    held: Held,
    bounds: Bounds,
    /// Looks out for tool calls that may not be released, where policies want that.
    watch: Option<Watch>,
}

impl Models {
    pub(super) async fn relay_stream(
        &self,
        passing: &mut Passing,
        call: OpenCall,
        response: Response<Incoming>,
        reply: &mut Option<oneshot::Sender<Reply>>,
    ) -> Result<(), Problem> {
        let (head, body) = response.into_parts();
        let (pieces, to_agent) = stream();
        let mut response = Response::new(to_agent);
        *response.status_mut() = head.status;
        *response.headers_mut() = returned(&head.headers);
        if let Ok(id) = HeaderValue::from_str(&call.id().to_string()) {
            response.headers_mut().insert("countersign-call", id);
        }
        answer(reply, response);
        let watch = self.guard(passing, &call).and_then(Watch::new);
        let mut relaying = Relaying {
            route: passing.route,
            reader: StreamReader::new(passing.route, KEPT_BYTES_MAX),
            parser: Parser::new(FRAME_BYTES_MAX),
            whole: BytesMut::new(),
            withheld: BytesMut::new(),
            terminal: false,
            held: self.memory.hold_answer(),
            bounds: self.answer_bounds(),
            watch,
        };
        let end = relaying.run(body, &pieces).await;
        // From here on the agent has an answer, so what goes wrong is told within the stream.
        if let Err(problem) = relaying.conclude(end, call, head.status.as_u16(), pieces).await {
            tracing::error!(%problem, "a stream's end was withheld");
        }
        Ok(())
    }
}

impl Relaying {
    /// Passes frames on until the stream ends, all but the last.
    async fn run(&mut self, mut body: Incoming, pieces: &Pieces) -> End {
        loop {
            let patience = if self.terminal { AFTERMATH } else { self.bounds.timeout };
            let frame = tokio::select! {
                frame = tokio::time::timeout(patience, body.frame()) => frame,
                () = pieces.closed() => return End::Abandoned,
            };
            let data = match frame {
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => data,
                    Err(_) => continue,
                },
                Ok(None) => return self.ended(pieces).await,
                _ if self.terminal => return End::Whole,
                Ok(Some(Err(error))) => return failed(&ReceiveError::Broken(error.to_string())),
                Err(_) => return failed(&ReceiveError::TooSlow(patience)),
            };
            match self.keep(&data).await {
                Ok(()) => {}
                // What comes behind the last frame is not waited for, and need not fit.
                Err(_) if self.terminal => return End::Whole,
                Err(error) => return failed(&error),
            }
            self.parser.feed(&data);
            if let Err(end) = self.flow(pieces).await {
                return end;
            }
        }
    }

    async fn keep(&mut self, data: &Bytes) -> Result<(), ReceiveError> {
        let length = self.whole.len() + data.len();
        if self.bounds.bytes_max < length {
            return Err(ReceiveError::TooLarge(self.bounds.bytes_max));
        }
        let copies = if self.watch.is_some() { WATCHED_COPIES } else { 1 };
        self.held.reserve(copies * length).await?;
        self.whole.extend_from_slice(data);
        Ok(())
    }

    /// Passes on what is complete.
    async fn flow(&mut self, pieces: &Pieces) -> Result<(), End> {
        let mut ready = BytesMut::new();
        loop {
            match self.parser.next_frame() {
                Ok(Some(frame)) => self.sort(&frame, &mut ready)?,
                Ok(None) => break,
                Err(fault) => return Err(garbled(&fault)),
            }
        }
        if !ready.is_empty() && pieces.send(ready.freeze()).await.is_err() {
            return Err(End::Abandoned);
        }
        Ok(())
    }

    fn sort(&mut self, frame: &Frame, ready: &mut BytesMut) -> Result<(), End> {
        let fields = &frame.fields;
        let step =
            fields.data.as_deref().map(|data| self.reader.read(fields.event.as_deref(), data));
        self.terminal |= step == Some(Step::Terminal);
        let side = if self.terminal { &mut self.withheld } else { ready };
        match &mut self.watch {
            None => side.extend_from_slice(&frame.raw),
            Some(watch) => {
                watch.take(frame, self.terminal, side).map_err(|fault| unread(&fault))?;
            }
        }
        Ok(())
    }

    /// The upstream closed: what is left without its empty line is a frame all the same to some
    /// clients, so it is read, and withheld or released as such.
    async fn ended(&mut self, pieces: &Pieces) -> End {
        let parser = std::mem::replace(&mut self.parser, Parser::new(FRAME_BYTES_MAX));
        let mut ready = BytesMut::new();
        let (last, mut rest) = parser.finish();
        let mut last: Vec<Frame> = last.into_iter().collect();
        if self.watch.is_some() && !rest.is_empty() {
            last.extend(completed_frame(&std::mem::take(&mut rest)));
        }
        for frame in last {
            if let Err(end) = self.sort(&frame, &mut ready) {
                return end;
            }
        }
        let side = if self.terminal { &mut self.withheld } else { &mut ready };
        side.extend_from_slice(&rest);
        if !ready.is_empty() && pieces.send(ready.freeze()).await.is_err() {
            return End::Abandoned;
        }
        if self.terminal { End::Whole } else { End::Truncated }
    }

    /// Records the outcome, and only then releases the end of the stream.
    async fn conclude(
        self,
        end: End,
        call: OpenCall,
        status: u16,
        pieces: Pieces,
    ) -> Result<(), Problem> {
        let Self { route, reader, mut watch, whole, mut withheld, held, .. } = self;
        let number = reader.next_number();
        let read = reader.finish();
        // Some servers of the dialect never send the last frame; their own sign of an end counts.
        let whole_enough = matches!(end, End::Truncated) && !read.finish_reasons.is_empty();
        let recorded = match &end {
            End::Whole => {
                let completed = completed(&read, status);
                call.complete(completed, answered(route, &read), &whole).await.map(drop)
            }
            End::Truncated if whole_enough => {
                if let Some(watch) = &mut watch {
                    watch.end(&mut withheld);
                }
                let completed = completed(&read, status);
                call.complete(completed, answered(route, &read), &whole).await.map(drop)
            }
            End::Truncated => {
                let detail = "the stream ended without its last frame".to_owned();
                let reason = FailureReason::Truncated;
                call.fail(reason, detail, Some(status), &whole).await.map(drop)
            }
            End::Abandoned => call.cancel("the agent left the stream", &whole).await.map(drop),
            End::Failed(reason, _, detail) => {
                call.fail(*reason, detail.clone(), Some(status), &whole).await.map(drop)
            }
        };
        let broken = match (&recorded, end) {
            (Err(problem), _) => Some(problem.clone()),
            (Ok(()), End::Failed(_, code, detail)) => Some(Problem::new(code, detail)),
            (Ok(()), End::Truncated) if !whole_enough => {
                let message = "the provider's stream ended without its last frame";
                Some(Problem::new(ErrorCode::UpstreamBroken, message))
            }
            (Ok(()), End::Abandoned) => return recorded,
            (Ok(()), End::Whole | End::Truncated) => None,
        };
        let rest = match (broken, watch) {
            (Some(problem), _) => Err(problem),
            (None, Some(watch)) if watch.is_stuck() => {
                watch.settle(&whole, until_gone(&pieces)).await
            }
            (None, _) => Ok(Some(withheld.freeze())),
        };
        drop(held);
        match rest {
            Err(problem) => {
                // If the agent is gone there is nobody to send this to.
                drop(pieces.send(error_frame(route, &refusal(&problem), number)).await);
            }
            Ok(Some(rest)) => {
                if !rest.is_empty() {
                    drop(pieces.send(rest).await);
                }
                pieces.end();
            }
            Ok(None) => {}
        }
        recorded
    }
}

/// Tells the agent now and then that its answer is coming; returns when it has gone.
async fn until_gone(pieces: &Pieces) {
    while pieces.send(Bytes::from_static(WAITING)).await.is_ok() {
        tokio::select! {
            () = pieces.closed() => return,
            () = tokio::time::sleep(WAITING_EVERY) => {}
        }
    }
}

/// What the stream ended with, as a frame.
fn completed_frame(rest: &[u8]) -> Option<Frame> {
    let mut parser = Parser::new(FRAME_BYTES_MAX);
    parser.feed(rest);
    parser.feed(b"\n\n");
    parser.next_frame().ok().flatten()
}

fn unread(fault: &crate::json::Fault) -> End {
    let detail = format!("an event whose tool calls could not be judged: {fault}");
    End::Failed(FailureReason::Garbled, ErrorCode::UpstreamBroken, detail)
}

fn failed(error: &ReceiveError) -> End {
    let (reason, code) = answer_problem(error);
    End::Failed(reason, code, error.to_string())
}

fn garbled(fault: &Fault) -> End {
    End::Failed(FailureReason::Garbled, ErrorCode::UpstreamBroken, fault.to_string())
}
