//! Every section of the file and every key in it: what is not here is refused.

/// A table of the file.
#[derive(Debug)]
pub(super) struct Section {
    /// How the file opens it, as in `[limits]`; empty for the top of the file.
    pub(super) heading: &'static str,
    /// What may stand in it.
    pub(super) keys: &'static [&'static str],
}

pub(super) const ROOT: Section = Section {
    heading: "",
    keys: &[
        "data",
        "listen",
        "limits",
        "ledger",
        "checkpoints",
        "witness",
        "payloads",
        "policy",
        "approvals",
        "people",
        "provider",
        "mail",
        "webhook",
        "mcp",
        "model",
        "price",
        "tools",
        "issuer",
        "agent",
    ],
};
pub(super) const LISTEN: Section =
    Section { heading: "[listen]", keys: &["agents", "agents_url", "people", "hosts", "origins"] };
pub(super) const LIMITS: Section = Section {
    heading: "[limits]",
    keys: &[
        "body_bytes_max",
        "memory_bytes_max",
        "answer_bytes_max",
        "connections_max",
        "json_depth_max",
        "header_timeout",
        "idle_timeout",
        "body_timeout",
        "upstream_connect_timeout",
        "upstream_idle_timeout",
        "drain_timeout",
    ],
};
pub(super) const LEDGER: Section = Section {
    heading: "[ledger]",
    keys: &[
        "backend",
        "durability",
        "segment_bytes",
        "append_timeout",
        "queue_records_max",
        "reserve_bytes",
        "disk_bytes_low",
        "payload_keys",
    ],
};
pub(super) const CHECKPOINTS: Section = Section {
    heading: "[checkpoints]",
    keys: &["origin", "key", "lock", "interval", "witnesses_needed"],
};
pub(super) const WITNESS: Section =
    Section { heading: "[[witness]]", keys: &["name", "url", "key"] };
pub(super) const PAYLOADS: Section =
    Section { heading: "[[payloads]]", keys: &["models", "tools", "keep", "kept_for"] };
pub(super) const POLICY: Section =
    Section { heading: "[policy]", keys: &["files", "reload_interval"] };
pub(super) const APPROVALS: Section = Section {
    heading: "[approvals]",
    keys: &[
        "url",
        "hold",
        "hold_models",
        "asks_per_hour",
        "pending_max",
        "no_answers_for",
        "service",
    ],
};
pub(super) const SERVICE: Section =
    Section { heading: "[approvals.service]", keys: &["url", "key"] };
pub(super) const GATEWAY: Section =
    Section { heading: "[[gateway]]", keys: &["name", "url", "key"] };
pub(super) const PEOPLE: Section =
    Section { heading: "[people]", keys: &["accounts", "sign_in_lasts", "roles"] };
pub(super) const ROLES: Section = Section {
    heading: "[people.roles]",
    keys: &["approver", "analyst", "compliance", "operator", "administrator"],
};
pub(super) const PROVIDER: Section = Section {
    heading: "[[provider]]",
    keys: &[
        "name",
        "issuer",
        "client_id",
        "client_secret",
        "scopes",
        "groups_claim",
        "trust_email",
    ],
};
pub(super) const MAIL: Section = Section {
    heading: "[mail]",
    keys: &["from", "host", "port", "tls", "ca", "user", "password", "fallback"],
};
pub(super) const WEBHOOK: Section =
    Section { heading: "[[webhook]]", keys: &["name", "url", "secret", "kind"] };
pub(super) const MCP: Section = Section { heading: "[mcp]", keys: &["prefix"] };
pub(super) const MODEL: Section =
    Section { heading: "[[model]]", keys: &["name", "dialect", "url", "key", "serves"] };
pub(super) const PRICE: Section = Section {
    heading: "[[price]]",
    keys: &["models", "input", "cached_input", "cache_write", "output"],
};
pub(super) const TOOLS: Section = Section {
    heading: "[[tools]]",
    keys: &[
        "name",
        "url",
        "key",
        "headers",
        "command",
        "env",
        "cwd",
        "prefix",
        "trusted",
        "private",
        "untrusted",
        "outside",
        "scopes",
    ],
};
pub(super) const ISSUER: Section = Section {
    heading: "[[issuer]]",
    keys: &["name", "url", "audience", "jwks", "agent_claim", "owner_claim"],
};
pub(super) const AGENT: Section = Section {
    heading: "[[agent]]",
    keys: &[
        "name", "team", "owner", "key", "key_hash", "keys", "issuer", "subject", "models", "tools",
    ],
};
pub(super) const SECRET: Section = Section { heading: "{ … }", keys: &["env", "file"] };

/// The top of the file of a witness.
pub(super) const ROLE: Section = Section { heading: "", keys: &["data", "witness"] };
pub(super) const ROLE_WITNESS: Section =
    Section { heading: "[witness]", keys: &["name", "listen", "key", "log"] };
pub(super) const ROLE_LOG: Section = Section { heading: "[[witness.log]]", keys: &["key"] };

/// The top of the file of a service where people decide.
pub(super) const ROLE_APPROVALS: Section = Section {
    heading: "",
    keys: &[
        "data",
        "listen",
        "ledger",
        "checkpoints",
        "witness",
        "approvals",
        "people",
        "provider",
        "mail",
        "webhook",
        "gateway",
    ],
};

/// `[listen]` there.
pub(super) const LISTEN_PEOPLE: Section =
    Section { heading: "[listen]", keys: &["people", "hosts", "origins"] };

/// All sections but the tops of files, which the reference page is held to.
#[cfg(test)]
pub(super) const SECTIONS: [&Section; 24] = [
    &LISTEN,
    &LIMITS,
    &LEDGER,
    &CHECKPOINTS,
    &WITNESS,
    &PAYLOADS,
    &POLICY,
    &APPROVALS,
    &SERVICE,
    &GATEWAY,
    &PEOPLE,
    &ROLES,
    &PROVIDER,
    &MAIL,
    &WEBHOOK,
    &MCP,
    &MODEL,
    &PRICE,
    &TOOLS,
    &ISSUER,
    &AGENT,
    &ROLE_WITNESS,
    &ROLE_LOG,
    &SECRET,
];
