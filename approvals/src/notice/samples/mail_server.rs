//! A mail server that answers as a test wants it to.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a test changes: given a command, or `.` at the end of a mail, the answer to it.
type Answers = dyn Fn(&str) -> Option<String> + Send + Sync;

/// A mail that was taken.
#[derive(Clone, Debug)]
pub(in crate::notice) struct Mail {
    pub(in crate::notice) to: String,
    pub(in crate::notice) raw: String,
}

#[derive(Default)]
struct Seen {
    commands: Vec<String>,
    mails: Vec<Mail>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

/// The server; it lasts as long as the test.
#[derive(Clone)]
pub(in crate::notice) struct MailServer {
    pub(in crate::notice) port: u16,
    shared: Arc<Shared>,
}

impl Mail {
    pub(in crate::notice) fn header(&self, name: &str) -> &str {
        let start = format!("{name}: ");
        self.raw.lines().find_map(|line| line.strip_prefix(start.as_str())).unwrap_or_default()
    }
}

impl MailServer {
    /// One that takes every mail, unless `answers` says otherwise.
    pub(in crate::notice) fn start(
        answers: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let (answers, seen): (Arc<Answers>, _) = (Arc::new(answers), Arc::clone(&shared));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, seen) = (Arc::clone(&answers), Arc::clone(&seen));
                std::thread::spawn(move || serve(&stream, &answers, &seen));
            }
        });
        Self { port, shared }
    }

    /// Every command so far.
    pub(in crate::notice) fn commands(&self) -> Vec<String> {
        self.shared.seen.lock().unwrap().commands.clone()
    }

    /// The mails taken, once there are so many.
    pub(in crate::notice) fn wait(&self, count: usize) -> Vec<Mail> {
        let seen = self.shared.seen.lock().unwrap();
        let few = |seen: &mut Seen| seen.mails.len() < count;
        let (seen, waited) = self.shared.changed.wait_timeout_while(seen, PATIENCE, few).unwrap();
        assert!(!waited.timed_out(), "{} mails of {count}: {:?}", seen.mails.len(), seen.commands);
        seen.mails.clone()
    }
}

fn serve(stream: &TcpStream, answers: &Arc<Answers>, shared: &Arc<Shared>) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    let say = |text: &str| (&mut &*stream).write_all(format!("{text}\r\n").as_bytes()).ok();
    say("220 test")?;
    let mut to = String::new();
    while let Some(Ok(line)) = lines.next() {
        shared.seen.lock().unwrap_or_else(PoisonError::into_inner).commands.push(line.clone());
        let verb = line.get(..4).unwrap_or_default().to_uppercase();
        let usual = match verb.as_str() {
            "EHLO" => "250-test\r\n250 AUTH PLAIN",
            "DATA" => "354 go on",
            "AUTH" => "235 welcome",
            "QUIT" => "221 bye",
            _ => "250 fine",
        };
        say(&answers(&line).unwrap_or_else(|| usual.to_owned()))?;
        match verb.as_str() {
            "RCPT" => to = line.trim_start_matches("RCPT TO:<").trim_end_matches('>').to_owned(),
            "DATA" => {
                let raw = lines.by_ref().map_while(Result::ok).take_while(|line| line != ".");
                let raw: String = raw.map(|line| line + "\n").collect();
                let taken = answers(".").unwrap_or_else(|| "250 taken".to_owned());
                if taken.starts_with('2') {
                    let mut seen = shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.mails.push(Mail { to: to.clone(), raw });
                    shared.changed.notify_all();
                }
                say(&taken)?;
            }
            _ => {}
        }
    }
    Some(())
}
