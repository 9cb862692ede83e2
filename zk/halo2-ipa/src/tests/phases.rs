//! The worker, phase by phase, each in a worker of its own as the runner has it.

use std::path::Path;

use zktee_core::protocol::{ErrorKind, Job, PhaseReport, Timed, Worker, WorkerError};
use zktee_core::provider::{Availability, Provider};
use zktee_core::tensor::Tensor;
use zktee_core::vocabulary::{Part, Phase};
use zktee_models::graph::{Dense, Layer, Sequential};
use zktee_models::onnx;
use zktee_models::workload::builtin;

use crate::{Halo2Ipa, Halo2IpaWorker, NAME};

fn run(phase: Phase, job: &Job) -> Result<PhaseReport, WorkerError> {
    Halo2IpaWorker::new().run(phase, job, &mut Timed::default())
}

fn job(folder: &Path, workload: &str, batch: usize) -> Job {
    let path = |name: &str| Some(folder.join(name));
    Job {
        workload: workload.into(),
        backend: NAME.into(),
        dir: folder.into(),
        threads: 1,
        cache: folder.into(),
        batch,
        model: path("model.onnx"),
        calibration: path("calibration.json"),
        inputs: path("inputs.json"),
        evidence: path("evidence.bin"),
        ..Job::default()
    }
}

/// A user's own model: two inputs, a hidden layer of two, one output.
fn own_model() -> Vec<u8> {
    let dense = |weights: [[f32; 2]; 2], rows: usize| {
        let weights: Vec<f32> = weights.concat()[..2 * rows].to_vec();
        Layer::Dense(Dense {
            weights: ndarray::Array2::from_shape_vec((rows, 2), weights).unwrap(),
            bias: ndarray::Array1::from_elem(rows, 0.25),
        })
    };
    let layers = vec![dense([[0.5, -1.0], [0.75, 0.125]], 2), Layer::Relu, dense([[1.5, -0.5], [0.0; 2]], 1)];
    onnx::write(&Sequential { name: "own".into(), input_shape: vec![2], layers }, &onnx::Batch::Fixed(2)).unwrap()
}

#[test]
fn a_users_model_goes_through_all_phases() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("model.onnx"), own_model()).unwrap();
    let tensor = |data: &[f32]| Tensor::new(vec![data.len() / 2, 2], data.to_vec()).unwrap();
    tensor(&[0.5, -1.0, 0.25, 1.0, -0.5, 0.0, 1.0, 1.0]).write(&at("calibration.json")).unwrap();
    let inputs = tensor(&[0.5, -0.75, 0.125, 1.0]);
    inputs.write(&at("inputs.json")).unwrap();
    let job = job(folder.path(), "own", 2);
    let setup = run(Phase::Setup, &job).unwrap();
    assert_eq!(
        setup.files.iter().map(|file| (file.name.as_str(), file.verifier)).collect::<Vec<_>>(),
        [("verifier.json", true)]
    );
    assert!(setup.metrics["rows"] >= 16.0 && setup.notes.len() == 3, "{setup:?}");
    let inferred = run(Phase::Infer, &job).unwrap().outputs.unwrap();
    assert_eq!(inferred.shape, [2, 1]);
    let proven = run(Phase::Prove, &job).unwrap();
    assert_eq!(proven.outputs.as_ref(), Some(&inferred));
    assert_eq!(proven.evidence, Some(at("evidence.bin")));
    // The verifier has its own folder.
    let other = tempfile::tempdir().unwrap();
    std::fs::copy(at("verifier.json"), other.path().join("verifier.json")).unwrap();
    let verifying = Job { dir: other.path().into(), model: None, calibration: None, ..job.clone() };
    let verified = run(Phase::Verify, &verifying).unwrap();
    assert_eq!(verified.valid, Some(true));
    assert_eq!(verified.outputs, Some(inferred));
    let (bound, tolerance) = (verified.inputs.unwrap(), verified.input_tolerance.unwrap());
    assert_eq!(bound.shape, inputs.shape);
    assert!(bound.data.iter().zip(&inputs.data).all(|(a, b)| f64::from((a - b).abs()) <= tolerance));
    // Damaged evidence is not valid, or no evidence at all.
    let bytes = std::fs::read(at("evidence.bin")).unwrap();
    for index in [30, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[index] ^= 1;
        std::fs::write(at("evidence.bin"), damaged).unwrap();
        let report = run(Phase::Verify, &verifying).unwrap();
        assert!(report.valid == Some(false) && report.outputs.is_none() && report.notes.len() == 1, "{report:?}");
    }
    std::fs::write(at("evidence.bin"), &bytes[..10]).unwrap();
    assert_eq!(run(Phase::Verify, &verifying).unwrap_err().kind, ErrorKind::InvalidInput);
    // Inputs that the twin does not take.
    tensor(&[100.0, 0.0, 0.0, 0.0]).write(&at("inputs.json")).unwrap();
    for phase in [Phase::Infer, Phase::Prove] {
        let error = run(phase, &job).unwrap_err();
        assert!(error.kind == ErrorKind::Refused && error.message.contains("outside the range"), "{error:?}");
    }
    tensor(&[0.0, 0.0]).write(&at("inputs.json")).unwrap();
    assert_eq!(run(Phase::Prove, &job).unwrap_err().kind, ErrorKind::InvalidInput);
    std::fs::write(at("model.onnx"), b"no model").unwrap();
    assert_eq!(run(Phase::Setup, &job).unwrap_err().kind, ErrorKind::Refused);
}

/// Setup finds the twin that all integer backends share.
#[test]
fn a_built_in_workload_has_the_shared_twin() {
    let folder = tempfile::tempdir().unwrap();
    let workload = builtin("mlp-iris-each").unwrap();
    std::fs::write(folder.path().join("model.onnx"), &workload.onnx).unwrap();
    let job = Job { calibration: None, ..job(folder.path(), "mlp-iris-each", 1) };
    let notes = run(Phase::Setup, &job).unwrap().notes;
    assert_eq!(notes[0], format!("integer model {}", workload.integer_model().unwrap().digest()));
    // Under another name it is a user's model, and needs calibration data.
    let error = run(Phase::Setup, &Job { workload: "mine".into(), ..job }).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidInput);
}

#[test]
fn what_the_backend_says_of_itself() {
    let description = Halo2IpaWorker::new().describe();
    assert!(description.prove_includes_infer && description.phases == Phase::ALL);
    assert_eq!(description.trust.binds, [Part::Model, Part::Input, Part::Output]);
    let provider = Halo2Ipa::new("/bin/zktee".into());
    assert_eq!(provider.availability(), Availability::Ready);
    assert_eq!(provider.profiles().len(), 1);
    let command = provider.command(NAME).unwrap();
    assert_eq!((command.program.to_str(), command.args), (Some("/bin/zktee"), vec!["worker".into(), NAME.into()]));
    // The version that is stated is the one that is built.
    let lock = include_str!("../../../../Cargo.lock");
    assert!(lock.contains(&format!("name = \"halo2_proofs\"\nversion = \"{}\"", crate::HALO2_VERSION)));
}
