//! Watches a streamed answer for tool calls that its agent would run itself, and withholds what
//! follows from the first of them that may not be released as it is.

use super::local::Guard;
use crate::dialect::{Cutter, KeptFrame, Ruling};
use crate::json;
use crate::problem::Problem;
use crate::sse::Frame;
use bytes::{Bytes, BytesMut};
use std::future::Future;

/// What is known of a tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Nothing; ends with its name.
    Unnamed,
    /// The agent would run it, and it has not come whole; ends when it has.
    Own,
    /// Somebody else runs it, who is asked for it elsewhere.
    Theirs,
    /// Policies allow it as it is.
    Allowed,
    /// They do not.
    Blocked,
}

/// Watches one stream.
pub(super) struct Watch {
    guard: Guard,
    cutter: Cutter,
    /// Of each call: what is known, and how much of its name that was told from.
    known: Vec<(Standing, usize)>,
    /// What has come and did not flow on.
    frames: Vec<KeptFrame>,
    /// How many bytes did.
    flowed: usize,
}

impl Watch {
    /// Nothing where answers have no tool calls.
    pub(super) fn new(guard: Guard) -> Option<Self> {
        let cutter = Cutter::new(guard.route)?;
        let (known, frames) = (Vec::new(), Vec::new());
        Some(Self { guard, cutter, known, frames, flowed: 0 })
    }

    /// Takes the next frame, and puts what may flow on behind `flowing`. An error means that what
    /// the frame asks for cannot be told.
    pub(super) fn take(
        &mut self,
        frame: &Frame,
        is_last: bool,
        flowing: &mut BytesMut,
    ) -> Result<(), json::Fault> {
        let fields = &frame.fields;
        let said = fields.data.as_deref().map(str::trim_ascii);
        let said = said.filter(|data| !data.is_empty() && *data != "[DONE]");
        let mut touched = Vec::new();
        if let Some(data) = said {
            json::check(data.as_bytes(), json::Limits::default())?;
            touched = self.cutter.read(fields.event.as_deref(), data);
        }
        self.frames.push(KeptFrame {
            event: fields.event.clone(),
            data: said.map(str::to_owned),
            raw: frame.raw.clone(),
            touched,
        });
        if is_last {
            self.end(flowing);
        } else {
            self.flow(flowing);
        }
        Ok(())
    }

    /// Takes note that nothing more comes of any call.
    pub(super) fn end(&mut self, flowing: &mut BytesMut) {
        self.cutter.end();
        self.flow(flowing);
    }

    fn flow(&mut self, flowing: &mut BytesMut) {
        self.judge();
        let may_flow = |standing| matches!(standing, Standing::Theirs | Standing::Allowed);
        if self.known.iter().all(|(standing, _)| may_flow(*standing)) {
            for frame in self.frames.drain(..) {
                self.flowed += frame.raw.len();
                flowing.extend_from_slice(&frame.raw);
            }
        }
    }

    /// Whether there is a call that is not to be released as it is.
    pub(super) fn is_stuck(&self) -> bool {
        self.known.iter().any(|(standing, _)| *standing == Standing::Blocked)
    }

    /// What is to be released of what did not flow on, once the outcome of the call is on record;
    /// nothing if `gone` came first. `whole` is all that came.
    pub(super) async fn settle(
        self,
        whole: &[u8],
        gone: impl Future<Output = ()>,
    ) -> Result<Option<Bytes>, Problem> {
        let calls = self.cutter.calls();
        let Some(rulings) = self.guard.rule(calls, gone).await? else { return Ok(None) };
        if rulings.iter().all(|ruling| *ruling == Ruling::Keep) {
            let mut rest = BytesMut::new();
            self.frames.iter().for_each(|frame| rest.extend_from_slice(&frame.raw));
            return Ok(Some(rest.freeze()));
        }
        let rest = self.cutter.rewrite(&self.frames, &rulings);
        let rest = rest.ok_or_else(|| self.guard.unwritable())?;
        let before = whole.get(..self.flowed).unwrap_or_default();
        self.guard.record(&[before, &rest].concat()).await?;
        Ok(Some(rest))
    }

    fn judge(&mut self) {
        let calls = self.cutter.calls();
        self.known.resize(calls.len(), (Standing::Unnamed, 0));
        for (call, (standing, named)) in calls.iter().zip(&mut self.known) {
            if call.by_provider {
                *standing = Standing::Theirs;
                continue;
            }
            if call.name.len() != *named {
                *named = call.name.len();
                let is_own = self.guard.is_own(call);
                *standing = if is_own { Standing::Own } else { Standing::Theirs };
            }
            *standing = match (*standing, call.ended) {
                (Standing::Unnamed | Standing::Own, true) if self.guard.allows(call) => {
                    Standing::Allowed
                }
                (Standing::Unnamed | Standing::Own, true) => Standing::Blocked,
                // More of it has come.
                (Standing::Allowed, false) => Standing::Own,
                (known, _) => known,
            };
        }
    }
}
