//! Colours by role. Data colours are those of M. Okabe and K. Ito, "Color Universal Design" (2008), each in the half of the palette
//! that stands out from its background; marks differ in shape too, so no plot needs its colours.

use plotters::style::RGBColor;

/// What a colour is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Names and values.
    Text,
    /// Axis labels, reasons, notes.
    Muted,
    /// Decades of an axis.
    Grid,
    /// Ranges and leaders.
    Line,
    /// Every second group.
    Band,
    /// One of five kinds of data.
    Data(usize),
    /// A claim, which is no data.
    Claim,
}

/// A colour for each role.
#[derive(Debug)]
pub(crate) struct Palette {
    pub(crate) background: RGBColor,
    text: RGBColor,
    muted: RGBColor,
    grid: RGBColor,
    line: RGBColor,
    band: RGBColor,
    claim: RGBColor,
    data: [RGBColor; 5],
}

impl Palette {
    pub(crate) const fn colour(&self, ink: Ink) -> RGBColor {
        match ink {
            Ink::Text => self.text,
            Ink::Muted => self.muted,
            Ink::Grid => self.grid,
            Ink::Line => self.line,
            Ink::Band => self.band,
            Ink::Claim => self.claim,
            Ink::Data(i) => self.data[i % self.data.len()],
        }
    }
}

/// For a white page.
pub(crate) const LIGHT: Palette = Palette {
    background: RGBColor(255, 255, 255),
    text: RGBColor(27, 31, 36),
    muted: RGBColor(87, 96, 106),
    grid: RGBColor(222, 226, 231),
    line: RGBColor(125, 133, 142),
    band: RGBColor(245, 247, 249),
    claim: RGBColor(107, 45, 115),
    // reddish purple, bluish green, blue, vermilion, black
    data: [
        RGBColor(204, 121, 167),
        RGBColor(0, 158, 115),
        RGBColor(0, 114, 178),
        RGBColor(213, 94, 0),
        RGBColor(27, 31, 36),
    ],
};

/// For a dark page.
pub(crate) const DARK: Palette = Palette {
    background: RGBColor(20, 24, 29),
    text: RGBColor(230, 233, 237),
    muted: RGBColor(163, 173, 184),
    grid: RGBColor(48, 55, 63),
    line: RGBColor(140, 150, 160),
    band: RGBColor(28, 34, 41),
    claim: RGBColor(220, 174, 228),
    // reddish purple, bluish green, sky blue, orange, white
    data: [
        RGBColor(204, 121, 167),
        RGBColor(0, 158, 115),
        RGBColor(86, 180, 233),
        RGBColor(230, 159, 0),
        RGBColor(230, 233, 237),
    ],
};
