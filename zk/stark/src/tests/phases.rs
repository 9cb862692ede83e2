//! The worker, phase by phase, each in a worker of its own as the runner has it.

use std::path::Path;

use zktee_core::protocol::{ErrorKind, Job, PhaseReport, Timed, Worker, WorkerError};
use zktee_core::provider::{Availability, Provider};
use zktee_core::tensor::Tensor;
use zktee_core::vocabulary::{Part, Phase, SecurityBasis};
use zktee_models::workload::{BUILTIN_NAMES, builtin};

use crate::parameters::MIN_BITS;
use crate::{Profile, STAGES, Stark, StarkWorker};

fn run(profile: Profile, phase: Phase, job: &Job) -> Result<PhaseReport, WorkerError> {
    StarkWorker::new(profile).run(phase, job, &mut Timed::default())
}

fn job(folder: &Path, workload: &str, batch: usize) -> Job {
    let path = |name: &str| Some(folder.join(name));
    Job {
        workload: workload.into(),
        dir: folder.into(),
        threads: 1,
        cache: folder.into(),
        batch,
        model: path("model.onnx"),
        inputs: path("inputs.json"),
        evidence: path("evidence.bin"),
        ..Job::default()
    }
}

#[test]
fn every_built_in_workload_goes_through_all_phases() {
    for name in BUILTIN_NAMES {
        let workload = builtin(name).unwrap();
        let model = workload.integer_model().unwrap();
        let values: Vec<f32> = workload.inputs.iter().copied().take(workload.batch * model.input_len()).collect();
        let shape = std::iter::once(workload.batch).chain(model.parts().input_shape.iter().copied()).collect();
        let inputs = Tensor::new(shape, values).unwrap();
        let reference = model.infer_all(&model.quantise_inputs(&inputs.data).unwrap()).unwrap();
        for profile in Profile::ALL {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            std::fs::write(at("model.onnx"), &workload.onnx).unwrap();
            inputs.write(&at("inputs.json")).unwrap();
            let job = job(folder.path(), name, workload.batch);
            let setup = run(profile, Phase::Setup, &job).unwrap();
            let files: Vec<_> = setup.files.iter().map(|file| (file.name.as_str(), file.verifier)).collect();
            assert_eq!(files, [("stark.key", true)]);
            assert!(setup.metrics["proven_bits"] >= MIN_BITS);
            assert_eq!(setup.notes[0], format!("integer model {}", model.digest()));
            let inferred = run(profile, Phase::Infer, &job).unwrap().outputs.unwrap();
            assert_eq!(inferred.data, model.dequantise_outputs(&reference));
            let proven = run(profile, Phase::Prove, &job).unwrap();
            assert_eq!(proven.outputs.as_ref(), Some(&inferred));
            assert_eq!(proven.stages.iter().map(|stage| stage.name.as_str()).collect::<Vec<_>>(), STAGES);
            // The verifier has its own folder, the key and the evidence.
            let other = tempfile::tempdir().unwrap();
            std::fs::copy(at("stark.key"), other.path().join("stark.key")).unwrap();
            let verifying = Job { dir: other.path().into(), model: None, ..job.clone() };
            let verified = run(profile, Phase::Verify, &verifying).unwrap();
            assert_eq!((verified.valid, verified.outputs), (Some(true), Some(inferred)));
            assert_eq!(verified.inputs.is_none(), profile.hides_input());
            if let Some(bound) = verified.inputs {
                let tolerance = verified.input_tolerance.unwrap();
                assert_eq!(bound.shape, inputs.shape);
                assert!(bound.data.iter().zip(&inputs.data).all(|(a, b)| f64::from((a - b).abs()) <= tolerance));
            }
            // Damaged evidence is not valid, or no evidence at all.
            let bytes = std::fs::read(at("evidence.bin")).unwrap();
            for index in [22, bytes.len() / 2, bytes.len() - 1] {
                let mut damaged = bytes.clone();
                damaged[index] ^= 1;
                std::fs::write(at("evidence.bin"), damaged).unwrap();
                let report = run(profile, Phase::Verify, &verifying).unwrap();
                assert!(
                    report.valid == Some(false) && report.outputs.is_none() && report.notes.len() == 1,
                    "{report:?}"
                );
            }
            std::fs::write(at("evidence.bin"), &bytes[..10]).unwrap();
            assert_eq!(run(profile, Phase::Verify, &verifying).unwrap_err().kind, ErrorKind::InvalidInput);
            // Another profile's key is another key.
            std::fs::write(at("evidence.bin"), &bytes).unwrap();
            for other in Profile::ALL.into_iter().filter(|&other| other != profile) {
                run(other, Phase::Setup, &job).unwrap();
                assert_eq!(run(other, Phase::Verify, &job).unwrap().valid, Some(false));
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_an_error_of_its_kind() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("model.onnx"), &builtin("mlp-iris-each").unwrap().onnx).unwrap();
    let job = job(folder.path(), "mlp-iris-each", 1);
    run(Profile::Fast, Phase::Setup, &job).unwrap();
    let tensor = |data: &[f32]| Tensor::new(vec![data.len() / 4, 4], data.to_vec()).unwrap().write(&at("inputs.json"));
    tensor(&[1e6, 0.0, 0.0, 0.0]).unwrap();
    for phase in [Phase::Infer, Phase::Prove] {
        assert_eq!(run(Profile::Fast, phase, &job).unwrap_err().kind, ErrorKind::Refused);
    }
    tensor(&[1.0; 8]).unwrap();
    assert_eq!(run(Profile::Fast, Phase::Prove, &job).unwrap_err().kind, ErrorKind::InvalidInput);
    std::fs::write(at("stark.key"), b"no key").unwrap();
    for phase in [Phase::Prove, Phase::Verify] {
        assert_eq!(run(Profile::Fast, phase, &job).unwrap_err().kind, ErrorKind::InvalidInput);
    }
    std::fs::write(at("model.onnx"), b"no model").unwrap();
    assert!(run(Profile::Fast, Phase::Setup, &job).is_err());
}

#[test]
fn what_the_backend_says_of_itself() {
    let provider = Stark::new("/bin/zktee".into());
    assert_eq!(provider.availability(), Availability::Ready);
    assert_eq!(provider.profiles().len(), Profile::ALL.len());
    for (profile, listed) in Profile::ALL.into_iter().zip(provider.profiles()) {
        assert_eq!(Profile::of(&listed.backend), Some(profile));
        let trust = StarkWorker::new(profile).describe().trust;
        let hidden = profile == Profile::Zk;
        assert_eq!(trust.binds.contains(&Part::Input), !hidden);
        assert!(trust.binds.contains(&Part::Model) && trust.binds.contains(&Part::Output));
        assert_eq!(trust.hides, if hidden { vec![Part::Input] } else { Vec::new() });
        assert_eq!((trust.security_bits, trust.security_basis), (Some(MIN_BITS), SecurityBasis::Proven));
        assert_eq!(trust.zero_knowledge, hidden);
        let command = provider.command(&listed.backend).unwrap();
        assert_eq!(command.args, ["worker", listed.backend.as_str()]);
    }
    assert_eq!(Profile::of("stark/other"), None);
    // The version that is stated is the one that is built.
    let lock = include_str!("../../../../Cargo.lock");
    assert!(lock.contains(&format!("name = \"p3-fri\"\nversion = \"{}\"", crate::PLONKY3_VERSION)));
}
