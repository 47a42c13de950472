//! How long the disk takes to make 4 KiB durable: the yardstick for everything that waits for it.

use super::figures::percentile;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// What is written before each sync.
const BLOCK_BYTES: usize = 4096;

/// How many syncs are measured.
const SYNCS: usize = 100;

/// What a disk does.
#[derive(Clone, Copy, Debug)]
pub struct Syncs {
    /// The median time of one of many that follow each other, in microseconds.
    pub busy_us: f64,
    /// The median time of one after a rest, in microseconds.
    pub rested_us: f64,
}

impl Syncs {
    /// The better of two measurements: what disturbs one must not make the bounds wider.
    #[must_use]
    pub const fn least(self, other: Self) -> Self {
        Self {
            busy_us: self.busy_us.min(other.busy_us),
            rested_us: self.rested_us.min(other.rested_us),
        }
    }
}

/// How long the disk rests.
const REST: Duration = Duration::from_millis(20);

/// Times writes with `fdatasync` into a file in `folder` that was filled before.
pub fn measure(folder: &Path) -> io::Result<Syncs> {
    let path = folder.join("sync-probe");
    let both = [Duration::ZERO, REST].map(|rest| p50_us(&path, rest));
    let [busy_us, rested_us] = both;
    Ok(Syncs { busy_us: busy_us?, rested_us: rested_us? })
}

fn p50_us(path: &Path, rest: Duration) -> io::Result<f64> {
    let file = std::fs::File::create(path)?;
    file.write_all_at(&vec![1; BLOCK_BYTES * SYNCS], 0)?;
    file.sync_all()?;
    let block = [2; BLOCK_BYTES];
    let mut samples = Vec::with_capacity(SYNCS);
    let mut offset = 0;
    for _ in 0..SYNCS {
        std::thread::sleep(rest);
        let began = Instant::now();
        file.write_all_at(&block, offset)?;
        file.sync_data()?;
        samples.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
        offset += BLOCK_BYTES as u64;
    }
    samples.sort_unstable();
    Ok(percentile(&samples, 50))
}
