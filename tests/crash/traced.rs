//! What the gateway asks of its disk, as strace tells it, and how to make one such request fail.

use std::collections::BTreeMap;
use std::path::Path;

/// What changes something on a disk, or makes it last.
const SYSCALLS: &str = "openat,mkdir,write,pwrite64,fdatasync,fsync,rename,renameat,renameat2,link,\
                        linkat,unlink,unlinkat,rmdir,ftruncate,fallocate,copy_file_range";

/// One request to the disk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    /// The file or folder, below the data folder.
    path: String,
    syscall: String,
    /// Which of the requests of this kind for this file that one thread makes, from 1.
    when: u32,
}

/// What runs a program and writes what it asks of its disk to a file.
pub(crate) fn tracer(log: &Path) -> Vec<String> {
    let words = ["strace", "-D", "-f", "-y", "-qq", "-s", "0", "-o"];
    let mut words: Vec<String> = words.map(str::to_owned).to_vec();
    words.extend([log.display().to_string(), "-e".to_owned(), format!("trace={SYSCALLS}")]);
    words
}

/// All requests about files below `data` in what [`tracer`] wrote.
pub(crate) fn points(log: &str, data: &Path) -> Vec<Point> {
    let data = format!("{}/", data.display());
    let mut counts: BTreeMap<(String, String, &str), u32> = BTreeMap::new();
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((syscall, arguments)) = rest.trim_start().split_once('(') else { continue };
        let Some((_, path)) = arguments.split_once(&data) else { continue };
        let path = path.split(['>', '"']).next().unwrap_or_default();
        *counts.entry((path.to_owned(), syscall.to_owned(), thread)).or_default() += 1;
    }
    let mut most: BTreeMap<(String, String), u32> = BTreeMap::new();
    for ((path, syscall, _), count) in counts {
        let known = most.entry((path, syscall)).or_default();
        *known = count.max(*known);
    }
    let all = most.into_iter().flat_map(|((path, syscall), count)| {
        (1..=count).map(move |when| Point { path: path.clone(), syscall: syscall.clone(), when })
    });
    all.collect()
}

/// So many of them, evenly; all where everything must be tried.
pub(crate) fn sample(points: &[Point], most: usize) -> Vec<Point> {
    let step = if tests::tools::exhaustive() { 1 } else { points.len().div_ceil(most).max(1) };
    points.iter().skip(step / 2).step_by(step).cloned().collect()
}

impl Point {
    /// Runs a program and fails this request, `how` being `error=EIO` or `signal=KILL`.
    pub(crate) fn fault(&self, data: &Path, how: &str) -> Vec<String> {
        let Self { path, syscall, when } = self;
        let path = data.join(path).display().to_string();
        let fault = format!("inject={syscall}:{how}:when={when}");
        let words = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-P", &path];
        let trace = ["-e", &format!("trace={syscall}"), "-e", &fault].map(str::to_owned);
        words.map(str::to_owned).into_iter().chain(trace).collect()
    }

    /// What a disk may say to such a request.
    pub(crate) fn errors(&self) -> &'static [&'static str] {
        match &*self.syscall {
            "unlink" | "unlinkat" | "rmdir" => &["error=EIO"],
            _ => &["error=EIO", "error=ENOSPC"],
        }
    }
}
