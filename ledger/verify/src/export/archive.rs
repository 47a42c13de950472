//! Reads a tar archive as a stream, strictly: files and directories alone, plain relative paths,
//! every byte accounted for. Whoever made the archive may wish us harm.

use super::items::{Broken, Item, Items, check_path};
use std::io::{self, Read};
use std::sync::Arc;

const BLOCK_BYTES: usize = 512;

/// The most bytes of an entry that only says something about the next.
const EXTENSION_BYTES_MAX: u64 = 64 * 1024;

/// The most zeros behind the end of the archive.
const TRAILING_BYTES_MAX: u64 = 1024 * 1024;

/// A tar archive.
pub(crate) struct Archive<R> {
    from: R,
    file: Arc<str>,
    at: u64,
    /// Bytes of the current entry that were not read, and of its padding.
    left: u64,
    padding: u64,
}

/// What a header says.
struct Header {
    kind: u8,
    bytes: u64,
    path: Vec<u8>,
}

impl<R: Read> Archive<R> {
    pub(crate) fn new(from: R, file: Arc<str>) -> Self {
        Self { from, file, at: 0, left: 0, padding: 0 }
    }

    fn bad<T>(&self, at: u64, what: &str) -> Result<T, Broken> {
        Err(Broken::Bad { file: Arc::clone(&self.file), byte: Some(at), what: what.to_owned() })
    }

    /// Fills the buffer as far as there are bytes.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Broken> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.from.read(rest) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Broken::io(&self.file, error)),
            }
        }
        self.at += u64::try_from(filled).unwrap_or(u64::MAX);
        Ok(filled)
    }

    fn block(&mut self) -> Result<[u8; BLOCK_BYTES], Broken> {
        let mut block = [0; BLOCK_BYTES];
        let start = self.at;
        if self.fill(&mut block)? < BLOCK_BYTES {
            return self.bad(start, "the archive ends without an end mark: it was cut");
        }
        Ok(block)
    }

    /// Reads what is left of the current entry, and its padding, which is zero.
    fn skip(&mut self) -> Result<(), Broken> {
        let mut buffer = [0; 4096];
        while self.left > 0 {
            self.read(&mut buffer)?;
        }
        while self.padding > 0 {
            let start = self.at;
            let wanted = usize::try_from(self.padding).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
            let wanted = buffer.get_mut(..wanted).unwrap_or_default();
            let length = wanted.len();
            if self.fill(wanted)? < length {
                return self.bad(start, "the archive ends within an entry: it was cut");
            }
            let dirty = buffer.iter().take(length).position(|byte| *byte != 0);
            if let Some(dirty) = dirty.and_then(|dirty| u64::try_from(dirty).ok()) {
                return self.bad(start + dirty, "something hides behind a file's end");
            }
            self.padding -= u64::try_from(length).unwrap_or(self.padding);
        }
        Ok(())
    }

    /// The next header that is not the end.
    fn header(&mut self) -> Result<Option<Header>, Broken> {
        let start = self.at;
        let block = self.block()?;
        if block.iter().all(|byte| *byte == 0) {
            return self.end().map(|()| None);
        }
        match parse(&block) {
            Ok(header) => Ok(Some(header)),
            Err(what) => self.bad(start, what),
        }
    }

    /// Nothing but zeros may follow an end mark.
    fn end(&mut self) -> Result<(), Broken> {
        let start = self.at;
        if self.block()?.iter().any(|byte| *byte != 0) {
            return self.bad(start, "the archive's end mark is not whole");
        }
        let mut buffer = [0; 4096];
        let end = self.at;
        loop {
            let start = self.at;
            let read = self.fill(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            if buffer.iter().take(read).any(|byte| *byte != 0) {
                return self.bad(start, "something hides behind the archive's end");
            }
            if self.at - end > TRAILING_BYTES_MAX {
                return self.bad(start, "too much follows the archive's end");
            }
        }
    }

    fn enter(&mut self, bytes: u64) {
        self.left = bytes;
        self.padding = bytes.next_multiple_of(512) - bytes;
    }

    /// The content of an entry that says something about the next.
    fn extension(&mut self, bytes: u64) -> Result<Vec<u8>, Broken> {
        if bytes > EXTENSION_BYTES_MAX {
            return self.bad(self.at, "an extended header is too long");
        }
        self.enter(bytes);
        let mut content = vec![0; usize::try_from(bytes).unwrap_or(0)];
        let mut filled = 0;
        while let Some(rest) = content.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            filled += self.read(rest)?;
        }
        self.skip()?;
        Ok(content)
    }
}

impl<R: Read> Items for Archive<R> {
    fn next(&mut self) -> Result<Option<Item>, Broken> {
        self.skip()?;
        let (mut path, mut size) = (None, None);
        loop {
            let start = self.at;
            let Some(header) = self.header()? else { return Ok(None) };
            match header.kind {
                b'x' => {
                    let content = self.extension(header.bytes)?;
                    let Some(said) = pax(&content) else {
                        return self.bad(start, "an extended header is not one");
                    };
                    path = said.path.or(path);
                    size = said.size.or(size);
                    continue;
                }
                b'L' => {
                    let mut content = self.extension(header.bytes)?;
                    content.truncate(content.iter().take_while(|byte| **byte != 0).count());
                    path = Some(content);
                    continue;
                }
                b'0' | 0 | b'5' => {}
                _ => return self.bad(start, "an entry is neither file nor directory"),
            }
            let bytes = size.take().unwrap_or(header.bytes);
            if bytes > u64::MAX / 2 {
                return self.bad(start, "an entry is too long");
            }
            self.enter(bytes);
            let name = path.take().unwrap_or(header.path);
            if header.kind == b'5' {
                self.skip()?;
                continue;
            }
            let path = match check_path(&name) {
                Ok(path) => path,
                Err(what) => return self.bad(start, what),
            };
            let file = format!("{}/{path}", self.file).into();
            return Ok(Some(Item { path, file, bytes }));
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Broken> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let start = self.at;
        let read = self.fill(buffer.get_mut(..wanted).unwrap_or_default())?;
        if read < wanted {
            return self.bad(start, "the archive ends within a file: it was cut");
        }
        self.left -= u64::try_from(read).unwrap_or(self.left);
        Ok(read)
    }
}

/// Reads a header block (POSIX ustar, or GNU's as far as it is the same).
fn parse(block: &[u8; BLOCK_BYTES]) -> Result<Header, &'static str> {
    let field = |at: usize, bytes: usize| block.get(at..at + bytes).unwrap_or_default();
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    let stated = field(148, 8);
    let own: u64 = stated.iter().map(|byte| u64::from(*byte)).sum();
    // The checksum is made as if its own field were spaces.
    if octal(stated) != Some(sum - own + 8 * u64::from(b' ')) {
        return Err("a header's checksum is wrong");
    }
    let (is_posix, is_gnu) = (field(257, 6) == b"ustar\0", field(257, 6) == b"ustar ");
    if !is_posix && !is_gnu {
        return Err("the archive is not of the ustar format");
    }
    let text = |bytes: &[u8]| bytes.iter().copied().take_while(|byte| *byte != 0).collect();
    let mut path: Vec<u8> = if is_posix { text(field(345, 155)) } else { Vec::new() };
    if !path.is_empty() {
        path.push(b'/');
    }
    let name: Vec<u8> = text(field(0, 100));
    path.extend_from_slice(&name);
    let bytes = octal(field(124, 12)).ok_or("an entry's size is not in octal digits")?;
    let kind = field(156, 1).first().copied().unwrap_or_default();
    Ok(Header { kind, bytes, path })
}

/// Octal digits, with spaces before, and spaces or zero bytes behind.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_start_matches(' ').trim_end_matches([' ', '\0']);
    let plain = !digits.is_empty() && digits.bytes().all(|next| matches!(next, b'0'..=b'7'));
    if plain { u64::from_str_radix(digits, 8).ok() } else { None }
}

#[derive(Default)]
struct Pax {
    path: Option<Vec<u8>>,
    size: Option<u64>,
}

/// The records of an extended header: `<length> <name>=<value>\n`.
fn pax(mut content: &[u8]) -> Option<Pax> {
    let mut said = Pax::default();
    while !content.is_empty() {
        let space = content.iter().position(|byte| *byte == b' ')?;
        let digits = std::str::from_utf8(content.get(..space)?).ok()?;
        let length: usize = digits.parse().ok()?;
        let record = content.get(..length)?;
        let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (record.get(..equals)?, record.get(equals + 1..)?);
        match name {
            b"path" => said.path = Some(value.to_vec()),
            b"size" => said.size = Some(std::str::from_utf8(value).ok()?.parse().ok()?),
            _ => {}
        }
        content = content.get(length..)?;
    }
    Some(said)
}
