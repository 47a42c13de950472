//! How long the disk takes to make 4 KiB durable: the yardstick for everything that waits for it.

use super::figures::percentile;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Instant;

/// What is written before each sync.
const BLOCK_BYTES: usize = 4096;

/// How many syncs are measured.
const SYNCS: usize = 300;

/// The median time of a write and `fdatasync` into a file in `folder` that was filled before, in
/// microseconds.
pub fn sync_p50_us(folder: &Path) -> io::Result<f64> {
    let path = folder.join("sync-probe");
    let measured = measure(&path);
    std::fs::remove_file(&path)?;
    measured
}

fn measure(path: &Path) -> io::Result<f64> {
    let file = std::fs::File::create_new(path)?;
    file.write_all_at(&vec![1; BLOCK_BYTES * SYNCS], 0)?;
    file.sync_all()?;
    let block = [2; BLOCK_BYTES];
    let mut samples = Vec::with_capacity(SYNCS);
    let mut offset = 0;
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all_at(&block, offset)?;
        file.sync_data()?;
        samples.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
        offset += BLOCK_BYTES as u64;
    }
    samples.sort_unstable();
    Ok(percentile(&samples, 50))
}
