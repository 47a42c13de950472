//! What a modern client is given to come back with while people decide, and what it brings back. It
//! grants nothing: whoever has it waits by a hold that is of the same call.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::CallId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::json;

use super::envelope::Message;

/// How often a client is sent back for the same call. Clients give up after ten rounds, and then
/// tell their model nothing that it understands; so before that it is told to ask again.
pub(crate) const ROUNDS_MAX: u32 = 8;

/// What the gateway's own states begin with; all others are an upstream's.
const PREFIX: &str = "countersign.1.";

/// A state that the gateway gave out, as it was brought back.
#[derive(Debug)]
pub(crate) struct State(String);

/// Where a call was when its client was sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Round {
    /// The hold.
    pub(crate) hold: CallId,
    /// How often its client was sent back.
    pub(crate) number: u32,
}

/// Signs states, and knows its own again. After a restart it knows none, and the calls that come
/// with them are recognised by what they are.
#[derive(Clone)]
pub(crate) struct States(Arc<Hmac<Sha256>>);

impl State {
    /// The state that a request brings, if the gateway gave it out.
    pub(crate) fn of(message: &Message<'_>) -> Option<Self> {
        let state = message.string(&["params", "requestState"])?;
        state.strip_prefix(PREFIX).map(|rest| Self(rest.to_owned()))
    }
}

impl States {
    /// Signs with a fresh key; fails without a source of randomness.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 64];
        getrandom::fill(&mut key)?;
        Ok(Self(Arc::new(Hmac::new(&key.into()))))
    }

    /// A state for this agent.
    pub(crate) fn seal(&self, round: &Round, agent: &str) -> String {
        let Round { hold, number } = round;
        let said = format!("{hold}.{number}");
        let tag = URL_SAFE_NO_PAD.encode(self.tagged(&said, agent).finalize().into_bytes());
        format!("{PREFIX}{said}.{tag}")
    }

    /// What a state says, if it was given to this agent.
    pub(crate) fn open(&self, State(state): &State, agent: &str) -> Option<Round> {
        let (said, tag) = state.rsplit_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        self.tagged(said, agent).verify_slice(&tag).ok()?;
        let (hold, number) = said.split_once('.')?;
        Some(Round { hold: hold.parse().ok()?, number: number.parse().ok()? })
    }

    fn tagged(&self, said: &str, agent: &str) -> Hmac<Sha256> {
        let mut mac = (*self.0).clone();
        mac.update(said.as_bytes());
        mac.update(b"\0");
        mac.update(agent.as_bytes());
        mac
    }
}

/// The request without the state, which its server never gave out.
pub(crate) fn without_state(message: &Message<'_>) -> String {
    let text = json::remove(message.text, &["params", "requestState"]);
    let text = text.unwrap_or_else(|_| message.text.to_owned());
    json::remove(&text, &["params", "inputResponses"]).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ulid::Ulid;

    #[test]
    fn a_state_is_known_again_for_the_agent_it_was_given_to_and_nobody_else() {
        let states = States::new().unwrap();
        let round = Round { hold: CallId::new(Ulid::from_parts(1, 2)), number: 3 };
        let sealed = states.seal(&round, "bot");
        let state = |text: &str| State(text.strip_prefix(PREFIX).unwrap().to_owned());
        assert_eq!(states.open(&state(&sealed), "bot"), Some(round));
        assert_eq!(states.open(&state(&sealed), "other"), None);
        assert_eq!(states.open(&state(&sealed.replace(".3.", ".1.")), "bot"), None);
        assert_eq!(States::new().unwrap().open(&state(&sealed), "bot"), None);
    }
}
