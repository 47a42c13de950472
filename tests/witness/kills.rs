//! `kill -9` in a loop, while two histories of each log want to be cosigned.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tests::patience::until;
use tests::witness::Witness;
use tlog::{Hash, parse_cosignatures, parse_size};

use crate::log::{LEAVES_MAX, Log};

/// How many more checkpoints are cosigned before each kill: primes, so that kills hit all phases.
const COSIGNED: [usize; 8] = [1, 7, 19, 2, 37, 3, 61, 5];

/// How many logs come into play with each life of the witness.
const LOGS: usize = 3;

/// What was cosigned: the number of the log, size, root.
type Cosigned = Mutex<Vec<(usize, u64, Hash)>>;

/// The two histories of a log, which differ from the first leaf on.
fn histories(number: usize) -> [Log; 2] {
    let origin = format!("log.example/{number}");
    [Log::new(&origin, "one"), Log::new(&origin, "other")]
}

/// Has one history cosigned, size by size, until it has no chance or the witness is gone.
fn grow(witness: &Witness, (number, log): (usize, &Log), cosigned: &Cosigned, count: &AtomicUsize) {
    let (mut old, mut size) = (0, 1);
    while size < u64::from(LEAVES_MAX) {
        let Ok(answer) = witness.ask(log.request(old, size).to_string()) else { return };
        match answer.status() {
            200 => {
                parse_cosignatures(&answer.body).unwrap();
                let root = log.checkpoint(size).root;
                cosigned.lock().unwrap().push((number, size, root));
                count.fetch_add(1, Ordering::SeqCst);
                (old, size) = (size, size + 1);
            }
            409 => {
                let known = parse_size(&answer.body).unwrap();
                if known == old {
                    return;
                }
                (old, size) = (known, known + 1);
            }
            status => {
                assert_eq!(status, 422, "{}", String::from_utf8_lossy(&answer.body));
                return;
            }
        }
    }
}

#[test]
fn a_witness_that_is_killed_at_any_time_never_cosigns_two_histories_of_a_log() {
    let logs: Vec<[Log; 2]> = (0..COSIGNED.len() * LOGS).map(histories).collect();
    let keys: Vec<String> = logs.iter().map(|[log, _]| log.key()).collect();
    let mut witness = Witness::start(&keys);
    let (cosigned, count) = (Cosigned::default(), AtomicUsize::new(0));
    for (life, more) in COSIGNED.into_iter().enumerate() {
        let wanted = count.load(Ordering::SeqCst) + more;
        let pid = witness.pid();
        // Those of earlier lives as well: what they were told then must hold now.
        let players = logs.iter().enumerate().take((life + 1) * LOGS).rev().take(2 * LOGS);
        std::thread::scope(|scope| {
            for (number, both) in players {
                for log in both {
                    let (witness, cosigned, count) = (&witness, &cosigned, &count);
                    scope.spawn(move || grow(witness, (number, log), cosigned, count));
                }
            }
            until("cosignatures", || (count.load(Ordering::SeqCst) >= wanted).then_some(()));
            tests::witness::kill_now(pid);
        });
        witness.kill();
        witness.run().unwrap_or_else(|said| panic!("{said}"));
        check(&witness, &logs, &cosigned.lock().unwrap());
    }
}

/// Holds the witness to everything that it has cosigned.
fn check(witness: &Witness, logs: &[[Log; 2]], cosigned: &[(usize, u64, Hash)]) {
    for (number, both) in logs.iter().enumerate() {
        let of_log: Vec<_> = cosigned.iter().filter(|(of, ..)| *of == number).collect();
        let all_of =
            |log: &Log| of_log.iter().all(|(_, size, root)| log.checkpoint(*size).root == *root);
        assert!(both.iter().any(all_of), "log {number}: {of_log:?}");
        let most = of_log.iter().map(|(_, size, _)| *size).max().unwrap_or(0);
        // A size that it cannot have makes it say which one it has.
        let old = u64::from(LEAVES_MAX);
        let answer = witness.ask(both[0].request(old, old).to_string()).unwrap();
        let known = parse_size(&answer.body).unwrap();
        assert!(known >= most, "log {number}: it has cosigned {most}, and knows {known}");
    }
}
