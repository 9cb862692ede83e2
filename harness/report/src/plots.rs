//! The plots, each laid out once as a scene and drawn as SVG in two palettes and as PNG.
//!
//! ```text
//!   cells -> (time, total, resources, accuracy, batch, scaling, language) -> dots | scatter | panels -> Scene -> draw (plotters) -> SVG, PNG
//! ```

mod accuracy;
mod axis;
mod batch;
mod dots;
mod draw;
mod language;
pub(crate) mod palette;
mod resources;
mod scaling;
mod scene;
mod time;
mod timeline;
mod total;

use zktee_core::vocabulary::Outcome;

use crate::cell::Cell;
use crate::claims::Claims;
use crate::language::{LanguageCell, Latencies};
use crate::scaling::Families;
use palette::Palette;
use scene::Scene;

pub(crate) use draw::DrawError;

/// The folder of the plots inside a run's folder.
pub(crate) const FOLDER: &str = "plots";

/// A plot.
#[derive(Debug)]
pub(crate) struct Plot {
    /// Its file name without the extension.
    pub(crate) name: String,
    /// What it shows, for those who do not see it and for its heading.
    pub(crate) title: String,
    /// What has to be known to read it.
    pub(crate) caption: String,
    scene: Scene,
}

impl Plot {
    /// The plot as an SVG element.
    pub(crate) fn svg(&self, palette: &Palette) -> String {
        draw::svg(&self.scene, palette, &scene::printable(&self.title))
    }

    /// Writes the plot as a PNG in the light palette, with two pixels a unit.
    pub(crate) fn write_png(&self, path: &std::path::Path) -> Result<(), DrawError> {
        draw::png(&self.scene, &palette::LIGHT, path)
    }
}

/// All plots that the cells have data or a gap to show for. Families have a figure each and stand in no other plot: a score of
/// models in each would bury all else.
pub(crate) fn all(cells: &[Cell], claims: &Claims, min_samples: u32) -> Vec<Plot> {
    draw::register_font();
    let families = Families::of(cells);
    let (batches, mut table) = (crate::batch::groups(cells), families.others(cells));
    // What is not here has its line beside the tables: in plots of what was measured it would take much room to say nothing.
    table.retain(|cell| !crate::batch::is_between(&cell.workload) && cell.outcome != Outcome::Unavailable);
    let (cells, mut used) = (&table[..], Vec::new());
    let mut plots = time::plots(cells, claims, min_samples);
    plots.extend(total::plot(cells, claims));
    plots.extend(resources::memory(cells));
    plots.extend(resources::sizes(cells));
    plots.extend(accuracy::plot(cells));
    plots.extend(batches.iter().map(|group| batch::plot(group, &mut used)));
    plots.extend(families.list.iter().map(|family| scaling::plot(family, &mut used)));
    plots
}

/// The figures of language models; none where there are none.
pub(crate) fn language(
    cells: &[Cell],
    language: &[LanguageCell],
    latencies: &[Latencies],
    claims: &Claims,
) -> Vec<Plot> {
    draw::register_font();
    language::speed(cells, language, claims).into_iter().chain(language::latencies(latencies)).collect()
}

/// The figures of a history.
pub(crate) fn timelines(timelines: &[crate::timeline::Timeline]) -> Vec<Plot> {
    draw::register_font();
    let mut used = Vec::new();
    timelines.iter().map(|it| timeline::plot(it, &mut used)).collect()
}

/// A workload's name as a part of a file name; `used` keeps two names from becoming one.
fn file_part(name: &str, used: &mut Vec<String>) -> String {
    let safe: String =
        name.chars().take(60).map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    let mut part = safe.clone();
    let mut n = 2;
    while used.contains(&part) {
        part = format!("{safe}-{n}");
        n += 1;
    }
    used.push(part.clone());
    part
}

#[cfg(test)]
#[path = "plots/tests.rs"]
mod tests;
