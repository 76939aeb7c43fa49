use estimand::check::{Nodes, oracle};
use estimand::gradient::{through_density, through_sample};
use estimand::ndarray::{Array1, Array2, ArrayRef1, array};
use estimand::objective::{cubo, eubo, importance_weighted, renyi};
use estimand::{DiagGaussian, Distribution, Error, Reparameterize, Result, Rows, Smooth, Transform, ValueGrad};

type Objective = fn(&ArrayRef1<f64>, usize) -> Result<ValueGrad<Array1<f64>, Array1<f64>>>;

const OBJECTIVES: [(&str, Objective); 4] = [
    ("iwae", |w, k| importance_weighted(w, k)),
    ("renyi", |w, k| renyi(w, k, 0.5)),
    ("cubo", |w, k| cubo(w, k, 2.0)),
    ("eubo", |w, k| eubo(w, k)),
];

/// E f of two samples of N(m, s^2), with log p(1, z) of z ~ N(0, 1), x | z ~ N(z, 1): by the rule itself, none of the crate's laws.
fn expected(f: Objective, m: f64, s: f64) -> f64 {
    let z = Nodes::normal(0.5).unwrap();
    let log_w = |e: f64| {
        let z = m + s.exp() * e;
        -0.5 * z * z - 0.5 * (1.0 - z).powi(2) + 0.5 * e * e + s
    };
    let mut sum = 0.0;
    for (a, u) in z.points().iter().zip(z.weights()) {
        for (b, v) in z.points().iter().zip(z.weights()) {
            sum += u * v * f(&array![log_w(*a), log_w(*b)], 2).unwrap().value[0];
        }
    }
    sum
}

/// Both doors have the derivative of E f as their mean, for all that comes with a gradient in log w.
///
/// A Gaussian q of less than twice the posterior's variance keeps E w^2 finite. The rule's own error, at two steps, is
/// below 1e-9 here; derivatives are extrapolated differences of it.
#[test]
fn law_both_doors_are_the_gradient_of_the_mean() {
    let (m, s) = (0.3, -0.2);
    let z = Nodes::normal(0.5).unwrap();
    for (name, f) in OBJECTIVES {
        let slope = |by: &dyn Fn(f64) -> f64| {
            let h = 1e-3;
            (8.0 * (by(h) - by(-h)) - (by(2.0 * h) - by(-2.0 * h))) / (12.0 * h)
        };
        let truth = [slope(&|h| expected(f, m + h, s)), slope(&|h| expected(f, m, s + h))];
        for door in ["sample", "density"] {
            let exact = oracle(&[&z, &z], 1, |noise: Array2<f64>| {
                let n = noise.nrows() / 2;
                let q = DiagGaussian::new(Array2::from_elem((n, 1), m), Array2::from_elem((n, 1), s))?.repeat_rows(2);
                let draw = q.transform(noise)?;
                let log_q = q.log_prob_slope(&draw.x())?;
                let log_p = draw.x().column(0).mapv(|z| -0.5 * z * z - 0.5 * (1.0 - z).powi(2));
                // log q has a constant that log p is without here.
                let constant = 0.5 * (2.0 * std::f64::consts::PI).ln();
                let objective = f(&(log_p - log_q.value - constant), 2)?;
                if door == "density" {
                    return Ok(q.score(&draw.x())?.weighted(&through_density(&objective)?)?.into_flat());
                }
                let slopes = draw.x().mapv(|z| 1.0 - 2.0 * z) - log_q.grad;
                let by = through_sample(&objective.grad, &slopes)?;
                let rows = q.pathwise(&draw, &by.d_x)?.total()? + q.score(&draw.x())?.weighted(&by.score);
                Ok(rows?.into_flat())
            });
            let mean = exact.unwrap().mean;
            for j in 0..2 {
                assert!((mean[j] - truth[j]).abs() < 1e-8, "{name} by the {door}: {mean} {truth:?}");
            }
        }
    }
}

#[test]
fn hard_doors_that_are_shut() {
    let end = f64::INFINITY;
    let by = through_sample(&array![0.0, 2.0], &array![[end, -1.0], [1.0, end]]).unwrap();
    assert_eq!(by.d_x, array![[0.0, 0.0], [2.0, end]]);
    assert_eq!(by.score, array![0.0, -2.0]);
    let shape = Error::Shape { name: "slopes", got: vec![3, 1], expected: vec![2, 1] };
    assert_eq!(through_sample(&array![0.0, 1.0], &Array2::zeros((3, 1))), Err(shape));
    let nan = f64::NAN;
    assert_eq!(through_sample(&array![0.0, nan], &Array2::zeros((2, 1))), Err(Error::NaN { name: "d_log_w", row: 1 }));
    assert_eq!(through_sample(&array![0.0], &array![[nan]]), Err(Error::NaN { name: "slopes", row: 0 }));
    assert_eq!(through_sample(&Array1::<f32>::zeros(0), &Array2::zeros((0, 2))).unwrap().d_x.dim(), (0, 2));
    let f = |value: Array1<f64>, grad: Array1<f64>| through_density(&ValueGrad { value, grad });
    assert_eq!(f(array![1.0, 2.0], array![0.5, 0.25, 0.125, 1.0]).unwrap(), array![0.5, 0.75, 1.875, 1.0]);
    let infinite = |index, value| {
        let expected = "a finite value less its derivative";
        Err(Error::Entry { name: "f", index: vec![index], value, expected })
    };
    assert_eq!(f(array![1.0, end], array![1.0, 1.0]), infinite(1, end));
    assert_eq!(f(array![1.0], array![1.0, end]), infinite(1, -end));
    let nothing = importance_weighted(&array![0.0, 0.0, -end, -end], 2).unwrap();
    assert_eq!(through_density(&nothing), infinite(2, -end));
    let count =
        |got, n: usize| Error::Count { name: "f.grad", axis: "rows", got, expected: format!("a multiple of {n}") };
    assert_eq!(f(array![1.0, 2.0], array![1.0, 1.0, 1.0]), Err(count(3, 2)));
    assert_eq!(f(array![1.0], Array1::zeros(0)), Err(count(0, 1)));
    assert_eq!(f(Array1::zeros(0), array![1.0]), Err(count(1, 0)));
    assert_eq!(f(Array1::zeros(0), Array1::zeros(0)).unwrap().len(), 0);
    assert_eq!(f(array![nan], array![1.0]), Err(Error::NaN { name: "f.value", row: 0 }));
    assert_eq!(f(array![1.0], array![nan]), Err(Error::NaN { name: "f.grad", row: 0 }));
    assert_eq!(f(array![end], array![end]), Err(Error::NaN { name: "f", row: 0 }));
}
