//! Runs put together into one: the parts of a plan that was split, or the same plan measured on several kinds of machine.
//!
//! Only what belongs together is merged: the same code, the same settings, the same models and inputs under the same names. Rows of several
//! kinds of machine stay apart: those of the first folder's machine keep their backends' names, all others carry their machine's number.
//! Nothing in the merged folders is changed.

mod agree;
mod files;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use zktee_core::record::{Environment, MergedRun, RunRecord, backend_on_machine, files as names};
use zktee_core::vocabulary::CellId;
use zktee_report::{LoadError, RowsError, Run, load, units};

use crate::folder::{FolderError, RunFolder};

/// Whether parts of a plan may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// Every part must be there.
    Whole,
    /// Those that there are will do.
    Any,
}

/// Why runs are not put together.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A folder is no run, or damaged.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A folder is in use, not empty, or cannot be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A table cannot be written.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// A file cannot be copied.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Without it nobody knows which code ran, and where.
    #[error("{0} has no {file}: which code ran there, and on which machine, is not known", file = names::ENVIRONMENT)]
    NoEnvironment(PathBuf),
    /// A folder is there twice.
    #[error("{0} is named twice")]
    Again(PathBuf),
    /// It is a merged one.
    #[error("{0} is a merged run itself; merge the runs that it was made from")]
    Merged(PathBuf),
    /// What must be the same is not.
    #[error("these runs do not belong together: {what} is {one} in {first}, but {other} in {second}")]
    Differ {
        /// What differs.
        what: String,
        /// Its value in the one.
        one: String,
        /// The one.
        first: PathBuf,
        /// Its value in the other.
        other: String,
        /// The other.
        second: PathBuf,
    },
    /// A cell was measured twice on one kind of machine.
    #[error("`{cell}` is in {first} and in {second}, from the same kind of machine; name one of the two folders alone")]
    Twice {
        /// The cell.
        cell: CellId,
        /// The one.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// Parts are missing.
    #[error(
        "parts {} of {count} are missing: measure them with `zktee run --partition I/{count}`, or merge what there is with --incomplete",
        missing.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
    )]
    Missing {
        /// Their numbers, from 1.
        missing: Vec<u32>,
        /// How many parts the plan has.
        count: u32,
    },
}

/// A merged run.
#[derive(Debug)]
pub struct Merged {
    /// Its folder, locked.
    pub folder: RunFolder,
    /// What a reader has to know.
    pub notes: Vec<String>,
}

/// A run that is going to be merged. Its folder is locked, so that nobody measures into it meanwhile.
struct Part {
    path: PathBuf,
    run: Run,
    environment: Environment,
    machine: u32,
    _lock: RunFolder,
}

/// Puts runs together in a new folder. Its report has still to be written.
///
/// # Errors
/// When the runs do not belong together, or a folder cannot be read or written; the message says what differs.
pub fn merge(
    dirs: &[PathBuf],
    out: &Path,
    command: Vec<String>,
    completeness: Completeness,
) -> Result<Merged, MergeError> {
    let mut parts = Vec::new();
    let mut named = BTreeSet::new();
    for dir in dirs {
        // Its lock would say that somebody is at work in it.
        if !named.insert(dir.canonicalize().unwrap_or_else(|_| dir.clone())) {
            return Err(MergeError::Again(dir.clone()));
        }
        parts.push(Part::load(dir)?);
    }
    let machines = number_machines(&mut parts);
    agree::check(&parts)?;
    let mut notes = once_a_machine(&parts)?;
    notes.extend(missing_parts(&parts, completeness)?);
    let record = record(&parts, &machines, command);
    let folder = RunFolder::create(out)?;
    files::write(&parts, &folder)?;
    folder.write_environment(&parts[0].environment)?;
    // Last, since it is what makes the folder a run.
    folder.write_record(&record)?;
    Ok(Merged { folder, notes })
}

impl Part {
    fn load(dir: &Path) -> Result<Self, MergeError> {
        let run = load(dir)?;
        let lock = RunFolder::open(dir)?;
        if !run.record.merged.is_empty() {
            return Err(MergeError::Merged(dir.to_owned()));
        }
        let environment = run.environment.clone().ok_or_else(|| MergeError::NoEnvironment(dir.to_owned()))?;
        Ok(Self { path: dir.to_owned(), run, environment, machine: 1, _lock: lock })
    }

    /// What a cell of this part is called in the merged run.
    fn renamed(&self, workload: &str, backend: &str) -> CellId {
        CellId::new(workload, backend_on_machine(backend, self.machine))
    }
}

/// What two machines of one kind have in common: what decides how fast they are, as far as it is recorded.
fn kind_of(it: &Environment) -> [String; 8] {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        it.cpu.clone(),
        it.cpu_features.join(" "),
        it.cores.to_string(),
        // To three digits: machines of one kind have some pages more or less.
        units::bytes(it.memory_bytes),
        it.os.clone(),
        it.kernel.clone(),
        or_none(&it.virtualisation),
        or_none(&it.governor),
    ]
}

/// Numbers the kinds of machines from 1, in the order in which they come; gives one of each.
fn number_machines(parts: &mut [Part]) -> Vec<Environment> {
    let mut kinds: Vec<Environment> = Vec::new();
    for part in parts {
        let known = kinds.iter().position(|kind| kind_of(kind) == kind_of(&part.environment));
        let index = known.unwrap_or_else(|| {
            kinds.push(part.environment.clone());
            kinds.len() - 1
        });
        part.machine = index as u32 + 1;
    }
    kinds
}

/// Refuses cells that were measured twice on one kind of machine; says which kinds there are.
fn once_a_machine(parts: &[Part]) -> Result<Vec<String>, MergeError> {
    let mut seen: BTreeMap<CellId, &Path> = BTreeMap::new();
    for part in parts {
        for plan in &part.run.record.cells {
            let cell = part.renamed(&plan.id.workload, &plan.id.backend);
            if let Some(first) = seen.insert(cell, &part.path) {
                let (first, second) = (first.to_owned(), part.path.clone());
                return Err(MergeError::Twice { cell: plan.id.clone(), first, second });
            }
        }
    }
    let several = parts.iter().any(|part| part.machine > 1);
    let of = |part: &Part| format!("{} was measured on machine {}: {}", part.path.display(), part.machine, words(part));
    Ok(if several { parts.iter().map(of).collect() } else { Vec::new() })
}

/// A machine in short.
fn words(part: &Part) -> String {
    let it = &part.environment;
    format!("{}, {} cores, {} memory, {}, kernel {}", it.cpu, it.cores, units::bytes(it.memory_bytes), it.os, it.kernel)
}

/// Refuses, or says, that parts of the plan are missing.
fn missing_parts(parts: &[Part], completeness: Completeness) -> Result<Vec<String>, MergeError> {
    let shards = || parts.iter().filter_map(|part| part.run.record.shard.as_ref());
    let Some(count) = shards().map(|shard| shard.count).next() else { return Ok(Vec::new()) };
    let there: BTreeSet<u32> = shards().map(|shard| shard.index).collect();
    let missing: Vec<u32> = (1..=count).filter(|index| !there.contains(index)).collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let error = MergeError::Missing { missing, count };
    if completeness == Completeness::Whole { Err(error) } else { Ok(vec![error.to_string()]) }
}

/// The plan of all parts together, in the order of the whole.
fn record(parts: &[Part], machines: &[Environment], command: Vec<String>) -> RunRecord {
    let first = &parts[0].run.record;
    let mut settings = first.settings.clone();
    // By default shares of each machine's memory and of its disk's free room.
    settings.memory_limit_bytes = parts.iter().filter_map(|part| part.run.record.settings.memory_limit_bytes).min();
    settings.disk_limit_bytes = parts.iter().filter_map(|part| part.run.record.settings.disk_limit_bytes).min();
    let mut cells = Vec::new();
    let (mut descriptions, mut language_descriptions) = (BTreeMap::new(), BTreeMap::new());
    let mut merged = Vec::new();
    for part in parts {
        let it = &part.run.record;
        for plan in &it.cells {
            let mut plan = plan.clone();
            plan.id = part.renamed(&plan.id.workload, &plan.id.backend);
            cells.push(plan);
        }
        for (from, to) in
            [(&it.descriptions, &mut descriptions), (&it.language_descriptions, &mut language_descriptions)]
        {
            for (backend, description) in from {
                let mut description = description.clone();
                if part.machine > 1 {
                    description.trust.notes.push(format!("measured on machine {}: {}", part.machine, words(part)));
                }
                to.entry(backend_on_machine(backend, part.machine)).or_insert(description);
            }
        }
        merged.push(MergedRun {
            folder: part.path.display().to_string(),
            started_at: it.started_at.clone(),
            command: it.command.clone(),
            shard: it.shard.as_ref().map(|shard| shard.index),
            machine: part.machine,
            environment: part.environment.clone(),
        });
    }
    let order = order(parts, machines.len() as u32);
    cells.sort_by_key(|plan| order.get(&plan.id).copied());
    let started_at = merged.iter().map(|it| it.started_at.clone()).min().unwrap_or_default();
    RunRecord {
        started_at,
        command,
        settings,
        cells,
        descriptions,
        language_descriptions,
        shard: None,
        merged,
        ..first.clone()
    }
}

/// The place of each cell: by workload and by backend as the plans have them, then by machine.
fn order(parts: &[Part], machines: u32) -> BTreeMap<CellId, (usize, usize, u32)> {
    let (mut workloads, mut backends): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let place = |known: &mut Vec<String>, name: &str| {
        known.iter().position(|it| it == name).unwrap_or_else(|| {
            known.push(name.to_owned());
            known.len() - 1
        })
    };
    let mut places = BTreeMap::new();
    for part in parts {
        let it = &part.run.record;
        let planned = it.shard.iter().flat_map(|shard| &shard.plan).chain(it.cells.iter().map(|cell| &cell.id));
        for id in planned {
            let at = (place(&mut workloads, &id.workload), place(&mut backends, &id.backend));
            for machine in 1..=machines {
                let name = backend_on_machine(&id.backend, machine);
                places.insert(CellId::new(&id.workload, name), (at.0, at.1, machine));
            }
        }
    }
    places
}

#[cfg(test)]
mod tests;
