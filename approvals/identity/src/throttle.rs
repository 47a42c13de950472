//! How soon somebody may try a password again. Pure: it is told the time, and keeps no thread busy.

use events::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Failures of one account before anybody has to wait.
const ACCOUNT_FREE: u32 = 5;

/// Failures from one place before it has to wait: several people may share an address.
const PEER_FREE: u32 = 20;

/// The first wait; each further failure doubles it.
const WAIT_FIRST: Duration = Duration::from_secs(1);

/// The longest wait, so that nobody can lock somebody else out for good.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// When failures are forgotten.
const FORGET: Duration = Duration::from_hours(24);

/// How many accounts and places are remembered.
const ENTRIES_MAX: usize = 20_000;

/// Counts attempts per account and per place. Accounts that do not exist are counted alike.
#[derive(Debug, Default)]
pub struct Throttle {
    entries: BTreeMap<Key, Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Account(String),
    Peer(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    failures: u32,
    last: Timestamp,
}

/// Too many attempts failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts failed: try again in {} s", wait.as_secs().max(1))]
pub struct Wait {
    /// How long to wait, for `Retry-After`.
    pub wait: Duration,
}

impl Throttle {
    /// Begins an attempt, unless it comes too soon after others that failed.
    ///
    /// It counts as failed until [`Self::succeeded`] is called, so that attempts that run at once
    /// gain nothing. What came too soon is not counted.
    pub fn begin(&mut self, account: &str, peer: IpAddr, now: Timestamp) -> Result<(), Wait> {
        let keys = keys(account, peer);
        let wait = keys.iter().map(|key| self.wait(key, now)).max().unwrap_or_default();
        if !wait.is_zero() {
            return Err(Wait { wait });
        }
        for key in keys {
            self.make_room();
            let entry = self.entries.entry(key).or_insert(Entry { failures: 0, last: now });
            if since(entry.last, now) > FORGET {
                entry.failures = 0;
            }
            entry.failures = entry.failures.saturating_add(1);
            entry.last = now;
        }
        Ok(())
    }

    /// The password was right: the account's failures are forgotten, and this attempt from there.
    /// Other failures from the same place stay, so that an account of one's own does not help.
    pub fn succeeded(&mut self, account: &str, peer: IpAddr) {
        let [account, peer] = keys(account, peer);
        self.entries.remove(&account);
        if let Some(entry) = self.entries.get_mut(&peer) {
            entry.failures = entry.failures.saturating_sub(1);
        }
    }

    fn wait(&self, key: &Key, now: Timestamp) -> Duration {
        let Some(entry) = self.entries.get(key) else { return Duration::ZERO };
        let free = match key {
            Key::Account(_) => ACCOUNT_FREE,
            Key::Peer(_) => PEER_FREE,
        };
        let Some(over) = entry.failures.checked_sub(free) else { return Duration::ZERO };
        let wait = WAIT_FIRST.saturating_mul(1 << over.min(16)).min(WAIT_MAX);
        wait.saturating_sub(since(entry.last, now))
    }

    /// Forgets the older half when there are too many. Whoever can try from so many places does
    /// not need that to happen.
    fn make_room(&mut self) {
        if self.entries.len() < ENTRIES_MAX {
            return;
        }
        let mut moments: Vec<Timestamp> = self.entries.values().map(|entry| entry.last).collect();
        moments.sort_unstable();
        let middle = moments.get(moments.len() / 2).copied().unwrap_or_default();
        self.entries.retain(|_, entry| entry.last > middle);
    }
}

fn keys(account: &str, peer: IpAddr) -> [Key; 2] {
    let account = account.trim().chars().take(254).collect::<String>().to_ascii_lowercase();
    [Key::Account(account), Key::Peer(place(peer))]
}

/// Whoever has one address of IPv6 has at least 64 bits of them.
fn place(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::from(network.to_be_bytes())
        }
    }
}

/// A clock that went back leaves no time passed.
fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::from_micros(now.micros().saturating_sub(then.micros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
    }

    #[test]
    fn after_five_failures_the_wait_doubles_up_to_a_minute() {
        let mut throttle = Throttle::default();
        for _ in 0..5 {
            assert_eq!(throttle.begin("ada@example.com", HOME, at(0)), Ok(()));
        }
        let mut now = 0;
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            let expected = Err(Wait { wait: Duration::from_secs(wait) });
            assert_eq!(throttle.begin(" ADA@example.com", HOME, at(now)), expected);
            now += wait;
            assert_eq!(throttle.begin("ada@example.com", HOME, at(now)), Ok(()));
        }
    }

    #[test]
    fn a_success_forgives_the_account_and_not_the_place() {
        let mut throttle = Throttle::default();
        for guess in 0..20 {
            assert_eq!(throttle.begin(&format!("{guess}@example.com"), HOME, at(0)), Ok(()));
        }
        assert!(throttle.begin("eve@example.com", HOME, at(0)).is_err());
        assert_eq!(throttle.begin("eve@example.com", HOME, at(1)), Ok(()));
        throttle.succeeded("eve@example.com", HOME);
        assert!(throttle.begin("ada@example.com", HOME, at(1)).is_err());
    }

    #[test]
    fn addresses_of_one_network_are_one_place() {
        let mut throttle = Throttle::default();
        for guess in 0..20_u16 {
            let peer = IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, guess]);
            assert_eq!(throttle.begin(&guess.to_string(), peer, at(0)), Ok(()));
        }
        let peer = IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]);
        assert!(throttle.begin("other", peer, at(0)).is_err());
        let mapped = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(place(mapped), HOME);
    }

    #[test]
    fn memory_is_bounded_and_the_clock_may_go_back() {
        let mut throttle = Throttle::default();
        for guess in 0..30_000_u32 {
            let peer = IpAddr::from(guess.to_be_bytes());
            let _ = throttle.begin(&guess.to_string(), peer, at(u64::from(guess)));
        }
        assert!(throttle.entries.len() <= ENTRIES_MAX + 1);
        assert_eq!(throttle.begin("29999", HOME, at(0)), Ok(()));
    }
}
