//! What is true of every page, and of the page that decides.

use crate::served::{NAMES, render};
use dashboards::pages::Theme;

fn page(name: &str) -> String {
    render(name, Theme::Auto).unwrap().unwrap()
}

#[test]
fn no_page_has_anything_inline_or_from_elsewhere() {
    for name in NAMES {
        let html = page(name);
        assert!(!html.contains(" style=") && !html.contains("<style"), "{name}");
        assert!(!html.contains("javascript:") && !html.contains(" onclick"), "{name}");
        assert_eq!(html.matches("<script").count(), html.matches("<script src=\"/assets/").count());
        for link in html.split(" src=\"").chain(html.split(" href=\"")).skip(1) {
            let inside = ["/", "#", "\""].iter().any(|start| link.starts_with(start));
            assert!(inside || link.starts_with("<!doctype"), "{name}: {link:.60}");
        }
    }
}

#[test]
fn every_page_has_a_language_a_title_one_heading_and_a_way_past_the_navigation() {
    for name in NAMES {
        let html = page(name);
        assert!(html.contains("<html lang=\"en\"") && html.contains("</title>"), "{name}");
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
        assert_eq!(html.matches("<main id=\"main\"").count(), 1, "{name}");
        assert!(html.contains("class=\"skip\" href=\"#main\""), "{name}");
        let mut ids: Vec<&str> =
            html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name}: an id stands there twice");
    }
}

#[test]
fn no_page_holds_a_character_that_hides_or_turns_text() {
    for name in NAMES {
        let hidden = |next: char| {
            matches!(next, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
                || next.is_control() && next != '\n'
        };
        assert!(!page(name).contains(hidden), "{name}");
    }
}

#[test]
fn what_an_agent_hid_is_on_the_page() {
    let html = page("tricky");
    for seen in [
        "⟦U+202E RLO⟧",
        "⟦SP ×50000⟧",
        "⟦U+000D CR⟧",
        "TAG A⟧",
        "⟦U+200D ZWJ⟧",
        "This name stands there 2 times",
        "1e999",
        "larger than any number",
        "Mixes letters that look alike: Latin and Cyrillic",
        "looked up as xn--80ak6aa92e.com",
        "bytes between: open to read",
        "a command that decodes another",
        "not inspectable",
    ] {
        assert!(html.contains(seen), "{seen}");
    }
}

#[test]
fn a_decision_names_what_it_is_about_and_enter_never_makes_it() {
    for name in ["plain", "tricky", "grave"] {
        let html = page(name);
        let form = html.split("<form ").find(|form| form.contains("id=\"approve\"")).unwrap();
        let form = form.split("</form>").next().unwrap();
        for field in ["csrf", "version", "call", "view"] {
            assert!(form.contains(&format!("name=\"{field}\" value=\"")), "{name}: {field}");
        }
        assert!(!html.contains("autofocus"), "{name}");
        // The first button of a form is what Enter presses; a disabled one does nothing.
        let first = form.find("<button").unwrap();
        assert!(form[first..].starts_with("<button type=\"submit\" disabled hidden"), "{name}");
    }
}

#[test]
fn every_fold_of_the_arguments_has_a_box_to_tick_in_the_form_that_approves() {
    let html = page("tricky");
    let folds = html.matches("<details class=\"fold\" id=\"section-").count();
    assert!(folds > 0);
    assert_eq!(html.matches("name=\"opened\"").count(), folds);
    assert_eq!(html.matches("form=\"approve\"").count(), folds);
    assert!(!page("plain").contains("name=\"opened\""));
}

#[test]
fn who_cannot_decide_sees_why_and_no_form() {
    let html = page("other");
    assert!(html.contains("You cannot decide this") && !html.contains("name=\"verdict\""));
}

#[test]
fn what_was_decided_has_no_form_that_decides() {
    for name in ["granted", "refused", "expired", "glass"] {
        assert!(!page(name).contains("name=\"verdict\""), "{name}");
    }
}
