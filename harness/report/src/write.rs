//! All outputs of a run folder, each written beside its place and then moved into it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use zktee_core::record::files;

use crate::cell::Cell;
use crate::cells::cells;
use crate::claims::Claims;
use crate::language::{self, LanguageCell, language_cells};
use crate::load::Run;
use crate::plots::{self, FOLDER, palette};
use crate::samples::{header_of, one_line};
use crate::{document, html, markdown, tex};

/// The report for a text viewer.
const MARKDOWN: &str = "report.md";
/// The report for a browser.
const HTML: &str = "report.html";
/// The report for a program.
const JSON: &str = "report.json";
/// The report for a paper.
const TEX: &str = "report.tex";
/// A row a language model and backend, where there are any.
const LANGUAGE: &str = "llm.csv";
/// The layout of `report.json`.
const JSON_SCHEMA: u32 = 1;

/// Why outputs are missing. What was recorded is never touched.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} of the report's files could not be written; free some space or mend the folder's permissions and run `zktee report` again: {}",
    failed.len(),
    failed.iter().map(|(path, why)| format!("{}: {why}", path.display())).collect::<Vec<_>>().join("; ")
)]
pub struct ReportError {
    /// The files that could not be written, and why.
    pub failed: Vec<(PathBuf, String)>,
    /// The files that were written all the same.
    pub written: Vec<PathBuf>,
}

/// A form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `report.md`, and the plots in `plots/`, which it links.
    Md,
    /// `report.html`, which needs no other file.
    Html,
    /// `cells.csv`; `llm.csv` where there are language models.
    Csv,
    /// `report.json`: the cells, the settings and the machine.
    Json,
    /// `report.tex`: the tables for a paper.
    Tex,
}

impl Format {
    /// What a run leaves without being asked.
    pub const USUAL: [Self; 3] = [Self::Csv, Self::Md, Self::Html];
}

/// Writes `cells.csv`, `report.md`, `report.html` and the plots into a run's folder, and returns their paths.
///
/// # Errors
/// As [`write()`].
pub fn write_all(dir: &Path, run: &Run) -> Result<Vec<PathBuf>, ReportError> {
    write(dir, run, &Format::USUAL)
}

/// Writes the report in some forms into a run's folder, and returns the paths of the files.
///
/// A file appears whole or not at all, and one that fails does not stop the others.
///
/// # Errors
/// [`ReportError`] names the files that could not be written, after all others were.
pub fn write(dir: &Path, run: &Run, formats: &[Format]) -> Result<Vec<PathBuf>, ReportError> {
    let cells = cells(run);
    let language = language_cells(run, &cells);
    let claims = Claims::built_in().beside(&language);
    let mut plots = plots::all(&cells, &claims, run.record.settings.min_samples);
    plots.extend(plots::language(&cells, &language, &language::latencies(run, &cells), &claims));
    let document = document::document(run, &cells, &language, &claims, &plots);

    let mut outcome = ReportError { failed: Vec::new(), written: Vec::new() };
    let mut note = |path: PathBuf, result: Result<(), String>| match result {
        Ok(()) => outcome.written.push(path),
        Err(why) => outcome.failed.push((path, why)),
    };
    let mut text = |path: PathBuf, text: &str| {
        let result = atomically(&path, |temporary| {
            let mut file = fs::File::create(temporary)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        note(path, result.map_err(|e| e.to_string()));
    };
    for (format, name, content) in [
        (Format::Csv, files::CELLS, &(|| csv_of(&cells)) as &dyn Fn() -> String),
        (Format::Csv, LANGUAGE, &|| csv_of_language(&language)),
        (Format::Md, MARKDOWN, &|| markdown::render(&document)),
        (Format::Html, HTML, &|| html::render(&document)),
        (Format::Json, JSON, &|| json_of(run, &cells, &language)),
        (Format::Tex, TEX, &|| tex::render(&document)),
    ] {
        let empty = name == LANGUAGE && language.is_empty();
        if formats.contains(&format) && !empty {
            text(dir.join(name), &content());
        }
    }
    let plots = if formats.contains(&Format::Md) { &plots[..] } else { &[] };
    // Should this fail, each plot says so by name.
    let _ = if plots.is_empty() { Ok(()) } else { fs::create_dir_all(dir.join(FOLDER)) };
    for plot in plots {
        text(dir.join(FOLDER).join(format!("{}.svg", plot.name)), &plot.svg(&palette::LIGHT));
    }
    for plot in plots {
        let path = dir.join(FOLDER).join(format!("{}.png", plot.name));
        let result =
            atomically(&path, |temporary| plot.write_png(temporary).map_err(|e| io::Error::other(e.to_string())));
        note(path, result.map_err(|e| e.to_string()));
    }
    if outcome.failed.is_empty() { Ok(outcome.written) } else { Err(outcome) }
}

/// Has a file written under another name in the same folder, then moved into its place.
pub(crate) fn atomically(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // The extension stays last: the PNG encoder goes by it.
    let temporary = path.with_file_name(format!(".tmp-{}-{name}", std::process::id()));
    let result = write(&temporary).and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}

/// `report.json`: what the tables are made of. A cell's fields are the columns of `cells.csv`, those of `language` the columns of `llm.csv`; an
/// absent value is null.
fn json_of(run: &Run, cells: &[Cell], language: &[LanguageCell]) -> String {
    let mut value = serde_json::json!({
        "schema": JSON_SCHEMA,
        "zktee_version": run.record.zktee_version,
        "started_at": run.record.started_at,
        "settings": run.record.settings,
        "environment": run.environment,
        "warnings": run.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "cells": cells,
    });
    if !language.is_empty() {
        value["language"] = serde_json::json!(language);
    }
    format!("{value:#}\n")
}

/// `cells.csv`. Like in `samples.csv`, a row is exactly one line.
fn csv_of(cells: &[Cell]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if cells.is_empty() {
        let _ = writer.write_record(Cell::columns());
    }
    for cell in cells {
        let mut cell = cell.clone();
        for text in [&mut cell.reason, &mut cell.flags, &mut cell.notes, &mut cell.system, &mut cell.system_version] {
            *text = text.as_deref().map(one_line);
        }
        for text in [&mut cell.workload, &mut cell.backend] {
            *text = one_line(text);
        }
        // Rows are flat structs of scalars and texts, which the writer takes without fail.
        writer.serialize(&cell).expect("a flat row serialises");
    }
    let bytes = writer.into_inner().expect("writing to memory does not fail");
    String::from_utf8(bytes).expect("CSV of texts is text")
}

/// `llm.csv`.
fn csv_of_language(cells: &[LanguageCell]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for cell in cells {
        let (workload, backend) = (one_line(&cell.workload), one_line(&cell.backend));
        let cell = LanguageCell { workload, backend, ..cell.clone() };
        // As above.
        writer.serialize(&cell).expect("a flat row serialises");
    }
    let bytes = writer.into_inner().expect("writing to memory does not fail");
    String::from_utf8(bytes).expect("CSV of texts is text")
}

impl Cell {
    /// The column names of `cells.csv`, in order.
    pub fn columns() -> Vec<String> {
        header_of(&Self::blank())
    }
}
