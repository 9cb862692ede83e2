//! Gates, lookups and copies.
//!
//! With the names of [`crate::shape`], on each row, `-1` being the row before:
//!
//! | gate | what must be 0 | says |
//! |---|---|---|
//! | `dot` | `active sum - chained sum(-1) - bias - Σ weight x` | a sum is bias, products, and the row before where chained |
//! | `rescale` | `active (2^c (1 - 2 sign) magnitude + remainder) - factor sum - half` | `D q + r = acc + floor(D/2)`, times `2^c / D` |
//! | `rescale sign` | `active sign (1 - sign)` | |
//! | `rescale out` | `active (out - magnitude) + (2 active - relu) sign magnitude` | `out = q`, or 0 where `q < 0` and `ReLU` |
//! | `rescale rest` | `active (magnitude + rest - bound)` | both in limbs: `magnitude <= bound` |
//! | `relu` | `active (in - (1 - 2 sign) magnitude)` | |
//! | `relu sign` | `active sign (1 - sign)` | |
//! | `relu out` | `active (out - (1 - sign) magnitude)` | |
//! | `maximum` | `active (out - in - difference)` | |
//! | `maximum same` | `chained (out - out(-1))` | one maximum for all candidates |
//! | `maximum found` | `(active found - chained found(-1)) difference` | `found` may only change at a candidate that is the maximum |
//! | `maximum last` | `last (found - 1)` | and it must |
//! | `limbs` | `active (run - limb) - factor run(-1)` | |
//!
//! Lookups: `remainder` (or its limbs) and every limb in `0..2^t`; `magnitude` in `0..=bound` where that table fits, `difference` too
//! where the candidates allow. Flags are fixed columns, 0 on the rows that the library fills with random values.
//!
//! Why it is sound: copies tie each `x` to a public input or to an earlier result. By induction every such value is the integer that the
//! model computes. A sum is then a determined integer below `2^29`. `sign` is 0 or 1 and `0 <= magnitude <= bound`, so `q` is an integer
//! within `±bound`; the gate makes the remainder an integer, determined by `q`, and the lookup leaves one `q` alone for which it is in
//! `0..2^c`. No side of an equation comes near the field's size of `2^254`, so what holds in the field holds for the integers. (0 has
//! two signs; `out` is the same for both.) A maximum is no smaller than any candidate, since the differences, which are integers, are
//! not negative; and equal to one, since `found` begins at 0 or at an equal candidate and ends at 1.

use std::cell::RefCell;

use zcash_halo2_proofs::circuit::{Layouter, SimpleFloorPlanner, Value};
use zcash_halo2_proofs::pasta::Fp;
use zcash_halo2_proofs::plonk::{
    Advice, Circuit, Column, ConstraintSystem, Error, Expression, Fixed, Instance, TableColumn, VirtualCells,
};
use zcash_halo2_proofs::poly::Rotation;

use crate::layout::{Layout, Source};
use crate::shape::{Flag, LimbCell, MaximumCell, ReluCell, RescaleCell, Shape};

thread_local! {
    /// The library asks a type, not a value, for its columns: the shape of the circuit at hand is left here for it.
    static SHAPE: RefCell<Shape> = RefCell::default();
}

/// Calls the library with a shape in place. It configures circuits on the calling thread alone.
pub(crate) fn with_shape<T>(shape: &Shape, call: impl FnOnce() -> T) -> T {
    SHAPE.with(|current| *current.borrow_mut() = shape.clone());
    call()
}

/// A layout with its witness, or without for the keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ModelCircuit<'a> {
    pub(crate) layout: &'a Layout,
    /// `[column][row]`.
    pub(crate) advice: Option<&'a [Vec<Fp>]>,
}

/// The columns.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    shape: Shape,
    advice: Vec<Column<Advice>>,
    fixed: Vec<Column<Fixed>>,
    public: Vec<Column<Instance>>,
    limbs: Option<TableColumn>,
    bound: Option<TableColumn>,
}

/// An integer as a field element.
pub(crate) fn field(value: i64) -> Fp {
    let magnitude = Fp::from(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

impl Circuit<Fp> for ModelCircuit<'_> {
    type Config = Columns;
    type FloorPlanner = SimpleFloorPlanner;

    fn without_witnesses(&self) -> Self {
        Self { layout: self.layout, advice: None }
    }

    fn configure(meta: &mut ConstraintSystem<Fp>) -> Columns {
        Columns::new(meta, &SHAPE.with_borrow(Clone::clone))
    }

    fn synthesize(&self, columns: Columns, mut layouter: impl Layouter<Fp>) -> Result<(), Error> {
        let shape = &self.layout.shape;
        if columns.shape != *shape {
            return Err(Error::Synthesis);
        }
        for (column, largest) in [(columns.limbs, (1 << shape.limb_bits) - 1), (columns.bound, shape.activation_bound)]
        {
            if let Some(column) = column {
                fill(&mut layouter, column, largest)?;
            }
        }
        let copies = self.layout.copies();
        let (cells, public) = layouter.assign_region(
            || "model",
            |mut region| {
                for (column, values) in columns.fixed.iter().zip(&self.layout.fixed) {
                    for (row, value) in values.iter().enumerate().filter(|(_, value)| **value != 0) {
                        region.assign_fixed(|| "fixed", *column, row, || Value::known(field(*value)))?;
                    }
                }
                let mut cells = Vec::with_capacity(columns.advice.len());
                for (index, column) in columns.advice.iter().enumerate() {
                    let value =
                        |row: usize| self.advice.map_or_else(Value::unknown, |advice| Value::known(advice[index][row]));
                    let assign = |row| Ok(region.assign_advice(|| "advice", *column, row, || value(row))?.cell());
                    cells.push((0..self.layout.rows).map(assign).collect::<Result<Vec<_>, Error>>()?);
                }
                let mut public = Vec::new();
                for (copy, source) in &copies {
                    let copy = cells[copy.column as usize][copy.row as usize];
                    match source {
                        Source::Public(index) => public.push((copy, *index as usize)),
                        Source::Cell(source) => {
                            region.constrain_equal(copy, cells[source.column as usize][source.row as usize])?;
                        }
                    }
                }
                Ok((cells, public))
            },
        )?;
        let output = |(index, source): (usize, &Source)| match source {
            Source::Cell(cell) => Ok((cells[cell.column as usize][cell.row as usize], self.layout.inputs + index)),
            // Each output is the result of some step; one that is not would be bound by nothing.
            Source::Public(_) => Err(Error::Synthesis),
        };
        let outputs = self.layout.outputs.iter().enumerate().map(output).collect::<Result<Vec<_>, _>>()?;
        for (cell, index) in public.into_iter().chain(outputs) {
            let (column, row) = shape.public(index);
            layouter.constrain_instance(cell, columns.public[column], row)?;
        }
        Ok(())
    }
}

/// A table `0..=largest`.
fn fill(layouter: &mut impl Layouter<Fp>, column: TableColumn, largest: i64) -> Result<(), Error> {
    layouter.assign_table(
        || "table",
        |mut table| {
            (0..=largest).try_for_each(|i| table.assign_cell(|| "entry", column, i as usize, || Value::known(field(i))))
        },
    )
}

impl Columns {
    fn new(meta: &mut ConstraintSystem<Fp>, shape: &Shape) -> Self {
        // The lookups ask for degree 4 and so for an extended domain of 4n. Degree 5 has room there and lets one product take three
        // copied columns.
        meta.set_minimum_degree(5);
        let advice: Vec<_> = (0..shape.advice()).map(|_| meta.advice_column()).collect();
        let fixed: Vec<_> = (0..shape.fixed()).map(|_| meta.fixed_column()).collect();
        let public: Vec<_> = (0..shape.publics).map(|_| meta.instance_column()).collect();
        let (limb_lookups, bound_lookups) = (shape.limb_lookups(), shape.bound_lookups());
        let limbs = (!limb_lookups.is_empty()).then(|| meta.lookup_table_column());
        let bound = (!bound_lookups.is_empty()).then(|| meta.lookup_table_column());
        for column in shape.copied() {
            meta.enable_equality(advice[column]);
        }
        for column in &public {
            meta.enable_equality(*column);
        }
        for (table, lookups) in [(limbs, limb_lookups), (bound, bound_lookups)] {
            for (table, column) in
                table.into_iter().flat_map(|table| lookups.iter().map(move |column| (table, *column)))
            {
                meta.lookup(|meta| vec![(meta.query_advice(advice[column], Rotation::cur()), table)]);
            }
        }
        let columns = Self { shape: shape.clone(), advice, fixed, public, limbs, bound };
        columns.gates(meta);
        columns
    }

    fn gates(&self, meta: &mut ConstraintSystem<Fp>) {
        let shape = &self.shape;
        for sum in 0..shape.sums {
            meta.create_gate("dot", |meta| vec![self.dot(meta, sum)]);
        }
        for lane in 0..shape.rescales {
            meta.create_gate("rescale", |meta| self.rescale(meta, lane));
        }
        for lane in 0..shape.relus {
            meta.create_gate("relu", |meta| self.relu(meta, lane));
        }
        for lane in 0..shape.maxima {
            meta.create_gate("maximum", |meta| self.maximum(meta, lane));
        }
        for chain in 0..shape.chains {
            meta.create_gate("limbs", |meta| vec![self.limbs(meta, chain)]);
        }
    }

    fn here(&self, meta: &mut VirtualCells<'_, Fp>, column: usize) -> Expression<Fp> {
        meta.query_advice(self.advice[column], Rotation::cur())
    }

    fn before(&self, meta: &mut VirtualCells<'_, Fp>, column: usize) -> Expression<Fp> {
        meta.query_advice(self.advice[column], Rotation::prev())
    }

    fn flag(&self, meta: &mut VirtualCells<'_, Fp>, flag: Flag) -> Expression<Fp> {
        meta.query_fixed(self.fixed[Shape::flag(flag)])
    }

    fn dot(&self, meta: &mut VirtualCells<'_, Fp>, sum: usize) -> Named {
        let shape = &self.shape;
        let column = shape.sum(sum);
        let (active, chained) = (self.flag(meta, Flag::DotActive), self.flag(meta, Flag::DotChained));
        let (here, before) = (self.here(meta, column), self.before(meta, column));
        let bias = meta.query_fixed(self.fixed[Shape::bias(sum)]);
        let products = shape.weights(sum).enumerate().map(|(lane, weight)| {
            meta.query_fixed(self.fixed[weight]) * meta.query_advice(self.advice[Shape::lane(lane)], Rotation::cur())
        });
        let products = products.collect::<Vec<_>>();
        ("dot", products.into_iter().fold(active * here - chained * before - bias, |left, product| left - product))
    }

    fn rescale(&self, meta: &mut VirtualCells<'_, Fp>, lane: usize) -> Vec<Named> {
        let shape = &self.shape;
        let mut cell = |cell| self.here(meta, shape.rescale(lane, cell));
        let (sum, magnitude, sign) = (cell(RescaleCell::Sum), cell(RescaleCell::Magnitude), cell(RescaleCell::Sign));
        let (remainder, out) = (cell(RescaleCell::Remainder), cell(RescaleCell::Out));
        let rest = (!shape.bound_table).then(|| cell(RescaleCell::Rest));
        let mut flag = |flag| self.flag(meta, flag);
        let (active, factor) = (flag(Flag::RescaleActive), flag(Flag::RescaleFactor));
        let (half, relu) = (flag(Flag::RescaleHalf), flag(Flag::RescaleRelu));
        let two = field(2);
        let quotient = magnitude.clone() - sign.clone() * magnitude.clone() * two;
        let whole = quotient * field(1 << shape.remainder_bits()) + remainder;
        let mut gates = vec![
            ("rescale", active.clone() * whole - factor * sum - half),
            ("rescale sign", active.clone() * sign.clone() * (one() - sign.clone())),
            (
                "rescale out",
                active.clone() * (out - magnitude.clone()) + (active.clone() * two - relu) * sign * magnitude.clone(),
            ),
        ];
        gates.extend(rest.map(|rest| {
            ("rescale rest", active * (magnitude + rest - Expression::Constant(field(shape.activation_bound))))
        }));
        gates
    }

    fn relu(&self, meta: &mut VirtualCells<'_, Fp>, lane: usize) -> Vec<Named> {
        let mut cell = |cell| self.here(meta, self.shape.relu(lane, cell));
        let (entering, magnitude) = (cell(ReluCell::In), cell(ReluCell::Magnitude));
        let (sign, out) = (cell(ReluCell::Sign), cell(ReluCell::Out));
        let active = self.flag(meta, Flag::ReluActive);
        let negative = sign.clone() * magnitude.clone();
        vec![
            ("relu", active.clone() * (entering - magnitude.clone() + negative.clone() * field(2))),
            ("relu sign", active.clone() * sign.clone() * (one() - sign)),
            ("relu out", active * (out - magnitude + negative)),
        ]
    }

    fn maximum(&self, meta: &mut VirtualCells<'_, Fp>, lane: usize) -> Vec<Named> {
        let column = |cell| self.shape.maximum(lane, cell);
        let mut cell = |cell| self.here(meta, column(cell));
        let (entering, difference) = (cell(MaximumCell::In), cell(MaximumCell::Difference));
        let (found, out) = (cell(MaximumCell::Found), cell(MaximumCell::Out));
        let found_before = self.before(meta, column(MaximumCell::Found));
        let out_before = self.before(meta, column(MaximumCell::Out));
        let mut flag = |flag| self.flag(meta, flag);
        let (active, chained, last) = (flag(Flag::MaximumActive), flag(Flag::MaximumChained), flag(Flag::MaximumLast));
        vec![
            ("maximum", active.clone() * (out.clone() - entering - difference.clone())),
            ("maximum same", chained.clone() * (out - out_before)),
            ("maximum found", (active * found.clone() - chained * found_before) * difference),
            ("maximum last", last * (found - one())),
        ]
    }

    fn limbs(&self, meta: &mut VirtualCells<'_, Fp>, chain: usize) -> Named {
        let column = |cell| self.shape.limb(chain, cell);
        let (limb, run) = (self.here(meta, column(LimbCell::Limb)), self.here(meta, column(LimbCell::Run)));
        let before = self.before(meta, column(LimbCell::Run));
        let mut fixed = |cell| meta.query_fixed(self.fixed[self.shape.factor(chain, cell)]);
        let (active, factor) = (fixed(LimbCell::Limb), fixed(LimbCell::Run));
        ("limbs", active * (run - limb) - factor * before)
    }
}

/// A constraint with its name.
type Named = (&'static str, Expression<Fp>);

fn one() -> Expression<Fp> {
    Expression::Constant(field(1))
}
