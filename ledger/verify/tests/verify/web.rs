//! Logs on a server, which may go on while they are read, lie about lengths, or fail.

use crate::made::{Made, Tree, report, trust};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use verify::{Silent, Subject};

/// Serves what `answer` gives for each path, with a status, until the test ends.
fn serve(answer: impl Fn(&str) -> (u16, Vec<u8>) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            // Whoever leaves early is of no interest.
            thread::spawn(move || drop(answer_all(connection, &*answer)));
        }
    });
    format!("http://{address}/tlog/countersign/0")
}

fn answer_all(
    connection: TcpStream,
    answer: &impl Fn(&str) -> (u16, Vec<u8>),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut writer = connection;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        while reader.read_line(&mut line)? > 2 {}
        let (status, body) = answer(path.trim_start_matches("/tlog/countersign/0/"));
        let length = body.len();
        let head = format!("HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\n\r\n");
        writer.write_all(&[head.as_bytes(), &body].concat())?;
        line.clear();
    }
    Ok(())
}

fn file(folder: &std::path::Path, path: &str) -> (u16, Vec<u8>) {
    fs::read(folder.join(path)).map_or((404, Vec::new()), |bytes| (200, bytes))
}

#[test]
fn a_log_on_a_server_is_verified() {
    let log = Made::whole(200).log();
    let folder: PathBuf = log.path().to_owned();
    let url = serve(move |path| file(&folder, path));
    let found = report_of(&url);
    assert!(found.is_verified(), "{found}");
    let here = report(log.path());
    assert_eq!(found.checks(), here.checks());
}

fn report_of(url: &str) -> verify::Report {
    Subject::find(url).unwrap().verify(&trust(), &mut Silent).unwrap().pop().unwrap()
}

#[test]
fn a_log_that_goes_on_while_it_is_read_is_verified() {
    let made = Made::whole(200);
    let log = made.log();
    for size in [1, 255, 256, 257, 500, 512, 513, 600] {
        let folder: PathBuf = log.path().to_owned();
        let older = Tree::new(&made.events[..size]).note().to_string();
        let asked = AtomicUsize::new(0);
        let url = serve(move |path| {
            let first = path == "checkpoint" && asked.fetch_add(1, Ordering::Relaxed) == 0;
            if first { (200, older.clone().into_bytes()) } else { file(&folder, path) }
        });
        let found = report_of(&url);
        assert!(found.is_verified(), "{size}: {found}");
    }
}

#[test]
fn a_server_that_fails_is_an_error_and_no_finding() {
    let url = serve(|_| (500, Vec::new()));
    let error = Subject::find(&url).unwrap().verify(&trust(), &mut Silent).unwrap_err();
    assert!(error.to_string().contains("answers 500"), "{error}");
}
