//! Disks that fail under the real program: strace makes its system calls fail.

use std::sync::Arc;

use tests::patience::until;
use tests::tools::{available, runs};

use crate::witness::{Load, Witness};

/// What runs at once while a disk fails.
const LOADS: [Load; 4] =
    [Load::Models, Load::Tools("/mcp/tools"), Load::Models, Load::Tools("/mcp")];

/// Runs a gateway whose n-th call of this kind fails, under load, until it gives up.
fn fails(inject: &str, whens: &[u32]) {
    let there = runs("strace", "--version");
    if !available(there, "strace", "install the package `strace`") {
        return;
    }
    for when in whens {
        let fault = format!("inject={inject}:when={when}+");
        let trace = inject.split(':').next().unwrap_or_default();
        let traced = format!("trace={trace}");
        let witness = Arc::new(Witness::default());
        // `-D` makes the gateway itself the child; `-qq` and `-o` keep strace silent.
        let wrapper = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", &traced, "-e", &fault];
        let setup = witness.setup();
        // Where the fault comes before the first call, it is right that it does not start.
        let Ok(mut gateway) = setup.under(&wrapper).try_start() else { continue };
        let agents = gateway.agents;
        let status = std::thread::scope(|scope| {
            for load in LOADS {
                let witness = &witness;
                scope.spawn(move || witness.call_until_gone(agents, load));
            }
            until("its end", || gateway.exited())
        });
        assert_eq!(status.code(), Some(74), "{fault}: {status}");
        witness.check(&gateway.records());
        let mut gateway = gateway.again();
        witness.check(&gateway.records());
        let records = gateway.stop_and_check();
        println!(
            "{fault}: {} answers, {} in doubt",
            witness.answers(),
            records.count("call.in_doubt")
        );
    }
}

#[test]
fn a_sync_that_fails_ends_the_gateway_with_74_and_a_restart_has_all_that_was_acknowledged() {
    fails("fdatasync:error=EIO", &[8, 9, 14, 31, 60]);
}

#[test]
fn a_write_that_fails_ends_the_gateway_with_74_and_a_restart_has_all_that_was_acknowledged() {
    fails("pwrite64:error=EIO", &[20, 33, 54]);
}
