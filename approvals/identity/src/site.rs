//! A web site on this machine, for tests: each request is answered by a function.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) authorization: String,
    pub(crate) body: String,
}

type Answers = Box<dyn Fn(&Asked) -> (u16, String) + Send>;

pub(crate) struct Site {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    answers: Arc<Mutex<Answers>>,
    task: Option<JoinHandle<()>>,
}

impl Site {
    pub(crate) fn new(answers: impl Fn(&Asked) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let answers: Arc<Mutex<Answers>> = Arc::new(Mutex::new(Box::new(answers)));
        let task = std::thread::spawn({
            let (asked, answers) = (Arc::clone(&asked), Arc::clone(&answers));
            move || {
                let goes_on = |stream| answer(&stream, &asked, &answers);
                assert!(!listener.incoming().map(Result::unwrap).all(goes_on));
            }
        });
        Self { address, asked, answers, task: Some(task) }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many requests there were.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn answer(&self, answers: impl Fn(&Asked) -> (u16, String) + Send + 'static) {
        *self.answers.lock().unwrap() = Box::new(answers);
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // A connection without a request ends the task.
        drop(TcpStream::connect(self.address));
        let ended = self.task.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|ended| ended.is_ok()) || std::thread::panicking());
    }
}

fn answer(stream: &TcpStream, asked: &AtomicUsize, answers: &Mutex<Answers>) -> bool {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap() == 0 {
        return false;
    }
    let path = line.split(' ').nth(1).unwrap().to_owned();
    let (mut length, mut authorization) = (0, String::new());
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "authorization" => value.trim().clone_into(&mut authorization),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    asked.fetch_add(1, Ordering::SeqCst);
    let (status, text) = answers.lock().unwrap()(&Asked { path, authorization, body });
    let head = format!("HTTP/1.1 {status} Answer\r\nconnection: close\r\ncontent-length: ");
    let mut stream = stream;
    // Whoever asked may have gone when the answer is too large for them.
    let _gone = write!(stream, "{head}{}\r\nlocation: /elsewhere\r\n\r\n{text}", text.len());
    true
}
