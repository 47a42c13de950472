//! A disk that fails under a witness: strace makes its syncs fail, one after the other.

use tests::patience::until;
use tests::tools::{available, runs};
use tests::witness::Witness;
use tlog::parse_size;

use crate::log::{LEAVES_MAX, Log};
use crate::protocol::ORIGIN;

/// The number of the sync that fails, of each thread.
const FAILING: std::ops::RangeInclusive<u32> = 1..=8;

/// How many checkpoints are sent meanwhile.
const REQUESTS: u64 = 6;

#[test]
fn a_witness_whose_disk_fails_knows_everything_that_it_cosigned_or_ends() {
    if !available(runs("strace", "--version"), "strace", "install the package `strace`") {
        return;
    }
    let log = Log::new(ORIGIN, "common");
    let mut witness = Witness::start(&[log.key()]);
    let (mut cosigned, mut withheld, mut ends) = (0, 0, 0);
    for when in FAILING {
        witness.kill();
        let fault = format!("inject=fsync:error=EIO:when={when}");
        // `-D` makes the witness itself the child; `-qq` and `-o` keep strace silent.
        let trace = ["-e", "trace=fsync", "-e", &fault];
        let wrapper = [&["strace", "-D", "-f", "-qq", "-o", "/dev/null"][..], &trace].concat();
        if witness.run_under(&wrapper).is_ok() {
            for _ in 0..REQUESTS {
                let request = log.request(cosigned, cosigned + 1).to_string();
                let Ok(answer) = witness.ask(request) else { break };
                match answer.status() {
                    200 => cosigned += 1,
                    status => {
                        assert_eq!(status, 500);
                        withheld += 1;
                    }
                }
            }
            let ended = until("that it cosigns again, or its end", || {
                let request = log.request(cosigned, cosigned + 1).to_string();
                match witness.ask(request).map(|answer| answer.status()) {
                    Ok(200) => Some(false),
                    Ok(_) => None,
                    Err(_) => Some(true),
                }
            });
            cosigned += u64::from(!ended);
            if ended {
                assert_eq!(witness.ended().unwrap().code(), Some(74), "{fault}");
                ends += 1;
            }
        }
        witness.kill();
        witness.run().unwrap();
        let last = u64::from(LEAVES_MAX);
        let answer = witness.ask(log.request(last, last).to_string()).unwrap();
        let known = parse_size(&answer.body).unwrap();
        assert!(known >= cosigned, "{fault}: it has cosigned {cosigned}, and knows {known}");
        // What was kept and not answered counts as well.
        cosigned = known;
    }
    assert!(cosigned > 0 && withheld > 0 && ends > 0, "{cosigned} {withheld} {ends}");
}
