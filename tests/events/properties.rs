//! What holds for events with any text in them, also text that somebody chose to confuse.

use crate::examples::draft;
use events::{CallCompleted, CallRefused, Draft, Envelope, Principal, SEQUENCE_DIGITS, Usage};
use proptest::prelude::*;

/// The largest integer that RFC 8785 prints as it is: beyond, JSON numbers are not exact.
const INTEGER_MAX: u64 = (1 << 53) - 1;

const BLANK: &str = r#""sequence":"00000000000000000000""#;

/// Any text, and now and then text that looks like the place of the sequence.
fn text() -> impl Strategy<Value = String> {
    let hostile = prop_oneof![
        Just(BLANK.to_owned()),
        Just(format!("{{{BLANK},\"source\":\"x\"}}")),
        Just(BLANK.replace('"', "\\\"")),
        Just("\u{2028}\u{7f}\u{e000}\u{1f600}\"\\/\u{8}\u{1f}".to_owned()),
    ];
    prop_oneof![3 => any::<String>(), 1 => hostile, 1 => "[\\\\\"a\n\u{0}-\u{ff}]{0,40}"]
}

fn refused() -> impl Strategy<Value = Draft<CallRefused>> {
    let optional = || proptest::option::of(text());
    let sizes = (0..=INTEGER_MAX, any::<u16>());
    (sizes, text(), text(), optional(), optional(), (text(), text(), text())).prop_map(
        |((bytes, status), code, detail, method, peer, (agent, owner, team))| {
            let principal = Principal {
                actors: Vec::new(),
                agent: agent.into(),
                owner: owner.into(),
                team: team.into(),
            };
            draft(CallRefused {
                bytes,
                code: code.into(),
                detail,
                dialect: None,
                method,
                peer,
                principal: Some(principal),
                status,
            })
        },
    )
}

proptest! {
    #[test]
    fn any_text_is_encoded_in_canonical_form(draft in refused(), source in text()) {
        let (bytes, _) = draft.encode(&source).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(&bytes, &serde_json_canonicalizer::to_vec(&value).unwrap());
    }

    #[test]
    fn the_sequence_goes_where_it_belongs_whatever_the_text(
        draft in refused(),
        source in text(),
        sequence: u64,
    ) {
        let (mut bytes, at) = draft.encode(&source).unwrap();
        bytes[at..at + SEQUENCE_DIGITS].copy_from_slice(format!("{sequence:020}").as_bytes());
        let read = Envelope::parse(&bytes).unwrap();
        prop_assert_eq!(read.sequence, sequence);
        prop_assert_eq!(read.source.as_ref(), source.as_str());
        prop_assert_eq!(read.event, draft.fact.into());
    }

    #[test]
    fn a_fact_is_encoded_alike_by_itself_and_among_all_events(draft in refused()) {
        let any = Draft {
            id: draft.id,
            time: draft.time,
            session: draft.session,
            cause: draft.cause,
            call: draft.call,
            fact: draft.fact.clone().into(),
        };
        prop_assert_eq!(draft.encode("s").unwrap(), any.encode_event("s").unwrap());
    }

    #[test]
    fn counts_are_read_back_whole(input in 0..=INTEGER_MAX, duration_us in 0..=INTEGER_MAX) {
        let usage = Some(Usage { input: Some(input), ..Usage::default() });
        let fact = CallCompleted { duration_us, usage, ..CallCompleted::default() };
        let (bytes, _) = draft(fact.clone()).encode("s").unwrap();
        prop_assert_eq!(Envelope::parse(&bytes).unwrap().event, fact.into());
    }

    #[test]
    fn bytes_that_are_not_an_event_are_refused_in_peace(bytes: Vec<u8>) {
        prop_assert!(Envelope::parse(&bytes).is_err());
    }
}
