//! Recorded sessions of an airline agent, and what is looked up in them; it answers no request.
//!
//! The format is that of the tau-bench trajectories: a JSON list of `{task_id, trial, traj}`, where
//! `traj` holds chat messages. See `proxy/demo/README.md` for where they come from.

use std::{collections::HashMap, fs, io, path::Path, sync::Arc};

use serde::Deserialize;
use serde_json::{Value, json};

use super::conversation::{Call, Digest, Role, Turn, call_digest, digest};

/// A small licensed part of the recordings, inside the program.
const EMBEDDED_SESSIONS: &[u8] = include_bytes!("../../demo/airline-sessions.json");

/// The definitions of the fourteen airline tools, as MCP lists them.
const EMBEDDED_TOOLS: &[u8] = include_bytes!("../../demo/airline-tools.json");

/// Why recordings can't be played.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file can't be read.
    #[error("can't read the recorded sessions: `{path}`: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The text is not a list of sessions.
    #[error("the recorded sessions are not a list of `{{task_id, trial, traj}}`: {0}")]
    Format(#[from] serde_json::Error),
}

/// One recorded conversation between a person, a model and tools.
#[derive(Clone, Debug, Deserialize)]
pub struct Session {
    /// What the person wanted; four trials share one task.
    pub task_id: u32,
    /// Which attempt at the task this is, from 0.
    pub trial: u32,
    /// All messages, beginning with the system message.
    #[serde(rename = "traj")]
    pub messages: Vec<Message>,
}

/// A chat message as recorded.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub enum Message {
    /// The instructions to the model.
    System {
        /// The text.
        content: String,
    },
    /// What the person says.
    User {
        /// The text.
        content: String,
    },
    /// What the model answers.
    Assistant {
        /// The text, if any.
        content: Option<String>,
        /// The tools it asks for.
        #[serde(default)]
        tool_calls: Vec<RecordedCall>,
    },
    /// What a tool reports.
    Tool {
        /// The call it reports on.
        tool_call_id: String,
        /// The text; `Error: …` where the tool refused.
        content: String,
    },
}

/// A tool call as recorded in an assistant's message.
#[derive(Clone, Debug, Deserialize)]
pub struct RecordedCall {
    id: String,
    function: RecordedFunction,
}

#[derive(Clone, Debug, Deserialize)]
struct RecordedFunction {
    name: String,
    arguments: String,
}

impl Message {
    /// The message in the form that all dialects share.
    pub fn turn(&self) -> Turn {
        match self {
            Self::System { content } => Turn::said(Role::System, content),
            Self::User { content } => Turn::said(Role::User, content),
            Self::Tool { content, .. } => Turn::said(Role::Tool, content),
            Self::Assistant { content, tool_calls } => Turn {
                role: Role::Assistant,
                text: content.clone().unwrap_or_default(),
                calls: tool_calls
                    .iter()
                    .map(|call| Call {
                        id: call.id.clone(),
                        name: call.function.name.clone(),
                        arguments: call.function.arguments.clone(),
                    })
                    .collect(),
            },
        }
    }
}

/// Sessions with the indexes to answer from them: model answers by conversation, results by call.
pub struct Recordings {
    sessions: Vec<Session>,
    tools: Vec<Value>,
    answers: HashMap<Digest, Arc<Turn>>,
    results: HashMap<Digest, Vec<Arc<str>>>,
}

impl Recordings {
    /// The sessions that are vendored into the program.
    pub fn embedded() -> Result<Self, LoadError> {
        Self::parse(EMBEDDED_SESSIONS)
    }

    /// The sessions of a file, which is read whole.
    pub fn from_file(path: &Path) -> Result<Self, LoadError> {
        let bytes = fs::read(path)
            .map_err(|source| LoadError::Read { path: path.display().to_string(), source })?;
        Self::parse(&bytes)
    }

    fn parse(bytes: &[u8]) -> Result<Self, LoadError> {
        let mut recordings = Self {
            sessions: serde_json::from_slice(bytes)?,
            tools: serde_json::from_slice(EMBEDDED_TOOLS)?,
            answers: HashMap::new(),
            results: HashMap::new(),
        };
        let sessions = std::mem::take(&mut recordings.sessions);
        for session in &sessions {
            recordings.index(session);
        }
        recordings.sessions = sessions;
        Ok(recordings)
    }

    /// Where two recordings went on differently after the same conversation, the first one stands.
    fn index(&mut self, session: &Session) {
        let turns: Vec<Turn> = session.messages.iter().map(Message::turn).collect();
        let mut asked: &[Call] = &[];
        for (position, (turn, message)) in turns.iter().zip(&session.messages).enumerate() {
            if turn.role == Role::Assistant {
                asked = &turn.calls;
                let before = turns.get(..position).unwrap_or_default();
                self.answers.entry(digest(before)).or_insert_with(|| Arc::new(turn.clone()));
            }
            if let Message::Tool { tool_call_id, content } = message
                && let Some(call) = asked.iter().find(|call| call.id == *tool_call_id)
            {
                let key = call_digest(&call.name, &call.arguments_value());
                self.results.entry(key).or_default().push(content.as_str().into());
            }
        }
    }

    /// All sessions, in the order of the file.
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// What the model answered to this conversation, if it was recorded.
    pub fn answer(&self, conversation: &Digest) -> Option<&Arc<Turn>> {
        self.answers.get(conversation)
    }

    /// Every result recorded for a call, in the order of the file, one per time it was made.
    pub fn results(&self, call: &Digest) -> &[Arc<str>] {
        self.results.get(call).map_or(&[], Vec::as_slice)
    }

    /// The digests of all calls that have results.
    pub fn calls(&self) -> impl Iterator<Item = &Digest> {
        self.results.keys()
    }

    /// The airline tools as MCP lists them.
    pub fn tools(&self) -> &[Value] {
        &self.tools
    }
}

/// An MCP tool as an OpenAI chat completion request offers it to the model.
pub fn as_function(tool: &Value) -> Value {
    json!({"type": "function", "function": {
        "name": tool.get("name"),
        "description": tool.get("description"),
        "parameters": tool.get("inputSchema"),
    }})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_defined_tool_is_called_in_the_embedded_sessions_and_the_other_way_round() {
        let recordings = Recordings::embedded().unwrap();
        let called: BTreeSet<String> = recordings
            .sessions()
            .iter()
            .flat_map(|session| &session.messages)
            .flat_map(|message| message.turn().calls)
            .map(|call| call.name)
            .collect();
        let defined: BTreeSet<String> =
            recordings.tools().iter().map(|t| t["name"].as_str().unwrap().into()).collect();
        assert_eq!(called, defined);
        assert_eq!(defined.len(), 14);
    }

    #[test]
    fn recorded_arguments_have_the_names_that_the_schemas_give() {
        let recordings = Recordings::embedded().unwrap();
        let messages = recordings.sessions().iter().flat_map(|session| &session.messages);
        for call in messages.flat_map(|message| message.turn().calls) {
            let tool = recordings.tools().iter().find(|tool| tool["name"] == call.name).unwrap();
            let arguments = call.arguments_value();
            let given: BTreeSet<&String> = arguments.as_object().unwrap().keys().collect();
            let known = tool["inputSchema"]["properties"].as_object().unwrap().keys().collect();
            assert_eq!(given, known, "{call:?}");
        }
    }

    #[test]
    fn a_missing_file_is_named_in_the_error() {
        let error = Recordings::from_file(Path::new("no/such/file")).err().unwrap();
        assert!(error.to_string().contains("`no/such/file`"), "{error}");
    }
}
