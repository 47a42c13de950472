//! The bodies that stand-ins answer with: whole, or in pieces at a chosen pace, or cut off.

use std::{
    future::Future as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;

/// How fast the pieces of a body follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// As fast as they are taken, many in one write.
    Burst,
    /// At once, but each in a write of its own, as from a model that is very fast.
    #[default]
    Each,
    /// With this time before each but the first; the timer counts whole milliseconds.
    Gap(Duration),
}

/// How a stand-in breaks a connection on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// What was sent arrives, then the connection ends although the body has not.
    #[error("the connection is dropped on purpose")]
    Drop,
    /// The connection is reset (TCP RST); what was sent may be lost.
    #[error("the connection is reset on purpose")]
    Reset,
}

/// The body of a stand-in's answer.
pub struct Body(Kind);

enum Kind {
    Whole(Option<Bytes>),
    Pieces(Pieces),
}

struct Pieces {
    frames: Arc<[Bytes]>,
    next: usize,
    pace: Pace,
    gap: Option<Pin<Box<Sleep>>>,
    paused: bool,
    cut: Option<Cut>,
}

impl Body {
    /// The whole answer, with its length known.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Whole(Some(bytes.into())))
    }

    /// An answer in pieces, of unknown length.
    pub fn pieces(frames: impl Into<Arc<[Bytes]>>, pace: Pace) -> Self {
        let frames = frames.into();
        Self(Kind::Pieces(Pieces { frames, next: 0, pace, gap: None, paused: true, cut: None }))
    }

    /// An answer of which only these pieces arrive.
    pub fn cut(frames: impl Into<Arc<[Bytes]>>, cut: Cut) -> Self {
        let frames = frames.into();
        let (pace, cut) = (Pace::Each, Some(cut));
        Self(Kind::Pieces(Pieces { frames, next: 0, pace, gap: None, paused: true, cut }))
    }
}

impl Pieces {
    /// Ready when the next piece may go. To be pending is what makes the server flush.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.next == 0 || self.paused {
            self.paused = false;
            return Poll::Ready(());
        }
        match self.pace {
            Pace::Burst => {}
            Pace::Each => {
                self.paused = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Pace::Gap(gap) => {
                let sleep = self.gap.get_or_insert_with(|| Box::pin(tokio::time::sleep(gap)));
                ready!(sleep.as_mut().poll(context));
                self.gap = None;
            }
        }
        Poll::Ready(())
    }

    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        let exhausted = self.next >= self.frames.len();
        if exhausted && self.cut.is_none() {
            return Poll::Ready(None);
        }
        ready!(self.poll_turn(context));
        let frame = self.frames.get(self.next).cloned();
        self.next += 1;
        Poll::Ready(frame.map(Ok).or_else(|| self.cut.take().map(Err)))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match &mut self.0 {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Pieces(pieces) => {
                pieces.poll_frame(context).map(|next| next.map(|bytes| bytes.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Kind::Pieces(pieces) => pieces.next >= pieces.frames.len() && pieces.cut.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Kind::Pieces(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn every_pace_delivers_every_piece_in_order() {
        for pace in [Pace::Burst, Pace::Each, Pace::Gap(Duration::from_millis(1))] {
            let frames: Vec<Bytes> = (0..5u8).map(|n| Bytes::from(vec![b'a' + n])).collect();
            let all = Body::pieces(frames, pace).collect().await.unwrap().to_bytes();
            assert_eq!(all, "abcde", "{pace:?}");
        }
    }

    #[tokio::test]
    async fn a_cut_body_gives_its_pieces_and_then_the_cut() {
        let mut body = Body::cut(vec![Bytes::from("a")], Cut::Drop);
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "a");
        assert_eq!(body.frame().await.unwrap().unwrap_err(), Cut::Drop);
        assert!(body.frame().await.is_none());
    }
}
