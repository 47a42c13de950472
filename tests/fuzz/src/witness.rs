//! What must hold for the listener of a witness, whatever is sent to it: an answer of the protocol,
//! and it listens on.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use proxy::config::{Secret, WitnessRole};
use proxy::witness::{Witness, serve};
use tlog::cosigning_key_text;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::watch;

use crate::damage::{Source, edit, scratch};
use crate::log::{Tree, key};

/// Longer than any answer should take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the protocol says, and what the listener says of requests that are too large.
const STATUSES: [u16; 7] = [200, 400, 403, 404, 409, 413, 422];

/// A witness that listens for as long as the process runs.
static ADDRESS: LazyLock<SocketAddr> = LazyLock::new(|| {
    let folder = scratch();
    let text = cosigning_key_text("witness.example", &[2; 32]).expect("it is a key");
    let role = WitnessRole {
        data: folder.path().to_owned(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        name: "witness.example".to_owned(),
        key: Some(Secret::new(text)),
        logs: vec![key().verifier().clone()],
    };
    let witness = Arc::new(Witness::open(&role).expect("it opens"));
    let listener = std::net::TcpListener::bind(role.listen).expect("there is a port");
    let address = listener.local_addr().expect("it has an address");
    listener.set_nonblocking(true).expect("it is ours");
    std::thread::spawn(move || {
        let _kept = folder;
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let (_stop, stopped) = watch::channel(false);
        runtime.expect("threads are made").block_on(async move {
            let listener = TcpListener::from_std(listener).expect("it is a listener");
            serve(witness, listener, stopped).await
        })
    });
    address
});

fn connect() -> TcpStream {
    let stream = TcpStream::connect(*ADDRESS).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("it is a time");
    stream
}

/// The status of the answer to a whole request.
fn ask(request: &[u8]) -> u16 {
    let mut stream = connect();
    // It may answer and close before all is sent.
    drop(stream.write_all(request));
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).expect("it answers");
    let status = std::str::from_utf8(&answer[9..]).ok().and_then(|status| status.parse().ok());
    status.expect("it has a status")
}

fn post(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /add-checkpoint HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// An edited request in whole HTTP is answered; one in edited HTTP keeps nobody else waiting.
pub fn request(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let kind = source.byte();
    let (old, new) = [(0, 5), (5, 9), (9, 9), (3, 9)][usize::from(kind / 2 % 4)];
    let mut body = Tree::of(9).request(old, new).to_string().into_bytes();
    if kind % 2 == 0 {
        while !source.is_empty() {
            edit(&mut body, &mut source);
        }
        let status = ask(&post(&body));
        assert!(STATUSES.contains(&status), "{status}");
    } else {
        let mut whole = post(&body);
        while !source.is_empty() {
            edit(&mut whole, &mut source);
        }
        drop(connect().write_all(&whole));
        assert_eq!(ask(b"GET /healthz HTTP/1.1\r\nhost: w\r\nconnection: close\r\n\r\n"), 200);
    }
}
