//! The requests of each case, made the same way for every path, without a source of chance.

use super::words::Words;
use bytes::Bytes;
use clap::ValueEnum;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use serde::Serialize;
use std::fmt::Write as _;

/// The key of the benchmark's agent.
pub const AGENT_KEY: &str = "cs_benchmark_agent_key";

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Case {
    /// Model calls of 1 KiB, each the first of a new conversation.
    Model1k,
    /// Model calls that send a conversation of about 64 KiB, one turn longer each time.
    Model64k,
    /// Model calls of 1 KiB whose answers are streams of 200 chunks.
    Stream,
    /// MCP tool calls of half a KiB.
    Tools,
}

impl Case {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Model1k, Self::Model64k, Self::Stream, Self::Tools];

    /// What people read.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Model1k => "model call, 1 KiB",
            Self::Model64k => "model call, 64 KiB history",
            Self::Stream => "stream of 200 chunks",
            Self::Tools => "MCP tools/call",
        }
    }
}

/// The size of a short request.
const SHORT_BYTES: usize = 1024;

/// A long conversation is between these sizes, on the average 64 KiB.
const LONG_BYTES: std::ops::Range<usize> = 32 << 10..96 << 10;

/// What a turn of the user and one of the assistant add to a long conversation.
const TURN_BYTES: usize = 512;

/// The requests of one connection. It remembers its conversation, as an agent does.
#[derive(Clone, Debug)]
pub struct Source {
    case: Case,
    model: &'static str,
    words: Words,
    messages: String,
    count: u64,
}

impl Source {
    /// The requests of connection number `index`. Long conversations begin at different lengths, so
    /// that at any time the connections together have the average one.
    pub fn new(case: Case, index: usize) -> Self {
        let seed = u64::try_from(index).unwrap_or(u64::MAX);
        let (model, words) = ("gpt-4o", Words(seed));
        let mut source = Self { case, model, words, messages: String::new(), count: seed << 32 };
        let span = LONG_BYTES.end - LONG_BYTES.start;
        let bytes = LONG_BYTES.start + index * 7 * TURN_BYTES % span;
        if case == Case::Model64k {
            source.converse(bytes);
        }
        source
    }

    /// Requests for stamped streams.
    pub fn stamped() -> Self {
        Self { model: "stamped", ..Self::new(Case::Stream, 0) }
    }

    /// The next request, to be sent to `path` at `host`.
    pub fn request(&mut self, host: &HeaderValue, path: &str) -> Request<Full<Bytes>> {
        self.count += 1;
        let body = match self.case {
            Case::Model1k => self.short("\"stream\":false"),
            Case::Stream => self.short("\"stream\":true"),
            Case::Model64k => self.long(),
            Case::Tools => self.tool(),
        };
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(header::HOST, host.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let bearer = HeaderValue::try_from(format!("Bearer {AGENT_KEY}"));
        if let Ok(bearer) = bearer {
            headers.insert(header::AUTHORIZATION, bearer);
        }
        let accept = HeaderValue::from_static("application/json, text/event-stream");
        headers.insert(header::ACCEPT, accept);
        if self.case == Case::Tools {
            headers.insert("mcp-method", HeaderValue::from_static("tools/call"));
            headers.insert("mcp-name", HeaderValue::from_static(TOOL));
            headers.insert("mcp-protocol-version", HeaderValue::from_static(MCP_VERSION));
        }
        request
    }

    fn short(&mut self, option: &str) -> String {
        let mut body = format!(
            "{{\"model\":\"{}\",{option},\"messages\":[{{\"role\":\"system\",\"content\":\
             \"{SYSTEM}\"}},{{\"role\":\"user\",\"content\":\"request {} ",
            self.model, self.count
        );
        let rest = SHORT_BYTES.saturating_sub(body.len() + 4);
        self.words.write(&mut body, rest);
        body.push_str("\"}]}");
        body
    }

    fn long(&mut self) -> String {
        if LONG_BYTES.end < self.messages.len() {
            self.messages.clear();
            self.converse(LONG_BYTES.start);
        }
        let turn_end = self.messages.len() + 2 * TURN_BYTES;
        self.converse(turn_end);
        ["{\"messages\":[", &self.messages, "],\"model\":\"gpt-4o\"}"].concat()
    }

    /// Adds turns until the messages have so many bytes.
    fn converse(&mut self, bytes: usize) {
        if self.messages.is_empty() {
            // Writing to a string cannot fail.
            let _infallible = write!(
                self.messages,
                "{{\"role\":\"system\",\"content\":\"{SYSTEM} {:016x}\"}}",
                self.words.draw()
            );
        }
        while self.messages.len() < bytes {
            for role in ["user", "assistant"] {
                let _infallible = write!(self.messages, ",{{\"role\":\"{role}\",\"content\":\"");
                self.words.write(&mut self.messages, TURN_BYTES - 32);
                self.messages.push_str("\"}");
            }
        }
    }

    fn tool(&mut self) -> String {
        let mut body = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"tools/call\",\"params\":{{\"name\":\
             \"{TOOL}\",\"_meta\":{{\"io.modelcontextprotocol/protocolVersion\":\"{MCP_VERSION}\",\
             \"io.modelcontextprotocol/clientCapabilities\":{{}}}},\"arguments\":{{\"summary\":\"",
            self.count
        );
        self.words.write(&mut body, 256);
        body.push_str("\"}}}");
        body
    }
}

/// The tool that is called.
const TOOL: &str = "transfer_to_human_agents";

/// The MCP that is spoken.
const MCP_VERSION: &str = "2026-07-28";

/// What every conversation begins with.
const SYSTEM: &str = "You are the support agent of an airline. Answer shortly and kindly, follow \
    the policy, and ask before you change a reservation. Today is 2024-05-15.";

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    async fn body(source: &mut Source) -> Bytes {
        let host = HeaderValue::from_static("localhost");
        source.request(&host, "/").into_body().collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn every_request_is_json_of_the_size_that_its_case_names() {
        let long = LONG_BYTES.start..LONG_BYTES.end + 4 * TURN_BYTES;
        let short = SHORT_BYTES..SHORT_BYTES + 1;
        let all = [short.clone(), long, short, 400..600];
        for (case, sizes) in Case::ALL.into_iter().zip(all) {
            let mut source = Source::new(case, 3);
            for _ in 0..200 {
                let body = body(&mut source).await;
                serde_json::from_slice::<serde_json::Value>(&body).unwrap();
                assert!(sizes.contains(&body.len()), "{case:?}: {}", body.len());
            }
        }
    }

    #[tokio::test]
    async fn a_long_conversation_is_sent_again_and_grows() {
        let mut source = Source::new(Case::Model64k, 0);
        let (first, second) = (body(&mut source).await, body(&mut source).await);
        let tail = b"],\"model\":\"gpt-4o\"}".len();
        assert!(second.starts_with(&first[..first.len() - tail]) && first.len() < second.len());
    }
}
