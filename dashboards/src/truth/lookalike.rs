//! Names that look like other names: letters of several scripts in one word, letters that stand in
//! for ASCII ones, and host names that browsers and resolvers write differently.

use super::character::is_right_to_left;
use super::punycode::{to_ascii, to_unicode};
use super::span::{Span, visible};
use unicode_security::confusable_detection::skeleton;
use unicode_security::mixed_script::{AugmentedScriptSet, MixedScript as _};

/// What is odd about a word, with the word in another form where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    /// Letters of scripts that are not used together.
    MixedScripts {
        /// The word.
        word: Vec<Span>,
        /// The scripts.
        scripts: String,
    },
    /// It looks like an ASCII word and is another.
    LooksLike {
        /// The word.
        word: Vec<Span>,
        /// What it looks like.
        twin: String,
    },
    /// A host name with letters outside of ASCII, and as it is looked up.
    International {
        /// As people read it.
        host: Vec<Span>,
        /// As it is looked up.
        ascii: String,
    },
    /// There are more.
    More {
        /// How many.
        count: usize,
    },
    /// Letters that are usually written from right to left, shown here in the order of the bytes.
    RightToLeft,
}

/// The most oddities of a text that are told one by one; the rest is counted.
const TOLD_MAX: usize = 12;

/// The most characters of a word that are shown beside what is odd about it.
const SHOWN_CHARS: usize = 80;

/// A longer word is no name that could be taken for another.
const NAME_BYTES: usize = 2000;

/// What resolvers take for the dot between labels.
const DOTS: [char; 4] = ['.', '。', '．', '｡'];

/// What is odd about the words of a text. `is_name` says that all of it is one name, of which every
/// letter counts; in running text, words of one script are left alone.
pub(super) fn oddities(text: &str, is_name: bool) -> Vec<Oddity> {
    let mut found: Vec<Oddity> = Vec::new();
    let mut more = 0;
    let mut add = |oddity: Oddity| {
        if found.len() >= TOLD_MAX {
            more += 1;
        } else if !found.contains(&oddity) {
            found.push(oddity);
        }
    };
    if text.chars().any(is_right_to_left) {
        add(Oddity::RightToLeft);
    }
    let words = text.split(|next: char| next.is_whitespace() || "\"'`<>(),;|".contains(next));
    for word in words.filter(|word| !word.is_empty()) {
        let is_name = is_name || is_address(word);
        host(word).filter(|_| is_name).into_iter().for_each(&mut add);
        if word.is_ascii() {
            continue;
        }
        // Punctuation divides a path or an address into names that may each have a script.
        for part in word.split(|next: char| !next.is_alphanumeric()) {
            if !part.is_single_script() {
                add(Oddity::MixedScripts { word: clipped(part), scripts: scripts(part) });
            }
        }
        if is_name && let Some(twin) = ascii_twin(word) {
            add(Oddity::LooksLike { word: clipped(word), twin });
        }
    }
    if more > 0 {
        found.push(Oddity::More { count: more });
    }
    found
}

/// The beginning of a word, and how many bytes more there are.
fn clipped(word: &str) -> Vec<Span> {
    let end = word.char_indices().nth(SHOWN_CHARS).map_or(word.len(), |(at, _)| at);
    let (kept, rest) = word.split_at(end);
    let mut spans = visible(kept);
    if !rest.is_empty() {
        spans.push(Span::Plain(format!("… +{} bytes", rest.len())));
    }
    spans
}

/// What is odd about a name, in a few words; `None` if nothing is.
pub fn oddity(name: &str) -> Option<String> {
    let found = oddities(name, true);
    let twin = found.iter().find_map(|oddity| match oddity {
        Oddity::LooksLike { twin, .. } => Some(format!("looks like “{twin}”")),
        Oddity::MixedScripts { .. }
        | Oddity::International { .. }
        | Oddity::More { .. }
        | Oddity::RightToLeft => None,
    });
    twin.or_else(|| {
        found.iter().find_map(|oddity| match oddity {
            Oddity::MixedScripts { scripts, .. } => Some(format!("mixes {scripts}")),
            Oddity::International { ascii, .. } => Some(format!("looked up as {ascii}")),
            Oddity::LooksLike { .. } | Oddity::More { .. } | Oddity::RightToLeft => None,
        })
    })
}

/// Whether two different texts look alike.
pub(super) fn look_alike(one: &str, other: &str) -> bool {
    one != other && skeleton(one).eq(skeleton(other))
}

/// A word with the marks of a host name, an e-mail address, a path or an identifier.
fn is_address(word: &str) -> bool {
    let inside = word.trim_matches(['.', ':', '!', '?', '-']);
    inside.contains(['@', '.', '/', '\\', ':', '_']) || inside.contains(|c: char| c.is_numeric())
}

/// The word with each letter outside of ASCII replaced by the ASCII one it looks like, if all have
/// one.
fn ascii_twin(word: &str) -> Option<String> {
    let mut twin = String::new();
    if word.len() > NAME_BYTES {
        return None;
    }
    for character in word.chars() {
        if character.is_ascii() {
            twin.push(character);
            continue;
        }
        let like: String = skeleton(character.encode_utf8(&mut [0; 4])).collect();
        if !like.is_ascii() || like.is_empty() || like.bytes().any(|next| next.is_ascii_control()) {
            return None;
        }
        twin.push_str(&like);
    }
    Some(twin)
}

/// The scripts of a word's letters, in the order met.
fn scripts(word: &str) -> String {
    let mut names: Vec<String> = Vec::new();
    for character in word.chars() {
        let set = AugmentedScriptSet::for_char(character);
        let name = set.base.to_string();
        if !set.is_all() && !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(" and ")
}

/// The host name in a word, if resolvers know it by another form.
fn host(word: &str) -> Option<Oddity> {
    let authority = word.split_once("://").map_or(word, |(_, rest)| rest);
    let authority = authority.split(['/', '\\', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    let labels: Vec<&str> = host.split(DOTS).collect();
    if labels.len() < 2 || host.len() > NAME_BYTES {
        return None;
    }
    if !host.is_ascii() {
        let ascii: Option<Vec<String>> = labels.iter().map(|label| to_ascii(label)).collect();
        let ascii = ascii?.join(".");
        let is_plain = ascii.bytes().all(|next| next.is_ascii_graphic());
        return is_plain.then(|| Oddity::International { host: clipped(host), ascii });
    }
    let known: Vec<Option<String>> = labels.iter().map(|label| to_unicode(label)).collect();
    known.iter().any(Option::is_some).then(|| {
        let read = labels.iter().zip(known);
        let read: Vec<String> =
            read.map(|(label, known)| known.unwrap_or_else(|| (*label).to_owned())).collect();
        let ascii: String = host.chars().filter(char::is_ascii_graphic).collect();
        Oddity::International { host: visible(&read.join(".")), ascii }
    })
}
