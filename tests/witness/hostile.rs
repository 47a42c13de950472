//! What strangers may send to a witness.

use tests::wire::{Connection, ask};
use tests::witness::Witness;

use crate::log::Log;
use crate::protocol::{ORIGIN, assert_cosigned};

#[test]
fn what_is_no_request_to_cosign_is_refused() {
    let log = Log::new(ORIGIN, "common");
    let witness = Witness::start(&[log.key()]);
    let right = log.request(0, 3).to_string();
    let hash = "A".repeat(43) + "=";
    let many = format!("old 1\n{}", format!("{hash}\n").repeat(64));
    for wrong in [
        String::new(),
        "\n".into(),
        "old 0\n\n".into(),
        right.replace("old 0", "old 00"),
        right.replace("old 0", "old -1"),
        right.replace("old 0", "old 18446744073709551616"),
        right.replace("old 0", "OLD 0"),
        right.replace("old 0\n", "old 0\r\n"),
        right.replace("old 0", "old 0\nnot a hash"),
        right.replace("old 0\n", &many),
        right.trim_end().to_owned(),
        right.replace("\n3\n", "\n03\n"),
        right.replace(ORIGIN, "log.example/\u{0}"),
        right.clone() + &right,
    ] {
        let answer = witness.ask(&wrong).unwrap();
        assert_eq!(answer.status(), 400, "{wrong}");
    }
    assert_eq!(witness.ask([0xff; 100]).unwrap().status(), 400);
    let request = log.request(0, 3);
    assert_cosigned(&witness, request.note(), &witness.ask(right).unwrap());
}

#[test]
fn too_large_a_request_and_other_methods_and_paths_are_refused() {
    let log = Log::new(ORIGIN, "common");
    let witness = Witness::start(&[log.key()]);
    assert_eq!(witness.ask("x".repeat((128 << 10) + 1)).unwrap().status(), 413);
    let get = |path: &str| witness.look(path).unwrap().status();
    assert_eq!((get("/add-checkpoint"), get("/"), get("/healthz")), (405, 404, 200));
    assert_eq!((get("/checkpoint"), get("//checkpoint")), (404, 404));
    assert_eq!(get("/../lock/checkpoint"), 404);
    let put = "PUT /vkey HTTP/1.1\r\nhost: w\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(ask(witness.address, put).unwrap().status(), 405);
    let far = format!("GET /{} HTTP/1.1\r\nhost: w\r\n\r\n", "x".repeat(64 << 10));
    assert!((400..500).contains(&ask(witness.address, far).unwrap().status()));
}

#[test]
fn connections_that_break_off_or_rest_keep_nobody_else_waiting() {
    let log = Log::new(ORIGIN, "common");
    let witness = Witness::start(&[log.key()]);
    let head = "POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: 100\r\n\r\nold 0\n";
    let resting: Vec<_> = (0..100)
        .map(|_| {
            let mut connection = Connection::open(witness.address).unwrap();
            connection.send(head).unwrap();
            connection
        })
        .collect();
    let request = log.request(0, 3);
    assert_cosigned(&witness, request.note(), &witness.ask(request.to_string()).unwrap());
    drop(resting);
    let request = log.request(3, 4);
    assert_cosigned(&witness, request.note(), &witness.ask(request.to_string()).unwrap());
}

#[test]
fn of_many_that_ask_at_once_only_consistent_checkpoints_are_cosigned() {
    let log = Log::new(ORIGIN, "common");
    let witness = Witness::start(&[log.key()]);
    let forks: Vec<_> = (0..8).map(|fork| Log::branched(ORIGIN, 2, &format!("{fork}"))).collect();
    witness.ask(log.request(0, 2).to_string()).unwrap();
    let cosigned = std::thread::scope(|scope| {
        let ask = |fork: &Log| witness.ask(fork.request(2, 7).to_string()).unwrap().status();
        let asked: Vec<_> = forks.iter().map(|fork| scope.spawn(move || ask(fork))).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    let count = |status| cosigned.iter().filter(|found| **found == status).count();
    assert_eq!((count(200), count(409)), (1, 7), "{cosigned:?}");
}
