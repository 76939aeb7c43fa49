use estimand::arithmetic::{Arithmetic, Plain};
use estimand::distribution::LogitParts;
use estimand::kernel::Level;
use estimand::ndarray::{Array1, Array2, ArrayRef2, array};
use estimand::rand::{SeedableRng, rngs::StdRng};
use estimand::rows::sum_coordinates;
use estimand::{Bernoulli, DiagGaussian, Distribution, Error, Grad, Real, Result, Rows, Sample, Shape, ValueGrad};

/// A law written by a user from the three required methods: exponential waiting times, by the
/// logarithm of their rate (kept in the part called `logits`). x < 0 is outside the support, and
/// infinite x is data that it refuses.
struct Waiting<F> {
    log_rate: Array2<F>,
}

impl<F: Real> Distribution<F> for Waiting<F> {
    type Parts = LogitParts;

    fn parts(&self) -> LogitParts {
        LogitParts { dim: self.log_rate.ncols() }
    }

    fn shape(&self) -> Shape {
        Shape { rows: self.log_rate.nrows(), repeat: 1, dim: self.log_rate.ncols() }
    }

    fn log_prob_row<A: Arithmetic<F>, const GRAD: bool>(&self, a: A, t: usize, x: &[F], grad: &mut [F]) -> F {
        if x.iter().any(|&x| x < F::zero()) {
            if GRAD {
                grad.fill(F::zero());
            }
            return F::neg_infinity();
        }
        let mut value = F::zero();
        for (j, &x) in x.iter().enumerate() {
            let log_rate = self.log_rate[[t, j]];
            let events = a.exp(log_rate) * x;
            value += log_rate - events;
            if GRAD {
                grad[j] = F::one() - events;
            }
        }
        value
    }

    fn admits(&self, x: &ArrayRef2<F>) -> Result<()> {
        let found = x.indexed_iter().find(|(_, x)| x.is_infinite());
        found.map_or(Ok(()), |((i, j), x)| {
            Err(Error::Entry { name: "x", index: vec![i, j], value: x.as_f64(), expected: "a finite time" })
        })
    }
}

#[test]
fn law_three_methods_make_a_law() {
    let law = Waiting { log_rate: array![[0.0, 2.0_f64.ln()], [1.0, -1.0]] };
    let x = array![[1.0, 0.5], [-0.1, 3.0]];
    let at = law.log_prob_grad(&x).unwrap();
    assert!((at.value[0] - (2.0_f64.ln() - 2.0)).abs() <= 4.0 * f64::EPSILON);
    assert_eq!(at.grad.logits().row(0), array![0.0, 0.0]);
    // Outside the support: no density, and no gradient.
    assert_eq!(at.value[1], f64::NEG_INFINITY);
    assert_eq!(at.grad.logits().row(1), array![0.0, 0.0]);
    assert_eq!(law.log_prob(&x).unwrap(), at.value);
    assert_eq!(law.score(&x).unwrap().collect(), at.grad);
    let refused = Error::Entry { name: "x", index: vec![1, 0], value: f64::INFINITY, expected: "a finite time" };
    let x = array![[1.0, 0.5], [f64::INFINITY, 3.0]];
    assert_eq!(law.log_prob(&x), Err(refused.clone()));
    assert_eq!(law.log_prob_grad(&x).err(), Some(refused.clone()));
    assert_eq!(law.score(&x).err(), Some(refused));
}

#[test]
fn hard_a_row_without_gradient_needs_no_place_for_it() {
    let (loc, log_scale) = (array![[0.5, 1.0, -1.0]], array![[0.0, 0.5, -0.5]]);
    let q = DiagGaussian::new(&loc, &log_scale).unwrap();
    let x = [1.0, 0.0, 0.25];
    let mut grad = [f64::NAN; 6];
    let with = q.log_prob_row::<_, true>(Plain, 0, &x, &mut grad);
    assert_eq!(q.log_prob_row::<_, false>(Plain, 0, &x, &mut []), with);
    assert!(grad.iter().all(|g| g.is_finite()), "every entry is written");
}

#[test]
fn hard_score_rows_keep_the_sharing_of_their_law() {
    let (loc, log_scale) = (array![1.0, 2.0], array![0.0, 0.0]);
    let q = DiagGaussian::shared(&loc, &log_scale, 3).unwrap();
    let x = array![[1.0, 2.0], [2.0, 2.0], [1.0, 4.0]];
    let score = q.score(&x).unwrap();
    assert_eq!(score.shape(), Shape { rows: 1, repeat: 3, dim: 2 });
    assert_eq!(score.parts(), q.parts());
    assert_eq!(score.collect().flat().nrows(), 3);
    assert_eq!(score.total().unwrap().loc(), array![[1.0, 2.0]]);
    assert_eq!(score.weighted(&array![0.0, 1.0, 0.5]).unwrap().loc(), array![[1.0, 1.0]]);
    let mut seen = Vec::new();
    score.visit_rows(Level::Plain, 1..9, |i, row| seen.push((i, row[0])));
    assert_eq!(seen, [(1, 1.0), (2, 0.0)], "a range ends with the rows");
    score.visit_rows(Level::best(), 7..9, |_, _| panic!("there is no row 7"));
    let short = score.weighted(&Array1::zeros(2));
    assert_eq!(short, Err(Error::Shape { name: "weights", got: vec![2], expected: vec![3] }));
}

/// Into an earlier result of any layout and content: the same numbers.
#[test]
fn law_into_an_earlier_result_is_the_same() {
    let (n, d) = (5, 37);
    let head = Array2::from_shape_fn((n, 2 * d), |(i, j)| ((7 * i + 3 * j) % 11) as f64 * 0.1 - 0.4);
    let x = Array2::from_shape_fn((n, d), |(i, j)| ((5 * i + 2 * j) % 13) as f64 * 0.2 - 1.0);
    let q = DiagGaussian::from_head(&head).unwrap();
    let parts = q.parts();
    for column_order in [false, true] {
        let stale = Array2::from_elem((n, 2 * d), f64::NAN);
        let flat = if column_order { stale.t().as_standard_layout().into_owned().reversed_axes() } else { stale };
        let mut into = ValueGrad { value: Array1::from_elem(n, f64::NAN), grad: Grad::new(flat, parts).unwrap() };
        q.log_prob_grad_into(&x, &mut into).unwrap();
        assert_eq!(into, q.log_prob_grad(&x).unwrap());
        q.kl_standard_into(&mut into).unwrap();
        assert_eq!(into, q.kl_standard());
        let rows = Array2::from_elem((n, d), f64::NAN);
        let mut z =
            if column_order { rows.reversed_axes().as_standard_layout().into_owned().reversed_axes() } else { rows };
        q.sample_into(&mut StdRng::seed_from_u64(1), &mut z).unwrap();
        assert_eq!(z, q.sample(&mut StdRng::seed_from_u64(1)));
        let bits = Bernoulli::new(&x).unwrap();
        bits.sample_into(&mut StdRng::seed_from_u64(2), &mut z).unwrap();
        assert_eq!(z, bits.sample(&mut StdRng::seed_from_u64(2)));
    }
}

#[test]
fn hard_an_earlier_result_of_another_shape_stays_as_it_is() {
    let q = DiagGaussian::<f64>::from_head(Array2::zeros((2, 6))).unwrap();
    let other = DiagGaussian::from_head(Array2::zeros((2, 2))).unwrap();
    let x = Array2::zeros((2, 3));
    let mut into = other.log_prob_grad(&Array2::ones((2, 1))).unwrap();
    let before = into.clone();
    let wrong = Err(Error::Shape { name: "into", got: vec![2, 2], expected: vec![2, 6] });
    assert_eq!(q.log_prob_grad_into(&x, &mut into), wrong);
    assert_eq!(q.kl_standard_into(&mut into), wrong);
    assert_eq!(into, before);
    into.value = Array1::ones(3);
    let wrong = Err(Error::Shape { name: "into", got: vec![3], expected: vec![2] });
    assert_eq!(other.log_prob_grad_into(&Array2::ones((2, 1)), &mut into), wrong);
    let mut z = Array2::<f64>::ones((3, 3));
    let wrong = Err(Error::Shape { name: "out", got: vec![3, 3], expected: vec![2, 3] });
    assert_eq!(q.sample_into(&mut StdRng::seed_from_u64(1), &mut z), wrong);
    assert_eq!(z, Array2::<f64>::ones((3, 3)));
}

/// A law with a fault, of which the rows are narrower than its parts from row 200 on: no row of another batch is taken for
/// its own.
struct Narrow;

impl Distribution<f64> for Narrow {
    type Parts = LogitParts;

    fn parts(&self) -> LogitParts {
        LogitParts { dim: 1 }
    }

    fn shape(&self) -> Shape {
        Shape { rows: 1, repeat: 300, dim: 1 }
    }

    fn log_prob_row<A: Arithmetic<f64>, const GRAD: bool>(&self, _: A, _: usize, x: &[f64], grad: &mut [f64]) -> f64 {
        let x = if x[0] >= 200.0 { &[][..] } else { x };
        sum_coordinates::<GRAD, _, 1, 1>([x], [grad], |[x]| (x, [x]))
    }
}

#[test]
fn hard_rows_that_do_not_fit_are_not_those_before() {
    let x = Array2::from_shape_fn((300, 1), |(i, _)| i as f64);
    let total = Narrow.score(&x).unwrap().total();
    assert_eq!(total, Err(Error::NaN { name: "score", row: 200 }));
}

/// Rows are written as far as there are rows, and room.
#[test]
fn hard_rows_beyond_the_last_and_room_beyond_rows() {
    let (loc, log_scale) = (array![[1.0]], array![[0.0]]);
    let q = DiagGaussian::new(&loc, &log_scale).unwrap().repeat_rows(2);
    let x = array![[3.0], [1.0]];
    let write = |range: std::ops::Range<usize>, room: usize| {
        let mut out = vec![9.0; room];
        q.score(&x).unwrap().write_rows(Level::best(), range, &mut out);
        out
    };
    assert_eq!(write(0..10, 6), [2.0, 3.0, 0.0, -1.0, 9.0, 9.0]);
    assert_eq!(write(0..2, 3), [2.0, 3.0, 9.0]);
    assert_eq!(write(1..2, 2), [0.0, -1.0]);
    assert_eq!(write(usize::MAX - 1..usize::MAX, 4), [9.0; 4]);
    assert!(write(2..2, 0).is_empty());
}
