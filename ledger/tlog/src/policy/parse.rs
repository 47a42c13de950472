//! Reading a policy file; whatever is wrong is told with its line.

use super::{Log, Policy, Quorum, Rule, Witness};
use crate::decimal;
use crate::key::{KeyError, KeyKind, VerifierKey};
use std::collections::{BTreeMap, BTreeSet};

/// How many bytes a policy file may have.
pub const POLICY_BYTES_MAX: usize = 1 << 20;

/// The name that stands for no witness at all.
const NONE: &str = "none";

/// What is wrong with a policy file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: {problem}")]
pub struct PolicyError {
    /// The number of the line, from 1; the last one for what is missing.
    pub line: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What can be wrong with a line of a policy file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file is too large.
    #[error("the file has more than {POLICY_BYTES_MAX} bytes")]
    TooLong,
    /// The line is no text, or has control characters.
    #[error("expected UTF-8 without control characters other than tab")]
    Characters,
    /// The line begins with an unknown word, or has too few or too many items.
    #[error(
        "expected `log <vkey> [<url>]`, `witness <name> <vkey> [<url>]`, \
         `group <name> <k|any|all> <name>…` or `quorum <name|none>`"
    )]
    Form,
    /// The key is not one.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key is not for this.
    #[error("a log needs a key of type 0x01, a witness one of type 0x04")]
    KeyKind,
    /// The key was there before, maybe under another name.
    #[error("this public key is there twice")]
    DuplicateKey,
    /// The name was given before.
    #[error("the name `{0}` is there twice, or is `{NONE}`")]
    DuplicateName(String),
    /// The name was not given on a line above.
    #[error("no line above defines `{0}`")]
    UnknownName(String),
    /// The member is in a group already.
    #[error("`{0}` is a member of a group twice")]
    DuplicateMember(String),
    /// The threshold cannot be.
    #[error("the threshold is `any`, `all`, or a number from 1 to that of the members")]
    Threshold,
    /// There is no quorum, or another one.
    #[error("expected exactly one line `quorum <name|none>`")]
    Quorum,
}

impl Policy {
    /// Reads a policy file. Only UTF-8 is read, as the specification recommends.
    pub fn parse(file: &[u8]) -> Result<Self, PolicyError> {
        if file.len() > POLICY_BYTES_MAX {
            return Err(PolicyError { line: 1, problem: Problem::TooLong });
        }
        let mut reading = Reading::default();
        let mut last = 0;
        // The newline at the end of the file is not the beginning of a line.
        for (index, line) in
            file.strip_suffix(b"\n").unwrap_or(file).split(|byte| *byte == b'\n').enumerate()
        {
            last = index + 1;
            reading.line(line).map_err(|problem| PolicyError { line: last, problem })?;
        }
        let quorum = reading.quorum;
        let quorum = quorum.ok_or(PolicyError { line: last, problem: Problem::Quorum })?;
        let (logs, witnesses, rules) = (reading.logs, reading.witnesses, reading.rules);
        Ok(Self { logs, witnesses, rules, quorum })
    }
}

/// What the lines so far say.
#[derive(Default)]
struct Reading {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    rules: Vec<Rule>,
    names: BTreeMap<String, usize>,
    grouped: BTreeSet<usize>,
    /// The public keys of logs, and those of witnesses.
    keys: [BTreeSet<[u8; 32]>; 2],
    quorum: Option<Quorum>,
}

impl Reading {
    fn line(&mut self, line: &[u8]) -> Result<(), Problem> {
        let line = std::str::from_utf8(line).map_err(|_| Problem::Characters)?;
        if line.bytes().any(|next| next != b'\t' && (next < b' ' || next == 0x7f)) {
            return Err(Problem::Characters);
        }
        let items: Vec<&str> = line.split([' ', '\t']).filter(|item| !item.is_empty()).collect();
        match items.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", key] => self.log(key, None),
            ["log", key, url] => self.log(key, Some(*url)),
            ["witness", name, key] => self.witness(name, key, None),
            ["witness", name, key, url] => self.witness(name, key, Some(*url)),
            ["group", name, least, members @ ..] => self.group(name, least, members),
            ["quorum", name] => self.quorum(name),
            _ => Err(Problem::Form),
        }
    }

    fn log(&mut self, key: &str, url: Option<&str>) -> Result<(), Problem> {
        let key = self.key(key, KeyKind::Note)?;
        self.logs.push(Log { key, url: url.map(str::to_owned) });
        Ok(())
    }

    fn witness(&mut self, name: &str, key: &str, url: Option<&str>) -> Result<(), Problem> {
        let key = self.key(key, KeyKind::Cosignature)?;
        self.define(name, Rule::Witness(self.witnesses.len()))?;
        self.witnesses.push(Witness { name: name.to_owned(), key, url: url.map(str::to_owned) });
        Ok(())
    }

    fn group(&mut self, name: &str, least: &str, members: &[&str]) -> Result<(), Problem> {
        let mut places = Vec::with_capacity(members.len());
        for member in members {
            let place = self.place(member)?;
            if !self.grouped.insert(place) {
                return Err(Problem::DuplicateMember((*member).to_owned()));
            }
            places.push(place);
        }
        let least = match least {
            "any" => Some(1),
            "all" => Some(places.len()),
            number => decimal::parse(number).and_then(|number| usize::try_from(number).ok()),
        };
        let least = least.filter(|least| (1..=places.len()).contains(least));
        let least = least.ok_or(Problem::Threshold)?;
        self.define(name, Rule::Group { least, members: places })
    }

    fn quorum(&mut self, name: &str) -> Result<(), Problem> {
        let quorum = if name == NONE { Quorum::None } else { Quorum::Rule(self.place(name)?) };
        let before = self.quorum.replace(quorum);
        before.map_or(Ok(()), |_| Err(Problem::Quorum))
    }

    fn key(&mut self, key: &str, kind: KeyKind) -> Result<VerifierKey, Problem> {
        let key: VerifierKey = key.parse()?;
        if key.kind() != kind {
            return Err(Problem::KeyKind);
        }
        let [logs, witnesses] = &mut self.keys;
        let known = if kind == KeyKind::Note { logs } else { witnesses };
        if known.insert(*key.public()) { Ok(key) } else { Err(Problem::DuplicateKey) }
    }

    fn define(&mut self, name: &str, rule: Rule) -> Result<(), Problem> {
        if name == NONE || self.names.contains_key(name) {
            return Err(Problem::DuplicateName(name.to_owned()));
        }
        self.names.insert(name.to_owned(), self.rules.len());
        self.rules.push(rule);
        Ok(())
    }

    fn place(&self, name: &str) -> Result<usize, Problem> {
        self.names.get(name).copied().ok_or_else(|| Problem::UnknownName(name.to_owned()))
    }
}
