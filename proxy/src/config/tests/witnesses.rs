//! Who cosigns, in the file of a gateway and in that of a witness.

use tlog::{CosigningKey, SigningKey, cosigning_key_text};

use super::*;

fn witness_key(name: &str, seed: u8) -> String {
    CosigningKey::from_seed(name, &[seed; 32]).unwrap().verifier().to_string()
}

fn log_key(origin: &str, seed: u8) -> String {
    SigningKey::from_seed(origin, &[seed; 32]).unwrap().verifier().to_string()
}

/// Three witnesses, and a line of `[checkpoints]`.
fn three(line: &str) -> String {
    let witness = |seed: u8| {
        let key = witness_key("w.example", seed);
        format!(
            "[[witness]]\nname = \"w{seed}\"\nurl = \"http://127.0.0.1:1{seed}\"\nkey = \"{key}\"\n"
        )
    };
    format!("[checkpoints]\n{line}\n{}{}{}", witness(1), witness(2), witness(3))
}

fn first_lines(problems: &str) -> String {
    let told = problems.lines().filter(|line| line.starts_with("etc/"));
    told.map(|line| line.replace("etc/countersign.toml:", "")).collect::<Vec<_>>().join("\n")
}

#[test]
fn all_witnesses_are_needed_unless_fewer_are_written() {
    for (line, needed) in [("", 3), ("witnesses_needed = \"all\"", 3), ("witnesses_needed = 2", 2)]
    {
        let config = parse(&three(line)).unwrap().config;
        assert_eq!(
            (config.checkpoints.witnesses_needed, config.witnesses.len()),
            (needed, 3),
            "{line}"
        );
    }
    let config = parse(&three("witnesses_needed = 2")).unwrap().config;
    assert_eq!(config.witnesses[1].url.to_string(), "http://127.0.0.1:12");
    assert!(describe(&config).contains(
        "witness   w3: w.example at http://127.0.0.1:13\n          2 of 3 must cosign a checkpoint\n"
    ));
}

#[test]
fn more_witnesses_than_there_are_cannot_be_needed() {
    for (line, told) in [
        ("4", "expected a number from 1 to 3, found `4`"),
        ("0", "expected a number from 1 to 3, found `0`"),
        ("\"some\"", "expected a number from 1 to 3, found `some`"),
    ] {
        let problems = problems(&three(&format!("witnesses_needed = {line}")));
        let expected = format!("2:20: checkpoints.witnesses_needed: {told}");
        assert_eq!(first_lines(&problems), expected);
    }
    let problems = problems("[checkpoints]\nwitnesses_needed = 1\n");
    assert_eq!(first_lines(&problems), "2:20: checkpoints.witnesses_needed: there is no witness");
}

#[test]
fn a_witness_is_told_apart_by_its_key_and_a_log_is_none() {
    let (key, log) = (witness_key("w.example", 1), log_key("log.example", 1));
    let text = format!(
        "[[witness]]\nname = \"a\"\nurl = \"ftp://a\"\nkey = \"{key}\"\n\
         [[witness]]\nname = \"a\"\nurl = \"http://b\"\nkey = \"{key}\"\n\
         [[witness]]\nname = \"c\"\nkey = \"{log}\"\n\
         [[witness]]\nname = \"d\"\nurl = \"http://d\"\nkey = \"0123456789abcdef\"\n"
    );
    let told = problems(&text);
    assert_eq!(
        first_lines(&told),
        "3:7: witness.a.url: expected an address such as `https://api.example.com/v1`\n\
         6:8: witness.a.name: `a` is taken\n\
         8:7: witness.a.key: this key is there twice\n\
         9:1: witness.c: `url` is missing\n\
         11:7: witness.c.key: this is the key of a log, not of a witness\n\
         15:7: witness.d.key: expected a verifier key: \
         `<name>+<8 hexadecimal digits>+<base64>`"
    );
    assert!(!told.contains("0123456789abcdef"), "{told}");
}

fn role(text: &str) -> Result<WitnessRole, String> {
    let key = cosigning_key_text("w.example", &[7; 32]).unwrap();
    let lookup = |reference: &SecretRef| match reference {
        SecretRef::Env(name) if name == "KEY" => {
            Ok(Found { secret: Secret::new(key.as_str()), readable_by_others: false })
        }
        SecretRef::Env(_) | SecretRef::File(_) => found_in(KEPT)(reference),
    };
    let read = WitnessRole::parse(text, Path::new("etc/countersign.toml"), &lookup);
    read.map(|(role, _)| role).map_err(|problems| problems.to_string())
}

#[test]
fn the_file_of_a_witness_names_it_and_the_logs_it_knows() {
    let log = log_key("log.example", 1);
    let text = format!("[witness]\nname = \"w.example\"\n[[witness.log]]\nkey = \"{log}\"\n");
    let read = role(&text).unwrap();
    assert_eq!((read.name.as_str(), read.listen.port()), ("w.example", 8082));
    assert_eq!((read.data.as_path(), read.logs[0].to_string()), (Path::new("etc/data"), log));
    assert!(read.key.is_none());
    let with_key = text.replace("[[", "key = { env = \"KEY\" }\n[[");
    assert!(role(&with_key).unwrap().key.is_some());
    let other = role(&with_key.replace("w.example", "another.example")).unwrap_err();
    assert_eq!(first_lines(&other), "3:7: witness.key: it is the key of `w.example`");
    assert_eq!(
        describe_witness(&read),
        "data      etc/data\n\
         witness   http://127.0.0.1:8082, as w.example by a key in the data folder\n\
         log       log.example\n"
    );
}

#[test]
fn a_witness_without_a_name_or_a_log_or_with_a_wrong_key_is_told() {
    let told = |text: &str| first_lines(&role(text).unwrap_err());
    assert_eq!(told(""), "1:1: `witness` is missing");
    assert_eq!(
        told("[witness]\nname = \"a b\"\nkey = { env = \"SHORT\" }\n"),
        "1:1: witness: a witness needs a log to cosign for\n\
         2:8: witness.name: a name is 1 to 255 bytes without spaces, `+` and control characters\n\
         3:7: witness.key: expected a private key: \
         `PRIVATE+KEY+<name>+<8 hexadecimal digits>+<base64>`"
    );
    let key = witness_key("w.example", 1);
    assert_eq!(
        told(&format!("[witness]\nname = \"a\"\n[[witness.log]]\nkey = \"{key}\"\n")),
        "4:7: witness.log.1.key: this is the key of a witness, not of a log"
    );
    assert!(told("[listen]\n").contains("there is no key `listen`"));
}
