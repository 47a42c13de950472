//! The arguments of a call as rows: risky names first, every value as it is, and what a reader
//! should know about it.

use super::blob::blobs;
use super::lookalike::{Oddity, oddities};
use super::number::doubt;
use super::rank::rank;
use super::shown::{Shown, shown};
use super::span::Span;
use super::tree::{Tree, read};
use serde::Serialize;

/// A call's arguments as they are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Arguments {
    /// How many bytes there are.
    pub bytes: usize,
    /// In the order in which they should be read.
    pub rows: Vec<Row>,
    /// Why reading them is not enough to know what will happen; empty when it is.
    pub uninspectable: Vec<String>,
    /// The bytes as text, where they could not be read as values.
    pub raw: Option<Row>,
}

/// One value, or the heading of those within it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// How many values it lies within.
    pub depth: usize,
    /// Its name; `None` where it has none.
    pub name: Option<Shown>,
    /// The id of what is folded of its name.
    pub name_section: Option<String>,
    /// Its place in a list, from 0.
    pub index: Option<usize>,
    /// Whether its name is one of those that should be looked at first.
    pub is_risky: bool,
    /// Its value.
    pub content: Content,
    /// What a reader should know.
    pub notes: Vec<Note>,
    /// The id of what is folded of its value: it has to be opened before anyone approves.
    pub section: Option<String>,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// An object with so many members; they follow.
    Object(usize),
    /// A list of so many values; they follow.
    List(usize),
    /// A string.
    Text(Shown),
    /// A number as it is written.
    Number(Shown),
    /// `true`, `false` or `null`.
    Word(&'static str),
}

/// What a reader should know about a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What it is about.
    pub kind: NoteKind,
    /// In words of ours.
    pub text: String,
    /// The word of the value that it is about.
    pub word: Vec<Span>,
}

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NoteKind {
    /// It may be mistaken for something else.
    Warning,
    /// It is unusual.
    Notice,
    /// Reading it does not tell what it does.
    Uninspectable,
}

impl NoteKind {
    /// The name of its class in the style sheet.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Uninspectable => "uninspectable",
        }
    }
}

impl Arguments {
    /// Whether reading them tells what will happen.
    pub fn is_inspectable(&self) -> bool {
        self.uninspectable.is_empty()
    }

    /// What has to be opened before anyone approves, in the order of the page.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        let rows = self.rows.iter().chain(&self.raw);
        rows.flat_map(|row| row.name_section.as_deref().into_iter().chain(row.section.as_deref()))
    }

    /// How many notes warn of something.
    pub fn warnings(&self) -> usize {
        let notes = self.rows.iter().chain(&self.raw).flat_map(|row| &row.notes);
        notes.filter(|note| note.kind != NoteKind::Notice).count()
    }
}

/// What a page says about the arguments of a call: the very bytes that will run.
pub fn arguments(bytes: &[u8]) -> Arguments {
    let mut writer = Writer { rows: Vec::new(), sections: 0 };
    let (raw, mut uninspectable) = match read(bytes) {
        Ok(tree) => {
            writer.whole(&tree);
            (None, Vec::new())
        }
        Err(fault) => {
            let text = String::from_utf8_lossy(bytes);
            let row = writer.text(Row::of(0), &text, false);
            (Some(row), vec![format!("These bytes are {fault}.")])
        }
    };
    for note in writer.rows.iter().chain(&raw).flat_map(|row| &row.notes) {
        if note.kind == NoteKind::Uninspectable && !uninspectable.contains(&note.text) {
            uninspectable.push(note.text.clone());
        }
    }
    Arguments { bytes: bytes.len(), rows: writer.rows, uninspectable, raw }
}

impl Row {
    const fn of(depth: usize) -> Self {
        Self {
            depth,
            name: None,
            name_section: None,
            index: None,
            is_risky: false,
            content: Content::Word("null"),
            notes: Vec::new(),
            section: None,
        }
    }

    fn note(&mut self, kind: NoteKind, text: impl Into<String>) {
        self.notes.push(Note { kind, text: text.into(), word: Vec::new() });
    }
}

struct Writer {
    rows: Vec<Row>,
    sections: usize,
}

impl Writer {
    /// An object's members are the arguments; anything else is one value.
    fn whole(&mut self, tree: &Tree) {
        match tree {
            Tree::Object(members) => self.members(members, 0),
            Tree::Array(_) | Tree::Text(_) | Tree::Number(_) | Tree::Word(_) => {
                self.value(tree, Row::of(0));
            }
        }
    }

    fn members(&mut self, members: &[(String, Tree)], depth: usize) {
        let mut order: Vec<&(String, Tree)> = members.iter().collect();
        order.sort_by_key(|(name, _)| rank(name).unwrap_or(usize::MAX));
        for (name, value) in order {
            let mut row = Row::of(depth);
            row.is_risky = rank(name).is_some();
            let times = members.iter().filter(|(other, _)| other == name).count();
            if times > 1 {
                let text = format!(
                    "This name stands there {times} times. Programs differ in which one they take."
                );
                row.note(NoteKind::Uninspectable, text);
            }
            let named = self.text(row, name, true);
            let Content::Text(name) = named.content.clone() else { continue };
            let (name, name_section) = (Some(name), named.section.clone());
            self.value(value, Row { name, name_section, section: None, ..named });
        }
    }

    fn value(&mut self, tree: &Tree, mut row: Row) {
        let deeper = row.depth + 1;
        match tree {
            Tree::Object(members) => {
                row.content = Content::Object(members.len());
                self.rows.push(row);
                self.members(members, deeper);
            }
            Tree::Array(elements) => {
                row.content = Content::List(elements.len());
                self.rows.push(row);
                for (index, element) in elements.iter().enumerate() {
                    self.value(element, Row { index: Some(index), ..Row::of(deeper) });
                }
            }
            Tree::Text(text) => {
                // All of a risky argument is one name, of which every letter counts.
                let is_name = row.is_risky && !text.contains(char::is_whitespace);
                let row = self.text(row, text, is_name);
                self.rows.push(row);
            }
            Tree::Number(lexeme) => {
                let doubt = doubt(lexeme);
                row = self.fold(row, shown(lexeme));
                if let Content::Text(shown) = row.content {
                    row.content = Content::Number(shown);
                }
                if let Some(doubt) = doubt {
                    row.note(NoteKind::Warning, format!("This number is {doubt}."));
                }
                self.rows.push(row);
            }
            Tree::Word(word) => {
                row.content = Content::Word(word);
                self.rows.push(row);
            }
        }
    }

    /// A row whose content is this text, with notes on what is odd about it.
    fn text(&mut self, mut row: Row, text: &str, is_name: bool) -> Row {
        let shown = shown(text);
        if shown.alarming > 0 {
            let (count, is) = (shown.alarming, if shown.alarming == 1 { "is" } else { "are" });
            let characters = if count == 1 { "character" } else { "characters" };
            row.note(
                NoteKind::Warning,
                format!("{count} {characters} in it {is} invisible or would change how it looks."),
            );
        }
        if shown.is_withheld() {
            let text = "Too much to be read on a page: only its beginning and its end are shown.";
            row.note(NoteKind::Uninspectable, text);
        }
        row.notes.extend(oddities(text, is_name).into_iter().map(noted));
        for blob in blobs(text) {
            let size = blob.bytes.map_or(String::new(), |bytes| format!(", {bytes} bytes"));
            let text = format!("Holds {}{size}: what it means cannot be read here.", blob.what);
            row.note(NoteKind::Uninspectable, text);
        }
        self.fold(row, shown)
    }

    /// What is folded gets an id, by which a reader says that it was opened.
    fn fold(&mut self, mut row: Row, shown: Shown) -> Row {
        if shown.folded.is_some() {
            self.sections += 1;
            row.section = Some(format!("section-{}", self.sections));
        }
        row.content = Content::Text(shown);
        row
    }
}

fn noted(oddity: Oddity) -> Note {
    match oddity {
        Oddity::MixedScripts { word, scripts } => Note {
            kind: NoteKind::Warning,
            text: format!("Mixes letters that look alike: {scripts}, in"),
            word,
        },
        Oddity::LooksLike { word, twin } => Note {
            kind: NoteKind::Warning,
            text: format!("Looks like “{twin}” and is another word:"),
            word,
        },
        Oddity::International { host, ascii } => Note {
            kind: NoteKind::Warning,
            text: format!("As the name of a host it is looked up as {ascii}:"),
            word: host,
        },
        Oddity::More { count } => Note {
            kind: NoteKind::Warning,
            text: format!("And {count} more oddities like these."),
            word: Vec::new(),
        },
        Oddity::RightToLeft => Note {
            kind: NoteKind::Notice,
            text: "Holds letters that are read from right to left. They are shown in the order in \
                   which they are stored."
                .to_owned(),
            word: Vec::new(),
        },
    }
}
