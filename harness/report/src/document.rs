//! The report as data: sections of paragraphs, lists, tables and figures. Markdown and HTML are two ways to write it down.

use std::collections::BTreeSet;

use zktee_core::record::files;
use zktee_core::vocabulary::Outcome;

use crate::cell::Cell;
use crate::claims::Claims;
use crate::language::LanguageCell;
use crate::load::Run;
use crate::load_table::load_table;
use crate::plots::Plot;
use crate::scaling::Families;
use crate::table::Table;
use crate::{article, batch, language_tables, reckoned, scaling, summary, tables};

/// A report.
pub(crate) struct Document<'a> {
    pub(crate) title: String,
    pub(crate) sections: Vec<Section<'a>>,
}

/// A part of a report.
pub(crate) struct Section<'a> {
    /// What links point at.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) blocks: Vec<Block<'a>>,
}

/// A part of a section.
pub(crate) enum Block<'a> {
    Paragraph(String),
    List(Vec<String>),
    Table(Table),
    Figure(&'a Plot),
}

/// Puts a run's report together. Sections without content are left out.
pub(crate) fn document<'a>(
    run: &Run,
    cells: &[Cell],
    language: &[LanguageCell],
    claims: &Claims,
    plots: &'a [Plot],
) -> Document<'a> {
    let figure = |prefix: &'static str| plots.iter().filter(move |p| p.name.starts_with(prefix)).map(Block::Figure);
    let workers = workers(run, cells);
    let families = Families::of(cells);
    let warnings = summary::warnings(run, cells);
    let candidates = [
        (
            "summary",
            "Summary",
            vec![
                Block::Paragraph(summary::in_short(cells, &families, claims)),
                Block::List(summary::sentences(run, cells, language, &families, claims)),
            ],
        ),
        (
            "machine",
            "Machine",
            vec![Block::Paragraph(summary::machine(run.environment.as_ref(), &run.record.settings))],
        ),
        ("warnings", "Warnings", list(warnings)),
        ("article", "The article's figures beside ours", article_blocks(cells, claims, figure("total").collect())),
        (
            "language",
            "Language models",
            language_tables::blocks(
                run,
                cells,
                language,
                claims,
                figure("language-speed").collect(),
                figure("language-latency").collect(),
            ),
        ),
        ("trust", "Trust", trust_blocks(run)),
        ("time", "Time by phase", figure("time").collect()),
        ("batch", "What a batch saves", batch_blocks(cells, claims, figure("batch").collect())),
        ("cold", "The first evidence, and the next", reckoned::cold_blocks(cells)),
        ("cost", "What an inference costs", reckoned::cost_blocks(run, cells)),
        ("memory", "Memory", figure("memory").collect()),
        ("sizes", "Sizes", figure("sizes").collect()),
        ("accuracy", "Error against time", figure("accuracy").collect()),
        ("scaling", "How cost grows with the model", scaling_blocks(run, &families, figure("scaling").collect())),
        ("cells", "All cells", cell_blocks(run, cells, language, &families)),
        ("probes", "Forgeries", probe_blocks(run, cells)),
        ("load", "Many clients at once", load_blocks(run)),
        ("notes", "Notes of the workers", list(workers)),
        (
            "method",
            "How it was measured",
            vec![Block::List(summary::method(run)), Block::Paragraph(file_list(!language.is_empty()))],
        ),
    ];
    let sections = candidates
        .into_iter()
        .filter(|(_, _, blocks)| !blocks.is_empty())
        .map(|(id, title, blocks)| Section { id, title, blocks })
        .collect();
    Document { title: "zktee: zkML and TEE ML, measured side by side".to_owned(), sections }
}

fn list(items: Vec<String>) -> Vec<Block<'static>> {
    if items.is_empty() { Vec::new() } else { vec![Block::List(items)] }
}

fn article_blocks<'a>(cells: &[Cell], claims: &Claims, figures: Vec<Block<'a>>) -> Vec<Block<'a>> {
    let mut blocks = vec![Block::Table(article::comparison(claims, cells))];
    blocks.extend(tables::not_here(cells).map(Block::Paragraph));
    blocks.extend(figures);
    blocks.extend(article::quotients(claims, cells).map(Block::Table));
    blocks.push(Block::List(article::notes(claims)));
    blocks
}

/// For each group its meaning, its figure and its table.
fn batch_blocks<'a>(cells: &[Cell], claims: &Claims, figures: Vec<Block<'a>>) -> Vec<Block<'a>> {
    let mut blocks = Vec::new();
    // A figure a group, in the same order.
    for (group, figure) in batch::groups(cells).iter().zip(figures) {
        blocks.extend(batch::meaning(group, claims).map(Block::Paragraph));
        blocks.push(figure);
        blocks.push(Block::Table(batch::table(group)));
        blocks.extend(list(batch::missing(group)));
    }
    blocks
}

/// For each family its figure, its powers and its cells.
fn scaling_blocks<'a>(run: &Run, families: &Families, figures: Vec<Block<'a>>) -> Vec<Block<'a>> {
    let mut blocks = Vec::new();
    // A figure a family, in the same order.
    for (family, figure) in families.list.iter().zip(figures) {
        blocks.push(figure);
        blocks.push(Block::Table(scaling::powers(family)));
        blocks.push(Block::Table(scaling::cells(family, run.record.settings.min_samples)));
    }
    if !blocks.is_empty() {
        blocks.push(Block::List(scaling::notes()));
    }
    blocks
}

fn cell_blocks<'a>(run: &Run, cells: &[Cell], language: &[LanguageCell], families: &Families) -> Vec<Block<'a>> {
    let mut blocks = Vec::new();
    let table = families.others(cells);
    for workload in tables::workloads(&table).into_iter().filter(|workload| !batch::is_between(workload)) {
        let here = cells.iter().filter(|c| c.workload == workload && c.outcome != Outcome::Unavailable);
        let of_it: Vec<&Cell> = here.collect();
        if of_it.is_empty() {
            continue;
        }
        let is_language = language.iter().any(|of| of.workload == workload);
        blocks.push(Block::Table(tables::times(workload, &of_it, is_language, run.record.settings.min_samples)));
        blocks.extend(tables::evidence(workload, &of_it).map(Block::Table));
    }
    blocks.extend(tables::reasons(cells).map(Block::Table));
    blocks
}

fn probe_blocks<'a>(run: &Run, cells: &[Cell]) -> Vec<Block<'a>> {
    if run.probes.is_empty() {
        return Vec::new();
    }
    let note = "After the timed samples every verifier was shown its own evidence with bytes flipped, cut, appended and removed, with \
                another output, another input, inputs and outputs in another order, another cell's key, and for documents another \
                nonce. Taking a changed statement makes a cell `unsound`; taking changed bytes of the same statement is malleability. \
                probes.csv has a row a forgery.";
    let mut blocks = vec![Block::Table(tables::probes(cells))];
    blocks.extend(tables::taken(&run.probes).map(Block::Table));
    blocks.push(Block::Paragraph(note.to_owned()));
    blocks
}

fn load_blocks<'a>(run: &Run) -> Vec<Block<'a>> {
    if run.loads.is_empty() {
        return Vec::new();
    }
    let note = "Clients and enclave share this machine's cores. The loop is closed: a client asks again when it has its answer, so \
                that latency grows with the number of clients. Outputs and nonces of all answers were checked, documents not verified.";
    vec![Block::Table(load_table(&run.loads)), Block::Paragraph(note.to_owned())]
}

fn trust_blocks<'a>(run: &Run) -> Vec<Block<'a>> {
    let mut blocks: Vec<Block> = tables::trust(run).map(Block::Table).into_iter().collect();
    let mut seen = BTreeSet::new();
    let mut notes = Vec::new();
    for (backend, description) in run.record.descriptions.iter().chain(&run.record.language_descriptions) {
        // Profiles of a backend say the same sentences.
        let new = description.trust.notes.iter().filter(|n| seen.insert(((*n).clone(), description.name.clone())));
        notes.extend(new.map(|n| format!("{backend}: {n}")));
    }
    blocks.extend(list(notes));
    blocks
}

fn workers(run: &Run, cells: &[Cell]) -> Vec<String> {
    let known: BTreeSet<&str> = run
        .record
        .descriptions
        .values()
        .chain(run.record.language_descriptions.values())
        .flat_map(|d| &d.trust.notes)
        .map(String::as_str)
        .collect();
    let of = |cell: &Cell| -> Vec<String> {
        let notes = cell.notes.as_deref().unwrap_or_default().split(" | ");
        notes.filter(|n| !n.trim().is_empty() && !known.contains(n)).map(|n| format!("{}: {n}", cell.id())).collect()
    };
    cells.iter().flat_map(of).collect()
}

fn file_list(language: bool) -> String {
    let more = if language {
        format!(
            "{} (a row an answer of a language model), {} (a row a token), llm.csv (a row a language cell), ",
            files::GENERATIONS,
            files::TOKENS
        )
    } else {
        String::new()
    };
    format!(
        "Beside this report: {} (a row a sample), {} (a row a cell), {more}{}, {}, {} and the plots as SVG and PNG in plots/. \
         docs/results.md defines every column; `zktee report` makes all outputs again from the recorded samples.",
        files::SAMPLES,
        files::CELLS,
        files::RUN,
        files::ENVIRONMENT,
        files::LOG
    )
}
