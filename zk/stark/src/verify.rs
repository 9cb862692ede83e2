//! The verifier: `docs/stark.md`, "The verifier".

use p3_challenger::{CanObserve, FieldChallenger};
use p3_commit::{CommitmentOpening, Pcs};
use p3_field::coset::TwoAdicMultiplicativeCoset;
use p3_field::{ExtensionField, Field, PrimeCharacteristicRing, TwoAdicField, batch_multiplicative_inverse};
use zktee_integer::Illegal;

use crate::challenges::Challenges;
use crate::constraints::{Combined, Known, Row, evaluate};
use crate::evidence::Evidence;
use crate::field::{Challenger, Commitment, DEGREE, Ext, Val, powers};
use crate::key::Key;
use crate::preamble::{Statement, transcript};
use crate::proof::{Opened, Proof};
use crate::prove::{domain, is_pole};
use crate::relation::Public;
use crate::security::PIECES;

/// Why evidence is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The statement is none that a run of the model can have.
    #[error(transparent)]
    Statement(#[from] Illegal),
    /// Bytes that no prover wrote.
    #[error("the proof's bytes are none of a proof")]
    Bytes,
    /// Another number of opened values.
    #[error("the proof opens other columns")]
    Shape,
    /// A challenge at which nothing can be checked.
    #[error("a challenge is a pole")]
    Pole,
    /// The constraints do not hold at the transcript's point.
    #[error("the constraints do not hold")]
    Constraints,
    /// The opened values are not those of the committed columns.
    #[error("the openings do not hold: {0}")]
    Opening(String),
}

impl Key {
    /// Checks evidence: that every number of the statement is legal and that the proof holds for it. No bytes make it panic.
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn verify(&self, evidence: &Evidence) -> Result<(), Rejected> {
        let batch = self.layout.batch;
        let stated = if self.layout.hidden() { 0 } else { self.network.input_len() * batch };
        Illegal::unless_inputs(&evidence.inputs, stated, self.network.input_range)?;
        Illegal::unless_outputs(&evidence.outputs, self.layout.outputs * batch)?;
        let proof = Proof::from_bytes(&evidence.proof).ok_or(Rejected::Bytes)?;
        let statement = Statement { inputs: evidence.inputs.clone(), outputs: evidence.outputs.clone() };
        self.verify_proof(&statement, proof)
    }

    /// Checks the proof alone.
    pub(crate) fn verify_proof(&self, statement: &Statement, proof: Proof) -> Result<(), Rejected> {
        let mut challenger = transcript(self, statement);
        let point = self.point(statement, &proof, &mut challenger)?;
        let Proof { first, second, quotient, opened, opening } = proof;
        // After the pieces there is the random polynomial, where there is one; only its opening is checked.
        let (lower, higher) = opened.quotient[..PIECES * DEGREE].split_at(DEGREE);
        let power = point.zeta.exp_u64(self.degrees.cut() as u64);
        if point.combined != (extension(lower)? + power * extension(higher)?) * point.vanishing {
            return Err(Rejected::Constraints);
        }
        let next = point.zeta * Val::two_adic_generator(self.layout.log_rows as usize);
        let claims = self.claims([first, second, quotient], [point.zeta, next], opened);
        self.scheme.verify(claims, &opening, &mut challenger).map_err(|error| Rejected::Opening(format!("{error:?}")))
    }

    /// Goes through the transcript up to the point at which all is opened, and works out the combined constraints there.
    fn point(&self, statement: &Statement, proof: &Proof, challenger: &mut Challenger) -> Result<Point, Rejected> {
        let layout = &self.layout;
        let opened = &proof.opened;
        if opened.lengths() != Opened::expected(self) {
            return Err(Rejected::Shape);
        }
        challenger.observe(proof.first.clone());
        let drawn = Challenges::draw(challenger);
        challenger.observe(proof.second.clone());
        let alpha: Ext = challenger.sample_algebra_element();
        challenger.observe(proof.quotient.clone());
        let zeta: Ext = challenger.sample_algebra_element();
        if is_pole(zeta, layout.rows()) {
            return Err(Rejected::Pole);
        }
        let public = Public::new(self, statement, &drawn).map_err(|_| Rejected::Pole)?;
        let vanishing = zeta.exp_u64(layout.rows() as u64) - Ext::ONE;
        let helpers = opened.helpers.chunks_exact(DEGREE).map(extension).collect::<Result<Vec<_>, _>>()?;
        let at_zeta = public.at(zeta, vanishing);
        let row = Row::<Ext, Ext> {
            first: &opened.first,
            helpers: &helpers,
            sums: [extension(&opened.sum)?, extension(&opened.next_sum)?],
            public: &at_zeta,
        };
        let alphas = powers(alpha, layout.constraints());
        let mut combined = Combined::new(&alphas);
        evaluate(layout, &Known::<Ext>::of(&public), &row, &mut combined);
        Ok(Point { zeta, vanishing, combined: combined.sum })
    }

    /// What the quotient would have to be for the constraints to hold.
    #[cfg(test)]
    pub(crate) fn quotient_needed(&self, statement: &Statement, proof: &Proof) -> Result<Ext, Rejected> {
        let point = self.point(statement, proof, &mut transcript(self, statement))?;
        Ok(point.combined * p3_field::Field::inverse(&point.vanishing))
    }

    /// What the commitment scheme is asked to check.
    fn claims(&self, commitments: [Commitment; 3], [zeta, next]: [Ext; 2], opened: Opened) -> Vec<Claim> {
        let domain = domain(&self.scheme, self.degrees.bound);
        let [first, second, quotient] = commitments;
        vec![
            (first, vec![(domain, vec![(zeta, opened.first)])]).into(),
            (
                second,
                vec![
                    (domain, vec![(zeta, opened.helpers)]),
                    (domain, vec![(zeta, opened.sum), (next, opened.next_sum)]),
                ],
            )
                .into(),
            (quotient, vec![(domain, vec![(zeta, opened.quotient)])]).into(),
        ]
    }
}

/// Where all is opened.
struct Point {
    zeta: Ext,
    /// Of the rows' vanishing polynomial: `zeta^N - 1`.
    vanishing: Ext,
    /// The combined constraints.
    combined: Ext,
}

/// An extension element of which each coordinate's polynomial was opened.
fn extension(coordinates: &[Ext]) -> Result<Ext, Rejected> {
    <Ext as ExtensionField<Val>>::from_ext_basis_coefficients(coordinates).ok_or(Rejected::Shape)
}

/// A commitment with what it is said to hold.
type Claim = CommitmentOpening<Ext, Commitment, TwoAdicMultiplicativeCoset<Val>>;

impl Opened {
    fn lengths(&self) -> [usize; 5] {
        [&self.first, &self.helpers, &self.sum, &self.next_sum, &self.quotient].map(Vec::len)
    }

    fn expected(key: &Key) -> [usize; 5] {
        let layout = &key.layout;
        let codeword = if layout.hidden() { DEGREE } else { 0 };
        [layout.first_columns(), layout.lanes.len() * DEGREE, DEGREE, DEGREE, PIECES * DEGREE + codeword]
    }
}

impl Public {
    /// The vectors' polynomials at a point that is no row: the barycentric formula.
    fn at(&self, point: Ext, vanishing: Ext) -> Vec<Ext> {
        let rows = self.values.len() / self.columns;
        let root = Val::two_adic_generator(rows.trailing_zeros() as usize);
        let places = root.powers().collect_n(rows);
        let distances: Vec<Ext> = places.iter().map(|&place| point - place).collect();
        let inverses = batch_multiplicative_inverse(&distances);
        let mut sums = Ext::zero_vec(self.columns);
        for ((row, &place), inverse) in self.values.chunks_exact(self.columns).zip(&places).zip(inverses) {
            let weight = inverse * place;
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += weight * value;
            }
        }
        let factor = vanishing * Val::from_usize(rows).inverse();
        sums.into_iter().map(|sum| sum * factor).collect()
    }
}
