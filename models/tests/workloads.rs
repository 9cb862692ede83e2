//! The built-in workloads: their files, their shapes, and the accuracy of both references on whole data sets.

use std::path::Path;

use ndarray::{ArrayD, Axis};
use zktee_models::graph::Layer;
use zktee_models::integer::{ACCUMULATOR_BOUND, Calibration, IntegerModel};
use zktee_models::onnx::{Batch, inspect, read};
use zktee_models::reference::FloatModel;
use zktee_models::workload::{BUILTIN_NAMES, Task, Workload, WorkloadError, builtin, builtins, data_set};

/// Set to write the ranges (after retraining) instead of checking them: `ZKTEE_BLESS=1 cargo test -p zktee-models`.
const BLESS: &str = "ZKTEE_BLESS";

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn flat(array: &ArrayD<f32>) -> &[f32] {
    array.as_slice().expect("row-major")
}

fn class(logits: &[f32]) -> usize {
    (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]).then(b.cmp(&a))).unwrap()
}

/// Outputs of both references for all inputs, float first.
fn both(workload: &Workload, inputs: &ArrayD<f32>) -> (Vec<f32>, Vec<f32>) {
    let count = inputs.len_of(Axis(0));
    // Batches of 50: all data sets are multiples of it.
    let float = FloatModel::load(&workload.onnx, count.min(50)).unwrap();
    let float = float.infer(flat(inputs)).unwrap();
    let twin = workload.integer_model().unwrap();
    let integers = twin.quantise_inputs(flat(inputs)).unwrap();
    let outputs = twin.infer_all(&integers).unwrap();
    (float, twin.dequantise_outputs(&outputs))
}

fn largest_difference(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
}

#[test]
fn the_onnx_files_are_the_published_ones() {
    let sums = std::fs::read_to_string(folder().join("SHA256SUMS")).unwrap();
    for name in ["ols-iris", "mlp-iris", "lenet-mnist"] {
        let digest = zktee_datasets::sha256_hex(&builtin(name).unwrap().onnx);
        let line = format!("{digest}  {name}.onnx");
        assert!(sums.lines().any(|it| it == line), "no `{line}` in models/SHA256SUMS");
    }
}

#[test]
fn the_ranges_are_measured_over_the_whole_data_set() {
    for name in ["ols-iris", "mlp-iris", "lenet-mnist"] {
        let workload = builtin(name).unwrap();
        let model = read(&workload.onnx).unwrap();
        let ranges = Calibration::measure(&model, flat(&data_set(name).unwrap())).unwrap();
        if std::env::var_os(BLESS).is_some() {
            let json = serde_json::to_string_pretty(&ranges).unwrap() + "\n";
            std::fs::write(folder().join(format!("src/workload/{name}.ranges.json")), json).unwrap();
        } else {
            assert_eq!(workload.ranges, ranges, "{name}: after retraining, run this test with {BLESS}=1 once");
        }
    }
}

#[test]
fn every_workload_is_consistent() {
    for workload in builtins().unwrap() {
        let name = workload.name;
        let facts = inspect(&workload.onnx).unwrap();
        assert_eq!(facts.batch(), Ok(Batch::dynamic()), "{name}");
        let count = workload.inputs.len_of(Axis(0));
        assert_eq!(count, workload.batch * workload.repeat, "{name}");
        for inputs in [&workload.inputs, &workload.calibration] {
            assert_eq!(inputs.shape()[1..], facts.input_shape().unwrap(), "{name}");
            assert!(inputs.is_standard_layout(), "{name}");
            let exact = inputs.iter().all(|&x| {
                let scaled = f64::from(x) * workload.input_scale;
                (scaled - scaled.round()).abs() < 1e-4
            });
            assert!(exact, "{name}: inputs are integers at the input scale");
        }
        assert_eq!(workload.labels.as_ref().map(Vec::len), (workload.task == Task::Classification).then_some(count));
        assert_eq!(workload.targets.is_some(), workload.task == Task::Regression);
    }
    assert!(matches!(builtin("alexnet"), Err(WorkloadError::Unknown { .. })));
}

#[test]
fn the_architectures_are_the_stated_ones() {
    let kinds = |name: &str| {
        let model = read(&builtin(name).unwrap().onnx).unwrap();
        let kinds: Vec<_> = model.layers.iter().map(Layer::kind).collect();
        (model.input_shape.clone(), kinds.join(" "), model.parameters(), model.multiplications().unwrap())
    };
    assert_eq!(kinds("ols-iris"), (vec![3], "Dense".into(), 4, 3));
    assert_eq!(kinds("mlp-iris"), (vec![4], "Dense Relu Dense Relu Dense".into(), 583, 540));
    let lenet = "Conv2d Relu AveragePool Conv2d Relu AveragePool Flatten Dense Relu Dense Relu Dense";
    assert_eq!(kinds("lenet-mnist"), (vec![1, 28, 28], lenet.into(), 61_706, 416_520));
}

#[test]
fn the_twin_answers_every_workload_within_its_tolerance() {
    for name in BUILTIN_NAMES {
        let workload = builtin(name).unwrap();
        let (float, integer) = both(&workload, &workload.inputs);
        let difference = largest_difference(&float, &integer);
        println!("{name}: largest difference {difference:.6}, tolerance {}", workload.tolerance);
        assert!(difference <= workload.tolerance, "{name}: {difference}");
        for layer in workload.integer_model().unwrap().bounds() {
            println!("{name}: {layer:?}");
            assert!(layer.output < ACCUMULATOR_BOUND);
        }
    }
}

#[test]
fn iris_classes_agree_in_all_rows() {
    let workload = builtin("mlp-iris").unwrap();
    let (float, integer) = both(&workload, &workload.inputs);
    let labels = workload.labels.unwrap();
    let rows = float.chunks_exact(3).zip(integer.chunks_exact(3)).zip(&labels);
    let (mut agree, mut right) = (0, 0);
    for ((float, integer), &label) in rows {
        agree += usize::from(class(float) == class(integer));
        right += usize::from(class(float) == label);
    }
    println!("mlp-iris: {agree} of 500 classes agree, {right} are right");
    assert_eq!(agree, labels.len());
    assert!(right * 100 >= labels.len() * 95);
}

#[test]
fn ols_explains_the_variance() {
    let workload = builtin("ols-iris").unwrap();
    let (float, integer) = both(&workload, &workload.inputs);
    let targets = workload.targets.unwrap();
    let r2 = |outputs: &[f32]| {
        let mean = targets.mean().unwrap();
        let total: f32 = targets.iter().map(|t| (t - mean).powi(2)).sum();
        let rest: f32 = targets.iter().zip(outputs).map(|(t, y)| (t - y).powi(2)).sum();
        1.0 - rest / total
    };
    println!("ols-iris: R^2 float {}, integer {}", r2(&float), r2(&integer));
    assert!((r2(&float) - 0.937_85).abs() < 1e-4);
    assert!((r2(&integer) - 0.937_85).abs() < 1e-3);
}

#[test]
fn lenet_loses_no_accuracy_on_all_test_images() {
    let workload = builtin("lenet-mnist").unwrap();
    let labels = zktee_datasets::mnist_test().unwrap().labels;
    let (float, integer) = both(&workload, &data_set("lenet-mnist").unwrap());
    let count = |outputs: &[f32]| {
        let right = outputs.chunks_exact(10).zip(&labels).filter(|(row, label)| class(row) == usize::from(**label));
        right.count()
    };
    let pairs = float.chunks_exact(10).zip(integer.chunks_exact(10));
    let agree = pairs.filter(|(a, b)| class(a) == class(b)).count();
    let (float_right, integer_right) = (count(&float), count(&integer));
    let difference = largest_difference(&float, &integer);
    println!(
        "lenet-mnist: float {float_right}, integer {integer_right} of 10000 right; {agree} classes agree; \
         largest logit difference {difference:.4}"
    );
    assert!(float_right > 9_850);
    // 0.2 percentage points of 10 000.
    assert!(float_right.abs_diff(integer_right) <= 20);
    assert!(agree >= 9_980);
    assert!(difference <= workload.tolerance);
}

#[test]
fn the_digests_are_stable() {
    // The same on every machine and in every build: the twin of a twin's own description is itself.
    for workload in builtins().unwrap() {
        let twin = workload.integer_model().unwrap();
        let again = IntegerModel::from_parts(twin.parts().clone()).unwrap();
        assert_eq!(twin.digest(), again.digest());
        println!("{}: {}", workload.name, twin.digest());
    }
}
