//! Heavy work on threads that may block, a few at a time, with a bounded queue.

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
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            places: Arc::new(Semaphore::new(waiting_max.saturating_add(threads))),
            threads: Arc::new(Semaphore::new(threads)),
        }
    }

    /// Runs `work` when its turn comes, and `then` with what it gave.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        then: impl FnOnce(T) + Send + 'static,
    ) -> Result<(), Busy> {
        let place = self.place()?;
        let threads = Arc::clone(&self.threads);
        tokio::spawn(async move {
            let Ok(_thread) = threads.acquire_owned().await else { return };
            if let Ok(result) = tokio::task::spawn_blocking(work).await {
                then(result);
            }
            drop(place);
        });
        Ok(())
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
