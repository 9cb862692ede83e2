//! What can be wrong with a configuration file.

use std::path::PathBuf;

use zktee_models::onnx::OnnxError;

use crate::inputs::InputError;
use crate::language::FileError;

/// Why `zktee.toml` was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said, or that it is no UTF-8 text.
        source: std::io::Error,
    },
    /// Not TOML, a key that there is not, one that is missing, or a value of another type. The message shows the line.
    #[error("{}: {source}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The parser's message.
        source: Box<toml::de::Error>,
    },
    /// A `[[workload]]`, `[[language]]` or `[[worker]]` that cannot be used.
    #[error("{}, line {line}: {entry}: {problem}", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// The line on which the entry's name stands, from 1.
        line: usize,
        /// Which, e.g. ``workload `mine` ``.
        entry: String,
        /// What is wrong.
        #[source]
        problem: Box<Problem>,
    },
}

/// What is wrong with an entry of the file; each message names the key that mends it.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A name that is none.
    #[error(
        "a workload's name begins with a-z or 0-9, goes on with those or `.`, `_`, `-`, and has at most 64 characters"
    )]
    WorkloadName,
    /// A name that is none.
    #[error("`backend` is a name or name/profile; each begins with a-z or 0-9 and goes on with those or `.`, `_`, `-`")]
    BackendName,
    /// A language model's name that does not say so.
    #[error("a language model's name begins with `llm-`, so that no table takes it for a workload of tensors")]
    LanguageName,
    /// A language model's file that cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The name of something that is built in.
    #[error("the name is taken by what is built in; choose another")]
    BuiltIn,
    /// Twice in the file.
    #[error("the name is used twice; choose another")]
    Twice,
    /// A file that could not be read; the message names it.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A file that is no usable ONNX model.
    #[error("model {}: {source}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<OnnxError>,
    },
    /// A model with no or several outputs.
    #[error("model {}: it has {got} outputs, exactly one is needed", path.display())]
    Outputs {
        /// The file.
        path: PathBuf,
        /// How many.
        got: usize,
    },
    /// An open batch dimension without a name, which no backend could set.
    #[error(
        "model {}: its batch dimension is open but has no name; export it with one \
         (PyTorch: dynamic_axes={{\"input\": {{0: \"batch\"}}}}) or with a fixed batch",
        path.display()
    )]
    UnnamedBatch {
        /// The file.
        path: PathBuf,
    },
    /// Another batch than the one that the model is made for.
    #[error(
        "`batch = {asked}`, but model {} has the fixed batch {fixed}; leave `batch` out, or export the model with an open \
         batch dimension",
        path.display()
    )]
    FixedBatch {
        /// The model.
        path: PathBuf,
        /// Its batch.
        fixed: usize,
        /// The file's `batch`.
        asked: usize,
    },
    /// The inputs do not fill whole calls.
    #[error(
        "{inputs} inputs are no multiple of the batch, {batch}; choose a multiple with `count`, or another `batch`"
    )]
    NotAMultiple {
        /// Inputs chosen.
        inputs: usize,
        /// Inputs of one call.
        batch: usize,
    },
    /// `first` and `count` ask for inputs that are not there.
    #[error(
        "{} holds {available} inputs; `first = {first}`{} asks for some that are not there",
        path.display(),
        count.map_or_else(String::new, |count| format!(" with `count = {count}`"))
    )]
    Range {
        /// The file.
        path: PathBuf,
        /// From 0.
        first: usize,
        /// How many, where the file says.
        count: Option<usize>,
        /// How many the file holds.
        available: usize,
    },
    /// Another number of labels than of inputs.
    #[error("{} holds {got} labels for {expected} inputs (before `first` and `count` choose)", path.display())]
    LabelCount {
        /// The file of labels.
        path: PathBuf,
        /// Inputs.
        expected: usize,
        /// Labels.
        got: usize,
    },
    /// A label beyond the model's classes.
    #[error("{}: label {index} (from 0) is {label}, the model's output has {classes} classes", path.display())]
    LabelRange {
        /// The file of labels.
        path: PathBuf,
        /// Which, from 0.
        index: usize,
        /// What.
        label: usize,
        /// Classes of the model.
        classes: usize,
    },
    /// A number out of its range.
    #[error("`{key}` must be {expected}")]
    Number {
        /// The key.
        key: &'static str,
        /// What is accepted.
        expected: &'static str,
    },
    /// Keys that exclude each other.
    #[error("`{key}` is for classification alone, but the task is regression")]
    Regression {
        /// The key.
        key: &'static str,
    },
    /// Options for a backend that there is not.
    #[error("options for `{backend}`, which is no backend; there are: {known}")]
    UnknownBackend {
        /// As the file says.
        backend: String,
        /// Those that exist, separated by commas.
        known: String,
    },
    /// A value that JSON cannot hold.
    #[error("option `{option}` of `{backend}` holds a date or a number that is not finite; JSON has neither")]
    Option {
        /// The backend.
        backend: String,
        /// The option.
        option: String,
    },
    /// A worker without a program.
    #[error("`program` is empty")]
    NoProgram,
    /// An environment variable that the runner sets, or one that the system would not take.
    #[error("`env.{name}`: {why}")]
    Variable {
        /// The variable.
        name: String,
        /// Why not.
        why: &'static str,
    },
}
