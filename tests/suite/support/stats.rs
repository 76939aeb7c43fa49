//! Tests of samplers whose rate of false alarms is a theorem, for every number of samples.

/// sup over x of |empirical distribution - cdf|.
pub fn kolmogorov(mut samples: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    let n = samples.len() as f64;
    let gap = |(i, &x): (usize, &f64)| {
        let (below, above, p) = (i as f64 / n, (i + 1) as f64 / n, cdf(x));
        (p - below).abs().max((above - p).abs())
    };
    samples.iter().enumerate().map(gap).fold(0.0, f64::max)
}

/// What [`kolmogorov`] exceeds with a probability of at most `alarm` if the samples are right:
/// P(D > t) <= 2 e^(-2 n t^2) (Massart 1990). A law that is wrong by twice this is missed as rarely.
pub fn kolmogorov_limit(n: usize, alarm: f64) -> f64 {
    ((2.0 / alarm).ln() / (2.0 * n as f64)).sqrt()
}

/// n KL(hits / n || p), in nats: how surprising `hits` of `n` are at probability `p`.
///
/// It exceeds ln(2 / alarm) with a probability of at most `alarm` (Chernoff's bound, both tails).
pub fn surprise(hits: usize, n: usize, p: f64) -> f64 {
    let term = |count: f64, p: f64| if count == 0.0 { 0.0 } else { count * (count / (n as f64 * p)).ln() };
    term(hits as f64, p) + term((n - hits) as f64, 1.0 - p)
}
