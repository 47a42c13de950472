//! From the command line to what is asked for.

use super::super::CommandError;
use super::super::who::user;
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
        let session = line.parse().map(|session| selection.sessions.insert(session)).ok();
        let call = || line.parse().map(|call| selection.calls.insert(call)).ok();
        if session.or_else(call).is_none() {
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
