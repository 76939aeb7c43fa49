//! Charts of curves.

use std::ops::Range;

use plotters::chart::SeriesLabelPosition;
use plotters::coord::ranged1d::{BoldPoints, DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use png::{ColorType, EncodingError};

use crate::picture::encode;
use crate::raster::Canvas;

const WIDTH: u32 = 840;
const HEIGHT: u32 = 520;

/// What margins, labels and title leave of it to the curves, about.
const INSIDE: (f64, f64) = (742.0, 423.0);

/// Colours that the colour-blind tell apart, and that print well. Source: Okabe and Ito 2008.
pub(crate) const PALETTE: [(u8, u8, u8); 7] =
    [(0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (230, 159, 0), (60, 60, 60)];

/// Curves over a common axis, with title, axis labels and legend, on white.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    title: String,
    x_label: String,
    y_label: String,
    series: Vec<Series>,
    bands: Vec<Band>,
    log_x: bool,
    log_y: bool,
    equal_units: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Series {
    name: String,
    colour: (u8, u8, u8),
    points: Vec<(f64, f64)>,
    form: Form,
}

/// How points are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Line,
    Dots,
}

/// What lies between two curves.
#[derive(Debug, Clone, PartialEq)]
struct Band {
    colour: (u8, u8, u8),
    points: Vec<(f64, f64, f64)>,
}

/// A chart that cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// There is no point to show.
    #[error("the chart `{title}` has no finite point")]
    Nothing {
        /// The chart's title.
        title: String,
    },
    /// The drawing library fails.
    #[error("the chart cannot be drawn: {0}")]
    Drawing(String),
    /// The encoder refuses the picture.
    #[error("the chart cannot be encoded: {0}")]
    Encoding(#[from] EncodingError),
}

impl Chart {
    /// A chart without curves.
    pub fn new(title: impl Into<String>, x_label: impl Into<String>, y_label: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            x_label: x_label.into(),
            y_label: y_label.into(),
            series: Vec::new(),
            bands: Vec::new(),
            log_x: false,
            log_y: false,
            equal_units: false,
        }
    }

    /// Adds a curve in the next colour of the palette.
    ///
    /// It breaks where a point is not finite (or beyond 1e300); few points are marked one by one. Without a name it
    /// has no place in the legend.
    #[must_use]
    pub fn line(self, name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let colour = PALETTE[self.series.len() % PALETTE.len()];
        self.line_in(colour, name, points)
    }

    /// Adds a curve in a colour of one's own, as red, green and blue.
    #[must_use]
    pub fn line_in(
        mut self,
        colour: (u8, u8, u8),
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        self.series.push(Series { name: name.into(), colour, points: points.into_iter().collect(), form: Form::Line });
        self
    }

    /// Adds points without a line between them, in a colour of one's own; names as of lines.
    #[must_use]
    pub fn dots_in(
        mut self,
        colour: (u8, u8, u8),
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        self.series.push(Series { name: name.into(), colour, points: points.into_iter().collect(), form: Form::Dots });
        self
    }

    /// Shades what lies between two curves, given as x with the lower and the upper y: below all
    /// curves, and without a place in the legend. Points that are not finite are left out.
    #[must_use]
    pub fn band_in(mut self, colour: (u8, u8, u8), points: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        self.bands.push(Band { colour, points: points.into_iter().collect() });
        self
    }

    /// Puts the horizontal axis in powers of ten; points that are not above 0 are left out.
    #[must_use]
    pub fn log_x(mut self) -> Self {
        self.log_x = true;
        self
    }

    /// Puts the vertical axis in powers of ten; a curve breaks where it is not above 0.
    #[must_use]
    pub fn log_y(mut self) -> Self {
        self.log_y = true;
        self
    }

    /// Makes a unit as long on one axis as on the other, so that a circle is one: the plane of complex numbers.
    #[must_use]
    pub fn equal_units(mut self) -> Self {
        self.equal_units = true;
        self
    }

    /// The points of a curve where they are drawn, those that cannot be as they are.
    fn placed(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let place = |log: bool, at: f64| if log { at.log10() } else { at };
        points.iter().map(|&(x, y)| (place(self.log_x, x), place(self.log_y, y))).collect()
    }

    /// The outline of a band.
    fn outline(&self, band: &Band) -> Vec<(f64, f64)> {
        let side = |of: fn(&(f64, f64, f64)) -> (f64, f64)| {
            let points: Vec<_> = band.points.iter().map(of).collect();
            self.placed(&points)
        };
        let (lower, upper) = (side(|&(x, low, _)| (x, low)), side(|&(x, _, high)| (x, high)));
        lower.into_iter().chain(upper.into_iter().rev()).filter(|&p| drawable(p)).collect()
    }

    /// The chart as an SVG document.
    ///
    /// Errors: `Nothing`, `Drawing`.
    pub fn svg(&self) -> Result<String, PlotError> {
        let mut document = String::new();
        self.draw(SVGBackend::with_string(&mut document, (WIDTH, HEIGHT)), 1)?;
        Ok(document)
    }

    /// The chart as a PNG, in a built-in font of Latin letters; `?` stands for other characters.
    ///
    /// Errors: `Nothing`, `Drawing`, `Encoding`.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        // Drawn at twice the size and averaged down, which makes smooth lines.
        let mut pixels = Vec::new();
        self.draw(Canvas::new(&mut pixels, 2 * WIDTH, 2 * HEIGHT), 2)?;
        let pixels = crate::raster::halve(&pixels, 2 * WIDTH as usize);
        Ok(encode(WIDTH, HEIGHT, ColorType::Rgb, &pixels)?)
    }

    /// Draws with every length `unit` times as long.
    fn draw<B: DrawingBackend>(&self, backend: B, unit: u32) -> Result<(), PlotError> {
        let (x, mut y) = self.ranges()?;
        let corner = self.free_corner(&x, &mut y);
        let root = backend.into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        let font = |size: u32| ("sans-serif", size * unit).into_font();
        let mut chart = ChartBuilder::on(&root)
            .caption(&self.title, font(20).style(FontStyle::Bold))
            .margin(14 * unit)
            .x_label_area_size(48 * unit)
            .y_label_area_size(70 * unit)
            .build_cartesian_2d(Axis::new(x.clone(), self.log_x, 9), Axis::new(y.clone(), self.log_y, 8))
            .map_err(failed)?;
        chart
            .configure_mesh()
            .x_desc(&self.x_label)
            .y_desc(&self.y_label)
            .axis_desc_style(font(17))
            .label_style(font(15))
            .x_label_formatter(&|&x| if self.log_x { power(x) } else { tick(x) })
            .y_label_formatter(&|&y| if self.log_y { power(y) } else { tick(y) })
            .axis_style(BLACK.mix(0.6).stroke_width(unit))
            .bold_line_style(BLACK.mix(0.12).stroke_width(unit))
            .light_line_style(TRANSPARENT)
            .draw()
            .map_err(failed)?;
        for band in &self.bands {
            let (r, g, b) = band.colour;
            let shade = Polygon::new(self.outline(band), RGBColor(r, g, b).mix(0.15));
            chart.draw_series(std::iter::once(shade)).map_err(failed)?;
        }
        for series in &self.series {
            let (r, g, b) = series.colour;
            let stroke = RGBColor(r, g, b).stroke_width(2 * unit);
            let dots = series.form == Form::Dots;
            let few = series.points.len() <= 25;
            for run in self.placed(&series.points).split(|&p| !drawable(p)) {
                if !dots {
                    chart.draw_series(LineSeries::new(run.iter().copied(), stroke)).map_err(failed)?;
                }
                // A point between two gaps would have no line to show it.
                if few || dots || run.len() == 1 {
                    let dot = |&p: &(f64, f64)| Circle::new(p, 3 * unit, stroke.filled());
                    chart.draw_series(run.iter().map(dot)).map_err(failed)?;
                }
            }
            if series.name.is_empty() {
                continue;
            }
            // The legend needs a series to hang on, even where a curve has no point.
            let length = 22 * unit as i32;
            let entry = chart.draw_series(LineSeries::new(None, stroke)).map_err(failed)?.label(&series.name);
            if dots {
                entry.legend(move |(x, y)| Circle::new((x + length / 2, y), 3 * unit, stroke.filled()));
            } else {
                entry.legend(move |(x, y)| PathElement::new([(x, y), (x + length, y)], stroke));
            }
        }
        chart
            .configure_series_labels()
            .position(corner)
            .label_font(font(15))
            .legend_area_size(30 * unit)
            .margin(8 * unit)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.25))
            .draw()
            .map_err(failed)?;
        root.present().map_err(failed)
    }

    /// The corner where the legend hides no curve, the upper right of equals. Where there is none the vertical
    /// axis goes further down, and the legend is below all curves.
    fn free_corner(&self, x: &Range<f64>, y: &mut Range<f64>) -> SeriesLabelPosition {
        // How much of both sides a legend covers, about.
        let names = || self.series.iter().map(|s| s.name.chars().count()).filter(|letters| *letters > 0);
        let letters = names().max().unwrap_or(0);
        let (wide, high) = (0.08 + 0.011 * letters as f64, 0.04 + 0.05 * names().count() as f64);
        let place = |&(px, py): &(f64, f64)| ((px - x.start) / (x.end - x.start), (py - y.start) / (y.end - y.start));
        let corners = [
            (SeriesLabelPosition::UpperRight, 1.0, 1.0),
            (SeriesLabelPosition::LowerRight, 1.0, 0.0),
            (SeriesLabelPosition::UpperLeft, 0.0, 1.0),
            (SeriesLabelPosition::LowerLeft, 0.0, 0.0),
        ];
        let mut hidden = [0; 4];
        let placed: Vec<_> = self.series.iter().map(|s| self.placed(&s.points)).collect();
        for pair in placed.iter().flat_map(|points| points.windows(2)) {
            let (from, to) = (place(&pair[0]), place(&pair[1]));
            for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
                let (u, v) = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
                for ((_, right, top), hidden) in corners.iter().zip(&mut hidden) {
                    *hidden += u32::from((u - right).abs() < wide && (v - top).abs() < high);
                }
            }
        }
        let best = corners.into_iter().zip(hidden).min_by_key(|(_, hidden)| *hidden);
        match best {
            Some(((corner, ..), 0)) => corner,
            _ => {
                y.start -= high / (1.0 - high.min(0.5)) * (y.end - y.start);
                SeriesLabelPosition::LowerRight
            }
        }
    }

    /// What both axes show: every point that can be drawn, and a little air around.
    fn ranges(&self) -> Result<(Range<f64>, Range<f64>), PlotError> {
        let curves = self.series.iter().flat_map(|series| self.placed(&series.points));
        let all = curves.chain(self.bands.iter().flat_map(|band| self.outline(band)));
        let mut points = all.filter(|&p| drawable(p));
        let first = points.next().ok_or_else(|| PlotError::Nothing { title: self.title.clone() })?;
        let start = ((first.0, first.0), (first.1, first.1));
        let (x, y) = points.fold(start, |(x, y), (px, py)| ((x.0.min(px), x.1.max(px)), (y.0.min(py), y.1.max(py))));
        let (x, y) = (aired(x, 0.02), aired(y, 0.06));
        if !self.equal_units {
            return Ok((x, y));
        }
        let unit = ((x.end - x.start) / INSIDE.0).max((y.end - y.start) / INSIDE.1);
        Ok((widened(x, unit * INSIDE.0), widened(y, unit * INSIDE.1)))
    }
}

fn drawable((x, y): (f64, f64)) -> bool {
    x.abs() <= 1e300 && y.abs() <= 1e300
}

/// The interval with a share of its length added on both sides, never so narrow that two ticks
/// would bear the same label.
fn aired((low, high): (f64, f64), share: f64) -> Range<f64> {
    let size = low.abs().max(high.abs());
    let air = if high - low > 1e-4 * size {
        share * (high - low)
    } else if size > 0.0 {
        0.1 * size
    } else {
        1.0
    };
    low - air..high + air
}

/// An interval of a length about the same middle.
fn widened(range: Range<f64>, length: f64) -> Range<f64> {
    let air = 0.5 * (length - (range.end - range.start));
    range.start - air..range.end + air
}

/// An axis with its ticks.
struct Axis {
    range: Range<f64>,
    ticks: Vec<f64>,
}

impl Axis {
    /// About so many ticks, or powers of ten, divided at 2 and 5 where there are few.
    fn new(range: Range<f64>, log: bool, ticks: usize) -> Self {
        let span = range.end - range.start;
        if !(log && (1.0..ticks as f64).contains(&span)) {
            let ticks = RangedCoordf64::from(range.clone()).key_points(BoldPoints(ticks));
            // They are sums of steps, which miss 0 by rounding.
            let ticks = ticks.into_iter().map(|at| if at.abs() < 1e-9 * span { 0.0 } else { at }).collect();
            return Self { range, ticks };
        }
        let divided: &[f64] = if span < 4.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let powers = range.start.floor() as i32..=range.end.ceil() as i32;
        let all = powers.flat_map(|k| divided.iter().map(move |d| f64::from(k) + d.log10()));
        let ticks = all.filter(|at| range.contains(at)).collect();
        Self { range, ticks }
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        RangedCoordf64::from(self.range.clone()).map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// A power of ten in three digits.
fn power(exponent: f64) -> String {
    let x = 10.0_f64.powf(exponent);
    let unit = 10.0_f64.powf(exponent.floor() - 2.0);
    tick((x / unit).round() * unit)
}

/// Six significant digits without idle zeros.
fn tick(x: f64) -> String {
    let size = x.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{x:.4e}").replace("0000e", "e").replace(".e", "e");
    }
    let digits = if size < 1.0 { 6 } else { 5 - size.log10() as usize };
    let text = format!("{x:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

pub(crate) fn failed(error: impl std::fmt::Display) -> PlotError {
    PlotError::Drawing(error.to_string())
}
