use super::gaussian::DiagGaussian;
use super::kl::{PairGrad, pair_grad, rows_each};
use super::laplace::DiagLaplace;
use super::law::Distribution;
use super::loc_scale::LocScaleParts;
use super::scale::{root_of_scale, scaled};
use crate::arithmetic::Arithmetic;
use crate::kernel::RowFn;
use crate::rows::{sum_coordinates, weigh};
use crate::special::Special;
use crate::{Real, Result};

impl<F: Real> DiagGaussian<'_, F> {
    /// KL(q || p) of a Gaussian q against a Laplace law p, in nats of each parameter row, with its
    /// gradients for q and for p.
    ///
    /// ```text
    /// KL = sum over j of ln(2 / sqrt(2 pi e)) - d + e^d sqrt(2 / pi) e^(-a^2 / 2) + a e^d erf(a / sqrt 2)
    /// d = s_q - s_p,   a = |m_q - m_p| e^-s_q
    /// ```
    ///
    /// At least 1/2 + ln(2 / pi) = 0.048 a coordinate: no Gaussian is a Laplace law. The error function
    /// is libm's in f64, rounded to `F`. Rows meet as in [`Kl::kl`](super::Kl::kl). Shapes: `(rows,)` with
    /// gradient rows `(rows, 2 dim)` each. Errors: `Shape`. Source: chapter `distribution/laplace`.
    ///
    /// ```
    /// use estimand::{DiagGaussian, DiagLaplace};
    /// let (q, p) = (DiagGaussian::<f64>::standard(1, 1)?, DiagLaplace::standard(1, 1)?);
    /// let kl = q.kl_laplace(&p)?;
    /// let pi = std::f64::consts::PI;
    /// assert!((kl.value[0] - (0.5 * (2.0 / pi).ln() - 0.5 + (2.0 / pi).sqrt())).abs() < 1e-15);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn kl_laplace(&self, p: &DiagLaplace<'_, F>) -> Result<PairGrad<F, LocScaleParts>> {
        let each = rows_each(self.shape(), p.shape())?;
        Ok(pair_grad(self.shape().rows, self.parts(), &FromGaussian { q: self, p, each }))
    }
}

impl<F: Real> DiagLaplace<'_, F> {
    /// KL(q || p) of a Laplace law q against a Gaussian p, in nats of each parameter row, with its
    /// gradients for q and for p.
    ///
    /// ```text
    /// KL = sum over j of (e^y - 1 - y + z^2 + ln pi - 1) / 2
    /// y = 2 (s_q - s_p) + ln 2,   z = (m_q - m_p) e^-s_p
    /// ```
    ///
    /// At least (ln pi - 1) / 2 = 0.072 a coordinate, where the variances are equal and the locations
    /// are. Rows meet as in [`Kl::kl`](super::Kl::kl). Shapes: `(rows,)` with gradient rows
    /// `(rows, 2 dim)` each. Errors: `Shape`. Source: chapter `distribution/laplace`.
    ///
    /// ```
    /// use estimand::{DiagGaussian, DiagLaplace, ndarray::array};
    /// let (loc, log_scale) = (array![[0.0_f64]], array![[-0.5 * std::f64::consts::LN_2]]);
    /// let q = DiagLaplace::new(&loc, &log_scale)?;            // of variance 1
    /// let kl = q.kl_gaussian(&DiagGaussian::standard(1, 1)?)?;
    /// assert!((kl.value[0] - 0.5 * (std::f64::consts::PI.ln() - 1.0)).abs() < 1e-15);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn kl_gaussian(&self, p: &DiagGaussian<'_, F>) -> Result<PairGrad<F, LocScaleParts>> {
        let each = rows_each(self.shape(), p.shape())?;
        Ok(pair_grad(self.shape().rows, self.parts(), &FromLaplace { q: self, p, each }))
    }
}

struct FromGaussian<'a, 'b, 'c, F> {
    q: &'a DiagGaussian<'b, F>,
    p: &'a DiagLaplace<'c, F>,
    each: usize,
}

impl<F: Real> RowFn<F, 0> for FromGaussian<'_, '_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, t: usize, []: [&[F]; 0], grad: &mut [F]) -> F {
        let ([d_m_q, d_s_q, d_m_p, d_s_p], u) = (quarters(grad), t / self.each);
        let inputs = [self.q.loc.row(t), self.q.log_scale.row(t), self.p.loc.row(u), self.p.log_scale.row(u)];
        sum_coordinates::<true, _, 4, 4>(inputs, [d_m_q, d_s_q, d_m_p, d_s_p], |[m_q, s_q, m_p, s_p]| {
            let (root_q, root_p) = (root_of_scale(a, F::of(-0.5) * s_q), root_of_scale(a, F::of(-0.5) * s_p));
            let (shift, wider) = (m_q - m_p, s_q - s_p);
            let z = scaled(shift, root_q);
            let side = F::of(libm::erf(z.as_f64() * std::f64::consts::FRAC_1_SQRT_2));
            // Mean distance of x from m_p, in scales of p: where x is likely, and where m_p is.
            let near = F::of(0.797_884_560_802_865_4) * weigh(a.exp(F::of(-0.5) * z * z), a.exp(wider));
            let far = scaled(weigh(side, shift), root_p);
            let d_m = scaled(side, root_p);
            let level = F::of(0.725_791_352_644_727_4);
            (near + far - wider - level, [d_m, near - F::one(), -d_m, F::one() - (near + far)])
        })
    }
}

struct FromLaplace<'a, 'b, 'c, F> {
    q: &'a DiagLaplace<'b, F>,
    p: &'a DiagGaussian<'c, F>,
    each: usize,
}

impl<F: Real> RowFn<F, 0> for FromLaplace<'_, '_, '_, F> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, t: usize, []: [&[F]; 0], grad: &mut [F]) -> F {
        let ([d_m_q, d_s_q, d_m_p, d_s_p], u) = (quarters(grad), t / self.each);
        let inputs = [self.q.loc.row(t), self.q.log_scale.row(t), self.p.loc.row(u), self.p.log_scale.row(u)];
        sum_coordinates::<true, _, 4, 4>(inputs, [d_m_q, d_s_q, d_m_p, d_s_p], |[m_q, s_q, m_p, s_p]| {
            let root = root_of_scale(a, F::of(-0.5) * s_p);
            let z = scaled(m_q - m_p, root);
            let wider = s_q - s_p;
            let spread = a.exp_m1_mx(wider + wider + F::LN_2());
            let d_m = scaled(z, root);
            let least = F::of(0.144_729_885_849_400_17);
            let value = F::of(0.5) * (a.fma(z, z, spread.value) + least);
            (value, [d_m, spread.grad, -d_m, -a.fma(z, z, spread.grad)])
        })
    }
}

/// The rows of both gradients, a part each.
#[inline(always)]
fn quarters<F>(grad: &mut [F]) -> [&mut [F]; 4] {
    let (q, p) = grad.split_at_mut(grad.len() / 2);
    let ([a, b], [c, d]) = (halves(q), halves(p));
    [a, b, c, d]
}

#[inline(always)]
fn halves<F>(row: &mut [F]) -> [&mut [F]; 2] {
    let (left, right) = row.split_at_mut(row.len() / 2);
    [left, right]
}
