//! Explains why input that is no HTTP is not answered otherwise. The HTTP library answers it by
//! itself, with a status and no body, and cannot be told to do it better.

use crate::heard::Heard;
use bytes::{Buf as _, Bytes};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection on which an answer to no request gets a body that explains it.
///
/// Such an answer is known by its moment, not by its look: no request is being answered, and all
/// answers that there were have been written and flushed, so the library speaks for itself. Where
/// an answer is still on its way, what comes behind it passes as it is.
#[derive(Debug)]
pub struct Explained<S> {
    stream: S,
    heard: Heard,
    explanation: Bytes,
    /// How many answers were flushed.
    flushed: u64,
    /// What is left of the answer that is written instead.
    instead: Option<Bytes>,
}

impl<S: AsyncWrite + Unpin> Explained<S> {
    /// Explains with this JSON what goes wrong on `stream`, of which `heard` knows.
    pub const fn new(stream: S, heard: Heard, explanation: Bytes) -> Self {
        Self { stream, heard, explanation, flushed: 0, instead: None }
    }

    fn answers_nobody(&self) -> bool {
        !self.heard.is_answering() && self.heard.answers() == self.flushed
    }

    /// Writes another answer with the same status, and takes `theirs` as written when it is.
    fn poll_instead(
        &mut self,
        context: &mut Context<'_>,
        theirs: &[u8],
    ) -> Poll<io::Result<usize>> {
        let instead = self.instead.get_or_insert_with(|| explained(theirs, &self.explanation));
        while !instead.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, instead))?;
            if written == 0 {
                return Poll::Ready(Ok(0));
            }
            instead.advance(written);
        }
        Poll::Ready(Ok(theirs.len()))
    }
}

/// The status line of `bare`, with a body.
fn explained(bare: &[u8], explanation: &[u8]) -> Bytes {
    let line = bare.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let length = explanation.len();
    let headers = format!(
        "\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    [line, headers.as_bytes(), explanation].concat().into()
}

impl<S: AsyncRead + Unpin> AsyncRead for Explained<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Explained<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.answers_nobody() {
            return this.poll_instead(context, bytes);
        }
        Pin::new(&mut this.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.answers_nobody() {
            let first = pieces.iter().find(|piece| !piece.is_empty());
            return this.poll_instead(context, first.map_or(&[], |piece| piece));
        }
        Pin::new(&mut this.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called when all that was to be written is.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        if !this.heard.is_answering() {
            this.flushed = this.heard.answers();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
