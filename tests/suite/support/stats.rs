//! Tests of randomness, with bounds that hold at every sample size.

/// The largest distance of the sample's distribution function from `cdf`.
pub fn kolmogorov(mut sample: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    sample.sort_by(f64::total_cmp);
    let n = sample.len() as f64;
    sample.iter().enumerate().fold(0.0, |distance: f64, (i, &x)| {
        let (f, i) = (cdf(x), i as f64);
        distance.max(f - i / n).max((i + 1.0) / n - f)
    })
}

/// The distance that `n` draws of the law exceed with probability `alarm` at the most.
///
/// Source: Massart 1990, the inequality of Dvoretzky, Kiefer and Wolfowitz.
pub fn kolmogorov_limit(n: usize, alarm: f64) -> f64 {
    ((2.0 / alarm).ln() / (2.0 * n as f64)).sqrt()
}

/// n KL(hits / n || p): the count of `n` trials of probability `p` exceeds ln(2 / alarm) with
/// probability `alarm` at the most (Chernoff).
pub fn surprise(hits: usize, n: usize, p: f64) -> f64 {
    let (n, hits) = (n as f64, hits as f64);
    let term = |count: f64, expected: f64| if count == 0.0 { 0.0 } else { count * (count / expected).ln() };
    term(hits, n * p) + term(n - hits, n * (1.0 - p))
}

/// The chance, at the most, of a count as far from n p as this one, by [`surprise`].
pub fn chance_of_count(hits: usize, n: usize, p: f64) -> f64 {
    2.0 * (-surprise(hits, n, p)).exp()
}

/// The chance, at the most, that the mean of `n` normal numbers is `off` standard deviations from
/// theirs, or more (Chernoff).
pub fn chance_of_normal_mean(off: f64, n: usize) -> f64 {
    2.0 * (-0.5 * n as f64 * off * off).exp()
}

/// The chance, at the most, that the mean of the squares of `n` standard normal numbers is as far
/// from 1 as `mean` (Chernoff).
pub fn chance_of_normal_square(mean: f64, n: usize) -> f64 {
    2.0 * (-0.5 * n as f64 * (mean - 1.0 - mean.ln())).exp()
}

/// The chance, at the most, that the mean of `n` sums of independent terms is `off` from theirs;
/// `squares` is the sum of the squared ranges of the terms (Hoeffding 1963).
pub fn chance_of_bounded_mean(off: f64, n: usize, squares: f64) -> f64 {
    2.0 * (-2.0 * n as f64 * off * off / squares).exp()
}

/// The chance, at the most, that the mean of `n` terms is `off` 0: each has mean 0 whatever came
/// before it, they have the `variance` on average, and none is larger than `bound` (Freedman 1975).
pub fn chance_of_mean(off: f64, n: usize, variance: f64, bound: f64) -> f64 {
    2.0 * (-0.5 * n as f64 * off * off / (variance + off.abs() * bound / 3.0)).exp()
}

#[test]
fn ref_distances_and_surprises_by_hand() {
    assert_eq!(kolmogorov(vec![0.75, 0.25], |x| x), 0.25);
    assert_eq!(kolmogorov(vec![0.9, 0.9], |x| x), 0.9);
    assert!((kolmogorov_limit(200, 0.05) - 0.096_0).abs() < 1e-4);
    assert_eq!(surprise(5, 10, 0.5), 0.0);
    assert!((surprise(10, 10, 0.5) - 10.0 * 2.0_f64.ln()).abs() < 1e-14);
    // Bounds on chances, which are 1 where nothing is off, from closed forms: ten heads of ten; 3
    // standard errors (0.0027); a square of 9 (0.0027 above); bounds are larger, by 10 at the most.
    assert_eq!(chance_of_count(5, 10, 0.5), 2.0);
    assert!((chance_of_count(10, 10, 0.5) - 2.0_f64.powi(-9)).abs() < 1e-16);
    for bound in [chance_of_normal_mean(0.3, 100), chance_of_normal_square(9.0, 1)] {
        assert!((0.002_7..0.121).contains(&bound), "{bound}");
    }
    // A fair coin of 10 tosses: the mean is 1/2 off with chance 2^-9, which Hoeffding puts at 2 e^-5.
    assert!((chance_of_bounded_mean(0.5, 10, 1.0) - 2.0 * (-5.0_f64).exp()).abs() < 1e-16);
    // A fair coin again, of sides 1/2 and -1/2: 2 exp(-5/4 / (1/4 + 1/12)) = 2 e^-3.75.
    assert!((chance_of_mean(-0.5, 10, 0.25, 0.5) - 2.0 * (-3.75_f64).exp()).abs() < 1e-15);
}
