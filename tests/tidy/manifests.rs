//! Every crate inherits its version, edition, lints and the versions of what it uses.

use crate::layers::CRATES;
use crate::tree::Tree;

/// What each `[package]` takes from the workspace.
const INHERITED: &[&str] = &["version", "edition", "rust-version", "license", "publish"];

/// The lines of each section whose name ends so, without comments and blank lines.
fn section<'a>(manifest: &'a str, end: &'static str) -> impl Iterator<Item = &'a str> {
    let mut inside = false;
    manifest.lines().map(str::trim).filter(move |line| {
        if line.starts_with('[') {
            inside = line.trim_matches(['[', ']']).ends_with(end);
            return false;
        }
        inside && !line.is_empty() && !line.starts_with('#')
    })
}

/// The names of everything a crate depends on, for whatever reason.
pub(crate) fn dependencies(manifest: &str) -> Vec<String> {
    let name = |line: &str| {
        line.split(['.', ' ', '=']).next().filter(|name| !name.is_empty()).map(str::to_owned)
    };
    section(manifest, "dependencies").filter_map(name).collect()
}

fn check(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    let members: Vec<String> =
        CRATES.iter().map(|(_, folder, _)| format!("{folder}/Cargo.toml")).collect();
    for (path, manifest) in members.iter().filter_map(|path| Some((path, tree.text(path)?))) {
        for key in INHERITED {
            let line = format!("{key}.workspace = true");
            if !section(manifest, "package").any(|found| found == line) {
                complaints.push(format!("{path}: `[package]` lacks `{line}`: add it"));
            }
        }
        if !section(manifest, "lints").any(|found| found == "workspace = true") {
            complaints.push(format!("{path}: lacks `[lints]` with `workspace = true`: add it"));
        }
        for line in section(manifest, "dependencies") {
            if !line.contains("workspace = true") {
                complaints.push(format!(
                    "{path}: `{line}` does not inherit: name its version in the root Cargo.toml"
                ));
            }
        }
    }
    complaints.extend(check_root(tree.text("Cargo.toml").unwrap_or_default()));
    complaints
}

/// In the workspace's own table each outside crate says what it is for, in alphabetical order.
fn check_root(manifest: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut last = String::new();
    let table = manifest.split("[workspace.dependencies]").nth(1).unwrap_or_default();
    for line in table.lines().take_while(|line| !line.starts_with('[')) {
        let Some((name, rest)) = line.split_once(" = ") else {
            last.clear();
            continue;
        };
        if rest.contains("path = ") {
            continue;
        }
        if !rest.contains(" # ") {
            complaints
                .push(format!("Cargo.toml: `{name}` does not say what it is for: add ` # …`"));
        }
        if name < last.as_str() {
            complaints.push(format!("Cargo.toml: `{name}` stands below `{last}`: sort the table"));
        }
        name.clone_into(&mut last);
    }
    complaints
}

#[test]
fn every_crate_inherits_from_the_workspace() {
    crate::assert_tidy(check);
}

#[test]
fn a_version_or_lint_of_its_own_is_noticed() {
    let inherited = INHERITED.iter().map(|key| format!("{key}.workspace = true\n"));
    let package = format!("[package]\nname = \"ledger\"\n{}", inherited.collect::<String>());
    let lints = "[lints]\nworkspace = true\n";
    let whole = format!("{package}{lints}");
    crate::assert_passed(check, &[("ledger/Cargo.toml", &whole)]);
    crate::assert_noticed(check, &[("ledger/Cargo.toml", &package)], "lacks `[lints]`");
    let own = format!("{whole}[dependencies]\nbytes = \"1\"\n");
    crate::assert_noticed(check, &[("ledger/Cargo.toml", &own)], "does not inherit");
    let unsorted = "[workspace.dependencies]\nb = \"1\" # b\na = \"1\" # a\n";
    crate::assert_noticed(check, &[("Cargo.toml", unsorted)], "`a` stands below `b`");
    let silent = "[workspace.dependencies]\na = \"1\"\n";
    crate::assert_noticed(check, &[("Cargo.toml", silent)], "does not say what it is for");
}
