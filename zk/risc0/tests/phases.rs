//! The worker with a prover of the tests' own: what it asks, and what it makes of the answers.
#![cfg(unix)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use zktee_core::protocol::{ErrorKind, Job, PhaseReport, StagePart, Timed, Worker as _, WorkerError};
use zktee_core::tensor::Tensor;
use zktee_core::vocabulary::Phase;
use zktee_models::workload;
use zktee_risc0::{Program, Risc0Worker, digest, fit_targets, model_words};

/// A cell's folder with model and inputs, and a prover that says what a shell script says to each line.
struct Cell {
    folder: TempDir,
    program: Program,
    workload: &'static str,
    /// The evidence's file.
    evidence: &'static str,
}

impl Cell {
    fn new(program: Program, workload: &'static str) -> Self {
        let cell = Self { folder: tempfile::tempdir().unwrap(), program, workload, evidence: "receipt.bin" };
        let workload = workload::builtin(workload).unwrap();
        fs::write(cell.path("model.onnx"), &workload.onnx).unwrap();
        let inputs = workload.inputs.as_slice().unwrap().to_vec();
        Tensor::new(workload.inputs.shape().to_vec(), inputs).unwrap().write(&cell.path("inputs.json")).unwrap();
        fs::write(cell.path("receipt.bin"), "a receipt").unwrap();
        cell
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, phase: Phase, answers: &str) -> Result<PhaseReport, WorkerError> {
        let prover = self.path("prover");
        let script = format!(
            "#!/bin/sh\nwhile read -r line; do echo \"$line\" >> {}; {answers}; done\n",
            self.path("asked").display()
        );
        write_program(&prover, &script);
        let job = Job {
            workload: self.workload.to_owned(),
            backend: self.program.backend().to_owned(),
            dir: self.folder.path().to_owned(),
            threads: 1,
            batch: workload::builtin(self.workload).unwrap().batch,
            model: Some(self.path("model.onnx")),
            inputs: Some(self.path("inputs.json")),
            evidence: Some(self.path(self.evidence)),
            ..Job::default()
        };
        Risc0Worker::new(self.program, prover).run(phase, &job, &mut Timed::default())
    }
}

/// A child writes it: were the file open for writing in this process, a child that another test forks just then would inherit that, and
/// the kernel would refuse to run it ("text file busy").
fn write_program(path: &Path, text: &str) {
    let mut writer = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writer.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success());
}

/// The journal of an honest `ols-iris` run, as JSON.
fn journal(program: Program) -> (Vec<u8>, Vec<i32>) {
    let workload = workload::builtin("ols-iris").unwrap();
    let model = workload.integer_model().unwrap();
    let narrow =
        |values: Vec<i64>| -> Vec<i32> { values.into_iter().map(|value| i32::try_from(value).unwrap()).collect() };
    let inputs = model.quantise_inputs(workload.inputs.as_slice().unwrap()).unwrap();
    let outputs = narrow(model.infer_all(&inputs).unwrap());
    let targets = match program {
        Program::Predict => [0; 32],
        Program::Fit => digest(&fit_targets("ols-iris", &model).unwrap()),
    };
    let mut journal = [digest(&model_words(&model).unwrap()), digest(&narrow(inputs)), targets].concat();
    journal.extend(150_u32.to_le_bytes());
    journal.extend(outputs.iter().flat_map(|output| output.to_le_bytes()));
    (journal, outputs)
}

fn accepted(journal: &[u8]) -> String {
    format!("echo '{{\"accepted\":{{\"journal\":{journal:?},\"segments\":1,\"seal_bytes\":9}}}}'")
}

#[test]
fn an_accepted_receipt_is_valid_when_its_journal_is_about_this() {
    for program in Program::ALL {
        let cell = Cell::new(program, "ols-iris");
        cell.run(Phase::Setup, "").unwrap();
        let (honest, outputs) = journal(program);
        let report = cell.run(Phase::Verify, &accepted(&honest)).unwrap();
        assert_eq!((report.valid, report.metrics["segments"]), (Some(true), 1.0));
        assert_eq!(report.outputs.unwrap().data.len(), outputs.len());
        let asked = fs::read_to_string(cell.path("asked")).unwrap();
        assert!(asked.starts_with(&format!("{{\"op\":\"verify\",\"guest\":\"{}\"", program.name())), "{asked}");
        // Any other model, inputs, targets or number of inputs.
        for at in [0, 32, 64, 96] {
            let mut other = honest.clone();
            other[at] ^= 1;
            let report = cell.run(Phase::Verify, &accepted(&other)).unwrap();
            assert_eq!((report.valid, report.outputs), (Some(false), None), "byte {at}");
        }
        let report = cell.run(Phase::Verify, &accepted(&honest[..90])).unwrap();
        assert_eq!(report.valid, Some(false));
        let report = cell.run(Phase::Verify, "echo '{\"rejected\":\"no\"}'").unwrap();
        assert_eq!((report.valid, report.notes), (Some(false), vec!["no".to_owned()]));
    }
}

#[test]
fn a_proof_has_its_cycles_and_of_too_long_a_run_the_first_segment_is_proven() {
    let cell = Cell::new(Program::Predict, "ols-iris");
    cell.run(Phase::Setup, "").unwrap();
    let (honest, _) = journal(Program::Predict);
    let executed = |total: u64, po2s: &str| {
        format!(
            "echo '{{\"executed\":{{\"user_cycles\":5,\"paging_cycles\":6,\"reserved_cycles\":7,\"total_cycles\":{total},\"po2s\":[{po2s}],\
             \"journal\":{honest:?}}}}}'"
        )
    };
    let proven =
        "echo '{\"proven\":{\"seal_bytes\":8,\"proven_bits\":1,\"conjectured_bits\":2,\"toy_problem_bits\":3}}'";
    let both = format!("case \"$line\" in *execute*) {} ;; *) {proven} ;; esac", executed(65536, "16"));
    let report = cell.run(Phase::Prove, &both).unwrap();
    let names: Vec<_> = report.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["execute", "prove"]);
    assert_eq!(report.metrics["cycles"] as u64, 5);
    assert!(report.notes[0].contains("5 cycles of the program, 6 of paging"), "{:?}", report.notes);
    assert_eq!((report.metrics["rows"], report.files[0].bytes), (65536.0, Some(8)));
    assert!(report.stages.iter().all(|stage| stage.part.is_none()));

    // Five segments of 2^18 rows, one of 2^17.
    let long = executed((5 << 18) + (1 << 17), "18,18,18,18,18,17");
    let report =
        cell.run(Phase::Prove, &format!("case \"$line\" in *execute*) {long} ;; *) {proven} ;; esac")).unwrap();
    let parts: Vec<_> = report.stages.iter().map(|stage| stage.part.clone()).collect();
    assert_eq!(parts, [None, Some(StagePart { done: 1 << 18, of: 1_441_792, unit: "rows".to_owned() })]);
    assert_eq!((report.metrics["rows"], report.files[0].bytes), (1_441_792.0, Some(6 * 8)));
    assert!(report.notes[0].starts_with("proof of the first segment alone"), "{:?}", report.notes);
    let evidence = report.evidence.unwrap();
    assert!(evidence.ends_with("part.bin"));
    let asked = fs::read_to_string(cell.path("asked")).unwrap();
    assert!(asked.lines().last().unwrap().starts_with("{\"op\":\"prove-part\",\"part\":"), "{asked}");
}

#[test]
fn a_part_says_of_how_many_it_is_and_nothing_of_outputs() {
    let cell = Cell { evidence: "part.bin", ..Cell::new(Program::Predict, "ols-iris") };
    cell.run(Phase::Setup, "").unwrap();
    let report = cell.run(Phase::Verify, "echo '{\"accepted-part\":{\"segments\":14,\"seal_bytes\":9}}'").unwrap();
    assert_eq!((report.valid, &report.outputs), (Some(true), &None));
    assert_eq!(report.stages[0].part, Some(StagePart { done: 1, of: 14, unit: "segments".to_owned() }));
    let asked = fs::read_to_string(cell.path("asked")).unwrap();
    assert!(asked.starts_with("{\"op\":\"verify-part\",\"guest\":\"predict\""), "{asked}");
    let report = cell.run(Phase::Verify, "echo '{\"rejected\":\"no\"}'").unwrap();
    assert_eq!((report.valid, report.notes), (Some(false), vec!["no".to_owned()]));
    // What is said to be whole is not asked for as a part.
    let whole = cell.run(Phase::Verify, &accepted(&journal(Program::Predict).0));
    assert!(whole.is_err(), "another answer than was asked for");
}

#[test]
fn a_prover_that_fails_dies_or_is_not_there_is_an_answer() {
    let cell = Cell::new(Program::Predict, "ols-iris");
    cell.run(Phase::Setup, "").unwrap();
    let said = |answers: &str| cell.run(Phase::Verify, answers).unwrap_err();
    assert_eq!(said("echo '{\"failed\":\"no memory\"}'").message, "no memory");
    assert!(said("exit 1").message.contains("ended"));
    assert!(said("echo nonsense").message.contains("no answer"));
    let mut worker = Risc0Worker::new(Program::Predict, "/nowhere".into());
    let job = Job {
        dir: cell.folder.path().to_owned(),
        batch: 150,
        inputs: Some(cell.path("inputs.json")),
        evidence: Some("x".into()),
        ..Job::default()
    };
    let error = worker.run(Phase::Verify, &job, &mut Timed::default()).unwrap_err();
    assert_eq!((error.kind, error.fix.as_deref()), (ErrorKind::Unavailable, Some("zktee run --backend risc0")));
}

#[test]
fn a_fit_needs_targets() {
    let error = Cell::new(Program::Fit, "mlp-iris").run(Phase::Setup, "").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.message.contains("targets"), "{}", error.message);
}
