//! Reads `[policy]`: which documents decide. They themselves are read elsewhere, again and again.

use std::path::Path;
use std::time::Duration;

use super::super::diagnostic::quoted;
use super::super::pattern::Pattern;
use super::super::policy_files::{PolicyConfig, PolicyFiles};
use super::super::section;
use super::super::walk::{Node, Table};
use super::{Reading, line, resolved};

const RELOAD_INTERVAL: Duration = Duration::from_secs(2);
const RELOAD_INTERVAL_MIN: Duration = Duration::from_millis(100);
const RELOAD_INTERVAL_MAX: Duration = Duration::from_hours(1);

pub(super) fn policy(root: &Table<'_, '_>, reading: &mut Reading<'_>) -> Option<PolicyConfig> {
    let table = root.table("policy", &section::POLICY, &mut reading.report)?;
    let hint = "name the documents: `files = [\"policy/*.cedar\"]`";
    let node = table.require("files", hint, &mut reading.report);
    let items = node.as_ref().map(|node| node.items(&mut reading.report)).unwrap_or_default();
    if let Some(node) = node.filter(|node| node.is_list() && items.is_empty()) {
        let hint = "take the section away, and the agents' lists alone decide";
        reading.report.problem(&node.at, "expected at least one file").hint(hint);
    }
    let files = items.iter().filter_map(|item| files(item, reading)).collect();
    let range = RELOAD_INTERVAL_MIN..=RELOAD_INTERVAL_MAX;
    let interval = table.duration("reload_interval", range, &mut reading.report);
    let reload_interval = interval.unwrap_or(RELOAD_INTERVAL);
    Some(PolicyConfig { files, reload_interval, folder: reading.folder.to_owned() })
}

/// A file, a folder, or the files whose names fit a pattern.
fn files(node: &Node<'_, '_>, reading: &mut Reading<'_>) -> Option<PolicyFiles> {
    let text = line(node, 4096, &mut reading.report)?;
    let path = Path::new(&text);
    let names = path.file_name().and_then(|name| name.to_str()).filter(|name| name.contains('*'));
    let folder = match names {
        Some(_) => path.parent().unwrap_or(Path::new("")),
        None => path,
    };
    if folder.as_os_str().to_string_lossy().contains('*') {
        let message = format!("`*` may stand in the last part of a path, found {}", quoted(&text));
        reading.report.problem(&node.at, message).hint("write each folder out");
        return None;
    }
    let folder = resolved(reading.folder, folder);
    match names.map(Pattern::parse) {
        None => Some(PolicyFiles::Named(folder)),
        Some(Ok(names)) => Some(PolicyFiles::Fitting { folder, names }),
        Some(Err(error)) => {
            reading.report.problem(&node.at, error.to_string());
            None
        }
    }
}
