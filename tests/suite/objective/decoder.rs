use approx::assert_abs_diff_eq;
use estimand::ndarray::{Array1, Array2, ArrayView2, array};
use estimand::objective::{DecoderParts, GaussianDecoder, squared_error};
use estimand::{DiagGaussian, Distribution, Error, Real, Rows, check};
use proptest::prelude::*;

use crate::support::conforms::{self, Family};
use crate::support::near::{assert_eps, assert_gradient, difference_limit};
use crate::support::strategy::{array as numbers, config, sizes};

struct FixedScale;

impl Family for FixedScale {
    fn columns(dim: usize) -> usize {
        dim
    }
    type Parts = DecoderParts;
    type Law<'a, F: Real> = Repeated<GaussianDecoder<'a, F>>;

    fn law<'a, F: Real>(flat: ArrayView2<'a, F>, repeat: usize) -> Self::Law<'a, F> {
        Repeated { law: GaussianDecoder::fixed(flat, F::of(0.25)).unwrap(), repeat }
    }

    fn datum(any: f64) -> f64 {
        any
    }
}

/// A decoder has a location an example; this wrapper, written as a user would, repeats them.
struct Repeated<D> {
    law: D,
    repeat: usize,
}

impl<F: Real, D: Distribution<F>> Distribution<F> for Repeated<D> {
    type Parts = D::Parts;

    fn parts(&self) -> D::Parts {
        self.law.parts()
    }

    fn shape(&self) -> estimand::Shape {
        estimand::Shape { repeat: self.repeat, ..self.law.shape() }
    }

    fn log_prob_row<A: estimand::arithmetic::Arithmetic<F>, const GRAD: bool>(
        &self,
        a: A,
        t: usize,
        x: &[F],
        grad: &mut [F],
    ) -> F {
        self.law.log_prob_row::<A, GRAD>(a, t, x, grad)
    }
}

#[test]
fn law_the_fixed_decoder_conforms() {
    conforms::distribution::<FixedScale>();
}

/// The gradient in the locations and in the scales by differences.
#[test]
fn law_decoder_gradients_are_derivatives() {
    let x = array![[0.3, -1.0, 2.0], [1.5, 0.0, -0.7]];
    let loc = array![[0.0, 0.5, 1.0], [1.0, -0.5, 0.25]];
    let s = array![0.2, -0.4, 0.1];
    let at = GaussianDecoder::per_coordinate(&loc, &s).unwrap().log_prob_grad(&x).unwrap();
    let total = at.grad.sum_groups(2).unwrap();
    let d_s = total.log_scale().row(0).to_owned();
    let value = |loc: &Array2<f64>, s: &Array1<f64>| {
        GaussianDecoder::per_coordinate(loc, s).unwrap().log_prob(&x).unwrap().sum()
    };
    assert_gradient("log_scale", |s| value(&loc, s), &s, d_s.view());
    assert_gradient("loc", |loc| value(loc, &s), &loc, at.grad.loc());

    let shared = GaussianDecoder::shared(&loc, 0.3).log_prob_grad(&x).unwrap();
    let value = |s| GaussianDecoder::shared(&loc, s).log_prob(&x).unwrap().sum();
    let (d, at_shared) = (check::derivative(value, 0.3, 0.1).unwrap(), value(0.3));
    assert_abs_diff_eq!(
        shared.grad.log_scale().sum(),
        d.value,
        epsilon = difference_limit::<f64>(at_shared.abs(), d.value, 0.1)
    );
    assert_eq!(shared.grad.parts(), &DecoderParts { dim: 3, scales: 1 });
}

proptest! {
    #![proptest_config(config())]

    /// With a fixed isotropic scale, argmin and gradient of MSE are those of the Gaussian, up
    /// to the factor d / (2 s^2) of a mean over coordinates.
    #[test]
    fn law_mse_is_the_gaussian_with_a_fixed_scale(
        (x, y, z) in sizes(3, 40).prop_flat_map(|s| (numbers(s, -3.0, 3.0), numbers(s, -3.0, 3.0), numbers(s, -3.0, 3.0))),
        s in -2.0..2.0_f64,
    ) {
        let d = x.ncols() as f64;
        let factor = d / (2.0 * (2.0 * s).exp());
        let constant = d * (s + 0.5 * (2.0 * std::f64::consts::PI).ln());
        // Mean squared error, written out here.
        let mse = |y: &Array2<f64>, i: usize| (&x - y).row(i).mapv(|e| e * e).sum() / d;
        let nll = |y: &Array2<f64>| GaussianDecoder::fixed(y, s).unwrap().log_prob_grad(&x).unwrap();
        // z^2 is good to 8 epsilon and its sum of 40 to 3 more; the formula here to 21. Terms: z^2 / 2
        // and a constant of two parts.
        let limit = |mse: f64| 32.0 * f64::EPSILON * (factor * mse + d * (s.abs() + 1.0));
        let (at_y, at_z) = (nll(&y), nll(&z));
        for i in 0..x.nrows() {
            let want = factor * mse(&y, i) + constant;
            assert_abs_diff_eq!(-at_y.value[i], want, epsilon = limit(mse(&y, i)));
            // The same order, hence the same minimiser: differences have the same sign.
            let (by_nll, by_mse) = (at_z.value[i] - at_y.value[i], mse(&y, i) - mse(&z, i));
            let unsure = limit(mse(&y, i)) + limit(mse(&z, i));
            prop_assert!(by_nll * by_mse >= 0.0 || factor * by_mse.abs() <= unsure);
            for j in 0..x.ncols() {
                let d_mse = 2.0 * (y[[i, j]] - x[[i, j]]) / d;
                assert_abs_diff_eq!(-at_y.grad.loc()[[i, j]], factor * d_mse, epsilon = 16.0 * f64::EPSILON * factor * d_mse.abs());
            }
        }
        let se = squared_error(&x, &y).unwrap();
        let at_x = nll(&x);
        prop_assert!(at_x.grad.loc().iter().all(|&g| g == 0.0), "the minimiser is y = x");
        prop_assert!((0..x.nrows()).all(|i| at_x.value[i] >= at_y.value[i]));
        prop_assert!(se.grad.iter().zip(at_y.grad.loc()).all(|(a, b)| a * b <= 0.0), "and the descent the same way");
    }

    /// With a learned scale the factor moves with the fit: at its best, s^2 is the mean squared
    /// error and the log-likelihood is -(d/2) (ln(2 pi MSE) + 1), not a multiple of MSE.
    #[test]
    fn law_a_learned_scale_breaks_the_identity((x, y) in (2..30_usize).prop_flat_map(|d| (numbers((1, d), -3.0, 3.0), numbers((1, d), -3.0, 3.0)))) {
        let d = x.ncols() as f64;
        let mse = (&x - &y).mapv(|e| e * e).sum() / d;
        prop_assume!(mse > 1e-3);
        let best = 0.5 * mse.ln();
        // ln MSE, up to 7, is rounded and doubled in an exponent: 14 epsilon of a sum of squares, which
        // is d; its own are 11, those of the formulas here 21. All terms have the size of `size`.
        let size = d * (3.0 + best.abs());
        let limit = 64.0 * f64::EPSILON * size;
        let at = GaussianDecoder::shared(&y, best).log_prob_grad(&x).unwrap();
        assert_abs_diff_eq!(at.grad.log_scale()[[0, 0]], 0.0, epsilon = limit);
        let profile = -0.5 * d * ((2.0 * std::f64::consts::PI * mse).ln() + 1.0);
        assert_abs_diff_eq!(at.value[0], profile, epsilon = limit);
        for other in [best - 0.1, best + 0.1] {
            prop_assert!(GaussianDecoder::shared(&y, other).log_prob(&x).unwrap()[0] < at.value[0]);
        }
        // Half the errors: a fixed scale gains 3/4 of its squared error, the learned one d ln 2,
        // whatever the error was.
        let closer = (&x + &y).mapv(|v| 0.5 * v);
        let value = |y| GaussianDecoder::fixed(y, 0.0).unwrap().log_prob(&x).unwrap()[0];
        let fixed = value(&closer) - value(&y);
        assert_abs_diff_eq!(fixed, 0.5 * d * mse * 0.75, epsilon = 64.0 * f64::EPSILON * d * (1.0 + mse));
        let learned = GaussianDecoder::shared(&closer, best - 2.0_f64.ln()).log_prob(&x).unwrap()[0] - at.value[0];
        assert_abs_diff_eq!(learned, d * 2.0_f64.ln(), epsilon = 2.0 * limit);
    }

    #[test]
    fn law_decoders_are_the_gaussian_with_its_scale_written_out((x, y) in sizes(3, 40).prop_flat_map(|s| (numbers(s, -3.0, 3.0), numbers(s, -3.0, 3.0))), s in -1.0..1.0_f64) {
        let (n, d) = x.dim();
        let wide = Array2::from_elem((n, d), s);
        let full = DiagGaussian::new(&y, &wide).unwrap().log_prob_grad(&x).unwrap();
        let scales = Array1::from_elem(d, s);
        let each = GaussianDecoder::per_coordinate(&y, &scales).unwrap().log_prob_grad(&x).unwrap();
        let one = GaussianDecoder::shared(&y, s).log_prob_grad(&x).unwrap();
        for i in 0..n {
            // Both add the same terms, z^2 / 2 + s + ln(2 pi) / 2, each good to 8 epsilon, in another order.
            let z2 = (&x - &y).row(i).mapv(|e| (e / s.exp()).powi(2)).sum();
            let limit = 32.0 * f64::EPSILON * (z2 + d as f64 * (s.abs() + 1.0));
            assert_abs_diff_eq!(each.value[i], full.value[i], epsilon = limit);
            assert_abs_diff_eq!(one.value[i], full.value[i], epsilon = limit);
            assert_abs_diff_eq!(one.grad.log_scale()[[i, 0]], full.grad.log_scale().row(i).sum(), epsilon = 2.0 * limit);
        }
        prop_assert_eq!(each.grad.loc(), full.grad.loc());
        prop_assert_eq!(each.grad.log_scale(), full.grad.log_scale());
        prop_assert_eq!(one.grad.loc(), full.grad.loc());
    }
}

#[test]
fn hard_decoder_corners() {
    let loc = Array2::<f64>::zeros((2, 3));
    let short = Array1::<f64>::zeros(2);
    let error = Error::Shape { name: "log_scale", got: vec![2], expected: vec![3] };
    assert_eq!(GaussianDecoder::per_coordinate(&loc, &short).err(), Some(error));
    // At the centre of a scale that over- or underflows, z is 0.
    for s in [300.0_f32, -300.0] {
        let loc = array![[1.0_f32, 2.0]];
        let at = GaussianDecoder::shared(&loc, s).log_prob_grad(&loc).unwrap();
        assert_eq!(at.grad.loc(), array![[0.0, 0.0]]);
        assert_eq!(at.grad.log_scale(), array![[-2.0]]);
        let value = -2.0 * f64::from(s) - (2.0 * std::f64::consts::PI).ln();
        assert_eps(at.value[0], value, 602.0, 2.0, "two coordinates at their centre");
    }
    // One coordinate: shared and per coordinate are the same law, and none are an empty sum.
    let (one, s) = (array![[0.5]], array![0.2]);
    let (a, b) = (GaussianDecoder::shared(&one, 0.2), GaussianDecoder::per_coordinate(&one, &s).unwrap());
    let (a, b) = (a.log_prob_grad(&array![[1.0]]).unwrap(), b.log_prob_grad(&array![[1.0]]).unwrap());
    assert_abs_diff_eq!(a.value[0], b.value[0], epsilon = 4.0 * f64::EPSILON);
    assert_abs_diff_eq!(a.grad.log_scale()[[0, 0]], b.grad.log_scale()[[0, 0]], epsilon = 4.0 * f64::EPSILON);
    let none = Array2::<f64>::zeros((2, 0));
    assert_eq!(GaussianDecoder::fixed(&none, 5.0).unwrap().log_prob(&none).unwrap(), array![0.0, 0.0]);
    // A fixed scale is no parameter that could stay in its row: NaN is refused at the door.
    let refused = GaussianDecoder::fixed(&one, f64::NAN).unwrap_err();
    assert_eq!(refused.to_string(), "`log_scale` is NaN, expected a number");
    assert!(GaussianDecoder::fixed(&one, f64::INFINITY).is_ok());
    // NaN in a shared scale is in every row.
    let at = GaussianDecoder::shared(&one, f64::NAN);
    assert_eq!(at.score(&one).unwrap().total(), Err(Error::NaN { name: "score", row: 0 }));
}
