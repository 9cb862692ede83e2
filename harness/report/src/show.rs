//! How a cell's values read, in tables and plots alike.

use zktee_core::vocabulary::{Hardware, Outcome, Part, Phase, SecurityBasis, SetupTrust};

use crate::cell::{Cell, CellFlag};
use crate::table::{Field, NOTHING, Style};
use crate::units;

/// Marks a value that rests on few samples.
pub(crate) const DAGGER: &str = " †";

/// The backend's name, with the workload where that is a variant of the row's.
pub(crate) fn cell_name_in(row: &str, cell: &Cell) -> String {
    if cell.workload == row { cell.backend.clone() } else { cell.id().to_string() }
}

/// The backend's name, and what it is if it is no plain measurement.
pub(crate) fn name_with_outcome(cell: &Cell) -> String {
    match tag(cell) {
        Some(tag) => format!("{} ({tag})", cell.backend),
        None => cell.backend.clone(),
    }
}

/// The backend's name, for figures that simulated hardware bears on and extrapolation does not.
pub(crate) fn name_with_hardware(cell: &Cell) -> String {
    let simulated = if cell.hardware == Some(Hardware::Simulated) { " (simulated)" } else { "" };
    format!("{}{simulated}", cell.backend)
}

/// What a reader must know of a cell's times at once: `simulated`, `estimated`.
pub(crate) fn tag(cell: &Cell) -> Option<&'static str> {
    match cell.outcome {
        Outcome::Simulated if cell.has_flag(CellFlag::Extrapolated) => Some("simulated, extrapolated"),
        Outcome::Simulated => Some("simulated"),
        Outcome::Estimated => Some("extrapolated"),
        _ if cell.hardware == Some(Hardware::Simulated) => Some("simulated"),
        _ => None,
    }
}

/// The same, and whether the weights mean nothing.
pub(crate) fn label(cell: &Cell) -> String {
    let random = cell.has_flag(CellFlag::RandomWeights).then_some("random weights");
    tag(cell).into_iter().chain(random).collect::<Vec<_>>().join(", ")
}

/// The outcome as a field that stands out when it is no measurement.
pub(crate) fn outcome(cell: &Cell) -> Field {
    let style = if cell.outcome == Outcome::Measured { Style::Plain } else { Style::Outcome };
    Field::new(style, cell.outcome.as_str())
}

/// Why the cell is what it is; never blank.
pub(crate) fn reason(cell: &Cell) -> String {
    cell.reason.clone().unwrap_or_else(|| "no reason recorded".to_owned())
}

/// The total with its mark.
pub(crate) fn total(cell: &Cell) -> String {
    let mark = if cell.has_flag(CellFlag::FewSamples) { DAGGER } else { "" };
    cell.total().map_or_else(|| NOTHING.to_owned(), |t| format!("{}{mark}", units::seconds(t)))
}

/// A phase's median with its mark, where the phase was measured.
pub(crate) fn phase_time(cell: &Cell, phase: Phase, min_samples: u32) -> Option<String> {
    let columns = cell.phase(phase);
    let mark = if columns.n < u64::from(min_samples) { DAGGER } else { "" };
    columns.wall_s_median.map(|s| format!("{}{mark}", units::seconds(s)))
}

/// Bytes, or nothing.
pub(crate) fn bytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| NOTHING.to_owned(), units::bytes)
}

/// A share, or nothing.
pub(crate) fn share(share: Option<f64>) -> String {
    share.map_or_else(|| NOTHING.to_owned(), units::percent)
}

/// An error, or nothing.
pub(crate) fn error(error: Option<f64>) -> String {
    error.map_or_else(|| NOTHING.to_owned(), units::error)
}

/// Forgeries rejected of those tried.
pub(crate) fn probes(cell: &Cell) -> String {
    match (cell.probes_rejected, cell.probes_tried) {
        (Some(rejected), Some(tried)) => format!("{rejected} of {tried}"),
        _ => NOTHING.to_owned(),
    }
}

/// Yes, no, or nothing known.
pub(crate) fn yes_no(value: Option<bool>) -> &'static str {
    match value {
        Some(true) => "yes",
        Some(false) => "no",
        None => NOTHING,
    }
}

/// Who must be trusted for the setup, in words.
pub(crate) const fn setup_trust(setup: SetupTrust) -> &'static str {
    match setup {
        SetupTrust::Trusted => "trusted",
        SetupTrust::Transparent => "transparent",
        SetupTrust::HardwareVendor => "hardware vendor",
        SetupTrust::None => "none: no evidence",
    }
}

/// Bits of security and what they rest on.
pub(crate) fn security(bits: Option<f64>, basis: SecurityBasis) -> String {
    let basis = match basis {
        SecurityBasis::Proven => "proven",
        SecurityBasis::Conjectured => "conjectured",
        SecurityBasis::Hardware => "hardware",
        SecurityBasis::None => return "none".to_owned(),
    };
    match bits.filter(|b| b.is_finite()) {
        Some(bits) => format!("{bits:.0} bits, {basis}"),
        None => basis.to_owned(),
    }
}

/// Whether isolation is real.
pub(crate) const fn hardware(hardware: Hardware) -> &'static str {
    match hardware {
        Hardware::Real => "real",
        Hardware::Simulated => "simulated",
        Hardware::None => "not used",
    }
}

/// Parts of the statement.
pub(crate) fn parts(parts: &[Part]) -> String {
    if parts.is_empty() {
        return "nothing".to_owned();
    }
    let name = |part: &Part| match part {
        Part::Model => "model",
        Part::Input => "input",
        Part::Output => "output",
    };
    parts.iter().map(name).collect::<Vec<_>>().join(", ")
}
