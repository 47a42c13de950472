//! From a hold and its payloads to what a page says of it. It blocks.

use super::Site;
use super::exact::{besides, exact, payload};
use super::story::so_far;
use crate::markup::Label;
use crate::moment::Moment;
use crate::pages::{Ask, Comparison, Mood, Past, Reason, Tier};
use crate::truth::{Arguments, arguments, difference};
use approvals::{Hold, HoldFilter, HoldView, State, fingerprint};
use events::{Operation, Vote};
use std::sync::Arc;

/// How many earlier calls are told.
const PAST_MAX: usize = 5;

/// How many decided calls of the agent are looked through for them.
const LOOKED_AT_MAX: usize = 500;

/// What of a hold is on a page.
pub(super) struct Asked {
    /// As it is shown.
    pub(super) ask: Ask,
    /// What would run.
    pub(super) bytes: Result<Vec<u8>, String>,
}

/// The arguments of a hold as they are shown, and the bytes.
pub(super) fn what_runs(site: &Site, hold: &Hold) -> (Arguments, Result<Vec<u8>, String>) {
    let bytes = exact(site, hold, hold.request.as_ref());
    let shown = match &bytes {
        Ok(bytes) => arguments(bytes),
        Err(why) => Arguments {
            bytes: 0,
            rows: Vec::new(),
            uninspectable: vec![format!("What would run cannot be shown: {why}.")],
            raw: None,
        },
    };
    (shown, bytes)
}

/// The name of what is called.
pub(super) fn name(hold: &Hold) -> &str {
    let fact = &hold.fact;
    fact.target.as_deref().or(fact.model.as_deref()).unwrap_or(&fact.method)
}

/// All that a page says of a hold.
pub(super) fn asked(site: &Site, view: &HoldView) -> Asked {
    let hold = &view.hold;
    let (arguments, bytes) = what_runs(site, hold);
    let past = similar(site, hold);
    let fact = &hold.fact;
    let principal = &fact.principal;
    let mut for_whom = vec![Label::name(&principal.owner)];
    for_whom.extend(principal.actors.iter().map(|actor| Label::name(actor)));
    let ask = Ask {
        call: hold.id.to_string(),
        digest: hold.digest.to_string(),
        fingerprint: fingerprint(&hold.digest),
        tier: Tier::from(fact.rule.risk),
        tool: Label::name(name(hold)),
        server: Label::name(&fact.upstream),
        provenance: provenance(site, hold),
        agent: Label::name(&principal.agent),
        team: Label::name(&principal.team),
        for_whom,
        asked: Moment::of(hold.at),
        sentence: None,
        reasons: reasons(hold),
        risks: risks(site, view, &past),
        comparisons: comparisons(site, hold, &past, bytes.as_deref().ok()),
        arguments,
        so_far: so_far(site, hold),
        session: hold.session.to_string(),
        narrative: None,
        history: history(site, &past, bytes.as_deref().ok()),
    };
    Asked { ask, bytes }
}

fn reasons(hold: &Hold) -> Vec<Reason> {
    let verdict = &hold.fact.verdict;
    let text = verdict.reason.as_deref().unwrap_or("The policy gives no reason.");
    let names: Vec<&str> = verdict.policies.iter().map(|policy| &**policy).collect();
    vec![Reason { policy: Label::of(&names.join(", ")), text: Label::of(text) }]
}

/// What the gateway finds risky, in words of ours.
fn risks(site: &Site, view: &HoldView, past: &[HoldView]) -> Vec<String> {
    let hold = &view.hold;
    let mut risks: Vec<String> = site.parts().backstage.away(&view.hold).into_iter().collect();
    if hold.fact.operation == Operation::ExecuteTool {
        let request = payload(site, hold.session, hold.request.as_ref()).unwrap_or_default();
        let besides = besides(&request);
        if !besides.is_empty() {
            let besides = besides.join(", ");
            risks.push(format!("The request also carries what is not shown here: {besides}."));
        }
    }
    if !past.iter().any(|past| was_approved(&past.hold)) {
        risks.push("No call of this tool by this agent is known to have been approved.".to_owned());
    }
    if !view.is_answerable {
        risks.push(
            "The people known here are not enough to approve it: somebody who never signed in has \
             to, or the answer will be no."
                .to_owned(),
        );
    }
    risks
}

/// What is known of the tool.
fn provenance(site: &Site, hold: &Hold) -> Vec<String> {
    let fact = &hold.fact;
    let Some(target) = fact.target.as_deref().filter(|_| fact.operation == Operation::ExecuteTool)
    else {
        return Vec::new();
    };
    let Some(tool) = site.parts().backstage.tool(&fact.upstream, target) else {
        return vec!["Its server did not describe it since the gateway started.".to_owned()];
    };
    let mut said = Vec::new();
    if fact.definition.is_some_and(|digest| digest != tool.digest) {
        said.push(
            "Its server describes it differently by now than when the call was asked for: an \
             approval will not let it go."
                .to_owned(),
        );
    }
    let text = tool.text.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let definition: serde_json::Value = text.unwrap_or_default();
    let claim = |name: &str| definition.pointer("/annotations")?.get(name)?.as_bool();
    said.push(
        match (claim("readOnlyHint"), claim("destructiveHint")) {
            (Some(true), _) => "Its server says that it only reads. Nobody checked that.",
            (_, Some(false)) => "Its server says that it destroys nothing. Nobody checked that.",
            _ => "Its server does not say that it is harmless.",
        }
        .to_owned(),
    );
    said
}

/// Earlier calls of the same tool by the same agent that people decided on, the newest first.
fn similar(site: &Site, hold: &Hold) -> Vec<HoldView> {
    let agent = Some(Arc::clone(&hold.fact.principal.agent));
    let filter =
        HoldFilter { pending: Some(false), agent, before: Some(hold.id), limit: LOOKED_AT_MAX };
    let all = site.desk().holds(&filter).into_iter();
    let is_like = |view: &HoldView| {
        let (fact, other) = (&view.hold.fact, &hold.fact);
        fact.target == other.target && fact.upstream == other.upstream && fact.model == other.model
    };
    all.filter(is_like).take(PAST_MAX).collect()
}

const fn was_approved(hold: &Hold) -> bool {
    match hold.state {
        State::Granted { .. } | State::Dispatched { .. } => true,
        State::Pending
        | State::Refused { .. }
        | State::Expired { .. }
        | State::Withdrawn { .. } => false,
    }
}

/// What became of a hold, in a word, and how good that is.
pub(super) fn outcome(hold: &Hold) -> (&'static str, Mood) {
    match &hold.state {
        State::Pending => ("waits", Mood::Warning),
        State::Granted { .. } => ("approved, not made yet", Mood::Good),
        State::Dispatched { .. } => ("approved", Mood::Good),
        State::Refused { .. } => ("rejected", Mood::Bad),
        State::Expired { granted: true, .. } => ("approved, and not made in time", Mood::Quiet),
        State::Expired { granted: false, .. } => ("not decided in time", Mood::Bad),
        State::Withdrawn { .. } => ("withdrawn", Mood::Quiet),
    }
}

/// Who decided a hold.
pub(super) fn deciders(hold: &Hold) -> String {
    if let State::Withdrawn { by, .. } = &hold.state {
        return by.to_string();
    }
    let wanted = if was_approved(hold) { Vote::Approve } else { Vote::Reject };
    let votes = hold.standing().into_iter().map(|(_, vote)| vote);
    let names: Vec<&str> =
        votes.filter(|vote| vote.vote == wanted).map(|vote| &*vote.by.email).collect();
    let nobody_did = matches!(hold.state, State::Expired { .. });
    if nobody_did { String::new() } else { names.join(" and ") }
}

fn history(site: &Site, past: &[HoldView], bytes: Option<&[u8]>) -> Vec<Past> {
    let past = past.iter().map(|view| {
        let hold = &view.hold;
        let (outcome, mood) = outcome(hold);
        let before = exact(site, hold, hold.request.as_ref()).ok();
        let differs = before.zip(bytes).and_then(|(before, now)| difference(&before, now).ok());
        Past {
            when: Moment::of(hold.at),
            outcome: outcome.to_owned(),
            mood,
            by: Label::name(&deciders(hold)),
            differs: differs.map(|changes| changes.len()),
            call: hold.id.to_string(),
        }
    });
    past.collect()
}

fn comparisons(
    site: &Site,
    hold: &Hold,
    past: &[HoldView],
    bytes: Option<&[u8]>,
) -> Vec<Comparison> {
    let mut compared = Vec::new();
    if let Some(edit) = hold.edits.last() {
        let title = format!("What {} changed", edit.fact.by.email);
        let original = exact(site, hold, hold.fact.request.as_ref());
        compared.push(comparison(title, original, bytes));
    }
    if let Some(last) = past.iter().find(|view| was_approved(&view.hold)) {
        let title = "What differs from the last approved call of this tool".to_owned();
        let before = exact(site, &last.hold, last.hold.request.as_ref());
        compared.push(comparison(title, before, bytes));
    }
    compared
}

fn comparison(title: String, before: Result<Vec<u8>, String>, bytes: Option<&[u8]>) -> Comparison {
    let changes = before.and_then(|before| {
        let now = bytes.ok_or_else(|| "this call cannot be shown".to_owned())?;
        difference(&before, now)
    });
    match changes {
        Ok(changes) => Comparison { title, changes, problem: None },
        Err(why) => {
            let problem = Some(format!("They cannot be compared: {why}"));
            Comparison { title, changes: Vec::new(), problem }
        }
    }
}

/// A text of the agent's, to be read back before a grave call is approved: the first argument that
/// matters and is short and plain, with its name.
pub(super) fn challenge(arguments: &Arguments) -> Option<(String, String)> {
    use crate::truth::Content;
    let plain = |text: &str| {
        (1..=60).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    arguments.rows.iter().find_map(|row| {
        let name = row.name.as_ref()?.source();
        let (Content::Text(value) | Content::Number(value)) = &row.content else { return None };
        let value = value.source();
        (row.depth == 0 && plain(&name) && plain(&value)).then_some((name, value))
    })
}
