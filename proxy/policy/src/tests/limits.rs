//! Texts that are too large or too deep are refused, and no text overflows a stack.

use super::world::{compile, problems};
use crate::source::{DEPTH_MAX, POLICY_BYTES_MAX, SOURCE_BYTES_MAX};

fn policy(condition: &str) -> String {
    format!("permit (principal, action, resource) when {{ {condition} }};")
}

/// Compiles with the stack that the threads of a runtime have.
fn on_a_small_stack(text: String) -> Result<Vec<String>, Vec<String>> {
    let compiling = move || match compile(&text) {
        Ok(_) => Ok(Vec::new()),
        Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(compiling).unwrap();
    thread.join().unwrap()
}

#[test]
fn a_megabyte_of_policy_is_refused_in_a_sentence() {
    let told = problems(&"x".repeat(SOURCE_BYTES_MAX + 1));
    assert_eq!(told, ["a.cedar:1:1: 1048577 bytes, 1048576 at most: split it into files"]);
    let long = format!("principal.name == \"{}\"", "x".repeat(POLICY_BYTES_MAX));
    let told = problems(&policy(&long));
    let bytes = policy(&long).len() - 1;
    let message = "split it into several policies";
    assert_eq!(told, [format!("a.cedar:1:1: a policy of {bytes} bytes, 65536 at most: {message}")]);
}

#[test]
fn deep_nesting_is_refused_in_a_sentence_however_it_is_made() {
    let deep = 100_000;
    for condition in [
        format!("{}true{}", "(".repeat(15_000), ")".repeat(15_000)),
        "[".repeat(deep / 2),
        "!".repeat(50_000) + "true",
        "-".repeat(50_000) + "1 == 1",
        format!("true{}", " && true".repeat(7_000)),
        format!("true{}", " || true".repeat(7_000)),
        format!("1{} == 1", " + 1".repeat(7_000)),
        format!("principal{} == 1", ".owner".repeat(9_000)),
        format!("{} true", "if true then true else ".repeat(2_500)),
    ] {
        let told = on_a_small_stack(policy(&condition)).unwrap_err();
        let start = condition.chars().take(20).collect::<String>();
        assert!(matches!(told.as_slice(), [one] if one.contains("at most")), "{start}: {told:?}");
    }
}

#[test]
fn what_is_just_not_refused_overflows_no_stack() {
    // The braces of `when` count three, the clause one, and each bracket three.
    let left = DEPTH_MAX - 4;
    let brackets = left / 3;
    let mixed = "(true && ".repeat(left / 4 - 1) + "true" + &")".repeat(left / 4 - 1);
    for condition in [
        format!("{}true{}", "(".repeat(brackets), ")".repeat(brackets)),
        format!("{}1{} == [1]", "[".repeat(brackets), "]".repeat(brackets)),
        format!("{}1{} == [1]", "{a:".repeat(brackets), "}".repeat(brackets)),
        format!("true{}", " && true".repeat(left)),
        format!("true{}", " || true".repeat(left)),
        format!("1{} == 1", " + 1".repeat(left)),
        format!("principal{} == 1", ".owner".repeat(left)),
        format!("principal{} == 1", ".contains([1])".repeat(left / 7)),
        format!("{} true", "if true then true else ".repeat(left)),
        format!("{} true", "if (if true then true else true) then true else ".repeat(left / 5)),
        mixed,
    ] {
        let told = on_a_small_stack(policy(&condition));
        let limits =
            told.unwrap_or_else(|told| told).into_iter().filter(|one| one.contains("at most"));
        assert_eq!(limits.collect::<Vec<_>>(), [""; 0], "{condition}");
    }
}

#[test]
fn comments_and_texts_may_have_any_signs() {
    let text =
        format!("// ((((;;; \"\n{}\n// }};", policy("principal.name != \";((((\\\";\" // \" ;\n"));
    assert_eq!(on_a_small_stack(text), Ok(Vec::new()));
}
