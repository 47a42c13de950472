//! The table for people: CSV as RFC 4180 says, which a spreadsheet can open without harm.

use super::columns::{COLUMNS, Cell, Kind};
use events::Timestamp;

/// The header line.
pub(super) fn header() -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    names.join(",") + "\r\n"
}

/// Appends one line.
pub(super) fn push_line(csv: &mut String, cells: &[Cell]) {
    for (place, (cell, (_, kind))) in cells.iter().zip(COLUMNS).enumerate() {
        if place > 0 {
            csv.push(',');
        }
        match (cell, kind) {
            (Cell::Empty, _) => {}
            (Cell::Number(micros), Kind::Time) => {
                csv.push_str(&Timestamp::from_micros(*micros).to_string());
            }
            (Cell::Number(number), _) => csv.push_str(&number.to_string()),
            (Cell::Text(text), _) => push_text(csv, text),
        }
    }
    csv.push_str("\r\n");
}

/// What agents and upstreams wrote must not be taken for a formula: an apostrophe before it makes
/// spreadsheets show it as it is.
fn push_text(csv: &mut String, text: &str) {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let is_plain = !text.contains([',', '"', '\r', '\n']);
    let start = if is_formula { "'" } else { "" };
    if is_plain {
        csv.push_str(start);
        csv.push_str(text);
        return;
    }
    csv.push('"');
    csv.push_str(start);
    csv.push_str(&text.replace('"', "\"\""));
    csv.push('"');
}

#[cfg(test)]
mod tests {
    use super::push_text;

    #[test]
    fn text_is_neither_a_formula_nor_another_cell() {
        let table = [
            ("plain text", "plain text"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("\tx", "'\tx"),
            ("=a,\"b\"", "\"'=a,\"\"b\"\"\""),
            ("", ""),
        ];
        for (text, written) in table {
            let mut csv = String::new();
            push_text(&mut csv, text);
            assert_eq!(csv, written);
        }
    }
}
