//! Addresses of servers and of people, as the file writes them.

use std::net::IpAddr;

use super::super::base_url::{BaseUrl, BaseUrlError};
use super::super::diagnostic::{Report, quoted};
use super::super::shape::Mailbox;
use super::super::walk::{Node, inside_quotes};
use super::line;

/// Longest address of mail, in bytes (RFC 5321 §4.5.3.1.3).
const EMAIL_BYTES_MAX: usize = 254;
/// Longest part of it before the `@`, in bytes.
const EMAIL_LOCAL_BYTES_MAX: usize = 64;

/// How others reach a listener: an address without a path.
pub(super) fn public_url(node: &Node<'_, '_>, report: &mut Report<'_>) -> Option<BaseUrl> {
    let url = match BaseUrl::parse(node.text(report)?) {
        Ok(url) => url,
        Err(error) => {
            refuse(node, &error, report);
            return None;
        }
    };
    if !url.prefix().is_empty() {
        let message = format!("expected an address without a path, found {}", quoted(url.prefix()));
        let hint = "give the gateway a host name of its own";
        report.problem(&node.at, message).hint(hint);
        return None;
    }
    if !url.is_secure() && !url.is_loopback() {
        let message = "what proves who one is travels to other machines without TLS";
        report.warning(&node.at, message).hint("use `https://`");
    }
    Some(url)
}

/// An address that is compared byte by byte, and so is kept as it was written.
pub(super) fn issuer(node: &Node<'_, '_>, report: &mut Report<'_>) -> Option<String> {
    let text = node.text(report)?;
    secure(node, BaseUrl::parse(text), report).then(|| text.to_owned())
}

/// An address of which the query, too, says what is there.
pub(super) fn document(node: &Node<'_, '_>, report: &mut Report<'_>) -> Option<String> {
    let text = node.text(report)?;
    secure(node, parse_document(text), report).then(|| text.to_owned())
}

fn parse_document(text: &str) -> Result<BaseUrl, BaseUrlError> {
    if text.contains('#') {
        return Err(BaseUrlError::Query);
    }
    text.parse::<http::Uri>().map_err(|_| BaseUrlError::NotHttp)?;
    BaseUrl::parse(text.split('?').next().unwrap_or_default())
}

/// An address that must not be shown, and why it cannot be used, if it cannot.
pub(super) fn check_concealed(text: &str) -> Result<(), String> {
    let url = parse_document(text).map_err(|error| error.to_string())?;
    if is_safe(&url) { Ok(()) } else { Err(OPEN.to_owned()) }
}

/// What is wrong with a connection to another machine that others can read and alter.
const OPEN: &str = "expected `https://`, or a server on this machine";

fn is_safe(url: &BaseUrl) -> bool {
    url.is_secure() || url.is_loopback()
}

/// Whether what was read is an address that nobody on the way can take the place of.
fn secure(
    node: &Node<'_, '_>,
    url: Result<BaseUrl, BaseUrlError>,
    report: &mut Report<'_>,
) -> bool {
    match url {
        Ok(url) if is_safe(&url) => return true,
        Ok(url) => _ = report.problem(&node.at, format!("{OPEN}, found {}", quoted(url.host()))),
        Err(error) => refuse(node, &error, report),
    }
    false
}

/// Says why a text is no address; what it holds beside one may be a secret.
fn refuse(node: &Node<'_, '_>, error: &BaseUrlError, report: &mut Report<'_>) {
    if node.as_text().is_some_and(|text| text.contains(['@', '?', '#'])) {
        report.conceal(&inside_quotes(&node.at.span));
    }
    report.problem(&node.at, error.to_string());
}

/// The name of a host or its address, without brackets.
pub(super) fn host(node: &Node<'_, '_>, report: &mut Report<'_>) -> Option<String> {
    let text = line(node, 253, report)?;
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let labels = |label: &str| !label.is_empty() && label.chars().all(in_label);
    if bare.parse::<IpAddr>().is_ok() || text.split('.').all(labels) {
        return Some(bare.to_lowercase());
    }
    let message = format!("expected the name of a host, found {}", quoted(&text));
    report.problem(&node.at, message).hint("its port goes into `port`");
    None
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// An address of mail, in lower case.
pub(super) fn email(node: &Node<'_, '_>, report: &mut Report<'_>) -> Option<String> {
    let text = node.text(report)?;
    if is_email(text) {
        return Some(text.to_lowercase());
    }
    let message = format!("expected an address of mail, found {}", quoted(text));
    report.problem(&node.at, message).hint("write it as in `ada@example.com`");
    None
}

/// An address of mail, with or without whose it is.
pub(super) fn mailbox(node: &Node<'_, '_>, report: &mut Report<'_>) -> Option<Mailbox> {
    let text = line(node, 512, report)?;
    let read = parse_mailbox(&text);
    if read.is_none() {
        let message = format!("expected an address of mail, found {}", quoted(&text));
        let hint = "write it as in `Countersign <countersign@example.com>`";
        report.problem(&node.at, message).hint(hint);
    }
    read
}

fn parse_mailbox(text: &str) -> Option<Mailbox> {
    let (name, address) = match text.strip_suffix('>') {
        Some(text) => text.rsplit_once('<')?,
        None => ("", text),
    };
    let name = match name.trim() {
        "" => None,
        name => Some(display_name(name)?),
    };
    is_email(address).then(|| Mailbox { name, address: address.to_owned() })
}

/// The name before an address: plain words, or anything in quotes.
fn display_name(written: &str) -> Option<String> {
    if let Some(inner) = written.strip_prefix('"') {
        let inner = inner.strip_suffix('"')?;
        return (!inner.contains(['"', '\\'])).then(|| inner.to_owned());
    }
    let special = ['(', ')', '<', '>', '[', ']', ':', ';', '@', '\\', ',', '"'];
    (!written.contains(special)).then(|| written.to_owned())
}

/// Whether it is an address as providers and mail servers write them: ASCII, nothing quoted.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let is_atom = |atom: &str| !atom.is_empty() && atom.chars().all(fits);
    let is_label = |label: &str| {
        let edge = label.starts_with('-') || label.ends_with('-');
        !label.is_empty() && label.len() <= 63 && !edge && label.chars().all(in_label)
    };
    text.len() <= EMAIL_BYTES_MAX
        && local.len() <= EMAIL_LOCAL_BYTES_MAX
        && local.split('.').all(is_atom)
        && domain.split('.').all(is_label)
}

fn in_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_mail_has_two_parts_and_nothing_else() {
        for text in ["ada@example.com", "a.b+c@x-y.example", "o'neil@localhost"] {
            assert!(is_email(text), "{text}");
        }
        for text in [
            "ada",
            "@example.com",
            "ada@",
            "ada@@example.com",
            "a@b@c",
            ".ada@example.com",
            "a..b@example.com",
            "ada@-example.com",
            "ada@example..com",
            "ada @example.com",
            "ada@example.com\r\nBcc: x@example.com",
            "\"ada\"@example.com",
            "ada@exämple.com",
        ] {
            assert!(!is_email(text), "{text}");
        }
        assert!(!is_email(&format!("{}@example.com", "a".repeat(65))));
    }

    #[test]
    fn a_mailbox_reads_back_what_it_shows() {
        for (text, name) in [
            ("gate@example.com", None),
            ("<gate@example.com>", None),
            ("Counter sign <gate@example.com>", Some("Counter sign")),
            ("\"Sign, counter\" <gate@example.com>", Some("Sign, counter")),
        ] {
            let read = parse_mailbox(text).unwrap();
            assert_eq!((read.name.as_deref(), read.address.as_str()), (name, "gate@example.com"));
            assert_eq!(parse_mailbox(&read.to_string()), Some(read));
        }
        for text in ["Sign, counter <a@b>", "a@b>", "x <a@b> y", "\"x\"y\" <a@b>", "<>", ""] {
            assert_eq!(parse_mailbox(text), None, "{text}");
        }
    }
}
