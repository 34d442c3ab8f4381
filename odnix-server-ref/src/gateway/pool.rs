//! Heavy work on threads that may block, a few at a time, with a bounded queue: passwords, JSON, files.
//! Key exchanges have [`jobs`](super::jobs).

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The queue was full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Busy;

/// A bounded queue in front of a few threads.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    places: Arc<Semaphore>,
    threads: Arc<Semaphore>,
}

impl Pool {
    pub(crate) fn new(waiting_max: usize) -> Self {
        Self::with_threads(threads(), waiting_max)
    }

    fn with_threads(threads: usize, waiting_max: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(waiting_max.saturating_add(threads))),
            threads: Arc::new(Semaphore::new(threads)),
        }
    }

    /// Runs `work` when its turn comes and waits for it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let _place = self.place()?;
        let _thread = Arc::clone(&self.threads).acquire_owned().await.map_err(|_| Busy)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| Busy)
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, Busy> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| Busy)
    }
}

/// One processor is left to those who serve sockets, if there is more than one.
pub(crate) fn threads() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    processors.saturating_sub(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::mpsc::channel;
    use std::thread;
    use tokio::sync::mpsc::unbounded_channel;

    #[tokio::test]
    async fn work_beyond_the_queue_is_refused_until_there_is_room() {
        let pool = Pool::with_threads(1, 2);
        let (go, gate) = channel();
        let gate = Arc::new(Mutex::new(gate));
        let (ended, mut ends) = unbounded_channel();
        for number in 0..3 {
            let (gate, ended, pool) = (Arc::clone(&gate), ended.clone(), pool.clone());
            tokio::spawn(async move {
                pool.run(move || gate.lock().unwrap().recv().unwrap()).await.unwrap();
                ended.send(number).unwrap();
            });
        }
        tokio::task::yield_now().await;
        assert!(pool.run(|| ()).await.is_err(), "one works, two wait");
        for number in 0..3 {
            go.send(()).unwrap();
            assert_eq!(ends.recv().await, Some(number), "in the order in which they came");
            drop(pool.place().unwrap());
        }
    }

    #[tokio::test]
    async fn work_runs_on_other_threads_than_the_sockets() {
        let here = || thread::current().id();
        assert_ne!(Pool::new(1).run(here).await.unwrap(), here());
    }
}
