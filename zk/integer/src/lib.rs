//! What the workers of integer backends share: one twin for one model, tensors in and out of its integers, errors that decide a
//! cell's outcome.
//!
//! `network` brings the twin's layers into the form that circuits and tables are made from, one linear layer after the other.
//!
//! A backend that proves the integer twin has the same job whatever its proof system: find the twin, bring float inputs into its
//! units, bring what the evidence binds back into floats. That it is done in one place is what makes the backends comparable.

mod error;
mod files;
pub mod fuzzing;
pub mod network;
mod reader;
mod stated;
mod tensors;
mod twin;

pub use error::{failed, invalid, refusal};
pub use files::{path_of, read, read_bounded};
pub use reader::{NotEvidence, Reader, evidence_head};
pub use stated::Illegal;
pub use tensors::{bound_inputs, inputs, outputs};
pub use twin::{Twin, twin};
