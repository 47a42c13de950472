//! Which arguments matter most: names that say where something goes, how much, and what is run.

/// Words in the order in which a reader should see them.
const WORDS: &[&[&str]] = &[
    &[
        "to",
        "recipient",
        "recipients",
        "cc",
        "bcc",
        "email",
        "account",
        "iban",
        "payee",
        "beneficiary",
        "destination",
        "dest",
        "target",
        "host",
        "hostname",
        "domain",
        "address",
    ],
    &["amount", "price", "total", "sum", "currency", "quantity", "budget"],
    &[
        "command",
        "cmd",
        "script",
        "code",
        "sql",
        "query",
        "shell",
        "exec",
        "argv",
        "args",
        "expression",
        "statement",
    ],
    &["url", "uri", "endpoint", "webhook", "callback", "link"],
    &[
        "path",
        "file",
        "filename",
        "directory",
        "dir",
        "folder",
        "bucket",
        "table",
        "database",
        "repo",
        "repository",
        "branch",
    ],
    &[
        "password",
        "token",
        "secret",
        "key",
        "credential",
        "credentials",
        "role",
        "permission",
        "permissions",
        "scope",
        "user",
        "force",
        "recursive",
        "public",
        "delete",
        "overwrite",
    ],
];

/// How far up an argument of this name belongs; `None` for names that say nothing of risk.
pub(super) fn rank(name: &str) -> Option<usize> {
    let words = words(name);
    WORDS.iter().position(|group| words.iter().any(|word| group.contains(&word.as_str())))
}

/// The words of `snake_case`, `kebab-case` and `camelCase`, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for character in name.chars() {
        if !character.is_alphanumeric() || was_lower && character.is_uppercase() {
            words.push(String::new());
        }
        was_lower = character.is_lowercase();
        if let Some(word) = words.last_mut()
            && character.is_alphanumeric()
        {
            word.extend(character.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn where_and_how_much_come_before_all_else() {
        let names = ["to", "amountCents", "shell-command", "callback_url", "filePath", "isPublic"];
        assert_eq!(names.map(rank), [0, 1, 2, 3, 4, 5].map(Some));
        assert_eq!(["note", "together", "tokyo", ""].map(rank), [None; 4]);
    }
}
