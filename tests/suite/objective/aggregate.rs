use estimand::ndarray::{Array2, array};
use estimand::objective::{Aggregate, decompose};
use estimand::{DiagGaussian, Distribution, Error, Real};

/// Four posteriors, and a sample of each.
fn small() -> (DiagGaussian<'static, f64>, Array2<f64>) {
    let loc = array![[-1.0, 0.5], [0.0, -0.5], [0.5, 1.0], [2.0, 0.0]];
    let log_scale = array![[0.5, 1.0], [1.0, 0.7], [0.8, 0.6], [0.6, 1.2]].mapv(f64::ln);
    (DiagGaussian::new(loc, log_scale).unwrap(), array![[-0.8, 0.7], [0.2, -0.3], [0.4, 1.5], [1.5, 0.5]])
}

/// ln N(z; m, sd^2) of a coordinate.
fn log_normal(z: f64, loc: f64, log_scale: f64) -> f64 {
    let u = (z - loc) / log_scale.exp();
    -0.5 * u * u - log_scale - 0.5 * (2.0 * std::f64::consts::PI).ln()
}

/// ln q(z) and the sum of ln q(z_j) at sample `i` of a batch, under weights of the components, from the definition.
fn plain(
    q: &DiagGaussian<'_, f64>,
    batch: &[usize],
    z: &Array2<f64>,
    i: usize,
    weight: impl Fn(usize) -> f64,
) -> [f64; 2] {
    let dim = z.ncols();
    let of = |k: usize, j: usize| log_normal(z[[batch[i], j]], q.loc()[[batch[k], j]], q.log_scale()[[batch[k], j]]);
    let joint: f64 = (0..batch.len()).map(|k| weight(k) * (0..dim).map(|j| of(k, j)).sum::<f64>().exp()).sum();
    let one = |j: usize| (0..batch.len()).map(|k| weight(k) * of(k, j).exp()).sum::<f64>().ln();
    [joint.ln(), (0..dim).map(one).sum()]
}

/// All ordered choices of `m` of four.
fn batches(m: usize) -> Vec<Vec<usize>> {
    (0..m).fold(vec![vec![]], |all, _| {
        let longer = |batch: Vec<usize>| {
            (0..4).filter(|k| !batch.contains(k)).map(|k| [&batch[..], &[k]].concat()).collect::<Vec<_>>()
        };
        all.into_iter().flat_map(longer).collect()
    })
}

/// ln q(z) and the total correlation of each sample of a batch, as the crate has them.
fn found(batch: &[usize], aggregate: Aggregate) -> Vec<[f64; 2]> {
    let (q, z) = small();
    let pick = |of: &Array2<f64>| Array2::from_shape_fn((batch.len(), 2), |(i, j)| of[[batch[i], j]]);
    let (loc, log_scale, z) = (pick(&q.loc().to_owned()), pick(&q.log_scale().to_owned()), pick(&z));
    let q = DiagGaussian::new(&loc, &log_scale).unwrap();
    let own = q.log_prob(&z).unwrap();
    let parts = decompose(&q, &z, aggregate).unwrap();
    (0..batch.len()).map(|i| [own[i] - parts.information[i], parts.total_correlation[i]]).collect()
}

/// The corrected stratified weights are unbiased for the density, by enumeration of all batches, and the published ones miss by what
/// enumeration gives, also where the batch is the data set.
#[test]
fn ref_stratified_weights_are_unbiased_for_the_density() {
    let (q, z) = small();
    let truth: Vec<f64> = (0..4).map(|i| plain(&q, &[0, 1, 2, 3], &z, i, |_| 0.25)[0].exp()).collect();
    for (found, want) in truth.iter().zip([0.10103719, 0.06471517, 0.06068658, 0.06927407]) {
        assert!((found - want).abs() < 5e-9);
    }
    let exact = found(&[0, 1, 2, 3], Aggregate::Exact).iter().map(|at| at[1]).sum::<f64>() / 4.0;
    assert!((exact - 0.02945720).abs() < 5e-9);
    let table = [
        (2, 0.16554369, -0.12819364, 1.48927367, 1.901_336_695_2),
        (3, 0.06878721, 0.07716992, 1.46691236, 0.314_540_322_9),
        (4, 0.02945720, 0.05236486, 1.41575157, 0.026_841_895_2),
    ];
    for (m, stratified, published, weighted, miss) in table {
        let all = batches(m);
        let places = (all.len() * m) as f64;
        let mean =
            |aggregate| all.iter().flat_map(|batch| found(batch, aggregate)).map(|at| at[1]).sum::<f64>() / places;
        let of_stratified = mean(Aggregate::Stratified { data: 4 });
        assert!((of_stratified - stratified).abs() < 5e-9, "{m}: {of_stratified}");
        let of_weighted = mean(Aggregate::Weighted { data: 4 });
        assert!((of_weighted - weighted).abs() < 1e-7, "{m}: {of_weighted}");
        // A matrix of 1 / (m - 1); then column 0 = 1 / N, column 1 = (N - M) / (N M) with M = m - 1, and the entry (M - 1, 0).
        let (n, less) = (4.0, m as f64 - 1.0);
        let code = |i: usize, k: usize| match (i, k) {
            (i, 0) if i + 2 == m => (n - less) / (n * less),
            (_, 0) => 1.0 / n,
            (_, 1) => (n - less) / (n * less),
            _ => 1.0 / less,
        };
        let of_code = |batch: &Vec<usize>| {
            let tc = |i| plain(&q, batch, &z, i, |k| code(i, k));
            (0..batch.len()).map(tc).map(|[joint, ones]| joint - ones).sum::<f64>()
        };
        let of_published = all.iter().map(of_code).sum::<f64>() / places;
        assert!((of_published - published).abs() < 5e-9, "{m}: {of_published}");
        // The density of each sample, over the batches that hold it.
        let mut missed = 0.0_f64;
        for (i, &truth) in truth.iter().enumerate() {
            let with = all.iter().filter(|batch| batch.contains(&i));
            let at = |batch: &Vec<usize>| {
                let place = batch.iter().position(|&k| k == i).unwrap();
                found(batch, Aggregate::Stratified { data: 4 })[place][0].exp()
            };
            let densities: Vec<f64> = with.map(at).collect();
            let mean = densities.iter().sum::<f64>() / densities.len() as f64;
            assert!((mean - truth).abs() < 1e-15, "{m}: {mean}, not {truth}");
            let of_code = |batch: &Vec<usize>| {
                let place = batch.iter().position(|&k| k == i).unwrap();
                plain(&q, batch, &z, place, |k| code(place, k))[0].exp()
            };
            let wrong =
                all.iter().filter(|batch| batch.contains(&i)).map(of_code).sum::<f64>() / densities.len() as f64;
            missed = missed.max((wrong / truth - 1.0).abs());
        }
        assert!(
            (missed - miss).abs() < 1e-10,
            "{m}: the published weights miss a density by {missed} of it at the most"
        );
    }
}

fn refused<F: Real>() {
    let q = |rows: usize| DiagGaussian::<F>::new(Array2::zeros((rows, 2)), Array2::zeros((rows, 2))).unwrap();
    let z = |rows: usize| Array2::from_elem((rows, 2), F::of(0.5));
    let few = Error::TooFew { name: "q", got: 1, needs: 2 };
    assert_eq!(decompose(&q(1), &z(1), Aggregate::Stratified { data: 10 }).unwrap_err(), few);
    let data = Error::Parameter { name: "data", value: 3.0, expected: "at least the rows of the batch" };
    assert_eq!(decompose(&q(4), &z(4), Aggregate::Stratified { data: 3 }).unwrap_err(), data);
    assert_eq!(decompose(&q(4), &z(4), Aggregate::Weighted { data: 3 }).unwrap_err(), data);
    // A data set of one: nothing is told of, and all is exact.
    for aggregate in [Aggregate::Exact, Aggregate::Stratified { data: 1 }, Aggregate::Weighted { data: 1 }] {
        let parts = decompose(&q(1), &z(1), aggregate).unwrap();
        let few = F::of(8.0) * F::epsilon();
        assert!(parts.information[0].abs() <= few && parts.total_correlation[0].abs() <= few);
    }
    let empty = DiagGaussian::<F>::new(Array2::zeros((0, 2)), Array2::zeros((0, 2))).unwrap();
    let zero = Error::Parameter { name: "q", value: 0.0, expected: "at least 1" };
    assert_eq!(decompose(&empty, &z(0), Aggregate::Exact).unwrap_err(), zero);
    let mut bad = z(2);
    bad[[1, 0]] = F::nan();
    assert_eq!(decompose(&q(2), &bad, Aggregate::Exact).unwrap_err(), Error::NaN { name: "z", row: 1 });
    let loc = DiagGaussian::new(&bad, z(2)).unwrap();
    assert_eq!(decompose(&loc, &z(2), Aggregate::Exact).unwrap_err(), Error::NaN { name: "loc", row: 1 });
    let log_scale = DiagGaussian::new(z(2), &bad).unwrap();
    assert_eq!(decompose(&log_scale, &z(2), Aggregate::Exact).unwrap_err(), Error::NaN { name: "log_scale", row: 1 });
    let shape = Error::Shape { name: "z", got: vec![3, 2], expected: vec![2, 2] };
    assert_eq!(decompose(&q(2), &z(3), Aggregate::Exact).unwrap_err(), shape);
}

#[test]
fn hard_batches_that_stand_for_nothing() {
    refused::<f32>();
    refused::<f64>();
    let q = DiagGaussian::<f32>::new(Array2::zeros((2, 1)), Array2::zeros((2, 1))).unwrap();
    let far = array![[0.0], [1e30_f32]];
    let expected = "a sample where the mixture has a density";
    let error = Error::Entry { name: "z", index: vec![1, 0], value: f64::from(1e30_f32), expected };
    assert_eq!(decompose(&q, &far, Aggregate::Exact).unwrap_err(), error);
}

/// Scales of any size, components far away: numbers, and the density that is left.
#[test]
fn hard_components_of_any_scale() {
    for s in [-30.0, -5.0, 5.0, 30.0] {
        let log_scale = Array2::from_elem((3, 1), s);
        let loc = array![[0.0], [1e4], [-1e4]];
        let q = DiagGaussian::new(&loc, &log_scale).unwrap();
        let parts = decompose(&q, &loc, Aggregate::Exact).unwrap();
        // Apart, each tells ln 3 nats; under a scale of e^30 all are one.
        let want = if s > 10.0 { 0.0 } else { 3.0_f64.ln() };
        assert!(parts.information.iter().all(|nats| (nats - want).abs() < 1e-12), "{s}: {}", parts.information);
        assert!(parts.total_correlation.iter().all(|nats| nats.abs() < 1e-12));
    }
}
