//! As [`super::faults`]: maxima and free-standing `ReLU`s.

use zktee_models::graph::{Padding, Pool};
use zktee_models::integer::{IntegerConv2d, IntegerLayer, IntegerModel};

use super::faults::{Bench, limbs};
use super::models::{dense, model, rescale};
use crate::layout::{Cell, Step};
use crate::shape::{MaximumCell, ReluCell};

/// A 1x1 convolution that keeps its input, a maximum over four values, a dense layer, a `ReLU`.
fn pooled(relu: bool) -> IntegerModel {
    let conv = IntegerConv2d {
        outputs: 1,
        channels: 1,
        kernel: [1, 1],
        weights: vec![4],
        bias: vec![0],
        stride: [1, 1],
        padding: Padding::default(),
        rescale: Some(rescale(2, relu)),
    };
    let pool = IntegerLayer::MaxPool(Pool { kernel: [2, 2], stride: [1, 2] });
    let last = dense(&[&[3], &[-3], &[0]], &[0, 0, 0], None);
    let layers = vec![IntegerLayer::Conv2d(conv), pool, IntegerLayer::Flatten, last, IntegerLayer::Relu];
    model(&[1, 2, 2], [-16, 15], 16, layers)
}

/// Rows of the only maximum's cells.
fn maximum(bench: &Bench) -> impl Fn(MaximumCell, usize) -> Cell {
    let place = |step: &Step| match step {
        Step::Maximum { row, lane, sources, .. } if !sources.is_empty() => Some((*row as usize, *lane as usize)),
        _ => None,
    };
    let (row, lane) = bench.layout().steps.iter().find_map(place).expect("a maximum");
    let shape = bench.shape().clone();
    move |cell, k| Cell::new(shape.maximum(lane, cell), row + k)
}

#[test]
fn maxima() {
    for (relu, in_table) in [(true, true), (false, false)] {
        // The third value is the largest.
        let bench = Bench::new(&pooled(relu), 6, 3, &[3, 1, 9, 7]);
        assert_eq!(bench.shape().maxima_in_table, in_table);
        let at = maximum(&bench);
        let all = |value| [0, 1, 2, 3].map(|k| (at(MaximumCell::Out, k), value));
        let lookup = if in_table { "bound" } else { "limb" };
        // The second largest; one that is too large; one that is in no cell and too small.
        bench.breaks(&all(7), &[lookup]);
        bench.breaks(&all(10), &["maximum last"]);
        bench.breaks(&all(8), &["maximum last", lookup]);
        // Not one maximum but several.
        bench.breaks(&[(at(MaximumCell::Out, 0), 10)], &["maximum same"]);
        // Found where it is not, and lost again.
        bench.breaks(&[(at(MaximumCell::Found, 0), 1), (at(MaximumCell::Found, 1), 1)], &["maximum found"]);
        bench.breaks(&[(at(MaximumCell::Found, 3), 0)], &["maximum found", "maximum last"]);
        // A difference that is none.
        bench.breaks(&[bench.plus(at(MaximumCell::Difference, 0), 1)], &["maximum"]);
        // A candidate that is no copy.
        bench.breaks(&[(at(MaximumCell::In, 1), 2)], &["copy"]);
        if !in_table {
            limbs(&bench, at(MaximumCell::Difference, 0));
        }
    }
}

#[test]
fn relus() {
    // 27, -27, 0 before the ReLU.
    let bench = Bench::new(&pooled(true), 6, 3, &[3, 1, 9, 7]);
    let relus: Vec<_> = bench
        .layout()
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Relu { row, lane, .. } => Some((*row as usize, *lane as usize)),
            _ => None,
        })
        .collect();
    let at = |index: usize, cell| Cell::new(bench.shape().relu(relus[index].1, cell), relus[index].0);
    let (positive, negative, zero) = (0, 1, 2);
    assert_eq!([positive, negative, zero].map(|index| bench.honest(at(index, ReluCell::In))), [27, -27, 0]);
    for index in [positive, negative] {
        // The other sign asks for a negative magnitude; another magnitude is another value.
        let sign = at(index, ReluCell::Sign);
        bench.breaks(&[(sign, 1 - bench.honest(sign))], &["limb"]);
        bench.breaks(&[bench.plus(at(index, ReluCell::Magnitude), 1)], &["relu"]);
        bench.breaks(&[bench.plus(at(index, ReluCell::Out), 1)], &["relu out"]);
        bench.breaks(&[bench.plus(at(index, ReluCell::In), 1)], &["copy"]);
        limbs(&bench, at(index, ReluCell::Magnitude));
    }
    bench.breaks(&[(at(negative, ReluCell::Out), -27)], &["relu out"]);
    bench.breaks(&[(at(negative, ReluCell::Out), 27)], &["relu out"]);
    assert!(bench.accepted(&[(at(zero, ReluCell::Sign), 1)]));
    bench.breaks(&[(at(zero, ReluCell::Sign), 2)], &["relu sign"]);
}
