//! From workloads, backends and settings to cells, each with its worker or with the reason why there is none.

mod facts;
mod workers;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use zktee_config::{FileError, Workload};
use zktee_core::provider::{Availability, Profile, Provider, Unavailable, WorkerCommand};
use zktee_core::record::{CellPlan, RunRecord, SCHEMA, Settings, Shard};
use zktee_core::vocabulary::{CellId, Outcome};

pub(crate) use facts::tensor_sha256;
use facts::{Facts, cell_plan};
pub(crate) use workers::find_worker;
use workers::{no_language_models, not_asked_for, provide_model};

use crate::failure::with_fix;
use crate::folder::now;
use crate::partition::Partition;
use crate::select::Selection;

/// In a quick run cells that are known to take longer than this for one sample of everything are left out.
const QUICK_CELL_S: f64 = 120.0;

/// All families of backends that this run knows.
pub struct Providers(Vec<Box<dyn Provider>>);

impl Providers {
    /// These families, in the order of the tables.
    pub fn new(families: Vec<Box<dyn Provider>>) -> Self {
        Self(families)
    }

    /// The families.
    pub fn families(&self) -> impl Iterator<Item = &dyn Provider> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// All profiles of all families.
    pub fn profiles(&self) -> Vec<Profile> {
        self.families().flat_map(Provider::profiles).collect()
    }

    /// The profiles of a selection for one workload, each with whether its family does such a workload. What does no language models is left out
    /// for them, unless it was asked for by name.
    fn taken_for(&self, selection: &Selection, workload: &Workload) -> Vec<(Profile, bool)> {
        let of_language = workload.language().is_some();
        let does =
            |backend: &str| !of_language || self.family_of(backend).is_some_and(Provider::answers_language_models);
        let profiles = self.taken(selection).into_iter().map(|profile| {
            let does = does(&profile.backend);
            (profile, does)
        });
        profiles.filter(|(profile, does)| *does || selection.asks_for(&profile.backend)).collect()
    }

    /// The profiles of a selection; those that are taken only by name where it writes them out.
    fn taken(&self, selection: &Selection) -> Vec<Profile> {
        let of_family = |family: &dyn Provider| {
            let by_name = family.only_by_name();
            let mut profiles = family.profiles();
            let taken = |name: &str| if by_name { selection.takes_apart(name) } else { selection.takes(name) };
            profiles.retain(|profile| taken(&profile.backend));
            profiles
        };
        self.families().flat_map(of_family).collect()
    }

    /// Whether a backend would have to be set up first, and that is not done unasked.
    fn waits_to_be_asked(&self, backend: &str) -> bool {
        self.family_of(backend).is_some_and(|family| {
            family.only_on_request() && matches!(family.availability(), Availability::NeedsSetup { .. })
        })
    }

    fn family_of(&self, backend: &str) -> Option<&dyn Provider> {
        self.families().find(|family| family.profiles().iter().any(|profile| profile.backend == backend))
    }
}

/// A cell that is to be run.
#[derive(Clone, Debug)]
pub struct PlannedCell {
    /// Its place in the record's cells.
    pub index: usize,
    /// Its worker.
    pub command: WorkerCommand,
    /// Seconds that one sample of everything is expected to take on the machine of the published run, where a quick run may leave the cell
    /// out for it.
    pub estimate_s: Option<f64>,
}

/// The workers that compute what is right.
#[derive(Clone, Debug)]
pub struct References {
    /// The float reference, of tensors.
    pub tensors: WorkerCommand,
    /// What language models have to say.
    pub languages: WorkerCommand,
}

impl References {
    /// Those of one backend.
    ///
    /// # Errors
    /// When its workers cannot be had.
    pub fn of(family: &dyn Provider, backend: &str) -> Result<Self, PlanError> {
        Ok(Self {
            tensors: family.command(backend).map_err(PlanError::NoReference)?,
            languages: family.language_command(backend).map_err(PlanError::NoReference)?,
        })
    }
}

/// What a run will do.
#[derive(Debug)]
pub struct Plan {
    /// What is written to `run.json`.
    pub record: RunRecord,
    /// The workloads, by name.
    pub workloads: BTreeMap<String, Workload>,
    /// The cells that have a worker.
    pub cells: Vec<PlannedCell>,
    /// The workers that compute what is right.
    pub references: References,
    /// What cells of a quick run are expected to take, seconds; those that were named are not among them.
    estimates_s: BTreeMap<CellId, f64>,
}

/// Why no plan can be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A language model's file cannot be read.
    #[error("the model of `{workload}`: {source}; name another with --llm, or in --config")]
    Model {
        /// The workload.
        workload: String,
        /// The file, and why.
        source: FileError,
    },
    /// The selection leaves nothing.
    #[error("no cell is selected; `zktee list` shows workloads and backends")]
    Empty,
    /// A resumed run names a workload that is not known any more.
    #[error(
        "the run in {folder} has the workload `{workload}`, which is not known now; give the same --config, or --llm"
    )]
    UnknownWorkload {
        /// The run's folder.
        folder: String,
        /// The workload.
        workload: String,
    },
    /// A resumed run was begun with other data.
    #[error("the run in {folder} was begun with another model or other inputs for `{workload}`; start anew with --out")]
    WorkloadChanged {
        /// The run's folder.
        folder: String,
        /// The workload.
        workload: String,
    },
    /// A merged run has no place of its own to go on in.
    #[error("{0} was put together by `zktee merge`; go on with the runs that it was made from, then merge them anew")]
    Merged(String),
    /// The float reference's worker cannot be had.
    #[error("no float reference: {0}")]
    NoReference(Unavailable),
}

/// What is known of cells before they are measured.
pub struct Costs<'a> {
    /// Seconds that a cell took elsewhere. Only a quick run goes by them.
    pub estimate_s: &'a dyn Fn(&CellId) -> Option<f64>,
    /// Cells that any run leaves to those who ask for their backend by name.
    pub by_name_only: &'a dyn Fn(&CellId) -> bool,
}

/// How families are set up.
pub struct SetupPolicy<'a> {
    /// Whether what is missing may be set up.
    pub allowed: bool,
    /// Told what happens.
    pub say: &'a mut dyn FnMut(&str),
}

impl Plan {
    /// Plans a new run: every selected workload on every selected backend. What costs too much is left out, and
    /// says so, where its backend's name was not written out.
    ///
    /// # Errors
    /// When nothing is selected.
    pub fn new(
        workloads: Vec<Workload>,
        backends: &Selection,
        providers: &Providers,
        references: References,
        settings: Settings,
        command: Vec<String>,
        costs: &Costs<'_>,
    ) -> Result<Self, PlanError> {
        let Costs { estimate_s, by_name_only } = costs;
        let mut cells = Vec::new();
        let mut expected_s = BTreeMap::new();
        for workload in &workloads {
            let facts = Facts::of(workload)?;
            for (profile, does) in providers.taken_for(backends, workload) {
                let id = CellId::new(&workload.name, &profile.backend);
                let estimate_s = estimate_s(&id).filter(|_| settings.quick && !backends.names(&id.backend));
                let dear = estimate_s.filter(|s| *s > QUICK_CELL_S);
                let unnamed = by_name_only(&id) && !backends.names(&id.backend);
                let decided = dear.map(|s| left_out(&id, s)).or_else(|| unnamed.then(|| only_by_name(&id)));
                let decided = decided.map(|reason| (Outcome::Unfinished, reason));
                let waits = providers.waits_to_be_asked(&profile.backend) && !backends.asks_for(&profile.backend);
                let unasked = || not_asked_for(&id.backend);
                let unasked = waits.then(unasked).map(|it| (Outcome::Unavailable, with_fix(&it.reason, Some(&it.fix))));
                let refused = (!does).then(|| (Outcome::Refused, no_language_models(&id.backend)));
                let decided = refused.or(decided).or(unasked);
                expected_s.extend(estimate_s.map(|s| (id.clone(), s)));
                cells.push(cell_plan(workload, &facts, id, decided));
            }
        }
        if cells.is_empty() {
            return Err(PlanError::Empty);
        }
        let record = RunRecord {
            schema: SCHEMA,
            zktee_version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: now(),
            command,
            settings,
            cells,
            descriptions: BTreeMap::new(),
            language_descriptions: BTreeMap::new(),
            shard: None,
            merged: Vec::new(),
        };
        Ok(Self { estimates_s: expected_s, ..Self::of(record, workloads, references) })
    }

    /// Keeps one part of the plan alone. A part may be without a cell, where there are more parts than cells.
    pub fn keep(&mut self, part: Partition, estimate_s: &dyn Fn(&CellId) -> Option<f64>) {
        let plan: Vec<CellId> = self.record.cells.iter().map(|cell| cell.id.clone()).collect();
        // What is left out costs nothing.
        let cost = |cell: &CellPlan| if cell.decided.is_some() { Some(0.0) } else { estimate_s(&cell.id) };
        let costs: Vec<Option<f64>> = self.record.cells.iter().map(cost).collect();
        let mut kept = part.of(&costs).into_iter();
        self.record.cells.retain(|_| kept.next() == Some(true));
        let cells = &self.record.cells;
        self.workloads.retain(|name, _| cells.iter().any(|cell| cell.id.workload == *name));
        self.record.shard = Some(Shard { index: part.index(), count: part.count(), plan });
    }

    /// Plans to go on with an earlier run, whose data must be the same as now.
    ///
    /// # Errors
    /// When a workload is missing or has changed.
    pub fn resume(
        record: RunRecord,
        workloads: Vec<Workload>,
        references: References,
        folder: &str,
    ) -> Result<Self, PlanError> {
        if !record.merged.is_empty() {
            return Err(PlanError::Merged(folder.to_owned()));
        }
        let mut facts: BTreeMap<&str, Facts> = BTreeMap::new();
        for cell in &record.cells {
            let (folder, workload) = (folder.to_owned(), cell.id.workload.clone());
            let Some(now) = workloads.iter().find(|known| known.name == workload) else {
                return Err(PlanError::UnknownWorkload { folder, workload });
            };
            let now = match facts.entry(&now.name) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(Facts::of(now)?),
            };
            if !now.are_of(cell) {
                return Err(PlanError::WorkloadChanged { folder, workload });
            }
        }
        Ok(Self::of(record, workloads, references))
    }

    fn of(record: RunRecord, workloads: Vec<Workload>, references: References) -> Self {
        let workloads = workloads.into_iter().map(|workload| (workload.name.clone(), workload)).collect();
        Self { record, workloads, cells: Vec::new(), references, estimates_s: BTreeMap::new() }
    }

    /// Finds each cell's worker, setting up what is missing where that is allowed. What cannot be had becomes the cell's outcome.
    /// A language model that is packed is fetched into `cache`.
    pub fn find_workers(&mut self, providers: &Providers, cache: &Path, policy: &mut SetupPolicy<'_>) {
        let mut known: BTreeMap<(String, bool), Result<WorkerCommand, Unavailable>> = BTreeMap::new();
        let mut models: BTreeMap<String, Result<(), Unavailable>> = BTreeMap::new();
        for (index, cell) in self.record.cells.iter_mut().enumerate() {
            // Left out is left out; but what was missing may be there by now.
            if cell.decided.as_ref().is_some_and(|(outcome, _)| *outcome != Outcome::Unavailable) {
                continue;
            }
            let backend = &cell.id.backend;
            let asked = cell.decided.is_none();
            let of_language = cell.language.is_some();
            let found = known.entry((backend.clone(), of_language)).or_insert_with(|| {
                if !asked && providers.waits_to_be_asked(backend) {
                    return Err(not_asked_for(backend));
                }
                find_worker(backend, of_language, providers, policy)
            });
            // The model is fetched only where there is a worker that wants it.
            let found = found.as_ref().map_err(Clone::clone).and_then(|command| {
                let model = models
                    .entry(cell.id.workload.clone())
                    .or_insert_with(|| provide_model(self.workloads.get(&cell.id.workload), cache, policy));
                model.clone().map(|()| command)
            });
            cell.decided = match found {
                Ok(command) => {
                    let estimate_s = self.estimates_s.get(&cell.id).copied();
                    self.cells.push(PlannedCell { index, command: command.clone(), estimate_s });
                    None
                }
                Err(error) => Some((Outcome::Unavailable, with_fix(&error.reason, Some(&error.fix)))),
            };
        }
        // A quick run does what is cheap first, so that its budget leaves out what is dear; without estimates the order stays.
        self.cells.sort_by(|a, b| a.estimate_s.unwrap_or(0.0).total_cmp(&b.estimate_s.unwrap_or(0.0)));
    }
}

/// Why a quick run does without a cell.
pub(crate) fn left_out(id: &CellId, estimate_s: f64) -> String {
    format!(
        "left out of a quick run: one sample takes about {estimate_s:.0} s; run without --quick, or name it by --backend {} --workload {}",
        id.backend, id.workload
    )
}

/// Why a run does without a cell that nobody asked for by its name.
fn only_by_name(id: &CellId) -> String {
    format!("dear, and done only by name: --backend {} --workload {}", id.backend, id.workload)
}
