//! Gates as sums of products in which every value that is needed twice is one node.

use std::collections::{BTreeMap, HashMap};

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::plonk::Expression;

use super::coefficient::{Coefficient, Coefficients};
use crate::error::Unsupported;

/// Which kind of column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Source {
    Advice,
    Fixed,
    Instance,
}

/// A column read at a distance from the row at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) source: Source,
    pub(crate) column: usize,
    /// Rows further on, below the number of rows.
    pub(crate) rotation: usize,
}

/// Which node. A node's parts have smaller numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(u32);

/// A value of each row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    Cell(Cell),
    /// Of two factors at least, none of them a product, in order.
    Product(Vec<NodeId>),
    Sum(Sum),
}

/// A linear combination of nodes, in order, none of them a sum of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Sum {
    pub(crate) terms: Vec<(NodeId, Coefficient)>,
    pub(crate) constant: Coefficient,
}

/// A linear combination while it grows.
#[derive(Debug, Clone)]
struct Linear {
    terms: BTreeMap<NodeId, Coefficient>,
    constant: Coefficient,
}

/// All nodes of a circuit.
#[derive(Debug, Clone)]
pub(crate) struct Nodes {
    rows: usize,
    nodes: Vec<Node>,
    degrees: Vec<usize>,
    known: HashMap<Node, NodeId>,
    pub(crate) coefficients: Coefficients,
    zero: Coefficient,
    one: Coefficient,
}

impl Nodes {
    /// None yet, for a circuit of so many rows.
    pub(crate) fn new(rows: usize) -> Self {
        let mut coefficients = Coefficients::default();
        let (zero, one) = (coefficients.constant(Fr::ZERO), coefficients.constant(Fr::ONE));
        Self { rows, nodes: Vec::new(), degrees: Vec::new(), known: HashMap::new(), coefficients, zero, one }
    }

    /// What a node is.
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// 1 as a coefficient.
    pub(crate) const fn one(&self) -> Coefficient {
        self.one
    }

    /// 0 as a coefficient.
    pub(crate) const fn zero(&self) -> Coefficient {
        self.zero
    }

    /// Whether a node is a cell whose column is not the same in every proof.
    pub(crate) fn is_changing(&self, id: NodeId) -> bool {
        matches!(self.node(id), Node::Cell(Cell { source: Source::Advice | Source::Instance, .. }))
    }

    /// The degree of a combination.
    pub(crate) fn degree(&self, sum: &Sum) -> usize {
        sum.terms.iter().map(|(id, _)| self.degrees[id.0 as usize]).max().unwrap_or(0)
    }

    fn intern(&mut self, node: Node) -> NodeId {
        if let Some(&id) = self.known.get(&node) {
            return id;
        }
        let id = NodeId(self.nodes.len() as u32);
        self.degrees.push(match &node {
            Node::Cell(_) => 1,
            Node::Product(factors) => factors.iter().map(|factor| self.degrees[factor.0 as usize]).sum(),
            Node::Sum(sum) => self.degree(sum),
        });
        self.known.insert(node.clone(), id);
        self.nodes.push(node);
        id
    }

    /// A constraint's polynomial.
    ///
    /// # Errors
    /// If there is a selector in it.
    pub(crate) fn polynomial(&mut self, expression: &Expression<Fr>) -> Result<Sum, Unsupported> {
        let linear = self.linear(expression)?;
        Ok(Self::finish(linear))
    }

    /// The node of a combination that is no constant.
    pub(crate) fn sum(&mut self, sum: Sum) -> (NodeId, Coefficient) {
        match sum.terms[..] {
            [(node, coefficient)] if self.coefficients.is_zero(sum.constant) => (node, coefficient),
            _ => (self.intern(Node::Sum(sum)), self.one),
        }
    }

    fn finish(linear: Linear) -> Sum {
        Sum { terms: linear.terms.into_iter().collect(), constant: linear.constant }
    }

    fn constant(constant: Coefficient) -> Linear {
        Linear { terms: BTreeMap::new(), constant }
    }

    fn single(&self, node: NodeId, coefficient: Coefficient) -> Linear {
        Linear { terms: BTreeMap::from([(node, coefficient)]), constant: self.zero }
    }

    fn cell(&mut self, source: Source, column: usize, rotation: i32) -> Linear {
        let rotation = i64::from(rotation).rem_euclid(self.rows as i64) as usize;
        let node = self.intern(Node::Cell(Cell { source, column, rotation }));
        self.single(node, self.one)
    }

    fn linear(&mut self, expression: &Expression<Fr>) -> Result<Linear, Unsupported> {
        Ok(match expression {
            Expression::Constant(value) => Self::constant(self.coefficients.constant(*value)),
            Expression::Challenge(challenge) => Self::constant(self.coefficients.challenge(challenge.index())),
            Expression::Selector(_) => return Err(Unsupported::Selectors),
            Expression::Fixed(query) => self.cell(Source::Fixed, query.column_index(), query.rotation().0),
            Expression::Advice(query) => self.cell(Source::Advice, query.column_index(), query.rotation().0),
            Expression::Instance(query) => self.cell(Source::Instance, query.column_index(), query.rotation().0),
            Expression::Negated(inner) => {
                let (inner, factor) = (self.linear(inner)?, self.coefficients.constant(-Fr::ONE));
                self.scale(inner, factor)
            }
            Expression::Scaled(inner, factor) => {
                let (inner, factor) = (self.linear(inner)?, self.coefficients.constant(*factor));
                self.scale(inner, factor)
            }
            Expression::Sum(a, b) => {
                let (a, b) = (self.linear(a)?, self.linear(b)?);
                self.add(a, b)
            }
            Expression::Product(a, b) => {
                let (a, b) = (self.linear(a)?, self.linear(b)?);
                self.multiply(a, b)
            }
        })
    }

    fn scale(&mut self, mut linear: Linear, factor: Coefficient) -> Linear {
        if self.coefficients.is_zero(factor) {
            return Self::constant(self.zero);
        }
        for coefficient in linear.terms.values_mut().chain([&mut linear.constant]) {
            *coefficient = self.coefficients.multiply(*coefficient, factor);
        }
        linear
    }

    fn add(&mut self, a: Linear, b: Linear) -> Linear {
        let (mut larger, smaller) = if a.terms.len() < b.terms.len() { (b, a) } else { (a, b) };
        larger.constant = self.coefficients.add(larger.constant, smaller.constant);
        for (node, coefficient) in smaller.terms {
            let sum = match larger.terms.get(&node) {
                Some(&other) => self.coefficients.add(other, coefficient),
                None => coefficient,
            };
            if self.coefficients.is_zero(sum) {
                larger.terms.remove(&node);
            } else {
                larger.terms.insert(node, sum);
            }
        }
        larger
    }

    fn multiply(&mut self, a: Linear, b: Linear) -> Linear {
        if a.terms.is_empty() {
            return self.scale(b, a.constant);
        }
        if b.terms.is_empty() {
            return self.scale(a, b.constant);
        }
        let (a, a_factor) = self.sum(Self::finish(a));
        let (b, b_factor) = self.sum(Self::finish(b));
        let mut factors = Vec::new();
        for id in [a, b] {
            match self.node(id) {
                Node::Product(inner) => factors.extend_from_slice(inner),
                _ => factors.push(id),
            }
        }
        factors.sort_unstable();
        let product = self.intern(Node::Product(factors));
        let factor = self.coefficients.multiply(a_factor, b_factor);
        self.single(product, factor)
    }

    /// By how many nodes and roots each node is used that these roots need.
    pub(crate) fn uses<'a>(&self, roots: impl Iterator<Item = &'a Sum>) -> HashMap<NodeId, usize> {
        let mut uses = HashMap::new();
        let mut open: Vec<NodeId> = roots.flat_map(|sum| sum.terms.iter().map(|(id, _)| *id)).collect();
        while let Some(id) = open.pop() {
            let count = uses.entry(id).or_insert(0);
            *count += 1;
            if *count == 1 {
                match self.node(id) {
                    Node::Cell(_) => {}
                    Node::Product(factors) => open.extend(factors),
                    Node::Sum(sum) => open.extend(sum.terms.iter().map(|(id, _)| *id)),
                }
            }
        }
        uses
    }
}
