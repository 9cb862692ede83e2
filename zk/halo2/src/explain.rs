//! What was planned for a model, in numbers that can be printed.

use std::fmt;

use serde::Serialize;

use crate::cost::Cost;
use crate::network::{Map, PoolKind, Stage};
use crate::plan::{Considered, Plan};
use crate::spec::Design;
use crate::{tall, wide};

/// A circuit and the reasons for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Multiplications by a weight of one input.
    pub multiplications: u64,
    /// What the model's stages do, first to last.
    pub stages: Vec<String>,
    /// `tall` or `wide`.
    pub design: &'static str,
    /// Rows of the circuit.
    pub rows: u64,
    /// Rows that are not random, for zero knowledge.
    pub usable_rows: usize,
    /// What stands where.
    pub places: Vec<String>,
    /// Columns by kind.
    pub columns: ColumnCounts,
    /// Values that are looked up in one proof.
    pub lookups: usize,
    /// Entries of the lookup table.
    pub table_entries: usize,
    /// Largest degree of a constraint.
    pub degree: usize,
    /// Inputs of one proof, and proofs of one call.
    pub inputs_per_proof: usize,
    /// Proofs of one call.
    pub proofs: usize,
    /// Estimated CPU seconds of one proof, by kind of work.
    pub estimate: Cost,
    /// Other circuits: design, logarithm of rows, degree, estimated CPU seconds of one call; cheapest first.
    pub considered: Vec<(String, f64)>,
}

/// Numbers of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ColumnCounts {
    /// Advice columns of small integers, committed first.
    pub first_phase: usize,
    /// Advice columns that depend on challenges.
    pub second_phase: usize,
    /// Of those, the range checks' helpers.
    pub helpers: usize,
    /// Fixed columns.
    pub fixed: usize,
    /// Of those, the weights'.
    pub weights: usize,
    /// Public columns.
    pub instance: usize,
}

impl Plan {
    /// The plan in numbers and sentences.
    pub fn explain(&self) -> Explanation {
        let network = &self.spec.network;
        let columns = crate::circuit::Columns::of(&self.spec);
        let chosen = self.considered.first();
        let lookups_per_row = 2 * columns.lanes() + columns.private_inputs();
        let (usable_rows, places) = match &self.spec.design {
            Design::Tall(parameters) => tall::places(network, parameters),
            Design::Wide(parameters) => {
                let places = vec![format!("rows 0..{}: one input each, a lane for each activation", parameters.batch)];
                ((1 << parameters.k) - wide::BLINDED, places)
            }
        };
        let active = match &self.spec.design {
            Design::Tall(_) => {
                network.stages.iter().filter(|s| s.rescale.is_some()).map(|s| s.output.iter().product::<usize>()).sum()
            }
            Design::Wide(wide) => wide.batch,
        };
        Explanation {
            multiplications: self.multiplications(),
            stages: network.stages.iter().map(describe).collect(),
            design: name(&self.spec.design),
            rows: 1 << self.spec.design.k(),
            usable_rows,
            places,
            columns: columns.counts(&self.spec),
            lookups: lookups_per_row * active,
            table_entries: columns.table_entries(),
            degree: self.spec.design.degree(),
            inputs_per_proof: self.spec.design.inputs(),
            proofs: chosen.map_or(1, |chosen| chosen.proofs),
            estimate: chosen.map(|chosen| chosen.cost).unwrap_or_default(),
            considered: self.considered.iter().map(|it| (summary(it), it.total_s())).collect(),
        }
    }
}

const fn name(design: &Design) -> &'static str {
    match design {
        Design::Tall(_) => "tall",
        Design::Wide(_) => "wide",
    }
}

fn summary(considered: &Considered) -> String {
    let design = &considered.design;
    let weights = match design {
        Design::Tall(tall) => format!(", {} weight columns", tall.weight_columns),
        Design::Wide(_) => String::new(),
    };
    let proofs = if considered.proofs > 1 { format!(", {} proofs", considered.proofs) } else { String::new() };
    format!("{}, 2^{} rows, degree {}{weights}{proofs}", name(design), design.k(), design.degree())
}

fn describe(stage: &Stage) -> String {
    let shape = |[c, h, w]: [usize; 3]| if [h, w] == [1, 1] { c.to_string() } else { format!("{c}x{h}x{w}") };
    let linear = match stage.linear.map {
        Map::Dense => "dense".to_owned(),
        Map::Conv(conv) => format!("convolution {}x{}", conv.kernel[0], conv.kernel[1]),
    };
    let rescale = match stage.rescale {
        None => String::new(),
        Some(rescale) => {
            format!(", divided by 2^{}{}", rescale.exponent, if rescale.relu { ", ReLU" } else { "" })
        }
    };
    let pool = stage.pool.map_or_else(String::new, |pool| {
        let kind = match pool.kind {
            PoolKind::Sum => "sum",
            PoolKind::Max => "maximum",
        };
        format!(", {kind} of {}x{}", pool.window[0], pool.window[1])
    });
    format!("{linear} {} -> {}{rescale}{pool}", shape(stage.input), shape(stage.output))
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "model: {} multiplications an input", self.multiplications)?;
        for stage in &self.stages {
            writeln!(f, "  {stage}")?;
        }
        let calls = if self.proofs == 1 { "one proof" } else { "several proofs" };
        writeln!(
            f,
            "\ncircuit: {}, {calls} a call ({} of {} inputs)",
            self.design, self.proofs, self.inputs_per_proof
        )?;
        writeln!(
            f,
            "  rows       {} (2^{}), {} of them usable",
            self.rows,
            self.rows.trailing_zeros(),
            self.usable_rows
        )?;
        for place in &self.places {
            writeln!(f, "               {place}")?;
        }
        let c = &self.columns;
        writeln!(
            f,
            "  columns    {} of small integers, {} that depend on challenges ({} of them helpers), {} fixed ({} weights), {} public",
            c.first_phase, c.second_phase, c.helpers, c.fixed, c.weights, c.instance
        )?;
        writeln!(f, "  lookups    {} in a table of {} entries", self.lookups, self.table_entries)?;
        writeln!(f, "  degree     {}", self.degree)?;
        writeln!(f, "\nestimated CPU time of one proof: {}", milliseconds(self.estimate.total_s()))?;
        let e = &self.estimate;
        for (what, seconds) in [
            ("commitments, small", e.small_commitments_s),
            ("commitments, full", e.full_commitments_s),
            ("transforms", e.transforms_s),
            ("gates", e.gates_s),
            ("evaluations, opening", e.opening_s),
        ] {
            writeln!(f, "  {what:<22}{:>10}", milliseconds(seconds))?;
        }
        writeln!(f, "\nconsidered, by estimated CPU time of one call:")?;
        for (what, seconds) in &self.considered {
            writeln!(f, "  {:>10}  {what}", milliseconds(*seconds))?;
        }
        Ok(())
    }
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.1} ms", seconds * 1e3)
}
