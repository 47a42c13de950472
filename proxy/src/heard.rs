//! A connection that counts what it has heard, so that silence is told from a request cut short.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much came on one connection; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Heard(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    bytes: AtomicU64,
    answered: AtomicU64,
}

impl Heard {
    /// Takes note that everything which came so far has its answer.
    pub fn answered(&self) {
        self.0.answered.store(self.0.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// How many bytes came since the last request that has its answer.
    pub fn unanswered(&self) -> u64 {
        let answered = self.0.answered.load(Ordering::Relaxed);
        self.0.bytes.load(Ordering::Relaxed).saturating_sub(answered)
    }
}

/// A connection whose bytes are counted as they come.
#[derive(Debug)]
pub struct Listening<S> {
    stream: S,
    heard: Heard,
}

impl<S> Listening<S> {
    /// Counts what `stream` hears.
    pub fn new(stream: S, heard: Heard) -> Self {
        Self { stream, heard }
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
        let more = buffer.filled().len().saturating_sub(before);
        this.heard.0.bytes.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Ordering::Relaxed);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Listening<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, pieces)
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
