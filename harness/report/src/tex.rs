//! `report.tex`: the report's tables for a paper. It compiles by itself, and each table can be taken out of it.

use std::fmt::Write as _;

use crate::document::{Block, Document};
use crate::table::{Field, NOTHING, Style, Table};

const BEGIN: &str = r"% Made by `zktee report`. Each longtable stands by itself; it needs the packages booktabs and longtable,
% and to be compiled three times until the columns have their widths.
\documentclass[10pt,landscape]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\usepackage[margin=1cm]{geometry}
\usepackage{booktabs}
\usepackage{longtable}
\setlength{\tabcolsep}{3pt}
\setlength{\LTleft}{0pt}
\begin{document}
";

/// The width of a column whose sentences may break.
const PROSE: &str = "p{0.3\\linewidth}";

/// Every table of the report, and its paragraphs; plots are files beside it.
pub(crate) fn render(document: &Document) -> String {
    let mut out = BEGIN.to_owned();
    let _ = writeln!(out, "\\section*{{{}}}", escaped(&document.title));
    for section in &document.sections {
        let _ = writeln!(out, "\n\\subsection*{{{}}}", escaped(section.title));
        for block in &section.blocks {
            match block {
                Block::Paragraph(text) => {
                    let _ = writeln!(out, "\n{}\n", escaped(text));
                }
                Block::List(items) => {
                    out += "\\begin{itemize}\n";
                    for item in items {
                        let _ = writeln!(out, "\\item {}", escaped(item));
                    }
                    out += "\\end{itemize}\n";
                }
                Block::Table(table) => out += &table_text(table),
                Block::Figure(plot) => {
                    let _ = writeln!(out, "% {}: plots/{}.svg", one_line(&plot.title), plot.name);
                }
            }
        }
    }
    out + "\\end{document}\n"
}

fn table_text(table: &Table) -> String {
    let kinds: String = table
        .columns
        .iter()
        .map(|column| match (column.wraps, column.number) {
            (true, _) => PROSE,
            (false, true) => "r",
            (false, false) => "l",
        })
        .collect();
    let heads: Vec<String> = table.columns.iter().map(|column| escaped(column.head)).collect();
    let mut out = format!(
        "\n{{\\scriptsize\n\\begin{{longtable}}{{@{{}}{kinds}@{{}}}}\n\\caption{{{}}} \\\\\n\\toprule\n{} \\\\\n\\midrule\n\\endhead\n\\bottomrule\n\\endfoot\n",
        escaped(&table.caption),
        heads.join(" & ")
    );
    for (i, row) in table.rows.iter().enumerate() {
        if row.begins_group && i > 0 {
            out += "\\addlinespace\n";
        }
        let last = row.fields.len().saturating_sub(1);
        let spans = table.columns.len().saturating_sub(last);
        let fields: Vec<String> = row
            .fields
            .iter()
            .enumerate()
            .map(|(i, field)| match (i == last && spans > 1, field_text(field)) {
                (true, text) => {
                    format!("\\multicolumn{{{spans}}}{{l}}{{\\parbox[t]{{0.5\\linewidth}}{{\\raggedright {text}}}}}")
                }
                (false, text) => text,
            })
            .collect();
        let _ = writeln!(out, "{} \\\\", fields.join(" & "));
    }
    out + "\\end{longtable}}\n"
}

fn field_text(field: &Field) -> String {
    let text = if field.text.is_empty() { escaped(NOTHING) } else { escaped(&field.text) };
    match field.style {
        Style::Claim => format!("\\emph{{{text}}} (claimed)"),
        Style::Claimant => format!("\\emph{{{text}}}"),
        Style::Outcome => format!("\\textbf{{{text}}}"),
        Style::Struck => format!("({text}, void)"),
        Style::Plain | Style::Muted | Style::Strong => text,
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Text that TeX sets as it is.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\\' => out += "\\textbackslash{}",
            '~' => out += "\\textasciitilde{}",
            '^' => out += "\\textasciicircum{}",
            '<' => out += "\\textless{}",
            '>' => out += "\\textgreater{}",
            '|' => out += "\\textbar{}",
            '"' => out += "\\textquotedbl{}",
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            'µ' => out += "\\textmu{}",
            '†' => out += "\\textdagger{}",
            '–' => out += "--",
            '…' => out += "\\ldots{}",
            c if c.is_control() => out.push(' '),
            // What the fonts of a plain installation have; anything else stops the compiler.
            c if c.is_ascii() || ('\u{a1}'..='\u{17f}').contains(&c) => out.push(c),
            _ => out.push('?'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Column;

    #[test]
    fn what_means_something_to_tex_is_text() {
        assert_eq!(escaped("5 % of $x_1 & {y} \\input"), "5 \\% of \\$x\\_1 \\& \\{y\\} \\textbackslash{}input");
        assert_eq!(escaped("3 µs † – …"), "3 \\textmu{}s \\textdagger{} -- \\ldots{}");
        assert_eq!(escaped("a\nb\u{1b}\u{4e00}"), "a b ?");
    }

    #[test]
    fn a_row_has_as_many_fields_as_there_are_columns() {
        let mut table = Table::new("c", &[Column::text("a"), Column::number("b"), Column::prose("c")]);
        table.push(vec!["x".into(), "1".into(), "z".into()]);
        table.push(vec!["x".into(), Field::new(Style::Claim, "> 5")]);
        let text = table_text(&table);
        assert!(text.contains("{@{}lrp{0.3\\linewidth}@{}}"), "{text}");
        assert!(text.contains("x & 1 & z \\\\") && text.contains("x & \\multicolumn{2}{l}"), "{text}");
        assert!(text.contains("\\emph{\\textgreater{} 5} (claimed)"), "{text}");
    }
}
