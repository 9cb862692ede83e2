//! The backends whose workers are built in and can be had wherever this runs.

use std::path::PathBuf;

use zktee_core::protocol::Worker;
use zktee_core::vocabulary::Phase;
use zktee_halo2::{Halo2Worker, Statement};
use zktee_halo2_ipa::Halo2IpaWorker;
use zktee_native::NativeWorker;
use zktee_stark::{Profile, StarkWorker};

/// Makes a worker that has nothing loaded.
pub(crate) type Maker = Box<dyn Fn() -> Box<dyn Worker>>;

/// Backends with their profiles, in the order of the tables. The enclave is a process, spoken to over its socket as in a run.
pub(crate) fn all() -> Vec<(String, Maker)> {
    let mut all: Vec<(String, Maker)> =
        vec![(zktee_native::NAME.to_owned(), Box::new(|| Box::new(NativeWorker::new())))];
    for statement in Statement::ALL {
        all.push((statement.backend().to_owned(), Box::new(move || Box::new(Halo2Worker::new(statement)))));
    }
    all.push((zktee_halo2_ipa::NAME.to_owned(), Box::new(|| Box::new(Halo2IpaWorker::new()))));
    for profile in Profile::ALL {
        all.push((profile.backend().to_owned(), Box::new(move || Box::new(StarkWorker::new(profile)))));
    }
    for backend in [zktee_enclave::PROCESS, zktee_enclave::PROCESS_SEALED] {
        let worker = move || zktee_enclave::worker(backend, PathBuf::from(env!("CARGO_BIN_EXE_zktee")));
        if worker().is_some() {
            all.push((backend.to_owned(), Box::new(move || Box::new(worker().expect("it was there before")))));
        }
    }
    all
}

/// The phases of a backend.
pub(crate) fn phases(backend: &str) -> &'static [Phase] {
    if backend == zktee_native::NAME { &Phase::ALL[..2] } else { &Phase::ALL }
}
