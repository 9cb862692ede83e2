//! The files of a merged run.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use zktee_core::record::{backend_on_machine, files};
use zktee_core::vocabulary::CellId;
use zktee_report::write_rows;

use super::{MergeError, Part};
use crate::folder::RunFolder;

/// Writes samples, probes, loads, evidence and logs of all parts.
pub(super) fn write(parts: &[Part], folder: &RunFolder) -> Result<(), MergeError> {
    let root = folder.root();
    let (mut samples, mut probes, mut loads) = (Vec::new(), Vec::new(), Vec::new());
    let (mut generations, mut tokens) = (Vec::new(), Vec::new());
    for part in parts {
        let renamed = |backend: &mut String| *backend = backend_on_machine(backend, part.machine);
        samples.extend(part.run.samples.iter().cloned().map(|mut row| {
            renamed(&mut row.backend);
            row
        }));
        probes.extend(part.run.probes.iter().cloned().map(|mut row| {
            renamed(&mut row.backend);
            row
        }));
        loads.extend(part.run.loads.iter().cloned().map(|mut row| {
            renamed(&mut row.backend);
            row
        }));
        generations.extend(part.run.generations.iter().cloned().map(|mut row| {
            renamed(&mut row.backend);
            row
        }));
        tokens.extend(part.run.tokens.iter().cloned().map(|mut row| {
            renamed(&mut row.backend);
            row
        }));
        for plan in &part.run.record.cells {
            let from = part.path.join(files::EVIDENCE).join(plan.id.folder());
            let to = part.renamed(&plan.id.workload, &plan.id.backend);
            copy_evidence(&from, &root.join(files::EVIDENCE), &to)?;
        }
        append_log(part, &root.join(files::LOG))?;
    }
    if !samples.is_empty() {
        write_rows(&folder.samples(), &samples)?;
    }
    if !probes.is_empty() {
        write_rows(&root.join(files::PROBES), &probes)?;
    }
    if !loads.is_empty() {
        write_rows(&root.join(files::LOAD), &loads)?;
    }
    if !generations.is_empty() {
        write_rows(&root.join(files::GENERATIONS), &generations)?;
    }
    if !tokens.is_empty() {
        write_rows(&root.join(files::TOKENS), &tokens)?;
    }
    Ok(())
}

/// Copies a cell's evidence: plain files alone, as a run leaves them.
fn copy_evidence(from: &Path, evidence: &Path, cell: &CellId) -> Result<(), MergeError> {
    if !from.is_dir() {
        return Ok(());
    }
    let to = evidence.join(cell.folder());
    fs::create_dir_all(&to).map_err(io(&to))?;
    for entry in fs::read_dir(from).map_err(io(from))? {
        let entry = entry.map_err(io(from))?;
        if entry.file_type().map_err(io(&entry.path()))?.is_file() {
            let target = to.join(entry.file_name());
            fs::copy(entry.path(), &target).map_err(io(&target))?;
        }
    }
    Ok(())
}

/// The logs one after the other, each below its folder's name.
fn append_log(part: &Part, log: &Path) -> Result<(), MergeError> {
    let from = part.path.join(files::LOG);
    let Ok(mut source) = File::open(&from) else { return Ok(()) };
    let mut target = OpenOptions::new().create(true).append(true).open(log).map_err(io(log))?;
    writeln!(target, "== {}", part.path.display()).map_err(io(log))?;
    io::copy(&mut source, &mut target).map_err(io(log))?;
    Ok(())
}

fn io(path: &Path) -> impl FnOnce(io::Error) -> MergeError {
    let path = path.to_owned();
    move |source| MergeError::Io { path, source }
}
