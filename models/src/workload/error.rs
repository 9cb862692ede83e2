//! Why a workload, or its integer twin, cannot be had.

use thiserror::Error;
use zktee_datasets::DataError;

use super::{BATCH_NAMES, BUILTIN_NAMES, SCALE_FAMILIES};
use crate::integer::QuantError;
use crate::onnx::OnnxError;

/// A built-in workload that cannot be made.
#[derive(Debug, Error)]
pub enum WorkloadError {
    /// There is no such workload.
    #[error("no built-in workload `{name}`; there are {}, {}, {}", BUILTIN_NAMES.join(", "), BATCH_NAMES.join(", "), families())]
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// The data set is damaged.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A model of the scaling study that cannot be made.
    #[error("the model of {name}: {source}")]
    Generated {
        /// The workload.
        name: &'static str,
        /// What is wrong.
        source: Box<TwinError>,
    },
}

/// The families by their ends, for messages.
fn families() -> String {
    let ends = |members: &[super::ScaleMember]| Some(format!("{} to {}", members.first()?.name, members.last()?.name));
    SCALE_FAMILIES.iter().filter_map(|family| ends(family.members)).collect::<Vec<_>>().join(", ")
}

/// A model without an integer twin.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TwinError {
    /// It is not a sequential model of the supported layers.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// It cannot be quantised within the bounds.
    #[error(transparent)]
    Quant(#[from] QuantError),
}
