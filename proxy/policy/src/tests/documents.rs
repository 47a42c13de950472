//! Every example of the page on policies compiles as it stands there.

use super::world::compile;
use crate::ROLES;

const PAGE: &str = include_str!("../../../../docs/policy.md");

#[test]
fn every_example_of_the_page_compiles() {
    let examples: Vec<&str> =
        PAGE.split("```cedar\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 4, "{} examples", examples.len());
    for example in examples {
        if let Err(problems) = compile(example) {
            panic!("{example}\n{}", problems.iter().map(ToString::to_string).collect::<String>());
        }
    }
}

#[test]
fn every_annotation_and_every_role_is_on_the_page() {
    let told = super::world::problems("@nonsense permit (principal, action, resource);").concat();
    let names = told.split("there are ").nth(1).unwrap().split(", ");
    let missing: Vec<&str> = names.filter(|name| !PAGE.contains(&format!("`@{name}"))).collect();
    assert_eq!(missing, [""; 0]);
    assert!(ROLES.iter().all(|role| PAGE.contains(&format!("`{role}`"))));
}
