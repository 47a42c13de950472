//! Which characters show as what they are, and what the others are called.

use serde::Serialize;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// Why a character is spelled out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A space that would not be noticed, or its width not be seen.
    Space,
    /// The end of a line.
    Break,
    /// A tab.
    Tab,
    /// A control character: it moves the cursor or does something to a terminal.
    Control,
    /// It turns the direction of writing.
    Direction,
    /// It takes no room, or looks like nothing.
    Invisible,
    /// It is drawn over its neighbours.
    Stacked,
    /// No font can know what it looks like.
    Unassigned,
    /// A sign that chips themselves are written with.
    Sign,
}

impl Kind {
    /// Whether a reader should be warned of it; spaces and line ends are ordinary.
    pub const fn is_alarming(self) -> bool {
        match self {
            Self::Space | Self::Break | Self::Tab | Self::Sign => false,
            Self::Control
            | Self::Direction
            | Self::Invisible
            | Self::Stacked
            | Self::Unassigned => true,
        }
    }

    /// The name of its class in the style sheet.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Space | Self::Tab => "space",
            Self::Break => "break",
            Self::Control => "control",
            Self::Direction => "direction",
            Self::Invisible => "invisible",
            Self::Stacked => "stacked",
            Self::Unassigned => "unassigned",
            Self::Sign => "sign",
        }
    }
}

/// Why a character has to be spelled out wherever it stands; `None` if it shows as what it is.
/// U+0020 and combining marks depend on their neighbours and are left to the caller.
pub(super) fn kind(character: char) -> Option<Kind> {
    match character {
        ' '..='~' => return None,
        '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => return Some(Kind::Break),
        '\t' => return Some(Kind::Tab),
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            return Some(Kind::Direction);
        }
        '⟦' | '⟧' => return Some(Kind::Sign),
        _ if is_invisible(character) => return Some(Kind::Invisible),
        _ => {}
    }
    match character.general_category() {
        GeneralCategory::Control => Some(Kind::Control),
        GeneralCategory::Format => Some(Kind::Invisible),
        GeneralCategory::SpaceSeparator => Some(Kind::Space),
        GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => Some(Kind::Break),
        GeneralCategory::PrivateUse | GeneralCategory::Surrogate | GeneralCategory::Unassigned => {
            Some(Kind::Unassigned)
        }
        GeneralCategory::UppercaseLetter
        | GeneralCategory::LowercaseLetter
        | GeneralCategory::TitlecaseLetter
        | GeneralCategory::ModifierLetter
        | GeneralCategory::OtherLetter
        | GeneralCategory::NonspacingMark
        | GeneralCategory::SpacingMark
        | GeneralCategory::EnclosingMark
        | GeneralCategory::DecimalNumber
        | GeneralCategory::LetterNumber
        | GeneralCategory::OtherNumber
        | GeneralCategory::ConnectorPunctuation
        | GeneralCategory::DashPunctuation
        | GeneralCategory::OpenPunctuation
        | GeneralCategory::ClosePunctuation
        | GeneralCategory::InitialPunctuation
        | GeneralCategory::FinalPunctuation
        | GeneralCategory::OtherPunctuation
        | GeneralCategory::MathSymbol
        | GeneralCategory::CurrencySymbol
        | GeneralCategory::ModifierSymbol
        | GeneralCategory::OtherSymbol => None,
    }
}

/// Characters that look like nothing although their category does not say so: the default
/// ignorable ones of Unicode that are letters, marks or not assigned yet, and the blank Braille
/// pattern.
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether a character is drawn on the one before it.
pub(super) fn is_mark(character: char) -> bool {
    !character.is_ascii()
        && matches!(
            character.general_category(),
            GeneralCategory::NonspacingMark
                | GeneralCategory::SpacingMark
                | GeneralCategory::EnclosingMark
        )
}

/// Whether a character is written from right to left by itself.
pub(super) const fn is_right_to_left(character: char) -> bool {
    matches!(
        character,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}'
            | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'
    )
}

/// What a character is called: its number and, where it has one, its usual short name.
pub(super) fn label(character: char) -> String {
    let number = u32::from(character);
    match character {
        ' ' => return "SP".to_owned(),
        '\n' => return "LF".to_owned(),
        '\t' => return "TAB".to_owned(),
        // A tag spells an ASCII character that nobody sees.
        '\u{e0020}'..='\u{e007e}' => {
            let spelled = char::from_u32(number - 0xe0000).unwrap_or_default();
            return format!("U+{number:04X} TAG {spelled}");
        }
        '\u{fe00}'..='\u{fe0f}' => return format!("U+{number:04X} VS{}", number - 0xfe00 + 1),
        '\u{e0100}'..='\u{e01ef}' => {
            return format!("U+{number:04X} VS{}", number - 0xe0100 + 17);
        }
        _ => {}
    }
    let name = NAMES.iter().find(|(named, _)| *named == character).map(|(_, name)| *name);
    name.map_or(format!("U+{number:04X}"), |name| format!("U+{number:04X} {name}"))
}

/// Short names as the Unicode charts have them.
const NAMES: &[(char, &str)] = &[
    ('\0', "NUL"),
    ('\u{7}', "BEL"),
    ('\u{8}', "BS"),
    ('\u{b}', "VT"),
    ('\u{c}', "FF"),
    ('\r', "CR"),
    ('\u{1b}', "ESC"),
    ('\u{7f}', "DEL"),
    ('\u{85}', "NEL"),
    ('\u{9b}', "CSI"),
    ('\u{a0}', "NBSP"),
    ('\u{ad}', "SHY"),
    ('\u{34f}', "CGJ"),
    ('\u{61c}', "ALM"),
    ('\u{115f}', "HANGUL FILLER"),
    ('\u{1160}', "HANGUL FILLER"),
    ('\u{1680}', "OGHAM SPACE"),
    ('\u{2002}', "EN SPACE"),
    ('\u{2003}', "EM SPACE"),
    ('\u{2009}', "THIN SPACE"),
    ('\u{200a}', "HAIR SPACE"),
    ('\u{200b}', "ZWSP"),
    ('\u{200c}', "ZWNJ"),
    ('\u{200d}', "ZWJ"),
    ('\u{200e}', "LRM"),
    ('\u{200f}', "RLM"),
    ('\u{2028}', "LSEP"),
    ('\u{2029}', "PSEP"),
    ('\u{202a}', "LRE"),
    ('\u{202b}', "RLE"),
    ('\u{202c}', "PDF"),
    ('\u{202d}', "LRO"),
    ('\u{202e}', "RLO"),
    ('\u{202f}', "NNBSP"),
    ('\u{205f}', "MMSP"),
    ('\u{2060}', "WJ"),
    ('\u{2066}', "LRI"),
    ('\u{2067}', "RLI"),
    ('\u{2068}', "FSI"),
    ('\u{2069}', "PDI"),
    ('\u{27e6}', "LEFT BRACKET"),
    ('\u{27e7}', "RIGHT BRACKET"),
    ('\u{2800}', "BRAILLE BLANK"),
    ('\u{3000}', "WIDE SPACE"),
    ('\u{3164}', "HANGUL FILLER"),
    ('\u{feff}', "BOM"),
    ('\u{ffa0}', "HANGUL FILLER"),
    ('\u{fffc}', "OBJECT"),
    ('\u{e0001}', "LANGUAGE TAG"),
    ('\u{e007f}', "CANCEL TAG"),
];
