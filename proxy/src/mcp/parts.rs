//! What has come of one answer, over all the streams that brought parts of it: every frame once,
//! in order. Whose answer it is is not known here.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Mutex as Turn;

use crate::memory::{Held, Memory};
use crate::sse::Frame;

use super::clerk::Failure;
use super::reading::reserve;

/// The frames of an answer so far.
#[derive(Debug)]
pub(crate) struct Parts {
    kept: Mutex<Kept>,
    /// The memory for them. Who adds a frame has it until the frame is there.
    held: Turn<Held>,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Where the frame of each event with an id ends. The ids are among the bytes, so these take
    /// no more than those.
    ends: Vec<(String, usize)>,
}

/// How far a stream that began with a repetition has repeated what is there; `None` for one that
/// brings what is new.
pub(crate) type Repeated = Option<usize>;

impl Parts {
    /// Nothing yet.
    pub(crate) fn new(memory: &Memory) -> Self {
        Self { kept: Mutex::default(), held: Turn::new(memory.hold_answer()) }
    }

    /// Adds a frame, unless it is the very one that is there already where the repetition is.
    pub(crate) async fn add(
        &self,
        frame: &Frame,
        repeated: &mut Repeated,
        bytes_max: usize,
    ) -> Result<(), Failure> {
        let mut held = self.held.lock().await;
        let total = {
            let kept = self.kept();
            let there = repeated.and_then(|at| kept.bytes.get(at..));
            if there.is_some_and(|there| there.starts_with(&frame.raw)) {
                *repeated = repeated.map(|at| at + frame.raw.len());
                return Ok(());
            }
            kept.bytes.len() + frame.raw.len()
        };
        *repeated = None;
        reserve(&mut held, total, bytes_max).await?;
        let mut kept = self.kept();
        kept.bytes.extend_from_slice(&frame.raw);
        if let Some(id) = frame.fields.id.clone().filter(|id| !id.is_empty()) {
            let end = kept.bytes.len();
            kept.ends.push((id, end));
        }
        Ok(())
    }

    /// Where a stream goes on that is resumed behind the event with this id; `None` if that is
    /// not among these.
    pub(crate) fn behind(&self, event: &str) -> Option<usize> {
        self.kept().ends.iter().rev().find(|(id, _)| id == event).map(|(_, end)| *end)
    }

    /// Whether an event had an id, so that an agent may resume elsewhere.
    pub(crate) fn are_resumable(&self) -> bool {
        !self.kept().ends.is_empty()
    }

    /// All of it, which is then here no more.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.kept()).bytes
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sse::Parser;

    fn frames(text: &str) -> Vec<Frame> {
        let mut parser = Parser::new(1 << 20);
        parser.feed(&bytes::Bytes::from(text.to_owned()));
        std::iter::from_fn(|| parser.next_frame().unwrap()).collect()
    }

    #[tokio::test]
    async fn what_is_repeated_is_kept_once_and_what_is_altered_is_kept_as_well() {
        let first = "id: 1\ndata: a\n\nid: 2\ndata: b\n\n";
        for (again, all) in [
            ("id: 2\ndata: b\n\nid: 3\ndata: c\n\n", format!("{first}id: 3\ndata: c\n\n")),
            ("id: 2\ndata: x\n\n", format!("{first}id: 2\ndata: x\n\n")),
            ("id: 3\ndata: c\n\n", format!("{first}id: 3\ndata: c\n\n")),
        ] {
            let parts = Parts::new(&Memory::new(1 << 20));
            for frame in frames(first) {
                parts.add(&frame, &mut None, 1 << 20).await.unwrap();
            }
            let mut repeated = parts.behind("1");
            assert!(repeated.is_some() && parts.behind("9").is_none());
            for frame in frames(again) {
                parts.add(&frame, &mut repeated, 1 << 20).await.unwrap();
            }
            assert_eq!(String::from_utf8(parts.take()).unwrap(), all);
        }
    }
}
