//! Pictures of many small images.

use estimand::ndarray::{ArrayRef2, Axis};
use estimand::{Error, Real};
use png::{BitDepth, ColorType, Compression, Encoder, EncodingError};

use crate::door::{at_least_one, same_shape};

/// The grey of full ink, of paper, and of the margins between the images.
const INK: f64 = 16.0;
const PAPER: f64 = 255.0;
const MARGIN: u8 = 226;

/// The width of a margin, in pixels of the images.
const GAP: usize = 1;

/// Images side by side with light margins: dark ink on white paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    grey: Vec<u8>,
    width: usize,
    height: usize,
}

/// A picture that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The arguments make no picture.
    #[error(transparent)]
    Argument(#[from] Error),
    /// The encoder refuses the picture.
    #[error("the picture cannot be encoded: {0}")]
    Encoding(#[from] EncodingError),
}

impl Grid {
    /// Lays out images with `columns` of them in a row, each of `(height, width)` pixels from 0
    /// (paper) to 1 (ink); what lies beyond is cut to that range.
    ///
    /// Shapes: `images: (n, height * width)`.
    /// Errors: `Shape`; `TooFew` without images; `Parameter` for no columns; `Entry` for a NaN.
    pub fn new<F: Real>(
        images: &ArrayRef2<F>,
        (height, width): (usize, usize),
        columns: usize,
    ) -> Result<Self, PictureError> {
        same_shape("images", images.shape(), &[images.nrows(), height * width])?;
        if images.is_empty() {
            let (name, got, needs) = ("images", 0, 1);
            return Err(Error::TooFew { name, got, needs }.into());
        }
        at_least_one("columns", columns)?;
        let columns = columns.min(images.nrows());
        let rows = images.nrows().div_ceil(columns);
        let mut grid =
            Self { grey: Vec::new(), width: columns * (width + GAP) + GAP, height: rows * (height + GAP) + GAP };
        grid.grey = vec![MARGIN; grid.width * grid.height];
        for (i, image) in images.axis_iter(Axis(0)).enumerate() {
            let top = i / columns * (height + GAP) + GAP;
            let left = i % columns * (width + GAP) + GAP;
            for (pixel, &ink) in image.iter().enumerate() {
                if ink.is_nan() {
                    return Err(Error::Entry {
                        name: "images",
                        index: vec![i, pixel],
                        value: ink.as_f64(),
                        expected: "a grey level from 0 to 1",
                    }
                    .into());
                }
                let at = (top + pixel / width) * grid.width + left + pixel % width;
                let ink = ink.as_f64().clamp(0.0, 1.0);
                grid.grey[at] = (PAPER + ink * (INK - PAPER)).round() as u8;
            }
        }
        Ok(grid)
    }

    /// A PNG with each pixel `scale` times as wide and high.
    ///
    /// Errors: `Parameter` for a scale of 0, or one too large for a picture.
    pub fn png(&self, scale: usize) -> Result<Vec<u8>, PictureError> {
        let (width, height) = self.scaled(scale)?;
        let mut grey = Vec::with_capacity(width as usize * height as usize);
        for row in self.grey.chunks(self.width) {
            let wide: Vec<u8> = row.iter().flat_map(|&g| std::iter::repeat_n(g, scale)).collect();
            for _ in 0..scale {
                grey.extend_from_slice(&wide);
            }
        }
        Ok(encode(width, height, ColorType::Grayscale, &grey)?)
    }

    /// An SVG of the same size, which holds the picture as a PNG of its own, pixel for pixel.
    ///
    /// Errors: those of [`png`](Self::png).
    pub fn svg(&self, scale: usize) -> Result<String, PictureError> {
        let (width, height) = self.scaled(scale)?;
        let data = base64(&self.png(1)?);
        Ok(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\">\n\
             <image width=\"{width}\" height=\"{height}\" style=\"image-rendering:pixelated\" \
             href=\"data:image/png;base64,{data}\"/>\n</svg>\n"
        ))
    }

    fn scaled(&self, scale: usize) -> Result<(u32, u32), Error> {
        at_least_one("scale", scale)?;
        // 2^28 pixels are more than any screen shows, and less than memory is hurt by.
        let times = |side: usize| side.checked_mul(scale).filter(|&s| s <= 1 << 20);
        match (times(self.width), times(self.height)) {
            (Some(w), Some(h)) if w * h <= 1 << 28 => Ok((w as u32, h as u32)),
            _ => Err(Error::Parameter {
                name: "scale",
                value: scale as f64,
                expected: "one that makes at most 2^28 pixels",
            }),
        }
    }
}

/// A PNG file of 8 bits a channel.
pub(crate) fn encode(width: u32, height: u32, colour: ColorType, pixels: &[u8]) -> Result<Vec<u8>, EncodingError> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_color(colour);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::High);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(file)
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            if i <= group.len() {
                text.push(char::from(ALPHABET[(word >> (18 - 6 * i) & 63) as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}
