//! The quotient of the gates' combination by the vanishing polynomial.
//!
//! A constraint of degree d makes a quotient of d − 1 pieces of n coefficients, which its values on d − 1 cosets of the domain
//! determine: on a coset `s·H` the power `X^n` is a constant c, so that n coefficients of `Σ c^t h_t` come from each coset, and the
//! pieces from a Vandermonde system. Constraints are sorted into classes by degree, since each of them vanishes on the domain by
//! itself: those of lower degree are evaluated on fewer cosets, and columns are extended to no more cosets than they are read on.

use std::ops::Range;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use rayon::prelude::*;

use crate::column::Values;
use crate::fft::{Coset, Domain};
use crate::gates::{Coefficient, Definitions, Lowering, Nodes, Program, ROWS, Source, Sum};
use crate::wide::{Limbs, Products, limbs};

/// A column's values on the cosets that it is read on.
pub(crate) type Extended = Vec<Option<Vec<Fr>>>;

/// The columns of one proof, or of all, by coset.
#[derive(Debug, Clone, Default)]
pub(crate) struct Columns {
    pub(crate) advice: Vec<Extended>,
    pub(crate) fixed: Vec<Extended>,
    pub(crate) instance: Vec<Extended>,
}

/// A coset and what is computed on it.
#[derive(Debug, Clone)]
struct Part {
    coset: Coset,
    program: Program,
    /// Classes of the program's outputs.
    classes: Range<usize>,
    /// Into coefficients on the domain: for each index the power of the shift that the coset has put there.
    back: Vec<Fr>,
}

/// Everything about the quotient that does not change between proofs.
#[derive(Debug, Clone)]
pub(crate) struct Quotient {
    domain: Domain,
    plain: Coset,
    /// Number of pieces of each class, ascending.
    classes: Vec<usize>,
    parts: Vec<Part>,
    /// By class, piece and coset.
    solutions: Vec<Vec<Vec<Fr>>>,
    definitions: Definitions,
    coefficients: Vec<usize>,
    /// By source, column and coset: whether it is read there.
    read: [Vec<Vec<bool>>; 3],
    /// The fixed columns, unless there are too many.
    fixed: Option<Vec<Extended>>,
}

impl Quotient {
    /// For constraints, in the order in which powers of `y` tell them apart, over fixed columns and so many advice and instance columns.
    /// The fixed columns' values on cosets are kept if they take no more than `cache` bytes.
    pub(crate) fn new(
        domain: &Domain,
        mut nodes: Nodes,
        constraints: Vec<Sum>,
        fixed: &[Values],
        others: [usize; 2],
        cache: usize,
    ) -> Self {
        let mut constraints = separate(&mut nodes, constraints);
        // What has degree 1 at most is 0 if it vanishes on the domain.
        constraints.retain(|(degree, _)| *degree > 1);
        let classes = choose_classes(domain, &nodes, &constraints);
        let of_class: Vec<Sum> = classes
            .iter()
            .enumerate()
            .map(|(class, &pieces)| {
                let above = class.checked_sub(1).map_or(0, |below| classes[below]);
                let members = constraints.iter().filter(|(degree, _)| (above + 1..=pieces).contains(&(degree - 1)));
                join(&mut nodes, members.map(|(_, sum)| sum))
            })
            .collect();
        let mut wanted = Vec::new();
        let cosets = classes.last().copied().unwrap_or(0);
        let parts: Vec<Part> = (0..cosets)
            .map(|number| {
                let from = classes.iter().filter(|pieces| **pieces <= number).count();
                part(domain, &mut nodes, &of_class, from..classes.len(), number, &mut wanted)
            })
            .collect();
        let (definitions, coefficients) = nodes.coefficients.only(&wanted);
        let powers: Vec<Fr> = parts.iter().map(|part| part.coset.shift().pow_vartime([domain.len() as u64])).collect();
        let solutions = classes.iter().map(|&pieces| inverse_vandermonde(&powers[..pieces])).collect();
        let [advice, instance] = others;
        let mut read = [advice, fixed.len(), instance].map(|columns| vec![vec![false; cosets]; columns]);
        for (number, part) in parts.iter().enumerate() {
            for cell in &part.program.cells {
                read[cell.source as usize][cell.column][number] = true;
            }
        }
        let mut quotient = Self {
            plain: domain.coset(Fr::ONE),
            domain: domain.clone(),
            classes,
            parts,
            solutions,
            definitions,
            coefficients,
            read,
            fixed: None,
        };
        let values = quotient.read[Source::Fixed as usize].iter().flatten().filter(|read| **read).count();
        if values * domain.len() * size_of::<Fr>() <= cache {
            quotient.fixed = Some(quotient.extend_all(Source::Fixed, fixed));
        }
        quotient
    }

    /// A column's values on all cosets that it is read on.
    pub(crate) fn extend(&self, source: Source, column: usize, values: &Values) -> Extended {
        let read = &self.read[source as usize][column];
        let Some(last) = read.iter().rposition(|read| *read) else { return vec![None; read.len()] };
        let mut coefficients = values.scaled(&self.domain.divisor());
        self.domain.to_coefficients(&mut coefficients);
        let mut extended = vec![None; read.len()];
        for number in (0..=last).filter(|number| read[*number]) {
            let mut values = if number == last { std::mem::take(&mut coefficients) } else { coefficients.clone() };
            self.parts[number].coset.evaluate(&mut values);
            extended[number] = Some(values);
        }
        extended
    }

    /// All columns of a kind.
    pub(crate) fn extend_all(&self, source: Source, columns: &[Values]) -> Vec<Extended> {
        columns.par_iter().enumerate().map(|(column, values)| self.extend(source, column, values)).collect()
    }

    /// Whether [`Columns::fixed`] has to be filled for a proof.
    pub(crate) const fn wants_fixed(&self) -> bool {
        self.fixed.is_none()
    }

    /// The values of the quotient's pieces on the domain.
    pub(crate) fn divide(&self, columns: &Columns, challenges: &[Fr], y: Fr) -> Vec<Vec<Fr>> {
        let values = self.definitions.evaluate(challenges, y);
        let coefficients: Vec<Fr> = self.coefficients.iter().map(|&number| values[number]).collect();
        // By coset and output.
        let on_cosets: Vec<Vec<Vec<Fr>>> = (0..self.parts.len())
            .into_par_iter()
            .map(|number| {
                let mut results = self.run(number, columns, &coefficients);
                results.par_iter_mut().for_each(|values| self.domain.to_coefficients(values));
                results
            })
            .collect();
        let pieces = (0..self.parts.len()).into_par_iter().map(|piece| {
            let mut values = self.piece(piece, &on_cosets);
            self.plain.evaluate(&mut values);
            values
        });
        pieces.collect()
    }

    /// The outputs of one coset's program.
    fn run(&self, number: usize, columns: &Columns, coefficients: &[Fr]) -> Vec<Vec<Fr>> {
        let part = &self.parts[number];
        let fixed = self.fixed.as_ref().unwrap_or(&columns.fixed);
        let cells = part.program.cells.iter().map(|cell| {
            let columns = match cell.source {
                Source::Advice => &columns.advice,
                Source::Fixed => fixed,
                Source::Instance => &columns.instance,
            };
            // Every cell of the program was marked as read.
            columns[cell.column][number].as_deref().unwrap_or(&[])
        });
        let cells: Vec<&[Fr]> = cells.collect();
        let n = self.domain.len();
        let mut outputs: Vec<Vec<Fr>> = part.classes.clone().map(|_| Vec::with_capacity(n)).collect();
        let of_rows: Vec<Vec<Vec<Fr>>> = (0..n.div_ceil(ROWS))
            .into_par_iter()
            .map(|chunk| {
                let from = chunk * ROWS;
                part.program.run(&cells, coefficients, from, ROWS.min(n - from))
            })
            .collect();
        for results in of_rows {
            for (output, values) in outputs.iter_mut().zip(results) {
                output.extend(values);
            }
        }
        outputs
    }

    /// The coefficients of one piece, in bit-reversed order.
    fn piece(&self, piece: usize, on_cosets: &[Vec<Vec<Fr>>]) -> Vec<Fr> {
        // Each class's share of each coset: the coset's power table is applied here, too.
        let sources: Vec<(&[Fr], &[Fr], Fr)> = (0..self.classes.len())
            .filter(|class| piece < self.classes[*class])
            .flat_map(|class| {
                let share = move |number: usize| {
                    let part = &self.parts[number];
                    let values = &on_cosets[number][class - part.classes.start];
                    (&values[..], &part.back[..], self.solutions[class][piece][number])
                };
                (0..self.classes[class]).map(share)
            })
            .collect();
        let rows = 0..self.domain.len();
        let by_coset = group(&sources);
        let coefficient = |row: usize| {
            let mut sum = Products::default();
            for (back, shares) in &by_coset {
                let mut share = Products::default();
                for (values, factor) in shares {
                    share.add(&limbs(&values[row]), factor);
                }
                sum.add(&limbs(&share.sum()), &limbs(&back[row]));
            }
            sum.sum()
        };
        rows.into_par_iter().with_min_len(256).map(coefficient).collect()
    }
}

type Shares<'a> = Vec<(&'a [Fr], Vec<(&'a [Fr], Limbs)>)>;

/// Collects what goes through the same table.
fn group<'a>(sources: &[(&'a [Fr], &'a [Fr], Fr)]) -> Shares<'a> {
    let mut groups: Shares<'a> = Vec::new();
    for (values, back, factor) in sources {
        let share = (*values, limbs(factor));
        match groups.iter_mut().find(|(table, _)| std::ptr::eq(*table, *back)) {
            Some((_, shares)) => shares.push(share),
            None => groups.push((back, vec![share])),
        }
    }
    groups
}

/// Multiplies each constraint by its power of `y`, with its degree.
fn separate(nodes: &mut Nodes, constraints: Vec<Sum>) -> Vec<(usize, Sum)> {
    let y = nodes.coefficients.separator();
    let mut power = nodes.one();
    let mut separated = Vec::with_capacity(constraints.len());
    for constraint in constraints.into_iter().rev() {
        let degree = nodes.degree(&constraint);
        // A combination stays together; whether to dissolve it is decided when steps are made of it.
        let (node, factor) = nodes.sum(constraint);
        let coefficient = nodes.coefficients.multiply(factor, power);
        let constant = nodes.zero();
        separated.push((degree, Sum { terms: vec![(node, coefficient)], constant }));
        power = nodes.coefficients.multiply(power, y);
    }
    separated
}

/// The sum of constraints.
fn join<'a>(nodes: &mut Nodes, constraints: impl Iterator<Item = &'a Sum>) -> Sum {
    let mut terms = std::collections::BTreeMap::new();
    for (node, coefficient) in constraints.flat_map(|sum| &sum.terms) {
        let sum = match terms.get(node) {
            Some(&other) => nodes.coefficients.add(other, *coefficient),
            None => *coefficient,
        };
        terms.insert(*node, sum);
    }
    Sum { terms: terms.into_iter().collect(), constant: nodes.zero() }
}

/// Into which classes constraints are put, by their number of pieces: classes are joined as long as that saves transforms.
fn choose_classes(domain: &Domain, nodes: &Nodes, constraints: &[(usize, Sum)]) -> Vec<usize> {
    let mut classes: Vec<usize> = constraints.iter().map(|(degree, _)| degree - 1).collect();
    classes.sort_unstable();
    classes.dedup();
    // Transforms of columns and of results, and evaluation of rows in the same measure: a row of a transform takes k/2 products.
    let time = |classes: &[usize]| {
        let mut time = 0;
        for coset in 0..classes.last().copied().unwrap_or(0) {
            let lowest = classes.iter().find(|pieces| **pieces > coset).copied().unwrap_or(0);
            let below = classes.iter().rfind(|pieces| **pieces < lowest).copied().unwrap_or(0);
            let members = constraints.iter().filter(|(degree, _)| degree - 1 > below);
            let uses = nodes.uses(members.map(|(_, sum)| sum));
            let advice = uses.keys().filter(|id| nodes.is_changing(**id)).count();
            let results = classes.iter().filter(|pieces| **pieces > coset).count();
            time += (advice + results) * domain.k() as usize / 2 + uses.len();
        }
        time
    };
    let mut best = time(&classes);
    while classes.len() > 1 {
        let candidates = (0..classes.len() - 1).map(|class| {
            let mut joined = classes.clone();
            joined.remove(class);
            (time(&joined), joined)
        });
        match candidates.min_by_key(|(time, _)| *time) {
            Some((less, joined)) if less <= best => (best, classes) = (less, joined),
            _ => break,
        }
    }
    classes
}

/// A coset with its program.
fn part(
    domain: &Domain,
    nodes: &mut Nodes,
    of_class: &[Sum],
    classes: Range<usize>,
    number: usize,
    wanted: &mut Vec<Coefficient>,
) -> Part {
    // The generator's powers: their n-th powers differ from each other and from 1.
    let shift = Fr::MULTIPLICATIVE_GENERATOR.pow_vartime([number as u64 + 1]);
    let coset = domain.coset(shift);
    let vanishing = shift.pow_vartime([domain.len() as u64]) - Fr::ONE;
    let first = (domain.divisor().invert().unwrap_or(Fr::ONE) * vanishing).invert().unwrap_or(Fr::ONE);
    let back = domain.reversed_powers(first, shift.invert().unwrap_or(Fr::ONE));
    let roots = &of_class[classes.clone()];
    let mut lowering = Lowering::new(nodes, roots, wanted);
    for root in roots {
        lowering.output(root);
    }
    Part { coset, program: lowering.finish(), classes, back }
}

/// The inverse of the matrix with the powers 0, 1, … of each of these as rows.
///
/// Column j has the coefficients of the Lagrange polynomial of point j.
fn inverse_vandermonde(points: &[Fr]) -> Vec<Vec<Fr>> {
    let mut inverse = vec![vec![Fr::ZERO; points.len()]; points.len()];
    for (j, point) in points.iter().enumerate() {
        let mut polynomial = vec![Fr::ONE];
        let mut denominator = Fr::ONE;
        for other in points.iter().enumerate().filter(|(i, _)| *i != j).map(|(_, other)| other) {
            denominator *= point - other;
            polynomial.push(Fr::ZERO);
            for i in (0..polynomial.len()).rev() {
                let lower = if i == 0 { Fr::ZERO } else { polynomial[i - 1] };
                polynomial[i] = lower - polynomial[i] * other;
            }
        }
        let factor = denominator.invert().unwrap_or(Fr::ONE);
        for (t, coefficient) in polynomial.iter().enumerate() {
            inverse[t][j] = coefficient * factor;
        }
    }
    inverse
}
