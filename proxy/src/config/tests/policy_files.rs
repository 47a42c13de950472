//! The documents of policy, as files.

use std::fs;

use super::*;

fn policy(folder: &Path, files: &str) -> PolicyConfig {
    let text = format!("[policy]\nfiles = {files}\n");
    let loaded = Config::parse(&text, &folder.join("countersign.toml"), &look_up);
    loaded.unwrap_or_else(|problems| panic!("{problems}")).config.policy.unwrap()
}

fn names(policy: &PolicyConfig) -> Vec<String> {
    let documents = policy.read().unwrap_or_else(|errors| panic!("{errors:?}"));
    documents.into_iter().map(|document| document.name).collect()
}

fn told(policy: &PolicyConfig) -> Vec<String> {
    policy.read().unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn documents_are_read_once_each_in_the_order_of_their_paths() {
    let folder = tempfile::tempdir().unwrap();
    let below = |name: &str| folder.path().join(name);
    fs::create_dir(below("policy")).unwrap();
    for name in
        ["policy/b.cedar", "policy/a.cedar", "policy/.a.cedar", "policy/notes.md", "z.cedar"]
    {
        fs::write(below(name), name).unwrap();
    }
    // As configuration is mounted into containers.
    std::os::unix::fs::symlink(below("policy/a.cedar"), below("policy/c.cedar")).unwrap();
    let all = ["policy/a.cedar", "policy/b.cedar", "policy/c.cedar"];
    assert_eq!(names(&policy(folder.path(), "[\"policy/*.cedar\"]")), all);
    assert_eq!(names(&policy(folder.path(), "[\"./policy/\", \"policy/b.cedar\"]")), all);
    let both = policy(folder.path(), "[\"z.cedar\", \"policy/b*\"]");
    assert_eq!(names(&both), ["policy/b.cedar", "z.cedar"]);
    assert_eq!(both.read().unwrap()[1].text, "z.cedar");
    let written = format!("[{:?}]", below("policy/.*").display().to_string());
    assert_eq!(names(&policy(folder.path(), &written)), ["policy/.a.cedar"]);
}

#[test]
fn a_document_that_cannot_be_read_leaves_no_policy_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let below = |name: &str| folder.path().join(name);
    fs::create_dir_all(below("empty")).unwrap();
    fs::create_dir_all(below("some/folder.cedar")).unwrap();
    fs::write(below("some/a.cedar"), "a").unwrap();
    fs::write(below("some/bytes.cedar"), b"\xff").unwrap();
    fs::write(below("some/long.cedar"), vec![b' '; POLICY_FILE_BYTES_MAX + 1]).unwrap();
    let written = r#"["none.cedar", "none/*.cedar", "empty", "some"]"#;
    let told = told(&policy(folder.path(), written));
    let nothing = below("empty").display().to_string();
    assert_eq!(
        told,
        [
            "policy file `none` cannot be read: No such file or directory (os error 2)".to_owned(),
            format!(
                "no policy file fits `{nothing}`: write one there, or take it out of `policy.files`"
            ),
            "policy file `none.cedar` cannot be read: No such file or directory (os error 2)"
                .to_owned(),
            "policy file `some/bytes.cedar` is not UTF-8 text".to_owned(),
            "policy file `some/folder.cedar` is not a file".to_owned(),
            "policy file `some/long.cedar` has more than 1048576 bytes: split it".to_owned(),
        ]
    );
}

#[test]
fn all_documents_together_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let text = vec![b' '; POLICY_FILE_BYTES_MAX];
    let write = |index: usize| {
        fs::write(folder.path().join(format!("{index:02}.cedar")), &text).unwrap();
    };
    let count = POLICY_BYTES_MAX / POLICY_FILE_BYTES_MAX;
    (0..count).for_each(write);
    let policy = policy(folder.path(), "[\"*.cedar\"]");
    assert_eq!(names(&policy).len(), count);
    write(count);
    let told = told(&policy);
    assert_eq!(told, ["the policy files have more than 16777216 bytes together, with `16.cedar`"]);
}
