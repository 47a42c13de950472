//! Who calls, and whose tokens say so.

use super::super::key_hash::KeyHash;
use super::super::pattern::{Pattern, ToolPattern};

/// `[[agent]]`: who may call, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Unique among agents.
    pub name: String,
    /// The team that cost and limits are counted for; empty if none was written.
    pub team: String,
    /// The person it acts for.
    pub owner: String,
    /// Its keys, any of which identifies it: more than one while keys are rotated, none only where
    /// an issuer's tokens do.
    pub keys: Vec<KeyHash>,
    /// The name of the [`TokenIssuer`] whose tokens identify it, too.
    pub issuer: Option<String>,
    /// What such a token's [`agent_claim`](TokenIssuer::agent_claim) says; unique among the agents
    /// of an issuer; the name, unless written.
    pub subject: String,
    /// Which models it may ask for.
    pub models: Vec<Pattern>,
    /// Which tools it may call.
    pub tools: Vec<ToolPattern>,
}

impl Agent {
    /// Whether it may ask for this model at all.
    pub fn may_ask(&self, model: &str) -> bool {
        self.models.iter().any(|pattern| pattern.matches(model))
    }

    /// Whether it may call this tool of this server at all.
    pub fn may_call(&self, server: &str, tool: &str) -> bool {
        self.tools.iter().any(|pattern| pattern.matches(server, tool))
    }
}

/// `[[issuer]]`: whose tokens identify agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenIssuer {
    /// Unique among issuers.
    pub name: String,
    /// What the tokens' `iss` says, compared byte by byte; unique among issuers.
    pub url: String,
    /// What their `aud` must hold.
    pub audience: String,
    /// Where its keys are; nothing: where its metadata says.
    pub jwks: Option<String>,
    /// The claim that names the agent, see [`Agent::subject`].
    pub agent_claim: String,
    /// The claim that names the person the token acts for, instead of [`Agent::owner`]; nothing: no
    /// claim does.
    pub owner_claim: Option<String>,
}
