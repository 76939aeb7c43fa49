//! Both levels, side by side.

use estimand::arithmetic::{Arithmetic, Fused, Plain};
use estimand::kernel::{Level, RowFn, fill_at};
use estimand::ndarray::{Array2, array};
use estimand::{Bernoulli, DiagGaussian, Distribution, Kl, Real, Rows};

use super::{TwoParts, numbers};
use crate::support::near::epsilons;

/// `x x - w` where `w` is `x x` rounded: what a second rounding loses, and one does not.
struct Lost;

impl<F: Real> RowFn<F, 1> for Lost {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, _: usize, [x]: [&[F]; 1], _: &mut [F]) -> F {
        a.fma(x[0], x[0], -(x[0] * x[0]))
    }
}

fn lost<F: Real>(level: Level, x: F) -> F {
    fill_at(level, 1, [array![[x]].view()], [], &Lost).unwrap().0[0]
}

#[test]
fn law_the_plain_level_rounds_twice_and_the_fused_one_once() {
    let x = 1.0 + f64::EPSILON;
    assert_eq!(lost(Level::Plain, x), 0.0);
    assert_eq!(lost(Level::Plain, 1.0 + f32::EPSILON), 0.0);
    // A machine that is said to fuse does; which other instructions that takes is the crate's affair.
    #[cfg(target_arch = "x86_64")]
    let has_fused = std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
    #[cfg(target_arch = "aarch64")]
    let has_fused = true;
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let has_fused = false;
    let fuses = Level::best() == Level::Fused;
    assert!(has_fused || !fuses);
    assert_eq!(lost(Level::Fused, x), if fuses { f64::EPSILON * f64::EPSILON } else { 0.0 });
}

fn a_pass_is_its_token<F: Real>(n: usize, d: usize) {
    let (x, y) = (numbers::<F>(n, d, 0), numbers::<F>(n, d, 1));
    let by_hand = |level: Level| {
        let mut out = Array2::<F>::zeros((n, 2 * d));
        for (i, mut row) in out.rows_mut().into_iter().enumerate() {
            let inputs = [x.row(i).to_slice().unwrap(), y.row(i).to_slice().unwrap()];
            let row = row.as_slice_mut().unwrap();
            match level {
                Level::Plain => TwoParts.row(Plain, i, inputs, row),
                Level::Fused => TwoParts.row(Fused, i, inputs, row),
            };
        }
        out
    };
    for level in [Level::Plain, Level::best()] {
        let (_, [out]) = fill_at(level, n, [x.view(), y.view()], [2 * d], &TwoParts).unwrap();
        assert_eq!(out, by_hand(level), "{level:?}");
    }
}

/// Vectors change no bit: a pass at a level is its rows with the token of that level, one by one.
#[test]
fn law_a_pass_is_its_rows_with_the_token_of_its_level() {
    for (n, d) in [(1, 1), (3, 31), (5, 32), (40, 100), (0, 3), (3, 0)] {
        a_pass_is_its_token::<f32>(n, d);
        a_pass_is_its_token::<f64>(n, d);
    }
}

/// The row of any law as a pass at a level.
struct LogProb<'a, D>(&'a D);

impl<F: Real, D: Distribution<F>> RowFn<F, 1> for LogProb<'_, D> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, i: usize, [x]: [&[F]; 1], grad: &mut [F]) -> F {
        self.0.log_prob_row::<A, true>(a, self.0.shape().parameter_row(i), x, grad)
    }
}

struct Divergence<'a, D>(&'a D, &'a D);

impl<F: Real, D: Kl<F>> RowFn<F, 0> for Divergence<'_, D> {
    #[inline(always)]
    fn row<A: Arithmetic<F>>(&self, a: A, t: usize, []: [&[F]; 0], grad: &mut [F]) -> F {
        let (d_q, d_p) = grad.split_at_mut(grad.len() / 2);
        self.0.kl_row(a, t, self.1, t, d_q, d_p)
    }
}

/// Each entry at the two levels within `most` epsilons of `1 + |entry|`.
fn agree<F: Real>(plain: &Array2<F>, fused: &Array2<F>, most: f64, what: &str) {
    for (at, &p) in plain.indexed_iter() {
        let off = epsilons(fused[at], p.as_f64(), 1.0 + p.as_f64().abs());
        assert!(off <= most, "{what} at {at:?}: {p} and {}, {off} epsilons", fused[at]);
    }
}

fn laws_agree<F: Real>() {
    let (n, d) = (7, 45);
    let (loc, log_scale, x) = (numbers::<F>(n, d, 2), numbers::<F>(n, d, 3), numbers::<F>(n, d, 4));
    let q = DiagGaussian::new(&loc, &log_scale).unwrap();
    let p = DiagGaussian::new(&x, &loc).unwrap();
    let bits = Bernoulli::new(&loc).unwrap();
    let other = Bernoulli::new(&x).unwrap();
    let ones = x.mapv(|x| if x > F::zero() { F::one() } else { F::zero() });
    let at = |level| {
        let (value, [grad]) = fill_at(level, n, [x.view()], [2 * d], &LogProb(&q)).unwrap();
        let (bit_value, [bit_grad]) = fill_at(level, n, [ones.view()], [d], &LogProb(&bits)).unwrap();
        let (kl_value, [kl_grad]) = fill_at(level, n, [], [4 * d], &Divergence(&q, &p)).unwrap();
        let (bit_kl_value, [bit_kl_grad]) = fill_at(level, n, [], [2 * d], &Divergence(&bits, &other)).unwrap();
        let values = [value, bit_value, kl_value, bit_kl_value];
        (values.map(|v| v.into_shape_with_order((n, 1)).unwrap()), [grad, bit_grad, kl_grad, bit_kl_grad])
    };
    let (plain, best) = (at(Level::Plain), at(Level::best()));
    // Terms of a value are of the size of e^(2 log_scale) z^2, up to 1e3, and there are 45; each
    // entry of a gradient is a product of at most four factors, good to two or three epsilons each.
    for k in 0..4 {
        agree(&plain.0[k], &best.0[k], 64.0, "value");
        agree(&plain.1[k], &best.1[k], 24.0, "gradient");
    }
    // And what users call is the best level.
    let ours = q.log_prob_grad(&x).unwrap();
    assert_eq!((ours.value, ours.grad.into_flat()), (best.0[0].column(0).to_owned(), best.1[0].clone()));
    let kl = q.kl(&p).unwrap();
    let [d_q, d_p] = [kl.grad.0.into_flat(), kl.grad.1.into_flat()];
    assert_eq!(kl.value, best.0[2].column(0));
    assert_eq!(estimand::ndarray::concatenate![estimand::ndarray::Axis(1), d_q, d_p], best.1[2]);
    // Rows not yet made take the level too.
    let (score, bit_score) = (q.score(&x).unwrap(), bits.score(&ones).unwrap());
    for (level, whole) in [(Level::Plain, &plain), (Level::best(), &best)] {
        let mut seen = 0;
        score.visit_rows(level, 2..5, |i, row| {
            assert_eq!(row, whole.1[0].row(i).to_vec(), "{level:?}");
            seen += 1;
        });
        bit_score.visit_rows(level, 2..5, |i, row| {
            assert_eq!(row, whole.1[1].row(i).to_vec(), "bits, {level:?}");
            seen += 1;
        });
        assert_eq!(seen, 6);
    }
}

#[test]
fn law_laws_agree_at_both_levels() {
    laws_agree::<f32>();
    laws_agree::<f64>();
}

/// A row that knows nothing of tokens.
struct OwnWay;

impl<F: Real> RowFn<F, 1> for OwnWay {
    fn row<A: Arithmetic<F>>(&self, _: A, _: usize, [x]: [&[F]; 1], out: &mut [F]) -> F {
        x.iter()
            .zip(out)
            .map(|(&x, out)| {
                *out = x.exp();
                *out
            })
            .sum()
    }
}

#[test]
fn law_a_row_of_plain_rust_is_the_same_at_both_levels() {
    let x = numbers::<f64>(9, 40, 5);
    let plain = fill_at(Level::Plain, 9, [x.view()], [40], &OwnWay).unwrap();
    assert_eq!(fill_at(Level::Fused, 9, [x.view()], [40], &OwnWay).unwrap(), plain);
    assert_eq!(plain.1[0], x.mapv(f64::exp));
}
