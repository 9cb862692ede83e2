//! The verifier: upstream's checks for circuits of gates alone, in less time.
//!
//! What it takes and what it refuses is what upstream's `verify_proof` does with SHPLONK (Boneh, Drake, Fisch and Gabizon, Efficient
//! polynomial commitment schemes for multiple points and polynomials, 2020/081), but for encodings of points that upstream's reader takes for
//! others. It is quicker since
//!
//! * instances are evaluated with one root of unity after the other, where upstream raises the generator to a power for each row;
//! * all commitments are summed at once, with the points of a round of additions sharing an inversion ([`crate::msm::msm`]);
//! * what pairings need of the reference string is prepared once.
//!
//! Nothing of the prover's program for gates is used: expressions are evaluated as they are.

use std::collections::HashMap;

use halo2_proofs::SerdeFormat;
use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine};
use halo2_proofs::halo2curves::ff::{BatchInvert, Field, PrimeField};
use halo2_proofs::halo2curves::group::{Curve, Group};
use halo2_proofs::halo2curves::pairing::{Engine, MillerLoopResult, MultiMillerLoop};
use halo2_proofs::halo2curves::serde::SerdeObject;
use halo2_proofs::plonk::{Expression, Gate, VerifyingKey};
use halo2_proofs::poly::commitment::Params;
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use halo2_proofs::transcript::{Blake2bRead, Challenge255, Transcript, TranscriptRead, TranscriptReadBuffer};

use crate::circuit::{Opened, Query, Shape};
use crate::error::{Rejection, Unsupported};
use crate::fft::{powers, root_of_unity};
use crate::msm;
use crate::opening::{interpolate, vanishing};

type Prepared = <Bn256 as MultiMillerLoop>::G2Prepared;
type Reader<'a> = Blake2bRead<&'a [u8], G1Affine, Challenge255<G1Affine>>;

/// Bytes of an element of a proof, point or scalar.
const ELEMENT: usize = 32;

/// Everything that verifying proofs of one circuit takes.
pub struct Verifier {
    shape: Shape,
    /// The generator of the domain.
    omega: Fr,
    gates: Vec<Expression<Fr>>,
    instance_queries: Vec<Query>,
    /// Rotations, and what is opened there.
    opened: Vec<(Vec<usize>, Vec<Opened>)>,
    fixed: Vec<G1Affine>,
    digest: Fr,
    generator: G1Affine,
    /// The secret's power in G2, and the negative of the generator.
    secret: Prepared,
    negative: Prepared,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("shape", &self.shape).finish_non_exhaustive()
    }
}

/// The values that a proof claims for the columns at its point.
struct Claims {
    advice: HashMap<Query, Fr>,
    fixed: HashMap<Query, Fr>,
    instance: HashMap<Query, Fr>,
    quotient: Fr,
    blinding: Fr,
}

/// What a proof commits to.
struct Commitments {
    advice: Vec<G1Affine>,
    blinding: G1Affine,
    pieces: Vec<G1Affine>,
}

fn squeeze(transcript: &mut Reader<'_>) -> Fr {
    *transcript.squeeze_challenge_scalar::<()>()
}

fn point(transcript: &mut Reader<'_>) -> Result<G1Affine, Rejection> {
    transcript.read_point().map_err(|error| Rejection::Encoding(error.to_string()))
}

fn points(transcript: &mut Reader<'_>, count: usize) -> Result<Vec<G1Affine>, Rejection> {
    (0..count).map(|_| point(transcript)).collect()
}

fn scalar(transcript: &mut Reader<'_>) -> Result<Fr, Rejection> {
    transcript.read_scalar().map_err(|error| Rejection::Encoding(error.to_string()))
}

fn scalars(transcript: &mut Reader<'_>, queries: &[Query]) -> Result<HashMap<Query, Fr>, Rejection> {
    queries.iter().map(|query| Ok((*query, scalar(transcript)?))).collect()
}

/// 1/a.
fn inverse(a: Fr) -> Result<Fr, Rejection> {
    Option::from(a.invert()).ok_or(Rejection::Challenge)
}

/// Whether no element of a proof has a bit set that upstream's reader ignores: the highest of a point's 32 bytes stands for the point
/// at infinity, and is overlooked where the rest is another point. A scalar never has it.
fn canonical(proof: &[u8]) -> bool {
    let infinity: [u8; ELEMENT] = std::array::from_fn(|byte| if byte == ELEMENT - 1 { 0x80 } else { 0 });
    proof.as_chunks::<ELEMENT>().0.iter().all(|element| element[ELEMENT - 1] < 0x80 || *element == infinity)
}

impl Verifier {
    /// Prepares verification with upstream's verifying key `vk`, for circuits of as many rows as `params` say (of which nothing but the
    /// first power and the points in G2 is used).
    ///
    /// # Errors
    /// [`Unsupported`] if the circuit has more than gates, or the two do not go together.
    pub fn new(params: &ParamsKZG<Bn256>, vk: &VerifyingKey<G1Affine>) -> Result<Self, Unsupported> {
        let k = params.k();
        let (shape, _, _) = Shape::new(vk, 1 << k)?;
        let mut written = Vec::new();
        // Upstream gives no access to the first power but in writing.
        params.write_custom(&mut written, SerdeFormat::RawBytesUnchecked).map_err(|_| Unsupported::Params)?;
        let generator = written.get(4..4 + 64).and_then(G1Affine::from_raw_bytes).ok_or(Unsupported::Params)?;
        let cs = vk.cs();
        let rows = 1_i64 << k;
        let query = |at: i32| i64::from(at).rem_euclid(rows) as usize;
        Ok(Self {
            omega: root_of_unity(k),
            gates: cs.gates().iter().flat_map(Gate::polynomials).cloned().collect(),
            instance_queries: cs.instance_queries().iter().map(|(column, at)| (column.index(), query(at.0))).collect(),
            opened: shape.opened(),
            shape,
            fixed: vk.fixed_commitments().clone(),
            digest: vk.transcript_repr(),
            generator,
            secret: Prepared::from(params.s_g2()),
            negative: Prepared::from(-params.g2()),
        })
    }

    /// Checks that a proof holds for these instance columns, which are filled up with zeros. No bytes make it panic.
    ///
    /// # Errors
    /// [`Rejection`].
    pub fn verify(&self, instances: &[&[Fr]], proof: &[u8]) -> Result<(), Rejection> {
        if !canonical(proof) {
            return Err(Rejection::Encoding("a point is not encoded in the one way that it should be".to_owned()));
        }
        let elements = self.elements() * ELEMENT;
        if proof.len() != elements {
            return Err(Rejection::Length { expected: elements, got: proof.len() });
        }
        if instances.len() != self.shape.instance_columns {
            return Err(Rejection::Instances);
        }
        if instances.iter().any(|values| values.len() > self.shape.usable) {
            return Err(Rejection::Instances);
        }
        let mut transcript = Reader::init(proof);
        let written = |error: std::io::Error| Rejection::Encoding(error.to_string());
        transcript.common_scalar(self.digest).map_err(written)?;
        for value in instances.iter().copied().flatten() {
            transcript.common_scalar(*value).map_err(written)?;
        }

        let (advice, challenges) = self.phases(&mut transcript)?;
        // Upstream's challenges for lookups and permutations: θ, β, γ.
        for _ in 0..3 {
            squeeze(&mut transcript);
        }
        let blinding = point(&mut transcript)?;
        let y = squeeze(&mut transcript);
        let pieces = points(&mut transcript, self.shape.pieces)?;
        let commitments = Commitments { advice, blinding, pieces };
        let x = squeeze(&mut transcript);
        let mut claims = Claims {
            advice: scalars(&mut transcript, &self.shape.advice_queries)?,
            fixed: scalars(&mut transcript, &self.shape.fixed_queries)?,
            instance: HashMap::new(),
            quotient: Fr::ZERO,
            blinding: scalar(&mut transcript)?,
        };
        let x_n = x.pow_vartime([1 << self.shape.k]);
        let vanishing = x_n - Fr::ONE;
        for &(column, rotation) in &self.instance_queries {
            let value = self.instance(instances[column], self.rotated(x, rotation), vanishing)?;
            claims.instance.insert((column, rotation), value);
        }
        claims.quotient = self.gates(&claims, &challenges, y)? * inverse(vanishing)?;
        self.opening(&mut transcript, &commitments, &claims, x, x_n)
    }

    /// Points and scalars of a proof.
    fn elements(&self) -> usize {
        let [advice, fixed] = [&self.shape.advice_queries, &self.shape.fixed_queries].map(Vec::len);
        // The blinding polynomial and its value, and the opening's two points.
        self.shape.advice_columns() + self.shape.pieces + advice + fixed + 2 + 2
    }

    /// The advice columns' commitments, and the challenges drawn between phases.
    fn phases(&self, transcript: &mut Reader<'_>) -> Result<(Vec<G1Affine>, Vec<Fr>), Rejection> {
        let mut advice = vec![G1Affine::default(); self.shape.advice_columns()];
        let mut challenges = vec![Fr::ZERO; self.shape.challenges.iter().map(Vec::len).sum()];
        for (columns, drawn) in self.shape.advice.iter().zip(&self.shape.challenges) {
            for &column in columns {
                advice[column] = point(transcript)?;
            }
            for &challenge in drawn {
                challenges[challenge] = squeeze(transcript);
            }
        }
        Ok((advice, challenges))
    }

    /// `at·ω^rotation`.
    fn rotated(&self, at: Fr, rotation: usize) -> Fr {
        at * self.omega.pow_vartime([rotation as u64])
    }

    /// The value at `z` of the polynomial with these first values on the domain and zeros after them: `Σ v_i l_i(z)` with
    /// `l_i(z) = (z^n − 1) / n · ω^i / (z − ω^i)`.
    fn instance(&self, values: &[Fr], z: Fr, vanishing: Fr) -> Result<Fr, Rejection> {
        let rows = powers(Fr::ONE, self.omega, values.len());
        let mut inverses: Vec<Fr> = rows.iter().map(|row| z - row).collect();
        if inverses.contains(&Fr::ZERO) {
            return Err(Rejection::Challenge);
        }
        inverses.iter_mut().batch_invert();
        let terms = values.iter().zip(&rows).zip(&inverses).filter(|((value, _), _)| **value != Fr::ZERO);
        let sum: Fr = terms.map(|((value, row), inverse)| *value * row * inverse).sum();
        Ok(sum * vanishing * Fr::TWO_INV.pow_vartime([u64::from(self.shape.k)]))
    }

    /// The gates' values, combined by powers of y.
    fn gates(&self, claims: &Claims, challenges: &[Fr], y: Fr) -> Result<Fr, Rejection> {
        let rows = 1_i64 << self.shape.k;
        let of = |claims: &HashMap<Query, Fr>, column: usize, at: i32| {
            let query = (column, i64::from(at).rem_euclid(rows) as usize);
            claims.get(&query).copied().ok_or(Rejection::Instances)
        };
        self.gates.iter().try_fold(Fr::ZERO, |sum, gate| {
            let value = gate.evaluate(
                &Ok,
                &|_| Err(Rejection::Instances),
                &|query| of(&claims.fixed, query.column_index(), query.rotation().0),
                &|query| of(&claims.advice, query.column_index(), query.rotation().0),
                &|query| of(&claims.instance, query.column_index(), query.rotation().0),
                &|challenge| challenges.get(challenge.index()).copied().ok_or(Rejection::Instances),
                &|a: Result<Fr, Rejection>| a.map(|a| -a),
                &|a, b| Ok(a? + b?),
                &|a, b| Ok(a? * b?),
                &|a, factor| a.map(|a| a * factor),
            )?;
            Ok(sum * y + value)
        })
    }

    /// The opening of everything at its points.
    fn opening(
        &self,
        transcript: &mut Reader<'_>,
        commitments: &Commitments,
        claims: &Claims,
        x: Fr,
        x_n: Fr,
    ) -> Result<(), Rejection> {
        let (y, v) = (squeeze(transcript), squeeze(transcript));
        let first = point(transcript)?;
        let u = squeeze(transcript);
        let second = point(transcript)?;

        let mut rotations: Vec<usize> = self.opened.iter().flat_map(|(rotations, _)| rotations.clone()).collect();
        rotations.sort_unstable();
        rotations.dedup();
        let others = |of_set: &[usize]| {
            let rest = rotations.iter().filter(|rotation| !of_set.contains(rotation));
            vanishing(u, rest.map(|rotation| self.rotated(x, *rotation)))
        };
        let (mut scalars, mut points, mut value) = (Vec::new(), Vec::new(), Fr::ZERO);
        let (of_first, _) = self.opened.first().ok_or(Rejection::Opening)?;
        // Everything is divided by the first set's.
        let divisor = inverse(others(of_first))?;
        for ((of_set, members), v_power) in self.opened.iter().zip(powers(Fr::ONE, v, self.opened.len())) {
            let factor = v_power * others(of_set) * divisor;
            let at: Vec<Fr> = of_set.iter().map(|rotation| self.rotated(x, *rotation)).collect();
            let mut combined = vec![Fr::ZERO; at.len()];
            for (member, power) in members.iter().zip(powers(factor, y, members.len())) {
                for (sum, rotation) in combined.iter_mut().zip(of_set) {
                    *sum += power * claims.of(*member, *rotation)?;
                }
                match *member {
                    Opened::Advice(column) => points.push(commitments.advice[column]),
                    Opened::Fixed(column) => points.push(self.fixed[column]),
                    Opened::Random => points.push(commitments.blinding),
                    Opened::Quotient => {
                        points.extend_from_slice(&commitments.pieces);
                        scalars.extend(powers(power, x_n, commitments.pieces.len()));
                        continue;
                    }
                }
                scalars.push(power);
            }
            value += interpolate(&at, &combined, u);
        }
        let of_first = vanishing(u, of_first.iter().map(|rotation| self.rotated(x, *rotation)));
        scalars.extend([-value, -of_first, u]);
        points.extend([self.generator, first, second]);
        let sum = msm::msm(&scalars, &points).to_affine();
        let product = Bn256::multi_miller_loop(&[(&second, &self.secret), (&sum, &self.negative)]);
        let product: <Bn256 as Engine>::Gt = product.final_exponentiation();
        if bool::from(product.is_identity()) { Ok(()) } else { Err(Rejection::Opening) }
    }
}

impl Claims {
    /// What is claimed of a polynomial at a rotation.
    fn of(&self, opened: Opened, rotation: usize) -> Result<Fr, Rejection> {
        let value = match opened {
            Opened::Advice(column) => self.advice.get(&(column, rotation)).copied(),
            Opened::Fixed(column) => self.fixed.get(&(column, rotation)).copied(),
            Opened::Quotient => Some(self.quotient),
            Opened::Random => Some(self.blinding),
        };
        value.ok_or(Rejection::Opening)
    }
}
