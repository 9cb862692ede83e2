//! A plot as a list of shapes in units of one CSS pixel, with colours by role: what is laid out, before it is drawn.

use plotters::style::IntoFont;

use super::palette::Ink;

/// The family under which the bundled font is registered; the names after it are for who looks at an SVG without it.
pub(crate) const FAMILY: &str = "DejaVu Sans, Verdana, Geneva, sans-serif";

/// A point.
pub(crate) type Point = (f64, f64);

/// The shape of a mark: the second channel beside colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Circle,
    Square,
    Triangle,
    Diamond,
    Cross,
}

/// How text stands to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Left,
    Middle,
    Right,
}

/// A piece of text, vertically centred on its point.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) at: Point,
    pub(crate) words: String,
    pub(crate) size: f64,
    pub(crate) ink: Ink,
    pub(crate) anchor: Anchor,
    pub(crate) italic: bool,
    /// Turned to be read from bottom to top.
    pub(crate) turned: bool,
}

/// A shape.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Band {
        from: Point,
        to: Point,
        ink: Ink,
    },
    Line {
        from: Point,
        to: Point,
        ink: Ink,
        width: f64,
    },
    /// Lines from each point to the next.
    Path {
        points: Vec<Point>,
        ink: Ink,
        width: f64,
    },
    Mark {
        at: Point,
        mark: Mark,
        radius: f64,
        ink: Ink,
        filled: bool,
    },
    Text(Text),
}

/// A plot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) items: Vec<Item>,
}

/// Sizes of text.
pub(crate) const TITLE: f64 = 17.0;
pub(crate) const NAME: f64 = 13.0;
pub(crate) const SMALL: f64 = 11.5;

impl Scene {
    pub(crate) fn band(&mut self, from: Point, to: Point) {
        self.items.push(Item::Band { from, to, ink: Ink::Band });
    }

    pub(crate) fn line(&mut self, from: Point, to: Point, ink: Ink, width: f64) {
        self.items.push(Item::Line { from, to, ink, width });
    }

    pub(crate) fn mark(&mut self, at: Point, mark: Mark, ink: Ink, filled: bool) {
        self.items.push(Item::Mark { at, mark, radius: 5.0, ink, filled });
    }

    pub(crate) fn text(&mut self, at: Point, anchor: Anchor, size: f64, ink: Ink, text: impl Into<String>) {
        let text =
            Text { at, words: printable(&text.into()), size, ink, anchor, italic: ink == Ink::Claim, turned: false };
        self.items.push(Item::Text(text));
    }

    pub(crate) fn turned(&mut self, at: Point, size: f64, ink: Ink, text: impl Into<String>) {
        let words = printable(&text.into());
        self.items.push(Item::Text(Text { at, words, size, ink, anchor: Anchor::Middle, italic: false, turned: true }));
    }
}

/// Control characters are not allowed in SVG and are boxes elsewhere.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The width of a text, in the bundled font.
pub(crate) fn width_of(text: &str, size: f64) -> f64 {
    // Measured large, since the library rounds to whole pixels.
    let measured = (FAMILY, 20.0 * size).into_font().box_size(text).map_or(0, |(width, _)| width);
    f64::from(measured) / 20.0 * super::draw::BITMAP_TEXT
}

/// The text, shortened with an ellipsis to fit a width.
pub(crate) fn fitted(text: &str, size: f64, width: f64) -> String {
    if width_of(text, size) <= width {
        return text.to_owned();
    }
    // Far more than ever fits, so that a reason of a megabyte costs nothing.
    let mut shown: String = text.chars().take(300).collect();
    while !shown.is_empty() && width_of(&format!("{shown}…"), size) > width {
        shown.pop();
    }
    format!("{}…", shown.trim_end())
}

/// The text, broken into lines of a width at most.
pub(crate) fn wrapped(text: &str, size: f64, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width_of(&format!("{line} {word}"), size) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(fitted(word, size, width)),
        }
    }
    lines
}

impl Text {
    /// The corners of the box that the text fills: left, top, right, bottom.
    #[cfg(test)]
    pub(crate) fn corners(&self) -> (f64, f64, f64, f64) {
        let (x, y) = self.at;
        let (width, height) = (width_of(&self.words, self.size), self.size);
        if self.turned {
            return (x - height / 2.0, y - width / 2.0, x + height / 2.0, y + width / 2.0);
        }
        let left = match self.anchor {
            Anchor::Left => x,
            Anchor::Middle => x - width / 2.0,
            Anchor::Right => x - width,
        };
        (left, y - height / 2.0, left + width, y + height / 2.0)
    }
}
