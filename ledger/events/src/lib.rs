//! The vocabulary: every fact that Countersign can record, and its one canonical encoding. Pure.

mod digest;

mod id;

mod time;

mod principal;

mod payload;

mod call;

mod outcome;

mod link;

mod gateway;

mod custody;

mod people;

mod hold_rule;

mod vote;

mod hold;

mod grant;

mod notice;

mod passkey;

mod policy;

mod event;

mod envelope;

pub use call::{
    CallDenied, CallDispatched, CallRefused, Decision, Dialect, Operation, SessionMethod, Verdict,
};
pub use custody::{
    ERASE_SESSIONS_MAX, EraseRequested, LedgerExported, LedgerGap, LegalHoldLifted,
    LegalHoldPlaced, PayloadErased,
};
pub use digest::{Digest, Mark};
pub use envelope::{Draft, Envelope, ParseError, SCHEMA, SEQUENCE_DIGITS};
pub use event::{Event, Fact, KINDS};
pub use gateway::{
    GatewayStarted, GatewayStopped, LedgerRecovered, MessageRelayed, Relay, ToolSeen, ToolsChanged,
    UpstreamStarted, UpstreamStopped,
};
pub use grant::{GrantOpened, GrantRevoked};
pub use hold::{
    CallDigest, CallHeld, HoldExpired, HoldGranted, HoldLeft, HoldRefused, HoldRejoined,
    HoldWithdrawn,
};
pub use hold_rule::{Escalation, Filter, FilterError, HoldRule, Risk, Threshold};
pub use id::{CallId, EventId, IdError, SessionId};
pub use link::{CallLinked, FindingKind, FindingRaised, LinkMethod};
pub use notice::{NoticeFailed, NoticeKind, NoticeSent};
pub use outcome::{
    CallCancelled, CallCompleted, CallFailed, CallInDoubt, FailureReason, ToolCallAsked, Usage,
};
pub use passkey::{DecisionDigest, PasskeyRegistered, PasskeyRemoved};
pub use payload::PayloadRef;
pub use people::{
    AgentRestored, AgentRevoked, DelegationClosed, DelegationOpened, Person, PersonAdded,
    PersonRefused, PersonRestored, PersonRevoked, PersonSignedIn, PersonSignedOut, SignInFailed,
};
pub use policy::{PolicyLoaded, PolicyRejected};
pub use principal::Principal;
pub use time::{Timestamp, TimestampError};
pub use vote::{
    Assertion, BreakGlass, Channel, HoldCommented, HoldEdited, HoldViewed, HoldVoted,
    REMARK_CHARACTERS_MAX, View, Vote,
};
