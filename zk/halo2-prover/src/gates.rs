//! Gates: from upstream's expressions to a program that works out their combination row by row.

mod coefficient;
mod lower;
mod node;
mod program;
mod run;

pub(crate) use coefficient::{Coefficient, Definitions};
pub(crate) use lower::Lowering;
pub(crate) use node::{Nodes, Source, Sum};
pub(crate) use program::Program;
pub(crate) use run::ROWS;
