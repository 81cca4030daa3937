//! The worker threads of a workspace, and the work that waits for them: bounded where its owner asks for that, and
//! served in turn by client.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use gavel_host::STACK;

use crate::by_client::{ByClient, Client};
use crate::error::RewardError;

/// There is no room for more: what was handed in is not taken, and can be handed in again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{waiting} submissions of {bytes} bytes wait already, and at most {most} of {most_bytes} bytes may")]
pub struct Full {
    /// Submissions that wait.
    pub waiting: usize,
    /// Their bytes.
    pub bytes: usize,
    /// The most that may wait.
    pub most: usize,
    /// The most bytes that they may have.
    pub most_bytes: usize,
}

/// How much may wait for a worker where room is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Submissions.
    pub submissions: usize,
    /// Their bytes.
    pub bytes: usize,
}

impl Default for Room {
    /// 65,536 submissions, 1 GiB.
    fn default() -> Self {
        Self { submissions: 65_536, bytes: 1 << 30 }
    }
}

/// A piece of work, done on a worker thread.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// A handle; the threads end once all are dropped and what waits is done.
#[derive(Debug)]
pub(crate) struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
    room: Room,
    workers: NonZeroUsize,
}

#[derive(Default)]
struct Queue {
    /// Goes before everything else: it has waited already.
    next: VecDeque<Job>,
    clients: ByClient<(Job, usize)>,
    /// What waits for a worker, and what is [`Away`].
    waiting: usize,
    bytes: usize,
    /// Work that waits for something else than a worker and will come back.
    away: usize,
    /// Threads that wait for work.
    idle: usize,
    closed: bool,
}

impl Pool {
    /// Starts the threads.
    pub(crate) fn start(workers: NonZeroUsize, room: Room) -> Result<Self, RewardError> {
        let (queue, filled) = (Mutex::default(), Condvar::new());
        let pool = Self(Arc::new(Shared { queue, filled, room, workers }));
        for worker in 0..workers.get() {
            let shared = Arc::clone(&pool.0);
            thread::Builder::new()
                .name(format!("gavel-{worker}"))
                .stack_size(STACK)
                .spawn(move || shared.work())
                .map_err(RewardError::Thread)?;
        }
        Ok(pool)
    }

    pub(crate) fn workers(&self) -> NonZeroUsize {
        self.0.workers
    }

    /// Work that waits, for a worker or [away](Away), and its bytes.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let queue = self.0.queue();
        (queue.waiting, queue.bytes)
    }

    /// Takes work, however much waits already.
    pub(crate) fn spawn(&self, client: Client, job: Job, bytes: usize) {
        let mut queue = self.0.queue();
        queue.push(client, job, bytes);
        self.0.wake(queue, 1);
    }

    /// Takes all of this work, or none of it where it finds no room.
    pub(crate) fn try_spawn(&self, client: Client, jobs: Vec<(Job, usize)>) -> Result<(), Full> {
        let (count, size) = (jobs.len(), jobs.iter().map(|(_, bytes)| bytes).sum::<usize>());
        let mut queue = self.0.queue();
        let Room { submissions: most, bytes: most_bytes } = self.0.room;
        // What is larger than all the room is taken when it is alone.
        let fits = queue.waiting + count <= most && queue.bytes.saturating_add(size) <= most_bytes;
        if !fits && queue.waiting > 0 {
            return Err(Full { waiting: queue.waiting, bytes: queue.bytes, most, most_bytes });
        }
        jobs.into_iter().for_each(|(job, bytes)| queue.push(client, job, bytes));
        self.0.wake(queue, count);
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.0.queue().closed = true;
        self.0.filled.notify_all();
    }
}

/// Goes on with work that has waited for something else than a worker.
#[derive(Debug, Clone)]
pub(crate) struct Resume(Arc<Shared>);

impl Resume {
    pub(crate) fn of(pool: &Pool) -> Self {
        Self(Arc::clone(&pool.0))
    }

    pub(crate) fn spawn(&self, job: Job) {
        let mut queue = self.0.queue();
        queue.next.push_back(job);
        self.0.wake(queue, 1);
    }

    /// Work of so many bytes lets go of its worker, and comes back when what it waits for is there.
    pub(crate) fn leave(&self, bytes: usize) -> Away {
        let mut queue = self.0.queue();
        queue.away += 1;
        queue.waiting += 1;
        queue.bytes += bytes;
        Away { shared: Arc::clone(&self.0), bytes }
    }
}

/// Work that holds no worker while it waits. It counts as waiting, so that there is no more of it than there is room for,
/// and the workers stay until it has come back or is dropped.
#[derive(Debug)]
pub(crate) struct Away {
    shared: Arc<Shared>,
    bytes: usize,
}

impl Away {
    pub(crate) fn come_back(self, job: Job) {
        self.shared.queue().next.push_back(job);
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.away -= 1;
        queue.waiting -= 1;
        queue.bytes -= self.bytes;
        if queue.closed && queue.away == 0 {
            drop(queue);
            self.shared.filled.notify_all();
        } else {
            // What came back with it.
            let jobs = queue.next.len();
            self.shared.wake(queue, jobs);
        }
    }
}

impl Shared {
    /// The life of a worker.
    fn work(&self) {
        while let Some(job) = self.next() {
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("a worker's task panicked; this is a bug in gavel");
            }
        }
    }

    /// Waits for work; `None` where there will be no more.
    fn next(&self) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            if let Some(job) = queue.pop() {
                return Some(job);
            }
            if queue.closed && queue.away == 0 {
                return None;
            }
            queue.idle += 1;
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    /// Wakes as many of those who wait as there is new work. Waking costs a system call even where nobody sleeps.
    fn wake(&self, queue: MutexGuard<'_, Queue>, jobs: usize) {
        let wanted = jobs.min(queue.idle);
        drop(queue);
        (0..wanted).for_each(|_| self.filled.notify_one());
    }

    /// Nothing panics while it is held, so a poisoned lock is as good as any.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, client: Client, job: Job, bytes: usize) {
        self.waiting += 1;
        self.bytes += bytes;
        self.clients.push(client, (job, bytes));
    }

    fn pop(&mut self) -> Option<Job> {
        if let Some(job) = self.next.pop_front() {
            return Some(job);
        }
        let (job, bytes) = self.clients.pop()?;
        self.waiting -= 1;
        self.bytes -= bytes;
        Some(job)
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("waiting", &self.waiting).field("closed", &self.closed).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const ONE: NonZeroUsize = NonZeroUsize::MIN;

    /// A pool of one worker that is busy until the sender is dropped.
    fn busy(room: Room) -> (Pool, mpsc::Sender<()>) {
        let pool = Pool::start(ONE, room).unwrap();
        let (release, held) = mpsc::channel::<()>();
        let (started, has_started) = mpsc::channel();
        let job = move || {
            started.send(()).unwrap();
            let _ = held.recv();
        };
        pool.spawn(Client(0), Box::new(job), 0);
        has_started.recv().unwrap();
        (pool, release)
    }

    #[test]
    fn clients_are_served_in_turn() {
        let (pool, release) = busy(Room::default());
        let (sender, order) = mpsc::channel();
        for (client, count) in [(1, 3), (2, 1), (3, 2)] {
            for number in 0..count {
                let sender = sender.clone();
                pool.spawn(Client(client), Box::new(move || sender.send((client, number)).unwrap()), 1);
            }
        }
        assert_eq!(pool.waiting(), (6, 6));
        drop((release, sender));
        let order: Vec<_> = order.iter().collect();
        assert_eq!(order, [(1, 0), (2, 0), (3, 0), (1, 1), (3, 1), (1, 2)]);
    }

    #[test]
    fn what_finds_no_room_is_not_taken_and_costs_nothing() {
        let (pool, release) = busy(Room { submissions: 3, bytes: 100 });
        let (sender, done) = mpsc::channel();
        let jobs = |sizes: &[usize]| -> Vec<(Job, usize)> {
            let job = |&bytes: &usize| {
                let sender = sender.clone();
                (Box::new(move || sender.send(bytes).unwrap()) as Job, bytes)
            };
            sizes.iter().map(job).collect()
        };
        // One that is larger than all the room, alone, gets in.
        pool.try_spawn(Client(1), jobs(&[500])).unwrap();
        let full = pool.try_spawn(Client(1), jobs(&[1])).unwrap_err();
        assert_eq!(full, Full { waiting: 1, bytes: 500, most: 3, most_bytes: 100 });
        drop(release);
        assert_eq!(done.recv().unwrap(), 500);
        let (pool, release) = busy(Room { submissions: 3, bytes: 100 });
        pool.try_spawn(Client(1), jobs(&[10, 20])).unwrap();
        assert!(pool.try_spawn(Client(2), jobs(&[1, 2])).is_err(), "four would wait");
        assert!(pool.try_spawn(Client(2), jobs(&[71])).is_err(), "101 bytes would wait");
        pool.try_spawn(Client(2), jobs(&[70])).unwrap();
        drop((release, sender));
        assert_eq!(done.iter().collect::<Vec<_>>(), [10, 70, 20]);
    }

    #[test]
    fn a_job_that_panics_does_not_stop_its_worker_and_what_waits_is_done_when_the_pool_is_dropped() {
        let (pool, release) = busy(Room::default());
        let (sender, done) = mpsc::channel();
        pool.spawn(Client(1), Box::new(|| panic!("as told")), 1);
        pool.spawn(Client(1), Box::new(move || sender.send(()).unwrap()), 1);
        drop((pool, release));
        assert_eq!(done.iter().count(), 1);
    }
}
