//! What is allowed: one pure function from a call to a verdict; so far it holds nothing.
