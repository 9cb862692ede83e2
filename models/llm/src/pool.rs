//! The threads that share the work of one matrix product.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// Looks for new work before a thread gives up its core for a moment; a fraction of a millisecond, longer than what lies between two products.
const SPINS: u32 = 20_000;
/// Moments that it gives up before it sleeps.
const YIELDS: u32 = 50;

/// Work that falls into parts, in any order and on any thread.
pub(crate) trait Work: Send + Sync {
    /// How many parts.
    fn items(&self) -> usize;

    /// Does a part, and puts its result behind what is there.
    fn run(&self, item: usize, out: &mut Vec<f32>);
}

/// A fixed number of threads, made once: an enclave may make none later.
///
/// They look for work for a while before they sleep, since from one product to the next it is but microseconds. Work is shared by counted
/// references, and results are handed over, so that nothing here reaches into another thread's memory; whoever calls copies results to where
/// they belong. A thread that comes late to some work finds it done: nobody waits for it.
#[derive(Debug)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// Room for the caller's own results.
    room: Mutex<Vec<f32>>,
}

/// What the threads share.
#[derive(Default)]
struct Shared {
    /// Counts works, so that threads see that there is a new one.
    count: AtomicUsize,
    /// The work, while there is some.
    work: Mutex<Option<Arc<dyn Work>>>,
    /// The next part that nobody does.
    next: AtomicUsize,
    /// Threads that do parts of this work.
    busy: AtomicUsize,
    /// Whether a part panicked.
    panicked: AtomicBool,
    /// Whether threads are to end.
    end: AtomicBool,
    /// Each thread's results, and whether it sleeps.
    seats: Vec<Seat>,
}

#[derive(Default)]
struct Seat {
    done: Mutex<Done>,
    sleeps: AtomicBool,
}

/// What a thread did: parts in the order in which their results stand, each with their end.
#[derive(Default)]
struct Done {
    parts: Vec<(usize, usize)>,
    results: Vec<f32>,
}

impl Done {
    fn clear(&mut self) {
        self.parts.clear();
        self.results.clear();
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").field("seats", &self.seats.len()).finish_non_exhaustive()
    }
}

/// A thread that panicked leaves nothing half done that another would read.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// A pool of so many threads, this one among them; of fewer where the system makes no more.
    pub(crate) fn new(threads: usize) -> Self {
        let seats = (1..threads).map(|_| Seat::default()).collect();
        let shared = Arc::new(Shared { seats, ..Shared::default() });
        let spawn = |seat| {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name("llm".into()).spawn(move || shared.serve(seat)).ok()
        };
        let workers = (0..shared.seats.len()).map_while(spawn).collect();
        Self { shared, workers, room: Mutex::default() }
    }

    /// How many threads it has.
    pub(crate) fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Does work, and hands over each part's result on this thread.
    ///
    /// # Panics
    /// Where a part does.
    pub(crate) fn run<W: Work + 'static>(&self, work: &Arc<W>, place: &mut dyn FnMut(usize, &[f32])) {
        let items = work.items();
        let shared = &*self.shared;
        // Another caller of the same pool waits here.
        let mut room = lock(&self.room);
        let helped = !self.workers.is_empty() && items > 1;
        shared.next.store(0, Ordering::Relaxed);
        if helped {
            // Of work that panicked something may be left.
            shared.panicked.store(false, Ordering::Relaxed);
            for seat in &shared.seats {
                lock(&seat.done).clear();
            }
            *lock(&shared.work) = Some(Arc::clone(work) as Arc<dyn Work>);
            shared.count.fetch_add(1, Ordering::SeqCst);
            for (worker, seat) in self.workers.iter().zip(&shared.seats).take(items - 1) {
                if seat.sleeps.load(Ordering::SeqCst) {
                    worker.thread().unpark();
                }
            }
        }
        // Ends the work however this ends.
        let helpers = Helpers { shared, helped };
        loop {
            let item = shared.next.fetch_add(1, Ordering::Relaxed);
            if item >= items {
                break;
            }
            room.clear();
            work.run(item, &mut room);
            place(item, &room);
        }
        drop(helpers);
        if !helped {
            return;
        }
        assert!(!shared.panicked.load(Ordering::Relaxed), "a part of the work panicked on another thread");
        for seat in &shared.seats {
            let done = lock(&seat.done);
            let mut start = 0;
            for &(item, end) in &done.parts {
                place(item, &done.results[start..end]);
                start = end;
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.end.store(true, Ordering::SeqCst);
        self.shared.count.fetch_add(1, Ordering::SeqCst);
        for worker in mem::take(&mut self.workers) {
            worker.thread().unpark();
            // It catches what panics, so there is nothing to learn.
            let _ = worker.join();
        }
    }
}

/// Takes the work back when it is dropped, and waits for those who are at it.
struct Helpers<'a> {
    shared: &'a Shared,
    helped: bool,
}

impl Drop for Helpers<'_> {
    fn drop(&mut self) {
        if !self.helped {
            return;
        }
        // Nobody begins after this; and where this thread panics, nobody begins another part.
        let work = lock(&self.shared.work).take();
        self.shared.next.fetch_max(usize::MAX / 2, Ordering::Relaxed);
        drop(work);
        let mut looks = 0_u32;
        while self.shared.busy.load(Ordering::Acquire) != 0 {
            looks = looks.saturating_add(1);
            if looks < SPINS { std::hint::spin_loop() } else { thread::yield_now() }
        }
    }
}

impl Shared {
    /// What a worker does all its life.
    fn serve(&self, seat: usize) {
        let seat = &self.seats[seat];
        let mut seen = 0;
        loop {
            seen = self.wait(seen, seat);
            if self.end.load(Ordering::SeqCst) {
                return;
            }
            let work = {
                let work = lock(&self.work);
                if work.is_some() {
                    self.busy.fetch_add(1, Ordering::SeqCst);
                }
                work.clone()
            };
            let Some(work) = work else { continue };
            let mut done = lock(&seat.done);
            let result = catch_unwind(AssertUnwindSafe(|| self.share(&*work, &mut done)));
            if result.is_err() {
                self.panicked.store(true, Ordering::Relaxed);
            }
            drop(done);
            drop(work);
            self.busy.fetch_sub(1, Ordering::Release);
        }
    }

    /// Does parts until there are no more.
    fn share(&self, work: &dyn Work, done: &mut Done) {
        let items = work.items();
        loop {
            let item = self.next.fetch_add(1, Ordering::Relaxed);
            if item >= items {
                return;
            }
            work.run(item, &mut done.results);
            done.parts.push((item, done.results.len()));
        }
    }

    /// Waits for work after the last that was seen.
    fn wait(&self, seen: usize, seat: &Seat) -> usize {
        for _ in 0..SPINS {
            let count = self.count.load(Ordering::Acquire);
            if count != seen {
                return count;
            }
            std::hint::spin_loop();
        }
        for _ in 0..YIELDS {
            let count = self.count.load(Ordering::Acquire);
            if count != seen {
                return count;
            }
            thread::yield_now();
        }
        // Whoever makes work looks at this after it has counted; so one of both sees the other.
        seat.sleeps.store(true, Ordering::SeqCst);
        loop {
            let count = self.count.load(Ordering::SeqCst);
            if count != seen {
                seat.sleeps.store(false, Ordering::SeqCst);
                return count;
            }
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests;
