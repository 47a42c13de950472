//! Which operation of which model API a path and method name; tool servers are routed elsewhere.

use http::Method;

/// The shape in which a client and a model provider talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// The `OpenAI` API and what imitates it.
    OpenAi,
    /// The Anthropic API and what imitates it.
    Anthropic,
}

/// One operation of a model API that the gateway serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// `POST /v1/chat/completions`
    OpenAiChat,
    /// `POST /v1/responses`
    OpenAiResponses,
    /// `POST /v1/embeddings`
    OpenAiEmbeddings,
    /// `GET /v1/models`
    OpenAiModels,
    /// `GET /v1/models/{id}`
    OpenAiModel,
    /// `POST /v1/messages`
    AnthropicMessages,
    /// `POST /v1/messages/count_tokens`
    AnthropicCountTokens,
    /// `GET /v1/models` with an `anthropic-version` header
    AnthropicModels,
    /// `GET /v1/models/{id}` with an `anthropic-version` header
    AnthropicModel,
}

/// Why no route was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// No operation has this path.
    #[error("there is no such path here")]
    Path,
    /// The path is served, with another method.
    #[error("this path is served with {allow} alone")]
    Method {
        /// The value of the `allow` header.
        allow: &'static str,
    },
}

/// What `GET /v1/models/` begins with; the model's id is the rest of the path.
const MODEL: &str = "/v1/models/";

impl Route {
    /// The route of a request with this method and path (without the query).
    ///
    /// Both APIs list models at the same path; `anthropic` says whether the request has an
    /// `anthropic-version` header, which that API demands of every request.
    pub fn find(method: &Method, path: &str, anthropic: bool) -> Result<Self, NoRoute> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let route = match path {
            "/v1/chat/completions" => Self::OpenAiChat,
            "/v1/responses" => Self::OpenAiResponses,
            "/v1/embeddings" => Self::OpenAiEmbeddings,
            "/v1/messages" => Self::AnthropicMessages,
            "/v1/messages/count_tokens" => Self::AnthropicCountTokens,
            "/v1/models" if anthropic => Self::AnthropicModels,
            "/v1/models" => Self::OpenAiModels,
            model if !model.starts_with(MODEL) => return Err(NoRoute::Path),
            _ if anthropic => Self::AnthropicModel,
            _ => Self::OpenAiModel,
        };
        let allow = route.method();
        if method.as_str() == allow { Ok(route) } else { Err(NoRoute::Method { allow }) }
    }

    /// The one method of this operation.
    pub fn method(self) -> &'static str {
        if self.has_body() { "POST" } else { "GET" }
    }

    /// Whether a request carries a body, and so names its model there.
    pub fn has_body(self) -> bool {
        match self {
            Self::OpenAiChat
            | Self::OpenAiResponses
            | Self::OpenAiEmbeddings
            | Self::AnthropicMessages
            | Self::AnthropicCountTokens => true,
            Self::OpenAiModels
            | Self::OpenAiModel
            | Self::AnthropicModels
            | Self::AnthropicModel => false,
        }
    }

    /// The dialect in which its errors are written.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::OpenAiChat
            | Self::OpenAiResponses
            | Self::OpenAiEmbeddings
            | Self::OpenAiModels
            | Self::OpenAiModel => Dialect::OpenAi,
            Self::AnthropicMessages
            | Self::AnthropicCountTokens
            | Self::AnthropicModels
            | Self::AnthropicModel => Dialect::Anthropic,
        }
    }

    /// The value of `gen_ai.operation.name` in the `OpenTelemetry` conventions, where it has one.
    pub fn operation(self) -> Option<&'static str> {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses | Self::AnthropicMessages => Some("chat"),
            Self::OpenAiEmbeddings => Some("embeddings"),
            Self::OpenAiModels
            | Self::OpenAiModel
            | Self::AnthropicCountTokens
            | Self::AnthropicModels
            | Self::AnthropicModel => None,
        }
    }
}

/// The model's id in the path `/v1/models/{id}`, still percent-encoded; an id may contain slashes.
pub fn model_in_path(path: &str) -> Option<&str> {
    let id = path.strip_prefix(MODEL)?;
    let id = id.strip_suffix('/').unwrap_or(id);
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_is_found_by_its_path() {
        let table = [
            (Method::POST, "/v1/chat/completions", false, Route::OpenAiChat),
            (Method::POST, "/v1/chat/completions/", false, Route::OpenAiChat),
            (Method::POST, "/v1/responses", false, Route::OpenAiResponses),
            (Method::POST, "/v1/embeddings", false, Route::OpenAiEmbeddings),
            (Method::GET, "/v1/models", false, Route::OpenAiModels),
            (Method::GET, "/v1/models", true, Route::AnthropicModels),
            (Method::GET, "/v1/models/gpt-4o", false, Route::OpenAiModel),
            (Method::GET, "/v1/models/meta/llama", false, Route::OpenAiModel),
            (Method::GET, "/v1/models/claude-sonnet-4-5", true, Route::AnthropicModel),
            (Method::POST, "/v1/messages", true, Route::AnthropicMessages),
            (Method::POST, "/v1/messages", false, Route::AnthropicMessages),
            (Method::POST, "/v1/messages/count_tokens", true, Route::AnthropicCountTokens),
        ];
        for (method, path, anthropic, route) in table {
            assert_eq!(Route::find(&method, path, anthropic), Ok(route), "{method} {path}");
        }
    }

    #[test]
    fn other_paths_and_methods_are_told_apart() {
        for path in ["/", "", "/v1", "/v1/modelsx", "/v1/files", "/v1/messages/batches"] {
            assert_eq!(Route::find(&Method::GET, path, false), Err(NoRoute::Path), "{path}");
        }
        let wrong = Route::find(&Method::GET, "/v1/chat/completions", false);
        assert_eq!(wrong, Err(NoRoute::Method { allow: "POST" }));
        let wrong = Route::find(&Method::DELETE, "/v1/models/gpt-4o", false);
        assert_eq!(wrong, Err(NoRoute::Method { allow: "GET" }));
    }

    #[test]
    fn the_model_in_a_path_is_the_whole_rest() {
        assert_eq!(model_in_path("/v1/models/gpt-4o"), Some("gpt-4o"));
        assert_eq!(model_in_path("/v1/models/meta/llama/"), Some("meta/llama"));
        assert_eq!(model_in_path("/v1/models/"), None);
        assert_eq!(model_in_path("/v1/models"), None);
    }
}
