//! Scenes on plotters' backends.

use std::path::Path;
use std::sync::Once;

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text as TextElement};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    Color, FontStyle, FontTransform, IntoFont, RGBColor, ShapeStyle, TextStyle, register_font as register,
};

use super::palette::Palette;
use super::scene::{Anchor, FAMILY, Item, Mark, Point, Scene, Text};

/// Bundled, since a machine that runs benchmarks need not have a font.
const FONT: &[u8] = include_bytes!("../../fonts/DejaVuSans.ttf");

/// plotters' SVG sets an em of size / 1.24 and its bitmap one of size over the font's line height; these make a size the em in both.
const SVG_TEXT: f64 = 1.24;
pub(super) const BITMAP_TEXT: f64 = 1.164;

/// How much lower than plotters sets it a bitmap's text has to stand for small letters to be centred, in sizes of text.
const BITMAP_DROP: f64 = 0.13;

/// Pixels a unit in a PNG, for screens with dense pixels and for print.
const PNG_SCALE: f64 = 2.0;

/// Why a plot could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw: {0}")]
pub(crate) struct DrawError(String);

/// Makes the bundled font known to plotters; what is measured or drawn before it has no font.
pub(super) fn register_font() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // The bundled font is a font, so this does not fail. Styles that are not there fall back to this one.
        register(FAMILY, FontStyle::Normal, FONT).unwrap_or_else(|_| unreachable!("the bundled font is damaged"));
    });
}

/// A scene as an SVG element with a title.
pub(super) fn svg(scene: &Scene, palette: &Palette, title: &str) -> String {
    let mut text = String::new();
    let size = (scene.width.ceil() as u32, scene.height.ceil() as u32);
    let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
    // Drawing into memory cannot fail with the font registered.
    draw(scene, palette, &area, 1.0, (SVG_TEXT, 0.0)).expect("drawing into memory does not fail");
    drop(area);
    let heading = maud::html! { title { (title) } }.into_string();
    // The element begins with its own tag; what follows is for those who hear the page.
    match text.split_once(">\n") {
        Some((tag, rest)) => format!("{tag} role=\"img\">\n{heading}\n{rest}"),
        None => text,
    }
}

/// A scene as a PNG file.
pub(super) fn png(scene: &Scene, palette: &Palette, path: &Path) -> Result<(), DrawError> {
    let size = ((scene.width * PNG_SCALE).ceil() as u32, (scene.height * PNG_SCALE).ceil() as u32);
    let area = BitMapBackend::new(path, size).into_drawing_area();
    draw(scene, palette, &area, PNG_SCALE, (BITMAP_TEXT, BITMAP_DROP))
}

fn draw<DB: DrawingBackend>(
    scene: &Scene,
    palette: &Palette,
    area: &DrawingArea<DB, Shift>,
    scale: f64,
    (text_scale, drop): (f64, f64),
) -> Result<(), DrawError> {
    let pen = Pen { palette, area, scale, text_scale, drop };
    pen.scene(scene).map_err(|e| DrawError(e.to_string()))
}

struct Pen<'a, DB: DrawingBackend> {
    palette: &'a Palette,
    area: &'a DrawingArea<DB, Shift>,
    scale: f64,
    text_scale: f64,
    drop: f64,
}

type Drawn<DB> = Result<(), plotters::drawing::DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

impl<DB: DrawingBackend> Pen<'_, DB> {
    fn scene(&self, scene: &Scene) -> Drawn<DB> {
        self.area.fill(&self.palette.background)?;
        for item in &scene.items {
            match item {
                Item::Band { from, to, ink } => {
                    let style = self.palette.colour(*ink).filled();
                    self.area.draw(&Rectangle::new([self.at(*from), self.at(*to)], style))?;
                }
                Item::Line { from, to, ink, width } => {
                    let style = self.palette.colour(*ink).stroke_width(self.px(*width).max(1) as u32);
                    self.line(*from, *to, style)?;
                }
                Item::Path { points, ink, width } => {
                    let style = self.palette.colour(*ink).stroke_width(self.px(*width).max(1) as u32);
                    let points: Vec<(i32, i32)> = points.iter().map(|p| self.at(*p)).collect();
                    self.area.draw(&PathElement::new(points, style))?;
                }
                Item::Mark { at, mark, radius, ink, filled } => {
                    self.mark(*at, *mark, *radius, self.palette.colour(*ink), *filled)?;
                }
                Item::Text(text) => self.text(text)?,
            }
        }
        self.area.present()
    }

    fn px(&self, value: f64) -> i32 {
        (value * self.scale).round() as i32
    }

    fn at(&self, (x, y): Point) -> (i32, i32) {
        (self.px(x), self.px(y))
    }

    fn line(&self, from: Point, to: Point, style: ShapeStyle) -> Drawn<DB> {
        self.area.draw(&PathElement::new([self.at(from), self.at(to)], style))
    }

    fn mark(&self, at: Point, mark: Mark, radius: f64, colour: RGBColor, filled: bool) -> Drawn<DB> {
        if mark == Mark::Cross {
            let (d, style) = (radius * 0.8, colour.stroke_width(self.px(1.6) as u32));
            let (x, y) = at;
            self.line((x - d, y - d), (x + d, y + d), style)?;
            return self.line((x - d, y + d), (x + d, y - d), style);
        }
        self.solid(at, mark, radius, colour)?;
        if filled {
            return Ok(());
        }
        // A hollow mark is a smaller one of the page's colour on top: its corners are sharp, and whiskers do not cross it.
        self.solid(at, mark, radius * 0.6, self.palette.background)
    }

    fn solid(&self, (x, y): Point, mark: Mark, r: f64, colour: RGBColor) -> Drawn<DB> {
        let corners: Vec<Point> = match mark {
            Mark::Circle | Mark::Cross => {
                return self.area.draw(&Circle::new(self.at((x, y)), r * self.scale, colour.filled()));
            }
            Mark::Square => {
                let d = r * 0.9;
                vec![(x - d, y - d), (x + d, y - d), (x + d, y + d), (x - d, y + d)]
            }
            Mark::Triangle => vec![(x, y - 1.15 * r), (x + 1.1 * r, y + 0.8 * r), (x - 1.1 * r, y + 0.8 * r)],
            Mark::Diamond => vec![(x, y - 1.25 * r), (x + 1.25 * r, y), (x, y + 1.25 * r), (x - 1.25 * r, y)],
        };
        let corners: Vec<(i32, i32)> = corners.into_iter().map(|p| self.at(p)).collect();
        self.area.draw(&Polygon::new(corners, colour.filled()))
    }

    fn text(&self, text: &Text) -> Drawn<DB> {
        let h = match text.anchor {
            Anchor::Left => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let style = if text.italic { FontStyle::Italic } else { FontStyle::Normal };
        let mut font = (FAMILY, text.size * self.scale * self.text_scale).into_font().style(style);
        if text.turned {
            font = font.transform(FontTransform::Rotate270);
        }
        let colour = self.palette.colour(text.ink);
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(h, VPos::Center));
        let (x, y) = text.at;
        let drop = text.size * self.drop;
        let at = if text.turned { (x + drop, y) } else { (x, y + drop) };
        self.area.draw(&TextElement::new(text.words.clone(), self.at(at), style))
    }
}
