//! Inside a crate a module uses only modules declared above it: the list is the reading order, and
//! a proof that there is no cycle.

use crate::layers::CRATES;
use crate::paths::named;
use crate::source::{code, production};
use crate::tree::Tree;
use std::collections::BTreeMap;

#[derive(Default)]
struct Module {
    file: String,
    code: String,
    children: Vec<String>,
    /// What it re-exports, and from which child.
    exports: BTreeMap<String, String>,
}

type Modules = BTreeMap<Vec<String>, Module>;

fn check(tree: &Tree) -> Vec<String> {
    CRATES.iter().flat_map(|(_, folder, _)| check_crate(&modules(tree, folder))).collect()
}

fn modules(tree: &Tree, folder: &str) -> Modules {
    let source = format!("{folder}/src/");
    let mut modules = Modules::new();
    for file in tree.ending(".rs") {
        let Some(name) = file.path.strip_prefix(&source) else { continue };
        let name = name.trim_end_matches(".rs");
        if name == "main" || name.starts_with("bin/") {
            continue;
        }
        let place = if name == "lib" { "" } else { name };
        let place: Vec<String> =
            place.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let code = production(&code(&file.text));
        let children: Vec<String> = code.lines().filter_map(declared).collect();
        let mut exports = BTreeMap::new();
        let roots: Vec<&str> = children.iter().map(String::as_str).collect();
        for found in named(&code, &roots) {
            if let [child, .., item] = found.path.as_slice() {
                exports.insert(item.clone(), child.clone());
            }
        }
        modules.insert(place, Module { file: file.path.clone(), code, children, exports });
    }
    modules
}

/// The name in `mod name;`, whatever its visibility.
fn declared(line: &str) -> Option<String> {
    let words: Vec<&str> = line.trim().strip_suffix(';')?.split_whitespace().collect();
    match words.as_slice() {
        ["mod", name] => Some((*name).to_owned()),
        [visibility, "mod", name] if visibility.starts_with("pub") => Some((*name).to_owned()),
        _ => None,
    }
}

fn check_crate(modules: &Modules) -> Vec<String> {
    let mut complaints = Vec::new();
    for (place, module) in modules.iter().filter(|(place, _)| is_declared(modules, place)) {
        for found in named(&module.code, &["crate", "self", "super"]) {
            let used = resolve(modules, place, &found.path);
            let shared = used.iter().zip(place).take_while(|(a, b)| a == b).count();
            let (Some(used_child), Some(own_child), Some(parent)) = (
                used.get(shared),
                place.get(shared),
                used.get(..shared).and_then(|common| modules.get(common)),
            ) else {
                continue;
            };
            let index = |name| parent.children.iter().position(|child| child == name);
            if index(used_child) > index(own_child) {
                complaints.push(format!(
                    "{}:{}: uses `{used_child}`, which {} declares below `{own_child}`: \
                     move what is used up, or the declaration",
                    module.file, found.line, parent.file
                ));
            }
        }
    }
    complaints
}

/// Whether the module belongs to the crate when it is not built for tests.
fn is_declared(modules: &Modules, place: &[String]) -> bool {
    place.iter().enumerate().all(|(depth, name)| {
        let parent = place.get(..depth).and_then(|above| modules.get(above));
        parent.is_some_and(|parent| parent.children.contains(name))
    })
}

/// The module that a path leads to.
fn resolve(modules: &Modules, place: &[String], path: &[String]) -> Vec<String> {
    let mut target =
        if path.first().is_some_and(|root| root == "crate") { Vec::new() } else { place.to_vec() };
    for segment in path {
        if segment == "super" {
            target.pop();
            continue;
        }
        let Some(module) = modules.get(&target) else { break };
        if module.children.contains(segment) {
            target.push(segment.clone());
        } else if let Some(child) = module.exports.get(segment) {
            target.push(child.clone());
            break;
        } else if !matches!(segment.as_str(), "crate" | "self") {
            break;
        }
    }
    target
}

#[test]
fn modules_use_only_what_is_declared_above_them() {
    crate::assert_tidy(check);
}

#[test]
fn a_use_of_a_module_below_is_noticed() {
    let lib = ("ledger/src/lib.rs", "mod a;\npub mod b;\n");
    let nested = ("ledger/src/b.rs", "mod c;\nmod d;\npub use c::C;\n");
    let below = ("ledger/src/a.rs", "use crate::{b::B};\n");
    crate::assert_noticed(check, &[lib, nested, below], "ledger/src/a.rs:1: uses `b`");
    let exported = ("ledger/src/a.rs", "use crate::b::{C};\n");
    crate::assert_noticed(check, &[lib, nested, exported], "uses `b`");
    let sideways = ("ledger/src/b/c.rs", "fn f() {\n    super::d::g();\n}\n");
    crate::assert_noticed(check, &[lib, nested, sideways], "b/c.rs:2: uses `d`");
    let above = ("ledger/src/b/d.rs", "use super::C;\nuse crate::a::A;\n");
    crate::assert_passed(check, &[lib, nested, above]);
    let in_a_test = ("ledger/src/a.rs", "#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}\n");
    crate::assert_passed(check, &[lib, nested, in_a_test]);
}
