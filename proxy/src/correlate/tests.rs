//! What correlation decides, as sentences; the suite `correlation` replays recorded sessions.
