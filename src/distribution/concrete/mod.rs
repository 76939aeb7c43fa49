//! Relaxed classes: constructors here, densities in `law`, draws and paths in `softmax`.

mod law;
mod softmax;

use std::marker::PhantomData;

use ndarray::{ArrayRef1, ArrayView2, CowArray, Ix1, Ix2};

use super::categorical::Categorical;
use super::shares::cooled;
use crate::shape::positive;
use crate::{Real, Result};

/// Where the samples of a relaxed law are: [`Simplex`] or [`LogSimplex`].
pub trait Space: Copy + Default + std::fmt::Debug + Send + Sync + sealed::Sealed {
    /// Whether a sample holds logarithms.
    const LOG: bool;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Simplex {}
    impl Sealed for super::LogSimplex {}
}

/// Shares of classes, that sum to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Simplex;

/// Their logarithms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogSimplex;

impl Space for Simplex {
    const LOG: bool = false;
}

impl Space for LogSimplex {
    const LOG: bool = true;
}

/// The Concrete (Gumbel-softmax) law: classes relaxed to shares of them, so that a sample moves with the logits.
///
/// ```text
/// x = softmax((l + g) / T),   g standard Gumbel
/// log q(x) = ln (K-1)! + (K-1) ln T + sum of (u_j - ln x_j) - K ln sum of e^u_j,   u = l - T ln x
/// ```
///
/// by blocks of K columns, T the temperature. The largest share is of class k with probability softmax(l)_k, at *every* temperature;
/// as T falls to 0 samples tend to one-hot rows, and as it grows to the uniform point. It is another law than [`Categorical`]:
/// the gradient of a mean under it is that of a relaxed problem, off by what the chapter says.
///
/// Where T is small a share may be 0, or 1, in floating point, and the density there is what it tends to: 0, infinite, or at
/// T (K - 1) = 1 a number (NaN of several such shares, where that depends on the way). Use [`ExpConcrete`] for densities.
/// A class with the logit -inf has no share, and the density is that of the others.
/// Source: Maddison, Mnih and Teh 2017; Jang, Gu and Poole 2017; chapter `distribution/concrete`.
///
/// ```
/// use estimand::{Concrete, Reparameterize, Rows, Transform, ndarray::array};
///
/// let q = Concrete::new(array![[0.0_f64, 0.0]], 2, 0.5)?;
/// let draw = q.transform(array![[1.0, 0.0]])?;                       // softmax(2, 0)
/// assert!((draw.x()[[0, 0]] - 1.0 / (1.0 + (-2.0_f64).exp())).abs() < 1e-15);
/// let grad = q.pathwise(&draw, &array![[1.0, 0.0]])?.collect();
/// assert!((grad.logits()[[0, 0]] - 2.0 * draw.x()[[0, 0]] * draw.x()[[0, 1]]).abs() < 1e-15);
/// # Ok::<(), estimand::Error>(())
/// ```
pub type Concrete<'a, F> = Relaxed<'a, F, Simplex>;

/// The law of the logarithms of [`Concrete`] shares: nothing of it underflows, as long as a distance of logits over the temperature is
/// a number.
///
/// ```text
/// y = (l + g) / T - ln sum of e^((l + g) / T)
/// log q(y) = ln (K-1)! + (K-1) ln T + sum of u_j - K ln sum of e^u_j,   u = l - T y
/// ```
///
/// It is the density of the log-ratios y_j - y_K, of whichever K-th class, and is so by the sum of the y above that of the shares in
/// its logarithm. The divergence of two laws is that of their shares. Source: Maddison, Mnih and Teh 2017, appendix C.
///
/// ```
/// use estimand::{Concrete, Distribution, ExpConcrete, Sample, ndarray::array};
/// use estimand::rand::{SeedableRng, rngs::StdRng};
///
/// let logits = array![[0.3_f64, -1.0, 0.5]];
/// let y = ExpConcrete::new(&logits, 3, 1e-3)?.sample(&mut StdRng::seed_from_u64(0));
/// assert!(ExpConcrete::new(&logits, 3, 1e-3)?.log_prob(&y)?[0].is_finite(), "where shares are 0");
/// let (y, warm) = (array![[-1.0_f64, -1.5, (1.0 - (-1.0_f64).exp() - (-1.5_f64).exp()).ln()]], 1.0);
/// let shares = Concrete::new(&logits, 3, warm)?.log_prob(&y.mapv(f64::exp))?[0];
/// assert!((ExpConcrete::new(&logits, 3, warm)?.log_prob(&y)?[0] - (shares + y.sum())).abs() < 1e-14);
/// # Ok::<(), estimand::Error>(())
/// ```
///
/// Of a y that is asked for, only the sign is checked: that its shares sum to 1 is the user's to know.
pub type ExpConcrete<'a, F> = Relaxed<'a, F, LogSimplex>;

/// Relaxed classes: [`Concrete`] and [`ExpConcrete`].
#[derive(Debug, Clone)]
pub struct Relaxed<'a, F, S> {
    classes: Categorical<'a, F>,
    temperature: F,
    /// 1 / T, or the largest number.
    cooled: F,
    /// ln (k-1)! of 0, 1, ... classes.
    ln_gamma: Vec<F>,
    space: PhantomData<S>,
}

impl<'a, F: Real, S: Space> Relaxed<'a, F, S> {
    /// From logits in blocks of `classes` columns, `(n, blocks classes)`.
    ///
    /// Errors: as [`Categorical::new`]; `Parameter` where the temperature is not a finite number above 0.
    pub fn new(logits: impl Into<CowArray<'a, F, Ix2>>, classes: usize, temperature: F) -> Result<Self> {
        Self::of(Categorical::new(logits, classes)?, temperature)
    }

    /// One law, `samples` of it: `logits: (blocks classes,)`. Errors: as [`new`](Self::new); `Parameter` where `samples = 0`.
    pub fn shared(
        logits: impl Into<CowArray<'a, F, Ix1>>,
        classes: usize,
        temperature: F,
        samples: usize,
    ) -> Result<Self> {
        Self::of(Categorical::shared(logits, classes, samples)?, temperature)
    }

    /// One law as `rows` parameter rows, as [`Categorical::identical`]. Errors: as there, and of the temperature.
    pub fn identical(logits: &ArrayRef1<F>, classes: usize, temperature: F, rows: usize) -> Result<Self> {
        Self::of(Categorical::identical(logits, classes, rows)?, temperature)
    }

    /// A law of classes, relaxed. Errors: `Parameter` where the temperature is not a finite number above 0.
    ///
    /// ```
    /// use estimand::{Categorical, Concrete, ndarray::array};
    /// let q = Categorical::new(array![[0.0, 1.0]], 2)?;
    /// let error = Concrete::of(q, 0.0).unwrap_err();
    /// assert_eq!(error.to_string(), "`temperature` is 0, expected a finite number above 0");
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn of(classes: Categorical<'a, F>, temperature: F) -> Result<Self> {
        positive("temperature", temperature)?;
        let factorial = (0..=classes.classes()).scan(0.0, |sum, k| {
            *sum += (k.max(2) as f64 - 1.0).ln();
            Some(F::of(*sum))
        });
        let ln_gamma = factorial.collect();
        Ok(Self { classes, temperature, cooled: cooled(temperature), ln_gamma, space: PhantomData })
    }

    /// Each parameter row for `k` times as many consecutive samples.
    ///
    /// A law with `k = 0` has no sample row, and refuses every array of samples.
    #[must_use]
    pub fn repeat_rows(self, k: usize) -> Self {
        Self { classes: self.classes.repeat_rows(k), ..self }
    }

    /// The logits: `(rows, blocks classes)`.
    pub fn logits(&self) -> ArrayView2<'_, F> {
        self.classes.logits()
    }

    /// The law of classes that this one relaxes.
    pub fn classes(&self) -> &Categorical<'a, F> {
        &self.classes
    }

    /// T.
    pub fn temperature(&self) -> F {
        self.temperature
    }
}
