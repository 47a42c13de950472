//! Reads a streamed answer event by event in bounded memory, into the same as a whole one.

use super::answer::Answer;
use super::anthropic::AnthropicStream;
use super::assembly::{Budget, Step};
use super::openai_chat::ChatStream;
use super::openai_responses::ResponsesStream;
use super::route::Route;

/// A streamed answer while it is read.
#[derive(Debug)]
pub struct StreamReader {
    state: State,
    budget: Budget,
}

#[derive(Debug)]
enum State {
    Chat(Box<ChatStream>),
    Responses(Box<ResponsesStream>),
    Anthropic(Box<AnthropicStream>),
    /// A route whose answers are never streamed.
    Whole,
}

impl StreamReader {
    /// A reader for the answer to a request on `route`, which keeps at most about `kept_bytes_max`
    /// bytes of ids, names and arguments; the text is digested, not kept. What is beyond that is
    /// counted in [`Answer::dropped_bytes`], and the calls concerned are not [`whole`].
    ///
    /// [`whole`]: super::ToolCall::whole
    pub fn new(route: Route, kept_bytes_max: usize) -> Self {
        let state = match route {
            Route::OpenAiChat => State::Chat(Box::new(ChatStream::new())),
            Route::OpenAiResponses => State::Responses(Box::new(ResponsesStream::new())),
            Route::AnthropicMessages => State::Anthropic(Box::new(AnthropicStream::new())),
            Route::OpenAiEmbeddings
            | Route::OpenAiModels
            | Route::OpenAiModel
            | Route::AnthropicCountTokens
            | Route::AnthropicModels
            | Route::AnthropicModel => State::Whole,
        };
        Self { state, budget: Budget::new(kept_bytes_max) }
    }

    /// Reads one server-sent event: its name, if it has one, and its data, lines joined.
    pub fn read(&mut self, event: Option<&str>, data: &str) -> Step {
        match &mut self.state {
            State::Chat(stream) => stream.read(&mut self.budget, data),
            State::Responses(stream) => stream.read(&mut self.budget, event, data),
            State::Anthropic(stream) => stream.read(&mut self.budget, event, data),
            State::Whole => Step::Other,
        }
    }

    /// The `sequence_number` of the event that would come next; 0 where events are not numbered.
    pub fn next_number(&self) -> u64 {
        match &self.state {
            State::Responses(stream) => stream.next_number(),
            State::Chat(_) | State::Anthropic(_) | State::Whole => 0,
        }
    }

    /// What was read, when the stream has ended; without a terminal event it is truncated.
    pub fn finish(self) -> Answer {
        match self.state {
            State::Chat(stream) => stream.finish(self.budget),
            State::Responses(stream) => stream.finish(self.budget),
            State::Anthropic(stream) => stream.finish(self.budget),
            State::Whole => Answer::default(),
        }
    }
}
