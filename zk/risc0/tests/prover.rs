//! The worker with RISC Zero's prover, which has to be compiled first:
//!
//! ```console
//! $ ZKTEE_RISC0_PROVER=CACHE/risc0-3.0.6/release/zktee-risc0-prover cargo test --release --test prover -- --ignored
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use zktee_core::protocol::{Job, PhaseReport, Timed, Worker as _};
use zktee_core::tensor::Tensor;
use zktee_core::vocabulary::Phase;
use zktee_models::workload;
use zktee_risc0::{PROVER_VARIABLE, Program, Risc0Worker};

const RECEIPT: &[u8] = include_bytes!("../verifier/tests/receipts/predict.bin");

/// A worker of `predict`, and a job on the first inputs of a workload.
fn worker(folder: &Path, name: &str, batch: usize) -> (Risc0Worker, Job) {
    let prover = std::env::var_os(PROVER_VARIABLE).map(PathBuf::from).expect("ZKTEE_RISC0_PROVER names the prover");
    let workload = workload::builtin(name).unwrap();
    let [model, inputs] = ["model.onnx", "inputs.json"].map(|file| folder.join(file));
    fs::write(&model, &workload.onnx).unwrap();
    let all = Tensor::new(workload.inputs.shape().to_vec(), workload.inputs.as_slice().unwrap().to_vec()).unwrap();
    all.slice(0, batch).write(&inputs).unwrap();
    let job = Job {
        workload: name.to_owned(),
        backend: Program::Predict.backend().to_owned(),
        dir: folder.to_owned(),
        threads: 2,
        batch,
        model: Some(model),
        inputs: Some(inputs),
        ..Job::default()
    };
    (Risc0Worker::new(Program::Predict, prover), job)
}

fn run(worker: &mut Risc0Worker, phase: Phase, job: &Job) -> PhaseReport {
    worker.run(phase, job, &mut Timed::default()).unwrap()
}

#[test]
#[ignore = "needs the prover"]
fn the_committed_receipt_is_valid_and_changed_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let (mut worker, mut job) = worker(folder.path(), "ols-iris", 150);
    run(&mut worker, Phase::Setup, &job);
    let infer = run(&mut worker, Phase::Infer, &job);
    let receipt = folder.path().join("receipt.bin");
    job.evidence = Some(receipt.clone());
    fs::write(&receipt, RECEIPT).unwrap();
    let report = run(&mut worker, Phase::Verify, &job);
    assert_eq!((report.valid, report.outputs), (Some(true), infer.outputs));
    for at in [100, RECEIPT.len() / 2, RECEIPT.len() - 400] {
        let mut forged = RECEIPT.to_vec();
        forged[at] ^= 1;
        fs::write(&receipt, forged).unwrap();
        assert_eq!(run(&mut worker, Phase::Verify, &job).valid, Some(false), "byte {at}");
    }
    fs::write(&receipt, RECEIPT).unwrap();
    let mut other = Tensor::read(job.inputs.as_ref().unwrap()).unwrap();
    other.data[0] += 0.1;
    other.write(job.inputs.as_ref().unwrap()).unwrap();
    assert_eq!(run(&mut worker, Phase::Verify, &job).valid, Some(false), "other inputs");
}

#[test]
#[ignore = "needs the prover, and half a minute of its time"]
fn an_input_of_the_perceptron_is_proven() {
    let folder = tempfile::tempdir().unwrap();
    let (mut worker, mut job) = worker(folder.path(), "mlp-iris", 1);
    run(&mut worker, Phase::Setup, &job);
    let infer = run(&mut worker, Phase::Infer, &job);
    let proof = run(&mut worker, Phase::Prove, &job);
    assert_eq!(proof.outputs, infer.outputs);
    println!("{:?} {:?}", proof.stages, proof.metrics);
    job.evidence = proof.evidence;
    let verified = run(&mut worker, Phase::Verify, &job);
    assert_eq!((verified.valid, verified.outputs), (Some(true), infer.outputs));
}
