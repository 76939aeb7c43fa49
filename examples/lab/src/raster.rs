//! A canvas of pixels for plotters, with letters of its own: no system font is asked for.

use std::convert::Infallible;

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, RasterizedChar, get_raster};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle};

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// Red, green and blue of each pixel, row by row, on white.
pub(crate) struct Canvas<'a> {
    pixels: &'a mut Vec<u8>,
    width: u32,
    height: u32,
}

impl<'a> Canvas<'a> {
    pub(crate) fn new(pixels: &'a mut Vec<u8>, width: u32, height: u32) -> Self {
        *pixels = vec![255; 3 * width as usize * height as usize];
        Self { pixels, width, height }
    }
}

/// The mean of each square of 2 x 2 pixels of a picture of that width.
pub(crate) fn halve(pixels: &[u8], width: usize) -> Vec<u8> {
    let mut half = Vec::with_capacity(pixels.len() / 4);
    for rows in pixels.chunks_exact(6 * width) {
        let (upper, lower) = rows.split_at(3 * width);
        for (u, l) in upper.chunks_exact(6).zip(lower.chunks_exact(6)) {
            for channel in 0..3 {
                let four = [u[channel], u[channel + 3], l[channel], l[channel + 3]];
                let sum: u16 = four.into_iter().map(u16::from).sum();
                half.push(((sum + 2) / 4) as u8);
            }
        }
    }
    half
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, colour: BackendColor) -> Drawn {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
            return Ok(());
        };
        if x >= self.width || y >= self.height {
            return Ok(());
        }
        let at = 3 * (y as usize * self.width as usize + x as usize);
        let (r, g, b) = colour.rgb;
        for (old, new) in self.pixels[at..at + 3].iter_mut().zip([r, g, b]) {
            let mixed = f64::from(*old) + colour.alpha * (f64::from(new) - f64::from(*old));
            *old = mixed.round() as u8;
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let letters = letters(text, &style.style());
        let (width, height) = extent(&letters);
        let mut left = match style.anchor().h_pos {
            HPos::Left => 0,
            HPos::Center => -width / 2,
            HPos::Right => -width,
        };
        let top = match style.anchor().v_pos {
            VPos::Top => 0,
            VPos::Center => -height / 2,
            VPos::Bottom => -height,
        };
        let (turn, colour) = (style.transform(), style.color());
        for letter in &letters {
            for (row, line) in (top..).zip(letter.rows()) {
                for (column, &ink) in (left..).zip(line) {
                    let (dx, dy) = turn.transform(column, row);
                    let alpha = colour.alpha * f64::from(ink) / 255.0;
                    let rgb = colour.rgb;
                    self.draw_pixel((x + dx, y + dy), BackendColor { alpha, rgb })?;
                }
            }
            left += letter.width() as i32;
        }
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let (width, height) = extent(&letters(text, &style.style()));
        Ok((width as u32, height as u32))
    }
}

/// The letters of a text, 32 pixels high whatever the size asked for: charts are drawn for them.
fn letters(text: &str, style: &FontStyle) -> Vec<RasterizedChar> {
    let weight = match style {
        FontStyle::Bold => FontWeight::Bold,
        _ => FontWeight::Regular,
    };
    let raster = |c| get_raster(c, weight, RasterHeight::Size32);
    text.chars().filter_map(|c| raster(c).or_else(|| raster('?'))).collect()
}

fn extent(letters: &[RasterizedChar]) -> (i32, i32) {
    let width: usize = letters.iter().map(RasterizedChar::width).sum();
    let height = letters.first().map_or(0, RasterizedChar::height);
    (width as i32, height as i32)
}
