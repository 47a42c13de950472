//! The configuration: TOML text in, only valid values out, or every problem at once. What a call is
//! allowed to do is the policy's matter, not this module's.

mod base_url;
mod diagnostic;
mod key_hash;
mod limits;
mod pattern;
mod payload_rule;
mod policy_files;
mod quantity;
mod secret;
mod section;

mod shape;
mod walk;
mod witness_role;

mod approvals_role;

mod describe;
mod read;

mod load;

pub use approvals_role::ApprovalsRole;
pub use base_url::{BaseUrl, BaseUrlError};
pub use describe::{describe, describe_approvals, describe_witness};
pub use diagnostic::{Diagnostic, Place, Problems};
pub use key_hash::{KEY_BYTES_MIN, KeyHash, KeyHashError};
pub use limits::Limits;
pub use load::{CONFIG_BYTES_MAX, Loaded, LoadedApprovals};
pub use pattern::{PATTERN_BYTES_MAX, Pattern, PatternError, ToolPattern};
pub use payload_rule::{Keep, Of, PayloadRule, keep};
pub use policy_files::{
    POLICY_BYTES_MAX, POLICY_FILE_BYTES_MAX, POLICY_FILES_MAX, PolicyConfig, PolicyFile,
    PolicyFileError, PolicyFiles,
};
pub use quantity::duration;
pub use secret::{Found, Lookup, LookupError, SECRET_BYTES_MAX, Secret, SecretRef, look_up};
pub use shape::{
    Agent, ApprovalsConfig, Backend, Checkpoints, Config, Counterpart, Dialect, Durability, Kept,
    LedgerConfig, Listen, MailConfig, MailTls, Mailbox, Mcp, ModelUpstream, PayloadKey,
    PeopleConfig, PrefixRule, Price, RoleHolder, Roles, Setting, SignInProvider, TokenIssuer,
    ToolUpstream, Transport, Webhook, WebhookKind, Witness,
};
pub use witness_role::WitnessRole;

#[cfg(test)]
mod tests;
