//! Calls that wait, on a terminal. Whatever agents or people wrote is shown as it is: what would
//! not be seen, or would move the cursor, is spelled out.

use super::super::CommandError;
use super::super::decision_words::escaped;
use super::told::Told;
use crate::clock;
use dashboards::truth::{Content, Row, Shown, Span, arguments};
use events::{CallId, Risk, Vote};
use serde_json::Value;
use std::io::Write;

/// The most characters of a name in a list; it is shown whole elsewhere.
const NAME_CHARACTERS: usize = 60;

/// A line for each.
pub(super) fn list(told: &[Told], out: &mut dyn Write) -> Result<(), CommandError> {
    if told.is_empty() {
        writeln!(out, "no calls")?;
    }
    for one in told {
        let object = escaped(&format!("{}/{}", one.upstream, one.target));
        let object: String = object.chars().take(NAME_CHARACTERS).collect();
        let state = match one.state.as_str() {
            "pending" => format!("{} left", left(one)),
            state => escaped(state),
        };
        writeln!(
            out,
            "{}  {:8}  {:14}  {}  {object}  for {}",
            one.id,
            risk(one.risk),
            state,
            escaped(&one.agent),
            escaped(&one.owner)
        )?;
    }
    Ok(())
}

/// Everything about one.
pub(super) fn show(told: &Told, out: &mut dyn Write) -> Result<(), CommandError> {
    let rows = [
        ("call", told.id.to_string()),
        ("state", state(told)),
        ("agent", format!("{} (team {})", escaped(&told.agent), escaped(&told.team))),
        ("for", escaped(&told.owner)),
        ("wants", escaped(&format!("{}/{}", told.upstream, told.target))),
        ("risk", risk(told.risk).to_owned()),
        ("why", why(told)),
        ("needs", needs(told)),
        ("version", told.version.to_string()),
        ("fingerprint", told.fingerprint()),
    ];
    for (name, text) in rows {
        writeln!(out, "{name:<12} {text}")?;
    }
    if let Some(why) = &told.may_not_vote {
        writeln!(out, "{:<12} you may not vote: {}", "", escaped(why))?;
    }
    writeln!(out, "\nWhat would run:")?;
    match (&told.arguments, &told.not_shown) {
        (Some(text), _) => write_arguments(text, out)?,
        (None, Some(why)) => writeln!(out, "  it cannot be shown: {}", escaped(why))?,
        (None, None) => writeln!(out, "  it has no content")?,
    }
    for vote in &told.votes {
        let what = match vote.vote {
            Vote::Approve => "approved",
            Vote::Reject => "rejected",
        };
        let whose = vote.for_person.as_deref().map(|person| format!(" for {}", escaped(person)));
        let void = if vote.void { " (void)" } else { "" };
        let reason = vote.reason.as_deref().map(|reason| format!(": {}", escaped(reason)));
        let (whose, reason) = (whose.unwrap_or_default(), reason.unwrap_or_default());
        writeln!(out, "\n{}  {}{whose} {what}{void}{reason}", vote.at, escaped(&vote.by))?;
    }
    for said in &told.comments {
        writeln!(out, "\n{}  {} said: {}", said.at, escaped(&said.by), escaped(&said.text))?;
    }
    Ok(())
}

/// What became of it.
pub(super) fn standing(
    call: CallId,
    standing: &Value,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let text = |name: &str| standing.get(name).and_then(Value::as_str).map(escaped);
    let state = text("state").unwrap_or_default();
    let needs = text("needs").filter(|needs| state == "pending" && !needs.is_empty());
    let needs = needs.map(|needs| format!("; it needs {needs}")).unwrap_or_default();
    writeln!(out, "{call} is {state}{needs}")?;
    Ok(())
}

fn state(told: &Told) -> String {
    if told.state != "pending" {
        return escaped(&told.state);
    }
    let waits = if told.waiting == 0 {
        "; the agent does not wait at the moment, and makes it when it asks again"
    } else {
        ""
    };
    format!("pending, until {} ({} left){waits}", told.expires, left(told))
}

fn left(told: &Told) -> String {
    let seconds = told.expires.micros().saturating_sub(clock::now().micros()) / 1_000_000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

fn why(told: &Told) -> String {
    let reason = told.reason.as_deref().unwrap_or_default();
    escaped(&format!("{reason} (by {})", told.policies.join(", ")))
}

fn needs(told: &Told) -> String {
    let reason = if told.reason_required { "; an approval needs a reason" } else { "" };
    let Told { approved, rejected, .. } = told;
    let needs = if told.needs.is_empty() { "nobody more".to_owned() } else { escaped(&told.needs) };
    format!("{needs}{reason} ({approved} approved, {rejected} rejected)")
}

const fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
        Risk::Critical => "critical",
    }
}

fn write_arguments(text: &str, out: &mut dyn Write) -> Result<(), CommandError> {
    let told = arguments(text.as_bytes());
    for row in told.rows.iter().chain(&told.raw) {
        write_row(row, out)?;
    }
    for why in &told.uninspectable {
        writeln!(out, "  ! {}", escaped(why))?;
    }
    writeln!(out, "  ({} bytes)", told.bytes)?;
    Ok(())
}

fn write_row(row: &Row, out: &mut dyn Write) -> Result<(), CommandError> {
    let indent = "  ".repeat(row.depth + 1);
    let name = row.name.as_ref().map(|name| whole(name, " ")).or_else(|| {
        let index = row.index?;
        Some(format!("[{index}]"))
    });
    let content = match &row.content {
        Content::Object(count) => format!("({count} values)"),
        Content::List(count) => format!("(a list of {count})"),
        Content::Text(text) if text.bytes == 0 => "(an empty text)".to_owned(),
        Content::Text(text) => whole(text, &format!("\n{indent}  ")),
        Content::Number(number) => whole(number, ""),
        Content::Word(word) => (*word).to_owned(),
    };
    let name = name.map(|name| format!("{name}: ")).unwrap_or_default();
    writeln!(out, "{indent}{name}{content}")?;
    for note in &row.notes {
        let word: String = note.word.iter().map(Span::text).collect();
        let word = if word.is_empty() { word } else { format!(" ({word})") };
        writeln!(out, "{indent}  ! {}{word}", note.text)?;
    }
    Ok(())
}

/// All of a text, with `newline` where it goes on in a new line. Nothing is folded here; what is
/// too much for any page is counted.
fn whole(shown: &Shown, newline: &str) -> String {
    let spell = |spans: &[Span]| -> String {
        let spelled = spans.iter().map(|span| {
            let end = if span.breaks() { newline } else { "" };
            format!("{}{end}", span.text())
        });
        spelled.collect()
    };
    let head = spell(&shown.head);
    let Some(folded) = &shown.folded else { return head };
    let middle = match &folded.middle {
        Some(middle) => spell(middle),
        None => format!("{newline}({} bytes are not shown){newline}", folded.hidden),
    };
    format!("{head}{middle}{}", spell(&folded.tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        write_arguments(text, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_would_run_is_shown_as_it_is_and_nothing_of_it_moves_the_cursor() {
        let text = "{\"to\":\"ada\\u202Egpj.exe\",\"body\":\"a\\nb\\u001b[2J\",\"n\":[1,{}]}";
        let shown = written(text);
        assert!(shown.contains("to: ada⟦U+202E RLO⟧gpj.exe\n"), "{shown}");
        assert!(shown.contains("⟦U+001B ESC⟧[2J"), "{shown}");
        assert!(shown.contains("n: (a list of 2)\n    [0]: 1\n"), "{shown}");
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
    }

    #[test]
    fn a_long_text_is_shown_to_its_end_or_counted() {
        let long = "x".repeat(5_000) + "END";
        assert!(written(&format!("{{\"a\":\"{long}\"}}")).contains(&long));
        let longer = "y ".repeat(500_000);
        assert!(written(&format!("{{\"a\":\"{longer}\"}}")).contains("bytes are not shown)"));
    }
}
