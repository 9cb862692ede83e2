//! Runs a program over many rows at once.

use std::borrow::Cow;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;

use super::program::{Addition, Operand, Program, Step};
use crate::wide::{Limbs, Products, limbs};

/// Rows at a time: so few that all registers stay in a processor's nearest caches.
pub(crate) const ROWS: usize = 64;

/// What steps read and write.
struct State<'a> {
    cells: Vec<Cow<'a, [Fr]>>,
    registers: Vec<Vec<Fr>>,
}

impl State<'_> {
    fn get(&self, operand: Operand) -> &[Fr] {
        match operand {
            Operand::Cell(cell) => &self.cells[cell],
            Operand::Register(register) => &self.registers[register],
        }
    }
}

/// Part of a column from a row on, which may go on at the column's beginning.
fn view(column: &[Fr], from: usize, rows: usize) -> Cow<'_, [Fr]> {
    let from = from % column.len();
    match column.get(from..from + rows) {
        Some(part) => Cow::Borrowed(part),
        None => Cow::Owned(column.iter().cycle().skip(from).take(rows).copied().collect()),
    }
}

impl Program {
    /// Values of the outputs for `rows` rows from `from` on, at most [`ROWS`]. `columns` are those of the program's cells.
    pub(crate) fn run(&self, columns: &[&[Fr]], coefficients: &[Fr], from: usize, rows: usize) -> Vec<Vec<Fr>> {
        let views = self.cells.iter().zip(columns).map(|(cell, column)| view(column, from + cell.rotation, rows));
        let mut state = State { cells: views.collect(), registers: vec![vec![Fr::ZERO; rows]; self.registers] };
        for (to, step) in &self.steps {
            let mut results = std::mem::take(&mut state.registers[*to]);
            match step {
                Step::Multiply(a, b) => {
                    let factors = state.get(*a).iter().zip(state.get(*b));
                    for (result, (a, b)) in results.iter_mut().zip(factors) {
                        *result = a * b;
                    }
                }
                Step::Add(addition) => addition.run(&state, coefficients, &mut results),
            }
            state.registers[*to] = results;
        }
        self.outputs.iter().map(|output| state.get(*output).to_vec()).collect()
    }
}

impl Addition {
    fn run(&self, state: &State<'_>, coefficients: &[Fr], results: &mut [Fr]) {
        let constant: Fr = self.constants.iter().map(|&number| coefficients[number]).sum();
        let scaled: Vec<(&[Fr], Limbs)> =
            self.scaled.iter().map(|&(operand, number)| (state.get(operand), limbs(&coefficients[number]))).collect();
        let products: Vec<(&[Fr], &[Fr], bool)> =
            self.products.iter().map(|&(a, b, negative)| (state.get(a), state.get(b), negative)).collect();
        let plain: Vec<(&[Fr], bool)> =
            self.plain.iter().map(|&(operand, negative)| (state.get(operand), negative)).collect();
        let reduces = !scaled.is_empty() || !products.is_empty();
        for (row, result) in results.iter_mut().enumerate() {
            let mut value = constant;
            if reduces {
                let mut sum = Products::default();
                for (values, coefficient) in &scaled {
                    sum.add(&limbs(&values[row]), coefficient);
                }
                for (a, b, negative) in &products {
                    let a = if *negative { limbs(&-a[row]) } else { limbs(&a[row]) };
                    sum.add(&a, &limbs(&b[row]));
                }
                value += sum.sum();
            }
            for (values, negative) in &plain {
                if *negative {
                    value -= values[row];
                } else {
                    value += values[row];
                }
            }
            *result = value;
        }
    }
}
