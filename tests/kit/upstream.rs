//! An upstream that does exactly what a test tells it, byte by byte.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use crate::wire::{Connection, Head, header};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method and path.
    pub line: String,
    /// Names in small letters, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// A scripted upstream; it listens until the process ends.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Upstream {
    /// Starts one. For each request `script` writes what it wants to the connection; an error ends
    /// the connection.
    pub fn start<S>(script: S) -> Self
    where
        S: Fn(&Request, &mut Connection) -> io::Result<()> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, keep) = (Arc::new(script), Arc::clone(&seen));
        std::thread::spawn(move || {
            let accepted = listener.incoming().filter_map(Result::ok);
            for connection in accepted.filter_map(|stream| Connection::from_accepted(stream).ok()) {
                let (script, keep) = (Arc::clone(&script), Arc::clone(&keep));
                std::thread::spawn(move || serve(connection, &*script, &keep));
            }
        });
        Self { address, seen }
    }

    /// What came so far.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its address as the configuration wants it.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

fn serve<S>(mut connection: Connection, script: &S, seen: &Mutex<Vec<Request>>)
where
    S: Fn(&Request, &mut Connection) -> io::Result<()>,
{
    while let Ok(request) = receive(&mut connection) {
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        if script(&request, &mut connection).is_err() {
            return;
        }
    }
}

fn receive(connection: &mut Connection) -> io::Result<Request> {
    let head = connection.upto(b"\r\n\r\n")?;
    let (line, headers) = Head::parse(String::from_utf8_lossy(&head).trim_end());
    let length = header(&headers, "content-length").and_then(|length| length.parse().ok());
    let body = connection.exactly(length.unwrap_or(0))?;
    Ok(Request { line, headers, body })
}

impl Connection {
    /// Answers with this JSON.
    pub fn reply(&mut self, status: u16, body: &str) -> io::Result<()> {
        self.reply_with(status, "", body)
    }

    /// Answers with these further header lines, each with its end, and this JSON.
    pub fn reply_with(&mut self, status: u16, headers: &str, body: &str) -> io::Result<()> {
        let length = body.len();
        self.send(format!(
            "HTTP/1.1 {status} As Scripted\r\ncontent-type: application/json\r\n{headers}\
             content-length: {length}\r\n\r\n{body}"
        ))
    }

    /// Begins a stream of events.
    pub fn begin_stream(&mut self) -> io::Result<()> {
        self.send(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
             transfer-encoding: chunked\r\n\r\n",
        )
    }

    /// Sends one event.
    pub fn event(&mut self, data: &str) -> io::Result<()> {
        let frame = format!("data: {data}\n\n");
        self.send(format!("{:x}\r\n{frame}\r\n", frame.len()))
    }

    /// Ends a stream properly.
    pub fn end_stream(&mut self) -> io::Result<()> {
        self.send("0\r\n\r\n")
    }
}

/// A chat completion that says this.
pub fn completion(text: &str) -> String {
    let message = serde_json::json!({"role": "assistant", "content": text});
    serde_json::json!({
        "id": "chatcmpl-scripted", "object": "chat.completion", "created": 1, "model": "scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    })
    .to_string()
}

/// A chunk of a streamed chat completion.
pub fn chunk(text: &str, finish: Option<&str>) -> String {
    serde_json::json!({
        "id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}],
    })
    .to_string()
}
