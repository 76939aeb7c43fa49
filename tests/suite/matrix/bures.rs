//! The distance against its definition in 110 digits, against matrices that commute, against the transport that it measures,
//! and its derivatives against differences: of definite matrices entry by entry, of singular ones along their rank.

use estimand::Error;
use estimand::check::{derivative, gradient_with_step};
use estimand::matrix::{bures_squared, singular_values};
use estimand::ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, Axis, Slice, array};
use proptest::prelude::*;

use crate::support::matrices::{halves, largest, of_halves, off_identity, orthogonal, product, whole, with_spectrum};
use crate::support::reference::table;
use crate::support::strategy::{array as reals, config};

/// What may count as 0 in a matrix of `d` rows, over its size.
fn rounding(d: usize) -> f64 {
    8.0 * d as f64 * f64::EPSILON
}

/// How far a root of A (X with X X' = A, as B's it is to be near to) is known where A is to the rounding of its largest
/// eigenvalue: that over the root of the least. Of nothing, exactly.
fn known(d: usize, most: f64, least: f64) -> f64 {
    if most > 0.0 { rounding(d) * most / least.sqrt() } else { 0.0 }
}

/// The ends of a spectrum, without its zeros.
fn ends(values: &[f64]) -> (f64, f64) {
    let kept = values.iter().filter(|&&v| v > 0.0);
    let most = kept.clone().fold(0.0, |most: f64, &v| most.max(v));
    (most, kept.fold(f64::INFINITY, |least: f64, &v| least.min(v)))
}

fn trace(a: &ArrayRef2<f64>) -> f64 {
    a.diag().iter().sum()
}

/// I - G: the transport.
fn transport(g: &Array2<f64>) -> Array2<f64> {
    Array2::<f64>::eye(g.nrows()) - g
}

fn spectra(condition: f64) -> impl Strategy<Value = (Vec<f64>, Vec<f64>, Array2<f64>, Array2<f64>)> {
    let half = condition.ln() / 2.0;
    (1_usize..7).prop_flat_map(move |d| {
        let values = || prop::collection::vec((-half..=half).prop_map(f64::exp), d);
        (values(), values(), reals((d, d), -1.0, 1.0), reals((d, d), -1.0, 1.0))
    })
}

/// X (d, r) and Y (d, s), with columns of lengths .5 to 2 at right angles, so that their products have known spectra; and a step.
fn factors() -> impl Strategy<Value = (Array2<f64>, Array2<f64>, Array2<f64>)> {
    (1_usize..6).prop_flat_map(|d| (Just(d), 0..=d, 0..=d)).prop_flat_map(|(d, r, s)| {
        let lengths = || prop::collection::vec(0.5..=2.0_f64, d);
        let seeds = || reals((d, d), -1.0, 1.0);
        (lengths(), lengths(), seeds(), seeds(), seeds()).prop_map(move |(left, right, x, y, step)| {
            let columns = |lengths: &[f64], seed: &Array2<f64>, r: usize| {
                let q = orthogonal(seed);
                Array2::from_shape_fn((d, r), |(i, k)| q[[i, k]] * lengths[k])
            };
            (columns(&left, &x, r), columns(&right, &y, s), step)
        })
    })
}

/// X X', symmetric to the last bit.
fn gram(x: &ArrayRef2<f64>) -> Array2<f64> {
    let row = |i: usize| x.row(i).to_owned();
    Array2::from_shape_fn((x.nrows(), x.nrows()), |(i, j)| row(i).iter().zip(&row(j)).map(|(p, q)| p * q).sum())
}

fn folded(p: &ArrayRef1<f64>, shape: (usize, usize)) -> Array2<f64> {
    Array2::from_shape_vec(shape, p.to_vec()).unwrap()
}

fn flat(a: &ArrayRef2<f64>) -> Array1<f64> {
    a.iter().copied().collect()
}

/// The gradient of differences: number by number where there are few, else along one way.
fn near(f: impl Fn(&ArrayRef1<f64>) -> f64, at: &Array1<f64>, grad: &Array1<f64>, way: &Array1<f64>, step: f64) {
    // Nothing has no gradient.
    if at.is_empty() {
        return;
    }
    if at.len() <= 6 {
        let agreement = gradient_with_step(f, at, grad, step).unwrap();
        assert!(agreement.within(1e-6), "{agreement}");
        return;
    }
    let size: f64 = way.iter().map(|w| w.abs()).sum();
    let slope = derivative(|t| f(&(at + &(way * t))), 0.0, step / size).unwrap().value;
    let expected: f64 = grad.iter().zip(way).map(|(g, w)| g * w).sum();
    let most = grad.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
    assert!((slope - expected).abs() <= 1e-6 * most * size, "{slope} {expected}");
}

/// Whether the ranges of X and Y meet at angles that are no right ones, for a derivative by differences.
fn far_from_a_kink(x: &Array2<f64>, y: &Array2<f64>) -> bool {
    singular_values(&product(&x.t(), y)).unwrap().iter().all(|&s| s > 0.1)
}

/// Value, gradients: definite matrices of condition 1 to 10^10, pairs 2^-10 and 2^-25 apart, singular ones.
#[test]
fn ref_bures_distances() {
    for row in table("bures.csv") {
        let d = row.number(1).unwrap() as usize;
        let [a_most, a_least, b_most, b_least, shared, value] = row.numbers::<6>(2);
        let n = d * (d + 1) / 2;
        let read = |k: usize| -> Array2<f64> {
            whole(&(0..n).map(|i| row.number(8 + k * n + i).unwrap()).collect::<Array1<f64>>(), d)
        };
        let (a, b, d_a, d_b) = (read(0), read(1), read(2), read(3));
        let at = bures_squared(&a, &b).unwrap();
        let off = known(d, a_most, a_least) + known(d, b_most, b_least);
        let allowed = (2.0 * value.sqrt() + off) * off;
        let place = format!("line {} ({}, d = {d})", row.line, row.text(0));
        assert!((at.value - value).abs() <= allowed, "{place}: {} {value} {allowed:e}", at.value);
        // The transport T is monotone in B and antitone in A, as the root is, and so moves by half of what the spectra do,
        // relatively: rounding times cond. A singular matrix's range is turned by that, and what it shares with the other one
        // moves by as much of |A| |B|.
        let conditions = if a_most > 0.0 { a_most / a_least + b_most / b_least } else { 0.0 };
        let singular = row.text(0).contains("singular");
        let turned = if singular { a_most * b_most / (shared * shared) } else { 1.0 };
        for (got, expected) in [(&at.grad.0, &d_a), (&at.grad.1, &d_b)] {
            let size = largest(&transport(expected)).max(1.0);
            let allowed = (rounding(d) * conditions * turned + 4.0 * f64::EPSILON) * size;
            let off = largest(&(got - expected));
            assert!(off <= allowed, "{place}: {off:e} {allowed:e}");
            assert_eq!(got, &got.t(), "{place}");
        }
    }
}

proptest! {
    #![proptest_config(config())]

    /// With common eigenvectors: the sum of (sqrt a - sqrt b)^2; in A, 1 - sqrt(b / a) in the same basis.
    #[test]
    fn law_of_matrices_that_commute_the_distance_is_that_of_their_roots((a, b, seed, _) in spectra(1e4), singular in any::<bool>()) {
        let d = a.len();
        let (mut a, b) = (a, b);
        if singular {
            a[0] = 0.0;
        }
        let expected: f64 = a.iter().zip(&b).map(|(a, b)| (a.sqrt() - b.sqrt()).powi(2)).sum();
        let at = bures_squared(&with_spectrum(&a, &seed), &with_spectrum(&b, &seed)).unwrap();
        let ((a_most, a_least), (b_most, b_least)) = (ends(&a), ends(&b));
        let off = known(d, a_most, a_least) + known(d, b_most, b_least);
        prop_assert!((at.value - expected).abs() <= (2.0 * expected.sqrt() + off) * off, "{} {expected}", at.value);
        let slope = |p: &[f64], q: &[f64]| -> Vec<f64> {
            p.iter().zip(q).map(|(p, q)| if *p > 0.0 && *q > 0.0 { 1.0 - (q / p).sqrt() } else { 1.0 }).collect()
        };
        let conditions = if a_most > 0.0 { a_most / a_least + b_most / b_least } else { 0.0 };
        // A range that is turned takes what is across it along: |A| |B| over the least of their common parts.
        let turned = if singular { a_most * b_most / (a_least * b_least).min(f64::INFINITY) } else { 1.0 };
        for (got, slopes) in [(&at.grad.0, slope(&a, &b)), (&at.grad.1, slope(&b, &a))] {
            let size = slopes.iter().fold(1.0, |most: f64, s| most.max((1.0 - s).abs()));
            let allowed = (rounding(d) * (conditions * turned.max(1.0)).max(1.0)) * size;
            let off = largest(&(got - &with_spectrum(&slopes, &seed)));
            prop_assert!(off <= allowed, "{off:e} {allowed:e}");
        }
    }

    /// T = I - d/dA carries N(0, A) to N(0, B): T A T = B. The distance is what that costs, tr (I - T) A (I - T); and the way
    /// back is the inverse, I - d/dB.
    #[test]
    fn law_the_derivative_is_the_transport_and_the_distance_its_cost((a, b, seed, other) in spectra(1e3)) {
        let d = a.len();
        let ((a_most, a_least), (b_most, b_least)) = (ends(&a), ends(&b));
        let (a, b) = (with_spectrum(&a, &seed), with_spectrum(&b, &other));
        let at = bures_squared(&a, &b).unwrap();
        let (forth, back) = (transport(&at.grad.0), transport(&at.grad.1));
        let unit = rounding(d) * (a_most / a_least + b_most / b_least);
        // T is relatively known to the unit, and T' A T to twice that, of what is summed.
        let size = |t: &Array2<f64>, m: &Array2<f64>| (d * d) as f64 * largest(t).powi(2) * largest(m);
        prop_assert!(largest(&(product(&forth, &product(&a, &forth)) - &b)) <= 2.0 * unit * size(&forth, &a));
        prop_assert!(largest(&(product(&back, &product(&b, &back)) - &a)) <= 2.0 * unit * size(&back, &b));
        prop_assert!(off_identity(&forth, &back) <= 2.0 * unit * d as f64 * largest(&forth) * largest(&back));
        let cost = trace(&product(&at.grad.0, &product(&a, &at.grad.0)));
        prop_assert!((cost - at.value).abs() <= 2.0 * unit * (size(&forth, &a) + d as f64 * largest(&a)));
        prop_assert!(at.value > 0.0 || a == b);
    }

    /// Definite matrices, along the lower halves of symmetric steps, of which the longest is a sixteenth of the way to the next
    /// singular one.
    #[test]
    fn law_derivatives_of_the_distance_are_those_of_differences((a, b, seed, other) in spectra(50.0)) {
        let d = a.len();
        let least = |values: &[f64]| ends(values).1.min(1.0);
        let (step_a, step_b) = (least(&a), least(&b));
        let (a, b) = (with_spectrum(&a, &seed), with_spectrum(&b, &other));
        let at = bures_squared(&a, &b).unwrap();
        let value = |a: &ArrayRef2<f64>, b: &ArrayRef2<f64>| bures_squared(a, b).map_or(f64::NAN, |at| at.value);
        let (way_a, way_b) = (halves(&other), halves(&seed));
        let (step_a, step_b) = (step_a / largest(&a).max(1.0) / 16.0, step_b / largest(&b).max(1.0) / 16.0);
        near(|p| value(&whole(p, d), &b), &halves(&a), &of_halves(&at.grad.0), &way_a, step_a);
        near(|p| value(&a, &whole(p, d)), &halves(&b), &of_halves(&at.grad.1), &way_b, step_b);
        prop_assert_eq!(&at.grad.0, &at.grad.0.t());
        prop_assert_eq!(&at.grad.1, &at.grad.1.t());
    }

    /// Of any ranks: along X(t) the slope of d^2(X X', B) is tr(G (dX X' + X dX')), so 2 G X in X, cross terms included.
    #[test]
    fn law_derivatives_along_a_rank_are_those_of_differences((x, y, step) in factors().prop_filter("no kink", |(x, y, _)| far_from_a_kink(x, y))) {
        let at = bures_squared(&gram(&x), &gram(&y)).unwrap();
        let (in_x, in_y) = (product(&at.grad.0, &x) * 2.0, product(&at.grad.1, &y) * 2.0);
        let value = |x: &Array2<f64>, y: &Array2<f64>| bures_squared(&gram(x), &gram(y)).map_or(f64::NAN, |at| at.value);
        let way = |m: &Array2<f64>| Array1::from_shape_fn(m.len(), |k| step.as_slice().unwrap()[k]);
        near(|p| value(&folded(p, x.dim()), &y), &flat(&x), &flat(&in_x), &way(&x), 0.02);
        near(|p| value(&x, &folded(p, y.dim())), &flat(&y), &flat(&in_y), &way(&y), 0.02);
        // The transports reach as far as both ranges do.
        let shared = x.ncols().min(y.ncols());
        let rank = |g: &Array2<f64>| singular_values(&transport(g)).unwrap().iter().filter(|&&s| s > 1e-6).count();
        prop_assert_eq!((rank(&at.grad.0), rank(&at.grad.1)), (shared, shared));
    }

    /// The value of singular matrices is 0 at themselves, and the derivative the projection from their range, which no step
    /// along the rank feels. No eigenvalue of rounding counts for one.
    #[test]
    fn law_a_singular_matrix_is_no_distance_from_itself((x, _, _) in factors()) {
        let a = gram(&x);
        let at = bures_squared(&a, &a).unwrap();
        let d = x.nrows();
        // Lengths are .5 to 2.
        let off = 2.0 * known(d, 4.0, 0.25);
        prop_assert!(at.value >= 0.0 && at.value <= off * off);
        for g in [&at.grad.0, &at.grad.1] {
            prop_assert!(largest(&product(g, &x)) <= rounding(d) * 64.0);
            prop_assert!((trace(g) - (d - x.ncols()) as f64).abs() <= rounding(d) * 64.0);
        }
    }

    /// A distance: symmetric, never negative, no longer than by way of a third; and it scales as a square.
    #[test]
    fn law_it_is_a_distance((x, y, z) in factors(), mixer in reals((5, 5), -1.0, 1.0)) {
        let d = x.nrows();
        let (a, b, c) = (gram(&x), gram(&y), gram(&z));
        let square = |a: &Array2<f64>, b: &Array2<f64>| bures_squared(a, b).unwrap().value;
        let least = |m: &Array2<f64>| ends(&singular_values(m).unwrap().iter().map(|s| s * s).filter(|s| *s > 1e-12).collect::<Vec<_>>());
        let off = |m: &Array2<f64>| { let (most, least) = least(m); known(d, most, least) };
        let (ab, bc, ac) = (square(&a, &b), square(&b, &c), square(&a, &c));
        prop_assert!(ab >= 0.0 && bc >= 0.0 && ac >= 0.0);
        prop_assert!(ac.sqrt() <= ab.sqrt() + bc.sqrt() + 2.0 * (off(&x) + off(&y) + off(&z)));
        prop_assert!((ab.sqrt() - square(&b, &a).sqrt()).abs() <= off(&x) + off(&y));
        // Powers of two change no digit.
        let scaled = bures_squared(&(&a * 0.25), &(&b * 0.25)).unwrap();
        prop_assert!((scaled.value - 0.25 * ab).abs() <= 4.0 * f64::EPSILON * ab);
        // Seen in another basis it is the same.
        let q = orthogonal(&mixer.slice_axis(Axis(0), Slice::from(..d)).slice_axis(Axis(1), Slice::from(..d)).to_owned());
        let turned = square(&gram(&product(&q, &x)), &gram(&product(&q, &y)));
        prop_assert!((turned.sqrt() - ab.sqrt()).abs() <= 4.0 * (off(&x) + off(&y)));
    }

    /// A kink: A has a direction at right angles to B, and B one to A. Of a step each way the slopes differ; what is given is
    /// their mean, and each is off it by twice what the two directions are turned to each other.
    #[test]
    fn law_at_a_kink_the_derivative_is_the_mean_of_both_slopes(
        (roots, seed, step) in (prop::collection::vec(0.5..=2.0_f64, 4), reals((4, 4), -1.0, 1.0), reals((4, 2), -1.0, 1.0)),
    ) {
        let q = orthogonal(&seed);
        let column = |k: usize, length: f64| q.column(k).mapv(|q| q * length);
        let of = |columns: [Array1<f64>; 2]| Array2::from_shape_fn((4, 2), |(i, k)| columns[k][i]);
        let (x, y) = (of([column(0, roots[0]), column(1, roots[1])]), of([column(0, roots[2]), column(2, roots[3])]));
        let at = bures_squared(&gram(&x), &gram(&y)).unwrap();
        let f = |t: f64| bures_squared(&gram(&(&x + &(&step * t))), &gram(&y)).unwrap().value;
        // The error of a difference is of the order of its step; of two, of its square.
        let slope = |t: f64| (f(t) - at.value) / t;
        let (above, below) = (2.0 * slope(1e-4) - slope(2e-4), 2.0 * slope(-1e-4) - slope(-2e-4));
        let given = 2.0 * (product(&at.grad.0, &x) * &step).sum();
        let across: f64 = (0..4).map(|i| step[[i, 1]] * y[[i, 1]]).sum();
        prop_assert!((0.5 * (above + below) - given).abs() <= 1e-5, "{above} {below} {given}");
        prop_assert!((above - (given - 2.0 * across.abs())).abs() <= 1e-5, "{above} {given} {across}");
    }
}

/// Where a singular A shares all directions of B every step of A has its slope, those that raise the rank too. And where B has
/// more, the distance falls as the root of such a step.
#[test]
fn law_steps_that_raise_the_rank_have_a_slope_where_b_is_shared() {
    let mixer = array![[0.3, -0.2, 0.9], [0.5, 0.8, 0.1], [-0.4, 0.6, 0.7]];
    let a = with_spectrum(&[0.0, 1.0, 2.0], &mixer);
    let line = gram(&array![[0.5], [-1.0], [0.25]]);
    let at = bures_squared(&a, &line).unwrap();
    let rise = gram(&array![[1.0], [0.5], [2.0]]);
    let f = |h: f64| bures_squared(&(&a + &(&rise * h)), &line).unwrap().value;
    // An error of the order of the step squared.
    let slope = (2.0 * (f(1e-4) - f(0.0)) - (f(2e-4) - f(0.0)) / 2.0) / 1e-4;
    assert!((slope - (&at.grad.0 * &rise).sum()).abs() <= 1e-5, "{slope} {}", (&at.grad.0 * &rise).sum());
    // Of a definite B: by four times the step, by twice the fall.
    let b = Array2::<f64>::eye(3);
    let fall = |h: f64| bures_squared(&a, &b).unwrap().value - bures_squared(&(&a + &(&rise * h)), &b).unwrap().value;
    assert!((fall(4e-8) / fall(1e-8) - 2.0).abs() <= 1e-2 && fall(1e-8) > 1e-5, "{} {}", fall(1e-8), fall(4e-8));
}

#[test]
fn hard_known_distances() {
    let a = array![[1.0, 0.95], [0.95, 1.0]];
    let expected = 4.0 - 2.0 * (1.95_f64.sqrt() + 0.05_f64.sqrt());
    let at = bures_squared(&a, &Array2::eye(2)).unwrap();
    assert!((at.value - expected).abs() < 4.0 * f64::EPSILON && (at.value - 0.7599).abs() < 5e-5);
    // At right angles nothing is shared: all of both is moved.
    let (x, y) = (array![[4.0, 0.0], [0.0, 0.0]], array![[0.0, 0.0], [0.0, 9.0]]);
    let apart = bures_squared(&x, &y).unwrap();
    assert_eq!(apart.value, 13.0);
    assert_eq!(apart.grad, (Array2::eye(2), Array2::eye(2)));
    // Nearly at right angles, by what a number can hold: still a derivative, and of the length of a transport.
    let near = bures_squared(&x, &gram(&array![[1e-3], [3.0]])).unwrap();
    assert!((transport(&near.grad.1)[[0, 0]] - 2.0 / 1e-3).abs() < 1e-9);
    // Equal matrices of condition 10^10.
    let steep = with_spectrum(&[1e-5, 1.0, 1e5], &array![[0.3, -0.2, 0.9], [0.5, 0.8, 0.1], [-0.4, 0.6, 0.7]]);
    let none = bures_squared(&steep, &steep).unwrap();
    let off = known(3, 1e5, 1e-5);
    assert!(none.value >= 0.0 && none.value <= off * off);
    assert!(largest(&none.grad.0) <= rounding(3) * 1e10);
}

#[test]
fn hard_distances_at_the_edges() {
    let none = bures_squared(&Array2::zeros((0, 0)), &Array2::zeros((0, 0))).unwrap();
    assert_eq!((none.value, none.grad.0.len()), (0.0, 0));
    let zero = Array2::<f64>::zeros((2, 2));
    let at = bures_squared(&zero, &zero).unwrap();
    assert_eq!((at.value, &at.grad.0), (0.0, &Array2::eye(2)));
    let at = bures_squared(&array![[2.0, 1.0], [1.0, 2.0]], &zero).unwrap();
    assert!((at.value - 4.0).abs() <= 8.0 * f64::EPSILON);
    assert_eq!(at.grad, (Array2::eye(2), Array2::eye(2)));
    // Sizes whose squares are no numbers, and two of them far apart.
    for (p, q) in [(1e-200, 1e-200), (1e200, 1e200), (1e-200, 1e200), (1e300, 1e300), (1e-300, 1e-300)] {
        let at = bures_squared(&array![[4.0 * p, 0.0], [0.0, p]], &array![[q, 0.0], [0.0, 4.0 * q]]).unwrap();
        let (p, q) = (f64::sqrt(p), f64::sqrt(q));
        let expected = (2.0 * p - q).powi(2) + (p - 2.0 * q).powi(2);
        assert!((at.value / expected - 1.0).abs() <= 1e-14, "{} {expected}", at.value);
        assert!((transport(&at.grad.0)[[1, 1]] / (2.0 * q / p) - 1.0).abs() <= 1e-14 || q < p);
    }
}

#[test]
fn hard_what_has_no_distance() {
    let (two, three) = (Array2::<f64>::eye(2), Array2::<f64>::eye(3));
    let shape = |name, got: &[usize], expected: &[usize]| {
        Some(Error::Shape { name, got: got.to_vec(), expected: expected.to_vec() })
    };
    assert_eq!(bures_squared(&two, &three).err(), shape("b", &[3, 3], &[2, 2]));
    assert_eq!(bures_squared(&Array2::zeros((2, 3)), &two).err(), shape("a", &[2, 3], &[2, 2]));
    let nan = array![[1.0, 0.0], [f64::NAN, 1.0]];
    assert_eq!(bures_squared(&nan, &two).err(), Some(Error::NaN { name: "a", row: 1 }));
    assert_eq!(bures_squared(&two, &nan).err(), Some(Error::NaN { name: "b", row: 1 }));
    let infinite = array![[f64::INFINITY, 0.0], [0.0, 1.0]];
    let entry =
        |name| Some(Error::Entry { name, index: vec![0, 0], value: f64::INFINITY, expected: "a finite number" });
    assert_eq!(bures_squared(&infinite, &two).err(), entry("a"));
    assert_eq!(bures_squared(&two, &infinite).err(), entry("b"));
    let expected = "the entry across the diagonal, to 8 epsilon of the largest";
    let lopsided = array![[1.0, 0.25], [0.5, 1.0]];
    let entry = |name| Some(Error::Entry { name, index: vec![1, 0], value: 0.5, expected });
    assert_eq!(bures_squared(&lopsided, &two).err(), entry("a"));
    assert_eq!(bures_squared(&two, &lopsided).err(), entry("b"));
    let expected = "not negative (a positive semi-definite matrix)";
    let negative = array![[1.0, 0.0], [0.0, -0.5]];
    let pivot = |name| Some(Error::Pivot { name, pivot: 0, value: -0.5, expected });
    assert_eq!(bures_squared(&negative, &two).err(), pivot("a"));
    assert_eq!(bures_squared(&two, &negative).err(), pivot("b"));
}
