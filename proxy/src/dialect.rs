//! The dialects of model APIs: reads requests, answers and streams, and writes refusals.
//!
//! Nothing here changes a byte of what is forwarded, and nothing is written again from what was
//! read, but for the tool calls that are to be taken out of an answer (`cut`). A request that is
//! not what its dialect says is refused, because it could not be recorded truthfully; an answer
//! never is: what can be read is read, and the rest is noted in [`Answer::problems`]. Bodies must
//! have passed the strict JSON check before: duplicate members and absurd depth are not looked for
//! again.

// Each module uses only those above it; the empty lines keep rustfmt from sorting them.
mod problem;

mod reading;

mod normal;

mod route;

mod turn;

mod request;

mod answer;

mod content;

mod assembly;

mod openai_chat;

mod openai_responses;

mod embeddings;

mod anthropic;

mod stream;

mod refusal;

mod cut;

#[cfg(test)]
mod properties;

use reading::Reading;

pub use answer::{Answer, ApiError, Usage};
pub use assembly::Step;
pub use cut::{AskedCall, Cutter, KeptFrame, Ruling, asked_calls, rewrite_answer};
pub use problem::{PROBLEMS_MAX, Problem, Problems};
pub use refusal::{Refusal, error_body, error_frame};
pub use request::{Hints, Parameters, Request, RequestError};
pub use route::{Dialect, NoRoute, Route, model_in_path};
pub use stream::StreamReader;
pub use turn::{CHAIN_START, Part, Role, ToolCall, ToolResult, Turn, chain, extend, turn_digest};

/// Reads the body of a request. Routes without a body read as an empty request.
pub fn read_request(route: Route, body: &[u8]) -> Result<Request<'_>, RequestError> {
    let body = std::str::from_utf8(body)
        .map_err(|error| RequestError::NotUtf8 { at: error.valid_up_to() })?;
    let mut reading = Reading::default();
    let request = match route {
        Route::OpenAiChat => openai_chat::read_request(&mut reading, body),
        Route::OpenAiResponses => openai_responses::read_request(&mut reading, body),
        Route::OpenAiEmbeddings => embeddings::read_request(&mut reading, body),
        Route::AnthropicMessages | Route::AnthropicCountTokens => {
            anthropic::read_request(&mut reading, body)
        }
        Route::OpenAiModels
        | Route::OpenAiModel
        | Route::AnthropicModels
        | Route::AnthropicModel => Request::default(),
    };
    request::checked(request, &reading.problems)
}

/// Reads a whole answer, or an error in its place; never fails.
pub fn read_answer(route: Route, body: &[u8]) -> Answer {
    let body = String::from_utf8_lossy(body);
    match route {
        Route::OpenAiChat => openai_chat::read_answer(&body),
        Route::OpenAiResponses => openai_responses::read_answer(&body),
        // Lists of models have none of the members of an embedding, but the same errors.
        Route::OpenAiEmbeddings | Route::OpenAiModels | Route::OpenAiModel => {
            embeddings::read_answer(&body)
        }
        Route::AnthropicMessages
        | Route::AnthropicCountTokens
        | Route::AnthropicModels
        | Route::AnthropicModel => anthropic::read_answer(&body),
    }
}
