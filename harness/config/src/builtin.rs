//! The workloads of `zktee_models` as the runner uses them.

use std::collections::BTreeMap;

use ndarray::ArrayD;
use zktee_core::record::Task;
use zktee_core::tensor::{Tensor, TensorError};
use zktee_models::onnx::{Batch, OnnxError, inspect};
use zktee_models::workload::{self as models, WorkloadError};

pub use zktee_models::workload::{BATCH_NAMES, BUILTIN_NAMES, SCALE_FAMILIES, ScaleFamily, ScaleMember, scale_member};

use crate::workload::Workload;

/// What stands in [`Workload::origin`] of a built-in one.
const ORIGIN: &str = "built-in";

/// Why a built-in workload cannot be had: a name that is none, or a damaged program.
#[derive(Debug, thiserror::Error)]
pub enum BuiltinError {
    /// No such name, or a damaged data set.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// The embedded model is damaged.
    #[error("the model of {name}: {source}")]
    Model {
        /// The workload.
        name: &'static str,
        /// What is wrong.
        source: Box<OnnxError>,
    },
    /// The embedded inputs are damaged.
    #[error("the inputs of {name}: {source}")]
    Inputs {
        /// The workload.
        name: &'static str,
        /// What is wrong.
        source: TensorError,
    },
}

/// All built-in workloads of the table, in the order of [`BUILTIN_NAMES`] and then [`BATCH_NAMES`]. Those of the [scaling study](SCALE_FAMILIES) are made
/// one by one, when they are asked for.
///
/// # Errors
/// [`BuiltinError`] where what is embedded in the program is damaged.
pub fn builtins() -> Result<Vec<Workload>, BuiltinError> {
    BUILTIN_NAMES.into_iter().chain(BATCH_NAMES).map(builtin).collect()
}

/// One built-in workload, of the table or of the scaling study.
///
/// # Errors
/// [`BuiltinError`]; an unknown name's message lists those that there are.
pub fn builtin(name: &str) -> Result<Workload, BuiltinError> {
    let it = models::builtin(name)?;
    let name = it.name;
    let wrong = |source| BuiltinError::Model { name, source: Box::new(source) };
    let batch_symbol = match inspect(&it.onnx).and_then(|facts| facts.batch()).map_err(wrong)? {
        Batch::Dynamic(symbol) => Some(symbol),
        Batch::Fixed(_) => None,
    };
    let tensor = |array| tensor(array).map_err(|source| BuiltinError::Inputs { name, source });
    Ok(Workload {
        name: name.into(),
        summary: it.summary.into_owned(),
        origin: ORIGIN.into(),
        onnx: it.onnx.into_owned(),
        batch_symbol,
        inputs: tensor(it.inputs)?,
        labels: it.labels,
        batch: it.batch,
        task: match it.task {
            models::Task::Regression => Task::Regression,
            models::Task::Classification => Task::Classification,
        },
        tolerance: it.tolerance,
        min_class_agreement: it.min_class_agreement,
        calibration: tensor(it.calibration)?,
        options: BTreeMap::new(),
    })
}

fn tensor(array: ArrayD<f32>) -> Result<Tensor, TensorError> {
    let shape = array.shape().to_vec();
    // Whatever the layout in memory, iteration is row-major.
    Tensor::new(shape, array.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::is_name;

    #[test]
    fn every_built_in_workload_holds_together() {
        let all = builtins().unwrap();
        assert_eq!(
            all.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
            [&BUILTIN_NAMES[..], &BATCH_NAMES].concat()
        );
        for it in all {
            let facts = inspect(&it.onnx).unwrap();
            let input = facts.input_shape().unwrap();
            assert!(is_name(&it.name) && !it.summary.is_empty() && it.origin == ORIGIN);
            assert_eq!((&it.inputs.shape[1..], &it.calibration.shape[1..]), (&input[..], &input[..]), "{}", it.name);
            assert_eq!(it.repeat() * it.batch as u64, it.inputs.rows() as u64, "{}", it.name);
            assert!(it.labels.as_ref().is_none_or(|labels| labels.len() == it.inputs.rows()), "{}", it.name);
            match facts.batch().unwrap() {
                Batch::Fixed(batch) => assert_eq!((batch, &it.batch_symbol), (it.batch, &None)),
                Batch::Dynamic(symbol) => assert_eq!(it.batch_symbol, Some(symbol)),
            }
        }
    }

    #[test]
    fn members_of_the_study_are_no_part_of_the_table() {
        let names: Vec<_> = builtins().unwrap().into_iter().map(|it| it.name).collect();
        for member in SCALE_FAMILIES.into_iter().flat_map(|family| family.members) {
            assert!(is_name(member.name) && !names.iter().any(|name| name == member.name));
        }
        let it = builtin("mlp-scale-1k").unwrap();
        assert_eq!((it.name.as_str(), it.origin.as_str(), it.batch, it.repeat()), ("mlp-scale-1k", ORIGIN, 1, 1));
        assert_eq!((it.multiplications(), it.inputs.shape.as_slice()), (Some(1000), &[1, 20][..]));
        assert_eq!((it.task, it.calibration.shape.as_slice()), (Task::Regression, &[10, 20][..]));
    }

    #[test]
    fn the_batches_are_those_of_the_tables() {
        let shape = |name| {
            let it = builtin(name).unwrap();
            (it.batch, it.repeat(), it.labels.is_some())
        };
        assert_eq!(shape("ols-iris"), (150, 1, false));
        assert_eq!(shape("mlp-iris"), (500, 1, true));
        assert_eq!(shape("mlp-iris-each"), (1, 500, true));
        assert_eq!(shape("lenet-mnist"), (1, 1, true));
        let whole = builtin("mlp-iris").unwrap();
        for (name, batch) in BATCH_NAMES.into_iter().zip([10, 100]) {
            assert_eq!(shape(name), (batch, 1, true));
            let it = builtin(name).unwrap();
            assert_eq!(
                (it.inputs, &it.onnx),
                (whole.call(0).slice(0, batch), &whole.onnx),
                "the first of the same inputs"
            );
        }
        assert!(builtin("lenet").unwrap_err().to_string().contains("lenet-mnist"));
    }
}
