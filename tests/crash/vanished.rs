//! Files that are removed or replaced under a gateway that writes to them.

use std::fs;
use std::path::{Path, PathBuf};

use tests::gateway::{Gateway, Setup};
use tests::patience::until;
use tests::upstream::{Upstream, completion};
use tests::wire::{ask, chat};

/// A gateway that has recorded a call, and the upstream that the call went to.
fn used() -> (Gateway, Upstream) {
    let upstream = Upstream::start(|_, connection| connection.reply(200, &completion("well")));
    let gateway = Setup::new().provider("openai", &upstream.url(), "*").start();
    assert_eq!(ask(gateway.agents, chat("m", "hello", false)).unwrap().status(), 200);
    (gateway, upstream)
}

fn segment(data: &Path, series: &str) -> PathBuf {
    data.join("ledger").join(series).join(format!("{:020}.log", 0))
}

#[test]
fn a_segment_removed_under_the_gateway_ends_it_with_74_and_the_next_start_misses_it() {
    for series in ["events", "payloads"] {
        let (mut gateway, _upstream) = used();
        fs::remove_file(segment(&gateway.data, series)).unwrap();
        let status = until("its end", || gateway.exited());
        assert_eq!(status.code(), Some(74), "{series}: {status}");
        assert!(gateway.try_again().is_err(), "{series}: it started without what it had recorded");
    }
}

#[test]
fn a_segment_that_is_replaced_under_the_gateway_ends_it_with_74() {
    let (mut gateway, _upstream) = used();
    let path = segment(&gateway.data, "events");
    let aside = path.with_extension("aside");
    fs::copy(&path, &aside).unwrap();
    fs::rename(&aside, &path).unwrap();
    let status = until("its end", || gateway.exited());
    assert_eq!(status.code(), Some(74), "{status}");
}

#[test]
fn a_lock_that_is_removed_under_the_gateway_ends_it_with_74_before_another_can_write_for_long() {
    let (mut gateway, _upstream) = used();
    fs::remove_file(gateway.data.join("ledger/LOCK")).unwrap();
    let status = until("its end", || gateway.exited());
    assert_eq!(status.code(), Some(74), "{status}");
    gateway.again().stop_and_check();
}
