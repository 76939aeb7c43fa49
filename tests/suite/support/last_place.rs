//! Errors in units of the last place: the distance of the numbers of a precision next to the exact
//! result, which is that of the least of all numbers where the result is subnormal or less.

use estimand::Real;

/// The unit of the last place of `x` in the precision `F`.
pub fn unit<F: Real>(x: f64) -> f64 {
    let (least, most) = (F::min_positive_value().as_f64(), F::max_value().as_f64());
    // The power of two below, by its bits.
    let below = f64::from_bits(x.abs().clamp(least, most).to_bits() & !((1 << 52) - 1));
    below * F::epsilon().as_f64()
}

/// |got - (near + rest)| in last places. An infinite result is right where the exact one is beyond
/// the largest number by half a last place, and counts as the number after the largest.
pub fn last_places<F: Real>(got: F, [near, rest]: [f64; 2]) -> f64 {
    if got.is_nan() || near.is_nan() {
        return if got.is_nan() && near.is_nan() { 0.0 } else { f64::INFINITY };
    }
    let most = F::max_value().as_f64();
    let beyond = near.abs() > most;
    match (got.is_infinite(), beyond) {
        (true, true) if (got < F::zero()) == (near < 0.0) => 0.0,
        (true, false) if (got < F::zero()) == (near < 0.0) => (most - near.abs()) / unit::<F>(most) + 1.0,
        (true, _) => f64::INFINITY,
        (false, _) => ((got.as_f64() - near) - rest).abs() / unit::<F>(near),
    }
}

#[test]
fn ref_last_places_of_a_few_numbers() {
    let e = f64::EPSILON;
    assert_eq!(last_places(1.0 + e, [1.0, 0.0]), 1.0);
    assert_eq!(last_places(1.0 - e, [1.0, 0.0]), 1.0);
    assert_eq!(last_places(2.0, [2.0 - e, -e / 4.0]), 1.25);
    assert_eq!(last_places(0.0, [5e-324, 0.0]), 1.0);
    assert_eq!(last_places(1.0_f32, [1.0 + f64::from(f32::EPSILON) / 2.0, 0.0]), 0.5);
    assert_eq!(last_places(f32::INFINITY, [1e39, 0.0]), 0.0);
    assert_eq!(last_places(f32::INFINITY, [f64::from(f32::MAX), 0.0]), 1.0);
    assert_eq!(last_places(f64::NEG_INFINITY, [f64::NEG_INFINITY, 0.0]), 0.0);
    assert_eq!(last_places(f64::INFINITY, [f64::NEG_INFINITY, 0.0]), f64::INFINITY);
    assert_eq!(last_places(f64::NAN, [1.0, 0.0]), f64::INFINITY);
}
