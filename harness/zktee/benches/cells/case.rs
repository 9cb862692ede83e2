//! One workload on one backend, laid out as the runner lays it out, with everything checked that is going to be timed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use zktee_config::Workload;
use zktee_core::protocol::{Job, PhaseReport, Timed, Worker};
use zktee_core::tensor::Tensor;
use zktee_core::vocabulary::Phase;
use zktee_models::reference::FloatModel;

/// Rows of the calibration data that workers are handed, as in a run.
const CALIBRATION_ROWS: usize = 500;

pub(crate) struct Case {
    /// Keeps its keys loaded, as between a warm-up and a sample.
    worker: Box<dyn Worker>,
    /// Sets up in a folder of its own, again and again: the keys of the other must stay those that its evidence was made with.
    setter: Box<dyn Worker>,
    job: Job,
    /// The float reference's answers, and how far an answer may stand from them.
    reference: Vec<f32>,
    tolerance: f64,
    dir: TempDir,
}

impl Case {
    /// Sets up.
    pub(crate) fn new(workload: &Workload, backend: &str, worker: &dyn Fn() -> Box<dyn Worker>) -> Self {
        let (name, options, workload) =
            (&workload.name, &workload.options, workload.tensors().expect("a workload of tensors"));
        let dir = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| dir.path().join(name);
        for folder in ["cell", "again"] {
            std::fs::create_dir(at(folder)).expect("a folder");
        }
        std::fs::write(at("model.onnx"), &workload.onnx).expect("the model");
        let written = |tensor: &Tensor, name: &str| -> Option<PathBuf> {
            tensor.write(&at(name)).expect("a tensor file");
            Some(at(name))
        };
        let inputs = workload.call(0);
        let rows = workload.calibration.rows().min(CALIBRATION_ROWS);
        let job = Job {
            workload: name.clone(),
            backend: backend.to_owned(),
            dir: at("cell"),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            // Kept between runs: reference strings.
            cache: Path::new(env!("CARGO_TARGET_TMPDIR")).join("cells"),
            batch: workload.batch,
            model: Some(at("model.onnx")),
            batch_symbol: workload.batch_symbol.clone(),
            calibration: written(&workload.calibration.slice(0, rows), "calibration.json"),
            inputs: written(&inputs, "inputs.json"),
            nonce: Some("5a".repeat(32)),
            options: options.get(backend).cloned().unwrap_or_default(),
            ..Job::default()
        };
        let model = FloatModel::load(&workload.onnx, workload.batch).expect("the float reference");
        let reference = model.infer(&inputs.data).expect("the float reference's answers");
        let (worker, setter) = (worker(), worker());
        let mut case = Self { worker, setter, job, reference, tolerance: workload.tolerance, dir };
        run(&mut *case.worker, Phase::Setup, &case.job);
        case
    }

    /// What a phase needs of earlier ones. Evidence is made shortly before it is verified: documents age.
    pub(crate) fn prepare(&mut self, phase: Phase) {
        if phase == Phase::Verify {
            self.once(Phase::Infer);
            let (report, _) = self.once(Phase::Prove);
            let outputs = report.outputs.expect("the proven outputs");
            let path = self.dir.path().join("outputs.json");
            outputs.write(&path).expect("the outputs' file");
            self.job.outputs = Some(path);
            self.job.evidence = report.evidence;
        }
    }

    /// How long so many calls take. A call that is too short for a clock is made more often than was asked for, and the mean counts.
    pub(crate) fn time(&mut self, phase: Phase, calls: u64) -> Duration {
        let (mut made, mut seconds) = (0, 0.0);
        while made < calls {
            let (_, timed) = self.once(phase);
            let (mean, repeated) = (timed.reading().expect("a time").wall_s, timed.iterations().unwrap_or(1));
            made += repeated;
            seconds += mean * repeated as f64;
        }
        Duration::from_secs_f64(seconds / made as f64 * calls as f64)
    }

    /// Does a phase once. What is fast must at least be right.
    fn once(&mut self, phase: Phase) -> (PhaseReport, Timed) {
        if phase == Phase::Setup {
            let job = Job { dir: self.dir.path().join("again"), ..self.job.clone() };
            return run(&mut *self.setter, phase, &job);
        }
        let (report, timed) = run(&mut *self.worker, phase, &self.job);
        let cell = format!("{}/{}/{phase}", self.job.workload, self.job.backend);
        assert!(phase != Phase::Verify || report.valid == Some(true), "{cell}: evidence is not accepted");
        let outputs = report.outputs.as_ref().unwrap_or_else(|| panic!("{cell}: no outputs"));
        assert_eq!(outputs.data.len(), self.reference.len(), "{cell}");
        let differences = outputs.data.iter().zip(&self.reference).map(|(a, b)| f64::from((a - b).abs()));
        let largest = differences.fold(0.0, f64::max);
        assert!(largest <= self.tolerance, "{cell}: {largest} from the float reference");
        (report, timed)
    }
}

fn run(worker: &mut dyn Worker, phase: Phase, job: &Job) -> (PhaseReport, Timed) {
    let mut timed = Timed::default();
    let report = worker.run(phase, job, &mut timed);
    (report.unwrap_or_else(|error| panic!("{}@{} {phase}: {error}", job.workload, job.backend)), timed)
}
