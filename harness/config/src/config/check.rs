//! From the file's form to what a run can use: everything that it names is read and checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::Spanned;
use zktee_core::provider::WorkerCommand;
use zktee_core::record::Task;
use zktee_core::tensor::Tensor;
use zktee_models::onnx::Batch;

use super::file::{File, LanguageEntry, WorkerEntry, WorkloadEntry};
use super::{Config, Taken};
use crate::builtin::{language, scale_member};
use crate::error::{ConfigError, Problem};
use crate::inputs;
use crate::language::{Files, Language, Source, generation};
use crate::model::Model;
use crate::names::{is_backend, is_name};
use crate::worker::ExternalWorker;
use crate::workload::{Kind, Tensors, Workload};

/// Stands for the configuration file's folder in a worker's arguments and variables: a worker starts in a folder of its own.
const HERE: &str = "{here}";

/// Variables by which the runner gives every worker the same number of threads.
const THREAD_VARIABLES: [&str; 5] =
    ["ZKTEE_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"];

/// What the checks need beside the entries.
pub(super) struct Checker<'a> {
    /// The file as the user named it.
    pub(super) path: &'a Path,
    /// Its folder, absolute.
    pub(super) folder: &'a Path,
    /// Its text, to count lines in.
    pub(super) text: &'a str,
    /// Built-in names.
    pub(super) taken: Taken<'a>,
}

impl Checker<'_> {
    /// Workers first: workloads may hold options for them.
    pub(super) fn config(&self, file: &File) -> Result<Config, ConfigError> {
        let mut seen = BTreeSet::new();
        let mut workers = Vec::new();
        for entry in &file.worker {
            let name = entry.backend.get_ref().as_str();
            let fresh = seen.insert(name);
            workers.push(self.worker(entry, fresh).map_err(|problem| self.error("worker", &entry.backend, problem))?);
        }
        let backends: Vec<&str> = self.taken.backends.iter().copied().chain(seen).collect();
        let mut seen = BTreeSet::new();
        let mut workloads = Vec::new();
        for entry in &file.workload {
            let fresh = seen.insert(entry.name.get_ref());
            let workload = self.workload(entry, fresh, &backends);
            workloads.push(workload.map_err(|problem| self.error("workload", &entry.name, problem))?);
        }
        for entry in &file.language {
            let fresh = seen.insert(entry.name.get_ref());
            let workload = self.language(entry, fresh);
            workloads.push(workload.map_err(|problem| self.error("language", &entry.name, problem))?);
        }
        Ok(Config { workloads, workers })
    }

    fn error(&self, kind: &str, name: &Spanned<String>, problem: Problem) -> ConfigError {
        let before = self.text.get(..name.span().start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let entry = format!("{kind} `{}`", name.get_ref());
        ConfigError::Entry { path: self.path.into(), line, entry, problem: Box::new(problem) }
    }

    fn worker(&self, entry: &WorkerEntry, fresh: bool) -> Result<ExternalWorker, Problem> {
        let backend = entry.backend.get_ref();
        name_is_free(is_backend(backend), Problem::BackendName, self.taken.backends.contains(&&**backend), fresh)?;
        if entry.program.is_empty() {
            return Err(Problem::NoProgram);
        }
        let has_separator = entry.program.contains('/') || entry.program.contains(std::path::MAIN_SEPARATOR);
        let program = if has_separator { self.resolve(&entry.program) } else { PathBuf::from(&entry.program) };
        for name in entry.env.keys() {
            check_variable(name).map_err(|why| Problem::Variable { name: name.clone(), why })?;
        }
        let here = |text: &String| text.replace(HERE, &self.folder.to_string_lossy()).into();
        Ok(ExternalWorker {
            backend: backend.clone(),
            summary: entry.summary.clone().unwrap_or_else(|| format!("{} of {}", entry.program, self.path.display())),
            origin: self.path.into(),
            command: WorkerCommand {
                program,
                args: entry.args.iter().map(here).collect(),
                env: entry.env.iter().map(|(name, value)| (name.into(), here(value))).collect(),
            },
        })
    }

    fn workload(&self, entry: &WorkloadEntry, fresh: bool, backends: &[&str]) -> Result<Workload, Problem> {
        let name = entry.name.get_ref();
        let taken = self.taken.workloads.contains(&&**name) || scale_member(name).is_some();
        name_is_free(is_name(name), Problem::WorkloadName, taken, fresh)?;
        let answer = Answer::of(entry)?;
        let options = options(&entry.options, backends)?;

        let model_path = self.resolve(&entry.model);
        let model = Model::load(&model_path)?;
        let path = self.resolve(&entry.inputs);
        let all = tensor(&path, &model, entry.divide)?;
        let labels = entry.labels.as_ref().map(|file| labels(&self.resolve(file), all.rows(), &model)).transpose()?;
        let calibration = entry.calibration.as_ref().map(|file| tensor(&self.resolve(file), &model, entry.divide));

        let (first, count) = range(&path, entry, all.rows())?;
        let chosen = if count == all.rows() { all } else { all.slice(first, count) };
        let (batch, batch_symbol) = batch(&model_path, model.batch, entry.batch, count)?;
        Ok(Workload {
            name: name.clone(),
            summary: entry.summary.clone().unwrap_or_else(|| {
                let file = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                format!("{} on {}", file(&model_path), file(&path))
            }),
            origin: model_path.display().to_string(),
            kind: Kind::Tensors(Box::new(Tensors {
                onnx: model.onnx,
                batch_symbol,
                calibration: calibration.transpose()?.unwrap_or_else(|| chosen.clone()),
                inputs: chosen,
                labels: labels.map(|labels| labels[first..first + count].to_vec()),
                batch,
                task: answer.task,
                tolerance: answer.tolerance,
                min_class_agreement: answer.min_class_agreement,
            })),
            options,
        })
    }

    fn language(&self, entry: &LanguageEntry, fresh: bool) -> Result<Workload, Problem> {
        let name = entry.name.get_ref();
        let taken = self.taken.workloads.contains(&&**name) || language(name).is_some();
        name_is_free(is_name(name), Problem::WorkloadName, taken, fresh)?;
        if !name.starts_with("llm-") {
            return Err(Problem::LanguageName);
        }
        let LanguageEntry { max_tokens, temperature, seed, .. } = *entry;
        let generation = generation(entry.prompt.clone(), max_tokens, temperature, seed)?;
        let path = self.resolve(&entry.model);
        let named = |file: &Option<PathBuf>| file.as_ref().map(|file| self.resolve(file));
        let (config, tokenizer) = (named(&entry.config), named(&entry.tokenizer));
        // What is named need not lie beside the model.
        let files = if config.is_some() || tokenizer.is_some() {
            Files { model: path.clone(), config, tokenizer }
        } else {
            Files::find(&path)?
        };
        files.bytes()?;
        Ok(Workload {
            name: name.clone(),
            summary: entry.summary.clone().unwrap_or_else(|| format!("language model {}", entry.model.display())),
            origin: path.display().to_string(),
            kind: Kind::Language(Language { source: Source::Files(files), generation }),
            options: BTreeMap::new(),
        })
    }

    fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.join(path)
    }
}

/// A file of inputs in the shape of the model's, divided.
fn tensor(path: &Path, model: &Model, divide: Option<f64>) -> Result<Tensor, Problem> {
    let mut tensor = inputs::fit(path, inputs::read(path)?, &model.input)?;
    if let Some(divisor) = divide {
        for number in &mut tensor.data {
            *number = (f64::from(*number) / divisor) as f32;
        }
        // A divisor near zero makes a finite number infinite.
        tensor.check().map_err(|_| Problem::Number { key: "divide", expected: "such that the inputs stay finite" })?;
    }
    Ok(tensor)
}

/// The keys that say what counts as a right answer.
struct Answer {
    task: Task,
    tolerance: f64,
    min_class_agreement: f64,
}

impl Answer {
    fn of(entry: &WorkloadEntry) -> Result<Self, Problem> {
        let number = |key, expected| Problem::Number { key, expected };
        if entry.divide.is_some_and(|divisor| !divisor.is_finite() || divisor == 0.0) {
            return Err(number("divide", "a finite number other than 0"));
        }
        let tolerance = entry.tolerance.unwrap_or(0.05);
        if !tolerance.is_finite() || tolerance < 0.0 {
            return Err(number("tolerance", "a finite number of at least 0"));
        }
        let task = entry.task.unwrap_or(match entry.labels {
            Some(_) => Task::Classification,
            None => Task::Regression,
        });
        if task == Task::Regression {
            let out_of_place =
                [("labels", entry.labels.is_some()), ("min-class-agreement", entry.min_class_agreement.is_some())];
            if let Some((key, _)) = out_of_place.into_iter().find(|(_, given)| *given) {
                return Err(Problem::Regression { key });
            }
            return Ok(Self { task, tolerance, min_class_agreement: 0.0 });
        }
        let min_class_agreement = entry.min_class_agreement.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&min_class_agreement) {
            return Err(number("min-class-agreement", "between 0 and 1"));
        }
        Ok(Self { task, tolerance, min_class_agreement })
    }
}

fn name_is_free(well_formed: bool, form: Problem, built_in: bool, fresh: bool) -> Result<(), Problem> {
    if !well_formed {
        return Err(form);
    }
    if built_in {
        return Err(Problem::BuiltIn);
    }
    if fresh { Ok(()) } else { Err(Problem::Twice) }
}

fn check_variable(name: &str) -> Result<(), &'static str> {
    if THREAD_VARIABLES.contains(&name) {
        return Err("the runner sets it, so that every backend has the same number of threads");
    }
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err("not the name of a variable");
    }
    Ok(())
}

/// Which inputs `first` and `count` choose of those that the file holds.
fn range(path: &Path, entry: &WorkloadEntry, available: usize) -> Result<(usize, usize), Problem> {
    let first = entry.first.unwrap_or(0);
    let count = entry.count.unwrap_or_else(|| available.saturating_sub(first));
    if entry.count == Some(0) {
        return Err(Problem::Number { key: "count", expected: "at least 1" });
    }
    if count == 0 || first.checked_add(count).is_none_or(|end| end > available) {
        return Err(Problem::Range { path: path.into(), first, count: entry.count, available });
    }
    Ok((first, count))
}

/// Inputs of one call, and the name of the model's open dimension.
fn batch(path: &Path, model: Batch, asked: Option<usize>, inputs: usize) -> Result<(usize, Option<String>), Problem> {
    let (batch, symbol) = match (model, asked) {
        (_, Some(0)) => return Err(Problem::Number { key: "batch", expected: "at least 1" }),
        (Batch::Fixed(fixed), Some(asked)) if asked != fixed => {
            return Err(Problem::FixedBatch { path: path.into(), fixed, asked });
        }
        (Batch::Fixed(fixed), _) => (fixed, None),
        (Batch::Dynamic(symbol), asked) => (asked.unwrap_or(inputs), Some(symbol)),
    };
    if !inputs.is_multiple_of(batch) {
        return Err(Problem::NotAMultiple { inputs, batch });
    }
    Ok((batch, symbol))
}

fn labels(path: &Path, expected: usize, model: &Model) -> Result<Vec<usize>, Problem> {
    let labels = inputs::labels(path)?;
    if labels.len() != expected {
        return Err(Problem::LabelCount { path: path.into(), expected, got: labels.len() });
    }
    if let Some(classes) = model.classes
        && let Some(index) = labels.iter().position(|label| *label >= classes)
    {
        return Err(Problem::LabelRange { path: path.into(), index, label: labels[index], classes });
    }
    Ok(labels)
}

/// The free tables by backend, as JSON.
fn options(
    tables: &BTreeMap<String, toml::Table>,
    backends: &[&str],
) -> Result<BTreeMap<String, BTreeMap<String, serde_json::Value>>, Problem> {
    let table = |(backend, table): (&String, &toml::Table)| {
        if !backends.contains(&backend.as_str()) {
            return Err(Problem::UnknownBackend { backend: backend.clone(), known: backends.join(", ") });
        }
        let option = |(option, value): (&String, &toml::Value)| {
            let problem = || Problem::Option { backend: backend.clone(), option: option.clone() };
            json(value).map(|value| (option.clone(), value)).ok_or_else(problem)
        };
        Ok((backend.clone(), table.iter().map(option).collect::<Result<_, Problem>>()?))
    };
    tables.iter().map(table).collect()
}

/// The same value as JSON, which has neither dates nor numbers that are not finite.
fn json(value: &toml::Value) -> Option<serde_json::Value> {
    Some(match value {
        toml::Value::String(text) => text.clone().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => serde_json::Number::from_f64(*number)?.into(),
        toml::Value::Boolean(flag) => (*flag).into(),
        toml::Value::Datetime(_) => return None,
        toml::Value::Array(values) => values.iter().map(json).collect::<Option<Vec<_>>>()?.into(),
        toml::Value::Table(table) => {
            let pairs = table.iter().map(|(key, value)| Some((key.clone(), json(value)?)));
            serde_json::Value::Object(pairs.collect::<Option<_>>()?)
        }
    })
}
