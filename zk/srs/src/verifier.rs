//! The few points that a verifier needs.

use std::path::Path;

use halo2curves_axiom::bn256::{G1Affine, G2Affine};
use halo2curves_axiom::serde::SerdeObject;

use crate::error::SrsError;
use crate::format::{Position, Source, VERIFIER_BYTES, shown};

/// The string of size k = 0 that goes with a file: 0, G, G, the generator of G2 and \[s\]G2, [`VERIFIER_BYTES`] bytes. It is all
/// that a KZG verifier uses, and EZKL's `verify` takes it with `reduced_srs=True`, so that it need not read the whole file.
///
/// Only the points that are copied are checked, and that the file is as long as its size demands; see [`check`](crate::check()).
///
/// # Errors
/// [`SrsError`] naming the file and what is wrong with it.
pub fn verifier_part(path: &Path) -> Result<Vec<u8>, SrsError> {
    let mut source = Source::open(path)?;
    let mut bytes = Vec::with_capacity(VERIFIER_BYTES);
    bytes.extend_from_slice(&0_u32.to_le_bytes());
    let g = source.g1(Position::Power(0))?;
    check_generator(path, Position::Power(0), &g, &G1Affine::generator())?;
    source.skip_to_g2()?;
    let g2 = source.g2(Position::G2)?;
    check_generator(path, Position::G2, &g2, &G2Affine::generator())?;
    let s_g2 = source.g2(Position::SecretG2)?;
    for part in [g.to_raw_bytes(), g.to_raw_bytes(), g2.to_raw_bytes(), s_g2.to_raw_bytes()] {
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

/// That a point of the file is the generator that it should be.
pub(crate) fn check_generator<P: SerdeObject + PartialEq>(
    path: &Path,
    position: Position,
    got: &P,
    expected: &P,
) -> Result<(), SrsError> {
    if got == expected {
        return Ok(());
    }
    Err(SrsError::Generator {
        path: path.to_path_buf(),
        position,
        expected: shown(&expected.to_raw_bytes()),
        got: shown(&got.to_raw_bytes()),
    })
}
