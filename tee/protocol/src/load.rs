//! A small load generator: some clients, each with one request at a time, and how long their answers took.
//!
//! The loop is closed: a client asks again when it has its answer. A worker that stalls thus delays the requests behind the stall instead
//! of having them counted as late; the figures are what such clients meet, not what an open stream of arrivals would.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use thiserror::Error;

/// Significant digits that latencies are kept with.
const DIGITS: u8 = 3;

/// Why there is no figure.
#[derive(Debug, Error)]
pub enum LoadError<E> {
    /// Nothing to do: no clients or no requests.
    #[error("no clients or no requests")]
    Nothing,
    /// A client could not be had.
    #[error("client {client} could not be started")]
    Client {
        /// Which, from 0.
        client: usize,
        /// Why.
        #[source]
        source: E,
    },
}

/// What a load came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Clients at a time.
    pub clients: usize,
    /// Requests that were answered as they should be.
    pub answered: u64,
    /// Requests that were not.
    pub failed: u64,
    /// From the first request to the last answer, over all clients.
    pub elapsed: Duration,
    /// Median latency of those answered.
    pub p50: Duration,
    /// 90th percentile.
    pub p90: Duration,
    /// 99th percentile.
    pub p99: Duration,
    /// The slowest.
    pub max: Duration,
}

impl Load {
    /// Answered requests a second.
    pub fn throughput(&self) -> f64 {
        self.answered as f64 / self.elapsed.as_secs_f64()
    }
}

/// Lets `clients` clients make `requests` requests together. `factory` makes a client from its number; a client is called with the
/// request's number and says whether the answer was as it should be. All begin together, once every client is there; a client that fails
/// goes on with the next request.
///
/// # Errors
///
/// When there is nothing to do or `factory` fails; nothing has been asked then.
pub fn run<C, E>(
    clients: usize,
    requests: u64,
    mut factory: impl FnMut(usize) -> Result<C, E>,
) -> Result<Load, LoadError<E>>
where
    C: FnMut(u64) -> bool + Send,
{
    if clients == 0 || requests == 0 {
        return Err(LoadError::Nothing);
    }
    let made: Vec<C> = (0..clients)
        .map(|client| factory(client).map_err(|source| LoadError::Client { client, source }))
        .collect::<Result<_, _>>()?;
    let next = AtomicU64::new(0);
    let start = Barrier::new(clients);
    let parts: Vec<Part> = thread::scope(|scope| {
        let threads: Vec<_> =
            made.into_iter().map(|client| scope.spawn(|| one(client, &start, &next, requests))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut latencies = histogram();
    for part in &parts {
        latencies.add(&part.latencies).expect("histograms of one kind");
    }
    let begin = parts.iter().map(|part| part.begin).min();
    let end = parts.iter().map(|part| part.end).max();
    let at = |quantile| Duration::from_nanos(latencies.value_at_quantile(quantile));
    Ok(Load {
        clients,
        answered: latencies.len(),
        failed: parts.iter().map(|part| part.failed).sum(),
        elapsed: begin.zip(end).map_or(Duration::ZERO, |(begin, end)| end - begin),
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        max: Duration::from_nanos(latencies.max()),
    })
}

struct Part {
    latencies: Histogram<u64>,
    failed: u64,
    begin: Instant,
    end: Instant,
}

fn histogram() -> Histogram<u64> {
    Histogram::new(DIGITS).expect("3 digits are among those that there are")
}

fn one(mut client: impl FnMut(u64) -> bool, start: &Barrier, next: &AtomicU64, requests: u64) -> Part {
    let mut latencies = histogram();
    let mut failed = 0;
    start.wait();
    let begin = Instant::now();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= requests {
            break;
        }
        let asked = Instant::now();
        if client(number) {
            let nanos = u64::try_from(asked.elapsed().as_nanos()).unwrap_or(u64::MAX);
            latencies.record(nanos).expect("the histogram grows with its values");
        } else {
            failed += 1;
        }
    }
    Part { latencies, failed, begin, end: Instant::now() }
}
