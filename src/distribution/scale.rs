use ndarray::ArrayView2;

use super::parameters::Parameters;
use crate::Real;
use crate::arithmetic::{Arithmetic, Plain};
use crate::rows::{map_coordinates, sum_coordinates};

/// Samples of a parameter row from which on its roots are kept: they are made once and read in each sample of a
/// draw, a score and a path.
const MANY: usize = 16;

/// Log-scales s, with e^(s/2) and e^(-s/2) of each where a parameter row has many samples.
///
/// What is kept is made by the plain arithmetic: rows are the same at one level, whoever made them.
#[derive(Debug, Clone)]
pub(super) struct LogScales<'a, F> {
    log: Parameters<'a, F>,
    /// Flat: a row of an array takes as long to find as some coordinates to make.
    roots: Option<[Vec<F>; 2]>,
}

/// Which root of a scale a row takes: of the scale, to make a sample, or of its inverse, to standardise one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Root {
    OfScale,
    OfInverse,
}

impl<'a, F: Real> LogScales<'a, F> {
    pub(super) fn new(log: Parameters<'a, F>, repeat: usize) -> Self {
        Self { log, roots: None }.shared_by(repeat)
    }

    /// The same for so many samples a parameter row.
    pub(super) fn shared_by(self, repeat: usize) -> Self {
        if repeat < MANY || self.roots.is_some() {
            return self;
        }
        let half = F::of(0.5);
        let roots = [half, -half].map(|half| self.log.iter().map(|&s| root_of_scale(Plain, half * s)).collect());
        Self { roots: Some(roots), ..self }
    }

    /// The log-scales of parameter row `t`.
    #[inline(always)]
    pub(super) fn row(&self, t: usize) -> &[F] {
        self.log.row(t)
    }

    /// All log-scales.
    pub(super) fn view(&self) -> ArrayView2<'_, F> {
        self.log.view()
    }

    #[inline(always)]
    fn kept(&self, root: Root, t: usize) -> Option<&[F]> {
        let [of_scale, of_inverse] = self.roots.as_ref()?;
        let roots = if matches!(root, Root::OfScale) { of_scale } else { of_inverse };
        let width = self.log.ncols();
        roots.get(t * width..(t + 1) * width)
    }

    /// [`sum_coordinates`] under parameter row `t`, of a term that is given the log-scale and its root as well.
    #[inline(always)]
    pub(super) fn sum<const WRITE: bool, A: Arithmetic<F>, const M: usize>(
        &self,
        a: A,
        (root, t): (Root, usize),
        [x, y]: [&[F]; 2],
        outputs: [&mut [F]; M],
        term: impl Fn([F; 2], F, F) -> (F, [F; M]),
    ) -> F {
        let log = self.log.row(t);
        match self.kept(root, t) {
            Some(kept) => {
                sum_coordinates::<WRITE, _, 4, M>([x, y, log, kept], outputs, |[x, y, s, r]| term([x, y], s, r))
            }
            None => sum_coordinates::<WRITE, _, 3, M>([x, y, log], outputs, |[x, y, s]| term([x, y], s, root.of(a, s))),
        }
    }

    /// [`map_coordinates`] under parameter row `t`, of a term that is given the root of the scale as well.
    #[inline(always)]
    pub(super) fn map<A: Arithmetic<F>, const M: usize>(
        &self,
        a: A,
        (root, t): (Root, usize),
        [x, y]: [&[F]; 2],
        outputs: [&mut [F]; M],
        term: impl Fn([F; 2], F) -> [F; M],
    ) {
        match self.kept(root, t) {
            Some(kept) => map_coordinates([x, y, kept], outputs, |[x, y, r]| term([x, y], r)),
            None => map_coordinates([x, y, self.log.row(t)], outputs, |[x, y, s]| term([x, y], root.of(a, s))),
        }
    }
}

impl Root {
    #[inline(always)]
    fn of<F: Real, A: Arithmetic<F>>(self, a: A, log_scale: F) -> F {
        root_of_scale(a, F::of(if matches!(self, Self::OfScale) { 0.5 } else { -0.5 }) * log_scale)
    }
}

/// e^h, the root of a scale e^(2 h), for [`scaled`]: never 0 and never infinite, so that 0 and
/// infinity stay what they are under the most extreme of scales.
#[inline(always)]
pub(crate) fn root_of_scale<F: Real, A: Arithmetic<F>>(a: A, h: F) -> F {
    let (least, most) = (F::min_positive_value() * F::epsilon(), F::max_value());
    let root = a.exp(h);
    let root = if root < least { least } else { root };
    if root > most { most } else { root }
}

/// x e^(2 h) from `root` = e^h: in two factors, since a scale overflows before what it multiplies.
#[inline(always)]
pub(crate) fn scaled<F: Real>(x: F, root: F) -> F {
    x * root * root
}
