//! What the gateway costs: measured beside the direct path and a proxy that does nothing, in one
//! run. `docs/performance.md` explains the method; nothing here is part of the path of a call.

pub mod figures;

pub mod disk;

pub mod words;

pub mod cases;

pub mod load;

pub mod stamped;

pub mod bare;

pub mod children;

pub mod rounds;

pub mod delays;

pub mod sessions;

pub mod report;
