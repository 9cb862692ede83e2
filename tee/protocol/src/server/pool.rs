//! A fixed number of handlers, and the queue before them.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// Work for the pool: it is handed its place among the running handlers.
pub(super) type Job = Box<dyn FnOnce(Running<'_>) + Send>;

/// Places for handlers, taken by the pool's threads and by channels that handle a request themselves.
pub(super) struct Pool {
    sender: Mutex<Option<Sender<Job>>>,
    receiver: Receiver<Job>,
    places: usize,
    counts: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Default)]
struct Counts {
    running: usize,
    /// Handed in and not done, whether waiting or running.
    open: usize,
    waiting: usize,
}

/// One place, free again when this is dropped.
pub(super) struct Running<'a>(&'a Pool);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut counts = self.0.counts();
        counts.running -= 1;
        if counts.waiting > 0 {
            self.0.changed.notify_all();
        }
    }
}

/// One request from when it was taken until its answer has gone out, which is what a server that ends waits for.
pub(super) struct Open<'a>(&'a Pool);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.done();
    }
}

impl Pool {
    pub(super) fn new(places: usize, queue: usize) -> Self {
        let (sender, receiver) = bounded(queue);
        Pool { sender: Mutex::new(Some(sender)), receiver, places, counts: Mutex::default(), changed: Condvar::new() }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place now, if one is free and nobody waits for it.
    pub(super) fn try_run(&self) -> Option<(Open<'_>, Running<'_>)> {
        if !self.receiver.is_empty() {
            return None;
        }
        let mut counts = self.counts();
        if counts.running >= self.places || counts.waiting > 0 {
            return None;
        }
        counts.running += 1;
        counts.open += 1;
        drop(counts);
        Some((Open(self), Running(self)))
    }

    /// Puts work into the queue; false when it is full.
    pub(super) fn put(&self, job: Job) -> bool {
        self.counts().open += 1;
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let put = sender.is_some_and(|sender| match sender.try_send(job) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        });
        if !put {
            self.done();
        }
        put
    }

    /// Works until the pool is closed.
    pub(super) fn work(&self) {
        while let Ok(job) = self.receiver.recv() {
            let open = Open(self);
            job(self.run());
            drop(open);
        }
    }

    /// A place, as soon as one is free.
    fn run(&self) -> Running<'_> {
        let mut counts = self.counts();
        counts.waiting += 1;
        while counts.running >= self.places {
            counts = self.changed.wait(counts).unwrap_or_else(PoisonError::into_inner);
        }
        counts.waiting -= 1;
        counts.running += 1;
        Running(self)
    }

    fn done(&self) {
        let mut counts = self.counts();
        counts.open -= 1;
        if counts.open == 0 {
            self.changed.notify_all();
        }
    }

    /// Waits until nothing is open; whether that came to be before the deadline.
    pub(super) fn drain(&self, deadline: Instant) -> bool {
        let mut counts = self.counts();
        while counts.open > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            counts = self.changed.wait_timeout(counts, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Lets the threads end once the queue is empty.
    pub(super) fn close(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
