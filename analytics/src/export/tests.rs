//! Bundles of small ledgers, read back.
