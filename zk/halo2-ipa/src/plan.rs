//! Chooses a circuit's size: how many rows, and what stands side by side.
//!
//! The same work fits into few long columns or into many short ones. Short ones are cheaper for the inner-product argument, whose
//! opening multiplies each of the `2^k` generators by a full scalar, and for its verifier, who adds all of them up; but the lookup
//! tables must fit, and each column costs an opening. Sharing a row's inputs among several dot products saves input columns, which are
//! committed to and copied, and costs none of the weights, which are fixed and stand in the key.
//!
//! The planner tries sizes and takes the cheapest by a model of the prover's time. It is integer arithmetic alone: prover and verifier
//! must come to the same circuit on every machine.

use crate::Error;
use crate::pack::{Chains, Packer};
use crate::program::{Op, Program, bits};
use crate::shape::{Shape, usable_rows};

/// The smallest circuit that is tried: 2^4 rows, of which 9 are usable.
const SMALLEST_K: u32 = 4;

/// The largest circuit that is tried.
pub(crate) const LARGEST_K: u32 = 20;

/// Numbers of inputs in a row that are tried: among them those of usual kernels and layers.
const LANES: [usize; 28] =
    [1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 18, 20, 24, 25, 27, 30, 32, 36, 40, 45, 48, 50, 60, 64, 75, 80];

/// Numbers of dot products in a row that are tried.
const SUMS: [usize; 16] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 16, 20, 24, 30, 32, 40];

/// No more weights in a row than these: each is a column.
const LARGEST_WEIGHTS: usize = 1200;

/// No more of anything else side by side.
const LARGEST_WIDTH: usize = 256;

/// No more public values than these.
const LARGEST_PUBLIC: usize = 1 << 22;

/// Nanoseconds of one core, roughly, for an addition of points in a commitment.
const ADDITION_NS: u64 = 350;
/// For a commitment, however short: dispatch to threads, conversion to affine, transcript.
const CALL_NS: u64 = 1_000_000;
/// For a butterfly of a transform.
const BUTTERFLY_NS: u64 = 45;
/// For an operation on one point of the extended domain.
const OPERATION_NS: u64 = 30;
/// For a multiplication of a point by a scalar of full length: one a row, when the argument folds its generators.
const FOLD_NS: u64 = 115_000;
/// For sorting one row of a lookup.
const SORT_NS: u64 = 1_500;

/// The cheapest circuit for a model and a batch.
///
/// # Errors
/// [`Error::TooLarge`] where none that is tried is large enough.
pub(crate) fn plan(program: &Program, batch: usize) -> Result<Shape, Error> {
    let values = (program.inputs + program.outputs).checked_mul(batch);
    if values.is_none_or(|values| values > LARGEST_PUBLIC) {
        return Err(Error::TooLarge { batch, largest: LARGEST_K });
    }
    let dots = dots(program, batch);
    let candidates = (SMALLEST_K..=LARGEST_K).filter_map(|k| {
        let shape = dot_columns(&dots, k, public_columns(program, batch, k)?)?;
        limb_bits(program, k).filter_map(|t| ranges(program, batch, &shape, t)).min_by_key(cost)
    });
    candidates.min_by_key(cost).ok_or(Error::TooLarge { batch, largest: LARGEST_K })
}

/// The cheapest circuit with `2^k` rows and a table of `2^limb_bits` limbs, if there is one.
#[cfg(test)]
pub(crate) fn plan_with(program: &Program, batch: usize, k: u32, limb_bits: u32) -> Option<Shape> {
    let shape = dot_columns(&dots(program, batch), k, public_columns(program, batch, k)?)?;
    ranges(program, batch, &shape, limb_bits)
}

/// The prover's time in nanoseconds, roughly: what its library does for each kind of column. Measured CPU time was 1.1 to 1.45 times as
/// much for `lenet-mnist` at `k` from 10 to 14 and `mlp-iris` from 10 to 12, with the sizes in the same order.
///
/// Commitments are sums by buckets, in windows of about `ln n` bits. Small positive values fill the lowest windows alone, but the
/// buckets of all are added up. Every column is transformed to its coefficients and from there to an extended domain of `4n`.
fn cost(shape: &Shape) -> u64 {
    let k = u64::from(shape.k);
    let n = 1u64 << k;
    let window = (7 * k).div_ceil(10).max(1);
    let (windows, buckets) = (256u64.div_ceil(window), 1u64 << window);
    let long = CALL_NS + ADDITION_NS * windows * (n + buckets);
    let short = CALL_NS + ADDITION_NS * (windows * buckets + 2 * n);
    let transforms = BUTTERFLY_NS * (n * k / 2 + 2 * n * (k + 2));
    let operations = |count: u64| OPERATION_NS * 4 * n * count;
    // Half of the columns have negative values, which are long in the field.
    let column = long.midpoint(short) + transforms + operations(1);
    let product = long + transforms;
    let copied = product / 3 + operations(6);
    let lookup = 2 * (short + transforms) + product + n * SORT_NS + operations(15);
    let fixed = operations(2) + OPERATION_NS * 2 * n;
    // The quotient's four parts, random polynomials, and the two halves of each round of the opening.
    let base = 9 * long + n * FOLD_NS;
    let lookups = shape.limb_lookups().len() + shape.bound_lookups().len();
    base + column * (shape.advice() + shape.publics) as u64
        + copied * (shape.copied().len() + shape.publics) as u64
        + fixed * shape.fixed() as u64
        + lookup * lookups as u64
}

fn public_columns(program: &Program, batch: usize, k: u32) -> Option<usize> {
    let values = (program.inputs + program.outputs).checked_mul(batch)?;
    Some(values.div_ceil(usable_rows(k))).filter(|&columns| columns <= LARGEST_WIDTH)
}

/// Rows that the dot products take, for each number of inputs and sums in a row.
fn dots(program: &Program, batch: usize) -> Vec<(usize, usize, usize)> {
    let mut all = Vec::new();
    for lanes in LANES {
        for sums in SUMS.into_iter().filter(|sums| lanes * sums <= LARGEST_WEIGHTS) {
            let mut packer = Packer::new(lanes, sums);
            let blocks = program
                .ops
                .iter()
                .filter_map(|op| if let Op::Linear { blocks, .. } = op { Some(blocks) } else { None });
            let all_blocks = blocks.flat_map(|blocks| (0..batch).flat_map(move |_| blocks));
            for block in all_blocks {
                packer.place(block.inputs.len(), block.outputs.len(), |_| {});
                if packer.rows() > usable_rows(LARGEST_K) {
                    break;
                }
            }
            all.push((lanes, sums, packer.rows()));
        }
    }
    all
}

/// The cheapest columns of dot products that fit into `2^k` rows.
fn dot_columns(dots: &[(usize, usize, usize)], k: u32, publics: usize) -> Option<Shape> {
    let fitting = dots.iter().filter(|(_, _, rows)| *rows <= usable_rows(k));
    fitting.map(|&(lanes, sums, _)| Shape { k, publics, lanes, sums, ..Shape::default() }).min_by_key(cost)
}

/// Table sizes that fit into `2^k` rows: none where nothing is looked up.
fn limb_bits(program: &Program, k: u32) -> std::ops::RangeInclusive<u32> {
    if program.ops.iter().all(|op| matches!(op, Op::Linear { .. })) { 0..=0 } else { 1..=k - 1 }
}

/// The columns for all but the dot products, with a table of `2^limb_bits`; `None` where they do not fit.
fn ranges(program: &Program, batch: usize, dots: &Shape, limb_bits: u32) -> Option<Shape> {
    let usable = dots.usable();
    if limb_bits > 0 && 1 << limb_bits > usable {
        return None;
    }
    let bound = program.activation_bound;
    let differences = program.ops.iter().filter_map(|op| match op {
        Op::Maximum { difference, .. } => Some(*difference),
        _ => None,
    });
    let bound_table = bound < usable as i64;
    let shape = Shape {
        limb_bits,
        remainder_limbs: program.largest_exponent().map_or(0, |e| e.max(1).div_ceil(limb_bits)),
        activation_bound: bound,
        bound_table,
        maxima_in_table: bound_table && differences.max().is_some_and(|largest| largest <= bound),
        ..dots.clone()
    };
    let rescales = rows_of(program, |op| if let Op::Rescale { count, .. } = op { Some((*count, 1)) } else { None });
    let relus = rows_of(program, |op| if let Op::Relu { count, .. } = op { Some((*count, 1)) } else { None });
    let maxima = rows_of(program, |op| match op {
        Op::Maximum { windows, .. } => Some((windows.len(), windows.first().map_or(0, Vec::len))),
        _ => None,
    });
    let mut shape = Shape {
        rescales: lanes(&rescales, batch, usable)?,
        relus: lanes(&relus, batch, usable)?,
        maxima: lanes(&maxima, batch, usable)?,
        ..shape
    };
    let mut chains = Chains::new(usable);
    for (limbs, count) in program.ops.iter().flat_map(|op| op_chains(&shape, op)) {
        if limbs > usable {
            return None;
        }
        for _ in 0..count.checked_mul(batch)? {
            chains.place(limbs);
        }
    }
    shape.chains = chains.count();
    (shape.chains <= LARGEST_WIDTH).then_some(shape)
}

/// What chains an operation needs for one input: the number of limbs, and how often. The circuit places them in this order.
pub(crate) fn op_chains(shape: &Shape, op: &Op) -> Vec<(usize, usize)> {
    let limbs = |bits: u32| bits.div_ceil(shape.limb_bits) as usize;
    let mut chains = Vec::new();
    match op {
        Op::Linear { .. } => {}
        Op::Rescale { count, .. } => {
            if shape.remainder_limbs > 1 {
                chains.push((shape.remainder_limbs as usize, *count));
            }
            if !shape.bound_table {
                // The magnitude and what is missing to its bound.
                chains.extend([(limbs(bits(shape.activation_bound)), *count); 2]);
            }
        }
        Op::Relu { bits, count } => chains.push((limbs(*bits), *count)),
        Op::Maximum { windows, difference } => {
            if !shape.maxima_in_table {
                chains.push((limbs(bits(*difference)), windows.iter().map(Vec::len).sum()));
            }
        }
    }
    chains
}

/// For each operation of a kind: how many, and how many rows each.
fn rows_of(program: &Program, kind: impl Fn(&Op) -> Option<(usize, usize)>) -> Vec<(usize, usize)> {
    program.ops.iter().filter_map(kind).collect()
}

/// The least number of lanes at which all operations of a kind fit, each beginning in a row of its own.
fn lanes(ops: &[(usize, usize)], batch: usize, usable: usize) -> Option<usize> {
    let total =
        ops.iter().try_fold(0usize, |n, (count, rows)| n.checked_add(count.checked_mul(batch)?.checked_mul(*rows)?))?;
    let rows = |lanes: usize| ops.iter().map(|(count, rows)| (count * batch).div_ceil(lanes) * rows).sum::<usize>();
    if total == 0 {
        return Some(0);
    }
    (total.div_ceil(usable)..=LARGEST_WIDTH).find(|&lanes| rows(lanes) <= usable)
}
