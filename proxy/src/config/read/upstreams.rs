//! Reads `[[model]]` and `[[tools]]`: the upstreams, how they are reached and what they are sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, header};

use super::super::base_url::BaseUrl;
use super::super::diagnostic::{At, Report, quoted};
use super::super::pattern::Pattern;
use super::super::section;
use super::super::shape::{Dialect, ModelUpstream, Setting, ToolUpstream, Transport};
use super::super::walk::{Node, Table, inside_quotes};
use super::agents;
use super::secrets::{header_secret, is_variable, refuse_variable, setting};
use super::{Reading, Taken, is_name, line, name, path};

/// Longest name and longest prefix of a tool server, in bytes: model providers take tool names of
/// at most 64.
const TOOL_PREFIX_BYTES_MAX: usize = 32;
/// Headers that belong to the connection or to the protocol, so that no configuration may set them.
const HEADERS_RESERVED: [HeaderName; 8] = [
    header::ACCEPT,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::HOST,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

pub(super) fn models(root: &Table<'_, '_>, reading: &mut Reading<'_>) -> Vec<ModelUpstream> {
    let tables = root.tables("model", &section::MODEL, &mut reading.report);
    let (mut names, mut serving) = (Taken::default(), BTreeMap::new());
    let model = |table| model(&table, &mut names, &mut serving, reading);
    tables.into_iter().filter_map(model).collect()
}

/// Who serves a pattern: unique within a dialect.
type Serving = BTreeMap<(Dialect, Pattern), String>;

fn model(
    table: &Table<'_, '_>,
    names: &mut Taken,
    serving: &mut Serving,
    reading: &mut Reading<'_>,
) -> Option<ModelUpstream> {
    let name = name(table, names, is_name, &mut reading.report);
    let dialects = [("openai", Dialect::OpenAi), ("anthropic", Dialect::Anthropic)];
    let hint = "write `dialect = \"openai\"` or `dialect = \"anthropic\"`";
    let dialect = table.require("dialect", hint, &mut reading.report);
    let dialect = dialect.and_then(|node| node.choice(&dialects, &mut reading.report));
    let hint = "where the provider is, as in `url = \"https://api.openai.com/v1\"`";
    let url = table.require("url", hint, &mut reading.report);
    let url = url.and_then(|node| url_of(&node, table.get("key").is_some(), &mut reading.report));
    let key = table.get("key").map(|node| header_secret(&node, reading));
    let serves = match table.get("serves") {
        Some(node) => patterns(&node, &mut reading.report),
        None => vec![(Pattern::any(), table.at.clone())],
    };
    for (pattern, at) in &serves {
        let (Some(dialect), Some(name)) = (dialect, &name) else { break };
        let first = serving.entry((dialect, pattern.clone())).or_insert_with(|| name.clone());
        if first != name {
            let message = format!("`{pattern}` is served by `{first}` as well");
            reading.report.problem(at, message).hint("of two providers, one must serve it");
        }
    }
    let serves: Vec<_> = serves.into_iter().map(|(pattern, _)| pattern).collect();
    // A key that was written but not found has been reported: this upstream is not used without it.
    let key = key.map_or(Some(None), |found| found.map(Some))?;
    Some(ModelUpstream { name: name?, dialect: dialect?, url: url?, key, serves })
}

/// A list of at least one pattern, each with its place.
pub(super) fn patterns(node: &Node<'_, '_>, report: &mut Report<'_>) -> Vec<(Pattern, At)> {
    let items = node.items(report);
    if items.is_empty() && node.is_list() {
        report.problem(&node.at, "expected at least one pattern").hint("`[\"*\"]` is every model");
    }
    let mut read = Vec::new();
    for item in items {
        match item.text(report).map(Pattern::parse) {
            Some(Ok(pattern)) => read.push((pattern, item.at)),
            Some(Err(error)) => _ = report.problem(&item.at, error.to_string()),
            None => {}
        }
    }
    read
}

fn url_of(node: &Node<'_, '_>, with_key: bool, report: &mut Report<'_>) -> Option<BaseUrl> {
    let text = node.text(report)?;
    match BaseUrl::parse(text) {
        Ok(url) => {
            if with_key && !url.is_secure() && !url.is_loopback() {
                let message = "the key travels to another machine without TLS";
                report.warning(&node.at, message).hint("use `https://`");
            }
            if ["api.openai.com", "api.anthropic.com"].contains(&url.host())
                && url.prefix().is_empty()
            {
                let message = format!("{} serves below `/v1`", quoted(url.host()));
                report.warning(&node.at, message).hint(format!("write `url = \"{url}/v1\"`"));
            }
            Some(url)
        }
        Err(error) => {
            // A user, password or query may be a secret.
            if text.contains(['@', '?', '#']) {
                report.conceal(&inside_quotes(&node.at.span));
            }
            report.problem(&node.at, error.to_string());
            None
        }
    }
}

pub(super) fn tools(root: &Table<'_, '_>, reading: &mut Reading<'_>) -> Vec<ToolUpstream> {
    let tables = root.tables("tools", &section::TOOLS, &mut reading.report);
    let (mut names, mut prefixes) = (Taken::default(), Taken::default());
    let tool = |table| tool(&table, &mut names, &mut prefixes, reading);
    tables.into_iter().filter_map(tool).collect()
}

fn tool(
    table: &Table<'_, '_>,
    names: &mut Taken,
    prefixes: &mut Taken,
    reading: &mut Reading<'_>,
) -> Option<ToolUpstream> {
    let name = name(table, names, is_tool_name, &mut reading.report);
    let prefix = match table.get("prefix") {
        Some(node) => prefix(&node, prefixes, &mut reading.report),
        None => name.as_ref().map(|name| format!("{name}__")),
    };
    let trusted = table.truth("trusted", &mut reading.report).unwrap_or(false);
    let [private, untrusted, outside] = ["private", "untrusted", "outside"]
        .map(|key| labelled(table, key, name.as_deref(), &mut reading.report));
    let scopes = scopes(table, &mut reading.report);
    let transport = match (table.get("url"), table.get("command")) {
        (Some(url), None) => http(table, &url, reading),
        (None, Some(command)) => stdio(table, &command, reading),
        (Some(_), Some(_)) | (None, None) => {
            let hint = "`url` for a server on the network, `command` for one the gateway starts";
            reading.report.problem(&table.at, "expected either `url` or `command`").hint(hint);
            None
        }
    };
    Some(ToolUpstream {
        name: name?,
        transport: transport?,
        prefix: prefix?,
        trusted,
        private,
        untrusted,
        outside,
        scopes,
    })
}

/// Which tools of a server something is said about, by the names the server itself gives them.
fn labelled(
    table: &Table<'_, '_>,
    key: &'static str,
    server: Option<&str>,
    report: &mut Report<'_>,
) -> Vec<Pattern> {
    let read = agents::patterns(table, key, Pattern::parse, report);
    let elsewhere = server.map(|server| ["/", "__"].map(|mark| format!("{server}{mark}")));
    for (pattern, at) in &read {
        let text = pattern.as_str();
        let mut before = elsewhere.iter().flatten();
        if let Some(rest) = before.find_map(|before| text.strip_prefix(before.as_str())) {
            let message = format!("{} is not how the server itself calls a tool", quoted(text));
            report.warning(at, message).hint(format!("write {}", quoted(rest)));
        }
    }
    read.into_iter().map(|(pattern, _)| pattern).collect()
}

/// What tokens must be good for to call tools of a server.
fn scopes(table: &Table<'_, '_>, report: &mut Report<'_>) -> Vec<(Pattern, Vec<Arc<str>>)> {
    let mut read = Vec::new();
    let entries = table.get("scopes").map(|node| node.entries(report));
    for (pattern, at, value) in entries.unwrap_or_default() {
        let pattern = Pattern::parse(&pattern);
        if let Err(error) = &pattern {
            report.problem(&at, error.to_string());
        }
        let text = value.text(report);
        let words = text.map(|text| text.split(' ').map(Arc::from).collect::<Vec<_>>());
        if words.iter().flatten().any(|word| !is_scope(word)) {
            let message = "expected a scope, or several with one blank between";
            let hint = "as in `scopes = { \"delete_*\" = \"crm:write\" }`";
            report.problem(&value.at, message).hint(hint);
        }
        read.extend(pattern.ok().zip(words));
    }
    read
}

/// Whether this is a scope's name (RFC 6749 §3.3).
fn is_scope(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))
}

fn is_tool_name(text: &str) -> Result<(), &'static str> {
    if text == policy::LOCAL {
        return Err("another name: `local` stands for tools that agents run themselves");
    }
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = text.chars().all(fits) && !text.starts_with('-');
    let expected = "at most 32 small letters, digits and `-`";
    (fits && text.len() <= TOOL_PREFIX_BYTES_MAX).then_some(()).ok_or(expected)
}

fn prefix(node: &Node<'_, '_>, taken: &mut Taken, report: &mut Report<'_>) -> Option<String> {
    let text = node.text(report)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !text.chars().all(fits) || text.len() > TOOL_PREFIX_BYTES_MAX {
        let message = "expected at most 32 letters, digits, `_` and `-`";
        report.problem(&node.at, format!("{message}, found {}", quoted(text)));
        return None;
    }
    if !text.is_empty() {
        taken.take(text, &node.at, report);
    }
    Some(text.to_owned())
}

fn http(table: &Table<'_, '_>, url: &Node<'_, '_>, reading: &mut Reading<'_>) -> Option<Transport> {
    refuse_beside(table, ["env", "cwd"], "command", &mut reading.report);
    let key = table.get("key").map(|node| header_secret(&node, reading));
    let url = url_of(url, key.is_some(), &mut reading.report);
    let mut headers = Vec::new();
    let entries = table.get("headers").map(|node| node.entries(&mut reading.report));
    for (name, at, value) in entries.unwrap_or_default() {
        let header = name.parse::<HeaderName>().ok();
        let reserved = header.as_ref().is_some_and(|header| {
            let by_key = key.is_some() && header == header::AUTHORIZATION;
            HEADERS_RESERVED.contains(header) || header.as_str().starts_with("mcp-") || by_key
        });
        if reserved {
            let message = format!("the gateway itself sets {}", quoted(&name));
            reading.report.problem(&at, message);
        } else if header.is_none() {
            reading.report.problem(&at, format!("{} cannot name a header", quoted(&name)));
        }
        let setting = setting(&name, &value, reading);
        if setting.as_ref().is_some_and(|set| HeaderValue::from_str(set.expose()).is_err()) {
            let message = "the value holds characters that no header may hold";
            reading.report.problem(&value.at, message);
        }
        headers.extend(header.zip(setting));
    }
    headers.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
    let key = key.map_or(Some(None), |found| found.map(Some))?;
    Some(Transport::Http { url: url?, key, headers })
}

fn stdio(
    table: &Table<'_, '_>,
    command: &Node<'_, '_>,
    reading: &mut Reading<'_>,
) -> Option<Transport> {
    refuse_beside(table, ["key", "headers"], "url", &mut reading.report);
    let words: Vec<_> = command.items(&mut reading.report);
    let read = words.iter().map(|word| line(word, 4096, &mut reading.report));
    let command_read: Vec<String> = read.collect::<Option<_>>()?;
    if command_read.is_empty() {
        let hint = "the program and its arguments: `command = [\"python3\", \"server.py\"]`";
        if words.is_empty() {
            reading.report.problem(&command.at, "expected a command").hint(hint);
        }
        return None;
    }
    let mut env = BTreeMap::new();
    let entries = table.get("env").map(|node| node.entries(&mut reading.report));
    for (name, at, value) in entries.unwrap_or_default() {
        if !is_variable(&name) {
            refuse_variable(&name, &at, &mut reading.report);
        }
        let setting = setting(&name, &value, reading);
        if matches!(&setting, Some(Setting::Plain(text)) if text.contains('\0')) {
            reading.report.problem(&value.at, "the value holds a NUL character");
        }
        env.extend(setting.map(|setting| (name, setting)));
    }
    let cwd = match table.get("cwd") {
        Some(node) => path(&node, reading)?,
        None => reading.folder.to_owned(),
    };
    Some(Transport::Stdio { command: command_read, env, cwd })
}

/// Refuses keys that belong to the other kind of transport.
fn refuse_beside(
    table: &Table<'_, '_>,
    keys: [&'static str; 2],
    other: &str,
    report: &mut Report<'_>,
) {
    for key in keys {
        if let Some(node) = table.get(key) {
            report.problem(&node.at, format!("`{key}` goes with `{other}`, which is not here"));
        }
    }
}
