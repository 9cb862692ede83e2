//! The four built-in workloads of the table, the batches of one of them, and by name those of the scaling study.

use std::borrow::Cow;

use ndarray::{Array3, ArrayD, ArrayView2, Axis, Slice, s};
use zktee_datasets::{Iris, iris, mnist_test};

use super::{Task, Workload, WorkloadError, scale_member};
use crate::integer::Calibration;

/// Names of the built-in workloads of the table, in the order of lists. The [scaling study](super::SCALE_FAMILIES) is apart.
pub const BUILTIN_NAMES: [&str; 4] = ["ols-iris", "mlp-iris", "mlp-iris-each", "lenet-mnist"];

/// `mlp-iris` with fewer inputs in one call: with it (500) and `mlp-iris-each` (1) they show what a batch saves.
pub const BATCH_NAMES: [&str; 2] = ["mlp-iris-batch-10", "mlp-iris-batch-100"];

/// How many test images are in `lenet-mnist`'s [`Workload::calibration`]; the Iris workloads have all 150 rows there.
pub const CALIBRATION_INPUTS: usize = 100;

/// Inputs of the `MLP` workloads: the 150 rows of Iris, repeated in order.
const MLP_INPUTS: usize = 500;

const OLS_ONNX: &[u8] = include_bytes!("../../ols-iris.onnx");
const MLP_ONNX: &[u8] = include_bytes!("../../mlp-iris.onnx");
const LENET_ONNX: &[u8] = include_bytes!("../../lenet-mnist.onnx");

/// All built-in workloads of the table, in the order of [`BUILTIN_NAMES`].
///
/// # Errors
/// [`WorkloadError::Data`] where an embedded data set is damaged.
pub fn builtins() -> Result<Vec<Workload>, WorkloadError> {
    BUILTIN_NAMES.into_iter().map(builtin).collect()
}

/// One built-in workload, of the table, of its [batches](BATCH_NAMES) or of the scaling study; the latter's weights are drawn now.
///
/// # Errors
/// [`WorkloadError::Unknown`], [`WorkloadError::Data`] where an embedded data set is damaged, and
/// [`WorkloadError::Generated`].
pub fn builtin(name: &str) -> Result<Workload, WorkloadError> {
    match name {
        "ols-iris" => ols_iris(),
        "mlp-iris" => mlp_iris(),
        "mlp-iris-each" => mlp_iris_each(),
        "lenet-mnist" => lenet_mnist(),
        "mlp-iris-batch-10" => mlp_iris_batch(BATCH_NAMES[0], 10),
        "mlp-iris-batch-100" => mlp_iris_batch(BATCH_NAMES[1], 100),
        _ => scale_member(name).ok_or_else(|| WorkloadError::Unknown { name: name.to_owned() })?.workload(),
    }
}

/// Every input that a built-in workload's model is calibrated on: all 150 rows of Iris, all 10 000 test images of MNIST
/// (31 MB), or a random model's random inputs, `[count, ...shape of one input]`.
///
/// # Errors
/// As [`builtin`].
pub fn data_set(name: &str) -> Result<ArrayD<f32>, WorkloadError> {
    match name {
        "ols-iris" => Ok(ols_features(&iris()?)),
        "mlp-iris" | "mlp-iris-each" | "mlp-iris-batch-10" | "mlp-iris-batch-100" => Ok(iris()?.features.into_dyn()),
        "lenet-mnist" => Ok(pixels(&mnist_test()?.images)),
        _ => Ok(scale_member(name).ok_or_else(|| WorkloadError::Unknown { name: name.to_owned() })?.inputs()),
    }
}

fn ols_iris() -> Result<Workload, WorkloadError> {
    let iris = iris()?;
    let inputs = ols_features(&iris);
    Ok(Workload {
        name: "ols-iris",
        summary: Cow::Borrowed(
            "linear regression: petal width of an iris from its other three measures, 150 rows in one batch",
        ),
        onnx: Cow::Borrowed(OLS_ONNX),
        labels: None,
        targets: Some(iris.features.slice(s![.., 3..]).to_owned().into_dyn()),
        batch: inputs.len_of(Axis(0)),
        repeat: 1,
        task: Task::Regression,
        tolerance: 0.01,
        min_class_agreement: 0.0,
        calibration: inputs.clone(),
        ranges: ranges(include_str!("ols-iris.ranges.json")),
        input_scale: 10.0,
        inputs,
    })
}

fn mlp_iris() -> Result<Workload, WorkloadError> {
    let iris = iris()?;
    let rows = iris.features.nrows();
    let order: Vec<usize> = (0..MLP_INPUTS).map(|i| i % rows).collect();
    Ok(Workload {
        name: "mlp-iris",
        summary: Cow::Borrowed("multi-layer perceptron 4-20-20-3: species of an iris, 500 inputs in one batch"),
        onnx: Cow::Borrowed(MLP_ONNX),
        inputs: iris.features.select(Axis(0), &order).into_dyn(),
        labels: Some(order.iter().map(|&row| iris.species[row]).collect()),
        targets: None,
        batch: MLP_INPUTS,
        repeat: 1,
        task: Task::Classification,
        tolerance: 0.1,
        min_class_agreement: 1.0,
        calibration: iris.features.into_dyn(),
        ranges: ranges(include_str!("mlp-iris.ranges.json")),
        input_scale: 10.0,
    })
}

fn mlp_iris_each() -> Result<Workload, WorkloadError> {
    Ok(Workload {
        name: "mlp-iris-each",
        summary: Cow::Borrowed("multi-layer perceptron 4-20-20-3: species of an iris, 500 inputs, one call each"),
        batch: 1,
        repeat: MLP_INPUTS,
        ..mlp_iris()?
    })
}

/// The first inputs of `mlp-iris` in one call.
fn mlp_iris_batch(name: &'static str, batch: usize) -> Result<Workload, WorkloadError> {
    let whole = mlp_iris()?;
    Ok(Workload {
        name,
        summary: Cow::Owned(format!(
            "multi-layer perceptron 4-20-20-3: species of an iris, {batch} inputs in one batch"
        )),
        inputs: first(&whole.inputs, batch),
        labels: whole.labels.map(|labels| labels[..batch.min(labels.len())].to_vec()),
        batch,
        ..mlp_iris()?
    })
}

fn lenet_mnist() -> Result<Workload, WorkloadError> {
    let test = mnist_test()?;
    let calibration = test.images.slice(s![..CALIBRATION_INPUTS, .., ..]).to_owned();
    let calibration = pixels(&calibration);
    Ok(Workload {
        name: "lenet-mnist",
        summary: Cow::Borrowed("LeNet-5: one handwritten digit, 61 706 parameters, 416 520 multiplications"),
        onnx: Cow::Borrowed(LENET_ONNX),
        inputs: first(&calibration, 1),
        labels: Some(vec![test.labels[0].into()]),
        targets: None,
        batch: 1,
        repeat: 1,
        task: Task::Classification,
        tolerance: 0.5,
        min_class_agreement: 1.0,
        calibration,
        ranges: ranges(include_str!("lenet-mnist.ranges.json")),
        input_scale: 255.0,
    })
}

/// Sepal length, sepal width, petal length, in cm.
fn ols_features(iris: &Iris) -> ArrayD<f32> {
    let features: ArrayView2<f32> = iris.features.slice(s![.., ..3]);
    features.as_standard_layout().into_owned().into_dyn()
}

/// Images `[n, 28, 28]` of bytes as `[n, 1, 28, 28]` of numbers from 0 to 1.
fn pixels(images: &Array3<u8>) -> ArrayD<f32> {
    images.mapv(|pixel| f32::from(pixel) / 255.0).insert_axis(Axis(1)).into_dyn()
}

fn first(inputs: &ArrayD<f32>, n: usize) -> ArrayD<f32> {
    let n = n.min(inputs.len_of(Axis(0)));
    inputs.slice_axis(Axis(0), Slice::from(..n)).as_standard_layout().into_owned()
}

/// Ranges measured before and kept in this crate, so that no backend has to hold the whole data set; a test measures them again.
fn ranges(json: &str) -> Calibration {
    serde_json::from_str(json).expect("the committed ranges are read by a test")
}
