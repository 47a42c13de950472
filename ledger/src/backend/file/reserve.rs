//! Room that is taken from the disk in advance, for outcomes of calls that were already made when
//! the disk is full: one file of zeros beside each series, which becomes a segment when it is used.

use super::disk::{Disk, is_full};
use super::filler::{Spare, Workers, remove_if_there, write_zeros};
use super::names::Series;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a full disk is left alone before it is asked again for a new reserve.
const PAUSE: Duration = Duration::from_secs(1);

/// The reserve of a log, in two parts.
pub(super) struct Reserve {
    disk: Arc<dyn Disk>,
    /// The size of each part; 0 where there is no reserve.
    bytes: u64,
    events: Part,
    payloads: Part,
    pause: Duration,
    /// When it could not be filled for want of room.
    refused: Option<Instant>,
}

struct Part {
    path: PathBuf,
    spare: Option<Spare>,
}

impl Reserve {
    /// Takes the room of both parts from the disk; nothing of it is there yet where it is full.
    pub(super) fn take_room(
        disk: Arc<dyn Disk>,
        log: &Path,
        bytes: u64,
        workers: Workers,
    ) -> io::Result<Self> {
        let part = |series: Series| Part { path: series.dir(log).join("reserve"), spare: None };
        let (events, payloads) = (part(Series::Events), part(Series::Payloads));
        let pause = match workers {
            Workers::Threads => PAUSE,
            #[cfg(test)]
            Workers::Inline => Duration::ZERO,
        };
        let mut reserve = Self { disk, bytes, events, payloads, pause, refused: None };
        if bytes == 0 {
            remove_if_there(&*reserve.disk, &reserve.events.path)?;
            remove_if_there(&*reserve.disk, &reserve.payloads.path)?;
        }
        reserve.refill()?;
        Ok(reserve)
    }

    /// Whether all of it is there.
    pub(super) fn is_whole(&self) -> bool {
        self.bytes == 0 || (self.events.spare.is_some() && self.payloads.spare.is_some())
    }

    /// Fills what was used, where the disk has the room and was not asked just now; whether all of
    /// it is there.
    pub(super) fn refill(&mut self) -> io::Result<bool> {
        if self.is_whole() {
            return Ok(true);
        }
        if self.refused.is_some_and(|refused| refused.elapsed() < self.pause) {
            return Ok(false);
        }
        for part in [&mut self.events, &mut self.payloads] {
            match part.fill(&*self.disk, self.bytes) {
                Ok(()) => {}
                Err(error) if is_full(&error) => {
                    self.refused = Some(Instant::now());
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        self.refused = None;
        Ok(true)
    }

    /// The part for a series, where it is there and has so many bytes.
    pub(super) fn take(&mut self, series: Series, bytes_min: u64) -> Option<Spare> {
        self.part(series).spare.take_if(|spare| bytes_min <= spare.bytes)
    }

    /// Takes back what was taken and not used; gives back what is not of the reserve.
    pub(super) fn put_back(&mut self, series: Series, spare: Spare) -> Option<Spare> {
        let part = self.part(series);
        if part.path != spare.path {
            return Some(spare);
        }
        part.spare = Some(spare);
        None
    }

    fn part(&mut self, series: Series) -> &mut Part {
        match series {
            Series::Events => &mut self.events,
            Series::Payloads => &mut self.payloads,
        }
    }
}

impl Part {
    /// Makes the file, durably. What an earlier run left is written over and not removed first: on
    /// a full disk the room would go to somebody else. It may begin with the header of a segment
    /// that it was about to become.
    fn fill(&mut self, disk: &dyn Disk, bytes: u64) -> io::Result<()> {
        if self.spare.is_some() {
            return Ok(());
        }
        let there = match disk.open(&self.path, true) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            there => Some(there?),
        };
        let file = match there {
            Some(file) if file.length()? <= bytes => file,
            Some(_) | None => {
                remove_if_there(disk, &self.path)?;
                disk.create(&self.path)?
            }
        };
        write_zeros(&*file, 0, bytes, &false.into())?;
        file.sync()?;
        if let Some(folder) = self.path.parent() {
            disk.sync_dir(folder)?;
        }
        self.spare = Some(Spare { file, path: self.path.clone(), bytes });
        Ok(())
    }
}
