use super::gaussian::half_ln_tau;
use super::gumbel::{DiagGumbel, EULER};
use super::kl::Kl;
use super::scale::{root_of_scale, scaled};
use crate::Real;
use crate::arithmetic::Arithmetic;
use crate::rows::{Term, sum_term, weigh};
use crate::special::Special;

/// (ln Gamma(2 + x) - (1 - euler) x) / x^2 in t = x / (3 + x), for x from -1 to 1.
const BENT: [f64; 19] = [
    0.322_467_033_424_113_2,
    -0.202_056_903_159_594_54,
    -0.016_829_627_309_535_834,
    -0.031_012_229_233_547_73,
    -0.010_473_372_141_217_052,
    -0.010_920_919_804_660_71,
    -0.006_352_853_022_990_947,
    -0.005_547_641_612_243_322,
    -0.004_053_332_625_009_513,
    -0.003_417_772_296_131_876_3,
    -0.002_754_995_197_334_902,
    -0.002_341_362_448_212_066,
    -0.001_975_938_120_029_253,
    -0.001_707_181_096_807_372_3,
    -0.001_511_625_997_165_316_6,
    -0.001_388_581_609_531_214_2,
    -0.001_172_810_602_705_773_1,
    -0.000_711_395_689_113_187_5,
    -0.000_209_269_246_858_264_48,
];
/// (digamma(2 + x) - (1 - euler)) / x in the same.
const BENT_SLOPE: [f64; 19] = [
    0.644_934_066_848_226_4,
    -0.606_170_709_478_783_2,
    0.134_738_393_921_457_6,
    -0.121_401_891_549_157_66,
    0.030_196_454_850_265_9,
    -0.034_552_949_966_356_82,
    0.003_781_775_375_194_285,
    -0.011_811_664_335_346_073,
    -0.001_699_879_406_945_915_8,
    -0.005_168_557_447_281_375,
    -0.002_298_091_833_557_723,
    -0.002_891_357_923_159_254_6,
    -0.001_950_066_157_303_627_5,
    -0.001_917_932_854_451_937_8,
    -0.001_567_172_730_015_621_2,
    -0.001_498_965_946_613_961_8,
    -0.001_233_862_681_543_403_8,
    -0.000_756_703_513_860_687_5,
    -0.000_213_613_252_530_411_54,
];
/// r times what is left of Stirling's formula for ln Gamma(1 + r), in u = 1 / r, up to 1/2.
const STIRLING: [f64; 14] = [
    0.083_333_333_334_024_66,
    -7.074_261_238_681_434e-11,
    -0.002_777_774_816_436_841,
    -6.896_920_744_029_8e-08,
    0.000_794_666_689_746_449_1,
    -1.012_669_744_011_731_7e-05,
    -0.000_524_357_639_649_619_7,
    -0.000_353_649_710_077_513_16,
    0.002_089_519_633_587_338,
    -0.002_968_025_835_405_582_4,
    0.002_106_835_966_450_329,
    -0.000_561_768_995_199_724_7,
    -0.000_194_331_457_438_272_73,
    0.000_128_884_359_100_765_38,
];
/// -r^2 times its derivative, in the same.
const STIRLING_SLOPE: [f64; 15] = [
    0.083_333_333_334_946_69,
    -1.884_625_723_076_477e-10,
    -0.008_333_324_385_763_527,
    -2.350_690_053_485_752e-07,
    0.003_972_139_568_556_178,
    -4.320_798_977_135_151_6e-05,
    -0.003_832_062_095_076_177,
    -0.001_821_838_535_747_914_9,
    0.014_396_391_265_338_771,
    -0.015_950_660_160_135_917,
    -0.007_124_850_914_549_255,
    0.039_613_797_302_921_23,
    -0.049_300_453_631_968_42,
    0.029_809_813_783_813_508,
    -0.007_537_238_249_161_806_6,
];

/// ```text
/// KL = sum over j of (e^l - 1 - l) + ln Gamma(r) + euler (r - 1)
/// r = e^(s_q - s_p),   l = ln Gamma(1 + r) - (m_q - m_p) e^-s_p
/// ```
///
/// Both parts are of second order and never negative (the second is convex in r, with its least value
/// 0 at r = 1): laws near each other keep their digits. Where r and the distance of the locations, in
/// scales of p, both leave the numbers, the value is infinite, and gradients are infinite or 0.
impl<F: Real> Kl<F> for DiagGumbel<'_, F> {
    #[inline(always)]
    fn kl_row<A: Arithmetic<F>>(&self, a: A, t: usize, p: &Self, u: usize, d_q: &mut [F], d_p: &mut [F]) -> F {
        let (d_m_q, d_s_q) = d_q.split_at_mut(d_q.len() / 2);
        let (d_m_p, d_s_p) = d_p.split_at_mut(d_p.len() / 2);
        let inputs = [self.loc.row(t), self.log_scale.row(t), p.loc.row(u), p.log_scale.row(u)];
        sum_term::<true, _, 4, 4>(inputs, [d_m_q, d_s_q, d_m_p, d_s_p], &KlTerm(a))
    }
}

/// The KL of one coordinate, with its derivatives in all four.
struct KlTerm<A>(A);

impl<F: Real, A: Arithmetic<F>> Term<F, 4, 4> for KlTerm<A> {
    #[inline(always)]
    fn of(&self, [m_q, s_q, m_p, s_p]: [F; 4]) -> (F, [F; 4]) {
        let root = root_of_scale(self.0, F::of(-0.5) * s_p);
        let shift = within(scaled(m_q - m_p, root));
        let g = gammas(self.0, s_q - s_p);
        // e^l - 1 is what the location sees.
        let bend = self.0.exp_m1_mx(within(g.log) - shift);
        let (w, whole) = (bend.grad, F::one() + bend.grad);
        let d_m = scaled(-w, root);
        let d_s_q = if g.near { g.divergence_slope + weigh(g.slope, w) } else { g.rest + weigh(whole, g.slope) };
        let d_s_p = if g.near {
            w * (shift - g.slope) - g.divergence_slope
        } else {
            weigh(whole, shift - g.slope) - shift - g.rest
        };
        (bend.value + g.divergence, [d_m, d_s_q, -d_m, d_s_p])
    }
}

/// The nearest finite number; NaN of NaN.
#[inline(always)]
fn within<F: Real>(x: F) -> F {
    let most = F::max_value();
    let x = if x > most { most } else { x };
    if x < -most { -most } else { x }
}

/// What the divergence asks of the gamma function at r = e^d.
struct Gammas<F> {
    /// Whether r is 2 at the most.
    near: bool,
    /// ln Gamma(1 + r).
    log: F,
    /// r digamma(1 + r), its derivative in d.
    slope: F,
    /// ln Gamma(r) + euler (r - 1), never negative.
    divergence: F,
    /// Its derivative in d, r (digamma(r) + euler): where r is near.
    divergence_slope: F,
    /// What that exceeds `slope` by, euler r - 1: a difference of large numbers where r is not near.
    rest: F,
}

/// To r = 2 by a polynomial in t = x / (3 + x), with x = r - 1; from there by Stirling's formula.
#[inline(always)]
fn gammas<F: Real, A: Arithmetic<F>>(a: A, d: F) -> Gammas<F> {
    let (one, euler) = (F::one(), F::of(EULER));
    let spread = a.exp_m1_mx(d);
    let (x, r) = (spread.grad, a.exp(d));
    let near = x <= one;

    let t = x / (x + F::of(3.0));
    let bent = x * x * polynomial(a, t, BENT);
    let bent_slope = x * polynomial(a, t, BENT_SLOPE);
    let level = F::of(1.0 - EULER);

    let u = one / if near { F::of(2.0) } else { r };
    let stirling = u * polynomial(a, u, STIRLING);
    let stirling_slope = u * polynomial(a, u, STIRLING_SLOPE);
    // (r + 1/2) ln r - r + ln(2 pi) / 2, where no infinity meets another.
    let far = a.fma(r, d - one, a.fma(F::of(0.5), d, half_ln_tau())) + stirling;
    let far_slope = a.fma(r, d, F::of(0.5)) - stirling_slope;

    Gammas {
        near,
        log: if near { a.fma(level, x, bent) } else { far },
        slope: if near { r * (level + bent_slope) } else { far_slope },
        divergence: if near { spread.value + bent } else { far - d + euler * x },
        divergence_slope: a.fma(r, bent_slope, x),
        rest: a.fma(euler, r, -one),
    }
}

/// `c[0] + c[1] x + c[2] x^2 + ...` by Horner's scheme.
#[inline(always)]
fn polynomial<F: Real, A: Arithmetic<F>, const N: usize>(a: A, x: F, c: [f64; N]) -> F {
    let mut sum = F::of(c[N - 1]);
    for k in 1..N {
        sum = a.fma(sum, x, F::of(c[N - 1 - k]));
    }
    sum
}
