//! The prover: `docs/stark.md`, "The protocol".

use p3_challenger::{CanObserve, FieldChallenger};
use p3_commit::{Mmcs, OpenedValues, Pcs, UnivariateStarkPcs};
use p3_dft::TwoAdicSubgroupDft;
use p3_field::coset::TwoAdicMultiplicativeCoset;
use p3_field::{ExtensionField, Field, PrimeCharacteristicRing, TwoAdicField};
use p3_matrix::Matrix;
use p3_matrix::bitrev::BitReversibleMatrix;
use p3_matrix::dense::{RowMajorMatrix, RowMajorMatrixView};
use p3_maybe_rayon::prelude::*;
use zktee_models::integer::{InferError, Trace};

use crate::challenges::Challenges;
use crate::evidence::Evidence;
use crate::field::{Challenger, Commitment, Ext, Scheme, Tree, Val};
use crate::key::Key;
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
        let statement = Statement { inputs: inputs.to_vec(), outputs };
        clock.lap("infer");
        let first = first_phase(self, &traces);
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
        let scheme = &self.scheme;
        let mut challenger = transcript(self, statement);
        let domain = domain(scheme, layout.rows());
        let commit = |matrices: Vec<RowMajorMatrix<Val>>| {
            let matrices = matrices.into_iter().map(|matrix| (domain, matrix));
            <Scheme as Pcs<Ext, Challenger>>::commit(scheme, matrices).map_err(open)
        };
        let (first_commitment, first_data) = commit(vec![first.clone()])?;
        challenger.observe(first_commitment.clone());
        clock.lap("commit first");

        let drawn = Challenges::draw(&mut challenger);
        let public = Public::new(self, statement, &drawn)?;
        clock.lap("public vectors");
        let mut second = Second::new(layout, &public, first)?;
        meddler.second(self, &public, first, &mut second);
        clock.lap("second phase");
        let (second_commitment, second_data) = commit(second.into_matrices(layout.lanes.len()).into())?;
        challenger.observe(second_commitment.clone());
        clock.lap("commit second");

        let alpha: Ext = challenger.sample_algebra_element();
        let extended = Extended {
            first: self.extended(&first_data, 0),
            helpers: self.extended(&second_data, 0),
            sums: self.extended(&second_data, 1),
        };
        let mut coefficients = quotient(layout, &self.transform, &public, alpha, &extended);
        meddler.quotient(&mut coefficients);
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
        let (values, opening) = scheme.open(requests, &mut challenger).map_err(open)?;
        clock.lap("open");
        let opened = opened(values).ok_or_else(|| ProofError::Open("another shape".to_owned()))?;
        Ok(Proof { first: first_commitment, second: second_commitment, quotient: quotient_commitment, opened, opening })
    }

    /// Commits to the quotient's pieces, given their coefficients.
    fn commit_quotient(&self, mut coefficients: RowMajorMatrix<Val>) -> Result<(Commitment, Data), ProofError> {
        let height = self.layout.rows() << self.parameters.log_blowup;
        coefficients.values.resize(height * coefficients.width, Val::ZERO);
        let values = self.transform.coset_dft_batch(coefficients, Val::GENERATOR).bit_reverse_rows();
        let values = vec![values.to_row_major_matrix()];
        <Scheme as UnivariateStarkPcs<Ext, Challenger>>::commit_ldes(&self.scheme, values).map_err(open)
    }

    /// The first points of a committed matrix, as many as the quotient takes.
    fn extended<'a>(&self, data: &'a Data, index: usize) -> RowMajorMatrixView<'a, Val> {
        let matrix = self.tree.get_matrices(data)[index];
        RowMajorMatrixView::new(&matrix.values[..PIECES * self.layout.rows() * matrix.width], matrix.width)
    }
}

/// The rows' domain.
pub(crate) fn domain(scheme: &Scheme, rows: usize) -> TwoAdicMultiplicativeCoset<Val> {
    <Scheme as Pcs<Ext, Challenger>>::natural_domain_for_degree(scheme, rows)
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
