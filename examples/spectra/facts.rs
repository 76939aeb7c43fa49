//! What a matrix and its spectrum have to do with each other, and by how much they miss it.

use estimand::check::gradient;
use estimand::matrix::{Complex64, LogDet, Lu, Spectrum, condition, linear, quadratic, squared_projection, trace};
use estimand::ndarray::{Array1, Array2, ArrayRef1};
use estimand::noise::Standard;
use estimand::rand::Rng;
use lab::Failure;

/// The largest misfit of a matrix that is not badly conditioned.
pub const MOST: f64 = 1e-8;

pub struct Facts {
    pub values: Vec<Complex64>,
    /// For each the nearest eigenvalue of the inverse, and how far its pair is from being one of the inverse.
    pub of_inverse: Vec<(Complex64, f64)>,
    pub condition: f64,
    /// What rounding may do to a product or a solution: a matrix some n epsilon away, times the condition number.
    pub rounding: f64,
    pub det: LogDet,
    pub log_product: f64,
    pub product_sign: f64,
    pub total: f64,
    pub trace: f64,
    pub gradients: [(&'static str, f64); 3],
    /// The largest misfit of each fact, relative.
    pub inverse: f64,
    pub product: f64,
    pub sum: f64,
    pub gradient: f64,
}

impl Facts {
    pub fn of<R: Rng>(a: &Array2<f64>, rng: &mut R) -> Result<Self, Failure> {
        let n = a.nrows();
        let (spectrum, lu) = (Spectrum::of(a)?, Lu::of(a)?);
        let inverse = lu.inverse()?;
        let length = |a: &Array2<f64>| a.iter().map(|x| x * x).sum::<f64>().sqrt();
        let condition = condition(a)?;
        let reciprocals = Spectrum::of(&inverse)?;

        let mut of_inverse = Vec::new();
        for (&value, v) in spectrum.values().iter().zip(spectrum.vectors().columns()) {
            let (re, im) = (lu.solve(&v.mapv(|z| z.re))?, lu.solve(&v.mapv(|z| z.im))?);
            let off = re.iter().zip(&im).zip(&v).map(|((&re, &im), v)| (Complex64::new(re, im) * value - v).norm_sqr());
            let apart = |z: &Complex64| (z * value - 1.0).norm();
            let nearest = reciprocals.values().iter().copied().min_by(|x, y| apart(x).total_cmp(&apart(y)));
            of_inverse.push((nearest.unwrap_or_default(), off.sum::<f64>().sqrt()));
        }

        let (det, total, trace) = (lu.log_det(), spectrum.sum(), trace(a)?);
        let log_product: f64 = spectrum.values().iter().map(|z| z.norm().ln()).sum();
        let turn: Complex64 = spectrum.values().iter().map(|z| z / z.norm()).product();
        let ratio = turn * det.sign * (log_product - det.log_abs).exp();
        let gradients = forms(a, rng)?;
        let most =
            |misfits: &mut dyn Iterator<Item = f64>| misfits.fold(0.0, |most: f64, x| if x <= most { most } else { x });
        Ok(Self {
            inverse: most(&mut of_inverse.iter().map(|(_, off)| *off)),
            product: (ratio - 1.0).norm(),
            sum: (total - trace).norm() / (length(a) * (n as f64).sqrt()),
            gradient: most(&mut gradients.iter().map(|(_, misfit)| *misfit)),
            values: spectrum.values().to_vec(),
            rounding: 16.0 * (n * n) as f64 * f64::EPSILON * condition,
            product_sign: turn.re.signum(),
            total: total.re,
            of_inverse,
            condition,
            det,
            log_product,
            trace,
            gradients,
        })
    }
}

/// A value, and its derivative in x.
type Form = estimand::Result<(f64, Array1<f64>)>;

/// The derivatives in x of a'x, x'Ax and (x'a)^2 at a point at random, against differences: relative to the largest.
fn forms<R: Rng>(a: &Array2<f64>, rng: &mut R) -> Result<[(&'static str, f64); 3], Failure> {
    let n = a.nrows();
    let (x, b): (Array1<f64>, Array1<f64>) = (Standard::Normal.draw(rng, n), Standard::Normal.draw(rng, n));
    let misfit = |f: &dyn Fn(&ArrayRef1<f64>) -> Form| -> Result<f64, Failure> {
        let agreement = gradient(|x| f(x).map_or(f64::NAN, |(value, _)| value), &x, &f(&x)?.1)?;
        Ok(agreement.relative_error())
    };
    Ok([
        ("a'x", misfit(&|x| linear(&b, x).map(|at| (at.value, at.grad.1)))?),
        ("x'Ax", misfit(&|x| quadratic(x, a).map(|at| (at.value, at.grad.0)))?),
        ("(x'a)^2", misfit(&|x| squared_projection(x, &b).map(|at| (at.value, at.grad.0)))?),
    ])
}
