//! Circuits that have witnesses by construction: columns of free values, and columns that gates say the values of.

use std::cell::RefCell;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use rand_core::{OsRng, RngCore};
use zktee_halo2_prover::Column as Values;

use crate::common::{Gate, Plan, integer};

/// A column that is what an expression says, on rows away from the end.
#[derive(Debug, Clone)]
pub(crate) struct Defined {
    pub(crate) phase: u8,
    pub(crate) value: Gate,
}

/// A circuit and what its witnesses are made of.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) plan: Plan,
    pub(crate) k: u32,
    /// Advice columns from index 0, by phase, of free values.
    free: Vec<u8>,
    defined: Vec<Defined>,
    pub(crate) instances: Vec<Vec<Fr>>,
    reach: usize,
}

/// Rotations in tests go as far as this at most.
pub(crate) const REACH: usize = 3;

impl Case {
    /// Free columns by phase, random fixed columns and instances, and columns that are defined. The gates take one more fixed column.
    pub(crate) fn new(
        k: u32,
        free: &[u8],
        fixed: usize,
        instances: &[usize],
        challenges: &[u8],
        defined: Vec<Defined>,
    ) -> Self {
        let rows = (1 << k) - 16;
        let random = |count: usize| (0..count).map(|_| Fr::random(OsRng)).collect::<Vec<_>>();
        let mut columns: Vec<Vec<Fr>> = (0..fixed)
            .map(|column| {
                // Both kinds of columns: small ones and others.
                if column % 2 == 0 { random(rows) } else { (0..rows).map(|row| integer(row as i64 % 7 - 3)).collect() }
            })
            .collect();
        let selector = (0..rows).map(|row| Fr::from(u64::from((REACH..rows - REACH).contains(&row))));
        columns.push(selector.collect());
        let advice = free.iter().copied().chain(defined.iter().map(|defined| defined.phase)).collect();
        let gates = defined.iter().enumerate().map(|(index, defined)| {
            Gate::Fixed(fixed, 0) * (defined.value.clone() - Gate::Advice(free.len() + index, 0))
        });
        let plan = Plan {
            advice,
            fixed: columns,
            instances: instances.len(),
            challenges: challenges.to_vec(),
            gates: gates.collect(),
            minimum_degree: None,
        };
        let instances = instances.iter().map(|length| random(*length)).collect();
        Self { plan, k, free: free.to_vec(), defined, instances, reach: REACH }
    }

    /// A witness. `change` may spoil a phase's columns.
    pub(crate) fn fill<'a>(
        &'a self,
        change: impl Fn(u8, &mut Vec<Values>) + 'a,
    ) -> impl Fn(u8, &[Fr]) -> Vec<Values> + 'a {
        let rows = 1 << self.k;
        let filled = (1 << self.k) - 16;
        let known: RefCell<Vec<Vec<Fr>>> = RefCell::new(vec![Vec::new(); self.plan.advice.len()]);
        move |phase, challenges| {
            let mut columns = Vec::new();
            for (index, _) in self.free.iter().enumerate().filter(|(_, of)| **of == phase) {
                let small: Vec<i32> = (0..filled).map(|_| (OsRng.next_u32() % 2001) as i32 - 1000).collect();
                let field: Vec<Fr> = small.iter().map(|value| integer((*value).into())).collect();
                known.borrow_mut()[index].clone_from(&field);
                columns.push(if index % 2 == 0 { Values::Small(small) } else { Values::Field(field) });
            }
            for (index, defined) in self.defined.iter().enumerate().filter(|(_, defined)| defined.phase == phase) {
                let values: Vec<Fr> = (0..filled)
                    .map(|row| {
                        if !(self.reach..filled - self.reach).contains(&row) {
                            return Fr::ZERO;
                        }
                        let known = known.borrow();
                        let cells = |kind: char, column: usize, row: usize| {
                            let columns = match kind {
                                'a' => &known[column],
                                'f' => &self.plan.fixed[column],
                                _ => &self.instances[column],
                            };
                            columns.get(row).copied().unwrap_or(Fr::ZERO)
                        };
                        evaluate(&defined.value, row, &cells, rows, challenges)
                    })
                    .collect();
                known.borrow_mut()[self.free.len() + index].clone_from(&values);
                columns.push(Values::Field(values));
            }
            change(phase, &mut columns);
            columns
        }
    }
}

/// Values of a gate on a row.
fn evaluate(gate: &Gate, row: usize, cells: &dyn Fn(char, usize, usize) -> Fr, rows: usize, challenges: &[Fr]) -> Fr {
    let of = |gate: &Gate| evaluate(gate, row, cells, rows, challenges);
    let at = |rotation: i32| (row as i64 + i64::from(rotation)).rem_euclid(rows as i64) as usize;
    match gate {
        Gate::Constant(value) => integer(*value),
        Gate::Advice(column, rotation) => cells('a', *column, at(*rotation)),
        Gate::Fixed(column, rotation) => cells('f', *column, at(*rotation)),
        Gate::Instance(column, rotation) => cells('i', *column, at(*rotation)),
        Gate::Challenge(challenge) => challenges.get(*challenge).copied().unwrap_or(Fr::ZERO),
        Gate::Negated(inner) => -of(inner),
        Gate::Sum(a, b) => of(a) + of(b),
        Gate::Product(a, b) => of(a) * of(b),
        Gate::Scaled(inner, factor) => of(inner) * integer(*factor),
    }
}
