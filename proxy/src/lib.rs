//! Where it happens: the gateway between agents and everything they touch.

pub mod standin;
