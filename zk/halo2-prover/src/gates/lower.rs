//! From nodes to steps.
//!
//! A sum is first rewritten: sums that are terms of it alone are dissolved in it where that takes less time, and a factor that several
//! terms share is taken out of them, the most frequent one first (Horner's rule for several variables, as a greedy algorithm:
//! Ceberio and Kreinovich, 2004). What gates share, a selector above all, is thereby multiplied once for all of them.

use std::collections::HashMap;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;

use super::coefficient::Coefficient;
use super::node::{Cell, Node, NodeId, Nodes, Sum};
use super::program::{Addition, Operand, Program, Step};

/// A coefficient times nodes.
#[derive(Debug, Clone)]
struct Term {
    coefficient: Coefficient,
    factors: Vec<NodeId>,
}

/// Builds a program. Nodes must not be used by anything else than the roots that are lowered.
#[derive(Debug)]
pub(crate) struct Lowering<'a> {
    nodes: &'a mut Nodes,
    uses: HashMap<NodeId, usize>,
    cells: Vec<Cell>,
    cell_numbers: HashMap<Cell, usize>,
    steps: Vec<Step>,
    values: HashMap<NodeId, Operand>,
    products: HashMap<(Operand, Operand), Operand>,
    /// The coefficients that steps refer to.
    wanted: &'a mut Vec<Coefficient>,
    wanted_numbers: HashMap<Coefficient, usize>,
    outputs: Vec<Operand>,
}

/// Relative times of steps, measured: a product with its reduction takes about 31, without 13; a reduction 20; an addition 3.
mod time {
    pub(super) const PRODUCT: usize = 31;
    pub(super) const TERM: usize = 13;
    pub(super) const REDUCTION: usize = 20;
    pub(super) const ADDITION: usize = 3;
}

impl<'a> Lowering<'a> {
    /// For a program with these roots. `wanted` collects the coefficients of several programs.
    pub(crate) fn new(nodes: &'a mut Nodes, roots: &[Sum], wanted: &'a mut Vec<Coefficient>) -> Self {
        let wanted_numbers = wanted.iter().enumerate().map(|(number, coefficient)| (*coefficient, number)).collect();
        Self {
            uses: nodes.uses(roots.iter()),
            nodes,
            cells: Vec::new(),
            cell_numbers: HashMap::new(),
            steps: Vec::new(),
            values: HashMap::new(),
            products: HashMap::new(),
            wanted,
            wanted_numbers,
            outputs: Vec::new(),
        }
    }

    /// Adds the steps for one more output.
    pub(crate) fn output(&mut self, root: &Sum) {
        let terms = self.terms(root, self.nodes.one());
        let output = self.add(terms);
        self.outputs.push(output);
    }

    /// The program.
    pub(crate) fn finish(self) -> Program {
        Program::new(self.cells, self.steps, self.outputs)
    }

    fn coefficient(&mut self, coefficient: Coefficient) -> usize {
        let next = self.wanted.len();
        let number = *self.wanted_numbers.entry(coefficient).or_insert(next);
        if number == next {
            self.wanted.push(coefficient);
        }
        number
    }

    fn step(&mut self, step: Step) -> Operand {
        self.steps.push(step);
        Operand::Register(self.steps.len() - 1)
    }

    /// `Some(false)` for 1, `Some(true)` for −1.
    fn sign(&self, coefficient: Coefficient) -> Option<bool> {
        match self.nodes.coefficients.value(coefficient) {
            Some(Fr::ONE) => Some(false),
            Some(value) if value == -Fr::ONE => Some(true),
            _ => None,
        }
    }

    fn node(&mut self, id: NodeId) -> Operand {
        if let Some(operand) = self.values.get(&id) {
            return *operand;
        }
        let operand = match self.nodes.node(id).clone() {
            Node::Cell(cell) => {
                let next = self.cells.len();
                let number = *self.cell_numbers.entry(cell).or_insert(next);
                if number == next {
                    self.cells.push(cell);
                }
                Operand::Cell(number)
            }
            Node::Product(factors) => self.multiply(&factors),
            Node::Sum(sum) => {
                let terms = self.terms(&sum, self.nodes.one());
                self.add(terms)
            }
        };
        self.values.insert(id, operand);
        operand
    }

    fn product(&mut self, a: Operand, b: Operand) -> Operand {
        let key = (a.min(b), a.max(b));
        if let Some(operand) = self.products.get(&key) {
            return *operand;
        }
        let operand = self.step(Step::Multiply(a, b));
        self.products.insert(key, operand);
        operand
    }

    fn multiply(&mut self, factors: &[NodeId]) -> Operand {
        let mut product = self.node(factors[0]);
        for &factor in &factors[1..] {
            let factor = self.node(factor);
            product = self.product(product, factor);
        }
        product
    }

    /// The terms of a sum times a factor, with the sums dissolved that may be.
    fn terms(&mut self, sum: &Sum, factor: Coefficient) -> Vec<Term> {
        let mut terms = Vec::new();
        if !self.nodes.coefficients.is_zero(sum.constant) {
            let coefficient = self.nodes.coefficients.multiply(sum.constant, factor);
            terms.push(Term { coefficient, factors: Vec::new() });
        }
        for &(id, coefficient) in &sum.terms {
            let coefficient = self.nodes.coefficients.multiply(coefficient, factor);
            let factors = match self.nodes.node(id) {
                Node::Product(factors) => factors.clone(),
                _ => vec![id],
            };
            self.dissolve(Term { coefficient, factors }, &mut terms);
        }
        terms
    }

    /// Adds a term, or the terms of the sum that it is.
    fn dissolve(&mut self, term: Term, terms: &mut Vec<Term>) {
        if let [id] = term.factors[..]
            && let Node::Sum(sum) = self.nodes.node(id)
            && self.uses.get(&id) == Some(&1)
            && self.is_better_dissolved(sum, term.coefficient)
        {
            let sum = sum.clone();
            terms.extend(self.terms(&sum, term.coefficient));
        } else {
            terms.push(term);
        }
    }

    fn is_better_dissolved(&self, sum: &Sum, factor: Coefficient) -> bool {
        if self.sign(factor).is_some() {
            return true;
        }
        // Terms without a coefficient get one; one term and one reduction less are needed.
        let dearer = sum.terms.iter().filter(|(_, coefficient)| self.sign(*coefficient).is_some()).map(|(id, _)| {
            if matches!(self.nodes.node(*id), Node::Product(_)) { time::PRODUCT } else { time::TERM - time::ADDITION }
        });
        let has_reduction = sum.terms.iter().any(|(id, coefficient)| {
            self.sign(*coefficient).is_none() || matches!(self.nodes.node(*id), Node::Product(_))
        });
        dearer.sum::<usize>() < time::TERM + if has_reduction { time::REDUCTION } else { 0 }
    }

    /// The factor that most terms have, if two have it.
    fn common_factor(terms: &[Term]) -> Option<NodeId> {
        let mut counts: HashMap<NodeId, usize> = HashMap::new();
        for term in terms {
            let mut last = None;
            // Factors are in order, so that equal ones are neighbours.
            for &factor in &term.factors {
                if last != Some(factor) {
                    *counts.entry(factor).or_default() += 1;
                }
                last = Some(factor);
            }
        }
        let most = counts.into_iter().filter(|(_, count)| *count > 1);
        most.max_by_key(|(factor, count)| (*count, std::cmp::Reverse(*factor))).map(|(factor, _)| factor)
    }

    fn add(&mut self, mut terms: Vec<Term>) -> Operand {
        let mut addition = Addition::default();
        while let Some(factor) = Self::common_factor(&terms) {
            let (with, without): (Vec<Term>, Vec<Term>) =
                terms.into_iter().partition(|term| term.factors.contains(&factor));
            terms = without;
            let mut inner = Vec::new();
            for mut term in with {
                if let Some(at) = term.factors.iter().position(|other| *other == factor) {
                    term.factors.remove(at);
                }
                self.dissolve(term, &mut inner);
            }
            let (inner, factor) = (self.add(inner), self.node(factor));
            addition.products.push((inner, factor, false));
        }
        for term in terms {
            self.add_term(&mut addition, &term);
        }
        match &addition {
            Addition { constants, plain, scaled, products }
                if constants.is_empty() && plain.len() + products.len() == 1 && scaled.is_empty() =>
            {
                match (&plain[..], &products[..]) {
                    ([(operand, false)], _) => return *operand,
                    (_, [(a, b, false)]) => return self.product(*a, *b),
                    _ => {}
                }
            }
            _ => {}
        }
        self.step(Step::Add(addition))
    }

    fn add_term(&mut self, addition: &mut Addition, term: &Term) {
        let sign = self.sign(term.coefficient);
        match (&term.factors[..], sign) {
            ([], _) => addition.constants.push(self.coefficient(term.coefficient)),
            ([single], Some(negative)) => addition.plain.push((self.node(*single), negative)),
            ([most @ .., last], Some(negative)) => {
                let (most, last) = (self.multiply(most), self.node(*last));
                addition.products.push((most, last, negative));
            }
            (factors, None) => {
                let product = self.multiply(factors);
                let coefficient = self.coefficient(term.coefficient);
                addition.scaled.push((product, coefficient));
            }
        }
    }
}
