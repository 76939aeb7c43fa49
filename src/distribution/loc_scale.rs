use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, ArrayView2, Axis, CowArray, Ix1, Ix2};
use rand::Rng;

use super::base::{Base, BaseCdf, BaseEntropy, BaseMirror, BaseMoments, BaseStandard};
use super::law::{Distribution, Smooth, ValueRows};
use super::parameters::Parameters;
use super::sample::{Draw, Mirror, Quasi, Reparameterize, Sample, Transform, drawn, sampled, sampled_into};
use super::scale::{LogScales, Root, root_of_scale, scaled};
use super::summary::{Cdf, Entropy, MeanVariance};
use crate::arithmetic::{Arithmetic, Plain};
use crate::kernel::{RowFn, fill};
use crate::noise::Standard;
use crate::rows::{Grad, Parts, sum_coordinates, weigh};
use crate::shape::{at_least_one, entries, same_shape};
use crate::{Error, Real, Result, Shape, ValueGrad};

/// `loc | log_scale`, `dim` columns each: as an encoder's last layer gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocScaleParts {
    /// Coordinates.
    pub dim: usize,
}

impl Parts for LocScaleParts {
    const NAMES: &'static [&'static str] = &["loc", "log_scale"];

    fn part_width(&self, _: usize) -> usize {
        self.dim
    }
}

impl<F: Real> Grad<F, LocScaleParts> {
    /// The gradient in the locations: `(n, dim)`.
    pub fn loc(&self) -> ArrayView2<'_, F> {
        self.part(0)
    }

    /// The gradient in the log-scales: `(n, dim)`.
    ///
    /// In a log-variance it is half of this; in a variance v, this over 2 v; in a scale s, this
    /// over s.
    pub fn log_scale(&self) -> ArrayView2<'_, F> {
        self.part(1)
    }
}

/// The location-scale law of a base law `B`, independent coordinates.
///
/// ```text
/// x = m + e^s z,   z ~ B;   log q(x) = sum over j of log f((x_j - m_j) e^-s_j) - s_j
/// d log q / dm = -e^-s f'/f,   d log q / ds = -z f'/f - 1
/// ```
///
/// Written once in z, so that a family is its [`Base`]. Its constructors take arrays by reference, which
/// they borrow, as views, or owned.
#[derive(Debug, Clone)]
pub struct LocScale<'a, F, B> {
    pub(super) loc: Parameters<'a, F>,
    pub(super) log_scale: LogScales<'a, F>,
    repeat: usize,
    base: B,
}

impl<'a, F: Real, B: Base<F> + Default> LocScale<'a, F, B> {
    /// From an encoder's head, `loc | log_scale` side by side: `(n, 2 dim)`.
    ///
    /// Errors: `Count` where the number of columns is odd.
    pub fn from_head(head: impl Into<CowArray<'a, F, Ix2>>) -> Result<Self> {
        let head = head.into();
        let columns = head.ncols();
        if columns % 2 == 1 {
            let expected = "an even number (loc | log_scale)".to_owned();
            return Err(Error::Count { name: "head", axis: "columns", got: columns, expected });
        }
        let (loc, log_scale) = halves(head);
        Self::build("log_scale", loc, log_scale, 1)
    }

    /// From locations and log-scales: `(n, dim)` each. Errors: `Shape`.
    pub fn new(loc: impl Into<CowArray<'a, F, Ix2>>, log_scale: impl Into<CowArray<'a, F, Ix2>>) -> Result<Self> {
        Self::build("log_scale", loc.into(), log_scale.into(), 1)
    }

    /// One law, `samples` of it: `loc, log_scale: (dim,)`.
    ///
    /// Errors: `Shape`; `Parameter` where `samples = 0`.
    pub fn shared(
        loc: impl Into<CowArray<'a, F, Ix1>>,
        log_scale: impl Into<CowArray<'a, F, Ix1>>,
        samples: usize,
    ) -> Result<Self> {
        at_least_one("samples", samples)?;
        let (loc, log_scale) = (loc.into(), log_scale.into());
        same_shape("log_scale", log_scale.shape(), loc.shape())?;
        Self::build("log_scale", loc.insert_axis(Axis(0)), log_scale.insert_axis(Axis(0)), samples)
    }

    /// One law as `rows` parameter rows, each with samples of its own: for estimators that take all samples of a
    /// parameter row together, so that each row is a draw. `loc, log_scale: (dim,)`.
    ///
    /// Errors: `Shape`; `Parameter` where `rows = 0`.
    ///
    /// ```
    /// use estimand::{DiagGaussian, Distribution, Shape, ndarray::array};
    ///
    /// let q = DiagGaussian::identical(&array![0.0, 1.0], &array![0.0, 0.0], 100)?.repeat_rows(8);
    /// assert_eq!(q.shape(), Shape { rows: 100, repeat: 8, dim: 2 });
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn identical(loc: &ArrayRef1<F>, log_scale: &ArrayRef1<F>, rows: usize) -> Result<Self> {
        at_least_one("rows", rows)?;
        same_shape("log_scale", log_scale.shape(), loc.shape())?;
        let [loc, log_scale] = [loc, log_scale].map(|row| Array2::from_shape_fn((rows, row.len()), |(_, j)| row[j]));
        Self::build("log_scale", loc.into(), log_scale.into(), 1)
    }

    /// The base law itself (loc 0, log_scale 0), `samples` of it with `dim` coordinates.
    ///
    /// Errors: `Parameter` where `samples = 0`.
    pub fn standard(samples: usize, dim: usize) -> Result<Self> {
        at_least_one("samples", samples)?;
        let zeros = || Array2::zeros((1, dim)).into();
        Self::build("log_scale", zeros(), zeros(), samples)
    }

    pub(super) fn build(
        name: &'static str,
        loc: CowArray<'a, F, Ix2>,
        log_scale: CowArray<'a, F, Ix2>,
        repeat: usize,
    ) -> Result<Self> {
        same_shape(name, log_scale.shape(), loc.shape())?;
        let base = B::default();
        Ok(Self {
            loc: Parameters::new(loc),
            log_scale: LogScales::new(Parameters::new(log_scale), repeat),
            repeat,
            base,
        })
    }
}

impl<'a, F: Real, B: Base<F>> LocScale<'a, F, B> {
    /// The same rows on another base of the family: one with other degrees of freedom, say.
    #[must_use]
    pub fn with_base(self, base: B) -> Self {
        Self { base, ..self }
    }

    /// Each parameter row for `k` times as many consecutive samples: `k` samples an example.
    ///
    /// A law with `k = 0` has no sample row, and refuses every array of samples.
    #[must_use]
    pub fn repeat_rows(self, k: usize) -> Self {
        let repeat = self.repeat.saturating_mul(k);
        Self { repeat, log_scale: self.log_scale.shared_by(repeat), ..self }
    }

    /// The locations: `(rows, dim)`.
    pub fn loc(&self) -> ArrayView2<'_, F> {
        self.loc.view()
    }

    /// The log-scales: `(rows, dim)`.
    pub fn log_scale(&self) -> ArrayView2<'_, F> {
        self.log_scale.view()
    }

    /// The same law and samples at other parameters, of the shapes of its own.
    pub(crate) fn with_parameters<'p>(&self, loc: &'p ArrayRef2<F>, log_scale: &'p ArrayRef2<F>) -> LocScale<'p, F, B> {
        let [loc, log_scale] = [loc, log_scale].map(|rows| Parameters::new(rows.view()));
        let log_scale = LogScales::new(log_scale, self.repeat);
        LocScale { loc, log_scale, repeat: self.repeat, base: self.base }
    }

    /// log f(z), and the derivatives of log q in the location and in the log-scale of the coordinate.
    #[inline(always)]
    fn coordinate<A: Arithmetic<F>>(&self, a: A, z: F, root: F) -> (F, [F; 2]) {
        let base = self.base.log_density(a, z);
        (base.value, [-scaled(base.grad, root), -self.base.stretch(z, base.grad) - F::one()])
    }

    /// One number a coordinate of each sample row, from the standardised or the raw input.
    fn by_coordinate(&self, input: &ArrayRef2<F>, f: &impl RowFn<F, 1>) -> Array2<F> {
        let (_, [out]) = fill(input.nrows(), [input.view()], [self.loc.ncols()], f);
        out
    }
}

/// The left and the right half of the columns.
fn halves<F: Real>(head: CowArray<'_, F, Ix2>) -> (CowArray<'_, F, Ix2>, CowArray<'_, F, Ix2>) {
    let dim = head.ncols() / 2;
    let (mut left, mut right) = (head.clone(), head);
    left.slice_axis_inplace(Axis(1), (..dim).into());
    right.slice_axis_inplace(Axis(1), (dim..).into());
    (left, right)
}

impl<F: Real, B: Base<F>> Distribution<F> for LocScale<'_, F, B> {
    type Parts = LocScaleParts;

    fn parts(&self) -> LocScaleParts {
        LocScaleParts { dim: self.loc.ncols() }
    }

    fn shape(&self) -> Shape {
        Shape { rows: self.loc.nrows(), repeat: self.repeat, dim: self.loc.ncols() }
    }

    #[inline(always)]
    fn log_prob_row<A: Arithmetic<F>, const GRAD: bool>(&self, a: A, t: usize, x: &[F], grad: &mut [F]) -> F {
        let (d_loc, d_log_scale) = grad.split_at_mut(grad.len() / 2);
        let inputs = [x, self.loc.row(t)];
        self.log_scale.sum::<GRAD, _, 2>(a, (Root::OfInverse, t), inputs, [d_loc, d_log_scale], |[x, m], s, root| {
            let (log_density, grad) = self.coordinate(a, scaled(x - m, root), root);
            (log_density - s, grad)
        })
    }

    #[inline(always)]
    fn score_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], grad: &mut [F]) {
        let (d_loc, d_log_scale) = grad.split_at_mut(grad.len() / 2);
        let inputs = [x, self.loc.row(t)];
        self.log_scale.map(a, (Root::OfInverse, t), inputs, [d_loc, d_log_scale], |[x, m], root| {
            self.coordinate(a, scaled(x - m, root), root).1
        });
    }
}

impl<F: Real, B: Base<F>> Smooth<F> for LocScale<'_, F, B> {
    #[inline(always)]
    fn slope_row<A: Arithmetic<F>>(&self, a: A, t: usize, x: &[F], slope: &mut [F]) -> F {
        self.log_scale.sum::<true, _, 1>(a, (Root::OfInverse, t), [x, self.loc.row(t)], [slope], |[x, m], s, root| {
            let base = self.base.log_density(a, scaled(x - m, root));
            (base.value - s, [scaled(base.grad, root)])
        })
    }
}

impl<F: Real, B: Base<F>> Sample<F> for LocScale<'_, F, B> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Draw<F> {
        drawn(self.noise(rng), &TransformRow(self))
    }

    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Array2<F> {
        sampled(self.noise(rng), &TransformRow(self))
    }

    fn sample_into<R: Rng + ?Sized>(&self, rng: &mut R, out: &mut ArrayRef2<F>) -> Result<()> {
        self.shape().samples_door("out", out)?;
        sampled_into(out, |rows| self.base.noise(rng, rows), &TransformRow(self))
    }
}

impl<F: Real, B: Base<F>> Transform<F> for LocScale<'_, F, B> {
    fn noise<R: Rng + ?Sized>(&self, rng: &mut R) -> Array2<F> {
        let shape = (self.shape().samples(), self.loc.ncols());
        let mut noise = self.base.noise_rows(rng, shape);
        // A base of a user's own may draw in another layout, or another number.
        if noise.dim() != shape {
            noise = Array2::zeros(shape);
            self.base.noise(rng, noise.as_slice_mut().unwrap_or_default());
        }
        if noise.is_standard_layout() { noise } else { noise.as_standard_layout().into_owned() }
    }

    fn transform(&self, noise: Array2<F>) -> Result<Draw<F>> {
        self.shape().samples_door("noise", &noise)?;
        Ok(drawn(noise, &TransformRow(self)))
    }

    fn sample_from(&self, noise: Array2<F>) -> Result<Array2<F>> {
        self.shape().samples_door("noise", &noise)?;
        Ok(sampled(noise, &TransformRow(self)))
    }
}

impl<F: Real, B: BaseMirror<F>> Mirror<F> for LocScale<'_, F, B> {
    fn mirror(&self, noise: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.shape().samples_door("noise", noise)?;
        Ok(noise.mapv(|z| self.base.mirror(z)))
    }
}

impl<F: Real, B: BaseStandard<F>> Quasi<F> for LocScale<'_, F, B> {
    const STANDARD: Standard = B::STANDARD;
}

impl<F: Real, B: Base<F>> Reparameterize<F> for LocScale<'_, F, B> {
    #[inline(always)]
    fn pathwise_row<A: Arithmetic<F>>(&self, a: A, t: usize, _x: &[F], noise: &[F], d_x: &[F], grad: &mut [F]) {
        let (d_loc, d_log_scale) = grad.split_at_mut(grad.len() / 2);
        self.log_scale.map(a, (Root::OfScale, t), [noise, d_x], [d_loc, d_log_scale], |[z, d], root| {
            [d, weigh(d, scaled(z, root))]
        });
    }
}

impl<F: Real, B: BaseMoments<F>> MeanVariance<F> for LocScale<'_, F, B> {
    fn mean(&self) -> Array2<F> {
        let mut mean = self.loc().to_owned();
        mean.zip_mut_with(&self.log_scale(), |m, &s| {
            *m += scaled(self.base.mean(), root_of_scale(Plain, F::of(0.5) * s));
        });
        mean
    }

    fn variance(&self) -> Array2<F> {
        self.log_scale().mapv(|s| self.base.variance() * (s + s).exp())
    }
}

impl<F: Real, B: BaseEntropy<F>> Entropy<F> for LocScale<'_, F, B> {
    /// dim h + sum of log_scale, with h the entropy of the base law.
    fn entropy(&self) -> ValueRows<F, LocScaleParts> {
        let (rows, dim) = self.loc.dim();
        let value = Array1::from_shape_fn(rows, |t| {
            sum_coordinates::<false, _, 1, 0>([self.log_scale.row(t)], [], |[s]| (s + self.base.entropy(), []))
        });
        let grad = Array2::from_shape_fn((rows, 2 * dim), |(_, j)| if j < dim { F::zero() } else { F::one() });
        ValueGrad { value, grad: Grad::held(grad, self.parts()) }
    }
}

impl<F: Real, B: BaseCdf<F>> Cdf<F> for LocScale<'_, F, B> {
    fn cdf(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.shape().samples_door("x", x)?;
        Ok(self.by_coordinate(x, &CdfRow(self)))
    }

    fn quantile(&self, p: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.shape().samples_door("p", p)?;
        entries("p", p, "a probability in [0, 1]", |p| (p >= F::zero()) & (p <= F::one()))?;
        let noise = p.mapv(|p| self.base.quantile(p));
        Ok(self.by_coordinate(&noise, &TransformRow(self)))
    }
}

struct TransformRow<'a, 'b, F, B>(&'a LocScale<'b, F, B>);

impl<F: Real, B: Base<F>> RowFn<F, 1> for TransformRow<'_, '_, F, B> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [noise]: [&[F]; 1], x: &mut [F]) -> F {
        let t = self.0.shape().parameter_row(i);
        let inputs = [noise, self.0.loc.row(t)];
        self.0.log_scale.map(a, (Root::OfScale, t), inputs, [x], |[z, m], root| [m + scaled(z, root)]);
        F::zero()
    }
}

struct CdfRow<'a, 'b, F, B>(&'a LocScale<'b, F, B>);

impl<F: Real, B: BaseCdf<F>> RowFn<F, 1> for CdfRow<'_, '_, F, B> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [x]: [&[F]; 1], out: &mut [F]) -> F {
        let t = self.0.shape().parameter_row(i);
        self.0.log_scale.map(a, (Root::OfInverse, t), [x, self.0.loc.row(t)], [out], |[x, m], root| {
            [self.0.base.cdf(scaled(x - m, root))]
        });
        F::zero()
    }
}
