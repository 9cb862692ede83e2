//! The wide circuit's advice columns.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use zktee_halo2_prover::{Column as Values, Witness};
use zktee_models::integer::Trace;

use super::WideColumns;
use crate::logup::{LookedUp, Range};
use crate::network::Network;
use crate::tall::{rounding, stage_scale};

/// The first phase's columns, which the second phase is computed from.
#[derive(Debug, Clone)]
pub(crate) struct WideWitness<'a> {
    columns: &'a WideColumns,
    rows: Vec<usize>,
    pub(crate) first: Vec<Vec<i32>>,
}

impl<'a> WideWitness<'a> {
    /// The witness of a batch of inferences, one a row.
    pub(crate) fn new(columns: &'a WideColumns, network: &Network, traces: &[Trace]) -> Self {
        let lanes = columns.magnitude.len();
        let batch = columns.batch;
        let mut first = vec![vec![0; batch]; 3 * lanes + columns.private_input.len()];
        for (row, trace) in traces.iter().enumerate().take(batch) {
            let mut lane = 0;
            for stage in network.stages.iter().filter(|stage| stage.rescale.is_some()) {
                let (scale, rounding) = (stage_scale(network, stage), rounding(network, stage));
                let of_layer = &trace.layers[stage.layer];
                for (quotient, accumulator) in of_layer.quotients.iter().zip(&of_layer.accumulators) {
                    // Within the activation bound and below the divisor, both of which fit into 31 bits.
                    first[lane][row] = quotient.unsigned_abs() as i32;
                    first[lanes + lane][row] = i32::from(*quotient >= 0);
                    first[2 * lanes + lane][row] =
                        (accumulator * scale + rounding - (quotient << network.exponent())) as i32;
                    lane += 1;
                }
            }
            for (column, &value) in first[3 * lanes..].iter_mut().zip(&trace.input) {
                column[row] = value as i32;
            }
        }
        Self { columns, rows: (0..batch).collect(), first }
    }

    fn looked_up(&self) -> Vec<LookedUp<'_>> {
        let lanes = self.columns.magnitude.len();
        let of = |range, columns: std::ops::Range<usize>| {
            self.first[columns].iter().map(move |values| LookedUp { range, values, rows: &self.rows })
        };
        let all = of(Range::Magnitude, 0..lanes)
            .chain(of(Range::Remainder, 2 * lanes..3 * lanes))
            .chain(of(Range::Input, 3 * lanes..3 * lanes + self.columns.private_input.len()));
        all.collect()
    }
}

impl Witness for WideWitness<'_> {
    fn columns(&mut self, phase: u8, challenges: &[Fr]) -> Vec<Values> {
        let Some(ranges) = &self.columns.ranges else { return Vec::new() };
        let counts = ranges.argument.counts(&self.looked_up());
        if phase == 0 {
            return self.first.iter().cloned().map(Values::Small).chain(counts).collect();
        }
        let counts = counts.into_iter().map(|counts| match counts {
            Values::Small(counts) => counts.into_iter().map(i64::from).collect(),
            Values::Field(_) => Vec::new(),
        });
        let &[x, y] = challenges else { return Vec::new() };
        let (helpers, sums) = ranges.argument.helpers(&self.looked_up(), &counts.collect::<Vec<_>>(), [x, y]);
        let total = sums.into_iter().scan(Fr::ZERO, |total, change| {
            *total += change;
            Some(*total)
        });
        helpers.into_iter().map(Values::Field).chain([Values::Field(total.collect())]).collect()
    }
}
