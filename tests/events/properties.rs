//! What holds for events with any text in them, also text that somebody chose to confuse.

use crate::examples::{all, draft};
use events::{
    CallCompleted, CallDigest, CallHeld, CallRefused, Draft, Envelope, Event, Filter,
    HoldCommented, Person, Principal, SEQUENCE_DIGITS, Usage,
};
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

fn filter() -> impl Strategy<Value = Filter> {
    ("(?s).{1,20}", 0..3_u8).prop_map(|(name, kind)| match kind {
        0 => Filter::Group(name.into()),
        1 => Filter::Person(name.into()),
        _ => Filter::Role(name.into()),
    })
}

fn held() -> CallHeld {
    let found = all().into_iter().find(|event| matches!(event, Event::CallHeld(_)));
    let Some(Event::CallHeld(held)) = found else { panic!("no example of a held call") };
    held
}

fn digest_of(held: &CallHeld) -> CallDigest<'_> {
    CallDigest {
        definition: held.definition,
        dialect: held.dialect,
        method: &held.method,
        model: held.model.as_deref(),
        principal: &held.principal,
        request: held.request.map(|request| request.digest),
        target: held.target.as_deref(),
        upstream: &held.upstream,
    }
}

#[test]
fn what_an_approval_is_bound_to_changes_with_every_part_of_the_call() {
    let held = held();
    let whole = digest_of(&held);
    assert_eq!(whole.digest(), held.digest);
    let principal = Principal { owner: "eve@example.com".into(), ..held.principal.clone() };
    let acting = Principal { actors: vec!["another".into()], ..held.principal.clone() };
    let parts = [
        CallDigest { definition: None, ..whole.clone() },
        CallDigest { dialect: events::Dialect::Openai, ..whole.clone() },
        CallDigest { method: "tools/list", ..whole.clone() },
        CallDigest { model: None, ..whole.clone() },
        CallDigest { principal: &principal, ..whole.clone() },
        CallDigest { principal: &acting, ..whole.clone() },
        CallDigest { request: None, ..whole.clone() },
        CallDigest { target: Some("refund"), ..whole.clone() },
        CallDigest { upstream: "bank", ..whole.clone() },
    ];
    let mut digests: Vec<_> = parts.iter().map(CallDigest::digest).collect();
    digests.push(whole.digest());
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), parts.len() + 1);
}

#[test]
fn a_text_that_is_no_filter_is_refused_and_told() {
    for wrong in ["", "finance", "group:", ":finance", "team:finance", "Group:finance"] {
        let error = wrong.parse::<Filter>().unwrap_err().to_string();
        assert!(error.contains("`group:NAME`") && error.contains(&format!("`{wrong}`")), "{error}");
        assert!(serde_json::from_value::<Filter>(wrong.into()).is_err());
    }
}

proptest! {
    #[test]
    fn a_filter_is_read_back_from_its_text_whatever_the_name(filter in filter()) {
        prop_assert_eq!(filter.to_string().parse::<Filter>().unwrap(), filter.clone());
        let json = serde_json::to_string(&filter).unwrap();
        prop_assert_eq!(serde_json::from_str::<Filter>(&json).unwrap(), filter);
    }

    #[test]
    fn what_people_say_is_encoded_in_canonical_form_and_read_back(
        said in text(),
        email in text(),
        id in text(),
    ) {
        let by = Person { email: email.into(), id: id.into() };
        let fact = HoldCommented { by, text: said };
        let (bytes, _) = draft(fact.clone()).encode("s").unwrap();
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(&bytes, &serde_json_canonicalizer::to_vec(&value).unwrap());
        prop_assert_eq!(Envelope::parse(&bytes).unwrap().event, fact.into());
    }

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
