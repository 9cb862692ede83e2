//! What the prover needs to know of a circuit.

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::plonk::{ConstraintSystem, Gate, VerifyingKey};

use crate::error::Unsupported;
use crate::gates::{Nodes, Sum};

/// A polynomial that is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opened {
    Advice(usize),
    Fixed(usize),
    /// The quotient, its pieces put together.
    Quotient,
    /// The random polynomial that blinds the quotient.
    Random,
}

/// A column and how many rows further on it is read, below the number of rows.
pub(crate) type Query = (usize, usize);

/// The shape of a circuit.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) k: u32,
    /// Rows that a witness may fill.
    pub(crate) usable: usize,
    pub(crate) instance_columns: usize,
    /// Indices of the advice columns, by phase.
    pub(crate) advice: Vec<Vec<usize>>,
    /// Indices of the challenges drawn after each phase.
    pub(crate) challenges: Vec<Vec<usize>>,
    pub(crate) advice_queries: Vec<Query>,
    pub(crate) fixed_queries: Vec<Query>,
    /// Number of pieces of the quotient that the verifier reads.
    pub(crate) pieces: usize,
}

impl Shape {
    /// The shape of a circuit of gates alone with so many rows, and its gates.
    ///
    /// # Errors
    /// If there is more to it.
    pub(crate) fn new(vk: &VerifyingKey<G1Affine>, rows: usize) -> Result<(Self, Nodes, Vec<Sum>), Unsupported> {
        let cs = vk.cs();
        if !cs.permutation().get_columns().is_empty() {
            return Err(Unsupported::Permutation);
        }
        if !cs.lookups().is_empty() {
            return Err(Unsupported::Lookup);
        }
        let blinded = cs.blinding_factors() + 1;
        if rows <= blinded {
            return Err(Unsupported::TooFewRows);
        }
        let mut nodes = Nodes::new(rows);
        let mut gates = Vec::new();
        for polynomial in cs.gates().iter().flat_map(Gate::polynomials) {
            gates.push(nodes.polynomial(polynomial)?);
        }
        let degree = gates.iter().map(|gate| nodes.degree(gate)).max().unwrap_or(0);
        if degree > cs.degree() {
            return Err(Unsupported::Degree { gate: degree, verifier: cs.degree() });
        }
        let advice_queries = queries(cs.advice_queries().iter().map(|(column, at)| (column.index(), at.0)), rows)?;
        let fixed_queries = queries(cs.fixed_queries().iter().map(|(column, at)| (column.index(), at.0)), rows)?;
        let (advice, challenges) = phases(cs);
        let shape = Self {
            k: rows.ilog2(),
            usable: rows - blinded,
            instance_columns: cs.num_instance_columns(),
            advice,
            challenges,
            advice_queries,
            fixed_queries,
            pieces: cs.degree() - 1,
        };
        Ok((shape, nodes, gates))
    }

    /// Number of advice columns.
    pub(crate) fn advice_columns(&self) -> usize {
        self.advice.iter().map(Vec::len).sum()
    }

    /// The polynomials that are opened, by the points (as rotations) that they are opened at, in the order in which upstream's verifier
    /// comes across them: columns read nowhere are not opened.
    pub(crate) fn opened(&self) -> Vec<(Vec<usize>, Vec<Opened>)> {
        let advice = self.advice_queries.iter().map(|&(column, at)| (Opened::Advice(column), at));
        let fixed = self.fixed_queries.iter().map(|&(column, at)| (Opened::Fixed(column), at));
        let others = [(Opened::Quotient, 0), (Opened::Random, 0)];
        let mut polynomials: Vec<(Opened, Vec<usize>)> = Vec::new();
        let mut known = std::collections::HashMap::new();
        for (opened, at) in advice.chain(fixed).chain(others) {
            let next = polynomials.len();
            let index = *known.entry(key(opened)).or_insert(next);
            if index == next {
                polynomials.push((opened, Vec::new()));
            }
            polynomials[index].1.push(at);
        }
        let mut sets: Vec<(Vec<usize>, Vec<Opened>)> = Vec::new();
        for (opened, mut rotations) in polynomials {
            rotations.sort_unstable();
            match sets.iter_mut().find(|(of_set, _)| *of_set == rotations) {
                Some((_, members)) => members.push(opened),
                None => sets.push((rotations, vec![opened])),
            }
        }
        sets
    }
}

const fn key(opened: Opened) -> (u8, usize) {
    match opened {
        Opened::Advice(column) => (0, column),
        Opened::Fixed(column) => (1, column),
        Opened::Quotient => (2, 0),
        Opened::Random => (3, 0),
    }
}

fn queries(queries: impl Iterator<Item = (usize, i32)>, rows: usize) -> Result<Vec<Query>, Unsupported> {
    let queries: Vec<Query> =
        queries.map(|(column, at)| (column, i64::from(at).rem_euclid(rows as i64) as usize)).collect();
    let distinct: std::collections::HashSet<&Query> = queries.iter().collect();
    if distinct.len() < queries.len() { Err(Unsupported::Rotation) } else { Ok(queries) }
}

/// Advice columns and challenges by phase: as many phases as advice columns need.
fn phases(cs: &ConstraintSystem<Fr>) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let (columns, challenges) = (cs.advice_column_phase(), cs.challenge_phase());
    let count = columns.iter().copied().max().unwrap_or(0) + 1;
    let of = |phases: &[u8], wanted: u8| {
        phases.iter().enumerate().filter(|(_, phase)| **phase == wanted).map(|(index, _)| index).collect::<Vec<_>>()
    };
    (0..count).map(|phase| (of(&columns, phase), of(&challenges, phase))).unzip()
}
