//! What the log says of itself: its key and its witnesses, in the form in which an auditor says
//! whom to believe.

use crate::config::Witness;
use tlog::VerifierKey;

/// Whom a verifier has to believe, as a tlog-policy: the log, and so many of its witnesses.
pub fn log_policy(key: &VerifierKey, witnesses: &[Witness], needed: usize) -> String {
    let mut lines = vec![format!("log {key}")];
    lines.extend(
        witnesses.iter().map(|witness| format!("witness {} {}", witness.name, witness.key)),
    );
    let names: Vec<&str> = witnesses.iter().map(|witness| witness.name.as_str()).collect();
    let mut group = "needed".to_owned();
    while names.contains(&group.as_str()) {
        group.push('_');
    }
    if needed > 0 {
        lines.push(format!("group {group} {needed} {}", names.join(" ")));
    } else {
        "none".clone_into(&mut group);
    }
    lines.push(format!("quorum {group}\n"));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::log_policy;
    use crate::config::{BaseUrl, Witness};
    use tlog::{KeyKind, Policy, SigningKey, VerifierKey};

    #[test]
    fn the_policy_is_one_that_verifiers_read() {
        let log = SigningKey::from_seed("example.com/log", &[7; 32]).unwrap();
        let witness = |name: &str, byte| Witness {
            name: name.to_owned(),
            url: BaseUrl::parse("http://127.0.0.1:1").unwrap(),
            key: VerifierKey::new(name, KeyKind::Cosignature, [byte; 32]).unwrap(),
        };
        let witnesses = [witness("needed", 1), witness("other", 2)];
        for (witnesses, needed) in [(&witnesses[..0], 0), (&witnesses[..], 0), (&witnesses, 2)] {
            let text = log_policy(log.verifier(), witnesses, needed);
            let policy = Policy::parse(text.as_bytes()).unwrap();
            assert_eq!((policy.logs().len(), policy.witnesses().len()), (1, witnesses.len()));
        }
    }
}
