//! How numbers and recorded values are said in words, the same wherever they are shown.

use events::{
    Channel, Dialect, Digest, FailureReason, FindingKind, LinkMethod, NoticeKind, Operation,
    Person, Risk, Timestamp, Usage, Vote,
};

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of a thing.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// How often.
pub(crate) fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{} times", grouped(count.into())) }
}

/// A moment, to the second.
pub(crate) fn moment(moment: Timestamp) -> String {
    format!("{:.19}Z", moment.to_string())
}

/// As much of a digest as tells it from others.
pub(crate) fn beginning(digest: &Digest) -> String {
    digest.to_string().chars().take(12).collect()
}

/// A duration with three or so digits.
pub(crate) fn duration(micros: u64) -> String {
    let millis = micros / 1000;
    let seconds = millis / 1000;
    match micros {
        0..1000 => format!("{micros} µs"),
        1000..100_000 => format!("{millis}.{} ms", micros % 1000 / 100),
        100_000..1_000_000 => format!("{millis} ms"),
        1_000_000..100_000_000 => format!("{seconds}.{} s", millis % 1000 / 100),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// How long after `start` a moment is.
pub(crate) fn offset(start: Timestamp, moment: Timestamp) -> String {
    let micros = moment.micros().saturating_sub(start.micros());
    format!("+{}.{:03} s", micros / 1_000_000, micros / 1000 % 1000)
}

/// Tokens in one line; empty when nothing is known.
pub(crate) fn tokens(usage: &Usage) -> String {
    let part = |count: Option<u64>, what: &str| count.map(|count| grouped(count) + " " + what);
    let with = |whole: Option<String>, parts: [Option<String>; 2]| {
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let detail =
            if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
        whole.map(|whole| whole + &detail)
    };
    let cache = [part(usage.cached_input, "cached"), part(usage.cache_write, "to cache")];
    let input = with(part(usage.input, "in"), cache);
    let output = with(part(usage.output, "out"), [part(usage.reasoning, "reasoning"), None]);
    let both: Vec<String> = [input, output].into_iter().flatten().collect();
    if both.is_empty() { String::new() } else { format!("tokens {}", both.join(", ")) }
}

pub(crate) const fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Chat => "chat",
        Operation::Embeddings => "embeddings",
        Operation::ExecuteTool => "tool",
        Operation::Retrieval => "retrieval",
        Operation::ListModels => "list models",
        Operation::ListTools => "list tools",
        Operation::Other => "other",
    }
}

pub(crate) const fn dialect(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Anthropic => "anthropic",
        Dialect::Mcp => "mcp",
        Dialect::Openai => "openai",
    }
}

pub(crate) const fn method(method: LinkMethod) -> &'static str {
    match method {
        LinkMethod::Arguments => "arguments",
        LinkMethod::Result => "result",
        LinkMethod::Subset => "a subset of the arguments",
        LinkMethod::ToolCallId => "tool call id",
        LinkMethod::Trace => "trace and arguments",
        LinkMethod::TraceOnly => "trace alone",
    }
}

pub(crate) const fn failure(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::AnswerTooLarge => "the answer was too large",
        FailureReason::Unreachable => "the upstream could not be reached",
        FailureReason::Broken => "the connection broke",
        FailureReason::Garbled => "the answer was garbled",
        FailureReason::TimedOut => "the upstream stayed silent too long",
        FailureReason::Truncated => "the stream was truncated",
        FailureReason::Exited => "the tool server ended",
    }
}

pub(crate) const fn finding(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::ClaimMismatch => "claim mismatch",
        FindingKind::LostLock => "lost lock",
        FindingKind::ResultAltered => "result altered",
        FindingKind::UnaskedCall => "unasked call",
        FindingKind::UnservedResult => "unserved result",
    }
}

pub(crate) const fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
        Risk::Critical => "critical",
    }
}

pub(crate) const fn vote(vote: Vote) -> &'static str {
    match vote {
        Vote::Approve => "approved",
        Vote::Reject => "rejected",
    }
}

pub(crate) const fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Api => "by program",
        Channel::Cli => "at the command line",
        Channel::Web => "on the page",
    }
}

pub(crate) const fn notice(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Asked => "asked",
        NoticeKind::Decided => "decided",
        NoticeKind::Edited => "edited",
        NoticeKind::Escalated => "escalated",
        NoticeKind::Reminded => "reminded",
    }
}

/// How a request came to a hold that was there.
pub(crate) fn rejoined(by: &str) -> &str {
    match by {
        "identical" => "by an identical request",
        "request_state" => "by what the gateway had given to the client",
        other => other,
    }
}

/// Who did it: a program is no name.
pub(crate) fn actor(by: &str) -> String {
    if matches!(by, "agent" | "gateway") { format!("the {by}") } else { by.to_owned() }
}

/// Behind the name of who voted.
pub(crate) fn in_place_of(person: Option<&Person>) -> String {
    person.map_or(String::new(), |person| format!(" in place of {}", person.email))
}

/// What is said of a call that had no effect known for sure.
pub(crate) const fn effect(may_have_acted: bool) -> &'static str {
    if may_have_acted { "it may have acted" } else { "nothing was done" }
}

#[cfg(test)]
mod tests {
    use super::{duration, grouped, tokens};
    use events::Usage;

    #[test]
    fn numbers_read_easily() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"].map(str::to_owned)
        );
        let durations = [7, 3_140, 812_345, 12_345_678, 754_000_000].map(duration);
        assert_eq!(durations, ["7 µs", "3.1 ms", "812 ms", "12.3 s", "12 min 34 s"]);
    }

    #[test]
    fn tokens_are_said_as_far_as_they_are_known() {
        let usage = Usage {
            input: Some(1204),
            cached_input: Some(1024),
            output: Some(36),
            ..Usage::default()
        };
        assert_eq!(tokens(&usage), "tokens 1,204 in (1,024 cached), 36 out");
        assert_eq!(tokens(&Usage::default()), "");
    }
}
