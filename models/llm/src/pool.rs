//! The threads that share the work of one matrix product.

/// A fixed number of threads, made once: an enclave may make none later.
#[derive(Debug)]
pub(crate) struct Pool {
    threads: usize,
}

impl Pool {
    /// A pool of so many threads, this one among them.
    pub(crate) fn new(threads: usize) -> Self {
        Self { threads: threads.max(1) }
    }

    /// How many threads it has.
    pub(crate) const fn threads(&self) -> usize {
        self.threads
    }

    /// Cuts `items` into parts of whole `chunk`s, and has each thread do some.
    pub(crate) fn for_each_part(&self, items: &mut [f32], chunk: usize, work: &(dyn Fn(usize, &mut [f32]) + Sync)) {
        for (index, part) in items.chunks_mut(chunk.max(1)).enumerate() {
            work(index, part);
        }
    }
}
