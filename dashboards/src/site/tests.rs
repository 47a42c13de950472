//! What the site lets whom do: each rule with a real desk and a real ledger.

mod stage;

mod door;

mod forms;

mod passkeys;

mod programs;

mod seeing;
