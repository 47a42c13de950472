//! What it adds up to: projections, archive and SQL over the ledger; so far it holds nothing.
