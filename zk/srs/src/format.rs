//! The file's layout, and reading it a piece at a time without trust in it.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use halo2curves_axiom::bn256::{G1Affine, G2Affine};
use halo2curves_axiom::group::cofactor::CofactorGroup;
use halo2curves_axiom::group::prime::PrimeCurveAffine;
use halo2curves_axiom::serde::SerdeObject;

use crate::error::SrsError;

/// The smallest size, as the logarithm to base 2 of the number of powers.
pub const MIN_K: u32 = 1;

/// The largest size, as the logarithm to base 2 of the number of powers: a file of 2 GiB.
pub const MAX_K: u32 = 24;

/// Bytes of a point of G1.
pub const G1_BYTES: usize = 64;

/// Bytes of a point of G2.
pub const G2_BYTES: usize = 128;

/// Bytes of the string that a verifier needs, see [`verifier_part`](crate::verifier_part).
pub const VERIFIER_BYTES: usize = SIZE_BYTES + 2 * G1_BYTES + 2 * G2_BYTES;

const SIZE_BYTES: usize = 4;

/// Points read in one piece.
const PIECE: usize = 1 << 13;

/// Bytes of the file for 2^`k` powers; `None` if `k` is outside [`MIN_K`] to [`MAX_K`].
pub const fn file_bytes(k: u32) -> Option<u64> {
    if k < MIN_K || k > MAX_K {
        return None;
    }
    Some((SIZE_BYTES + 2 * G2_BYTES) as u64 + (2 * G1_BYTES as u64) * (1 << k))
}

/// A point's place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Position {
    /// \[s^i\]G for this i.
    Power(u64),
    /// \[`L_i(s)`\]G for this i.
    Lagrange(u64),
    /// The generator of G2.
    G2,
    /// \[s\]G2.
    SecretG2,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Power(i) => write!(f, "power {i}"),
            Self::Lagrange(i) => write!(f, "Lagrange point {i}"),
            Self::G2 => f.write_str("the generator of G2"),
            Self::SecretG2 => f.write_str("s times the generator of G2"),
        }
    }
}

/// A reference string being read from front to back.
pub(crate) struct Source {
    path: PathBuf,
    file: BufReader<File>,
    k: u32,
}

impl Source {
    /// Opens a file, reads its size, and refuses it unless it has the length that goes with that size. Nothing is allocated
    /// or read by what the file says before that.
    pub(crate) fn open(path: &Path) -> Result<Self, SrsError> {
        let failed = |doing| move |source| SrsError::File { path: path.to_path_buf(), doing, source };
        let file = File::open(path).map_err(failed("open"))?;
        let got = file.metadata().map_err(failed("read the length of"))?.len();
        let mut source = Self { path: path.to_path_buf(), file: BufReader::with_capacity(1 << 16, file), k: 0 };
        let mut size = [0; SIZE_BYTES];
        if got < size.len() as u64 {
            let expected = file_bytes(MIN_K).unwrap_or_default();
            return Err(SrsError::Length { path: source.path, expected, got });
        }
        source.fill(&mut size)?;
        source.k = u32::from_le_bytes(size);
        let expected = file_bytes(source.k)
            .ok_or_else(|| SrsError::FileSizeOutOfRange { path: source.path.clone(), got: source.k })?;
        if got != expected {
            return Err(SrsError::Length { path: source.path, expected, got });
        }
        Ok(source)
    }

    /// The size that the file says it has, between [`MIN_K`] and [`MAX_K`].
    pub(crate) fn k(&self) -> u32 {
        self.k
    }

    /// Hands over the next 2^k points of G1 in order, each valid and finite.
    pub(crate) fn g1_section(
        &mut self,
        position: fn(u64) -> Position,
        mut take: impl FnMut(usize, G1Affine),
    ) -> Result<(), SrsError> {
        let points = 1_usize << self.k;
        let mut bytes = vec![0; G1_BYTES * PIECE.min(points)];
        for start in (0..points).step_by(PIECE) {
            self.fill(&mut bytes)?;
            for (offset, raw) in bytes.chunks_exact(G1_BYTES).enumerate() {
                let index = start + offset;
                // The cofactor of G1 is 1: a point on the curve is in the group.
                let point = G1Affine::from_raw_bytes(raw).filter(|p| !bool::from(p.is_identity()));
                take(index, point.ok_or_else(|| self.not_a_point(position(index as u64), raw))?);
            }
        }
        Ok(())
    }

    /// The next point of G1, valid and finite.
    pub(crate) fn g1(&mut self, position: Position) -> Result<G1Affine, SrsError> {
        let mut raw = [0; G1_BYTES];
        self.fill(&mut raw)?;
        G1Affine::from_raw_bytes(&raw)
            .filter(|p| !bool::from(p.is_identity()))
            .ok_or_else(|| self.not_a_point(position, &raw))
    }

    /// The next point of G2, valid, finite and in the right subgroup.
    pub(crate) fn g2(&mut self, position: Position) -> Result<G2Affine, SrsError> {
        let mut raw = [0; G2_BYTES];
        self.fill(&mut raw)?;
        G2Affine::from_raw_bytes(&raw)
            .filter(|p| !bool::from(p.is_identity()) && bool::from(p.to_curve().is_torsion_free()))
            .ok_or_else(|| self.not_a_point(position, &raw))
    }

    /// Skips to the points of G2.
    pub(crate) fn skip_to_g2(&mut self) -> Result<(), SrsError> {
        use std::io::{Seek, SeekFrom};
        let end = -(2 * G2_BYTES as i64);
        let sought = self.file.seek(SeekFrom::End(end));
        sought.map(drop).map_err(|source| self.failed(source))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), SrsError> {
        self.file.read_exact(bytes).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> SrsError {
        SrsError::File { path: self.path.clone(), doing: "read", source }
    }

    fn not_a_point(&self, position: Position, raw: &[u8]) -> SrsError {
        SrsError::NotAPoint { path: self.path.clone(), position, got: shown(raw) }
    }
}

/// Bytes as hexadecimal digits, the first eight of them.
pub(crate) fn shown(bytes: &[u8]) -> String {
    use fmt::Write;
    let mut digits = String::new();
    for byte in bytes.iter().take(8) {
        let _ = write!(digits, "{byte:02x}");
    }
    if bytes.len() > 8 {
        digits.push('…');
    }
    digits
}
