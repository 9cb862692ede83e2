//! Making a reference string: scalars by closed forms, then multiples of G, streamed.

use std::io::{self, Write};
use std::path::Path;

use halo2curves_axiom::bn256::{Fr, G1Affine, G2Affine};
use halo2curves_axiom::ff::{BatchInvert, Field, FromUniformBytes, PrimeField};
use halo2curves_axiom::group::Curve;
use halo2curves_axiom::serde::SerdeObject;
use rand::TryCryptoRng;
use rayon::prelude::*;

use crate::error::SrsError;
use crate::fixed_base::FixedBase;
use crate::format::{G1_BYTES, file_bytes};

/// Multiples that share one inversion and are made by one thread at a time.
const BATCH: usize = 1 << 10;

/// Writes a reference string of 2^`k` powers, **for benchmarks alone**: its secret is drawn from `rng` in this process, so
/// whoever runs this could forge proofs under it.
///
/// `k` is between [`MIN_K`](crate::MIN_K) and [`MAX_K`](crate::MAX_K); `threads` compute (0: one a processor) while the calling
/// one writes in order; the memory taken is a table of up to 18 MB and some batches of points, whatever `k`. `progress` is told
/// how many points of how many are written. An `rng` that is not for cryptography is refused by its type.
///
/// # Errors
/// [`SrsError::SizeOutOfRange`], [`SrsError::Threads`], [`SrsError::Randomness`], or [`SrsError::Sink`] of `to`.
pub fn generate<R: TryCryptoRng>(
    to: impl Write,
    k: u32,
    threads: usize,
    rng: &mut R,
    progress: impl FnMut(u64, u64),
) -> Result<(), SrsError> {
    if file_bytes(k).is_none() {
        return Err(SrsError::SizeOutOfRange { k });
    }
    generate_from(secret(k, rng)?, to, k, threads, progress)
}

/// Makes the file of a reference string of 2^`k` powers with a secret from the operating system, **for benchmarks alone**, see
/// [`generate`]. It is written beside `path` and renamed when it is complete, so `path` never holds part of one; what was
/// there is replaced. The directory must exist.
///
/// # Errors
/// Those of [`generate`], with [`SrsError::File`] in place of [`SrsError::Sink`].
pub fn write_atomically(path: &Path, k: u32, threads: usize, progress: impl FnMut(u64, u64)) -> Result<(), SrsError> {
    let failed = |doing| move |source| SrsError::File { path: path.to_path_buf(), doing, source };
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".srs-").suffix(".part");
    // Nothing in the file is secret: as of any other file, the process's mask decides who reads it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(directory).map_err(failed("write beside"))?;
    generate(file.as_file_mut(), k, threads, &mut rand::rngs::SysRng, progress).map_err(|error| match error {
        SrsError::Sink { source } => failed("write")(source),
        other => other,
    })?;
    file.as_file().sync_all().map_err(failed("write"))?;
    file.persist(path).map(drop).map_err(|error| failed("rename a file to")(error.error))
}

/// A secret that is neither 0 nor one of the 2^k-th roots of unity, at which points of the string would be at infinity.
fn secret<R: TryCryptoRng>(k: u32, rng: &mut R) -> Result<Fr, SrsError> {
    loop {
        let mut bytes = [0; 64];
        rng.try_fill_bytes(&mut bytes).map_err(|error| SrsError::Randomness { said: error.to_string() })?;
        let s = Fr::from_uniform_bytes(&bytes);
        if !bool::from(s.is_zero()) && s.pow_vartime([1_u64 << k]) != Fr::ONE {
            return Ok(s);
        }
    }
}

/// Writes the string of a given secret, of which 0 and the roots of unity are allowed here.
fn generate_from(
    s: Fr,
    mut to: impl Write,
    k: u32,
    threads: usize,
    mut progress: impl FnMut(u64, u64),
) -> Result<(), SrsError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|i| format!("srs-{i}"))
        .build()
        .map_err(|source| SrsError::Threads { threads, source })?;
    let points = 1_u64 << k;
    let total = 2 * points;
    let table = pool.install(|| FixedBase::new(G1Affine::generator(), total));
    let lagrange = Lagrange::new(s, k);
    let at_once = 8 * pool.current_num_threads() as u64 * BATCH as u64;

    let sink = |source| SrsError::Sink { source };
    to.write_all(&k.to_le_bytes()).map_err(sink)?;
    let mut section = |scalars: &(dyn Fn(u64, usize) -> Vec<Fr> + Sync), done: u64| -> Result<(), SrsError> {
        let mut start = 0;
        while start < points {
            let end = points.min(start + at_once);
            let starts: Vec<u64> = (start..end).step_by(BATCH).collect();
            let batches: Vec<Vec<u8>> = pool.install(|| {
                starts
                    .par_iter()
                    .map(|&start| encoded(&table.multiply(&scalars(start, BATCH.min((end - start) as usize)))))
                    .collect()
            });
            for batch in &batches {
                to.write_all(batch).map_err(sink)?;
            }
            progress(done + end, total);
            start = end;
        }
        Ok(())
    };
    section(&|start, count| powers(s, start, count), 0)?;
    section(&|start, count| lagrange.at(start, count), points)?;

    let g2 = G2Affine::generator();
    g2.write_raw(&mut to).and_then(|()| (g2 * s).to_affine().write_raw(&mut to)).map_err(sink)?;
    to.flush().map_err(sink)
}

fn encoded(points: &[G1Affine]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(G1_BYTES * points.len());
    for point in points {
        let written: io::Result<()> = point.write_raw(&mut bytes);
        // A vector takes whatever is written to it.
        debug_assert!(written.is_ok());
    }
    bytes
}

/// s^start, s^(start+1), …
fn powers(s: Fr, start: u64, count: usize) -> Vec<Fr> {
    std::iter::successors(Some(s.pow_vartime([start])), |last| Some(last * s)).take(count).collect()
}

/// The generator of the 2^`k`-th roots of unity that halo2 counts them by.
pub(crate) fn root_of_unity(k: u32) -> Fr {
    (k..Fr::S).fold(Fr::ROOT_OF_UNITY, |root, _| root.square())
}

/// The Lagrange basis over the n-th roots of unity ω^i, at s: `L_i(s)` = ω^i (s^n − 1) / (n (s − ω^i)).
struct Lagrange {
    s: Fr,
    root: Fr,
    /// (s^n − 1) / n.
    factor: Fr,
}

impl Lagrange {
    fn new(s: Fr, k: u32) -> Self {
        let n = 1_u64 << k;
        // 1/2 to the k: n is no multiple of the field's odd modulus.
        let factor = (s.pow_vartime([n]) - Fr::ONE) * Fr::TWO_INV.pow_vartime([u64::from(k)]);
        Self { s, root: root_of_unity(k), factor }
    }

    /// `L_start(s)`, `L_(start+1)(s)`, …
    fn at(&self, start: u64, count: usize) -> Vec<Fr> {
        let roots = powers(self.root, start, count);
        let mut values: Vec<Fr> = roots.iter().map(|root| self.s - root).collect();
        // Leaves zeros as they are.
        values.iter_mut().batch_invert();
        for (value, root) in values.iter_mut().zip(&roots) {
            // L_i is 1 at ω^i itself.
            *value = if self.s == *root { Fr::ONE } else { *value * root * self.factor };
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As halo2 itself does it (`ParamsKZG::setup`): a multiplication by doubling and adding for each point.
    fn naive(s: Fr, k: u32) -> Vec<u8> {
        let g = G1Affine::generator();
        let n = 1_u64 << k;
        let mut bytes = k.to_le_bytes().to_vec();
        for i in 0..n {
            (g * s.pow([i])).to_affine().write_raw(&mut bytes).unwrap();
        }
        let root = root_of_unity(k);
        let roots: Vec<Fr> = (0..n).map(|i| root.pow([i])).collect();
        for (i, at) in roots.iter().enumerate() {
            // The product that defines the basis, with no closed form in it.
            let others = roots.iter().enumerate().filter(|(j, _)| *j != i);
            let value: Fr = others.map(|(_, other)| (s - other) * (at - other).invert().unwrap()).product();
            (g * value).to_affine().write_raw(&mut bytes).unwrap();
        }
        let g2 = G2Affine::generator();
        g2.write_raw(&mut bytes).unwrap();
        (g2 * s).to_affine().write_raw(&mut bytes).unwrap();
        bytes
    }

    fn fast(s: Fr, k: u32, threads: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        generate_from(s, &mut bytes, k, threads, |_, _| ()).unwrap();
        bytes
    }

    #[test]
    fn equals_a_naive_generator() {
        for k in 1..=7 {
            for s in [Fr::from(7), -Fr::from(3), Fr::from_uniform_bytes(&[0xa5; 64])] {
                assert_eq!(fast(s, k, 2), naive(s, k), "k = {k}");
            }
        }
    }

    #[test]
    fn zero_and_roots_of_unity_are_handled() {
        for k in 1..=5 {
            for s in [Fr::ZERO, Fr::ONE, root_of_unity(k), root_of_unity(k).invert().unwrap()] {
                assert_eq!(fast(s, k, 2), naive(s, k), "k = {k}");
            }
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let s = Fr::from_uniform_bytes(&[0x3c; 64]);
        assert_eq!(fast(s, 13, 1), fast(s, 13, 3));
    }

    #[test]
    fn the_roots_are_of_the_right_order() {
        for k in 1..=20 {
            let half = root_of_unity(k).pow([1 << (k - 1)]);
            assert_eq!(half, -Fr::ONE);
        }
    }

    /// Gives zeros, then sevens.
    struct Counted(u8);

    impl rand::TryRng for Counted {
        type Error = std::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(0)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(0)
        }
        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            bytes.fill(self.0);
            self.0 = 7;
            Ok(())
        }
    }

    impl TryCryptoRng for Counted {}

    #[test]
    fn a_useless_secret_is_drawn_again() {
        let s = secret(4, &mut Counted(0)).unwrap();
        assert_eq!(s, Fr::from_uniform_bytes(&[7; 64]));
    }
}
