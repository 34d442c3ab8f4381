//! One writer thread with group commit.

use super::sqlite::{self, SqliteTx, Words};
use super::{StoreError, Tx};
use rusqlite::Connection;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::mpsc;

/// Called on the writer thread before each commit; an error rolls the batch back. For tests
/// of what happens between a write and its commit.
pub type Failpoint = Arc<dyn Fn() -> Result<(), StoreError> + Send + Sync>;

/// How the writer works.
#[derive(Clone)]
pub struct StoreOptions {
    /// Jobs that may wait; beyond it [`Store::submit`] waits.
    pub queue_max: usize,
    /// Jobs that share one commit.
    pub batch_max: usize,
    /// See [`Failpoint`].
    pub before_commit: Option<Failpoint>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { queue_max: 4096, batch_max: 256, before_commit: None }
    }
}

impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOptions")
            .field("queue_max", &self.queue_max)
            .field("batch_max", &self.batch_max)
            .finish_non_exhaustive()
    }
}

/// A handle to the writer thread; clones share it.
#[derive(Clone)]
pub struct Store {
    queue: mpsc::Sender<Item>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens or creates the database at `path` and starts its writer thread.
    ///
    /// # Errors
    /// The file cannot be opened, is damaged, or was made by a newer server.
    pub fn open(path: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let connection = sqlite::open(path)?;
        let (queue, jobs) = mpsc::channel(options.queue_max.max(1));
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || Writer { connection, options }.run(jobs))
            .map_err(|error| StoreError::Os(error.to_string()))?;
        Ok(Self { queue, thread: Arc::new(Mutex::new(Some(thread))) })
    }

    /// Queues `work`; when its transaction has been committed, or has failed, `release` is
    /// called with the outcome on the writer thread. Outcomes are released in the order of
    /// submission. An error from `work` undoes its own writes and nobody else's; a commit that
    /// fails, or the full-text index that is written just before it, undoes the whole batch.
    ///
    /// Waits while the queue is full.
    ///
    /// # Errors
    /// The store is closed; `release` is dropped uncalled.
    pub async fn submit<T, E, W, R>(&self, work: W, release: R) -> Result<(), StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: FnOnce(&mut dyn Tx) -> Result<T, E> + Send + 'static,
        R: FnOnce(Result<T, E>) + Send + 'static,
    {
        let job = Box::new(Closure { work: Some(work), outcome: None, release });
        self.queue.send(Item::Job(job)).await.map_err(|_| StoreError::Closed)
    }

    /// Runs `work` and waits for its commit.
    ///
    /// # Errors
    /// The error of `work`, or the store's own.
    pub async fn run<T, E, W>(&self, work: W) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: FnOnce(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    {
        let (send, outcome) = tokio::sync::oneshot::channel();
        // The receiver is gone when the caller was cancelled: nobody is left to tell.
        self.submit(work, move |result| drop(send.send(result))).await?;
        outcome.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Jobs that wait for the writer.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity().saturating_sub(self.queue.capacity())
    }

    /// Refuses further jobs and waits until every queued one is committed and released and
    /// the file is closed.
    pub async fn close(&self) {
        // An error means that the writer has stopped already.
        drop(self.queue.send(Item::Stop).await);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the store's writer thread panicked");
            }
        }
    }
}

enum Item {
    Job(Box<dyn Job>),
    Stop,
}

/// A closure and the place for its outcome, with the types erased.
trait Job: Send {
    /// Runs the closure; an error undoes its writes.
    fn run(&mut self, tx: &mut dyn Tx) -> Result<(), ()>;
    /// The savepoint of this job could not be kept, for this reason.
    fn fail(&mut self, error: StoreError);
    /// Hands the outcome out.
    fn release(self: Box<Self>);
}

struct Closure<W, T, E, R> {
    work: Option<W>,
    outcome: Option<Result<T, E>>,
    release: R,
}

impl<W, T, E, R> Job for Closure<W, T, E, R>
where
    T: Send,
    E: From<StoreError> + Send,
    W: FnOnce(&mut dyn Tx) -> Result<T, E> + Send,
    R: FnOnce(Result<T, E>) + Send,
{
    fn run(&mut self, tx: &mut dyn Tx) -> Result<(), ()> {
        let Some(work) = self.work.take() else { return Err(()) };
        let outcome = catch_unwind(AssertUnwindSafe(|| work(tx)))
            .unwrap_or_else(|_| Err(StoreError::Panicked.into()));
        let verdict = outcome.as_ref().map(|_| ()).map_err(|_| ());
        self.outcome = Some(outcome);
        verdict
    }

    fn fail(&mut self, error: StoreError) {
        self.outcome = Some(Err(error.into()));
    }

    fn release(self: Box<Self>) {
        let outcome = self.outcome.unwrap_or_else(|| Err(StoreError::NotCommitted.into()));
        (self.release)(outcome);
    }
}

struct Writer {
    connection: Connection,
    options: StoreOptions,
}

impl Writer {
    fn run(self, mut queue: mpsc::Receiver<Item>) {
        let mut batch = Vec::with_capacity(self.options.batch_max);
        while let Some(first) = queue.blocking_recv() {
            let mut next = Some(first);
            while let Some(item) = next {
                match item {
                    Item::Job(job) => batch.push(job),
                    Item::Stop => queue.close(),
                }
                let room = batch.len() < self.options.batch_max;
                next = if room { queue.try_recv().ok() } else { None };
            }
            self.finish(&mut batch);
        }
    }

    fn finish(&self, batch: &mut Vec<Box<dyn Job>>) {
        if batch.is_empty() {
            return;
        }
        if let Err(error) = self.commit(batch) {
            tracing::error!(%error, jobs = batch.len(), "batch rolled back");
            self.roll_back();
            batch.iter_mut().for_each(|job| job.fail(StoreError::NotCommitted));
        }
        for job in batch.drain(..) {
            if catch_unwind(AssertUnwindSafe(|| job.release())).is_err() {
                tracing::error!("releasing an outcome panicked");
            }
        }
    }

    fn commit(&self, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        let connection = &self.connection;
        let execute =
            |sql| connection.prepare_cached(sql).and_then(|mut it| it.execute([])).map(drop);
        let mut words = Words::default();
        execute("BEGIN IMMEDIATE")?;
        for job in batch.iter_mut() {
            let mark = words.mark();
            execute("SAVEPOINT job")?;
            let verdict = job.run(&mut SqliteTx { connection, words: &mut words });
            if verdict.is_err() {
                execute("ROLLBACK TO job")?;
                words.back_to(mark);
            }
            execute("RELEASE job")?;
        }
        SqliteTx { connection, words: &mut words }.write_words()?;
        if let Some(before_commit) = &self.options.before_commit {
            before_commit()?;
        }
        execute("COMMIT")?;
        Ok(())
    }

    fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "rollback failed");
        }
    }
}
