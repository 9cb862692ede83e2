//! What is reckoned from a cell's times: the first evidence beside the next, and money.

use crate::cell::Cell;
use crate::document::Block;
use crate::load::Run;
use crate::prices::Rate;
use crate::table::{Column, Field, NOTHING, Style, Table};
use crate::{show, units};

/// The section of the first evidence.
pub(crate) fn cold_blocks<'a>(cells: &[Cell]) -> Vec<Block<'a>> {
    let note = "Cold is what one waits for the first evidence of one call: the first calls of the run's first processes of setup, of inference \
                where it is in the total, and of proving or attesting, before any warm-up; reading files and starting processes are not in it. \
                Warm are the medians of the same without the setup.";
    let table = cold(cells).map(Block::Table);
    table.into_iter().flat_map(|table| [table, Block::Paragraph(note.to_owned())]).collect()
}

/// The section of money.
pub(crate) fn cost_blocks<'a>(run: &Run, cells: &[Cell]) -> Vec<Block<'a>> {
    let cores = run.environment.as_ref().map(|it| it.cores);
    let Some(rate) = Rate::of(&run.record.settings, run.environment.as_ref()) else {
        let none = "No cost is given: this machine is no instance that has a price in reports/prices.toml. `--instance TYPE` reckons as if \
                    it were one, and reports then say that this is assumed.";
        return vec![Block::Paragraph(none.to_owned())];
    };
    let mut blocks = vec![Block::Paragraph(rate.sentence(cores))];
    blocks.extend(cost(cells).map(Block::Table));
    blocks
}

/// The first evidence including the setup beside the next, of one call.
fn cold(cells: &[Cell]) -> Option<Table> {
    let mut table = Table::new(
        "The first evidence with its setup, and the next: one call",
        &[
            Column::text("Workload"),
            Column::text("Backend"),
            Column::number("Cold"),
            Column::number("Warm"),
            Column::number("Cold over warm"),
            Column::text("Outcome"),
        ],
    );
    let mut last = "";
    for cell in cells {
        let Some((cold, warm)) = cell.cold_wall_s.zip(cell.warm_wall_s) else { continue };
        table
            .push(vec![
                Field::new(Style::Strong, cell.workload.clone()),
                cell.backend.clone().into(),
                units::seconds(cold).into(),
                units::seconds(warm).into(),
                units::ratio(cold / warm).into(),
                show::outcome(cell),
            ])
            .begins_group = last != cell.workload;
        last = &cell.workload;
    }
    (!table.rows.is_empty()).then_some(table)
}

/// What a million inputs cost, where there is a price.
fn cost(cells: &[Cell]) -> Option<Table> {
    let mut table = Table::new(
        "What a million inputs cost",
        &[
            Column::text("Workload"),
            Column::text("Backend"),
            Column::number("Total, an input"),
            Column::number("USD a million inputs"),
            Column::text("Machine"),
            Column::text("Price seen"),
            Column::text("Outcome"),
        ],
    );
    let mut last = "";
    for cell in cells {
        let Some((cost, instance)) = cell.cost_usd_per_input.zip(cell.cost_instance.as_deref()) else { continue };
        let assumed = if cell.cost_assumed == Some(false) { "" } else { " (assumed)" };
        table
            .push(vec![
                Field::new(Style::Strong, cell.workload.clone()),
                cell.backend.clone().into(),
                cell.total_wall_s_per_input.map_or_else(|| NOTHING.to_owned(), units::seconds).into(),
                units::money(cost * 1e6).into(),
                format!("{instance}{assumed}").into(),
                cell.cost_price_seen.as_deref().unwrap_or(NOTHING).into(),
                show::outcome(cell),
            ])
            .begins_group = last != cell.workload;
        last = &cell.workload;
    }
    (!table.rows.is_empty()).then_some(table)
}
