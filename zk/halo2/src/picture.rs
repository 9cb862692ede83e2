//! A picture of a circuit's layout: columns from left to right, rows from top to bottom, a cell in colour where it is not 0.
//!
//! Public columns come first (grey), then those of the first phase (red), of the second (orange), and the fixed ones (blue). halo2-axiom has
//! its own drawing code switched off, which would show the cells that were assigned; most of ours are.

use std::path::{Path, PathBuf};

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::Field;
use plotters::prelude::{BitMapBackend, DrawingBackend, RGBColor, WHITE};
use zktee_halo2_prover::{Column, Witness};
use zktee_models::integer::{InferError, IntegerModel, Trace};

use crate::circuit::Columns;
use crate::spec::Spec;
use crate::statement::instances;

/// Height of the picture, pixels.
const HEIGHT: usize = 1200;

/// Least width of a column, pixels, and the least width of the picture.
const COLUMN: usize = 8;
const WIDTH: usize = 640;

const PUBLIC: RGBColor = RGBColor(110, 110, 110);
const FIRST: RGBColor = RGBColor(192, 57, 43);
const SECOND: RGBColor = RGBColor(230, 145, 56);
const FIXED: RGBColor = RGBColor(41, 98, 175);
const RULE: RGBColor = RGBColor(225, 225, 225);

/// No picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The inputs that were to fill it.
    #[error(transparent)]
    Infer(#[from] InferError),
    /// The file.
    #[error("{path}: the picture cannot be drawn: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// One column: its colour and the rows that are not 0.
struct Filled(RGBColor, Vec<usize>);

impl Spec {
    /// Draws the circuit of one proof, filled by these inputs (integers of the twin), into a PNG file.
    ///
    /// # Errors
    /// [`PictureError`].
    pub fn draw(&self, model: &IntegerModel, inputs: &[i64], path: &Path) -> Result<(), PictureError> {
        let each = self.network.input_len();
        let inputs = inputs.get(..each * self.design.inputs()).unwrap_or(inputs);
        let traces: Vec<Trace> = inputs.chunks_exact(each).map(|input| model.trace(input)).collect::<Result<_, _>>()?;
        let failed = |error: &dyn std::fmt::Display| PictureError::File { path: path.into(), why: error.to_string() };
        self.paint(&self.filled(inputs, &traces), path).map_err(|error| failed(&error))
    }

    fn filled(&self, inputs: &[i64], traces: &[Trace]) -> Vec<Filled> {
        let columns = Columns::of(self);
        let outputs: Vec<i64> = traces.iter().flat_map(|trace| trace.output().iter().copied()).collect();
        let field = |values: &[Fr]| rows(values.iter().map(|value| !bool::from(value.is_zero())));
        let mut all: Vec<Filled> =
            instances(self, inputs, &outputs).iter().map(|column| Filled(PUBLIC, field(column))).collect();
        let mut witness = columns.witness(self, traces);
        // Any challenges: which cells are 0 does not depend on them.
        let challenges: Vec<Fr> = (3..8).map(Fr::from).collect();
        for (phase, colour) in [(0, FIRST), (1, SECOND)] {
            for column in witness.columns(phase, &challenges[..columns.challenge_count()]) {
                all.push(Filled(
                    colour,
                    match column {
                        Column::Small(values) => rows(values.iter().map(|value| *value != 0)),
                        Column::Field(values) => field(&values),
                    },
                ));
            }
        }
        let mut fixed: Vec<(usize, Vec<usize>)> = columns
            .fixed(self)
            .into_iter()
            .map(|(column, cells)| (column.index(), cells.into_iter().map(|(row, _)| row).collect()))
            .collect();
        fixed.sort_by_key(|(index, _)| *index);
        all.extend(fixed.into_iter().map(|(_, rows)| Filled(FIXED, rows)));
        all
    }

    fn paint(&self, columns: &[Filled], path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let width = (columns.len() * COLUMN).max(WIDTH);
        let mut backend = BitMapBackend::new(path, (width as u32, HEIGHT as u32));
        let (across, total) = (width as f64 / columns.len().max(1) as f64, 1_usize << self.design.k());
        backend.draw_rect((0, 0), (width as i32, HEIGHT as i32), &WHITE, true)?;
        for (index, Filled(colour, rows)) in columns.iter().enumerate() {
            let left = (index as f64 * across) as i32;
            let right = ((index + 1) as f64 * across) as i32 - 1;
            backend.draw_rect((right, 0), (right, HEIGHT as i32 - 1), &RULE, true)?;
            for row in rows {
                let top = (row * HEIGHT / total) as i32;
                let bottom = ((row + 1) * HEIGHT / total) as i32;
                backend.draw_rect((left, top), (right - 1, bottom), colour, true)?;
            }
        }
        backend.present()?;
        Ok(())
    }
}

fn rows(filled: impl Iterator<Item = bool>) -> Vec<usize> {
    filled.enumerate().filter_map(|(row, filled)| filled.then_some(row)).collect()
}
