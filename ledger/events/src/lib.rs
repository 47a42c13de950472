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

mod hold;

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
pub use hold::{
    Assertion, BreakGlass, CallDigest, CallHeld, Channel, Escalation, Filter, FilterError,
    GrantOpened, GrantRevoked, HoldCommented, HoldEdited, HoldExpired, HoldGranted, HoldLeft,
    HoldRefused, HoldRejoined, HoldRule, HoldViewed, HoldVoted, HoldWithdrawn, NoticeFailed,
    NoticeKind, NoticeSent, REMARK_CHARACTERS_MAX, Risk, Threshold, View, Vote,
};
pub use id::{CallId, EventId, IdError, SessionId};
pub use link::{CallLinked, FindingKind, FindingRaised, LinkMethod};
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
