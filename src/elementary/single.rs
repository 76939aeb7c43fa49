use super::{even_odd, fma, horner};

/// 1.5 * 2^23: added to a number below 2^22 in size, it rounds it to an integer, which then stands
/// in the last bits of the sum.
const ROUND: f32 = 12_582_912.0;
/// ln 2 in two parts, the first with 16 bits: its product with any exponent is exact.
const LN_2: [f32; 2] = [0.693_145_75, 1.428_606_8e-6];
/// 2 pi in two parts.
const TAU: [f32; 2] = [std::f32::consts::TAU, -1.748_455_5e-7];
/// The bits of the root of one half: mantissas are taken from there to its double.
const ROOT_HALF: u32 = 0x3f35_04f3;
const ONE: u32 = 0x3f80_0000;
/// The exponent of 1 as it is stored.
const BIAS: u32 = 127;

/// (e^r - 1 - r) / r^2 on half of ln 2 to both sides.
const EXP: [f32; 5] = [0.499_999_97, 0.166_665_43, 0.041_667_2, 0.008_366_547_5, 0.001_388_251_4];
/// The same, of an error relative to itself: for e^r - 1 - r.
const EXP_M1: [f32; 6] = [0.5, 0.166_666_67, 0.041_666_467, 0.008_333_361, 0.001_393_364_3, 0.000_198_578_16];
/// (ln(1 + f) - f) / f^2 from the root of one half to its double.
const LN: [f32; 9] = [
    -0.499_999_88,
    0.333_333_25,
    -0.250_015_83,
    0.200_019_73,
    -0.166_090_83,
    0.141_818_26,
    -0.132_429_88,
    0.129_044_35,
    -0.076_217_815,
];
/// The same to a quarter of a last place of ln(1 + f).
const LN_QUICK: [f32; 8] =
    [-0.499_999_9, 0.333_339_5, -0.250_017_9, 0.199_620_66, -0.165_698_22, 0.149_173_7, -0.143_115_7, 0.087_411_44];
/// The same, of an error relative to itself: for ln(1 + x) - x.
const LN_1P: [f32; 10] = [
    -0.5,
    0.333_333_22,
    -0.25,
    0.200_014_53,
    -0.166_681_17,
    0.142_326_19,
    -0.124_107_33,
    0.117_998_526,
    -0.116_129_87,
    0.068_643_3,
];
/// (ln(1 + t) - t) / t^2 on [0, 1].
const LN_1P_UNIT: [f32; 11] = [
    -0.5,
    0.333_332_8,
    -0.249_982_77,
    0.199_773_19,
    -0.165_044_59,
    0.135_665_97,
    -0.103_712_47,
    0.066_827_156,
    -0.032_185_245,
    0.009_897_38,
    -0.001_424_241_1,
];
/// (sin 2 pi r - 2 pi r) / r^3 in r^2, to an eighth of a turn.
const SIN: [f32; 3] = [-41.341_675, 81.593_94, -75.453_4];
/// (cos 2 pi r - 1) / r^2 in r^2, to an eighth of a turn.
const COS: [f32; 4] = [-19.739_208, 64.939_32, -85.443_74, 59.245_964];

/// 2^e, for an exponent of a normal number.
#[inline(always)]
fn power_of_two(e: u32) -> f32 {
    f32::from_bits(e.wrapping_add(127) << 23)
}

/// x = n ln 2 + r: n as bits, and r in two parts.
#[inline(always)]
fn reduce<const FUSED: bool>(x: f32) -> (u32, [f32; 2]) {
    let shifted = fma::<FUSED, _>(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let e = shifted.to_bits().wrapping_sub(ROUND.to_bits());
    (e, [fma::<FUSED, _>(n, -LN_2[0], x), n * -LN_2[1]])
}

/// e^r for the remainder of [`reduce`].
#[inline(always)]
fn exp_rest<const FUSED: bool>([high, low]: [f32; 2]) -> f32 {
    let r = high + low;
    let whole = 1.0 + high;
    let lost = (1.0 - whole) + high;
    whole + fma::<FUSED, _>(r * r, horner::<FUSED, _, _>(r, EXP), lost + low)
}

#[inline(always)]
pub(super) fn exp<const FUSED: bool>(x: f32) -> f32 {
    // e^-104 rounds to 0, e^89 to infinity.
    let x = if x < -104.0 { -104.0 } else { x };
    let x = if x > 89.0 { 89.0 } else { x };
    let (e, rest) = reduce::<FUSED>(x);
    // Two factors: one power of two would leave the exponents at both ends. A shift without sign.
    let half = e.wrapping_add(256) >> 1;
    let scale = f32::from_bits(half.wrapping_sub(1) << 23);
    let other = f32::from_bits(e.wrapping_sub(half).wrapping_add(255) << 23);
    exp_rest::<FUSED>(rest) * scale * other
}

/// 2^-64.
const DOWN: f32 = 5.421_011e-20;

/// [`exp`] of a number that is not above 0: no result is near the upper end, so one power of two will
/// do, and a last factor brings it down to where it may be subnormal. Its remainder is one number, whose rounding
/// is an eighth of a last place.
#[inline(always)]
pub(super) fn exp_not_above_0<const FUSED: bool>(x: f32) -> f32 {
    let x = if x < -104.0 { -104.0 } else { x };
    let shifted = fma::<FUSED, _>(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fma::<FUSED, _>(n, -LN_2[1], fma::<FUSED, _>(n, -LN_2[0], x));
    let y = 1.0 + fma::<FUSED, _>(r * r, horner::<FUSED, _, _>(r, EXP), r);
    y * f32::from_bits(shifted.to_bits().wrapping_add(127 + 64) << 23) * DOWN
}

/// Half of e^x - 1 as the sum of two parts, the second small: 2^(n-1) (1 + r + rest) - 1/2, halved
/// since 2^128 is no number.
#[inline(always)]
fn half_exp_m1<const FUSED: bool>(x: f32) -> [f32; 2] {
    let (e, [high, low]) = reduce::<FUSED>(x);
    let r = high + low;
    let rest = fma::<FUSED, _>(r * r, horner::<FUSED, _, _>(r, EXP_M1), low);
    let half = power_of_two(e.wrapping_sub(1));
    let whole = half - 0.5;
    let most = fma::<FUSED, _>(high, half, whole);
    let lost = fma::<FUSED, _>(high, half, whole - most);
    [most, fma::<FUSED, _>(rest, half, lost)]
}

#[inline(always)]
pub(super) fn exp_m1<const FUSED: bool>(x: f32) -> f32 {
    exp_m1_and_mx::<FUSED>(x).0
}

/// e^x - 1 and e^x - 1 - x: where n = 0, the first part is x / 2 and goes.
#[inline(always)]
pub(super) fn exp_m1_and_mx<const FUSED: bool>(x: f32) -> (f32, f32) {
    // e^89 rounds to infinity, and e^-18 is below half of a last place of 1.
    let below = if x > 89.0 { 89.0 } else { x };
    let [most, rest] = half_exp_m1::<FUSED>(if below < -18.0 { -18.0 } else { below });
    let y = 2.0 * (most + rest);
    // Half of a subnormal number may be none.
    (if x.abs() < 1e-8 { x } else { y }, 2.0 * ((most - 0.5 * below) + rest))
}

#[inline(always)]
pub(super) fn tanh<const FUSED: bool>(x: f32) -> f32 {
    // Beyond 9.02 it rounds to 1.
    let size = x.abs();
    let size = if size > 10.0 { 10.0 } else { size };
    let [most, rest] = half_exp_m1::<FUSED>(size + size);
    // (e^2x - 1) / (e^2x + 1), above and below by its half.
    let half = most + rest;
    (half / (half + 1.0)).copysign(x)
}

/// The exponent and mantissa of a positive normal number: x = 2^(e - 127) m, with m from the root of
/// one half to its double.
#[inline(always)]
fn split(x: f32) -> (u32, f32) {
    let bits = x.to_bits().wrapping_add(ONE - ROOT_HALF);
    (bits >> 23, f32::from_bits((bits & 0x007f_ffff).wrapping_add(ROOT_HALF)))
}

/// e - bias.
#[inline(always)]
fn number(e: u32, bias: u32) -> f32 {
    f32::from_bits(e.wrapping_sub(bias).wrapping_add(ROUND.to_bits())) - ROUND
}

/// y = (e - bias) ln 2 + ln(1 + f + low), and y - less; `series` is (ln(1 + w) - w) / w^2 of w = f + low.
#[inline(always)]
fn ln_of_parts<const FUSED: bool>(
    [e, bias]: [u32; 2],
    [f, low]: [f32; 2],
    less: f32,
    series: impl Fn(f32) -> f32,
) -> (f32, f32) {
    let n = number(e, bias);
    let w = f + low;
    let head = n * LN_2[0];
    let whole = head + f;
    let lost = fma::<FUSED, _>(n, LN_2[1], (head - whole) + f + low);
    let (square, bend) = (w * w, series(w));
    (whole + fma::<FUSED, _>(square, bend, lost), fma::<FUSED, _>(square, bend, (whole - less) + lost))
}

/// The exponent of [`split`], less the bias, as a number; a conversion takes a step less than [`number`].
#[inline(always)]
pub(super) fn exponent(x: f32) -> f32 {
    (x.to_bits().wrapping_sub(ROOT_HALF).cast_signed() >> 23) as f32
}

/// The mantissa of [`split`], less 1.
#[inline(always)]
pub(super) fn beyond_power(x: f32) -> f32 {
    let powers = x.to_bits().wrapping_sub(ROOT_HALF) & 0xff80_0000;
    f32::from_bits(x.to_bits().wrapping_sub(powers)) - 1.0
}

/// ln(1 + w) - w for what [`beyond_power`] gives. Even and odd terms of the series apart: two chains that do not wait for each
/// other.
#[inline(always)]
pub(super) fn ln_1p_rest(w: f32) -> f32 {
    let square = w * w;
    square * even_odd::<false, _, _>(w, square, LN_QUICK)
}

#[inline(always)]
pub(super) fn ln<const FUSED: bool>(x: f32) -> f32 {
    // A subnormal number by its 2^23-fold.
    let scale: f32 = if x < f32::MIN_POSITIVE { 8_388_608.0 } else { 1.0 };
    let (e, m) = split(x * scale);
    let (y, _) =
        ln_of_parts::<FUSED>([e, scale.to_bits() >> 23], [m - 1.0, 0.0], 0.0, |w| horner::<FUSED, _, _>(w, LN));
    at_the_ends(x, y, x)
}

/// y, a logarithm of x, where x is a positive number; the limits elsewhere.
#[inline(always)]
fn at_the_ends(x: f32, y: f32, at_infinity: f32) -> f32 {
    let outside = if x == 0.0 { f32::NEG_INFINITY } else { f32::NAN };
    let y = if x > 0.0 { y } else { outside };
    if x < f32::INFINITY { y } else { at_infinity }
}

#[inline(always)]
pub(super) fn ln_1p<const FUSED: bool>(x: f32) -> f32 {
    ln_1p_and_mx::<FUSED>(x).0
}

/// ln(1 + x) and ln(1 + x) - x: where n = 0, all but the series is x, and goes.
#[inline(always)]
pub(super) fn ln_1p_and_mx<const FUSED: bool>(x: f32) -> (f32, f32) {
    let u = 1.0 + x;
    // What the sum lost; nothing where x is so large that 2^-e would not be a number.
    let lost = x - (u - 1.0);
    let (e, m) = split(u);
    let low = lost * f32::from_bits(254_u32.wrapping_sub(e) << 23);
    let low = if x < 1e30 { low } else { 0.0 };
    let (y, less) = ln_of_parts::<FUSED>([e, BIAS], [m - 1.0, low], x, |w| horner::<FUSED, _, _>(w, LN_1P));
    (at_the_ends(u, y.copysign(x), x), at_the_ends(u, less, -x))
}

#[inline(always)]
pub(super) fn ln_1p_unit<const FUSED: bool>(t: f32) -> f32 {
    fma::<FUSED, _>(t * t, horner::<FUSED, _, _>(t, LN_1P_UNIT), t)
}

#[inline(always)]
pub(super) fn sin_cos_quarter<const FUSED: bool>(r: f32) -> (f32, f32) {
    let square = r * r;
    let sin = horner::<FUSED, _, _>(square, SIN);
    let cos = horner::<FUSED, _, _>(square, COS);
    (fma::<FUSED, _>(r, TAU[0], r * fma::<FUSED, _>(square, sin, TAU[1])), fma::<FUSED, _>(square, cos, 1.0))
}

#[inline(always)]
pub(super) fn sin_cos_turns<const FUSED: bool>(t: f32) -> (f32, f32) {
    let size = t.abs();
    // From 2^23 on every number is whole.
    let whole = if size < 8_388_608.0 { (size + 8_388_608.0) - 8_388_608.0 } else { size };
    let fraction = size - whole;
    let shifted = fma::<FUSED, _>(fraction, 4.0, ROUND);
    let quarter = shifted.to_bits();
    let (sin, cos) = sin_cos_quarter::<FUSED>(fma::<FUSED, _>(shifted - ROUND, -0.25, fraction));
    let (sin, cos) = (sin.to_bits(), cos.to_bits());
    let swap = (sin ^ cos) & 0_u32.wrapping_sub(quarter & 1);
    let sin = (sin ^ swap) ^ ((quarter & 2) << 30);
    let cos = (cos ^ swap) ^ ((quarter.wrapping_add(1) & 2) << 30);
    // Zero is +0 for t > 0, whatever the quarter (IEEE 754: sinPi, cosPi).
    let sin = (f32::from_bits(sin) + 0.0).to_bits() ^ (t.to_bits() & 0x8000_0000);
    (f32::from_bits(sin), f32::from_bits(cos) + 0.0)
}
