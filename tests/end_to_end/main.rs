//! Each promise of the product, kept by the real program on real connections.
#![expect(clippy::similar_names, reason = "a caller and what it called, and the like")]
#![expect(clippy::indexing_slicing, reason = "a suite stops at what it did not expect")]
#![expect(clippy::panic, reason = "a suite stops at what it did not expect")]
#![expect(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a suite looks for one kind of event")]

mod recorded_first;

mod complete;

mod leaving;

mod malformed;

mod credentials;

mod tokens;

mod revoked;

mod shutdown;

mod correlated;

mod fail_closed;

mod bounded;

mod local_tools;
