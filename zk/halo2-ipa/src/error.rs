//! What can go wrong, by whose fault.

use thiserror::Error;
use zktee_integer::Illegal;
use zktee_models::integer::InferError;

/// Why there is no key, no proof, or no acceptance.
#[derive(Debug, Error)]
pub enum Error {
    /// The batch is empty.
    #[error("a proof is about at least one input")]
    EmptyBatch,
    /// No circuit up to the largest size holds the model.
    #[error("the model needs more than 2^{largest} rows of the widest circuit for a batch of {batch}")]
    TooLarge {
        /// Inputs of one proof.
        batch: usize,
        /// The largest `k` that is tried.
        largest: u32,
    },
    /// A bound of the model is beyond what the circuit's integers are proven for. [`zktee_models::integer::IntegerModel`] refuses
    /// such models itself, so this is a second look.
    #[error("layer {layer}: values of up to {got} are beyond the bound {bound}")]
    Bound {
        /// Index of the layer, from 0.
        layer: usize,
        /// The largest magnitude.
        got: i64,
        /// What is allowed.
        bound: i64,
    },
    /// The integer model refuses the input, before anything is proven about it.
    #[error("input {input} of the batch: {source}")]
    Input {
        /// Which input, from 0.
        input: usize,
        /// Why.
        source: InferError,
    },
    /// The statement is none that a run of the model can have.
    #[error(transparent)]
    Statement(#[from] Illegal),
    /// The library refused to make keys or a proof: with a witness of this crate that is a defect.
    #[error("halo2 could not {what}: {source}")]
    Halo2 {
        /// What it was to do.
        what: &'static str,
        /// What it says.
        source: zcash_halo2_proofs::plonk::Error,
    },
    /// The proof does not show the statement.
    #[error("the proof does not hold: {reason}")]
    Rejected {
        /// As far as the library tells.
        reason: String,
    },
}
