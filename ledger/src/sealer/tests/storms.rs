//! Random histories: whatever a log went through, its files are those of one that was sealed
//! once.

use super::super::{SealError, Sealer, Signed};
use super::faults::{Failing, MoodyLock, block, go_on, open_with};
use super::{World, record};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tlog::{TreeBuilder, leaf_hash};

#[derive(Clone, Copy, Debug)]
enum Step {
    Append(u64),
    Seal,
    Publish,
    Restart,
    /// The power fails; of the files that were never synced something is left, by this seed.
    PowerCut(u64),
    /// Somebody deletes a file.
    Delete(usize),
    /// A file cannot be written any more, until the next restart.
    Block(usize),
    LockFails(Failing),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let failing = prop_oneof![Just(Failing::Before), Just(Failing::Behind)];
    let step = prop_oneof![
        6 => (1..200_u64).prop_map(Step::Append),
        6 => Just(Step::Seal),
        6 => Just(Step::Publish),
        2 => Just(Step::Restart),
        3 => any::<u64>().prop_map(Step::PowerCut),
        2 => any::<usize>().prop_map(Step::Delete),
        2 => any::<usize>().prop_map(Step::Block),
        1 => failing.prop_map(Step::LockFails),
    ];
    proptest::collection::vec(step, 1..60)
}

/// A log, who seals it, and what was published of it.
struct Storm {
    world: World,
    sealer: Option<Sealer>,
    lock: Arc<Mutex<Option<Failing>>>,
    published: Vec<Signed>,
    blocked: Vec<PathBuf>,
}

impl Storm {
    fn new() -> Self {
        let (sealer, lock) = (None, Arc::default());
        let world = World::new(0);
        let mut storm = Self { world, sealer, lock, published: Vec::new(), blocked: Vec::new() };
        storm.start();
        storm
    }

    /// An honest log is never refused.
    fn start(&mut self) {
        self.sealer = None;
        self.unblock();
        let lock = MoodyLock::of(&self.world);
        self.lock = Arc::clone(&lock.next);
        let mut sealer = open_with(&self.world, lock).unwrap();
        sealer.begin().unwrap();
        self.sealer = Some(sealer);
    }

    fn unblock(&mut self) {
        for blocked in self.blocked.drain(..) {
            // The sealer may have removed it with the files that it needs no longer.
            drop(fs::remove_dir(blocked));
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        self.world.files().into_keys().collect()
    }

    fn one(&self, number: usize) -> Option<PathBuf> {
        let files = self.files();
        files.get(number % files.len().max(1)).cloned()
    }

    /// Done, or to be done again.
    fn passes(done: Result<(), SealError>) {
        if let Err(error) = done {
            assert!(error.is_passing(), "{error}");
        }
    }

    fn publish(&mut self) {
        let sealer = self.sealer.as_mut().unwrap();
        let Some(signed) = sealer.locked().cloned() else { return };
        if signed.checkpoint.size > 0 {
            // Others may see it even if what comes behind fails.
            self.published.push(signed.clone());
            Self::passes(sealer.publish(&signed));
        }
    }

    /// Takes the power: each file that was not synced is there, is empty, torn or of zeros, still
    /// has the name it was written under, or was never there.
    fn cut(&mut self, seed: u64) {
        self.sealer = None;
        self.unblock();
        let mut state = seed | 1;
        for path in self.files() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let bytes = fs::read(&path).unwrap();
            match (state >> 33) % 12 {
                0 => fs::write(&path, []).unwrap(),
                1 => fs::write(&path, bytes.get(..bytes.len() / 2).unwrap()).unwrap(),
                2 => fs::write(&path, vec![0; bytes.len()]).unwrap(),
                3 => fs::rename(&path, path.with_extension("next")).unwrap(),
                4 => fs::remove_file(&path).unwrap(),
                5 => self.older(&path),
                _ => {}
            }
        }
        self.start();
    }

    /// The checkpoint alone has content that changes.
    fn older(&self, path: &Path) {
        let older = self.published.get(self.published.len() / 2);
        if let (true, Some(older)) = (path.ends_with("checkpoint"), older) {
            fs::write(path, older.note.to_string()).unwrap();
        }
    }

    /// Seals all there is, and starts once more, so that only what is needed is left.
    fn end(&mut self) {
        self.start();
        go_on(self.sealer.as_mut().unwrap()).unwrap();
        self.start();
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Append(count) => self.world.grow(self.world.size() + count),
            Step::Seal => Self::passes(self.sealer.as_mut().unwrap().seal().map(|_| ())),
            Step::Publish => self.publish(),
            Step::Restart => self.start(),
            Step::PowerCut(seed) => self.cut(seed),
            Step::Delete(number) => {
                if let Some(path) = self.one(number) {
                    fs::remove_file(path).unwrap();
                }
            }
            Step::Block(number) => {
                if let Some(path) =
                    self.one(number).filter(|path| !path.with_extension("next").exists())
                {
                    self.blocked.push(block(&path));
                }
            }
            Step::LockFails(failing) => *self.lock.lock().unwrap() = Some(failing),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn no_storm_stops_an_honest_log_or_leaves_a_trace_in_its_files(steps in steps()) {
        let mut storm = Storm::new();
        for step in steps {
            storm.step(step);
        }
        storm.world.grow(storm.world.size() + 1);
        storm.end();
        let size = storm.world.size();
        let mut fresh = Storm::new();
        fresh.world.grow(size);
        fresh.end();
        prop_assert!(storm.world.relative_files() == fresh.world.relative_files());
        let mut tree = TreeBuilder::new();
        let mut roots = vec![tree.root()];
        for number in 0..size {
            tree.push(leaf_hash(&record(number)), &mut |_, _| {}).unwrap();
            roots.push(tree.root());
        }
        for signed in storm.published {
            let place = usize::try_from(signed.checkpoint.size).unwrap();
            prop_assert_eq!(Some(&signed.checkpoint.root), roots.get(place));
        }
    }
}
