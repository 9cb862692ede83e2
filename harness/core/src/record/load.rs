//! A row of `load.csv`: how an enclave does when many ask at once.

use serde::{Deserialize, Serialize};

/// What clients ask for, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadRequest {
    /// The model's answer alone.
    Infer,
    /// The answer and the document that attests it, in one round trip.
    InferAndAttest,
}

impl LoadRequest {
    /// The name used in the CSV file and the docs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Infer => "infer",
            Self::InferAndAttest => "infer-and-attest",
        }
    }
}

/// One load: some clients, each with one request at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadRow {
    /// The workload's name; a request is one call of it.
    pub workload: String,
    /// The backend with its profile.
    pub backend: String,
    /// What is asked for.
    pub request: LoadRequest,
    /// Clients at a time.
    pub clients: u32,
    /// Requests whose answer was right.
    pub answered: u64,
    /// Requests whose answer was wrong or did not come.
    pub failed: u64,
    /// Seconds from the first request to the last answer.
    pub elapsed_s: f64,
    /// Median latency of those answered, seconds.
    pub p50_s: f64,
    /// 90th percentile, seconds.
    pub p90_s: f64,
    /// 99th percentile, seconds.
    pub p99_s: f64,
    /// The slowest, seconds.
    pub max_s: f64,
}

impl LoadRow {
    /// Right answers a second.
    pub fn throughput(&self) -> f64 {
        self.answered as f64 / self.elapsed_s
    }
}
