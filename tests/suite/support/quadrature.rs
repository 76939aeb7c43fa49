//! Integrals of functions that are smooth but for known corners.

/// The integral between the corners, each piece by the tanh-sinh rule (Takahasi and Mori 1974), whose
/// own error is far below rounding for functions that are analytic between the corners. Off by
/// [`rounding`] at the most.
pub fn integral(corners: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    let mut corners = corners.to_vec();
    corners.sort_by(f64::total_cmp);
    corners.windows(2).map(|piece| tanh_sinh(piece[0], piece[1], &f)).sum()
}

const STEP: f64 = 1.0 / 32.0;

fn tanh_sinh(from: f64, to: f64, f: &impl Fn(f64) -> f64) -> f64 {
    let half = 0.5 * (to - from);
    let node = |k: i32| {
        let t = STEP * f64::from(k);
        let u = std::f64::consts::FRAC_PI_2 * t.sinh();
        // From the nearer end: 1 - |tanh u| = 2 / (1 + e^2|u|).
        let near = 2.0 / (1.0 + (2.0 * u.abs()).exp());
        let x = if u < 0.0 { from + half * near } else { to - half * near };
        let weight = std::f64::consts::FRAC_PI_2 * t.cosh() / u.cosh().powi(2);
        if weight * half == 0.0 { 0.0 } else { weight * f(x) }
    };
    (-128..=128).map(node).sum::<f64>() * STEP * half
}

/// What [`integral`] may be off where the integral of |f| is `size`: the rounding of 257 additions
/// a piece, and a few of the integrand.
pub fn rounding(size: f64) -> f64 {
    270.0 * f64::EPSILON * size
}

#[test]
fn ref_integrals_with_closed_forms() {
    let exponential = integral(&[0.0, 60.0], |x| (-x).exp());
    assert!((exponential - 1.0).abs() <= rounding(1.0), "{exponential}");
    let corner = integral(&[1.0, -1.0, 0.25], |x: f64| (x - 0.25).abs());
    assert!((corner - 0.5 * (1.25_f64.powi(2) + 0.75_f64.powi(2))).abs() <= rounding(1.0), "{corner}");
    let root = integral(&[0.0, 1.0], f64::sqrt);
    assert!((root - 2.0 / 3.0).abs() <= rounding(1.0), "{root}");
}
