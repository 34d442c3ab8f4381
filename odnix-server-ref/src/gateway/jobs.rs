//! The arithmetic of key exchanges on threads that may block, a few at a time, with a bounded queue.
//!
//! A thread that is free takes the oldest job and all that [join](Work::joins) it: where the processor
//! computes eight powers at once, eight jobs take little longer than one. A job never waits for company,
//! so a lone exchange is as fast as it can be; under load the queue fills while a batch runs, and
//! the batches fill by themselves.

use super::pool::Busy;
use odnix_proto::handshake::{Done, Job};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the threads do.
pub(crate) trait Work: Send + Sized + 'static {
    type Done: Send + 'static;

    /// How many are best done together.
    const TOGETHER_MAX: usize;

    /// Whether both are done sooner together.
    fn joins(&self, other: &Self) -> bool;

    /// The results, in the order of the work.
    fn run(batch: Vec<Self>) -> Vec<Self::Done>;
}

impl Work for Job {
    type Done = Done;

    const TOGETHER_MAX: usize = Self::BATCH_MAX;

    fn joins(&self, other: &Self) -> bool {
        self.joins(other)
    }

    fn run(batch: Vec<Self>) -> Vec<Done> {
        Self::run_batch(batch)
    }
}

struct Waiting<W: Work> {
    work: W,
    then: Box<dyn FnOnce(W::Done) + Send>,
}

/// A bounded queue in front of a few threads.
pub(crate) struct Jobs<W: Work> {
    line: Arc<Mutex<Line<W>>>,
    waiting_max: usize,
}

struct Line<W: Work> {
    waiting: VecDeque<Waiting<W>>,
    threads_free: usize,
}

impl<W: Work> Jobs<W> {
    pub(crate) fn new(threads: usize, waiting_max: usize) -> Self {
        let line = Line { waiting: VecDeque::new(), threads_free: threads };
        Self { line: Arc::new(Mutex::new(line)), waiting_max }
    }

    /// Does `work` when its turn comes, and `then` with what it gave.
    pub(crate) fn spawn(
        &self,
        work: W,
        then: impl FnOnce(W::Done) + Send + 'static,
    ) -> Result<(), Busy> {
        let item = Waiting { work, then: Box::new(then) };
        let mut line = lock(&self.line);
        if line.threads_free > 0 {
            line.threads_free -= 1;
            tokio::spawn(serve(Arc::clone(&self.line), vec![item]));
        } else if line.waiting.len() < self.waiting_max {
            line.waiting.push_back(item);
        } else {
            return Err(Busy);
        }
        Ok(())
    }
}

/// One thread, until nothing waits.
async fn serve<W: Work>(line: Arc<Mutex<Line<W>>>, mut batch: Vec<Waiting<W>>) {
    while !batch.is_empty() {
        let (work, thens): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|Waiting { work, then }| (work, then)).unzip();
        match tokio::task::spawn_blocking(move || W::run(work)).await {
            Ok(done) => thens.into_iter().zip(done).for_each(|(then, done)| then(done)),
            // Whose exchanges they were, their time limit ends.
            Err(error) => tracing::error!(%error, "jobs of key exchanges failed"),
        }
        batch = lock(&line).next();
    }
}

impl<W: Work> Line<W> {
    /// The oldest and what joins it. Without any the thread is free.
    fn next(&mut self) -> Vec<Waiting<W>> {
        let Some(first) = self.waiting.pop_front() else {
            self.threads_free += 1;
            return Vec::new();
        };
        let mut batch = vec![first];
        let mut index = 0;
        while batch.len() < W::TOGETHER_MAX {
            let Some(next) = self.waiting.get(index) else { break };
            if batch[0].work.joins(&next.work) {
                batch.extend(self.waiting.remove(index));
            } else {
                index += 1;
            }
        }
        batch
    }
}

fn lock<W: Work>(line: &Mutex<Line<W>>) -> MutexGuard<'_, Line<W>> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};
    use std::thread::{self, ThreadId};
    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

    /// Tells which batch it is in, and waits until it may go on.
    struct Numbered {
        number: u32,
        batches: UnboundedSender<Vec<u32>>,
        gate: Arc<Mutex<Receiver<()>>>,
    }

    impl Work for Numbered {
        type Done = (u32, ThreadId);

        const TOGETHER_MAX: usize = 3;

        fn joins(&self, other: &Self) -> bool {
            self.number % 2 == other.number % 2
        }

        fn run(batch: Vec<Self>) -> Vec<Self::Done> {
            let [first, ..] = &batch[..] else { panic!("a batch is never empty") };
            first.batches.send(batch.iter().map(|it| it.number).collect()).unwrap();
            first.gate.lock().unwrap().recv().unwrap();
            assert!(batch.iter().all(|it| it.number < 100), "planted");
            batch.iter().map(|it| (it.number, thread::current().id())).collect()
        }
    }

    #[tokio::test]
    async fn what_waits_is_done_with_what_it_joins_and_beyond_the_queue_is_refused() {
        let jobs = Jobs::new(1, 6);
        let (batches, mut began) = unbounded_channel();
        let (go, gate) = channel();
        let gate = Arc::new(Mutex::new(gate));
        let (ended, mut ends) = unbounded_channel();
        let spawn = |number| {
            let (batches, gate) = (batches.clone(), Arc::clone(&gate));
            let ended = ended.clone();
            jobs.spawn(Numbered { number, batches, gate }, move |done| ended.send(done).unwrap())
        };
        spawn(100).unwrap();
        for number in [2, 3, 4, 6, 5, 8] {
            spawn(number).unwrap();
        }
        assert!(spawn(7).is_err(), "one works, six wait");
        // The first of them fails; the others do not hear of it.
        let expected = [vec![100], vec![2, 4, 6], vec![3, 5], vec![8]];
        for batch in expected {
            assert_eq!(began.recv().await.as_ref(), Some(&batch));
            go.send(()).unwrap();
            for number in batch.into_iter().filter(|number| *number < 100) {
                let (ended, thread) = ends.recv().await.unwrap();
                assert_eq!(ended, number);
                assert_ne!(thread, thread::current().id(), "not where the sockets are");
            }
        }
        while lock(&jobs.line).threads_free == 0 {
            tokio::task::yield_now().await;
        }
        go.send(()).unwrap();
        spawn(9).unwrap();
        assert_eq!(ends.recv().await.unwrap().0, 9, "a free thread takes what comes at once");
    }
}
