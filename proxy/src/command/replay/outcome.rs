//! What became of one call in a replay.

use super::super::decision_words::{approvers, because, decided};
use super::asked::Asked;
use analytics::one_line;
use events::{CallId, Decision, Envelope, SessionId, Timestamp};
use policy::Answer;
use serde_json::{Value, json};

/// The most columns of a name that an agent chose.
const NAME_COLUMNS: usize = 80;

/// A call, and what would have become of it.
pub(super) struct Row {
    sequence: u64,
    time: Timestamp,
    call: Option<CallId>,
    session: Option<SessionId>,
    pub(super) agent: String,
    pub(super) object: String,
    pub(super) was: Decision,
    pub(super) outcome: Outcome,
}

/// What would have become of a call.
pub(super) enum Outcome {
    /// What it was about is not kept any more.
    Undecidable,
    /// This.
    Decided {
        /// The answer of the policies.
        answer: Box<Answer>,
        /// Whether it was held then as well, with other people to ask or other times.
        has_other_rule: bool,
    },
}

impl Row {
    pub(super) fn new(
        envelope: &Envelope,
        asked: &Asked<'_>,
        (was, outcome): (Decision, Outcome),
    ) -> Self {
        Self {
            sequence: envelope.sequence,
            time: envelope.time,
            call: envelope.call,
            session: envelope.session,
            agent: one_line(&asked.principal.agent, NAME_COLUMNS),
            object: one_line(&asked.object(), NAME_COLUMNS),
            was,
            outcome,
        }
    }

    /// What would change, in words.
    pub(super) fn change(&self) -> String {
        let was = decided(self.was);
        match &self.outcome {
            Outcome::Undecidable => format!("{was}, undecidable"),
            Outcome::Decided { answer, has_other_rule } => {
                match (answer.verdict.decision == self.was, has_other_rule) {
                    (true, false) => format!("still {was}"),
                    (true, true) => format!("still {was}, by another rule"),
                    (false, _) => format!("{was} → {}", decided(answer.verdict.decision)),
                }
            }
        }
    }

    /// Whether anything would change.
    pub(super) fn is_changed(&self) -> bool {
        match &self.outcome {
            Outcome::Undecidable => false,
            Outcome::Decided { answer, has_other_rule } => {
                answer.verdict.decision != self.was || *has_other_rule
            }
        }
    }

    /// Whether the call was allowed and would not be.
    pub(super) fn is_stricter(&self) -> bool {
        match &self.outcome {
            Outcome::Undecidable => false,
            Outcome::Decided { answer, .. } => {
                self.was == Decision::Allow && answer.verdict.decision != Decision::Allow
            }
        }
    }

    /// Whether policies in shadow would make something else of it.
    pub(super) fn is_shadowed(&self) -> bool {
        match &self.outcome {
            Outcome::Undecidable => false,
            Outcome::Decided { answer, .. } => answer.shadow.is_some(),
        }
    }

    /// What was made of it and why, as lines that other calls may have as well.
    pub(super) fn heading(&self) -> Vec<String> {
        let Outcome::Decided { answer, .. } = &self.outcome else {
            return vec![format!("{}: what was asked is not kept", self.change())];
        };
        let mut lines = vec![format!("{} {}", self.change(), because(&answer.verdict))];
        lines.extend(answer.rule.as_ref().map(|rule| format!("asks {}", approvers(rule))));
        lines.extend(answer.shadow.as_ref().map(|shadow| {
            format!(
                "if policies in shadow counted: {} {}",
                decided(shadow.decision),
                because(shadow)
            )
        }));
        lines
    }

    /// Which call it is.
    pub(super) fn line(&self) -> String {
        let call = self.call.map(|call| call.to_string()).unwrap_or_default();
        let time = self.time.to_string();
        let time = time.get(..19).unwrap_or(&time);
        format!("{time}Z  {call}  {}  {}", self.agent, self.object)
    }

    /// Everything, for programs.
    pub(super) fn json(&self) -> Value {
        let mut told = json!({
            "sequence": self.sequence, "time": self.time, "call": self.call,
            "session": self.session, "agent": self.agent, "object": self.object,
            "was": self.was, "change": self.change(),
        });
        if let (Outcome::Decided { answer, .. }, Some(members)) =
            (&self.outcome, told.as_object_mut())
        {
            members.insert("verdict".to_owned(), json!(answer.verdict));
            members.insert("rule".to_owned(), json!(answer.rule));
            members.insert("shadow".to_owned(), json!(answer.shadow));
        }
        told
    }
}
