//! An HTTP/1.1 client that sends exactly the bytes it is given, right or wrong.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::patience::PATIENCE;

/// The key of the one agent that suites know.
pub const AGENT_KEY: &str = "csk-the-key-of-the-agent-in-tests";

/// One connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

/// The head of an answer.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// Names in small letters, and values.
    pub headers: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Status and headers.
    pub head: Head,
    /// The body, without transfer coding.
    pub body: Vec<u8>,
}

impl Head {
    /// Parses what stands before the empty line.
    pub(crate) fn parse(text: &str) -> (String, Vec<(String, String)>) {
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        (first, headers.collect())
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

pub(crate) fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

impl Answer {
    /// The status.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The body as JSON; fails where it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The gateway's error code, in the shape of the `OpenAI` dialect.
    pub fn code(&self) -> String {
        let json = self.json();
        let code = json.pointer("/error/code").and_then(Value::as_str);
        code.unwrap_or_default().to_owned()
    }
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        Self::from_accepted(TcpStream::connect(address)?)
    }

    /// The other end of a connection.
    pub fn from_accepted(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, read: Vec::new() })
    }

    /// Sends these bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Ends the sending side.
    pub fn finish(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Reads the head of the next answer; interim answers are passed over.
    pub fn head(&mut self) -> io::Result<Head> {
        loop {
            let end = self.upto(b"\r\n\r\n")?;
            let text = String::from_utf8_lossy(&end).into_owned();
            let (first, headers) = Head::parse(text.trim_end());
            let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
            let status = status.ok_or_else(|| io::Error::other(format!("not HTTP: {first}")))?;
            if status >= 200 {
                return Ok(Head { status, headers });
            }
        }
    }

    /// Reads the next chunk of a chunked answer; nothing at its proper end.
    pub fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = self.upto(b"\r\n")?;
        let digits = String::from_utf8_lossy(&line).trim().to_owned();
        let length = usize::from_str_radix(&digits, 16).map_err(io::Error::other)?;
        let mut data = self.exactly(length + 2)?;
        data.truncate(length);
        Ok((length > 0).then_some(data))
    }

    /// Reads a whole answer; an error when it ends before its proper end.
    pub fn answer(&mut self) -> io::Result<Answer> {
        let head = self.head()?;
        let length = head.header("content-length").and_then(|length| length.parse().ok());
        let body = match length {
            Some(length) => self.exactly(length)?,
            None => self.chunks()?,
        };
        Ok(Answer { head, body })
    }

    /// Reads an answer as far as it comes, and says whether it came to its proper end.
    pub fn whatever(&mut self) -> io::Result<(Answer, bool)> {
        let head = self.head()?;
        if head.header("content-length").is_some() {
            let (body, whole) = self.rest_of(&head);
            return Ok((Answer { head, body }, whole));
        }
        let mut body = Vec::new();
        loop {
            match self.chunk() {
                Ok(Some(chunk)) => body.extend(chunk),
                ended => return Ok((Answer { head, body }, ended.is_ok())),
            }
        }
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk()? {
            body.extend(chunk);
        }
        Ok(body)
    }

    /// Sends a request and reads its answer.
    pub fn ask(&mut self, request: impl AsRef<[u8]>) -> io::Result<Answer> {
        self.send(request)?;
        self.answer()
    }

    /// The rest of an answer that does not stream, and whether it is whole.
    pub fn rest_of(&mut self, head: &Head) -> (Vec<u8>, bool) {
        let length = head.header("content-length").and_then(|length| length.parse().ok());
        match self.exactly(length.unwrap_or(0)) {
            Ok(body) => (body, true),
            Err(_) => (std::mem::take(&mut self.read), false),
        }
    }

    /// Everything until the other side closes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.read);
        // A reset is an end as well.
        drop(self.stream.read_to_end(&mut rest));
        rest
    }

    pub(crate) fn upto(&mut self, mark: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            let found = self.read.windows(mark.len()).position(|window| window == mark);
            if let Some(at) = found {
                return Ok(self.read.drain(..at + mark.len()).collect());
            }
            self.more()?;
        }
    }

    pub(crate) fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.read.len() < length {
            self.more()?;
        }
        Ok(self.read.drain(..length).collect())
    }

    fn more(&mut self) -> io::Result<()> {
        let before = self.read.len();
        self.read.resize(before + (64 << 10), 0);
        let mut read = self.stream.read(self.read.get_mut(before..).unwrap_or_default());
        // A process that was stopped and goes on finds its reading interrupted.
        while matches!(&read, Err(error) if error.kind() == io::ErrorKind::Interrupted) {
            read = self.stream.read(self.read.get_mut(before..).unwrap_or_default());
        }
        self.read.truncate(before + *read.as_ref().unwrap_or(&0));
        match read? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// A POST with the agent's key, these further headers, and the right length.
pub fn post(path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut text = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n");
    for (name, value) in headers {
        // Writing to a string does not fail.
        let _ = write!(text, "{name}: {value}\r\n");
    }
    if !headers.iter().any(|(name, _)| matches!(*name, "authorization" | "x-api-key")) {
        let _ = write!(text, "authorization: Bearer {AGENT_KEY}\r\n");
    }
    if !headers.iter().any(|(name, _)| *name == "content-length") {
        let _ = write!(text, "content-length: {}\r\n", body.len());
    }
    text.push_str("content-type: application/json\r\n\r\n");
    let mut request = text.into_bytes();
    request.extend_from_slice(body);
    request
}

/// A POST with the agent's key whose further header lines, the length among them, are spelled as a
/// test wants them.
pub fn spelled(path: &str, lines: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {AGENT_KEY}\r\n\
         {lines}\r\n\r\n{body}"
    )
}

/// A chat completion that asks this model.
pub fn chat(model: &str, text: &str, stream: bool) -> Vec<u8> {
    let messages = json!([{"role": "user", "content": text}]);
    let body = json!({"model": model, "stream": stream, "messages": messages});
    post("/v1/chat/completions", &[], body.to_string())
}

/// Opens a connection, asks once, and reads the answer.
pub fn ask(address: SocketAddr, request: impl AsRef<[u8]>) -> io::Result<Answer> {
    Connection::open(address)?.ask(request)
}

/// A GET of the people's listener.
pub fn look(address: SocketAddr, path: &str) -> io::Result<Answer> {
    ask(address, format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"))
}
