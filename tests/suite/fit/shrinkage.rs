use estimand::check::gradient_with_step;
use estimand::fit::{Shrunk, ledoit_wolf};
use estimand::matrix::{Cholesky, SymmetricSpectrum};
use estimand::moments::{Moments, Scatter};
use estimand::ndarray::{Array1, Array2, ArrayRef1, ArrayView1, Axis, array, concatenate};
use estimand::noise::Standard;
use estimand::rand::{SeedableRng, rngs::StdRng};
use estimand::{Error, Real};
use proptest::prelude::*;

use crate::support::layouts::every_layout;
use crate::support::matrices::{halves, orthogonal, product, whole};
use crate::support::near::difference_limit;
use crate::support::reference::table;
use crate::support::strategy::{array as arrays, config};

/// Intensity, target and matrix by the definition: the n outer products, one by one.
struct Definition {
    /// b^2 / d^2, before it is cut at 1.
    ratio: f64,
    target: f64,
    covariance: Array2<f64>,
    /// d^2 / mu^2, and the mean of |z|^4 / mu^2.
    distance: f64,
    fourth: f64,
}

fn by_definition(x: &Array2<f64>) -> Definition {
    let (n, d) = x.dim();
    let z = x - &x.mean_axis(Axis(0)).unwrap();
    let s = product(&z.t(), &z) / n as f64;
    let target = s.diag().sum() / d as f64;
    let distance: f64 = s.indexed_iter().map(|((i, j), &s)| (s - if i == j { target } else { 0.0 }).powi(2)).sum();
    let outer = |k: usize| s.indexed_iter().map(|((i, j), &s)| (z[[k, i]] * z[[k, j]] - s).powi(2)).sum::<f64>();
    let spread = (0..n).map(outer).sum::<f64>() / (n * n) as f64;
    let ratio = spread / distance;
    let r = ratio.min(1.0);
    let covariance = (1.0 - r) * &s + r * target * Array2::<f64>::eye(d);
    let fourth = z.rows().into_iter().map(|z| z.dot(&z).powi(2)).sum::<f64>() / n as f64;
    Definition { ratio, target, covariance, distance: distance / target.powi(2), fourth: fourth / target.powi(2) }
}

/// How far intensity and entries may be off, in precision `F`, for data known to `known` epsilons of their deviations.
///
/// S is known to e = (256 / 2 + 8 + 6 (1 + ln n)) epsilon of both standard deviations, a sum of |z|^2 to (d / 64 + 8)
/// epsilon. In units of mu, |S|, which d is the trace of, moves by e d, and so d^2 by 2 e d times its root. The minors
/// of S are products of two entries and so are off by 4 e of s_ii s_jj, and with the squares of |z|^2 by 8 e of the mean of
/// |z|^4 at the most, over n.
fn limits<F: Real>(n: usize, d: usize, by: &Definition, known: f64) -> [f64; 2] {
    let sums = 0.5 * n.min(256) as f64 + 8.0 + 6.0 * (1.0 + (n as f64).ln()) + 8.0 + d as f64 / 64.0;
    let e = F::epsilon().as_f64() * (sums + known);
    let of_ratio = 8.0 * e * by.fourth / (n as f64 * by.distance) + by.ratio * 2.0 * e * d as f64 / by.distance.sqrt();
    // Where it is cut at 1 it is exact, but for what brings it below.
    let of_intensity = (of_ratio + by.ratio * 64.0 * F::epsilon().as_f64()).min(1.0);
    [of_intensity, (e + of_intensity) * d as f64 * by.target]
}

#[track_caller]
fn assert_shrunk<F: Real>(what: &str, got: &Shrunk<F>, n: usize, by: &Definition, known: f64) {
    let [of_intensity, of_entries] = limits::<F>(n, got.mean.len(), by, known);
    let off = (got.intensity.as_f64() - by.ratio.min(1.0)).abs();
    assert!(off <= of_intensity, "{what}: intensity {} is {off:e} off, limit {of_intensity:e}", got.intensity);
    let off = (got.target.as_f64() - by.target).abs();
    assert!(off <= of_entries, "{what}: target {} is {off:e} off, limit {of_entries:e}", got.target);
    assert_eq!(got.covariance, got.covariance.t(), "{what}");
    for (got, expected) in got.covariance.iter().zip(&by.covariance) {
        let off = (got.as_f64() - expected).abs();
        assert!(off <= of_entries, "{what}: {got} is {off:e} off, limit {of_entries:e}");
    }
}

/// The numbers of `shrinkage.csv`.
fn numbers(n: usize, d: usize, shift: f64) -> Array2<f64> {
    Array2::from_shape_fn((n, d), |(i, j)| {
        let common = ((i * i * 7 + i * 3) % 11) as f64 - 5.0;
        let own = ((i * i * i + 5 * i * j + 3 * j * j + j * i * i) % 17) as f64 - 8.0;
        (common * (j % 3) as f64 + own * (1 + j % 2) as f64) / 8.0 + shift
    })
}

fn agrees<F: Real>() {
    for row in table("shrinkage.csv") {
        let [n, d, shift, intensity, target, first, corner, last, square, scikit_learn] = row.numbers::<10>(0);
        let (n, d) = (n as usize, d as usize);
        let x = numbers(n, d, shift);
        let got = ledoit_wolf(&x.mapv(F::of)).unwrap();
        let by = by_definition(&numbers(n, d, 0.0));
        let [of_intensity, of_entries] = limits::<F>(n, d, &by, 0.0);
        let near = |what: &str, got: F, expected: f64, limit: f64| {
            let off = (got.as_f64() - expected).abs();
            assert!(off <= limit, "line {}, {what}: {got} is {off:e} off, limit {limit:e}", row.line);
        };
        near("intensity", got.intensity, intensity, of_intensity);
        near("target", got.target, target, of_entries);
        near("first", got.covariance[[0, 0]], first, of_entries);
        near("corner", got.covariance[[d - 1, 0]], corner, of_entries);
        near("last", got.covariance[[d - 1, d - 1]], last, of_entries);
        let sum: F = got.covariance.iter().map(|&c| c * c).sum();
        near(
            "square",
            sum,
            square,
            2.0 * d as f64 * of_entries * square.sqrt() + (d * d) as f64 * F::epsilon().as_f64() * square,
        );
        // Of one column the intensity is anything; and scikit-learn's mean is rounded, by 2^-33 at 2^20.
        if d > 1 && shift == 0.0 {
            near("scikit-learn", got.intensity, scikit_learn, of_intensity + 1e-12);
        }
        let mean = numbers(n, d, 0.0).mean_axis(Axis(0)).unwrap() + shift;
        for (got, expected) in got.mean.iter().zip(&mean) {
            assert!((got.as_f64() - expected).abs() <= 16.0 * F::epsilon().as_f64() * (expected.abs() + 8.0));
        }
    }
}

#[test]
fn ref_shrinkage_agrees_with_mpmath_and_scikit_learn() {
    agrees::<f64>();
    agrees::<f32>();
}

/// Tables of any shape, the more and the less columns than rows, whose columns hang together more or less.
fn tables() -> impl Strategy<Value = Array2<f64>> {
    ((3..40_usize, 2..12_usize).prop_flat_map(|size| arrays(size, -2.0, 3.0)), 0.0..4.0_f64).prop_map(|(x, share)| {
        let first = x.column(0).to_owned();
        Array2::from_shape_fn(x.raw_dim(), |(i, j)| f64::from((x[[i, j]] + share * first[i] * (j % 3) as f64) as f32))
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_the_intensity_is_the_definition(x in tables()) {
        let by = by_definition(&x);
        assert_shrunk("f64", &ledoit_wolf(&x).unwrap(), x.nrows(), &by, 0.0);
        assert_shrunk("f32", &ledoit_wolf(&x.mapv(|x| x as f32)).unwrap(), x.nrows(), &by, 0.0);
    }

    /// Turned rows have the same intensity and target, and the turned matrix. A turn rounds d products, of d columns.
    #[test]
    fn law_a_rotation_turns_the_matrix(x in tables(), seed in arrays((12, 12), -1.0, 1.0)) {
        let d = x.ncols();
        let q = orthogonal(&seed.slice(estimand::ndarray::s![..d, ..d]));
        let (by, turned) = (by_definition(&x), ledoit_wolf(&product(&x, &q)).unwrap());
        let covariance = product(&product(&q.t(), &by.covariance), &q);
        let known = 64.0 * (d * d) as f64;
        assert_shrunk("turned", &turned, x.nrows(), &Definition { covariance, ..by }, known);
    }

    /// By 10^12, to whole multiples of 1/1024, which are exact there; and by powers of 2, where no bit changes.
    #[test]
    fn law_a_shift_and_a_scale_change_neither(x in tables(), power in -50..50_i32) {
        let x = x.mapv(|x| (x * 1024.0).round() / 1024.0);
        prop_assume!(by_definition(&x).target > 0.0);
        let shifted = ledoit_wolf(&x.mapv(|x| x + 1e12)).unwrap();
        assert_shrunk("shifted", &shifted, x.nrows(), &by_definition(&x), 0.0);
        // Fourth powers of these are no numbers in f32.
        let (scale, x) = (2.0_f32.powi(power), x.mapv(|x| x as f32));
        let (one, scaled) = (ledoit_wolf(&x).unwrap(), ledoit_wolf(&(&x * scale)).unwrap());
        prop_assert_eq!(one.intensity, scaled.intensity);
        prop_assert_eq!(one.covariance * (scale * scale), scaled.covariance);
    }

    /// S is that of the table, and so is the mean of |z|^4: b^2 alone is divided by the number of rows.
    #[test]
    fn law_a_table_repeated_has_as_small_a_part_of_the_intensity(x in tables(), times in 2..6_usize) {
        let mut by = by_definition(&x);
        let all = ledoit_wolf(&concatenate(Axis(0), &vec![x.view(); times]).unwrap()).unwrap();
        by.ratio /= times as f64;
        let once = ledoit_wolf(&x).unwrap();
        let [of_intensity, _] = limits::<f64>(x.nrows(), x.ncols(), &by, 256.0);
        prop_assert!((all.intensity - by.ratio.min(1.0)).abs() <= of_intensity, "{} {}", all.intensity, by.ratio);
        prop_assert!(all.intensity <= once.intensity * (1.0 + 1e-9));
    }

    /// Deviations of two rows are opposite, and each z z' is S: nothing is left to shrink by, not even by rounding.
    #[test]
    fn law_two_rows_are_not_shrunk(x in (2..12_usize).prop_flat_map(|d| arrays((2, d), -2.0, 3.0))) {
        let two = ledoit_wolf(&x).unwrap();
        prop_assert_eq!(two.intensity, 0.0);
        prop_assert_eq!(two.covariance, Scatter::of(&x).covariance().unwrap());
    }

    /// The trace is that of S, and every eigenvalue at least intensity times mu, to the rounding of a spectrum.
    #[test]
    fn law_what_is_shrunk_is_positive_definite(x in tables()) {
        let (shrunk, d) = (ledoit_wolf(&x).unwrap(), x.ncols() as f64);
        let trace = shrunk.covariance.diag().sum();
        prop_assert!((trace / d - shrunk.target).abs() <= 8.0 * d * f64::EPSILON * shrunk.target);
        let values = SymmetricSpectrum::of(&shrunk.covariance).unwrap().values().to_owned();
        let rounding = 16.0 * d * f64::EPSILON * values[values.len() - 1];
        prop_assert!(values[0] >= shrunk.intensity * shrunk.target - rounding, "{values} {}", shrunk.intensity);
    }
}

/// 30 rows of 10 columns, 1500 times: the loss |Sigma - truth|^2 is on average less than that of S, of half the intensity, and
/// of one halfway to 1, each by 6 standard errors of the mean difference (1e-9 for a normal mean).
#[test]
fn stat_the_loss_is_less_than_that_of_other_intensities() {
    let (n, d) = (30, 10);
    let truth = Array2::from_diag(&Array1::from_shape_fn(d, |j| 0.1 * ((j + 1) * (j + 1)) as f64));
    let z = Standard::Normal.draw::<f64, _, _>(&mut StdRng::seed_from_u64(8), (1500 * n, d));
    let mut over = [Moments::<f64>::new(); 3];
    for z in z.axis_chunks_iter(Axis(0), n) {
        let x = Array2::from_shape_fn(z.raw_dim(), |(i, j)| z[[i, j]] * truth[[j, j]].sqrt());
        let shrunk = ledoit_wolf(&x).unwrap();
        let centred = &x - &x.mean_axis(Axis(0)).unwrap();
        let s = product(&centred.t(), &centred) / n as f64;
        let loss = |r: f64| {
            let moved = (1.0 - r) * &s + r * shrunk.target * Array2::<f64>::eye(d);
            (moved - &truth).mapv(|off| off * off).sum()
        };
        let own = (&shrunk.covariance - &truth).mapv(|off| off * off).sum();
        for (other, r) in over.iter_mut().zip([0.0, 0.5 * shrunk.intensity, 0.5 + 0.5 * shrunk.intensity]) {
            other.push(loss(r) - own);
        }
    }
    for (what, found) in ["none", "half", "more"].iter().zip(over) {
        let (mean, error) = (found.mean().unwrap(), found.std_error().unwrap());
        assert!(mean > 6.0 * error, "{what}: {mean} +- {error}");
    }
}

proptest! {
    #![proptest_config(config())]

    /// Mean and S of `Scatter` are where the likelihood of the rows, a sum over them, is stationary, and it is less anywhere
    /// else. In units of the factor of S, so that all directions have derivatives of the size n.
    #[test]
    fn law_the_likelihood_of_rows_is_greatest_at_the_mle(
        x in (2..5_usize, 8..20_usize).prop_flat_map(|(d, n)| arrays((n, d), -2.0, 3.0)),
        off in prop::collection::vec(-0.2..0.2_f64, 14),
    ) {
        let (n, d) = x.dim();
        let scatter = Scatter::of(&x);
        let (mean, s) = (scatter.mean().unwrap(), scatter.covariance().unwrap());
        let condition = SymmetricSpectrum::of(&s).unwrap().condition();
        prop_assume!(condition < 1e3);
        let cholesky = Cholesky::of(&s).unwrap();
        let factor = cholesky.factor();
        // mu = mean + L u, and Sigma = L (I + T) L' of a symmetric T.
        let log_likelihood = |at: &ArrayRef1<f64>| {
            let (u, t) = at.view().split_at(Axis(0), d);
            let mu = &mean + &product(&factor, &u.insert_axis(Axis(1))).column(0);
            let middle = Array2::<f64>::eye(d) + whole(&t, d);
            let sigma = halves(&product(&product(&factor, &middle), &factor.t()));
            Cholesky::of(&whole(&sigma, d)).map_or(f64::NAN, |sigma| {
                let log_density = |x: ArrayView1<'_, f64>| {
                    let form = sigma.inverse_quadratic(&(&x - &mu)).unwrap().value;
                    -0.5 * (form + sigma.log_det() + d as f64 * (2.0 * std::f64::consts::PI).ln())
                };
                x.rows().into_iter().map(log_density).sum()
            })
        };
        let zeros = Array1::zeros(d + d * (d + 1) / 2);
        let top = log_likelihood(&zeros);
        let found = gradient_with_step(&log_likelihood, &zeros, &zeros, 0.0625).unwrap();
        let size = top.abs() + (n * d) as f64 * (1.0 + condition.ln());
        let limit = difference_limit::<f64>(size, n as f64, 0.0625);
        prop_assert!(found.error * found.scale.max(1.0) <= limit, "{found}, limit {limit:e}");
        let elsewhere = Array1::from_vec(off[..zeros.len()].to_vec());
        // By Gershgorin I + T is definite: four numbers of a row are below 1/5.
        prop_assert!(log_likelihood(&elsewhere) <= top + 64.0 * f64::EPSILON * condition * size);
    }
}

/// 8 rows of 3 columns, 20 000 times: ((tr Sigma)^2 + |Sigma|^2) / (n - 1) to 6 standard errors (2e-9 for a normal mean);
/// one part in 15 more would be seen.
#[test]
fn stat_the_mean_loss_of_the_unbiased_matrix() {
    let (n, sds) = (8, [1.0, 2.0, 0.5]);
    let truth = Array2::from_diag(&Array1::from_iter(sds.map(|sd| sd * sd)));
    let z = Standard::Normal.draw::<f64, _, _>(&mut StdRng::seed_from_u64(9), (20_000 * n, 3));
    let mut losses = Moments::<f64>::new();
    for z in z.axis_chunks_iter(Axis(0), n) {
        let x = Array2::from_shape_fn(z.raw_dim(), |(i, j)| z[[i, j]] * sds[j] + 7.0);
        let off = Scatter::of(&x).unbiased_covariance().unwrap() - &truth;
        losses.push(off.iter().map(|off| off * off).sum());
    }
    let expected = (5.25_f64.powi(2) + 1.0 + 16.0 + 0.0625) / (n - 1) as f64;
    let (mean, error) = (losses.mean().unwrap(), losses.std_error().unwrap());
    assert!((mean - expected).abs() < 6.0 * error && 6.0 * error < expected / 15.0, "{mean} +- {error}, {expected}");
}

/// The rank of S is n - 1 at the most; what is shrunk has a factor.
#[test]
fn hard_a_covariance_of_few_rows_is_singular() {
    for (n, d) in [(3, 4), (10, 10), (20, 41)] {
        let x = numbers(n, d, 0.0);
        let values = SymmetricSpectrum::of(&Scatter::of(&x).covariance().unwrap()).unwrap().values().to_owned();
        let rounding = 16.0 * d as f64 * f64::EPSILON * values[d - 1];
        let nothing = values.iter().filter(|value| value.abs() <= rounding).count();
        assert!(nothing > d - n, "{n} {d}: {values}");
        assert!(Cholesky::of(&ledoit_wolf(&x).unwrap().covariance).is_ok());
    }
}

#[test]
fn law_the_layout_changes_no_bit() {
    let x = numbers(60, 20, 0.0);
    let expected = ledoit_wolf(&x).unwrap();
    every_layout(&x, |layout, x| assert_eq!(ledoit_wolf(&x).unwrap(), expected, "{layout}"));
}

/// Of one column, and where S is mu I, the intensity is 1.
#[test]
fn hard_intensities_at_the_ends() {
    let one = ledoit_wolf(&array![[1.0], [2.0], [6.0]]).unwrap();
    assert_eq!((one.intensity, one.target, one.covariance), (1.0, 14.0 / 3.0, array![[14.0 / 3.0]]));
    let square = ledoit_wolf(&array![[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]).unwrap();
    assert_eq!((square.intensity, square.covariance), (1.0, Array2::eye(2)));
    let constant = ledoit_wolf(&array![[1.0, 5.0], [2.0, 5.0], [4.0, 5.0], [-7.0, 5.0]]).unwrap();
    assert!(constant.covariance[[1, 1]] > 0.0 && constant.covariance[[0, 1]] == 0.0 && constant.mean[1] == 5.0);
}

/// Numbers whose squares are just numbers, and just above nothing.
#[test]
fn hard_very_large_and_very_small_rows() {
    let x = numbers(10, 3, 0.0);
    let one = ledoit_wolf(&x).unwrap();
    for power in [-500, 500] {
        let scale = 2.0_f64.powi(power);
        let scaled = ledoit_wolf(&(&x * scale)).unwrap();
        assert_eq!((scaled.intensity, scaled.target), (one.intensity, one.target * scale * scale));
    }
    let expected = "a finite number above 0";
    let infinite = Error::Parameter { name: "variance", value: f64::INFINITY, expected };
    assert_eq!(ledoit_wolf(&(&x * 1e200)), Err(infinite));
}

#[test]
fn hard_what_has_no_estimate() {
    let of = |x: Array2<f64>| ledoit_wolf(&x).map(|_| ());
    let few = |got| Err(Error::TooFew { name: "x", got, needs: 2 });
    assert_eq!((of(Array2::zeros((0, 3))), of(array![[1.0, 2.0]])), (few(0), few(1)));
    let columns = Error::Count { name: "x", axis: "columns", got: 0, expected: "at least 1".to_owned() };
    assert_eq!(of(Array2::zeros((5, 0))), Err(columns));
    let expected = "observations that are not all equal";
    let equal = Error::Parameter { name: "variance", value: 0.0, expected };
    assert_eq!(of(Array2::from_elem((4, 3), 0.1)), Err(equal));
    let mut x = numbers(6, 3, 0.0);
    x[[4, 1]] = f64::NAN;
    assert_eq!(of(x.clone()), Err(Error::NaN { name: "x", row: 4 }));
    x[[4, 1]] = f64::NEG_INFINITY;
    let expected = "a finite number";
    assert_eq!(of(x), Err(Error::Entry { name: "x", index: vec![4, 1], value: f64::NEG_INFINITY, expected }));
}
