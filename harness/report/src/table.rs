//! A table as data, and its three forms: Markdown, HTML and aligned text.

use std::fmt::Write as _;

use maud::{Markup, html};

/// How a field is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Style {
    /// A measurement or a name.
    #[default]
    Plain,
    /// A claimed figure: in italics and with a label, so that it cannot pass for a measurement.
    Claim,
    /// Who claims it.
    Claimant,
    /// Less important.
    Muted,
    /// An outcome that is no measurement.
    Outcome,
    /// A name that heads its row.
    Strong,
    /// A time that counts for nothing: its cell is unsound.
    Struck,
}

/// One field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) text: String,
    pub(crate) style: Style,
}

impl Field {
    pub(crate) fn new(style: Style, text: impl Into<String>) -> Self {
        Self { text: text.into(), style }
    }
}

impl<T: Into<String>> From<T> for Field {
    fn from(text: T) -> Self {
        Self::new(Style::Plain, text)
    }
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) head: &'static str,
    /// Numbers are set to the right.
    pub(crate) number: bool,
    /// Sentences may break; all else stays on one line.
    pub(crate) wraps: bool,
}

impl Column {
    pub(crate) const fn text(head: &'static str) -> Self {
        Self { head, number: false, wraps: false }
    }

    pub(crate) const fn prose(head: &'static str) -> Self {
        Self { head, number: false, wraps: true }
    }

    pub(crate) const fn number(head: &'static str) -> Self {
        Self { head, number: true, wraps: false }
    }
}

/// One row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    /// The fields from the left; the last one may stand for all columns that are left.
    pub(crate) fields: Vec<Field>,
    /// Whether a new group begins here.
    pub(crate) begins_group: bool,
}

/// A table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) caption: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Row>,
}

/// What stands where a value cannot be: nothing is ever left blank.
pub(crate) const NOTHING: &str = "–";

impl Table {
    pub(crate) fn new(caption: impl Into<String>, columns: &[Column]) -> Self {
        Self { caption: caption.into(), columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, fields: Vec<Field>) -> &mut Row {
        debug_assert!(fields.len() <= self.columns.len(), "{}: too many fields", self.caption);
        self.rows.push(Row { fields, begins_group: false });
        self.rows.last_mut().expect("a row was just pushed")
    }

    /// GitHub-flavoured Markdown, caption first.
    pub(crate) fn markdown(&self) -> String {
        let mut out = format!("**{}**\n\n|", escape_markdown(&self.caption));
        for column in &self.columns {
            let _ = write!(out, " {} |", escape_markdown(column.head));
        }
        out += "\n|";
        for column in &self.columns {
            out += if column.number { " ---: |" } else { " --- |" };
        }
        out.push('\n');
        for row in &self.rows {
            out.push('|');
            for i in 0..self.columns.len() {
                let text = row.fields.get(i).map_or_else(|| NOTHING.to_owned(), markdown_field);
                let _ = write!(out, " {text} |");
            }
            out.push('\n');
        }
        out
    }

    /// An HTML table in a box of its own that scrolls when it is too wide.
    pub(crate) fn html(&self) -> Markup {
        html! {
            div.scroll tabindex="0" role="region" aria-label=(self.caption) {
                table {
                    caption { span { (self.caption) } }
                    thead { tr { @for column in &self.columns { th scope="col" class=[column.number.then_some("n")] { (column.head) } } } }
                    tbody {
                        @for row in &self.rows {
                            tr class=[row.begins_group.then_some("group")] {
                                @for (i, field) in row.fields.iter().enumerate() { (self.html_field(row, i, field)) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn html_field(&self, row: &Row, i: usize, field: &Field) -> Markup {
        let last = i + 1 == row.fields.len();
        let span = if last { self.columns.len() - i } else { 1 };
        let column = self.columns[i];
        let class = match (span > 1 || column.wraps, column.number) {
            (true, _) => "w",
            (false, true) => "n",
            (false, false) => "t",
        };
        html! {
            @if i == 0 {
                th scope="row" class=(class) { (html_text(field)) }
            } @else {
                td class=(class) colspan=[(span > 1).then_some(span)] { (html_text(field)) }
            }
        }
    }

    /// Aligned plain text for a terminal.
    pub(crate) fn plain(&self) -> String {
        let spans = |row: &Row, i: usize| i + 1 == row.fields.len() && row.fields.len() < self.columns.len();
        let width = |i: usize| {
            let heads = std::iter::once(self.columns[i].head.chars().count());
            let fields = self.rows.iter().filter(|r| !spans(r, i)).filter_map(|r| r.fields.get(i));
            heads.chain(fields.map(|f| printable(&f.text).chars().count())).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |texts: &[String], spanned: bool| {
            let mut out = String::new();
            for (i, text) in texts.iter().enumerate() {
                let free = spanned && i + 1 == texts.len();
                let pad = if free { 0 } else { widths[i].saturating_sub(text.chars().count()) };
                let (before, after) = if self.columns[i].number && !free { (pad, 0) } else { (0, pad) };
                if i > 0 {
                    out += "  ";
                }
                out += &" ".repeat(before);
                out += text;
                out += &" ".repeat(after);
            }
            format!("{}\n", out.trim_end())
        };
        let mut out = line(&self.columns.iter().map(|c| c.head.to_owned()).collect::<Vec<_>>(), false);
        let total = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
        let _ = writeln!(out, "{}", "-".repeat(total));
        for row in &self.rows {
            let texts: Vec<String> = row.fields.iter().map(|f| printable(&f.text)).collect();
            out += &line(&texts, row.fields.len() < self.columns.len());
        }
        out
    }
}

fn html_text(field: &Field) -> Markup {
    html! {
        @match field.style {
            Style::Plain => { (field.text) }
            Style::Strong => { span.name { (field.text) } }
            Style::Muted => { span.muted { (field.text) } }
            Style::Outcome => { span.outcome { (field.text) } }
            Style::Struck => { s { (field.text) } }
            Style::Claimant => { em.claim { (field.text) } }
            Style::Claim => { em.claim { (field.text) } " " span.tag { "claimed" } }
        }
    }
}

fn markdown_field(field: &Field) -> String {
    let text = escape_markdown(&field.text);
    match field.style {
        _ if text.is_empty() => NOTHING.to_owned(),
        Style::Claim => format!("*{text}* (claimed)"),
        Style::Claimant => format!("*{text}*"),
        Style::Outcome => format!("**{text}**"),
        Style::Struck => format!("~~{text}~~"),
        Style::Plain | Style::Muted | Style::Strong => text,
    }
}

/// Text that a terminal shows as it is: a control character in a name must not move its cursor or set its colours.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Text that Markdown shows as it is, on one line.
pub(crate) fn escape_markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
