use estimand::ndarray::Array2;

use super::Bits;

/// Rows and columns of a sprite.
const SIDE: usize = 32;
/// Points a pixel, in either direction, of which half or more inside make ink.
const POINTS: usize = 4;

/// Half the width of a shape whose coordinates go from -1 to 1, in pixels.
const SIZES: [f64; 3] = [5.0, 6.5, 8.0];
/// Quarter turns are cut into so many: a square is itself again after a quarter turn.
const TURNS: usize = 8;
/// Places along either axis, from the first to the last.
const PLACES: usize = 8;
const FIRST: f64 = 10.0;
const LAST: f64 = 22.0;

/// How wide an ellipse is, for a height of 1.
const ASPECT: f64 = 0.55;
/// Half of a square's side.
const HALF: f64 = 0.8;

/// Small pictures of one shape each, in every combination of five factors.
///
/// 3 shapes (square, ellipse, heart), 3 sizes, 8 turns within a quarter, 8 places across and 8 down: 4608 images of 32 x 32, no two
/// alike. Edges are drawn by 4 x 4 points a pixel; a pixel is ink where half of them or more are inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sprites {
    /// The images.
    pub images: Bits,
    /// The classes that each was made of, `(n, 5)`, in the order of [`Sprites::FACTORS`].
    pub factors: Array2<usize>,
}

impl Sprites {
    /// What the columns of `factors` are.
    pub const FACTORS: [&'static str; 5] = ["shape", "size", "turn", "x", "y"];

    /// All of them.
    pub fn all() -> Self {
        Self::each(1)
    }

    /// Every `stride`-th turn and place.
    pub fn each(stride: usize) -> Self {
        let stride = stride.max(1);
        let (turns, places) = (TURNS.div_ceil(stride), PLACES.div_ceil(stride));
        let classes = [3, SIZES.len(), turns, places, places];
        let n = classes.iter().product();
        // The last factor runs fastest.
        let factors = Array2::from_shape_fn((n, classes.len()), |(i, k)| {
            i / classes.iter().skip(k + 1).product::<usize>() % classes[k]
        });
        let place = |class: usize| FIRST + (LAST - FIRST) * (class * stride) as f64 / (PLACES - 1) as f64;
        let images = Bits::from_fn(n, (SIDE, SIDE), |i, row, column| {
            let [shape, size, turn, x, y] = std::array::from_fn(|k| factors[[i, k]]);
            let angle = (turn * stride) as f64 / TURNS as f64 * std::f64::consts::FRAC_PI_2;
            let (sin, cos) = angle.sin_cos();
            let inside = |point: usize| {
                let within = |k: usize| (k as f64 + 0.5) / POINTS as f64;
                let dx = column as f64 + within(point % POINTS) - place(x);
                // Rows go down, and a heart points down.
                let dy = place(y) - (row as f64 + within(point / POINTS));
                let (u, v) = ((cos * dx + sin * dy) / SIZES[size], (cos * dy - sin * dx) / SIZES[size]);
                covers(shape, u, v)
            };
            2 * (0..POINTS * POINTS).filter(|&point| inside(point)).count() >= POINTS * POINTS
        });
        Self { images, factors }
    }
}

/// Whether a shape has the point (u, v).
fn covers(shape: usize, u: f64, v: f64) -> bool {
    match shape {
        0 => u.abs() <= HALF && v.abs() <= HALF,
        1 => u * u + (v / ASPECT).powi(2) <= 1.0,
        _ => (u * u + v * v - 1.0).powi(3) - u * u * v.powi(3) <= 0.0,
    }
}
