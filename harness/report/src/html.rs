//! `report.html`: one file, no network. Its script sorts and filters; without it the page is the same.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::document::{Block, Document};
use crate::plots::Plot;
use crate::plots::palette::{DARK, LIGHT};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");
/// A browser fetches nothing for this page, whatever gets into it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// The report as a self-contained page.
pub(crate) fn render(document: &Document) -> String {
    let page = page(document).into_string();
    // Control characters that came with a name or a reason are not allowed in HTML.
    page.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

fn page(document: &Document) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (document.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (document.title) }
                    nav aria-label="Sections" {
                        ul { @for s in &document.sections { li { a href=(format!("#{}", s.id)) { (s.title) } } } }
                    }
                }
                main {
                    @for section in &document.sections {
                        section id=(section.id) {
                            h2 { (section.title) }
                            @for block in &section.blocks { (block_markup(block)) }
                        }
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

fn block_markup(block: &Block) -> Markup {
    match block {
        Block::Paragraph(text) => html! { p { (text) } },
        Block::List(items) => html! { ul.items { @for item in items { li { (item) } } } },
        Block::Table(table) => table.html(),
        Block::Figure(plot) => figure(plot),
    }
}

/// The plot in both palettes; the style sheet shows the one that fits.
fn figure(plot: &Plot) -> Markup {
    html! {
        figure {
            div.scroll tabindex="0" role="region" aria-label=(plot.title) {
                div.light { (PreEscaped(plot.svg(&LIGHT))) }
                div.dark { (PreEscaped(plot.svg(&DARK))) }
            }
            figcaption { (plot.caption) }
        }
    }
}
