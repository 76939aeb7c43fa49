//! Bounds of a model whose evidence is an integral in one dimension: five items of a law school admission test, answered by
//! 1000 examinees (Bock and Lieberman 1970), and an ability z ~ N(0, 1); item j is right with the logit a_j z + b_j.
//!
//! Numbers are those of `tests/data/make_lsat.py`, which fits the model from the same start, with quadratures of its own.

use approx::assert_abs_diff_eq;
use estimand::ndarray::{Array1, Array2, ArrayView1, Axis, array, concatenate, s};
use estimand::objective::{cubo, importance_weighted, renyi};
use estimand::{Bernoulli, DiagGaussian, Distribution, Reparameterize, Rows, Sample, Transform, ValueGrad};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::reference;

const SLOPES: [f64; 5] = [0.825659522119, 0.722744197221, 0.890874534316, 0.688367972022, 0.656855939274];
const INTERCEPTS: [f64; 5] = [2.773234398045, 0.990201197839, 0.249147523688, 1.284756925259, 2.053270444374];
const EVIDENCE: f64 = -2466.6533773981;

/// Patterns as rows of 0 and 1, and how many examinees have each.
fn answers() -> (Array2<f64>, Array1<f64>) {
    let table = reference::table("lsat6_patterns.csv");
    let rows: Vec<[f64; 6]> = table.iter().map(|row| row.numbers(0)).collect();
    let x = Array2::from_shape_fn((rows.len(), 5), |(i, j)| rows[i][j]);
    (x, rows.iter().map(|row| row[5]).collect())
}

/// The Gauss-Hermite rule for N(0, 1): zeros of the orthonormal polynomial by bisection, and weights that are one over the sum of
/// the squares of those below.
fn hermite(order: usize) -> Vec<(f64, f64)> {
    let all = |x: f64| {
        let mut p = vec![1.0, x];
        for k in 1..order {
            let k = k as f64;
            p.push((x * p[k as usize] - k.sqrt() * p[k as usize - 1]) / (k + 1.0).sqrt());
        }
        p
    };
    let sign = |x: f64| all(x)[order].signum();
    // Zeros are at least pi / sqrt(4 n + 2) apart.
    let step = 1.0 / order as f64;
    let end = (2.0 * (order as f64).sqrt() / step) as i32;
    let mut rule = Vec::new();
    for k in -end..end {
        let (mut low, mut high) = (step * (f64::from(k) + 0.31), step * (f64::from(k) + 1.31));
        if sign(low) == sign(high) {
            continue;
        }
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            if sign(middle) == sign(low) { low = middle } else { high = middle }
        }
        let squares: f64 = all(low)[..order].iter().map(|p| p * p).sum();
        rule.push((low, squares.recip()));
    }
    assert_eq!(rule.len(), order);
    rule
}

/// ln p(x given z) as its definition.
fn log_likelihood(x: ArrayView1<'_, f64>, z: f64) -> f64 {
    let term = |j: usize| {
        let logit = SLOPES[j] * z + INTERCEPTS[j];
        x[j] * logit - logit.exp().ln_1p()
    };
    (0..x.len()).map(term).sum()
}

/// The integral over z, by a rule for N(0, 1).
fn evidence(x: ArrayView1<'_, f64>, rule: &[(f64, f64)]) -> f64 {
    rule.iter().map(|&(z, w)| w * log_likelihood(x, z).exp()).sum::<f64>().ln()
}

/// The crate's log-likelihood of all examinees with its gradient in `a | b`: Bernoulli rows at points of z, and the bound of as
/// many samples as there are points.
fn likelihood(
    theta: &Array1<f64>,
    x: &Array2<f64>,
    counts: &Array1<f64>,
    rule: &[(f64, f64)],
) -> ValueGrad<f64, Array1<f64>> {
    let k = rule.len();
    let n = x.nrows() * k;
    let z = Array1::from_shape_fn(n, |i| rule[i % k].0);
    let logits = Array2::from_shape_fn((n, 5), |(i, j)| theta[j] * z[i] + theta[5 + j]);
    let rec = Bernoulli::new(&logits).unwrap().log_prob_grad(&repeated(x, k)).unwrap();
    let log_w = Array1::from_shape_fn(n, |i| rec.value[i] + (k as f64 * rule[i % k].1).ln());
    let bound = importance_weighted(&log_w, k).unwrap();
    let weights = Array1::from_shape_fn(n, |i| bound.grad[i] * counts[i / k]);
    let d_logits = rec.grad.weighted_rows(&weights).unwrap().into_flat();
    let grad = concatenate![Axis(0), z.dot(&d_logits), d_logits.sum_axis(Axis(0))];
    ValueGrad { value: bound.value.dot(counts), grad }
}

fn repeated(x: &Array2<f64>, k: usize) -> Array2<f64> {
    Array2::from_shape_fn((x.nrows() * k, x.ncols()), |(i, j)| x[[i / k, j]])
}

/// a = 1, and b as if there were no ability.
fn start(x: &Array2<f64>, counts: &Array1<f64>) -> Array1<f64> {
    let means = counts.dot(x) / counts.sum();
    concatenate![Axis(0), Array1::ones(5), means.mapv(|p| (p / (1.0 - p)).ln())]
}

/// A top by Newton's method on the gradient alone, whose differences are the curvature. Value and gradient are those there.
fn top(
    mut x: Array1<f64>,
    f: impl Fn(&Array1<f64>) -> ValueGrad<f64, Array1<f64>>,
) -> (Array1<f64>, ValueGrad<f64, Array1<f64>>) {
    const STEP: f64 = 1e-4;
    let n = x.len();
    for _ in 0..20 {
        let at = f(&x);
        if at.grad.iter().all(|g| g.abs() < 1e-9) {
            return (x, at);
        }
        // Rows of the curvature, and the gradient beside them.
        let mut rows = Array2::zeros((n, n + 1));
        for j in 0..n {
            let moved = |by: f64| {
                let mut x = x.clone();
                x[j] += by;
                f(&x).grad
            };
            rows.column_mut(j).assign(&((moved(-STEP) - moved(STEP)) / (2.0 * STEP)));
        }
        rows.column_mut(n).assign(&at.grad);
        // Curvatures about a top are positive definite, and need no pivots.
        for i in 0..n {
            let scaled = &rows.row(i) / rows[[i, i]];
            for r in (0..n).filter(|r| *r != i) {
                let share = rows[[r, i]];
                rows.row_mut(r).scaled_add(-share, &scaled);
            }
            rows.row_mut(i).assign(&scaled);
        }
        x += &rows.column(n);
    }
    panic!("no top was found: {x}");
}

#[test]
fn ref_lsat_the_maximum_of_the_likelihood() {
    let (x, counts) = answers();
    assert_eq!((x.nrows(), counts.sum()), (30, 1000.0));
    let rule = hermite(61);
    let (found, at) = top(start(&x, &counts), |theta| likelihood(theta, &x, &counts, &rule));
    // The curvature is 20 and more in every direction, and the gradient within 1e-9.
    for (j, (a, b)) in SLOPES.into_iter().zip(INTERCEPTS).enumerate() {
        assert_abs_diff_eq!(found[j], a, epsilon = 1e-9);
        assert_abs_diff_eq!(found[5 + j], b, epsilon = 1e-9);
    }
    assert_abs_diff_eq!(at.value, EVIDENCE, epsilon = 1e-9);
    // The gradient at the published maximum: twelve decimals, times curvatures of up to 200.
    let published = concatenate![Axis(0), array![SLOPES].row(0), array![INTERCEPTS].row(0)];
    let at = likelihood(&published, &x, &counts, &rule);
    assert!(at.grad.iter().all(|g| g.abs() < 1e-9), "{}", at.grad);
    assert_abs_diff_eq!(at.value, EVIDENCE, epsilon = 1e-9);
}

#[test]
fn ref_lsat_one_slope_and_none() {
    let (x, counts) = answers();
    let rule = hermite(61);
    let six = start(&x, &counts).slice(s![4..]).to_owned();
    let (found, at) = top(six, |six| {
        let theta = concatenate![Axis(0), Array1::from_elem(5, six[0]), six.slice(s![1..])];
        let at = likelihood(&theta, &x, &counts, &rule);
        let grad = concatenate![Axis(0), array![at.grad.slice(s![..5]).sum()], at.grad.slice(s![5..])];
        ValueGrad { value: at.value, grad }
    });
    assert_abs_diff_eq!(found[0], 0.7551, epsilon = 5e-5);
    assert_abs_diff_eq!(at.value, -2466.9375995786, epsilon = 1e-9);
    // Without an ability: each pattern by itself.
    let logits = start(&x, &counts).slice(s![5..]).insert_axis(Axis(0)).to_owned();
    let q = Bernoulli::new(&logits).unwrap().repeat_rows(x.nrows());
    assert_abs_diff_eq!(q.log_prob(&x).unwrap().dot(&counts), -2493.4366971471, epsilon = 1e-9);
    // And as the model with slopes of 0.
    let none = concatenate![Axis(0), Array1::zeros(5), logits.row(0)];
    assert_abs_diff_eq!(likelihood(&none, &x, &counts, &rule).value, -2493.4366971471, epsilon = 1e-9);
}

/// Two rules of quadrature, and the crate's sum by its own points.
#[test]
fn ref_lsat_the_evidence_by_two_rules() {
    let (x, counts) = answers();
    let own = |rule: &[(f64, f64)]| x.rows().into_iter().zip(&counts).map(|(x, n)| n * evidence(x, rule)).sum::<f64>();
    let nodes = estimand::check::Nodes::normal(0.25).unwrap();
    let trapezium: Vec<(f64, f64)> = nodes.points().iter().copied().zip(nodes.weights().iter().copied()).collect();
    assert_abs_diff_eq!(own(&hermite(61)), EVIDENCE, epsilon = 1e-9);
    assert_abs_diff_eq!(own(&trapezium), EVIDENCE, epsilon = 1e-9);
    let theta = concatenate![Axis(0), array![SLOPES].row(0), array![INTERCEPTS].row(0)];
    assert_abs_diff_eq!(likelihood(&theta, &x, &counts, &trapezium).value, EVIDENCE, epsilon = 1e-9);
}

/// The ELBO of one pattern at q, `loc | log_scale`, by the crate: the path through exact points of the noise, less the closed KL.
fn elbo(x: &Array2<f64>, head: &Array1<f64>, rule: &[(f64, f64)]) -> ValueGrad<f64, Array1<f64>> {
    let k = rule.len();
    let head = head.view().insert_axis(Axis(0)).to_owned();
    let q = DiagGaussian::from_head(&head).unwrap().repeat_rows(k);
    let draw = q.transform(Array2::from_shape_fn((k, 1), |(i, _)| rule[i].0)).unwrap();
    let weights: Array1<f64> = rule.iter().map(|(_, w)| *w).collect();
    let logits = Array2::from_shape_fn((k, 5), |(i, j)| SLOPES[j] * draw.x()[[i, 0]] + INTERCEPTS[j]);
    let rec = Bernoulli::new(&logits).unwrap().log_prob_grad(&repeated(x, k)).unwrap();
    let kl = DiagGaussian::from_head(&head).unwrap().kl_standard();
    let d_z = rec.grad.flat().dot(&Array1::from(SLOPES.to_vec())) * &weights;
    let path = q.pathwise(&draw, &d_z.insert_axis(Axis(1))).unwrap().total().unwrap();
    let grad = path.flat().row(0).to_owned() - kl.grad.flat().row(0);
    ValueGrad { value: rec.value.dot(&weights) - kl.value[0], grad }
}

/// The best Gaussian of each pattern.
fn best(x: &Array2<f64>) -> Vec<Array1<f64>> {
    let rule = hermite(61);
    let one = |i: usize| x.row(i).insert_axis(Axis(0)).to_owned();
    (0..x.nrows()).map(|i| top(Array1::zeros(2), |head| elbo(&one(i), head, &rule)).0).collect()
}

/// Weights of a pattern in units of its evidence, ln (p(x, z) / (q(z) p(x))), and the chance q(z) of each point: on a grid of z that
/// is wide enough for q, p and w^2 q.
fn weights(x: ArrayView1<'_, f64>, head: &Array1<f64>) -> (Array1<f64>, Array1<f64>) {
    const STEP: f64 = 0.04;
    let log_p = evidence(x, &hermite(61));
    let (loc, log_scale) = (head[0], head[1]);
    let normal = |t: f64| -0.5 * t * t - 0.5 * (2.0 * std::f64::consts::PI).ln();
    let z = |i: usize| loc + STEP * (i as f64 - 500.0);
    let log_q = |z: f64| normal((z - loc) / log_scale.exp()) - log_scale;
    let log_w = |i: usize| log_likelihood(x, z(i)) + normal(z(i)) - log_q(z(i)) - log_p;
    (Array1::from_shape_fn(1001, log_w), Array1::from_shape_fn(1001, |i| log_q(z(i)) + STEP.ln()))
}

/// E ln of the mean of k weights, by the integral over t > 0 of (e^-t - (E e^(-t w))^k) / t less ln k, in steps of ln t.
fn many((log_w, log_chance): &(Array1<f64>, Array1<f64>), k: f64) -> f64 {
    let points: Vec<(f64, f64)> = log_w.iter().zip(log_chance).map(|(l, c)| (l.exp(), c.exp())).collect();
    let integrand = |t: f64| {
        let rest: f64 = points.iter().map(|(w, chance)| chance * (-t * w).exp_m1()).sum();
        (-t).exp() - (k * rest.max(-1.0).ln_1p()).exp()
    };
    (-360..=480).map(|i| 0.125 * integrand((0.125 * f64::from(i)).exp())).sum::<f64>() - k.ln()
}

/// The crate's (1/t) ln E w^t: as samples, points count as often as their chance says.
fn as_samples((log_w, log_chance): &(Array1<f64>, Array1<f64>), t: f64) -> Array1<f64> {
    log_w + &((log_chance + (log_w.len() as f64).ln()) / t)
}

#[test]
fn ref_lsat_bounds_with_the_best_gaussians() {
    let (x, counts) = answers();
    let (rule, heads) = (hermite(61), best(&x));
    let mut sums = [0.0; 6];
    for (i, (head, n)) in heads.iter().zip(&counts).enumerate() {
        let at = weights(x.row(i), head);
        let k = at.0.len();
        let squares = cubo(&as_samples(&at, 2.0), k, 2.0).unwrap().value[0];
        let of = [
            elbo(&x.row(i).insert_axis(Axis(0)).to_owned(), head, &rule).value - evidence(x.row(i), &rule),
            renyi(&as_samples(&at, 0.5), k, 0.5).unwrap().value[0],
            squares,
            0.5 * (2.0 * squares).exp_m1(),
            many(&at, 10.0),
            many(&at, 100.0),
        ];
        sums.iter_mut().zip(of).for_each(|(sum, of)| *sum += n * of);
    }
    let [elbo, renyi, cubo, half_variance, ten, hundred] = sums;
    assert_abs_diff_eq!(EVIDENCE + elbo, -2467.0590629076, epsilon = 1e-9);
    assert_abs_diff_eq!(EVIDENCE + renyi, -2466.85883395, epsilon = 6e-9);
    assert_abs_diff_eq!(EVIDENCE + cubo, -2466.21794834, epsilon = 6e-9);
    assert_abs_diff_eq!(half_variance, 0.43564980, epsilon = 6e-9);
    assert_abs_diff_eq!(EVIDENCE + ten, -2466.69643252, epsilon = 6e-9);
    assert_abs_diff_eq!(EVIDENCE + hundred, -2466.65772838, epsilon = 6e-9);
}

#[test]
fn ref_lsat_bounds_with_the_prior() {
    let (x, counts) = answers();
    let (rule, prior) = (hermite(61), Array1::zeros(2));
    let (mut one, mut ten) = (EVIDENCE, EVIDENCE);
    for (i, n) in counts.iter().enumerate() {
        let row = x.row(i).insert_axis(Axis(0)).to_owned();
        one += n * (elbo(&row, &prior, &rule).value - evidence(x.row(i), &rule));
        ten += n * many(&weights(x.row(i), &prior), 10.0);
    }
    assert_abs_diff_eq!(one, -2723.26469071, epsilon = 6e-9);
    assert_abs_diff_eq!(ten, -2487.467673, epsilon = 6e-7);
}

/// Ten samples with the best Gaussians, 2000 groups a pattern. Less its mean of w / p - 1, which is 0, the bound shows its gap of .043;
/// without, its error is twice the gap. Weights have a variance here and no third moment: a mean of 2000 is 6 errors off with a
/// chance of some 1e-6, which is that of one far weight. The smallest bias that is seen is a third of the gap.
#[test]
fn stat_lsat_the_control_variate() {
    let (x, counts) = answers();
    let (k, groups, rule) = (10, 2000, hermite(61));
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (mut exact, mut means, mut squares) = (0.0, [0.0; 2], [0.0; 2]);
    for (i, (head, n)) in best(&x).iter().zip(&counts).enumerate() {
        let (loc, log_scale) = (head.slice(s![..1]), head.slice(s![1..]));
        let q = DiagGaussian::shared(loc, log_scale, groups * k).unwrap();
        let z = q.sample(&mut rng);
        let logits = Array2::from_shape_fn((groups * k, 5), |(r, j)| SLOPES[j] * z[[r, 0]] + INTERCEPTS[j]);
        let row = x.row(i).insert_axis(Axis(0)).to_owned();
        let rec = Bernoulli::new(&logits).unwrap().log_prob(&repeated(&row, groups * k)).unwrap();
        let prior = DiagGaussian::standard(groups * k, 1).unwrap().log_prob(&z).unwrap();
        let log_w = rec + prior - q.log_prob(&z).unwrap() - evidence(x.row(i), &rule);
        let plain = importance_weighted(&log_w, k).unwrap().value;
        let controlled = plain.mapv(|l| l - l.exp_m1());
        for (which, bound) in [plain, controlled].iter().enumerate() {
            means[which] += n * bound.mean().unwrap();
            squares[which] += n * n * bound.var(1.0) / groups as f64;
        }
        exact += n * many(&weights(x.row(i), head), k as f64);
    }
    let errors = squares.map(f64::sqrt);
    for (mean, error) in means.into_iter().zip(errors) {
        assert!((mean - exact).abs() < 6.0 * error, "{mean} +- {error}, not {exact}");
    }
    assert!(6.0 * errors[1] < 0.35 * exact.abs(), "{errors:?}: a third of the gap, {exact}, is seen");
    assert!(errors[0] > exact.abs() && errors[1] < 0.1 * errors[0], "{errors:?}: the control is what shows it");
}
