//! A run folder, read and checked.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use zktee_core::record::{Environment, GenerationRow, LoadRow, ProbeRow, RunRecord, SCHEMA, Sample, TokenRow, files};
use zktee_core::vocabulary::CellId;

use crate::generations;
use crate::rows::{self, RowsError};
use crate::samples::{self, SamplesError};

/// The largest `run.json` that is read, bytes.
const MAX_RUN_BYTES: u64 = 64 << 20;
/// The largest `environment.json` that is read, bytes.
const MAX_ENVIRONMENT_BYTES: u64 = 1 << 20;

/// Everything that a run recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The plan, and what each backend said of itself.
    pub record: RunRecord,
    /// The samples of the plan's cells, in the order in which they were taken.
    pub samples: Vec<Sample>,
    /// The machine, unless its file is missing.
    pub environment: Option<Environment>,
    /// How enclaves did under load; none where that was not tried.
    pub loads: Vec<LoadRow>,
    /// Forgeries that verifiers were shown; none where that was not tried.
    pub probes: Vec<ProbeRow>,
    /// What language models said, an answer a measured sample of `infer`; none where none was asked.
    pub generations: Vec<GenerationRow>,
    /// The tokens of those answers, an answer's in their order; none of an answer whose tokens are not all there.
    pub tokens: Vec<TokenRow>,
    /// What a reader of the numbers has to know of the folder itself.
    pub warnings: Vec<Warning>,
}

/// What is not as it should be in a run folder, though it can be reported on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The last line of `samples.csv` was not written to its end.
    TornLine {
        /// Its number, from 1.
        line: u64,
    },
    /// There is no `samples.csv`.
    NoSamples,
    /// There is no `environment.json`.
    NoEnvironment,
    /// Samples of a cell that `run.json` does not plan.
    NotPlanned {
        /// The cell.
        cell: CellId,
        /// How many rows.
        rows: usize,
    },
    /// The last row of `generations.csv` or `tokens.csv` was not written to its end.
    TornRow {
        /// Which of them.
        file: &'static str,
        /// The number of the line where it begins, from 1.
        line: u64,
    },
    /// Rows of an answer without a measured sample.
    NoSample {
        /// The file.
        file: &'static str,
        /// The cell.
        cell: CellId,
        /// How many rows.
        rows: usize,
    },
    /// Tokens that are not as many as those of their response, or whose times are not.
    TokensDisagree {
        /// The cell.
        cell: CellId,
        /// The sample.
        sample: u32,
        /// What is wrong.
        what: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TornLine { line } => write!(
                f,
                "{}, line {line}: the run was stopped while it wrote this line, so the line is left out; `zktee run --resume` \
                     takes it again",
                files::SAMPLES
            ),
            Self::NoSamples => {
                write!(
                    f,
                    "no {}: the run ended before its first sample; go on with `zktee run --resume` and this folder",
                    files::SAMPLES
                )
            }
            Self::NoEnvironment => write!(
                f,
                "no {}: the numbers below belong to an unknown machine and compare with nothing",
                files::ENVIRONMENT
            ),
            Self::NotPlanned { cell, rows } => write!(
                f,
                "{}: {rows} row(s) of `{cell}` left out, since {} does not plan that cell; were two runs mixed?",
                files::SAMPLES,
                files::RUN
            ),
            Self::TornRow { file, line } => write!(
                f,
                "{file}, line {line}: the run was stopped while it wrote this row, so the row is left out; `zktee run --resume` takes it \
                     again"
            ),
            Self::NoSample { file, cell, rows } => write!(
                f,
                "{file}: {rows} row(s) of `{cell}` left out, since {} has no measured sample of that number; was the run stopped?",
                files::SAMPLES
            ),
            Self::TokensDisagree { cell, sample, what } => {
                write!(f, "{}: the tokens of sample {sample} of `{cell}` {what}", files::TOKENS)
            }
        }
    }
}

/// Why a run folder cannot be read. Nothing in the folder is changed.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no `run.json`.
    #[error("{dir} is not a results folder: it has no {}; name the folder that `zktee run` printed", files::RUN)]
    NotARun {
        /// The folder.
        dir: PathBuf,
    },
    /// A file cannot be opened or read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is larger than any run makes it.
    #[error("{path} is larger than {limit} bytes; is it a results file?")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, bytes.
        limit: u64,
    },
    /// The folder was written by a newer version.
    #[error(
        "{path} has schema {found}, and this zktee reads schemas up to {}; report it with zktee {} or newer",
        SCHEMA,
        version
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u64,
        /// The version of zktee that wrote it, as the file says.
        version: String,
    },
    /// A JSON file is damaged.
    #[error("{path}, line {}, column {}: {source}; put a good copy of the file in its place", source.line(), source.column())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The plan names a cell twice.
    #[error("{path}: the cell `{cell}` is planned twice; put a good copy of the file in its place")]
    Twice {
        /// The file.
        path: PathBuf,
        /// The cell.
        cell: CellId,
    },
    /// `samples.csv`, `generations.csv` or `tokens.csv` is damaged.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// `load.csv` or `probes.csv` is damaged.
    #[error(transparent)]
    Rows(#[from] RowsError),
}

/// Reads a run folder.
///
/// # Errors
/// When the folder is no run, was written by a newer version, or holds a damaged file; the message names file, line and fix.
pub fn load(dir: &Path) -> Result<Run, LoadError> {
    let path = dir.join(files::RUN);
    let Some(text) = read_bounded(&path, MAX_RUN_BYTES)? else {
        return Err(LoadError::NotARun { dir: dir.to_owned() });
    };
    let record = parse_record(&path, &text)?;
    let planned = record.cells.iter().map(|plan| plan.id.clone()).collect();

    let mut warnings = Vec::new();
    let environment_path = dir.join(files::ENVIRONMENT);
    let environment = read_bounded(&environment_path, MAX_ENVIRONMENT_BYTES)?;
    let environment = environment.map(|text| parse(&environment_path, &text)).transpose()?;
    if environment.is_none() {
        warnings.push(Warning::NoEnvironment);
    }
    let samples = load_samples(&dir.join(files::SAMPLES), &planned, &mut warnings)?;
    let (loads, probes) = (read_rows(&dir.join(files::LOAD))?, read_rows(&dir.join(files::PROBES))?);
    let said = generations::load(dir, &samples, &mut warnings)?;
    Ok(Run { record, samples, environment, loads, probes, generations: said.answers, tokens: said.tokens, warnings })
}

/// The content of `run.json`, in which every cell is planned once.
pub(crate) fn parse_record(path: &Path, text: &[u8]) -> Result<RunRecord, LoadError> {
    check_schema(path, text)?;
    let record: RunRecord = parse(path, text)?;
    let mut planned = BTreeSet::new();
    match record.cells.iter().find(|plan| !planned.insert(&plan.id)) {
        Some(plan) => Err(LoadError::Twice { path: path.to_owned(), cell: plan.id.clone() }),
        None => Ok(record),
    }
}

fn load_samples(
    path: &Path,
    planned: &BTreeSet<CellId>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Sample>, LoadError> {
    let read = match samples::read(path) {
        Ok(read) => read,
        Err(SamplesError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            warnings.push(Warning::NoSamples);
            return Ok(Vec::new());
        }
        Err(error) => return Err(error.into()),
    };
    warnings.extend(read.torn_line.map(|line| Warning::TornLine { line }));
    let (kept, stray): (Vec<_>, Vec<_>) =
        read.rows.into_iter().partition(|s| planned.contains(&CellId::new(&*s.workload, &*s.backend)));
    let mut strays = std::collections::BTreeMap::<CellId, usize>::new();
    for sample in stray {
        *strays.entry(CellId::new(sample.workload, sample.backend)).or_default() += 1;
    }
    warnings.extend(strays.into_iter().map(|(cell, rows)| Warning::NotPlanned { cell, rows }));
    Ok(kept)
}

/// The rows of a small table; none where there is no such file.
fn read_rows<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, LoadError> {
    let bytes = read_bounded(path, rows::MAX_BYTES)?;
    Ok(bytes.map(|bytes| rows::parse(path, &bytes)).transpose()?.unwrap_or_default())
}

/// The text of a file, or none when there is no such file.
fn read_bounded(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, LoadError> {
    let io = |source| LoadError::Io { path: path.to_owned(), source };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(io(e)),
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit {
        return Err(LoadError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(Some(bytes))
}

/// Looks at the schema before all else: a newer file need not have any other field that is known here.
fn check_schema(path: &Path, text: &[u8]) -> Result<(), LoadError> {
    let value: serde_json::Value = parse(path, text)?;
    match value.get("schema").and_then(serde_json::Value::as_u64) {
        Some(found) if found > u64::from(SCHEMA) => {
            let version = value.get("zktee_version").and_then(serde_json::Value::as_str).unwrap_or("(unknown)");
            Err(LoadError::NewerSchema { path: path.to_owned(), found, version: version.chars().take(40).collect() })
        }
        _ => Ok(()),
    }
}

pub(crate) fn parse<T: DeserializeOwned>(path: &Path, text: &[u8]) -> Result<T, LoadError> {
    serde_json::from_slice(text).map_err(|source| LoadError::Json { path: path.to_owned(), source })
}
