//! Which caller opened which session of an upstream, so that nobody uses another's; not the
//! sessions that the gateway itself keeps.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Sessions remembered over all servers. The one unused for longest is forgotten first; its agent
/// is told to begin again (404).
pub(crate) const SESSIONS_MAX: usize = 16_384;

/// The longest session id that is accepted from an upstream, in bytes.
pub(crate) const SESSION_BYTES_MAX: usize = 1024;

/// Session ids and the callers that they are bound to, by what they are known as.
#[derive(Debug, Default)]
pub(crate) struct BoundSessions(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    by_id: HashMap<(String, String), Bound>,
    /// In the order of use; an entry whose number is not the session's last is stale.
    order: VecDeque<(u64, (String, String))>,
    uses: u64,
}

#[derive(Debug)]
struct Bound {
    caller: String,
    used: u64,
}

impl BoundSessions {
    /// Binds a session that `server` has just opened to the caller that asked for it. False when
    /// another caller has a session of this id: a server that gives one id to two is not to be
    /// believed.
    pub(crate) fn bind(&self, server: &str, session: &str, caller: &str) -> bool {
        if session.len() > SESSION_BYTES_MAX {
            return false;
        }
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (server.to_owned(), session.to_owned());
        if open.by_id.get(&key).is_some_and(|bound| bound.caller != caller) {
            return false;
        }
        open.touch(key, caller);
        true
    }

    /// Whether this session is this caller's.
    pub(crate) fn belongs(&self, server: &str, session: &str, caller: &str) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (server.to_owned(), session.to_owned());
        let owned = open.by_id.get(&key).is_some_and(|bound| bound.caller == caller);
        if owned {
            open.touch(key, caller);
        }
        owned
    }

    /// Forgets a session that has ended.
    pub(crate) fn forget(&self, server: &str, session: &str) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.by_id.remove(&(server.to_owned(), session.to_owned()));
    }
}

impl Open {
    fn touch(&mut self, key: (String, String), caller: &str) {
        self.uses += 1;
        let used = self.uses;
        self.by_id.insert(key.clone(), Bound { caller: caller.to_owned(), used });
        self.order.push_back((used, key));
        while self.by_id.len() > SESSIONS_MAX || self.order.len() > 2 * SESSIONS_MAX {
            let Some((used, key)) = self.order.pop_front() else { return };
            self.drop_or_keep(used, key);
        }
    }

    /// Of an entry that left the queue: forgets the session if this was its last use and there are
    /// too many, or puts it back.
    fn drop_or_keep(&mut self, used: u64, key: (String, String)) {
        let last = self.by_id.get(&key).is_some_and(|bound| bound.used == used);
        if last && self.by_id.len() > SESSIONS_MAX {
            self.by_id.remove(&key);
        } else if last {
            self.order.push_back((used, key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_its_openers_alone() {
        let sessions = BoundSessions::default();
        assert!(sessions.bind("crm", "s1", "ada"));
        assert!(sessions.belongs("crm", "s1", "ada"));
        assert!(!sessions.belongs("crm", "s1", "bob"));
        assert!(!sessions.belongs("mail", "s1", "ada"));
        assert!(!sessions.bind("crm", "s1", "bob"), "one id for two agents");
        sessions.forget("crm", "s1");
        assert!(!sessions.belongs("crm", "s1", "ada"));
    }

    #[test]
    fn the_session_unused_for_longest_is_forgotten_first() {
        let sessions = BoundSessions::default();
        for number in 0..SESSIONS_MAX {
            assert!(sessions.bind("crm", &number.to_string(), "ada"));
        }
        assert!(sessions.belongs("crm", "0", "ada"));
        assert!(sessions.bind("crm", "one more", "ada"));
        assert!(sessions.belongs("crm", "0", "ada"), "used since");
        assert!(!sessions.belongs("crm", "1", "ada"), "the oldest");
        for _ in 0..4 * SESSIONS_MAX {
            assert!(sessions.belongs("crm", "0", "ada"));
        }
        assert!(sessions.0.lock().unwrap().order.len() <= 2 * SESSIONS_MAX);
        assert!(sessions.belongs("crm", "2", "ada"));
    }
}
