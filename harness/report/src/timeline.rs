//! Times of one thing run by run, drawn with their levels and changes. What is drawn is found elsewhere; this only shows it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::plots;
use crate::plots::palette;
use crate::write::{ReportError, atomically};

/// A figure: one cell on one machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// What it is of; the file is named after it.
    pub title: String,
    /// The machine.
    pub subtitle: String,
    /// What stands under each run, from the oldest to the newest.
    pub runs: Vec<String>,
    /// From top to bottom.
    pub panels: Vec<Panel>,
}

/// A panel: one phase.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// Its heading.
    pub heading: String,
    /// What is drawn in it.
    pub series: Vec<Series>,
}

/// Which of the two times a series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Wall-clock time.
    Wall,
    /// CPU time.
    Cpu,
}

/// A time, run by run.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Which time it is.
    pub kind: Kind,
    /// Seconds by run; none where the run has no time of it.
    pub values: Vec<Option<f64>>,
    /// Stretches between changes.
    pub levels: Vec<Level>,
    /// The first run of each new level, with the change in words.
    pub changes: Vec<(usize, String)>,
}

/// A stretch without a change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Its first run.
    pub from: usize,
    /// The run after its last.
    pub to: usize,
    /// The median of its values, seconds.
    pub value: f64,
}

/// Draws each figure as `history-TITLE.svg` and `.png` into a folder, which is made where there is none, and returns their paths.
///
/// # Errors
/// [`ReportError`] names the files that could not be written, after all others were.
pub fn write(dir: &Path, timelines: &[Timeline]) -> Result<Vec<PathBuf>, ReportError> {
    let mut outcome = ReportError { failed: Vec::new(), written: Vec::new() };
    // Should this fail, each figure says so by name.
    let _ = fs::create_dir_all(dir);
    for plot in plots::timelines(timelines) {
        let svg = dir.join(format!("{}.svg", plot.name));
        let png = dir.join(format!("{}.png", plot.name));
        let text = plot.svg(&palette::LIGHT);
        let written = atomically(&svg, |temporary| fs::File::create(temporary)?.write_all(text.as_bytes()));
        let drawn =
            atomically(&png, |temporary| plot.write_png(temporary).map_err(|e| io::Error::other(e.to_string())));
        for (path, result) in [(svg, written), (png, drawn)] {
            match result {
                Ok(()) => outcome.written.push(path),
                Err(why) => outcome.failed.push((path, why.to_string())),
            }
        }
    }
    if outcome.failed.is_empty() { Ok(outcome.written) } else { Err(outcome) }
}
