//! Other arguments for a call that waits, as an approver wants them: checked as if the agent had sent
//! them, and packed so that they can be approved.

use super::{Gate, later};
use crate::clock;
use crate::json;
use approvals::Hold;
use dashboards::site::Edited;
use events::{Decision, Operation};
use policy::{Kind, Question};

impl Gate {
    /// The request of a hold with other arguments (JSON); else why it cannot be, in words.
    pub fn edited(&self, hold: &Hold, request: &[u8], arguments: &str) -> Result<Edited, String> {
        if hold.fact.operation != Operation::ExecuteTool {
            return Err("only the arguments of a tool can be changed".into());
        }
        let canonical = json::canonical(arguments).ok();
        let text = canonical.and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.filter(|text| text.starts_with('{'));
        let text = text.ok_or("the arguments are no JSON object that is written without doubt")?;
        let request = std::str::from_utf8(request).map_err(|error| error.to_string())?;
        let whole = json::set(request, &["params", "arguments"], &text)
            .map_err(|_| "the arguments of this request cannot be replaced")?;
        self.check_policy(hold, &text)?;
        let packed = self.pack(later(hold.session, whole.as_bytes(), true));
        let packed = packed.map_err(|problem| problem.message)?;
        let mark = self.correlator().arguments(&text);
        Ok(Edited { arguments: mark, text: text.into(), request: packed })
    }

    /// Whether the policy lets the agent make such a call at all.
    fn check_policy(&self, hold: &Hold, arguments: &str) -> Result<(), String> {
        let Some(policies) = self.rules.policies() else { return Ok(()) };
        let principal = &hold.fact.principal;
        let owner = principal.owner.to_lowercase();
        let tool = hold.fact.target.as_deref().unwrap_or_default();
        let facts = self.facts().of(hold.session);
        let answer = policies.decide(&Question {
            agent: &principal.agent,
            owner: &owner,
            team: &principal.team,
            actors: &principal.actors,
            kind: Kind::Tool {
                server: &hold.fact.upstream,
                name: tool,
                arguments: Some(arguments),
            },
            session: facts,
            now: clock::now(),
        });
        match answer.verdict.decision {
            Decision::Allow | Decision::Hold => Ok(()),
            Decision::Deny => {
                let reason = answer.verdict.reason.unwrap_or_else(|| "it gives no reason".into());
                Err(format!("the policy forbids such a call: {reason}"))
            }
        }
    }
}
