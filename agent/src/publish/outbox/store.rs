//! The outbox's file: reports, and the numbers that count them, in one redb database.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition, TableError,
    WriteTransaction,
};

use super::message::{Entry, Key, Place, Publication, Purpose};
use super::record;

const REPORTS: TableDefinition<Key, &[u8]> = TableDefinition::new("reports");
const NUMBERS: TableDefinition<&str, u64> = TableDefinition::new("numbers");
const SEQUENCE: &str = "sequence";
const COUNTED_FROM: &str = "counted_from";
const LOST: &str = "lost/";
/// Pages that the database keeps in memory: a write touches about ten.
const CACHE_BYTES: usize = 256 * 1024;

/// Why the file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error("another edgeval uses it")]
    InUse,
    /// What is in it makes no sense.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// The disk refuses.
    #[error("{0}")]
    Disk(String),
}

/// The numbers that outlive a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// The last report's number.
    pub sequence: u64,
    /// The first report whose fate is counted.
    pub counted_from: u64,
    /// Reports lost since then, by reason.
    pub lost: BTreeMap<String, u64>,
}

/// One write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Reports to keep, as [`record::encode`] has them.
    pub records: Vec<(Key, Vec<u8>)>,
    /// Reports to forget.
    pub erased: Vec<Key>,
    /// The numbers as they are then.
    pub numbers: Numbers,
}

/// What a file held when it was opened.
#[derive(Debug, Default)]
pub struct Contents {
    /// Reports, oldest first.
    pub reports: Vec<Entry>,
    /// The newest report of each topic.
    pub newest: BTreeMap<String, Publication>,
    /// Records that can't be read.
    pub unreadable: Vec<Key>,
    /// The numbers; `None` in a new file.
    pub numbers: Option<Numbers>,
}

/// The open file. It is locked: no other process can open it.
pub struct Store {
    database: Database,
}

impl Store {
    /// Opens the file, making it where it is missing, and reads everything in it.
    ///
    /// # Errors
    /// When it is in use, damaged, or the disk refuses.
    pub fn open(path: &Path) -> Result<(Self, Contents), StoreError> {
        guarded(|| Self::open_and_check(path))
    }

    fn open_and_check(path: &Path) -> Result<(Self, Contents), StoreError> {
        let mut database = Builder::new().set_cache_size(CACHE_BYTES).create(path)?;
        // Every page's checksum, once: a card that forgets bits is found before its reports are trusted.
        database.check_integrity()?;
        let store = Self { database };
        let contents = store.contents()?;
        Ok((store, contents))
    }

    fn contents(&self) -> Result<Contents, StoreError> {
        let mut contents = Contents { numbers: self.numbers()?, ..Contents::default() };
        let read = self.database.begin_read().map_err(damaged)?;
        let table = match read.open_table(REPORTS) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(contents),
            table => table.map_err(damaged)?,
        };
        for item in table.iter()? {
            let (key, bytes) = item?;
            contents.note(key.value(), bytes.value());
        }
        Ok(contents)
    }

    fn numbers(&self) -> Result<Option<Numbers>, StoreError> {
        let read = self.database.begin_read().map_err(damaged)?;
        let table = match read.open_table(NUMBERS) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            table => table.map_err(damaged)?,
        };
        let mut numbers = Numbers::default();
        for item in table.iter()? {
            let (name, value) = item?;
            match name.value() {
                SEQUENCE => numbers.sequence = value.value(),
                COUNTED_FROM => numbers.counted_from = value.value(),
                name => {
                    if let Some(reason) = name.strip_prefix(LOST) {
                        numbers.lost.insert(reason.to_owned(), value.value());
                    }
                }
            }
        }
        Ok(Some(numbers))
    }

    /// Writes all of it or nothing, and returns when the disk has it.
    ///
    /// # Errors
    /// When the disk refuses. The file must then be opened anew.
    pub fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        guarded(|| {
            let write = self.begin()?;
            put(&write, batch)?;
            write.commit().map_err(|error| StoreError::Disk(error.to_string()))
        })
    }

    /// A report; `None` when it isn't there or isn't what was written.
    pub fn read(&self, key: Key) -> Option<Publication> {
        guarded(|| Ok(self.find(key))).ok().flatten()
    }

    fn find(&self, key: Key) -> Option<Publication> {
        let read = self.database.begin_read().ok()?;
        let table = read.open_table(REPORTS).ok()?;
        let bytes = table.get(key).ok()??;
        record::decode(bytes.value())
    }

    fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let mut write = self.database.begin_write().map_err(|error| StoreError::Disk(error.to_string()))?;
        // Else a damaged last write is silently undone when the file is opened, and report numbers go back with it.
        write.set_two_phase_commit(true);
        Ok(write)
    }
}

impl Contents {
    fn note(&mut self, key: Key, bytes: &[u8]) {
        let Some(report) = record::decode(bytes) else {
            self.unreadable.push(key);
            return;
        };
        let entry = Entry {
            key,
            purpose: Purpose::Report,
            topic: report.topic.clone(),
            bytes: record::cost_bytes(&report),
            place: Place::Disk,
        };
        self.reports.push(entry);
        self.newest.insert(report.topic.clone(), report);
    }
}

/// The library returns errors for damaged files. Should one slip through as a panic, it is still just damage.
fn guarded<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(StoreError::Damaged("the database library panicked over it".to_owned())))
}

fn put(write: &WriteTransaction, batch: &Batch) -> Result<(), StoreError> {
    let mut reports = write.open_table(REPORTS).map_err(damaged)?;
    for key in &batch.erased {
        reports.remove(key)?;
    }
    for (key, bytes) in &batch.records {
        reports.insert(key, bytes.as_slice())?;
    }
    let Numbers { sequence, counted_from, lost } = &batch.numbers;
    let mut numbers = write.open_table(NUMBERS).map_err(damaged)?;
    numbers.insert(SEQUENCE, sequence)?;
    numbers.insert(COUNTED_FROM, counted_from)?;
    for (reason, count) in lost {
        numbers.insert(format!("{LOST}{reason}").as_str(), count)?;
    }
    Ok(())
}

fn damaged(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Io(error) => of_io(&error),
        other => StoreError::Damaged(other.to_string()),
    }
}

fn of_io(error: &std::io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => StoreError::Damaged(error.to_string()),
        _ => StoreError::Disk(error.to_string()),
    }
}

impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen => Self::InUse,
            other => damaged(other),
        }
    }
}

impl From<StorageError> for StoreError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Io(error) => of_io(&error),
            StorageError::PreviousIo => Self::Disk("an earlier write failed".to_owned()),
            other => Self::Damaged(other.to_string()),
        }
    }
}
