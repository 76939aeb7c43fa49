use super::{even_odd, fma, horner};

/// 1.5 * 2^52: added to a number below 2^51 in size, it rounds it to an integer, which then stands
/// in the last bits of the sum.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// ln 2 in two parts, the first with 41 bits: its product with any exponent is exact.
const LN_2: [f64; 2] = [0.693_147_180_560_117_7, -1.723_944_452_561_483_5e-13];
/// 2 pi in two parts.
const TAU: [f64; 2] = [std::f64::consts::TAU, 2.449_293_598_294_706_4e-16];
/// The bits of the root of one half: mantissas are taken from there to its double.
const ROOT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
const ONE: u64 = 0x3ff0_0000_0000_0000;
/// The exponent of 1 as it is stored.
const BIAS: u64 = 1023;

/// (e^r - 1 - r) / r^2 on half of ln 2 to both sides.
const EXP: [f64; 11] = [
    0.5,
    0.166_666_666_666_666_7,
    0.041_666_666_666_666_616,
    0.008_333_333_333_326_14,
    0.001_388_888_888_891_807,
    0.000_198_412_698_748_212_64,
    2.480_158_724_558_446e-05,
    2.755_725_538_670_414e-06,
    2.755_734_967_013_055e-07,
    2.510_522_673_133_115_6e-08,
    2.088_939_010_471_033e-09,
];
/// (2 artanh s - 2 s) / s^3 in s^2, for 1 + f = (1 + s) / (1 - s) from the root of one half to its double.
const LN: [f64; 7] = [
    0.666_666_666_666_673_4,
    0.399_999_999_994_146_76,
    0.285_714_287_423_878_67,
    0.222_221_985_731_545_1,
    0.181_835_643_278_657_62,
    0.153_140_505_041_161_06,
    0.147_959_502_040_335_62,
];
/// (2 artanh s - 2 s) / s^3 in s^2, to s = 1/3.
const LN_1P_UNIT: [f64; 10] = [
    0.666_666_666_666_663_1,
    0.400_000_000_001_572_43,
    0.285_714_285_478_538_2,
    0.222_222_239_697_403_1,
    0.181_817_439_244_692_24,
    0.153_865_599_348_234_88,
    0.133_009_734_131_064_98,
    0.121_060_877_236_863_5,
    0.083_400_947_918_800_79,
    0.170_185_881_132_475_35,
];
/// (sin 2 pi r - 2 pi r) / r^3 in r^2, to an eighth of a turn.
const SIN: [f64; 6] = [
    -41.341_702_240_399_68,
    81.605_249_275_968_23,
    -76.705_859_708_785,
    42.058_685_506_785_686,
    -15.093_829_324_143_604,
    3.781_366_432_913_776,
];
/// (cos 2 pi r - 1) / r^2 in r^2, to an eighth of a turn.
const COS: [f64; 7] = [
    -19.739_208_802_178_716,
    64.939_394_022_668_01,
    -85.456_817_206_540_05,
    60.244_641_331_611_604,
    -26.426_251_140_422_146,
    7.903_101_637_620_401,
    -1.697_020_072_460_907,
];

/// 2^e, for an exponent of a normal number.
#[inline(always)]
fn power_of_two(e: u64) -> f64 {
    f64::from_bits(e.wrapping_add(1023) << 52)
}

/// x = n ln 2 + r: n as bits, and r in two parts.
#[inline(always)]
fn reduce<const FUSED: bool>(x: f64) -> (u64, [f64; 2]) {
    let shifted = fma::<FUSED, _>(x, std::f64::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let e = shifted.to_bits().wrapping_sub(ROUND.to_bits());
    (e, [fma::<FUSED, _>(n, -LN_2[0], x), n * -LN_2[1]])
}

/// e^r for the remainder of [`reduce`].
#[inline(always)]
fn exp_rest<const FUSED: bool>([high, low]: [f64; 2]) -> f64 {
    let r = high + low;
    let square = r * r;
    let whole = 1.0 + high;
    let lost = (1.0 - whole) + high;
    whole + fma::<FUSED, _>(square, even_odd::<FUSED, _, _>(r, square, EXP), lost + low)
}

#[inline(always)]
pub(super) fn exp<const FUSED: bool>(x: f64) -> f64 {
    // e^-746 rounds to 0, e^710 to infinity.
    let x = if x < -746.0 { -746.0 } else { x };
    let x = if x > 710.0 { 710.0 } else { x };
    let (e, rest) = reduce::<FUSED>(x);
    // Two factors: one power of two would leave the exponents at both ends. A shift without sign.
    let half = e.wrapping_add(2048) >> 1;
    let scale = f64::from_bits(half.wrapping_sub(1) << 52);
    let other = f64::from_bits(e.wrapping_sub(half).wrapping_add(2047) << 52);
    exp_rest::<FUSED>(rest) * scale * other
}

/// 2^-128.
const DOWN: f64 = 2.938_735_877_055_719e-39;

/// [`exp`] of a number that is not above 0: no result is near the upper end, so one power of two will
/// do, and a last factor brings it down to where it may be subnormal.
#[inline(always)]
pub(super) fn exp_not_above_0<const FUSED: bool>(x: f64) -> f64 {
    let x = if x < -746.0 { -746.0 } else { x };
    let (e, rest) = reduce::<FUSED>(x);
    exp_rest::<FUSED>(rest) * f64::from_bits(e.wrapping_add(1023 + 128) << 52) * DOWN
}

/// Half of e^x - 1 as the sum of two parts, the second small: 2^(n-1) (1 + r + rest) - 1/2, halved
/// since 2^1024 is no number.
#[inline(always)]
fn half_exp_m1<const FUSED: bool>(x: f64) -> [f64; 2] {
    let (e, [high, low]) = reduce::<FUSED>(x);
    let r = high + low;
    let square = r * r;
    let rest = fma::<FUSED, _>(square, even_odd::<FUSED, _, _>(r, square, EXP), low);
    let half = power_of_two(e.wrapping_sub(1));
    let whole = half - 0.5;
    let most = fma::<FUSED, _>(high, half, whole);
    let lost = fma::<FUSED, _>(high, half, whole - most);
    [most, fma::<FUSED, _>(rest, half, lost)]
}

#[inline(always)]
pub(super) fn exp_m1<const FUSED: bool>(x: f64) -> f64 {
    exp_m1_and_mx::<FUSED>(x).0
}

/// e^x - 1 and e^x - 1 - x: where n = 0, the first part is x / 2 and goes.
#[inline(always)]
pub(super) fn exp_m1_and_mx<const FUSED: bool>(x: f64) -> (f64, f64) {
    // e^710 rounds to infinity, and e^-38 is below half of a last place of 1.
    let below = if x > 710.0 { 710.0 } else { x };
    let [most, rest] = half_exp_m1::<FUSED>(if below < -38.0 { -38.0 } else { below });
    let y = 2.0 * (most + rest);
    // Half of a subnormal number may be none.
    (if x.abs() < 1e-18 { x } else { y }, 2.0 * ((most - 0.5 * below) + rest))
}

#[inline(always)]
pub(super) fn tanh<const FUSED: bool>(x: f64) -> f64 {
    // Beyond 19.07 it rounds to 1.
    let size = x.abs();
    let size = if size > 20.0 { 20.0 } else { size };
    let [most, rest] = half_exp_m1::<FUSED>(size + size);
    // (e^2x - 1) / (e^2x + 1), above and below by its half.
    let half = most + rest;
    (half / (half + 1.0)).copysign(x)
}

/// The exponent and mantissa of a positive normal number: x = 2^(e - 1023) m, with m from the root of
/// one half to its double.
#[inline(always)]
fn split(x: f64) -> (u64, f64) {
    let bits = x.to_bits().wrapping_add(ONE - ROOT_HALF);
    (bits >> 52, f64::from_bits((bits & 0x000f_ffff_ffff_ffff).wrapping_add(ROOT_HALF)))
}

/// e - bias.
#[inline(always)]
fn number(e: u64, bias: u64) -> f64 {
    f64::from_bits(e.wrapping_sub(bias).wrapping_add(ROUND.to_bits())) - ROUND
}

/// ln(1 + w) = w - w^2/2 + s (w^2/2 + 2 s^2/3 + ...) with s = w / (2 + w): s, the series, w^2/2.
#[inline(always)]
fn artanh_series<const FUSED: bool>(w: f64) -> (f64, [f64; 2]) {
    let s = w / (2.0 + w);
    let z = s * s;
    let bend = 0.5 * w * w;
    (s, [fma::<FUSED, _>(z, horner::<FUSED, _, _>(z, LN), bend), bend])
}

/// y = (e - bias) ln 2 + ln(1 + f + low), and y - less.
#[inline(always)]
fn ln_of_parts<const FUSED: bool>(e: u64, bias: u64, [f, low]: [f64; 2], less: f64) -> (f64, f64) {
    let n = number(e, bias);
    let w = f + low;
    let head = n * LN_2[0];
    let whole = head + f;
    let lost = fma::<FUSED, _>(n, LN_2[1], (head - whole) + f + low);
    let (s, [series, bend]) = artanh_series::<FUSED>(w);
    let y = whole + (fma::<FUSED, _>(s, series, lost) - bend);
    (y, fma::<FUSED, _>(s, series, (whole - less) + lost) - bend)
}

/// The exponent of [`split`], as a number.
#[inline(always)]
pub(super) fn exponent(x: f64) -> f64 {
    number(split(x).0, BIAS)
}

/// The mantissa of [`split`], less 1.
#[inline(always)]
pub(super) fn beyond_power(x: f64) -> f64 {
    split(x).1 - 1.0
}

/// ln(1 + w) - w for what [`beyond_power`] gives.
#[inline(always)]
pub(super) fn ln_1p_rest(w: f64) -> f64 {
    let (s, [series, bend]) = artanh_series::<false>(w);
    s * series - bend
}

#[inline(always)]
pub(super) fn ln<const FUSED: bool>(x: f64) -> f64 {
    // A subnormal number by its 2^52-fold.
    let scale: f64 = if x < f64::MIN_POSITIVE { 4_503_599_627_370_496.0 } else { 1.0 };
    let (e, m) = split(x * scale);
    let (y, _) = ln_of_parts::<FUSED>(e, scale.to_bits() >> 52, [m - 1.0, 0.0], 0.0);
    at_the_ends(x, y, x)
}

/// y, a logarithm of x, where x is a positive number; the limits elsewhere.
#[inline(always)]
fn at_the_ends(x: f64, y: f64, at_infinity: f64) -> f64 {
    let outside = if x == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
    let y = if x > 0.0 { y } else { outside };
    if x < f64::INFINITY { y } else { at_infinity }
}

#[inline(always)]
pub(super) fn ln_1p<const FUSED: bool>(x: f64) -> f64 {
    ln_1p_and_mx::<FUSED>(x).0
}

/// ln(1 + x) and ln(1 + x) - x: where n = 0, all but the series is x, and goes.
#[inline(always)]
pub(super) fn ln_1p_and_mx<const FUSED: bool>(x: f64) -> (f64, f64) {
    let u = 1.0 + x;
    // What the sum lost; nothing where x is so large that 2^-e would not be a number.
    let lost = x - (u - 1.0);
    let (e, m) = split(u);
    let low = lost * f64::from_bits(2046_u64.wrapping_sub(e) << 52);
    let low = if x < 1e300 { low } else { 0.0 };
    let (y, less) = ln_of_parts::<FUSED>(e, BIAS, [m - 1.0, low], x);
    (at_the_ends(u, y.copysign(x), x), at_the_ends(u, less, -x))
}

#[inline(always)]
pub(super) fn ln_1p_unit<const FUSED: bool>(t: f64) -> f64 {
    let s = t / (2.0 + t);
    let z = s * s;
    let bend = 0.5 * t * t;
    let series = fma::<FUSED, _>(z, even_odd::<FUSED, _, _>(z, z * z, LN_1P_UNIT), bend);
    t + (s * series - bend)
}

#[inline(always)]
pub(super) fn sin_cos_quarter<const FUSED: bool>(r: f64) -> (f64, f64) {
    let square = r * r;
    let sin = horner::<FUSED, _, _>(square, SIN);
    let cos = horner::<FUSED, _, _>(square, COS);
    (fma::<FUSED, _>(r, TAU[0], r * fma::<FUSED, _>(square, sin, TAU[1])), fma::<FUSED, _>(square, cos, 1.0))
}

#[inline(always)]
pub(super) fn sin_cos_turns<const FUSED: bool>(t: f64) -> (f64, f64) {
    let size = t.abs();
    // From 2^52 on every number is whole.
    let whole =
        if size < 4_503_599_627_370_496.0 { (size + 4_503_599_627_370_496.0) - 4_503_599_627_370_496.0 } else { size };
    let fraction = size - whole;
    let shifted = fma::<FUSED, _>(fraction, 4.0, ROUND);
    let quarter = shifted.to_bits();
    let (sin, cos) = sin_cos_quarter::<FUSED>(fma::<FUSED, _>(shifted - ROUND, -0.25, fraction));
    let (sin, cos) = (sin.to_bits(), cos.to_bits());
    let swap = (sin ^ cos) & 0_u64.wrapping_sub(quarter & 1);
    let sin = (sin ^ swap) ^ ((quarter & 2) << 62);
    let cos = (cos ^ swap) ^ ((quarter.wrapping_add(1) & 2) << 62);
    // Zero is +0 for t > 0, whatever the quarter (IEEE 754: sinPi, cosPi).
    let sin = (f64::from_bits(sin) + 0.0).to_bits() ^ (t.to_bits() & 0x8000_0000_0000_0000);
    (f64::from_bits(sin), f64::from_bits(cos) + 0.0)
}
