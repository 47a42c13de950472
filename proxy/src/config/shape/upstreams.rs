//! What agents use through the gateway: model providers and tool servers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use http::HeaderName;

use super::super::base_url::BaseUrl;
use super::super::pattern::Pattern;
use super::super::secret::Secret;

/// A wire protocol that models speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// Chat completions, responses, embeddings.
    OpenAi,
    /// Messages.
    Anthropic,
}

/// `[[model]]`: a model provider.
#[derive(Debug, Clone)]
pub struct ModelUpstream {
    /// Unique among model providers.
    pub name: String,
    /// What it speaks.
    pub dialect: Dialect,
    /// Stands where the gateway has `/v1`: a call to `/v1/messages` goes to `{url}/messages`.
    pub url: BaseUrl,
    /// The provider's key, sent as its dialect wants; without one, none is sent.
    pub key: Option<Secret>,
    /// Which model names go here; at least one pattern.
    pub serves: Vec<Pattern>,
}

/// `[[tools]]`: an MCP server.
#[derive(Debug, Clone)]
pub struct ToolUpstream {
    /// Unique among tool servers; `[a-z0-9][a-z0-9-]*`, at most 32 characters.
    pub name: String,
    /// How it is reached.
    pub transport: Transport,
    /// What precedes the names of its tools where [`Mcp::prefix`] says so: the name and `__`,
    /// unless written.
    pub prefix: String,
    /// Whether what the server itself claims about its tools is believed where it lowers a risk.
    pub trusted: bool,
    /// Which of its tools read private data, by the names the server itself gives them.
    pub private: Vec<Pattern>,
    /// Which of them return what strangers may have written.
    pub untrusted: Vec<Pattern>,
    /// Which of them reach destinations outside.
    pub outside: Vec<Pattern>,
    /// What tokens must be good for: a tool needs the scopes of each pattern that fits.
    pub scopes: Vec<(Pattern, Vec<Arc<str>>)>,
}

/// How a tool server is reached.
#[derive(Debug, Clone)]
pub enum Transport {
    /// Streamable HTTP.
    Http {
        /// The server's MCP endpoint.
        url: BaseUrl,
        /// Sent as a bearer token; without one, none is sent.
        key: Option<Secret>,
        /// Further headers of every request, in the order of their names.
        headers: Vec<(HeaderName, Setting)>,
    },
    /// A child process on standard input and output.
    Stdio {
        /// The program and its arguments; never empty.
        command: Vec<String>,
        /// Variables of the child.
        env: BTreeMap<String, Setting>,
        /// The child's working folder: the configuration file's, unless written.
        cwd: PathBuf,
    },
}

/// A value handed to a tool server, of which only some must be hidden.
#[derive(Debug, Clone)]
pub enum Setting {
    /// May be shown.
    Plain(String),
    /// Must not be.
    Secret(Secret),
}

impl Setting {
    /// The value itself, for the one line that hands it over.
    pub fn expose(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }
}

/// `[mcp]`: how the tool servers are shown behind one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mcp {
    /// When a tool's name is preceded by its server's prefix.
    pub prefix: PrefixRule,
}

/// When a tool's name is preceded by its server's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PrefixRule {
    /// Always: a new server never changes the names of another's tools.
    #[default]
    Always,
    /// Only where two servers have tools of the same name.
    WhenNeeded,
    /// Never; two tools of one name are an error shown at start.
    Never,
}
