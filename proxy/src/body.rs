//! Bodies: what the gateway sends to agents, and how it receives what others send.

use crate::memory::{Exhausted, Held};
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::mpsc;

/// How many pieces of a stream may wait for an agent that reads slowly.
pub const PIECES_MAX: usize = 32;

/// The stream broke; the connection is closed without a proper end, so that nobody takes it for a
/// whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream broke off")]
pub struct BrokenOff;

/// A body on its way to an agent.
#[derive(Debug)]
pub enum Outgoing {
    /// All of it.
    Whole(Option<Bytes>),
    /// Piece by piece, from the other end of [`stream`].
    Pieces(Stream),
    /// Broken off; the last piece is being sent.
    Broken,
}

/// What comes piece by piece.
#[derive(Debug)]
pub struct Stream {
    pieces: mpsc::Receiver<Bytes>,
    is_whole: Arc<AtomicBool>,
}

/// Where the pieces of a stream are sent to; cheap to clone. The stream ends when all of these are
/// gone: properly if [`Pieces::end`] was called, else it breaks off, as when a task that sends
/// fails. So nobody takes what was not said to be whole for a whole answer.
#[derive(Clone, Debug)]
pub struct Pieces {
    pieces: mpsc::Sender<Bytes>,
    is_whole: Arc<AtomicBool>,
}

/// The agent takes no more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody takes the stream any more")]
pub struct Unheard;

/// A body that is whatever is sent into its other end.
pub fn stream() -> (Pieces, Outgoing) {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    let is_whole = Arc::new(AtomicBool::new(false));
    let stream = Stream { pieces: receiver, is_whole: Arc::clone(&is_whole) };
    (Pieces { pieces: sender, is_whole }, Outgoing::Pieces(stream))
}

impl Pieces {
    /// Sends a piece; waits while too many wait for the agent.
    pub async fn send(&self, piece: Bytes) -> Result<(), Unheard> {
        self.pieces.send(piece).await.map_err(|_| Unheard)
    }

    /// Sends a piece to an agent that takes one within `patience`.
    pub async fn send_within(&self, piece: Bytes, patience: Duration) -> Result<(), Unheard> {
        self.pieces.send_timeout(piece, patience).await.map_err(|_| Unheard)
    }

    /// Returns when the agent has gone.
    pub async fn closed(&self) {
        self.pieces.closed().await;
    }

    /// Says that what was sent is all of it.
    pub fn end(self) {
        self.is_whole.store(true, Ordering::Release);
    }
}

impl Outgoing {
    /// No body.
    pub const fn empty() -> Self {
        Self::Whole(None)
    }
}

impl<B: Into<Bytes>> From<B> for Outgoing {
    fn from(bytes: B) -> Self {
        let bytes = bytes.into();
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = self.get_mut();
        match this {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pieces(stream) => match ready!(stream.pieces.poll_recv(context)) {
                Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
                None if stream.is_whole.load(Ordering::Acquire) => Poll::Ready(None),
                None => {
                    // hyper drops what it has not flushed when a body fails, and flushes when one
                    // is pending: without this turn the error's explanation would not be sent.
                    *this = Self::Broken;
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
            },
            Self::Broken => Poll::Ready(Some(Err(BrokenOff))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(
                bytes.as_ref().map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            ),
            Self::Pieces(_) | Self::Broken => SizeHint::default(),
        }
    }
}

/// Why a body was not received whole.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// It is over the limit.
    #[error("the body is over the limit of {0} bytes")]
    TooLarge(usize),
    /// It came too slowly.
    #[error("the body did not arrive within {0:?}")]
    TooSlow(Duration),
    /// The connection ended before it was whole.
    #[error("the body ended before it was whole: {0}")]
    Broken(String),
    /// No memory for it.
    #[error(transparent)]
    Memory(#[from] Exhausted),
}

/// What limits a received body.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most bytes.
    pub bytes_max: usize,
    /// The longest time: for requests in all, for answers between two pieces.
    pub timeout: Duration,
}

/// What was received, and how many bytes of it had come if it failed.
pub type Received = Result<Bytes, (ReceiveError, usize)>;

/// Receives a whole request body within a time limit.
pub async fn receive<B>(body: B, held: &mut Held, bounds: Bounds) -> Received
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let mut bytes = Gathered::default();
    let gathering = gather(body, held, bounds.bytes_max, None, &mut bytes);
    match tokio::time::timeout(bounds.timeout, gathering).await {
        Ok(Ok(())) => Ok(bytes.finish()),
        Ok(Err(error)) => Err((error, bytes.length)),
        Err(_) => Err((ReceiveError::TooSlow(bounds.timeout), bytes.length)),
    }
}

/// Receives a whole answer, however long it takes, as long as no silence is too long.
pub async fn receive_patiently<B>(body: B, held: &mut Held, bounds: Bounds) -> Received
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let mut bytes = Gathered::default();
    match gather(body, held, bounds.bytes_max, Some(bounds.timeout), &mut bytes).await {
        Ok(()) => Ok(bytes.finish()),
        Err(error) => Err((error, bytes.length)),
    }
}

/// Most bodies come in one piece, which then need not be copied.
#[derive(Default)]
struct Gathered {
    only: Option<Bytes>,
    many: BytesMut,
    length: usize,
    announced: usize,
}

/// Room is made at once for bodies that say that they have so many bytes, and no more.
const ANNOUNCED_BYTES_MAX: usize = 1 << 20;

impl Gathered {
    fn add(&mut self, piece: Bytes) {
        self.length += piece.len();
        if self.length == piece.len() {
            self.only = Some(piece);
            return;
        }
        if let Some(only) = self.only.take() {
            self.many.reserve(self.announced.min(ANNOUNCED_BYTES_MAX));
            self.many.extend_from_slice(&only);
        }
        self.many.extend_from_slice(&piece);
    }

    fn finish(self) -> Bytes {
        self.only.unwrap_or_else(|| self.many.freeze())
    }
}

async fn gather<B>(
    mut body: B,
    held: &mut Held,
    bytes_max: usize,
    silence_max: Option<Duration>,
    bytes: &mut Gathered,
) -> Result<(), ReceiveError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if bytes_max < announced {
        return Err(ReceiveError::TooLarge(bytes_max));
    }
    // All of it at once: many who hold a part each would wait for one another, all in vain.
    held.reserve(announced).await?;
    bytes.announced = announced;
    loop {
        let frame = match silence_max {
            None => body.frame().await,
            Some(silence_max) => tokio::time::timeout(silence_max, body.frame())
                .await
                .map_err(|_| ReceiveError::TooSlow(silence_max))?,
        };
        let Some(frame) = frame else { return Ok(()) };
        let frame = frame.map_err(|error| ReceiveError::Broken(error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes_max < bytes.length + data.len() {
            return Err(ReceiveError::TooLarge(bytes_max));
        }
        held.reserve(bytes.length + data.len()).await?;
        bytes.add(data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_is_whole_when_its_sender_has_said_so_and_all_senders_are_gone() {
        let (pieces, body) = stream();
        let other = pieces.clone();
        pieces.send(Bytes::from_static(b"first ")).await.unwrap();
        pieces.end();
        other.send(Bytes::from_static(b"last")).await.unwrap();
        drop(other);
        assert_eq!(body.collect().await.unwrap().to_bytes(), "first last");
    }

    #[tokio::test]
    async fn a_stream_whose_sender_fails_breaks_off_behind_its_last_piece() {
        let (pieces, mut body) = stream();
        let sending = tokio::spawn(async move {
            pieces.send(Bytes::from_static(b"part")).await.unwrap();
            panic!("a defect");
        });
        let piece = body.frame().await.unwrap().unwrap();
        assert_eq!(piece.into_data().unwrap(), "part");
        assert_eq!(body.frame().await.unwrap().unwrap_err(), BrokenOff);
        assert!(sending.await.unwrap_err().is_panic());
    }
}
