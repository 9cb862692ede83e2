//! A folder of a user's own, and the real binary run in it.
#![allow(dead_code, reason = "each test file is a program of its own; most use a part of this, some all of it")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A user's folder with a configuration and a cache.
pub(crate) struct House {
    dir: TempDir,
    config: String,
}

/// What a command left.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl House {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary folder"), config: String::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Adds a worker that plays this part, as backend `actor/PART`.
    pub(crate) fn actor(mut self, part: &str) -> Self {
        let answers = self.path("answers.json");
        if !answers.exists() {
            std::fs::write(&answers, answers_of_ols()).expect("the answers");
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/workers/actor.py");
        self.config += &format!(
            "[[worker]]\nbackend = \"actor/{part}\"\nprogram = \"python3\"\nargs = ['{}', '{part}']\nenv = {{ ACTOR_ANSWERS = '{}' }}\n\n",
            script.display(),
            answers.display()
        );
        self
    }

    /// Adds any text to the configuration.
    pub(crate) fn config(mut self, text: &str) -> Self {
        self.config += text;
        self
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        std::fs::write(self.path("zktee.toml"), &self.config).expect("the configuration");
        let mut command = Command::new(env!("CARGO_BIN_EXE_zktee"));
        command.args(args).current_dir(self.dir.path()).env("ZKTEE_CACHE", self.path("cache")).env("NO_COLOR", "1");
        command
    }

    pub(crate) fn zktee(&self, args: &[&str]) -> Done {
        Done::of(&self.command(args).output().expect("zktee starts"))
    }

    /// The rows of a CSV file of the house, by column.
    pub(crate) fn csv(&self, file: &str) -> Vec<BTreeMap<String, String>> {
        let mut reader = csv::Reader::from_path(self.path(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        reader.deserialize().map(|row| row.expect("a row")).collect()
    }

    /// `cells.csv` of a run, by backend.
    pub(crate) fn cells(&self, run: &str) -> BTreeMap<String, BTreeMap<String, String>> {
        let rows = self.csv(&format!("{run}/cells.csv"));
        rows.into_iter().map(|row| (row["backend"].clone(), row)).collect()
    }
}

impl Done {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.out.contains(text) || self.err.contains(text), "no `{text}` in\n{}\n{}", self.out, self.err);
        self
    }
}

/// Waits until a run's samples.csv has so many rows.
pub(crate) fn wait_for_rows(house: &House, rows: usize) {
    let start = Instant::now();
    loop {
        let text = std::fs::read_to_string(house.path("run/samples.csv")).unwrap_or_default();
        if text.lines().count() > rows {
            return;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "no rows: {text}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Fails when processes that work below a folder do not end within a few seconds.
pub(crate) fn no_process_is_left(folder: &Path) {
    let start = Instant::now();
    loop {
        let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
        let works_below = |process: &std::fs::DirEntry| {
            std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
        };
        let left: Vec<_> = processes.filter(works_below).map(|process| process.file_name()).collect();
        if left.is_empty() {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "still there: {left:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The float reference's answers to `ols-iris`, as a tensor file.
fn answers_of_ols() -> String {
    let workloads = zktee_config::builtins().expect("the built-in workloads");
    let ols = workloads.iter().find(|workload| workload.name == "ols-iris").expect("ols-iris");
    let ols = ols.tensors().expect("tensors");
    let model = zktee_models::reference::FloatModel::load(&ols.onnx, ols.batch).expect("the model");
    let answers = model.infer(&ols.inputs.data).expect("answers");
    format!("{{\"shape\":[{},1],\"data\":{answers:?}}}", answers.len())
}
