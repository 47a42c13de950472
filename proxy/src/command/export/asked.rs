//! From the command line to what is asked for.

use super::super::CommandError;
use super::Args;
use analytics::export::Selection;
use analytics::one_line;
use dashboards::ExportAsked;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// The most bytes of a case's file.
const CASE_BYTES_MAX: u64 = 1 << 20;

/// What the command line asks for.
pub(super) fn asked(args: &Args) -> Result<ExportAsked, CommandError> {
    let mut selection = Selection {
        from: args.from,
        to: args.to,
        sessions: args.session.iter().copied().collect(),
        calls: args.call.iter().copied().collect(),
        person: args.principal.clone(),
        agent: args.agent.clone(),
    };
    for case in &args.case {
        add_case(case, &mut selection)?;
    }
    let by = args.by.clone().unwrap_or_else(user);
    let asked = ExportAsked { by, payloads: !args.no_payloads, selection };
    asked.check().map_err(CommandError::Usage)?;
    Ok(asked)
}

fn add_case(path: &Path, selection: &mut Selection) -> Result<(), CommandError> {
    let shown = path.display();
    let failed = |error| CommandError::Io(format!("cannot read `{shown}`: {error}"));
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    file.take(CASE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    let before = selection.sessions.len() + selection.calls.len();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        if let Ok(session) = line.parse() {
            selection.sessions.insert(session);
        } else if let Ok(call) = line.parse() {
            selection.calls.insert(call);
        } else {
            let found = one_line(line, 64);
            let what = format!("`{shown}`, line {number}: expected a session (`ses_…`) or a call");
            return Err(CommandError::Usage(format!("{what} (`call_…`), found `{found}`")));
        }
    }
    // An empty case would select the whole ledger.
    if selection.sessions.len() + selection.calls.len() == before {
        return Err(CommandError::Usage(format!("`{shown}` names no further session or call")));
    }
    Ok(())
}

/// Who runs this program, as far as it can know.
fn user() -> String {
    let named = ["USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    let mut named = named.filter(|name| !name.is_empty());
    named.next().unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}
