//! Spans as HTML: the one place where text that agents control becomes part of a page.

use crate::truth::{Folded, Shown, Side, Span, oddity, visible};
use askama::filters::HtmlSafe;
use serde::Serialize;
use std::fmt;

/// A short text that somebody else wrote, shown truthfully: names, reasons, comments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Label {
    spans: Vec<Span>,
    /// What is odd about it as a name, in words of ours.
    odd: Option<String>,
}

impl Label {
    /// Shows this text.
    pub fn of(text: &str) -> Self {
        Self::from(visible(text))
    }

    /// Shows the name of a tool, an agent or a person: one that looks like another one is marked.
    pub fn name(text: &str) -> Self {
        Self { spans: visible(text), odd: oddity(text) }
    }

    /// What a reader sees, for places that know no markup; askama escapes it there.
    pub fn text(&self) -> String {
        let odd = self.odd.iter().map(|odd| format!(" ({odd})"));
        self.spans.iter().map(Span::text).chain(odd).collect()
    }

    /// Whether there is nothing to show.
    pub const fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}

impl From<Vec<Span>> for Label {
    fn from(spans: Vec<Span>) -> Self {
        Self { spans, odd: None }
    }
}

impl HtmlSafe for Label {}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(odd) = &self.odd else { return write_spans(formatter, &self.spans, "t") };
        write!(formatter, "{} <span class=\"tag warning\">", Marked(&self.spans))?;
        write_escaped(formatter, odd)?;
        formatter.write_str("</span>")
    }
}

/// A text with a fold, and what a reader ticks once the fold was opened.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    shown: &'a Shown,
    section: Option<&'a str>,
}

impl<'a> Value<'a> {
    /// Shows a text. With the id of a section, its fold has a box to tick, of the form `approve`.
    pub const fn new(shown: &'a Shown, section: Option<&'a str>) -> Self {
        Self { shown, section }
    }
}

impl HtmlSafe for Value<'_> {}

impl fmt::Display for Value<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(folded) = &self.shown.folded else {
            if self.shown.bytes == 0 {
                return out.write_str("<span class=\"empty\">(empty text)</span>");
            }
            return write_spans(out, &self.shown.head, "t block");
        };
        write_spans(out, &self.shown.head, "t block")?;
        write_fold(out, folded, self.section)?;
        write_spans(out, &folded.tail, "t block")?;
        let (bytes, lines) = (grouped(self.shown.bytes), grouped(self.shown.lines));
        write!(out, "<p class=\"measure\">{bytes} bytes, {lines} lines in all</p>")
    }
}

fn write_fold(out: &mut fmt::Formatter<'_>, folded: &Folded, section: Option<&str>) -> fmt::Result {
    let hidden = grouped(folded.hidden);
    let id = section.map_or(String::new(), |section| format!(" id=\"{section}\""));
    let Some(middle) = &folded.middle else {
        write!(
            out,
            "<div class=\"fold\"{id}><p class=\"withheld\">{hidden} bytes between are not on \
                     this page.</p>"
        )?;
        write_tick(out, section, "I know that I cannot read this part")?;
        return out.write_str("</div>");
    };
    write!(
        out,
        "<details class=\"fold\"{id}><summary>{hidden} bytes between: open to read</summary>"
    )?;
    write_spans(out, middle, "t block")?;
    write_tick(out, section, "I have read this part")?;
    out.write_str("</details>")
}

fn write_tick(out: &mut fmt::Formatter<'_>, section: Option<&str>, says: &str) -> fmt::Result {
    let Some(section) = section else { return Ok(()) };
    write!(
        out,
        "<label class=\"tick\"><input type=\"checkbox\" name=\"opened\" value=\"{section}\" \
         form=\"approve\"> {says}</label>"
    )
}

/// One side of a difference.
#[derive(Clone, Copy, Debug)]
pub struct SideBySide<'a>(pub &'a Side);

impl HtmlSafe for SideBySide<'_> {}

impl fmt::Display for SideBySide<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Side { skipped, start, differs, end, left } = self.0;
        let same = |out: &mut fmt::Formatter<'_>, bytes: usize| match bytes {
            0 => Ok(()),
            bytes => write!(out, "<span class=\"measure\">{} equal bytes</span> ", grouped(bytes)),
        };
        same(out, *skipped)?;
        write_spans(out, start, "t")?;
        if differs.bytes > 0 {
            write!(out, "<mark>{}</mark>", Value::new(differs, None))?;
        }
        write_spans(out, end, "t")?;
        same(out, *left)
    }
}

/// A word in which letters outside of ASCII stand out.
#[derive(Clone, Copy, Debug)]
pub struct Marked<'a>(pub &'a [Span]);

impl HtmlSafe for Marked<'_> {}

impl fmt::Display for Marked<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("<bdi dir=\"ltr\" class=\"t marked\">")?;
        for span in self.0 {
            let text = span.text();
            for part in text.split_inclusive(|_| true) {
                if part.is_ascii() || span.class().is_some() {
                    write_escaped(out, part)?;
                } else {
                    out.write_str("<em>")?;
                    write_escaped(out, part)?;
                    out.write_str("</em>")?;
                }
            }
        }
        out.write_str("</bdi>")
    }
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: usize) -> String {
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

/// Writes spans in an element that no character of theirs can leave or turn.
fn write_spans(out: &mut fmt::Formatter<'_>, spans: &[Span], class: &str) -> fmt::Result {
    if spans.is_empty() {
        return Ok(());
    }
    write!(out, "<bdi dir=\"ltr\" class=\"{class}\">")?;
    for span in spans {
        match span.class() {
            None => write_escaped(out, &span.text())?,
            Some(class) => {
                write!(out, "<span class=\"chip {class}\">")?;
                write_escaped(out, &span.text())?;
                out.write_str("</span>")?;
            }
        }
        if span.breaks() {
            out.write_str("<br>")?;
        }
    }
    out.write_str("</bdi>")
}

fn write_escaped(out: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for character in text.chars() {
        match character {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&#39;")?,
            other => fmt::Write::write_char(out, other)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Label, Value};
    use crate::truth::shown;
    use proptest::prelude::*;

    #[test]
    fn markup_of_an_agent_is_text_and_what_it_hides_is_spelled_out() {
        let label = Label::of("<b onload='x'>\u{202e}&amp;");
        assert_eq!(
            label.to_string(),
            "<bdi dir=\"ltr\" class=\"t\">&lt;b onload=&#39;x&#39;&gt;<span class=\"chip \
             direction\">⟦U+202E RLO⟧</span>&amp;amp;</bdi>"
        );
    }

    #[test]
    fn a_name_that_looks_like_another_is_marked() {
        let html = Label::name("mallory@ex\u{430}mple.com").to_string();
        assert!(html.contains("ex<em>\u{430}</em>mple"), "{html}");
        assert!(html.contains(">looks like “mallory@example.com”</span>"), "{html}");
        assert_eq!(Label::name("zoë@example.com"), Label::of("zoë@example.com"));
        assert!(Label::name("x\u{436}y").text().ends_with("(mixes Latin and Cyrillic)"));
    }

    #[test]
    fn a_long_value_has_a_fold_with_a_box_to_tick() {
        let long = shown(&"word ".repeat(2000));
        let html = Value::new(&long, Some("section-1")).to_string();
        assert!(html.contains("<details class=\"fold\" id=\"section-1\"><summary>9,0"), "{html}");
        assert!(html.contains("value=\"section-1\" form=\"approve\""));
        assert!(html.contains("10,000 bytes, 1 lines in all"));
    }

    proptest! {
        #[test]
        fn no_text_opens_or_closes_an_element(text in "[<>&\"'a-z/ \n\u{202e}]{0,60}") {
            let html = Label::of(&text).to_string();
            let ours = ["<bdi dir=\"ltr\" class=\"t\">", "</bdi>", "</span>", "<br>"];
            let mut rest = ours.iter().fold(html, |html, part| html.replace(part, ""));
            for kind in ["space", "break", "direction", "invisible"] {
                rest = rest.replace(&format!("<span class=\"chip {kind}\">"), "");
            }
            prop_assert!(!rest.contains(['<', '>', '"', '\'', '\u{202e}']), "{rest}");
        }
    }
}
