//! A connection that knows what it has heard and said, so that whoever waits for it knows what for:
//! a request, the rest of one, or nothing while one is being answered.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What went over one connection; cheap to clone.
///
/// One task alone drives a connection, so that no order between the counts has to be kept.
#[derive(Clone, Debug, Default)]
pub struct Heard(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    heard_bytes: AtomicU64,
    said_bytes: AtomicU64,
    /// How much had been heard when the last answer ended.
    answered_bytes: AtomicU64,
    answers: AtomicU64,
    is_answering: AtomicBool,
    is_welcome: AtomicBool,
    /// Whether something is to be said and is not taken.
    is_untaken: AtomicBool,
}

/// Where a connection is between two requests. Two that differ in a number are two moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing has come yet.
    New,
    /// A request has begun to come, and its head is not complete.
    Asking {
        /// How many were answered before.
        answers: u64,
    },
    /// A request is being answered.
    Answering,
    /// It is, and nothing of the answer is taken at the moment.
    Untaken {
        /// How many bytes of answers were taken so far.
        said_bytes: u64,
    },
    /// Nothing has come since the last answer.
    Idle {
        /// How many bytes of answers were taken so far: the last may still be on its way.
        said_bytes: u64,
        /// Whether one of them was what was asked for.
        welcome: bool,
    },
}

impl Heard {
    /// Takes note that the head of a request is complete.
    pub fn asked(&self) -> Answering {
        self.0.is_answering.store(true, Ordering::Relaxed);
        Answering(self.clone())
    }

    /// Takes note that somebody with rights is at the other end.
    pub fn welcome(&self) {
        self.0.is_welcome.store(true, Ordering::Relaxed);
    }

    /// Whether a request is being answered.
    pub fn is_answering(&self) -> bool {
        self.0.is_answering.load(Ordering::Relaxed)
    }

    /// How many answers have ended.
    pub fn answers(&self) -> u64 {
        self.0.answers.load(Ordering::Relaxed)
    }

    /// Where the connection is.
    pub fn stage(&self) -> Stage {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (heard, answered) = (of(&self.0.heard_bytes), of(&self.0.answered_bytes));
        let answers = self.answers();
        if self.is_answering() && self.0.is_untaken.load(Ordering::Relaxed) {
            Stage::Untaken { said_bytes: of(&self.0.said_bytes) }
        } else if self.is_answering() {
            Stage::Answering
        } else if answered < heard {
            Stage::Asking { answers }
        } else if answers == 0 {
            Stage::New
        } else {
            let welcome = self.0.is_welcome.load(Ordering::Relaxed);
            Stage::Idle { said_bytes: of(&self.0.said_bytes), welcome }
        }
    }
}

/// A request that is being answered, until this is dropped.
#[derive(Debug)]
pub struct Answering(Heard);

impl Answering {
    /// The answer's body, with which the answer ends.
    pub const fn until_end_of<B>(self, body: B) -> Answer<B> {
        Answer { body, answering: self }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let Heard(counts) = &self.0;
        let heard = counts.heard_bytes.load(Ordering::Relaxed);
        counts.answered_bytes.store(heard, Ordering::Relaxed);
        counts.answers.fetch_add(1, Ordering::Relaxed);
        counts.is_answering.store(false, Ordering::Relaxed);
    }
}

/// A body whose end is the end of an answer.
#[derive(Debug)]
pub struct Answer<B> {
    body: B,
    #[expect(dead_code, reason = "its drop is what counts")]
    answering: Answering,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection whose bytes are counted as they come and go.
#[derive(Debug)]
pub struct Listening<S> {
    stream: S,
    heard: Heard,
}

impl<S> Listening<S> {
    /// Counts what `stream` hears and says.
    pub fn new(stream: S, heard: Heard) -> Self {
        Self { stream, heard }
    }

    fn said(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.heard.0.is_untaken.store(written.is_pending(), Ordering::Relaxed);
        if let Poll::Ready(Ok(bytes)) = &written {
            let bytes = u64::try_from(*bytes).unwrap_or(u64::MAX);
            self.heard.0.said_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Listening<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        let more = u64::try_from(buffer.filled().len().saturating_sub(before)).unwrap_or(u64::MAX);
        this.heard.0.heard_bytes.fetch_add(more, Ordering::Relaxed);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Listening<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.said(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, pieces);
        this.said(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
