//! The models: ONNX, the integer twin, the float reference, the workloads built on them.
//!
//! ```text
//!   ONNX bytes ── onnx::read ──> graph::Sequential ── integer::IntegerModel::from_float ──> exact i64 inference
//!       │  └───── onnx::inspect ─> what the runner needs to plan a cell
//!       └──────── reference::FloatModel (tract) ──> the float outputs all backends are held to
//!
//!   workload::Workload = ONNX bytes + inputs + labels + batch + tolerance: four of the table, and the scaling study's
//! ```
//!
//! Every backend is held to two references: [`reference::FloatModel`] by tolerance and class agreement, and
//! [`integer::IntegerModel`] bit for bit. Nothing here panics on hostile bytes or inputs: each failure is a typed error.

pub mod graph;
pub mod integer;
mod kernels;
pub mod onnx;
pub mod reference;
pub mod workload;
