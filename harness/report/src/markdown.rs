//! `report.md`.

use std::fmt::Write as _;

use crate::document::{Block, Document};
use crate::plots::FOLDER;
use crate::table::escape_markdown;

/// The report as GitHub-flavoured Markdown, plots by link.
pub(crate) fn render(document: &Document) -> String {
    let mut out = format!("# {}\n", escape_markdown(&document.title));
    for section in &document.sections {
        let _ = write!(out, "\n## {}\n", escape_markdown(section.title));
        for block in &section.blocks {
            out.push('\n');
            out += &block_text(block);
        }
    }
    out
}

fn block_text(block: &Block) -> String {
    match block {
        Block::Paragraph(text) => format!("{}\n", escape_markdown(text)),
        Block::List(items) => items.iter().fold(String::new(), |mut out, item| {
            let _ = writeln!(out, "- {}", escape_markdown(item));
            out
        }),
        Block::Table(table) => table.markdown(),
        Block::Figure(plot) => {
            let name = &plot.name;
            format!("[![{}]({FOLDER}/{name}.png)]({FOLDER}/{name}.svg)\n", escape_markdown(&plot.title))
        }
    }
}
