//! Bundles of small ledgers, read back and checked with other code than that which wrote them.

mod world;

mod bundles;

mod selections;

mod approvals;
