//! Says in words what a configuration does, for `countersign check`. Shows no secret.

use std::fmt::{self, Display, Write};
use std::path::Path;
use std::time::Duration;

use super::approvals_role::ApprovalsRole;
use super::limits::Limits;
use super::payload_rule::{Keep, PayloadRule};
use super::quantity::{show_bytes, show_duration, show_money};
use super::shape::{
    Agent, ApprovalsConfig, Backend, Checkpoints, Config, Dialect, Durability, LedgerConfig,
    Listen, MailConfig, MailTls, ModelUpstream, PeopleConfig, PrefixRule, Price, Setting,
    SignInProvider, TokenIssuer, ToolUpstream, Transport, Webhook, WebhookKind, Witness,
};
use super::witness_role::WitnessRole;

/// What is listened on, which upstreams there are, and which agent may use what.
pub fn describe(config: &Config) -> String {
    let mut out = String::new();
    // Writing to a `String` cannot fail.
    _ = write_config(&mut out, config);
    out
}

fn write_config(out: &mut String, config: &Config) -> fmt::Result {
    let Config { data, listen, limits, ledger, checkpoints, payloads, .. } = config;
    let Config { witnesses, models, prices, tools, issuers, agents, mcp, .. } = config;
    writeln!(out, "data      {}", data.display())?;
    write_listen(out, listen)?;
    write_ledger(out, ledger)?;
    write_payload_keys(out, ledger)?;
    write_checkpoints(out, checkpoints, data)?;
    write_witnesses(out, witnesses, checkpoints.witnesses_needed)?;
    for rule in payloads {
        write_payload_rule(out, rule)?;
    }
    write_oversight(out, config)?;
    write_limits(out, limits)?;
    for model in models {
        write_model(out, model)?;
    }
    prices.iter().try_for_each(|price| write_price(out, price))?;
    let prefix = match mcp.prefix {
        PrefixRule::Always => "",
        PrefixRule::WhenNeeded => " when needed",
        PrefixRule::Never => " never",
    };
    for tool in tools {
        write_tool(out, tool, prefix)?;
    }
    for issuer in issuers {
        write_issuer(out, issuer)?;
    }
    for agent in agents {
        write_agent(out, agent)?;
    }
    for (kind, missing) in
        [("model", models.is_empty()), ("tools", tools.is_empty()), ("agent", agents.is_empty())]
    {
        if missing {
            writeln!(out, "{kind:<9} none")?;
        }
    }
    Ok(())
}

fn write_listen(out: &mut String, listen: &Listen) -> fmt::Result {
    writeln!(out, "agents    http://{}", listen.agents)?;
    if let Some(url) = &listen.agents_url {
        writeln!(out, "          reached at {url}")?;
    }
    writeln!(out, "people    http://{}", listen.people)?;
    for (what, names) in [("hosts", &listen.hosts), ("origins", &listen.origins)] {
        if !names.is_empty() {
            writeln!(out, "{what:<9} {}", names.join(", "))?;
        }
    }
    Ok(())
}

fn write_ledger(out: &mut String, ledger: &LedgerConfig) -> fmt::Result {
    let backend = match ledger.backend {
        Backend::File => "file",
        Backend::Memory => "memory",
    };
    let durability = match ledger.durability {
        Durability::Synced => "synced",
        Durability::Relaxed => "relaxed",
    };
    let (segment, timeout) =
        (show_bytes(ledger.segment_bytes), show_duration(ledger.append_timeout));
    let queue = ledger.queue_records_max;
    let (reserve, low) = (show_bytes(ledger.reserve_bytes), show_bytes(ledger.disk_bytes_low));
    writeln!(
        out,
        "ledger    {backend}, {durability}; segments of {segment}; \
         a call waits {timeout} for its record, {queue} at once; \
         a reserve of twice {reserve}, less than {low} is little"
    )
}

fn write_witnesses(out: &mut String, witnesses: &[Witness], needed: usize) -> fmt::Result {
    for Witness { name, url, key } in witnesses {
        writeln!(out, "witness   {name}: {} at {url}", key.name())?;
    }
    if !witnesses.is_empty() {
        writeln!(out, "          {needed} of {} must cosign a checkpoint", witnesses.len())?;
    }
    Ok(())
}

/// Where people decide, who they are, and for which gateways.
pub fn describe_approvals(role: &ApprovalsRole) -> String {
    let mut out = String::new();
    // Writing to a `String` cannot fail.
    _ = write_approvals_role(&mut out, role);
    out
}

fn write_approvals_role(out: &mut String, role: &ApprovalsRole) -> fmt::Result {
    let ApprovalsRole { config, gateways } = role;
    let Config { data, listen, ledger, checkpoints, witnesses, .. } = config;
    writeln!(out, "data      {}", data.display())?;
    writeln!(out, "people    http://{}", listen.people)?;
    write_ledger(out, ledger)?;
    write_checkpoints(out, checkpoints, data)?;
    write_witnesses(out, witnesses, checkpoints.witnesses_needed)?;
    write_people(out, &config.people)?;
    config.providers.iter().try_for_each(|provider| write_provider(out, provider))?;
    config.mail.iter().try_for_each(|mail| write_mail(out, mail))?;
    config.webhooks.iter().try_for_each(|webhook| write_webhook(out, webhook))?;
    gateways.iter().try_for_each(|it| writeln!(out, "gateway   {}: {}", it.name, it.url))
}

/// Where a witness is reached, and for which logs it cosigns.
pub fn describe_witness(role: &WitnessRole) -> String {
    let mut out = String::new();
    // Writing to a `String` cannot fail.
    _ = write_role(&mut out, role);
    out
}

fn write_role(out: &mut String, role: &WitnessRole) -> fmt::Result {
    let WitnessRole { data, listen, name, key, logs } = role;
    let key = if key.is_some() { "the key given" } else { "a key in the data folder" };
    writeln!(out, "data      {}", data.display())?;
    writeln!(out, "witness   http://{listen}, as {name} by {key}")?;
    logs.iter().try_for_each(|log| writeln!(out, "log       {}", log.name()))
}

fn write_payload_keys(out: &mut String, ledger: &LedgerConfig) -> fmt::Result {
    write!(out, "payloads  encrypted under ")?;
    match (ledger.backend, ledger.payload_keys.as_slice()) {
        (Backend::Memory, _) => writeln!(out, "a key that ends with the gateway"),
        (Backend::File, []) => writeln!(out, "a key in the data folder"),
        (Backend::File, [current]) => writeln!(out, "the key in {}", current.place),
        (Backend::File, [current, former @ ..]) => {
            let places: Vec<_> = former.iter().map(|key| key.place.to_string()).collect();
            writeln!(out, "the key in {}; formerly in {}", current.place, places.join(", "))
        }
    }
}

fn write_checkpoints(out: &mut String, checkpoints: &Checkpoints, data: &Path) -> fmt::Result {
    let key = if checkpoints.key.is_some() { "the key given" } else { "a key in the data folder" };
    let lock = checkpoints.lock.clone().unwrap_or_else(|| data.join("lock"));
    let interval = show_duration(checkpoints.interval);
    let origin = checkpoints.origin.as_deref().map_or(String::new(), |it| format!(" of `{it}`"));
    let lock = lock.display();
    writeln!(out, "sealed    every {interval} by {key}{origin}; the last checkpoint is in `{lock}`")
}

fn write_payload_rule(out: &mut String, rule: &PayloadRule) -> fmt::Result {
    let keep = match rule.keep {
        Keep::Everything => "everything",
        Keep::Requests => "requests",
        Keep::Nothing => "nothing",
    };
    let time = rule
        .kept_for
        .map_or(String::new(), |time| format!(" for {} days", time.as_secs() / (24 * 60 * 60)));
    let models = rule.models.iter().map(|model| format!("model {model}"));
    let tools = rule.tools.iter().map(|tool| format!("tool {tool}"));
    let of: Vec<String> = models.chain(tools).collect();
    let of = if of.is_empty() { "every other call".to_owned() } else { of.join(", ") };
    writeln!(out, "payloads  {of}: {keep} kept{time}")
}

/// What waits for people, who they are, and how they hear of it.
fn write_oversight(out: &mut String, config: &Config) -> fmt::Result {
    let Config { policy, approvals, service, people, providers, mail, webhooks, .. } = config;
    match policy {
        Some(policy) => {
            let interval = show_duration(policy.reload_interval);
            writeln!(out, "policy    {}; looked at every {interval}", list(&policy.files))?;
        }
        None => writeln!(out, "policy    the lists of each agent alone")?,
    }
    write_approvals(out, approvals)?;
    if let Some(service) = service {
        return writeln!(out, "service   people decide at {}", service.url);
    }
    write_people(out, people)?;
    providers.iter().try_for_each(|provider| write_provider(out, provider))?;
    mail.iter().try_for_each(|mail| write_mail(out, mail))?;
    webhooks.iter().try_for_each(|webhook| write_webhook(out, webhook))
}

fn write_approvals(out: &mut String, approvals: &ApprovalsConfig) -> fmt::Result {
    let ApprovalsConfig { url, asks_per_hour, pending_max, .. } = approvals;
    let [hold, models] = [approvals.hold, approvals.hold_models].map(show_duration);
    let no = match approvals.no_answers_for {
        Duration::ZERO => "a no answers once".to_owned(),
        time => format!("a no answers for {}", show_duration(time)),
    };
    let at = url.as_ref().map_or(String::new(), |url| format!("at {url}; "));
    writeln!(
        out,
        "approvals {at}held open: tool calls {hold}, model calls {models}; \
         an agent asks {asks_per_hour} times an hour, {pending_max} at once; {no}"
    )
}

fn write_people(out: &mut String, people: &PeopleConfig) -> fmt::Result {
    let accounts = if people.accounts { "with" } else { "without" };
    let lasts = show_duration(people.sign_in_lasts);
    writeln!(out, "sign-in   {accounts} accounts of the gateway itself; lasts {lasts}")?;
    for (role, holders) in people.roles.all() {
        if !holders.is_empty() {
            writeln!(out, "role      {role}: {}", list(holders))?;
        }
    }
    Ok(())
}

fn write_provider(out: &mut String, provider: &SignInProvider) -> fmt::Result {
    let SignInProvider { name, issuer, client_id, client_secret, scopes, .. } = provider;
    let SignInProvider { groups_claim, trust_email, .. } = provider;
    let secret = if client_secret.is_some() { "with a secret" } else { "without a secret" };
    let (scopes, email) = (list(scopes), if *trust_email { "any" } else { "a verified" });
    writeln!(
        out,
        "provider  {name}: {issuer}, as `{client_id}` {secret}; asks for {scopes}; \
         groups in `{groups_claim}`; takes {email} address"
    )
}

fn write_mail(out: &mut String, mail: &MailConfig) -> fmt::Result {
    let MailConfig { from, host, port, tls, login, fallback, ca: _ } = mail;
    let tls = match tls {
        MailTls::Implicit => "TLS",
        MailTls::None => "no TLS",
        MailTls::StartTls => "STARTTLS",
    };
    let login = if login.is_some() { "with a password" } else { "without a password" };
    let fallback = list(fallback);
    writeln!(
        out,
        "mail      from {from} through {host}, port {port}, with {tls}, {login}; \
         what nobody else gets goes to {fallback}"
    )
}

fn write_webhook(out: &mut String, webhook: &Webhook) -> fmt::Result {
    let url = match &webhook.url {
        Setting::Plain(url) => url,
        Setting::Secret(_) => "an address kept elsewhere",
    };
    let kind = match &webhook.kind {
        WebhookKind::Slack => "as Slack takes it",
        WebhookKind::Standard { secret: _ } => "signed",
    };
    writeln!(out, "webhook   {}: {url}, {kind}", webhook.name)
}

fn write_issuer(out: &mut String, issuer: &TokenIssuer) -> fmt::Result {
    let TokenIssuer { name, url, audience, jwks, agent_claim, owner_claim } = issuer;
    let jwks = jwks.as_ref().map_or(String::new(), |jwks| format!(", with keys at {jwks}"));
    let owner = owner_claim.as_ref().map_or(String::new(), |it| format!(", for whom in `{it}`"));
    writeln!(
        out,
        "issuer    {name}: {url}{jwks}; tokens for {audience}, agent in `{agent_claim}`{owner}"
    )
}

fn write_limits(out: &mut String, limits: &Limits) -> fmt::Result {
    let [body, memory, answer] =
        [limits.body_bytes_max, limits.memory_bytes_max, limits.answer_bytes_max]
            .map(|bytes| show_bytes(bytes as u64));
    let (connections, depth) = (limits.connections_max, limits.json_depth_max);
    writeln!(
        out,
        "limits    body {body}, all bodies {memory}, answer {answer}, \
         connections {connections}, depth {depth}"
    )?;
    let [header, body, idle, connect, silence, drain] = [
        limits.header_timeout,
        limits.body_timeout,
        limits.idle_timeout,
        limits.upstream_connect_timeout,
        limits.upstream_idle_timeout,
        limits.drain_timeout,
    ]
    .map(show_duration);
    writeln!(
        out,
        "timeouts  headers {header}, body {body}, idle {idle}; \
         upstreams connect {connect}, idle {silence}; drain {drain}"
    )
}

fn write_model(out: &mut String, model: &ModelUpstream) -> fmt::Result {
    let ModelUpstream { name, dialect, url, key, serves } = model;
    let dialect = match dialect {
        Dialect::OpenAi => "openai",
        Dialect::Anthropic => "anthropic",
    };
    let key = if key.is_some() { "with a key" } else { "without a key" };
    writeln!(out, "model     {name}: {dialect} at {url}, {key}; serves {}", list(serves))
}

fn write_price(out: &mut String, price: &Price) -> fmt::Result {
    let Price { models, input, cached_input, cache_write, output } = price;
    let [input, cached, written, output] =
        [input, cached_input, cache_write, output].map(|micros| show_money(*micros));
    writeln!(
        out,
        "price     {}: a million tokens in {input}, from the cache {cached}, \
         into it {written}, out {output}",
        list(models)
    )
}

fn write_tool(out: &mut String, tool: &ToolUpstream, prefix: &str) -> fmt::Result {
    write!(out, "tools     {}: ", tool.name)?;
    match &tool.transport {
        Transport::Http { url, key, headers: _ } => {
            let key = if key.is_some() { "with a key" } else { "without a key" };
            write!(out, "{url}, {key}")?;
        }
        // Arguments may hold what `env` should: only the program is shown.
        Transport::Stdio { command, env: _, cwd } => {
            let program = command.first().map_or("", String::as_str);
            write!(out, "runs `{program}` in {}", cwd.display())?;
        }
    }
    let named = if tool.prefix.is_empty() { "nothing" } else { &tool.prefix };
    write!(out, "; prefix{prefix} {named}")?;
    if tool.trusted {
        write!(out, "; trusted")?;
    }
    let labels =
        [("private", &tool.private), ("untrusted", &tool.untrusted), ("outside", &tool.outside)];
    for (label, patterns) in labels.iter().filter(|(_, patterns)| !patterns.is_empty()) {
        write!(out, "; {label} {}", list(patterns))?;
    }
    for (pattern, scopes) in &tool.scopes {
        write!(out, "; scope {} for {pattern}", scopes.join(" "))?;
    }
    writeln!(out)
}

fn write_agent(out: &mut String, agent: &Agent) -> fmt::Result {
    let Agent { name, team, owner, keys, issuer, subject, models, tools } = agent;
    let team = if team.is_empty() { String::new() } else { format!(" of {team}") };
    let keys = match keys.len() {
        1 => "1 key".to_owned(),
        count => format!("{count} keys"),
    };
    let tokens = issuer
        .as_ref()
        .map_or(String::new(), |issuer| format!(", tokens of {issuer} as `{subject}`"));
    let (models, tools) = (list(models), list(tools));
    writeln!(
        out,
        "agent     {name}{team} for {owner}, {keys}{tokens}; models {models}; tools {tools}"
    )
}

fn list<T: Display>(items: &[T]) -> String {
    let shown: Vec<_> = items.iter().map(ToString::to_string).collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}
