//! A receiver of webhooks that answers as a test wants it to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// One request.
#[derive(Clone, Debug)]
pub(in crate::notice) struct Seen {
    pub(in crate::notice) line: String,
    pub(in crate::notice) body: String,
    headers: Vec<String>,
}

/// The server; it lasts as long as the test.
#[derive(Clone)]
pub(in crate::notice) struct WebServer {
    pub(in crate::notice) port: u16,
    shared: Arc<(Mutex<Vec<Seen>>, Condvar)>,
}

impl Seen {
    pub(in crate::notice) fn header(&self, name: &str) -> &str {
        let start = format!("{name}: ");
        self.headers.iter().find_map(|it| it.strip_prefix(start.as_str())).unwrap_or_default()
    }
}

impl WebServer {
    /// One that answers its first request with the status `answers(0)`, and so on.
    pub(in crate::notice) fn start(
        answers: impl Fn(usize) -> String + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared: Arc<(Mutex<Vec<Seen>>, Condvar)> = Arc::default();
        let seen = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(one) = read(&stream) else { continue };
                let mut all = seen.0.lock().unwrap();
                let answer = answers(all.len());
                all.push(one);
                seen.1.notify_all();
                let end = "content-length: 0\r\nconnection: close\r\n\r\n";
                let answer = format!("HTTP/1.1 {answer}\r\n{end}");
                (&mut &stream).write_all(answer.as_bytes()).unwrap_or_default();
            }
        });
        Self { port, shared }
    }

    /// Every request so far.
    pub(in crate::notice) fn seen(&self) -> Vec<Seen> {
        self.shared.0.lock().unwrap().clone()
    }

    /// The requests, once there are so many.
    pub(in crate::notice) fn wait(&self, count: usize) -> Vec<Seen> {
        let seen = self.shared.0.lock().unwrap();
        let few = |seen: &mut Vec<Seen>| seen.len() < count;
        let (seen, waited) = self.shared.1.wait_timeout_while(seen, PATIENCE, few).unwrap();
        assert!(!waited.timed_out(), "{} requests of {count}", seen.len());
        seen.clone()
    }
}

fn read(stream: &TcpStream) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let mut seen = Seen { line: lines.first()?.clone(), body: String::new(), headers: lines };
    let length = seen.header("content-length").parse().ok()?;
    reader.take(length).read_to_string(&mut seen.body).ok()?;
    Some(seen)
}
