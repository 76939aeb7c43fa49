use ndarray::{Array2, ArrayView2};

use crate::arithmetic::{Arithmetic, Plain};
use crate::distribution::scale::root_of_scale;
use crate::matrix::substitution::{add_scaled, dot};
use crate::{Error, Real, Result};

/// Lower triangular factors: one for each parameter row, or for several consecutive ones.
///
/// A scale, L_ii, is held as a product of two numbers, and so is its inverse: e^s overflows, or vanishes, before what it
/// multiplies, and its root does not. A scale that is given as such is that number, and 1.
#[derive(Debug, Clone)]
pub(super) struct Factors<F> {
    dim: usize,
    /// Parameter rows that share a factor.
    each: usize,
    /// `(factors, dim * dim)`, a factor row by row: its diagonal within the numbers, zeros above.
    lower: Array2<F>,
    /// The logarithms of the diagonal: `(factors, dim)`.
    log_scale: Array2<F>,
    /// Both numbers of each scale, and of each inverse.
    scale: [Array2<F>; 2],
    inverse: [Array2<F>; 2],
    /// The first scale that is beyond the numbers, and held within them in `lower`.
    beyond: Option<(usize, usize)>,
    /// Whether the diagonal was given, and the logarithms are its own; or these were.
    given: bool,
}

/// The factor of a parameter row.
#[derive(Clone, Copy)]
pub(super) struct Factor<'a, F> {
    lower: &'a [F],
    pub(super) log_scale: &'a [F],
    scale: [&'a [F]; 2],
    inverse: [&'a [F]; 2],
}

/// Where row `i` begins in what is packed below the diagonal: the numbers that are in the rows before it.
#[inline(always)]
pub(super) fn packed(i: usize) -> usize {
    i * i.saturating_sub(1) / 2
}

impl<F: Real> Factors<F> {
    /// From log-scales, `(n, dim)`, and what is below the diagonal, packed row by row.
    pub(super) fn of_log(log_scale: ArrayView2<'_, F>, below: ArrayView2<'_, F>) -> Self {
        let (n, dim) = log_scale.dim();
        // In row order, whatever the order of the logarithms.
        let of = |f: &dyn Fn(F) -> F| Array2::from_shape_fn((n, dim), |place| f(log_scale[place]));
        let half = F::of(0.5);
        let root = of(&|s| root_of_scale(Plain, half * s));
        let inverse = of(&|s| root_of_scale(Plain, -half * s));
        let lower = Array2::from_shape_fn((n, dim * dim), |(t, k)| {
            let (i, j) = (k / dim, k % dim);
            match i.cmp(&j) {
                std::cmp::Ordering::Less => F::zero(),
                std::cmp::Ordering::Equal => within(root[[t, i]] * root[[t, i]]),
                std::cmp::Ordering::Greater => below[[t, packed(i) + j]],
            }
        });
        let (scale, inverse) = ([root.clone(), root], [inverse.clone(), inverse]);
        let outside = |&root: &F| root * root < within(root * root) || root * root > within(root * root);
        let beyond = scale[0].indexed_iter().find(|(_, root)| outside(root)).map(|(place, _)| place);
        Self { dim, each: 1, lower, log_scale: of(&|s| s), scale, inverse, beyond, given: false }
    }

    /// One factor, lower triangular with a positive diagonal, for `each` parameter rows.
    pub(super) fn of_one(lower: Array2<F>, each: usize) -> Self {
        Self::of_many(lower.nrows(), vec![lower], each)
    }

    /// Factors of `dim` rows, lower triangular with a positive diagonal, each for `each` parameter rows.
    pub(super) fn of_many(dim: usize, factors: Vec<Array2<F>>, each: usize) -> Self {
        let diagonal = Array2::from_shape_fn((factors.len(), dim), |(t, i)| factors[t][[i, i]]);
        let (log_scale, ones) = (diagonal.mapv(F::ln), Array2::ones(diagonal.raw_dim()));
        // The inverse of a subnormal number is none: it is held as the square of one.
        let square = |l: F| !l.recip().is_finite();
        let inverse = [
            diagonal.mapv(|l| if square(l) { l.sqrt().recip() } else { l.recip() }),
            diagonal.mapv(|l| if square(l) { l.sqrt().recip() } else { F::one() }),
        ];
        let count = factors.len();
        let rows = factors.into_iter().map(|factor| {
            let row_major = if factor.is_standard_layout() { factor } else { factor.as_standard_layout().into_owned() };
            row_major.into_raw_vec_and_offset().0
        });
        // One is moved.
        let flat = rows.reduce(|mut all, mut next| {
            all.append(&mut next);
            all
        });
        let lower = Array2::from_shape_vec((count, dim * dim), flat.unwrap_or_default()).unwrap_or_default();
        Self { dim, each: each.max(1), lower, log_scale, scale: [diagonal, ones], inverse, beyond: None, given: true }
    }

    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lower.nrows()
    }

    /// Parameter rows that share a factor.
    pub(super) fn each(&self) -> usize {
        self.each
    }

    /// Whether a triangular system can be solved with the diagonal in numbers: whether no scale is beyond them.
    pub(super) fn exact(&self) -> bool {
        self.beyond.is_none()
    }

    /// The door of what works with the matrix itself: no scale is beyond the numbers.
    pub(super) fn exact_door(&self) -> Result<()> {
        let Some((t, i)) = self.beyond else { return Ok(()) };
        let expected = "the logarithm of a scale within the numbers";
        Err(Error::Entry { name: "log_scale", index: vec![t, i], value: self.log_scale[[t, i]].as_f64(), expected })
    }

    /// ln of the quotient of scale `i` of row `t` and that of row `u` of another. Of scales that were given and are within a
    /// factor of 2, whose difference is exact, no digit is lost.
    #[inline(always)]
    pub(super) fn wider<A: Arithmetic<F>>(&self, a: A, (t, other, u): (usize, &Self, usize), i: usize) -> F {
        let (own, its) = (self.row(t), other.row(u));
        let (scale, prior) = (own.scale[0][i], its.scale[0][i]);
        let off = (scale - prior) / prior;
        if self.given && other.given && off.abs() < F::of(0.5) {
            a.ln_1p(off)
        } else {
            own.log_scale[i] - its.log_scale[i]
        }
    }

    /// The factor of parameter row `t`.
    #[inline(always)]
    pub(super) fn row(&self, t: usize) -> Factor<'_, F> {
        let t = if self.each == 1 { t } else { t / self.each };
        Factor {
            lower: slice(&self.lower, t),
            log_scale: slice(&self.log_scale, t),
            scale: [slice(&self.scale[0], t), slice(&self.scale[1], t)],
            inverse: [slice(&self.inverse[0], t), slice(&self.inverse[1], t)],
        }
    }

    /// The same as a matrix.
    pub(super) fn matrix(&self, t: usize) -> ArrayView2<'_, F> {
        ArrayView2::from_shape((self.dim, self.dim), self.row(t).lower).unwrap_or_else(|_| {
            // Beyond the last parameter row.
            ArrayView2::from_shape((0, 0), &[]).unwrap_or_else(|_| self.lower.view())
        })
    }
}

/// Row `t`, of an array that is in row order by construction; nothing where there is no such row.
#[inline(always)]
fn slice<F>(all: &Array2<F>, t: usize) -> &[F] {
    let width = all.ncols();
    all.as_slice().and_then(|numbers| numbers.get(t * width..(t + 1) * width)).unwrap_or_default()
}

/// A scale that is neither 0 nor infinite; NaN stays.
fn within<F: Real>(scale: F) -> F {
    let (least, most) = (F::min_positive_value(), F::max_value());
    let scale = if scale < least { least } else { scale };
    if scale > most { most } else { scale }
}

impl<F: Real> Factor<'_, F> {
    #[inline(always)]
    fn below(&self, i: usize) -> &[F] {
        let d = self.log_scale.len();
        &self.lower[i * d..i * d + i]
    }

    /// z = L^-1 (x - m).
    #[inline(always)]
    pub(super) fn standardise<A: Arithmetic<F>>(&self, a: A, x: &[F], m: &[F], z: &mut [F]) {
        for i in 0..z.len() {
            let (known, rest) = z.split_at_mut(i);
            let off = x[i] - m[i];
            // Without a sum of nothing, the first coordinate is that of the diagonal law.
            let off = if i == 0 { off } else { off - dot(a, self.below(i), known) };
            rest[0] = self.over_scale(i, off);
        }
    }

    /// u = L'^-1 z, from the last on, in place of z; `each(i, L_ii u_i, u_i)` as it is found.
    #[inline(always)]
    pub(super) fn pull_back<A: Arithmetic<F>>(&self, a: A, u: &mut [F], mut each: impl FnMut(usize, F, F)) {
        for i in (0..u.len()).rev() {
            let left = u[i];
            let found = self.over_scale(i, left);
            u[i] = found;
            add_scaled(a, -found, self.below(i), &mut u[..i]);
            each(i, left, found);
        }
    }

    /// x = m + L e.
    #[inline(always)]
    pub(super) fn transform<A: Arithmetic<F>>(&self, a: A, noise: &[F], m: &[F], x: &mut [F]) {
        for (i, x) in x.iter_mut().enumerate() {
            let along = self.scaled(i, noise[i]);
            *x = m[i] + if i == 0 { along } else { along + dot(a, self.below(i), &noise[..i]) };
        }
    }

    /// The scale of coordinate `i` times `x`.
    #[inline(always)]
    pub(super) fn scaled(&self, i: usize, x: F) -> F {
        x * self.scale[0][i] * self.scale[1][i]
    }

    /// `x` over the scale of coordinate `i`.
    #[inline(always)]
    pub(super) fn over_scale(&self, i: usize, x: F) -> F {
        x * self.inverse[0][i] * self.inverse[1][i]
    }
}
