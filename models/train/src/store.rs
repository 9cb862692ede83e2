//! The models folder: ONNX files, `SHA256SUMS`, `metrics.json`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use zktee_models::graph::Sequential;
use zktee_models::onnx::{self, Batch};

use crate::evaluate::{Metrics, measure};
use crate::model::{Data, Model};

/// The metrics of each model by its name.
pub(crate) type AllMetrics = BTreeMap<String, Metrics>;

const METRICS: &str = "metrics.json";
const SUMS: &str = "SHA256SUMS";

/// Where a model's ONNX file is.
pub(crate) fn onnx_path(model: Model, folder: &Path) -> PathBuf {
    folder.join(format!("{}.onnx", model.name()))
}

/// The model as ONNX: any number of inputs a call.
pub(crate) fn to_onnx(trained: &Sequential) -> Result<Vec<u8>> {
    Ok(onnx::write(trained, &Batch::dynamic())?)
}

/// Writes a model's ONNX file, then its entries in the other two files from what is on disk.
pub(crate) fn write(model: Model, trained: &Sequential, data: &Data, folder: &Path) -> Result<Metrics> {
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    write_file(&onnx_path(model, folder), &to_onnx(trained)?)?;
    let metrics = measure(&read_file(&onnx_path(model, folder))?, &model.exam(data))?;

    let mut all = if folder.join(METRICS).exists() { read_metrics(folder)? } else { AllMetrics::new() };
    all.insert(model.name().into(), metrics.clone());
    let json = serde_json::to_string_pretty(&all)? + "\n";
    write_file(&folder.join(METRICS), json.as_bytes())?;
    let sums = all.iter().fold(String::new(), |mut sums, (name, metrics)| {
        let _ = writeln!(sums, "{}  {name}.onnx", metrics.sha256);
        sums
    });
    write_file(&folder.join(SUMS), sums.as_bytes())?;
    Ok(metrics)
}

/// What `metrics.json` says.
pub(crate) fn read_metrics(folder: &Path) -> Result<AllMetrics> {
    let path = folder.join(METRICS);
    serde_json::from_slice(&read_file(&path)?).with_context(|| format!("{}: not as written", path.display()))
}

/// The digest that `SHA256SUMS` gives for a model's file.
pub(crate) fn read_sum(model: Model, folder: &Path) -> Result<String> {
    let path = folder.join(SUMS);
    let sums = String::from_utf8(read_file(&path)?)?;
    let line = sums.lines().filter_map(|line| line.split_once("  "));
    line.filter(|(_, file)| Path::new(file) == onnx_path(model, Path::new("")))
        .map(|(sum, _)| sum.to_owned())
        .next()
        .with_context(|| format!("{}: no line for {}.onnx", path.display(), model.name()))
}

/// The bytes of a file of the models folder.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("{}: cannot be written", path.display()))
}
