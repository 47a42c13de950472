//! Reads `OpenAI` embeddings: the model and the usage; the vectors are nobody's business here.
//!
//! Source: the API reference of `POST /v1/embeddings`.

use super::answer::{Answer, Usage, api_error, owned};
use super::problem::At;
use super::reading::Reading;
use super::request::{Hints, Request, model};

/// Reads the body of a request. Its input is no conversation, so it has no turns.
pub(super) fn read_request<'a>(reading: &mut Reading, body: &'a str) -> Request<'a> {
    let at = At::BODY;
    let [model_raw, input, user] = reading.pick(at, body, ["model", "input", "user"]);
    if input.is_none() && reading.problems.is_empty() {
        reading.problems.note(at.member("input"), "text or tokens", "missing");
    }
    Request {
        model: model(reading, model_raw),
        hints: Hints { user: reading.text(at.member("user"), user), ..Hints::default() },
        ..Request::default()
    }
}

/// Reads a whole answer.
pub(super) fn read_answer(body: &str) -> Answer {
    let mut reading = Reading::default();
    let at = At::BODY;
    let [id, model, usage, error] = reading.pick(at, body, ["id", "model", "usage", "error"]);
    let usage_at = at.member("usage");
    let [input] = reading.pick_from(usage_at, usage, ["prompt_tokens"]);
    Answer {
        id: owned(&mut reading, at.member("id"), id),
        model: owned(&mut reading, at.member("model"), model),
        usage: Usage {
            input_tokens: reading.count(usage_at.member("prompt_tokens"), input),
            ..Usage::default()
        },
        error: error.map(|raw| api_error(&mut reading, at.member("error"), raw)),
        problems: reading.problems,
        ..Answer::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ApiError, Route, Usage, read_answer, read_request};

    fn refusal(body: &str) -> String {
        read_request(Route::OpenAiEmbeddings, body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_request_names_its_model_and_has_no_turns() {
        let bodies = [
            r#"{"model":"text-embedding-3-small","input":"hello","user":"u"}"#,
            r#"{"model":"text-embedding-3-small","input":[[1,2],[3]],"user":"u"}"#,
        ];
        for body in bodies {
            let request = read_request(Route::OpenAiEmbeddings, body.as_bytes()).unwrap();
            assert_eq!(request.model, "text-embedding-3-small");
            assert_eq!(request.hints.user.as_deref(), Some("u"));
            assert!(request.turns.is_empty() && request.chain().is_empty() && !request.stream);
        }
    }

    #[test]
    fn a_request_without_model_or_input_is_refused() {
        assert_eq!(
            refusal(r#"{"input":"a"}"#),
            "`model` must be the name of a model, and is missing"
        );
        assert_eq!(refusal(r#"{"model":"m"}"#), "`input` must be text or tokens, and is missing");
    }

    #[test]
    fn an_answer_tells_its_tokens() {
        let body = r#"{"object":"list","data":[{"object":"embedding","embedding":[0.1,-2e-3],"index":0}],
            "model":"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8}}"#;
        let answer = read_answer(Route::OpenAiEmbeddings, body.as_bytes());
        assert_eq!(answer.model.as_deref(), Some("text-embedding-3-small"));
        assert_eq!(answer.usage, Usage { input_tokens: Some(8), ..Usage::default() });
        let error = read_answer(Route::OpenAiEmbeddings, br#"{"error":{"message":"no"}}"#).error;
        assert_eq!(error, Some(ApiError { message: Some("no".into()), ..ApiError::default() }));
    }
}
