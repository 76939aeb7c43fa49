//! Triangles of shares: samples of three shares that sum to 1, as dots in small multiples.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use png::ColorType;

use crate::picture::encode;
use crate::plot::{PALETTE, PlotError, failed};
use crate::raster::{Canvas, halve};

/// A panel, with the lines of text around its triangle.
const WIDTH: u32 = 420;
const HEIGHT: u32 = 380;
const SIDE: f64 = 316.0;

/// The height of the title.
const TOP: u32 = 44;

/// Triangles side by side, two in a row: a dot near a corner is a sample that is nearly of that class, and it has the
/// colour of the class with the largest share.
///
/// ```
/// use lab::Simplex;
///
/// let shares = [[0.8, 0.1, 0.1], [0.2, 0.3, 0.5]];
/// let picture = Simplex::new("two samples").panel("T = 1", ["a", "b", "c"], shares);
/// assert!(picture.svg()?.contains("T = 1"));
/// # Ok::<(), lab::plot::PlotError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Simplex {
    title: String,
    panels: Vec<Panel>,
}

#[derive(Debug, Clone, PartialEq)]
struct Panel {
    title: String,
    corners: [String; 3],
    shares: Vec<[f64; 3]>,
}

impl Simplex {
    /// A picture without triangles.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), panels: Vec::new() }
    }

    /// Adds a triangle: its title, what stands at its corners (the left one, the right one, that on top), and samples of
    /// shares in the same order. Shares that are negative, not finite, or off the sum of 1 by more than 1e-6 are left out.
    #[must_use]
    pub fn panel<S: Into<String>>(
        mut self,
        title: impl Into<String>,
        corners: [S; 3],
        shares: impl IntoIterator<Item = [f64; 3]>,
    ) -> Self {
        let of_one = |s: &[f64; 3]| s.iter().all(|&s| s >= 0.0) && (s.iter().sum::<f64>() - 1.0).abs() < 1e-6;
        let (title, corners) = (title.into(), corners.map(Into::into));
        self.panels.push(Panel { title, corners, shares: shares.into_iter().filter(of_one).collect() });
        self
    }

    /// The triangles as an SVG document.
    ///
    /// Errors: `Nothing` where no panel has a sample, `Drawing`.
    pub fn svg(&self) -> Result<String, PlotError> {
        let mut document = String::new();
        self.draw(SVGBackend::with_string(&mut document, self.size()), 1)?;
        Ok(document)
    }

    /// The triangles as a PNG, in the font of charts.
    ///
    /// Errors: `Nothing`, `Drawing`, `Encoding`.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        let (width, height) = self.size();
        let mut pixels = Vec::new();
        self.draw(Canvas::new(&mut pixels, 2 * width, 2 * height), 2)?;
        Ok(encode(width, height, ColorType::Rgb, &halve(&pixels, 2 * width as usize))?)
    }

    fn size(&self) -> (u32, u32) {
        let rows = self.panels.len().div_ceil(2).max(1) as u32;
        (2 * WIDTH, TOP + rows * HEIGHT)
    }

    fn draw<B: DrawingBackend>(&self, backend: B, unit: u32) -> Result<(), PlotError> {
        if self.panels.iter().all(|panel| panel.shares.is_empty()) {
            return Err(PlotError::Nothing { title: self.title.clone() });
        }
        let root = backend.into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        let pixel = |at: f64| (at * f64::from(unit)).round() as i32;
        let write = |text: &str, (x, y): (f64, f64), size: u32, style: FontStyle| {
            let font = ("sans-serif", size * unit).into_font().style(style);
            let style = TextStyle::from(font).color(&BLACK).pos(Pos::new(HPos::Center, VPos::Center));
            root.draw(&Text::new(text.to_owned(), (pixel(x), pixel(y)), style)).map_err(failed)
        };
        write(&self.title, (f64::from(WIDTH), 0.55 * f64::from(TOP)), 20, FontStyle::Bold)?;
        for (i, panel) in (0_u32..).zip(&self.panels) {
            let (middle, top) = (f64::from(WIDTH) * (f64::from(i % 2) + 0.5), f64::from(TOP + i / 2 * HEIGHT));
            let tall = 0.75_f64.sqrt() * SIDE;
            let base = top + 46.0 + tall;
            let place = |[_, right, up]: [f64; 3]| (middle + SIDE * (right + 0.5 * up - 0.5), base - tall * up);
            let drawn = |shares: [f64; 3]| {
                let (x, y) = place(shares);
                (pixel(x), pixel(y))
            };
            let corners = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
            // Within its third, as these lines divide it, a class has the largest share.
            let centre = [1.0 / 3.0; 3];
            for edge in [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5]] {
                let line = PathElement::new([drawn(centre), drawn(edge)], BLACK.mix(0.18).stroke_width(unit));
                root.draw(&line).map_err(failed)?;
            }
            let outline = corners.iter().chain(&corners[..1]).map(|&corner| drawn(corner));
            let outline = PathElement::new(outline.collect::<Vec<_>>(), BLACK.mix(0.6).stroke_width(unit));
            root.draw(&outline).map_err(failed)?;
            for &shares in &panel.shares {
                let largest = (1..3).fold(0, |best, k| if shares[k] > shares[best] { k } else { best });
                let (r, g, b) = PALETTE[largest];
                let dot = Circle::new(drawn(shares), 2 * unit, RGBColor(r, g, b).mix(0.45).filled());
                root.draw(&dot).map_err(failed)?;
            }
            let [left, right, up] = corners.map(place);
            // The title has the left upper corner of the panel, beside the triangle.
            write(&panel.title, (left.0 + 44.0, up.1 + 22.0), 18, FontStyle::Bold)?;
            // Texts below stand inward of their corners: the next panel is near.
            let places = [(left.0 + 32.0, base + 20.0), (right.0 - 32.0, base + 20.0), (up.0, up.1 - 18.0)];
            for (text, place) in panel.corners.iter().zip(places) {
                write(text, place, 15, FontStyle::Normal)?;
            }
        }
        root.present().map_err(failed)
    }
}
