//! Takes tool calls out of answers, changes them, or puts text in their place, in each dialect. Who
//! decides that, and why, is not known here.
//!
//! What is not touched keeps its bytes. Texts and frames must have passed the strict JSON check. A
//! function that says `None` has met something that it cannot write as it was told: then nothing of
//! that answer may be released.

mod part;

mod chat;

mod responses;

mod anthropic;

#[cfg(test)]
mod tests;

pub use part::{AskedCall, KeptFrame, Ruling};

use super::Route;
use anthropic::AnthropicCalls;
use bytes::{Bytes, BytesMut};
use chat::ChatCalls;
use part::Ruled;
use responses::ResponsesCalls;

/// The tool calls of a whole answer, in the order in which [`rewrite_answer`] takes its rulings.
pub fn asked_calls(route: Route, body: &str) -> Vec<AskedCall> {
    match route {
        Route::OpenAiChat => chat::asked(body),
        Route::OpenAiResponses => responses::asked(body),
        Route::AnthropicMessages => anthropic::asked(body),
        Route::OpenAiEmbeddings
        | Route::OpenAiModels
        | Route::OpenAiModel
        | Route::AnthropicCountTokens
        | Route::AnthropicModels
        | Route::AnthropicModel => Vec::new(),
    }
}

/// The answer with each tool call as it was ruled.
pub fn rewrite_answer(route: Route, body: &str, rulings: &[Ruling]) -> Option<String> {
    let mut ruled = Ruled::new(rulings);
    match route {
        Route::OpenAiChat => chat::rewrite(body, &mut ruled),
        Route::OpenAiResponses => responses::rewrite(body, &mut ruled),
        Route::AnthropicMessages => anthropic::rewrite(body, &mut ruled),
        Route::OpenAiEmbeddings
        | Route::OpenAiModels
        | Route::OpenAiModel
        | Route::AnthropicCountTokens
        | Route::AnthropicModels
        | Route::AnthropicModel => None,
    }
}

/// Follows a streamed answer frame by frame.
#[derive(Debug)]
pub struct Cutter {
    state: State,
    calls: Vec<AskedCall>,
}

#[derive(Debug)]
enum State {
    Chat(ChatCalls),
    Responses(ResponsesCalls),
    Anthropic(AnthropicCalls),
}

impl Cutter {
    /// For the answer to a request on `route`; nothing where answers ask for no tools.
    pub fn new(route: Route) -> Option<Self> {
        let state = match route {
            Route::OpenAiChat => State::Chat(ChatCalls::default()),
            Route::OpenAiResponses => State::Responses(ResponsesCalls::default()),
            Route::AnthropicMessages => State::Anthropic(AnthropicCalls::default()),
            Route::OpenAiEmbeddings
            | Route::OpenAiModels
            | Route::OpenAiModel
            | Route::AnthropicCountTokens
            | Route::AnthropicModels
            | Route::AnthropicModel => return None,
        };
        Some(Self { state, calls: Vec::new() })
    }

    /// Reads the next event: gives the calls that it is about, by their place in
    /// [`Cutter::calls`], which is how the frame is to be kept.
    pub fn read(&mut self, event: Option<&str>, data: &str) -> Vec<usize> {
        let calls = &mut self.calls;
        match &mut self.state {
            State::Chat(state) => state.read(calls, data),
            State::Responses(state) => state.read(calls, event, data),
            State::Anthropic(state) => state.read(calls, event, data),
        }
    }

    /// Takes note that the stream is over, and with it every call.
    pub fn end(&mut self) {
        self.calls.iter_mut().for_each(|call| call.ended = true);
    }

    /// The calls so far.
    pub fn calls(&self) -> &[AskedCall] {
        &self.calls
    }

    /// What is to be released in the place of the last frames of the stream, which have all frames
    /// of every call that is not kept.
    pub fn rewrite(&self, frames: &[KeptFrame], rulings: &[Ruling]) -> Option<Bytes> {
        let mut ruled = Ruled::new(rulings);
        let mut out = BytesMut::new();
        for frame in frames {
            match &self.state {
                State::Chat(state) => state.rewrite(frame, &mut ruled, &mut out)?,
                State::Responses(state) => state.rewrite(frame, &mut ruled, &mut out)?,
                State::Anthropic(state) => state.rewrite(frame, &mut ruled, &mut out)?,
            }
        }
        Some(out.freeze())
    }
}
