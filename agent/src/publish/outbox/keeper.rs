//! The thread that writes the outbox to the disk. A slow or broken disk holds up nobody else.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use super::{Batch, Contents, Counter, Due, Limits, Options, Outbox, Store, StoreError};
use crate::clock::Moment;
use crate::publish::{PublishError, Shared};

const FILE: &str = "outbox.redb";
/// Where a damaged file goes. There is one: the disk is bounded.
const ASIDE: &str = "outbox.redb.damaged";

/// What was found on the disk.
pub(in crate::publish) struct Opened {
    /// The outbox, with what the disk held.
    pub outbox: Outbox,
    /// The disk, where it can be used.
    pub store: Option<Arc<Store>>,
    /// What writes it.
    pub keeper: Keeper,
    /// The newest report of each topic that waits: its summary may not have gone out.
    pub newest: Vec<super::Publication>,
}

/// Writes the outbox.
pub(in crate::publish) struct Keeper {
    file: PathBuf,
    counter: Counter,
    /// Whether the queue knows what the disk held when the program started.
    adopted: bool,
    /// Whether the last write failed; its recovery is worth a line.
    failing: bool,
}

/// Opens the outbox in `folder`. A disk that can't be used is no error: then it works in memory, says so and tries again.
///
/// # Errors
/// When another process uses the outbox, or the options are out of range.
pub(in crate::publish) fn open(folder: &Path, options: &Options) -> Result<Opened, PublishError> {
    let limits = options.limits()?;
    let file = folder.join(FILE);
    let made = std::fs::create_dir_all(folder).map_err(|error| StoreError::Disk(error.to_string()));
    let counter = Counter::open(folder);
    let keeper = Keeper { file, counter, adopted: false, failing: false };
    match made.and_then(|()| keeper.open_store()) {
        Ok((store, contents)) => Ok(keeper.begin(store, contents, limits, options)),
        Err(StoreError::InUse) => Err(PublishError::OutboxInUse(keeper.file)),
        Err(error) => Ok(keeper.begin_in_memory(&error, limits, options)),
    }
}

impl Keeper {
    fn begin(mut self, store: Store, contents: Contents, limits: Limits, options: &Options) -> Opened {
        let last = self.counter.last(contents.numbers.as_ref().map(|numbers| numbers.sequence));
        let newest = contents.newest.values().cloned().collect();
        let mut outbox = Outbox::new(limits, options.commit_interval(), last);
        outbox.adopt(contents, last);
        self.adopted = true;
        Opened { outbox, store: Some(Arc::new(store)), keeper: self, newest }
    }

    fn begin_in_memory(mut self, error: &StoreError, limits: Limits, options: &Options) -> Opened {
        let last = self.counter.last(None);
        let mut outbox = Outbox::new(limits, options.commit_interval(), last);
        self.say_failed(error);
        self.cover(last, true);
        outbox.write_failed(error.to_string(), false, Moment::now());
        Opened { outbox, store: None, keeper: self, newest: Vec::new() }
    }

    /// Opens the file; a damaged one is set aside and a new one begun.
    fn open_store(&self) -> Result<(Store, Contents), StoreError> {
        let is_new = std::fs::metadata(&self.file).map_or(true, |file| file.len() == 0);
        let (store, contents) = match Store::open(&self.file) {
            Err(StoreError::Damaged(reason)) => self.begin_anew(&reason)?,
            opened => opened?,
        };
        if contents.numbers.is_none() && self.counter.has_stored() && is_new {
            let file = self.file.display();
            tracing::warn!(
                "the outbox {file} is gone, and what it held with it; report numbers go on above the old ones"
            );
        }
        if !contents.unreadable.is_empty() {
            tracing::warn!(
                "reports that the outbox can't read back: {}; they are counted as lost",
                contents.unreadable.len()
            );
        }
        Ok((store, contents))
    }

    fn begin_anew(&self, reason: &str) -> Result<(Store, Contents), StoreError> {
        let (file, aside) = (&self.file, self.file.with_file_name(ASIDE));
        std::fs::rename(file, &aside)
            .map_err(|error| StoreError::Disk(format!("{reason}; it can't be set aside: {error}")))?;
        tracing::warn!(
            "the outbox {} is damaged ({reason}): it is set aside as {}, and a new one begun; report numbers go on above the old \
             ones, so readers see a gap",
            file.display(),
            aside.display()
        );
        Store::open(file)
    }

    /// Starts the thread.
    pub fn start(self, shared: Arc<Shared>) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name("outbox".to_owned()).spawn(move || self.run(&shared))
    }

    fn run(mut self, shared: &Shared) {
        while !self.wait(shared) {
            self.write(shared);
        }
        self.write_the_rest(shared);
        let mut state = shared.state();
        if self.failing {
            self.close_counter(state.outbox.sequence());
        }
        state.store = None;
        state.keeper_ended = true;
        drop(state);
        shared.keeper.notify_all();
    }

    /// The last writes: all that is left, as long as the disk takes it.
    fn write_the_rest(&mut self, shared: &Shared) {
        while shared.state().outbox.has_changes() {
            self.write(shared);
            if self.failing {
                return;
            }
        }
    }

    /// Waits until a write is due; true: the publisher has ended.
    fn wait(&self, shared: &Shared) -> bool {
        let mut state = shared.state();
        loop {
            let now = Moment::now();
            if state.ended {
                return true;
            }
            state = match state.outbox.due(now) {
                Due::Now => return false,
                Due::Never => shared.keeper.wait(state).unwrap_or_else(PoisonError::into_inner),
                Due::At(moment) => {
                    let waited = shared.keeper.wait_timeout(state, moment.since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn write(&mut self, shared: &Shared) {
        match self.try_write(shared) {
            Ok(sequence) => self.written(shared, sequence),
            Err(error) => self.give_way(shared, &error),
        }
        shared.wake.notify_one();
    }

    fn written(&mut self, shared: &Shared, sequence: u64) {
        let mut state = shared.state();
        state.outbox.written(Moment::now());
        let in_memory = self.failing && state.outbox.has_new();
        drop(state);
        self.cover(sequence, in_memory);
        if self.failing && !in_memory {
            self.failing = false;
            tracing::info!("the outbox {} can be written again", self.file.display());
        }
    }

    /// Writes what there is, and gives the number of the last report in it.
    fn try_write(&mut self, shared: &Shared) -> Result<u64, StoreError> {
        let store = self.store(shared)?;
        let batch: Batch = shared.state().outbox.begin_write();
        // No number may go out above the ceiling, and a report goes out as soon as it is written.
        self.cover(batch.numbers.sequence, self.failing);
        store.write(&batch)?;
        Ok(batch.numbers.sequence)
    }

    /// The open file, opened again after a failure.
    fn store(&mut self, shared: &Shared) -> Result<Arc<Store>, StoreError> {
        if let Some(store) = &shared.state().store {
            return Ok(Arc::clone(store));
        }
        if let Some(folder) = self.file.parent() {
            std::fs::create_dir_all(folder).map_err(|error| StoreError::Disk(error.to_string()))?;
        }
        let (store, contents) = self.open_store()?;
        let store = Arc::new(store);
        let mut state = shared.state();
        state.store = Some(Arc::clone(&store));
        if !std::mem::replace(&mut self.adopted, true) {
            let last = self.counter.last(contents.numbers.as_ref().map(|numbers| numbers.sequence));
            state.outbox.adopt(contents, last);
        }
        Ok(store)
    }

    /// The disk refused: reports go out from memory, and what the disk holds stays readable where it can be.
    fn give_way(&mut self, shared: &Shared, error: &StoreError) {
        self.say_failed(error);
        let mut state = shared.state();
        // After a failed write the library wants the file opened anew, and the file is locked until it is closed.
        state.store = None;
        let sequence = state.outbox.sequence();
        drop(state);
        self.cover(sequence, true);
        let readable = Store::open(&self.file).ok().filter(|_| self.adopted);
        let mut state = shared.state();
        state.outbox.write_failed(error.to_string(), readable.is_some(), Moment::now());
        state.store = readable.map(|(store, _)| Arc::new(store));
    }

    fn say_failed(&mut self, error: &StoreError) {
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(
                "the outbox {} can't be written: {error}; reports are kept in memory only until it can, and what waits is lost \
                 when this program ends (free space, check the mount and its owner, or set path in [outbox])",
                self.file.display()
            );
        }
    }

    /// The next run goes on with the next number: it is known, for once, though the outbox doesn't know it.
    fn close_counter(&self, sequence: u64) {
        if let Err(error) = self.counter.close(sequence) {
            tracing::debug!("after this run in memory report numbers may come again: {error}");
        }
    }

    fn cover(&mut self, sequence: u64, memory: bool) {
        if let Err(error) = self.counter.cover(sequence, memory) {
            tracing::debug!("after a crash report numbers may come again: {error}");
        }
    }
}
