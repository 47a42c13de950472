//! The pages that people see: models that say what is on each, and nothing of where it comes from.

// Each module uses only those above it; the empty lines keep rustfmt from sorting them.
mod shell;

mod tier;

mod hold;

mod decided;

mod inbox;

mod session;

mod account;

mod oversight_page;

mod policy_page;

mod problem_page;

mod help;

pub use account::{
    AccountPage, Delegation, PasskeyItem, PeoplePage, Person, Provider, Registering, Role,
    SetPasswordPage, SignInPage,
};
pub use decided::{Closed, ClosedKind, DecidedPage, Widened, Widening};
pub use help::HelpPage;
pub use hold::{
    Ask, Challenge, Comparison, Deciding, HoldPage, Narrative, Past, Progress, Reason, Remark,
    Said, Signing, Threshold, Tokens, Vote,
};
pub use inbox::{Count, InboxPage, Item, Tab};
pub use oversight_page::{Figures, OversightPage};
pub use policy_page::{AgentItem, GrantItem, PolicyPage, PolicyText};
pub use problem_page::ProblemPage;
pub use session::{
    BranchView, CallView, SessionItem, SessionPage, SessionsPage, StepView, TextView,
};
pub use shell::{Look, Notice, Place, Reader, Shell, Theme};
pub use tier::{Mood, Tier};
