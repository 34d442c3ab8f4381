//! The replica as the asynchronous rooms use it: one lock, worked on outside the async threads.

use crate::replica::{Replica, ReplicaError};
use std::sync::{Arc, Mutex, PoisonError};

/// A shared replica.
#[derive(Clone, Debug)]
pub(crate) struct Store(Arc<Mutex<Replica>>);

impl Store {
    pub(crate) fn new(replica: Replica) -> Self {
        Self(Arc::new(Mutex::new(replica)))
    }

    /// Runs `work` on the replica. Each of its transactions is whole, so a panic of an earlier
    /// user leaves nothing half done.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Replica) -> Result<T, ReplicaError> + Send + 'static,
    ) -> Result<T, ReplicaError> {
        let replica = Arc::clone(&self.0);
        let task = tokio::task::spawn_blocking(move || {
            work(&mut replica.lock().unwrap_or_else(PoisonError::into_inner))
        });
        match task.await {
            Ok(result) => result,
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => std::future::pending().await, // the runtime is shutting down
            },
        }
    }
}
