//! Tools that agents run themselves: what a model asks for is released when policies and people
//! have let it go, and never before.

mod clients;

mod mixed;

mod stage;

mod wire;
