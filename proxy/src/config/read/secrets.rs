//! Reads references to secrets and resolves them. A secret written into the file itself is refused,
//! and is blanked out of every line shown.

use std::path::Path;

use super::super::diagnostic::{At, Report, quoted};
use super::super::secret::{Secret, SecretRef};
use super::super::section;
use super::super::shape::Setting;
use super::super::walk::{Node, inside_quotes};
use super::{Reading, resolved};

/// What to write in place of a secret.
const HINT: &str =
    "keep it elsewhere and name the place: `{ env = \"NAME\" }` or `{ file = \"PATH\" }`";

/// Words of a name that make its value a secret.
const SECRET_WORDS: [&str; 10] = [
    "apikey",
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "key",
    "passwd",
    "password",
    "secret",
    "token",
];

/// A secret that may be sent as the value of a header.
pub(super) fn header_secret(node: &Node<'_, '_>, reading: &mut Reading<'_>) -> Option<Secret> {
    let secret = secret(node, reading)?;
    if !secret.expose().bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        reading
            .report
            .problem(&node.at, "the secret holds characters that no header may hold")
            .hint("it must be one line of printable ASCII");
        return None;
    }
    Some(secret)
}

/// A plain value or a secret; under a name that speaks of a secret, a secret.
pub(super) fn setting(
    name: &str,
    node: &Node<'_, '_>,
    reading: &mut Reading<'_>,
) -> Option<Setting> {
    match node.as_text() {
        Some(text) if !speaks_of_secret(name) => Some(Setting::Plain(text.to_owned())),
        Some(_) | None => secret(node, reading).map(Setting::Secret),
    }
}

/// Whether a header or a variable of this name holds a secret, as far as names tell.
fn speaks_of_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.split(['-', '_']).any(|part| SECRET_WORDS.contains(&part))
}

/// A secret, found where the reference says.
pub(super) fn secret(node: &Node<'_, '_>, reading: &mut Reading<'_>) -> Option<Secret> {
    located(node, reading).map(|(_, secret)| secret)
}

/// A secret and where it is kept.
pub(super) fn located(
    node: &Node<'_, '_>,
    reading: &mut Reading<'_>,
) -> Option<(SecretRef, Secret)> {
    let reference = reference(node, reading.folder, &mut reading.report)?;
    let report = &mut reading.report;
    let found = match (reading.lookup)(&reference) {
        Ok(found) => found,
        Err(error) => {
            let finding = report.problem(&node.at, format!("no secret in {reference}: {error}"));
            finding.hint(match reference {
                SecretRef::Env(name) => format!("set `{name}` where the gateway is started"),
                SecretRef::File(_) => {
                    "paths are relative to the configuration file's folder".to_owned()
                }
            });
            return None;
        }
    };
    if found.readable_by_others {
        let message = format!("{reference} can be read by every account of this machine");
        report.warning(&node.at, message).hint("take the permission away: `chmod o-r`");
    }
    // Editors and `echo` end a file with a newline that is no part of the secret.
    let text = found.secret.expose().trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        report.problem(&node.at, format!("{reference} is empty"));
        return None;
    }
    if text.contains('\0') {
        report.problem(&node.at, format!("{reference} holds a NUL character"));
        return None;
    }
    let secret = Secret::new(text);
    Some((reference, secret))
}

fn reference(node: &Node<'_, '_>, folder: &Path, report: &mut Report<'_>) -> Option<SecretRef> {
    if !node.is_table() {
        refuse_inline(node, report);
        return None;
    }
    let table = node.table(&section::SECRET, report)?;
    match (table.get("env"), table.get("file")) {
        (Some(env), None) => {
            let name = env.text(report)?;
            if is_variable(name) {
                return Some(SecretRef::Env(name.to_owned()));
            }
            // Whoever puts the secret here instead of the variable's name must not see it again.
            report.conceal(&inside_quotes(&env.at.span));
            report
                .problem(&env.at, "expected the name of an environment variable")
                .hint("letters, digits and `_`, without `$`: `{ env = \"OPENAI_API_KEY\" }`");
            None
        }
        (None, Some(file)) => {
            let path = super::line(&file, 4096, report)?;
            Some(SecretRef::File(resolved(folder, Path::new(&path))))
        }
        (Some(_), Some(_)) | (None, None) => {
            report.problem(&node.at, "expected either `env` or `file`").hint(HINT);
            None
        }
    }
}

/// Says that a secret does not belong here, without showing it.
pub(super) fn refuse_inline(node: &Node<'_, '_>, report: &mut Report<'_>) {
    let At { span, .. } = &node.at;
    report.conceal(&if node.as_text().is_some() { inside_quotes(span) } else { span.clone() });
    let message = format!("expected a reference to a secret, found {}", node.found());
    report.problem(&node.at, message).hint(HINT);
}

/// Whether a text can name an environment variable.
pub(super) fn is_variable(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.chars().all(fits) && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// Says that a text cannot name an environment variable.
pub(super) fn refuse_variable(name: &str, at: &At, report: &mut Report<'_>) {
    report
        .problem(
            at,
            format!("expected the name of an environment variable, found {}", quoted(name)),
        )
        .hint("letters, digits and `_`, without `$`");
}
