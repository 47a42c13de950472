//! Memory stays within what the configuration allows, whatever clients send.

use std::fs;

use tests::gateway::{Gateway, Setup};
use tests::upstream::{Upstream, completion};
use tests::wire::{ask, post};

/// The most memory that the process ever had resident, in bytes (Linux: `VmHWM`).
fn peak(gateway: &Gateway) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}

#[test]
fn many_large_bodies_at_once_are_answered_or_told_to_wait_within_the_memory_allowed() {
    let upstream = Upstream::start(|_, connection| connection.reply(200, &completion("well")));
    let mut gateway = Setup::new()
        .provider("openai", &upstream.url(), "*")
        .limit("body_bytes_max = \"16 MiB\"")
        .limit("memory_bytes_max = \"32 MiB\"")
        .start();
    let agents = gateway.agents;
    let text = "all work and no play makes jack a dull boy ".repeat((8 << 20) / 43);
    let body =
        format!("{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}]}}");
    let before = peak(&gateway);
    let mut answered = 0;
    let mut busy = 0;
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..64)
            .map(|_| scope.spawn(|| ask(agents, post("/v1/chat/completions", &[], &body))))
            .collect();
        for client in clients {
            let answer = client.join().unwrap();
            match answer.map(|answer| (answer.status(), answer.body)) {
                Ok((200, _)) => answered += 1,
                Ok((503, body)) => {
                    assert!(String::from_utf8_lossy(&body).contains("busy"));
                    busy += 1;
                }
                // Told to wait while it was still sending.
                Err(_) => busy += 1,
                Ok((status, body)) => panic!("{status}: {}", String::from_utf8_lossy(&body)),
            }
        }
    });
    let most = peak(&gateway);
    println!("answered {answered}, told to wait {busy}, resident {before} B, at most {most} B");
    assert!(answered >= 4, "only {answered} of 64 were answered");
    assert!(most < before + (160 << 20), "{most} bytes were resident");
    gateway.stop_and_check();
}
