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

#[test]
fn ref_distances_and_surprises_by_hand() {
    assert_eq!(kolmogorov(vec![0.75, 0.25], |x| x), 0.25);
    assert_eq!(kolmogorov(vec![0.9, 0.9], |x| x), 0.9);
    assert!((kolmogorov_limit(200, 0.05) - 0.096_0).abs() < 1e-4);
    assert_eq!(surprise(5, 10, 0.5), 0.0);
    assert!((surprise(10, 10, 0.5) - 10.0 * 2.0_f64.ln()).abs() < 1e-14);
}
