//! The prover: `docs/stark.md`, "The protocol".

use p3_challenger::{CanObserve, FieldChallenger};
use p3_commit::{Mmcs, OpenedValues, Pcs, UnivariateStarkPcs};
use p3_dft::TwoAdicSubgroupDft;
use p3_field::coset::TwoAdicMultiplicativeCoset;
use p3_field::{ExtensionField, Field, PrimeCharacteristicRing, TwoAdicField};
use p3_fri::{PcsProverTranscript, PcsShape};
use p3_matrix::Matrix;
use p3_matrix::bitrev::BitReversibleMatrix;
use p3_matrix::dense::{RowMajorMatrix, RowMajorMatrixView};
use p3_maybe_rayon::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use zktee_models::integer::{InferError, Trace};

use crate::challenges::Challenges;
use crate::evidence::Evidence;
use crate::field::{Challenger, Commitment, DEGREE, Ext, Scheme, Tree, Val};
use crate::key::Key;
use crate::masks::{Masks, Part, extend, is_basis, mask_quotient};
use crate::preamble::{Statement, transcript};
use crate::proof::{Opened, Proof};
use crate::quotient::{Extended, quotient};
use crate::relation::{Pole, Public};
use crate::second::Second;
use crate::security::PIECES;
use crate::timings::{Clock, Timing};
use crate::witness::first_phase;

/// What the prover keeps of a commitment.
type Data = <Tree as Mmcs<Val>>::ProverData<RowMajorMatrix<Val>>;

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The model refuses an input.
    #[error(transparent)]
    Infer(#[from] InferError),
    /// Another number of inputs than the key is for.
    #[error("{expected} input values expected, got {got}")]
    Count {
        /// What the key is for.
        expected: usize,
        /// What there is.
        got: usize,
    },
    /// A challenge hit one of the few values that the prover cannot work with: chances are below 2^-80.
    #[error("a challenge is a pole")]
    Pole,
    /// The commitment scheme.
    #[error("the polynomials could not be opened: {0}")]
    Open(String),
}

impl From<Pole> for ProofError {
    fn from(_: Pole) -> Self {
        Self::Pole
    }
}

/// A proof with the statement that it is of, and where its time went.
#[derive(Debug)]
pub struct Proven {
    /// What the verifier is handed.
    pub evidence: Evidence,
    /// Parts of the call, in order.
    pub timings: Vec<Timing>,
}

/// What a test may change of what the prover does. The prover itself changes nothing.
pub(crate) trait Meddler {
    /// After the second phase is worked out.
    fn second(&mut self, _key: &Key, _public: &Public, _first: &RowMajorMatrix<Val>, _second: &mut Second) {}

    /// The quotient's coefficients, both pieces a row.
    fn quotient(&mut self, _coefficients: &mut RowMajorMatrix<Val>) {}

    /// What masks are drawn from.
    fn randomness(&mut self) -> StdRng {
        StdRng::from_rng(&mut rand::rng())
    }

    /// After a mask is drawn.
    fn mask(&mut self, _part: Part, _mask: &mut RowMajorMatrix<Val>) {}
}

/// Nobody.
pub(crate) struct Honest;

impl Meddler for Honest {}

impl Key {
    /// Runs the model on all inputs of a batch (integers, row-major) and proves what it answers.
    ///
    /// # Errors
    /// [`ProofError::Count`] and [`ProofError::Infer`] for inputs that the model does not take.
    pub fn prove(&self, inputs: &[i64]) -> Result<Proven, ProofError> {
        let expected = self.network.input_len() * self.layout.batch;
        if inputs.len() != expected {
            return Err(ProofError::Count { expected, got: inputs.len() });
        }
        let mut clock = Clock::start();
        let run = |input| self.model.trace(input);
        let traces = inputs.par_chunks_exact(self.network.input_len()).map(run).collect::<Result<Vec<Trace>, _>>()?;
        let outputs = traces.iter().flat_map(|trace| trace.output().iter().copied()).collect();
        let stated = if self.profile.hides_input() { Vec::new() } else { inputs.to_vec() };
        let statement = Statement { inputs: stated, outputs };
        clock.lap("infer");
        let first = first_phase(self, inputs, &traces);
        clock.lap("witness");
        let proof = self.prove_table(&statement, &first, &mut Honest, &mut clock)?.to_bytes();
        clock.lap("serialise");
        let Statement { inputs, outputs } = statement;
        Ok(Proven { evidence: Evidence { inputs, outputs, proof }, timings: clock.stop() })
    }

    /// Proves what a table of the first phase shows, if it shows anything.
    pub(crate) fn prove_table(
        &self,
        statement: &Statement,
        first: &RowMajorMatrix<Val>,
        meddler: &mut impl Meddler,
        clock: &mut Clock,
    ) -> Result<Proof, ProofError> {
        let layout = &self.layout;
        let mut challenger = transcript(self, statement);
        let mut masks = layout.hidden().then(|| Masks::new(meddler.randomness(), self.degrees));
        let (first_commitment, first_data) =
            self.commit(vec![(Part::First, first.clone())], masks.as_mut(), meddler)?;
        challenger.observe(first_commitment.clone());
        clock.lap("commit first");

        let drawn = Challenges::draw(&mut challenger);
        let public = Public::new(self, statement, &drawn)?;
        clock.lap("public vectors");
        let mut second = Second::new(layout, &public, first)?;
        meddler.second(self, &public, first, &mut second);
        clock.lap("second phase");
        let [helpers, sums] = second.into_matrices(layout.lanes.len());
        let second = vec![(Part::Helpers, helpers), (Part::Sums, sums)];
        let (second_commitment, second_data) = self.commit(second, masks.as_mut(), meddler)?;
        challenger.observe(second_commitment.clone());
        clock.lap("commit second");

        let alpha: Ext = challenger.sample_algebra_element();
        let extended = Extended {
            first: self.extended(&first_data, 0),
            helpers: self.extended(&second_data, 0),
            sums: self.extended(&second_data, 1),
        };
        let mut coefficients = quotient(layout, &self.degrees, &self.transform, &public, alpha, &extended);
        meddler.quotient(&mut coefficients);
        if let Some(masks) = &mut masks {
            let [mask, codeword] = [Part::Quotient, Part::Codeword].map(|part| {
                let mut mask = masks.draw(part, DEGREE);
                meddler.mask(part, &mut mask);
                mask
            });
            coefficients = mask_quotient(&coefficients, &self.degrees, &mask, &codeword);
        }
        clock.lap("quotient");
        let (quotient_commitment, quotient_data) = self.commit_quotient(coefficients)?;
        challenger.observe(quotient_commitment.clone());
        clock.lap("commit quotient");

        let zeta: Ext = challenger.sample_algebra_element();
        if is_pole(zeta, layout.rows()) {
            return Err(ProofError::Pole);
        }
        let next = zeta * Val::two_adic_generator(layout.log_rows as usize);
        let requests = vec![
            (&first_data, vec![vec![zeta]]).into(),
            (&second_data, vec![vec![zeta], vec![zeta, next]]).into(),
            (&quotient_data, vec![vec![zeta]]).into(),
        ];
        let before = challenger.clone();
        let (values, opening) = self.scheme.open(requests, &mut challenger).map_err(open)?;
        if layout.hidden() && !is_basis(self.combining(before, &values)) {
            return Err(ProofError::Pole);
        }
        clock.lap("open");
        let opened = opened(values).ok_or_else(|| ProofError::Open("another shape".to_owned()))?;
        Ok(Proof { first: first_commitment, second: second_commitment, quotient: quotient_commitment, opened, opening })
    }

    /// Commits to columns, given on the rows, each with its mask.
    fn commit(
        &self,
        columns: Vec<(Part, RowMajorMatrix<Val>)>,
        masks: Option<&mut Masks>,
        meddler: &mut impl Meddler,
    ) -> Result<(Commitment, Data), ProofError> {
        let Some(masks) = masks else {
            let domain = domain(&self.scheme, self.degrees.bound);
            let columns = columns.into_iter().map(|(_, columns)| (domain, columns));
            return <Scheme as Pcs<Ext, Challenger>>::commit(&self.scheme, columns).map_err(open);
        };
        let points = self.degrees.bound << self.parameters.log_blowup;
        let masked = columns.into_iter().map(|(part, columns)| {
            let mut mask = masks.draw(part, columns.width());
            meddler.mask(part, &mut mask);
            extend(&self.transform, columns, &mask, points)
        });
        <Scheme as UnivariateStarkPcs<Ext, Challenger>>::commit_ldes(&self.scheme, masked.collect()).map_err(open)
    }

    /// The challenge that combines all that is opened, from the transcript as it was before.
    fn combining(&self, mut challenger: Challenger, values: &OpenedValues<Ext>) -> Ext {
        let widths = |matrix: &Vec<Vec<Ext>>| matrix.iter().map(Vec::len).collect();
        let shape = PcsShape {
            claimed_evaluation_counts: values.iter().map(|round| round.iter().map(widths).collect()).collect(),
            batch_pow_bits: self.parameters.batch_grinding,
        };
        let mut transcript = PcsProverTranscript::<_, Val, Ext>::new(&mut challenger, shape);
        transcript.claimed_openings(values);
        let (challenge, _) = transcript.batch_phase();
        transcript.abort();
        challenge
    }

    /// Commits to the quotient's pieces, given their coefficients.
    fn commit_quotient(&self, mut coefficients: RowMajorMatrix<Val>) -> Result<(Commitment, Data), ProofError> {
        let height = self.degrees.bound << self.parameters.log_blowup;
        coefficients.values.resize(height * coefficients.width, Val::ZERO);
        let values = self.transform.coset_dft_batch(coefficients, Val::GENERATOR).bit_reverse_rows();
        let values = vec![values.to_row_major_matrix()];
        <Scheme as UnivariateStarkPcs<Ext, Challenger>>::commit_ldes(&self.scheme, values).map_err(open)
    }

    /// The first points of a committed matrix, as many as the quotient takes.
    fn extended<'a>(&self, data: &'a Data, index: usize) -> RowMajorMatrixView<'a, Val> {
        let matrix = self.tree.get_matrices(data)[index];
        RowMajorMatrixView::new(&matrix.values[..PIECES * self.degrees.bound * matrix.width], matrix.width)
    }
}

/// A domain for polynomials of degrees below this bound.
pub(crate) fn domain(scheme: &Scheme, bound: usize) -> TwoAdicMultiplicativeCoset<Val> {
    <Scheme as Pcs<Ext, Challenger>>::natural_domain_for_degree(scheme, bound)
}

/// Whether nothing can be opened at a point: it is of the field in which the columns are committed to, or a row of the table.
pub(crate) fn is_pole(point: Ext, rows: usize) -> bool {
    ExtensionField::<Val>::is_in_basefield(&point) || point.exp_u64(rows as u64) == Ext::ONE
}

/// The opened values by name.
fn opened(values: OpenedValues<Ext>) -> Option<Opened> {
    let mut points = values.into_iter().flatten().flatten();
    let opened = Opened {
        first: points.next()?,
        helpers: points.next()?,
        sum: points.next()?,
        next_sum: points.next()?,
        quotient: points.next()?,
    };
    points.next().is_none().then_some(opened)
}

fn open(error: impl std::fmt::Debug) -> ProofError {
    ProofError::Open(format!("{error:?}"))
}
