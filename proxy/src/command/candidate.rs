//! Policies that need not be in force: read from files and checked, and the configuration that they
//! are checked against, which may be without its secrets.

use super::CommandError;
use super::serve::DEFAULT_FILE;
use crate::config::{
    Config, Found, LookupError, PolicyConfig, PolicyFile, PolicyFiles, Secret, SecretRef, look_up,
};
use events::Digest;
use policy::{Model, Policies, Source};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Files as a command line names them; problems and verdicts call them the same.
pub(super) fn named(paths: &[PathBuf]) -> PolicyConfig {
    PolicyConfig {
        files: paths.iter().cloned().map(PolicyFiles::Named).collect(),
        reload_interval: Duration::ZERO,
        folder: PathBuf::new(),
    }
}

/// Reads all of the files, or says everything that is wrong with them.
pub(super) fn read(config: &PolicyConfig) -> Result<Vec<Source>, CommandError> {
    let files = config.read().map_err(|errors| unusable(&errors))?;
    let source = |PolicyFile { name, text }| Source { name, text };
    Ok(files.into_iter().map(source).collect())
}

/// Checks policies, or says everything that is wrong with them.
pub(super) fn compile(sources: &[Source], model: &Model) -> Result<Policies, CommandError> {
    Policies::compile(sources, model).map_err(|problems| unusable(&problems))
}

fn unusable(problems: &[impl ToString]) -> CommandError {
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    CommandError::Configuration(format!("the policies cannot be used:\n{}", told.join("\n")))
}

/// The configuration that is named or found, for what sends nothing and lets nobody in: secrets
/// that are not here are not missed.
pub(super) fn configuration(named: Option<&Path>) -> Result<Option<Config>, CommandError> {
    let path = named.unwrap_or_else(|| Path::new(DEFAULT_FILE));
    if named.is_none() && !path.exists() {
        return Ok(None);
    }
    let loaded = Config::load(path, &look_up_or_stand_in)
        .map_err(|problems| CommandError::Configuration(problems.to_string()))?;
    Ok(Some(loaded.config))
}

/// A secret, or in its place one that nobody else has: two agents never have the same key.
fn look_up_or_stand_in(reference: &SecretRef) -> Result<Found, LookupError> {
    look_up(reference).or_else(|_| {
        let place = reference.to_string();
        let text = Digest::of(&[b"not here\0", place.as_bytes()]).to_string();
        Ok(Found { secret: Secret::new(text), readable_by_others: false })
    })
}

/// The tools that policies name: what is quoted in `Action::"…"` and `Tool::"…"` and has a slash.
/// The policies must be such as were checked.
pub(super) fn tools_named(sources: &[Source]) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for source in sources {
        let mut rest = source.text.as_str();
        while let Some((before, quoted)) = next_quoted(&mut rest) {
            let before = before.trim_end();
            let is_tool = before.ends_with("Action::") || before.ends_with("Tool::");
            if is_tool && quoted.contains('/') {
                found.insert(quoted);
            }
        }
    }
    found
}

/// The next quoted text that is not in a comment, with what stands before it.
fn next_quoted<'a>(rest: &mut &'a str) -> Option<(&'a str, &'a str)> {
    loop {
        let (before, from) = rest.split_at(rest.find(['"', '/'])?);
        if let Some(comment) = from.strip_prefix("//") {
            *rest = comment.split_once('\n').map_or("", |(_, after)| after);
            continue;
        }
        let Some(text) = from.strip_prefix('"') else {
            *rest = from.get(1..)?;
            continue;
        };
        let mut is_escaped = false;
        let end = text.find(|next| {
            let is_end = next == '"' && !is_escaped;
            is_escaped = next == '\\' && !is_escaped;
            is_end
        })?;
        let (quoted, after) = text.split_at(end);
        *rest = after.get(1..)?;
        return Some((before, quoted));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_found_where_policies_name_them_and_not_in_comments_or_texts() {
        let text = "// Action::\"a/comment\"\n@why(\"not Action::\\\"a/text\\\" \\\\\")\n\
                    permit (principal, action == Action::\"crm/refund\", resource)\n\
                    unless { resource == Tool :: \"crm/x\" || resource == Tool::\"crm/drop\"\n\
                    || 4 / 2 == 2 || action in Action::\"call_tool\" };";
        let source = Source { name: "a".into(), text: text.into() };
        let found = tools_named(std::slice::from_ref(&source));
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["crm/drop", "crm/refund"]);
    }

    #[test]
    fn a_secret_that_is_not_here_is_stood_in_for_by_one_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("countersign.toml");
        let agent = |name: &str| {
            format!(
                "[[agent]]\nname = \"{name}\"\nowner = \"ada@example.com\"\n\
                 key = {{ env = \"COUNTERSIGN_NOT_SET_{name}\" }}\n"
            )
        };
        std::fs::write(&file, agent("a") + &agent("b")).unwrap();
        let config = configuration(Some(&file)).unwrap().unwrap();
        assert_eq!(config.agents.len(), 2);
        let error = configuration(Some(&folder.path().join("absent"))).unwrap_err();
        assert_eq!(error.exit_code(), 78);
    }
}
