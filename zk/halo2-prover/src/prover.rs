//! The prover.

use std::collections::HashMap;

use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1, G1Affine};
use halo2_proofs::halo2curves::ff::{Field, FromUniformBytes};
use halo2_proofs::plonk::ProvingKey;
use halo2_proofs::poly::commitment::Params;
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use halo2_proofs::transcript::{Blake2bWrite, Challenge255, Transcript, TranscriptWrite, TranscriptWriterBuffer};
use rand_core::{CryptoRng, RngCore};
use rayon::prelude::*;

use crate::circuit::{Opened, Query, Shape};
use crate::column::{Column, Values, Witness};
use crate::commit::{Key, normalise};
use crate::error::{ProveError, Unsupported};
use crate::fft::{Domain, powers};
use crate::gates::Source;
use crate::opening::{Member, Opening, Point, Set};
use crate::quotient::{Columns, Extended, Quotient};
use crate::timings::{Clock, Stage, Timings};
use crate::wide::{Limbs, Products, limbs};

/// A proof, and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    bytes: Vec<u8>,
    timings: Timings,
}

impl Proof {
    /// What upstream's verifier reads, with a `BLAKE2b` transcript.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// How long the stages took.
    pub const fn timings(&self) -> &Timings {
        &self.timings
    }
}

/// Everything about one circuit that does not change between proofs. See the crate's documentation for its size.
#[derive(Debug)]
pub struct Prover {
    shape: Shape,
    domain: Domain,
    key: Key,
    quotient: Quotient,
    fixed: Vec<Values>,
    /// Rotations, and what is opened there.
    opened: Vec<(Vec<usize>, Vec<Opened>)>,
    digest: Fr,
}

/// Bytes for the values of fixed columns on cosets, if nothing else is said.
const CACHE: usize = 512 << 20;

type Writer = Blake2bWrite<Vec<u8>, G1Affine, Challenge255<G1Affine>>;

fn squeeze(transcript: &mut Writer) -> Fr {
    *transcript.squeeze_challenge_scalar::<()>()
}

/// Uniform elements. All bytes are drawn at once, since a generator may be the operating system's.
fn random(rng: &mut (impl RngCore + CryptoRng), count: usize) -> Vec<Fr> {
    let mut bytes = vec![0; 64 * count];
    rng.fill_bytes(&mut bytes);
    bytes.as_chunks::<64>().0.iter().map(Fr::from_uniform_bytes).collect()
}

impl Prover {
    /// Prepares proofs for the circuit of upstream's proving key `pk`, which was made with `params`.
    ///
    /// # Errors
    /// [`Unsupported`] if the circuit has more than gates, or the two do not go together.
    pub fn new(params: &ParamsKZG<Bn256>, pk: &ProvingKey<G1Affine>) -> Result<Self, Unsupported> {
        Self::with_cache(params, pk, CACHE)
    }

    /// As [`Prover::new`], with so many bytes for the values of fixed columns on cosets. If they take more, they are not kept, and
    /// each proof works them out anew.
    ///
    /// # Errors
    /// As for [`Prover::new`].
    pub fn with_cache(params: &ParamsKZG<Bn256>, pk: &ProvingKey<G1Affine>, bytes: usize) -> Result<Self, Unsupported> {
        // Selector polynomials of keygen are of all rows, as any of the key's.
        let (shape, nodes, gates) = Shape::new(pk.get_vk(), pk.l0().len())?;
        if params.k() != shape.k {
            return Err(Unsupported::Size { params: params.k(), keys: shape.k });
        }
        let domain = Domain::new(shape.k);
        let fixed: Vec<Values> = pk.fixed_values().par_iter().map(|column| Values::new(column.values())).collect();
        let columns = [shape.advice_columns(), shape.instance_columns];
        let quotient = Quotient::new(&domain, nodes, gates, &fixed, columns, bytes);
        Ok(Self {
            key: Key::new(params, shape.usable)?,
            opened: shape.opened(),
            digest: pk.get_vk().transcript_repr(),
            shape,
            domain,
            quotient,
            fixed,
        })
    }

    /// Number of rows that a column of a witness or an instance may fill.
    pub const fn usable_rows(&self) -> usize {
        self.shape.usable
    }

    /// Proves that `witness` satisfies the circuit with these instance columns, which are filled up with zeros.
    ///
    /// The proof is what upstream's verifier for SHPLONK takes. Whether the witness is right is not checked: the proof of a wrong one
    /// is rejected. All that hides the witness comes from `rng`: the last rows of every advice column, and the polynomial that
    /// blinds the quotient.
    ///
    /// # Errors
    /// [`ProveError`] if columns are too many, too few or too long.
    pub fn prove(
        &self,
        instances: &[&[Fr]],
        witness: &mut impl Witness,
        mut rng: impl RngCore + CryptoRng,
    ) -> Result<Proof, ProveError> {
        let mut clock = Clock::start();
        let instance = self.instance(instances)?;
        let mut transcript = Writer::init(Vec::new());
        transcript.common_scalar(self.digest)?;
        for value in instances.iter().copied().flatten() {
            transcript.common_scalar(*value)?;
        }

        let blinding = Values { small: Vec::new(), field: random(&mut rng, self.domain.len()) };
        let first = Committed::new(&self.shape);
        let (Committed { advice, columns, challenges, late }, blinding_commitment) =
            self.phases(first, &instance, &blinding, witness, &mut rng, &mut transcript, &mut clock)?;

        // Upstream's challenges for lookups and permutations: θ, β, γ.
        for _ in 0..3 {
            squeeze(&mut transcript);
        }
        transcript.write_point(normalise(&[blinding_commitment])[0])?;
        let y = squeeze(&mut transcript);

        let columns = self.last_columns(columns, &advice, &late);
        let pieces = self.quotient.divide(&columns, &challenges, y);
        drop(columns);
        clock.end(Stage::Quotient);
        let mut commitments: Vec<G1> = pieces.par_iter().map(|piece| self.key.commit(piece)).collect();
        // Pieces that the verifier reads and gates of lower degree do not have.
        commitments.resize(self.shape.pieces, G1::default());
        for commitment in normalise(&commitments) {
            transcript.write_point(commitment)?;
        }
        clock.end(Stage::CommitQuotient);

        let point = Point::new(&self.domain, squeeze(&mut transcript))?;
        let quotient = Values { small: Vec::new(), field: self.fold(&pieces, &point) };
        let evaluations = self.evaluate(&point, &advice, &quotient, &blinding);
        for query in &self.shape.advice_queries {
            transcript.write_scalar(evaluations.advice[query])?;
        }
        for query in &self.shape.fixed_queries {
            transcript.write_scalar(evaluations.fixed[query])?;
        }
        transcript.write_scalar(evaluations.blinding)?;
        clock.end(Stage::Evaluations);

        let sets = self.sets(&evaluations, &advice, &quotient, &blinding);
        let (y, v) = (squeeze(&mut transcript), squeeze(&mut transcript));
        let opening = Opening::new(&self.domain, &point, &sets, y, v);
        transcript.write_point(normalise(&[self.key.commit_alone(&opening.quotient)])[0])?;
        let second = opening.finish(&self.domain, squeeze(&mut transcript))?;
        transcript.write_point(normalise(&[self.key.commit_alone(&second)])[0])?;
        clock.end(Stage::Opening);
        Ok(Proof { bytes: transcript.finalize(), timings: clock.finish() })
    }

    fn instance(&self, instances: &[&[Fr]]) -> Result<Vec<Values>, ProveError> {
        let (expected, got) = (self.shape.instance_columns, instances.len());
        if expected != got {
            return Err(ProveError::InstanceColumns { expected, got });
        }
        let column = |(column, values): (usize, &&[Fr])| {
            let (got, usable) = (values.len(), self.shape.usable);
            if got > usable {
                return Err(ProveError::InstanceTooLong { column, got, usable });
            }
            let mut values = values.to_vec();
            values.resize(self.domain.len(), Fr::ZERO);
            Ok(Values { small: Vec::new(), field: values })
        };
        instances.iter().enumerate().map(column).collect()
    }

    /// All phases of the witness. While it works out a phase, the columns of the phase before are extended, and in the first phase
    /// the instance's, and the random polynomial is committed to.
    #[expect(clippy::too_many_arguments, reason = "one step of a function, with what that has")]
    fn phases(
        &self,
        mut committed: Committed,
        instance: &[Values],
        blinding: &Values,
        witness: &mut impl Witness,
        rng: &mut (impl RngCore + CryptoRng),
        transcript: &mut Writer,
        clock: &mut Clock,
    ) -> Result<(Committed, G1), ProveError> {
        let mut blinding_commitment = G1::default();
        let mut drawn = vec![None; self.shape.challenges.iter().map(Vec::len).sum()];
        for (phase, indices) in self.shape.advice.iter().enumerate() {
            let known: Vec<Fr> = drawn.iter().flatten().copied().collect();
            let Committed { advice, columns, late, .. } = &mut committed;
            let mut extended = Vec::new();
            let given = rayon::in_place_scope(|scope| {
                if phase == 0 {
                    scope.spawn(|_| blinding_commitment = self.key.commit(&blinding.field));
                    scope.spawn(|_| columns.instance = self.quotient.extend_all(Source::Instance, instance));
                } else {
                    scope.spawn(|_| extended = self.extend(advice, late));
                }
                witness.columns(phase as u8, &known)
            });
            for (&column, extended) in late.iter().zip(extended) {
                columns.advice[column] = extended;
            }
            clock.end(Stage::Witness(phase as u8));
            let filled = self.fill(phase, given, rng)?;
            let points: Vec<G1> = filled
                .par_iter()
                .map(|(column, random)| match column {
                    Column::Small(values) => self.key.commit_small(values, random),
                    Column::Field(values) => self.key.commit(values),
                })
                .collect();
            for point in normalise(&points) {
                transcript.write_point(point)?;
            }
            for (&column, (given, random)) in indices.iter().zip(filled) {
                advice[column] = match given {
                    Column::Small(values) => {
                        Values { small: values.into_iter().map(i64::from).collect(), field: random }
                    }
                    Column::Field(values) => Values { small: Vec::new(), field: values },
                };
            }
            late.clone_from(indices);
            for &challenge in &self.shape.challenges[phase] {
                drawn[challenge] = Some(squeeze(transcript));
            }
            clock.end(Stage::Commit(phase as u8));
        }
        committed.challenges = drawn.into_iter().flatten().collect();
        Ok((committed, blinding_commitment))
    }

    /// A phase's columns in full length, and the random rows of those that are small.
    fn fill(
        &self,
        phase: usize,
        given: Vec<Column>,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Vec<(Column, Vec<Fr>)>, ProveError> {
        let indices = &self.shape.advice[phase];
        let (expected, got) = (indices.len(), given.len());
        if expected != got {
            return Err(ProveError::AdviceColumns { phase: phase as u8, expected, got });
        }
        let usable = self.shape.usable;
        let fill = |(&column, mut given): (&usize, Column)| {
            let got = given.len();
            if got > usable {
                return Err(ProveError::AdviceTooLong { column, got, usable });
            }
            let mut random = random(rng, self.domain.len() - usable);
            match &mut given {
                Column::Small(values) => values.resize(usable, 0),
                Column::Field(values) => {
                    values.resize(usable, Fr::ZERO);
                    values.append(&mut random);
                }
            }
            Ok((given, random))
        };
        indices.iter().zip(given).map(fill).collect()
    }

    fn extend(&self, advice: &[Values], indices: &[usize]) -> Vec<Extended> {
        indices.par_iter().map(|&column| self.quotient.extend(Source::Advice, column, &advice[column])).collect()
    }

    /// Extends the columns of the last phase.
    fn last_columns(&self, mut columns: Columns, advice: &[Values], late: &[usize]) -> Columns {
        for (&column, extended) in late.iter().zip(self.extend(advice, late)) {
            columns.advice[column] = extended;
        }
        if self.quotient.wants_fixed() {
            columns.fixed = self.quotient.extend_all(Source::Fixed, &self.fixed);
        }
        columns
    }

    /// The quotient's values on the domain, with `X^n` of its pieces' factors taken at the point.
    fn fold(&self, pieces: &[Vec<Fr>], point: &Point) -> Vec<Fr> {
        let factor = point.x().pow_vartime([self.domain.len() as u64]);
        let factors: Vec<Limbs> = powers(Fr::ONE, factor, pieces.len()).iter().map(limbs).collect();
        let value = |row: usize| {
            let mut sum = Products::default();
            for (piece, factor) in pieces.iter().zip(&factors) {
                sum.add(&limbs(&piece[row]), factor);
            }
            sum.sum()
        };
        (0..self.domain.len()).into_par_iter().with_min_len(256).map(value).collect()
    }

    fn evaluate(&self, point: &Point, advice: &[Values], quotient: &Values, blinding: &Values) -> Evaluations {
        let all = |queries: &[Query], columns: &[Values]| {
            queries.par_iter().map(|query| (*query, point.evaluate(&columns[query.0], query.1))).collect()
        };
        Evaluations {
            advice: all(&self.shape.advice_queries, advice),
            fixed: all(&self.shape.fixed_queries, &self.fixed),
            quotient: point.evaluate(quotient, 0),
            blinding: point.evaluate(blinding, 0),
        }
    }

    fn sets<'a>(
        &'a self,
        evaluations: &Evaluations,
        advice: &'a [Values],
        quotient: &'a Values,
        blinding: &'a Values,
    ) -> Vec<Set<'a>> {
        let member = |opened: Opened, rotations: &[usize]| {
            let of = |queries: &HashMap<Query, Fr>, column: usize| {
                rotations.iter().map(|rotation| queries[&(column, *rotation)]).collect()
            };
            match opened {
                Opened::Advice(column) => {
                    Member { values: &advice[column], evaluations: of(&evaluations.advice, column) }
                }
                Opened::Fixed(column) => {
                    Member { values: &self.fixed[column], evaluations: of(&evaluations.fixed, column) }
                }
                Opened::Quotient => Member { values: quotient, evaluations: vec![evaluations.quotient] },
                Opened::Random => Member { values: blinding, evaluations: vec![evaluations.blinding] },
            }
        };
        let set = |(rotations, members): &'a (Vec<usize>, Vec<Opened>)| Set {
            rotations,
            members: members.iter().map(|opened| member(*opened, rotations)).collect(),
        };
        self.opened.iter().map(set).collect()
    }
}

/// What there is after the phases.
struct Committed {
    advice: Vec<Values>,
    columns: Columns,
    challenges: Vec<Fr>,
    /// Indices of the advice columns that have not been extended.
    late: Vec<usize>,
}

impl Committed {
    fn new(shape: &Shape) -> Self {
        let count = shape.advice_columns();
        let columns = Columns { advice: vec![Extended::new(); count], ..Columns::default() };
        Self { advice: vec![Values::default(); count], columns, challenges: Vec::new(), late: Vec::new() }
    }
}

struct Evaluations {
    advice: HashMap<Query, Fr>,
    fixed: HashMap<Query, Fr>,
    quotient: Fr,
    blinding: Fr,
}
