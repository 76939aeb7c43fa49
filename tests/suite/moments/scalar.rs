use estimand::kernel::Level;
use estimand::moments::Moments;
use estimand::ndarray::{Array1, Axis, Slice, array};
use estimand::noise::Standard;
use estimand::rand::{SeedableRng, rngs::StdRng};
use estimand::{Error, Real};
use proptest::prelude::*;

use super::{CHAIN, assert_readings, exact, numbers};
use crate::support::near::{assert_eps, ulps};
use crate::support::reference::table;
use crate::support::strategy::config;
use crate::support::threads::with_threads;

fn readings<F: Real>(moments: &Moments<F>) -> (F, F) {
    (moments.mean().unwrap(), moments.variance().unwrap())
}

fn pushed<F: Real>(x: &[F]) -> Moments<F> {
    let mut moments = Moments::new();
    x.iter().for_each(|&x| moments.push(x));
    moments
}

/// The same numbers in every way that they may arrive, cut at `at`.
fn ways<F: Real>(x: &[F], at: usize) -> Vec<(&'static str, Moments<F>)> {
    let whole = Array1::from_vec(x.to_vec());
    let (head, tail) = x.split_at(at);
    let mut merged = pushed(head);
    merged.merge(&Moments::of(&Array1::from_vec(tail.to_vec())));
    let mut extended = Moments::of(&Array1::from_vec(head.to_vec()));
    extended.extend(tail.iter().copied());
    let mut then_pushed: Moments<F> = head.iter().copied().collect();
    tail.iter().for_each(|&x| then_pushed.push(x));
    let ones = Array1::ones(x.len());
    vec![
        ("pushed", pushed(x)),
        ("of", Moments::of(&whole)),
        ("of, plain", Moments::of_at(Level::Plain, &whole)),
        ("merged", merged),
        ("extended", extended),
        ("then pushed", then_pushed),
        ("of weights 1", Moments::of_weighted(&whole, &ones).unwrap()),
    ]
}

fn every_way<F: Real>(x: &[f64], at: usize) {
    let x: Vec<F> = x.iter().map(|&x| F::of(x)).collect();
    let ones = vec![F::one(); x.len()];
    for (what, moments) in ways(&x, at) {
        assert_eq!(moments.count(), x.len(), "{what}");
        assert_eq!(moments.weight(), F::count(x.len()), "{what}");
        assert_readings(what, readings(&moments), &x, &ones, CHAIN);
    }
}

fn weighted<F: Real>(x: &[f64], weights: &[f64], scale: f64) {
    let x: Vec<F> = x.iter().map(|&x| F::of(x)).collect();
    let w: Vec<F> = weights.iter().map(|&w| F::of(w)).collect();
    let scaled: Vec<F> = weights.iter().map(|&w| F::of(w * scale)).collect();
    let [ax, aw] = [&x, &scaled].map(|v| Array1::from_vec(v.clone()));
    let bulk = Moments::of_weighted(&ax, &aw).unwrap();
    let mut parts = [Moments::new(), Moments::new()];
    for (i, (&x, &w)) in x.iter().zip(&scaled).enumerate() {
        parts[usize::from(3 * i > 2 * scaled.len())].push_weighted(x, w).unwrap();
    }
    let [mut merged, last] = parts;
    merged.merge(&last);
    let e = exact(&x, &w);
    // A share is rounded twice and each step of a ratio has a few roundings of its own size, which is a
    // share of the ratio at the most; all shares add up to 1 + ln n.
    let few = 8.0 * (1.0 + (x.len() as f64).ln());
    for (what, moments) in [("bulk", bulk), ("merged", merged)] {
        assert_readings(what, readings(&moments), &x, &w, 8);
        assert_eps(moments.weight(), e.weight * scale, e.weight * scale, few, "weight");
        let effective = e.weight * e.weight / e.squares;
        assert_eps(moments.effective_count().unwrap(), effective, effective, few, "effective count");
        // The divisor of the reliability form.
        let unbiased = e.variance * e.weight / (e.weight - e.squares / e.weight);
        if weights.iter().filter(|&&w| w > 0.0).count() > 1 {
            // Where one weight is nearly all, the reference itself cancels.
            let cancels = e.weight / (e.weight - e.squares / e.weight);
            let few = few + CHAIN as f64 + cancels * f64::EPSILON / F::epsilon().as_f64() * 8.0;
            assert_eps(moments.unbiased_variance().unwrap(), unbiased, unbiased, few, "unbiased");
            let error = (unbiased / effective).sqrt();
            assert_eps(moments.std_error().unwrap(), error, error, few, "std error");
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_every_way_is_the_definition(x in numbers(1..3000), cut in 0.0..1.0_f64) {
        let at = (cut * x.len() as f64) as usize;
        every_way::<f32>(&x, at);
        every_way::<f64>(&x, at);
    }

    #[test]
    fn law_weights_are_by_the_definition(
        pairs in prop::collection::vec((-5.0..5.0_f64, prop::sample::select(vec![0.0, 1e-3, 0.5, 1.0, 3.0, 1e3])), 1..200),
    ) {
        let round = |x: f64| f64::from(x as f32);
        let (x, w): (Vec<f64>, Vec<f64>) = pairs.into_iter().map(|(x, w)| (round(x), round(w))).unzip();
        prop_assume!(w.iter().any(|&w| w > 0.0));
        // Weights of any size: their squares need not be numbers.
        weighted::<f32>(&x, &w, 2.0_f64.powi(-80));
        weighted::<f32>(&x, &w, 2.0_f64.powi(80));
        weighted::<f64>(&x, &w, 2.0_f64.powi(-700));
        weighted::<f64>(&x, &w, 2.0_f64.powi(700));
    }

    /// Whole weights are repetitions, but for the row count.
    #[test]
    fn law_a_weight_is_so_many_times(pairs in prop::collection::vec((-5.0..5.0_f64, 0_usize..5), 1..60)) {
        prop_assume!(pairs.iter().any(|&(_, w)| w > 0));
        let x = Array1::from_iter(pairs.iter().map(|&(x, _)| x));
        let w = Array1::from_iter(pairs.iter().map(|&(_, w)| w as f64));
        let moments = Moments::of_weighted(&x, &w).unwrap();
        let many: Vec<f64> = pairs.iter().flat_map(|&(x, w)| std::iter::repeat_n(x, w)).collect();
        prop_assert_eq!(moments.weight(), many.len() as f64);
        assert_readings("repeated", readings(&moments), &many, &vec![1.0; many.len()], 8);
        let scatter = moments.variance().unwrap() * many.len() as f64;
        prop_assert!(ulps(moments.scatter().unwrap(), scatter) <= 1.0);
    }

    #[test]
    fn law_merge_is_associative_and_commutative(
        a in numbers(0..50), b in numbers(0..50), c in numbers(1..50), wa in 0.1..9.0_f64,
    ) {
        let all: Vec<f64> = a.iter().chain(&b).chain(&c).copied().collect();
        let weights: Vec<f64> = std::iter::repeat_n(wa, a.len()).chain(vec![1.0; b.len() + c.len()]).collect();
        let ma = Moments::of_weighted(&Array1::from_vec(a.clone()), &Array1::from_elem(a.len(), wa)).unwrap();
        let (mb, mc) = (pushed(&b), pushed(&c));
        let join = |x: &Moments<f64>, y: &Moments<f64>| {
            let mut joined = *x;
            joined.merge(y);
            joined
        };
        let orders = [
            join(&join(&ma, &mb), &mc), join(&ma, &join(&mb, &mc)), join(&mc, &join(&mb, &ma)), join(&join(&mc, &ma), &mb),
        ];
        for moments in orders {
            prop_assert_eq!(moments.count(), all.len());
            assert_readings("order", readings(&moments), &all, &weights, 8);
        }
    }
}

/// 10^12 + u: the variance of u, where the formula by raw moments has no digit, nor a mean of the
/// plain kind a place for it.
#[test]
fn law_a_shift_changes_the_mean_alone() {
    let u = Standard::Uniform.draw::<f64, _, _>(&mut StdRng::seed_from_u64(1), 200_000);
    let x: Vec<f64> = u.iter().map(|u| 1e12 + u).collect();
    let ones = vec![1.0; x.len()];
    for (what, moments) in ways(&x, 77_777) {
        assert_readings(what, readings(&moments), &x, &ones, CHAIN);
        assert!((moments.variance().unwrap() * 12.0 - 1.0).abs() < 0.02, "{what}");
    }
    let n = x.len() as f64;
    let (sum, squares) = x.iter().fold((0.0, 0.0), |(s, q), &x| (s + x, q + x * x));
    let raw = squares / n - (sum / n).powi(2);
    assert!((raw * 12.0 - 1.0).abs() > 100.0, "raw moments would do: {raw}");

    let single: Vec<f32> = u.iter().map(|&u| 65_536.0 + u as f32).collect();
    let ones = vec![1.0; single.len()];
    for (what, moments) in ways(&single, 77_777) {
        assert_readings(what, readings(&moments), &single, &ones, CHAIN);
    }
}

/// Millions of steps in f32, each below the last place of the count or the mean.
#[test]
fn hard_a_stream_does_not_stand_still() {
    let n = 20_000_000;
    let mut moments = Moments::<f32>::new();
    let mut plain = (0.0_f32, 0.0_f32);
    for i in 0..n {
        // The mean moves from 1 to 1.5 in the second half.
        let x = if i < n / 2 { 1.0 } else { 2.0 };
        moments.push(x);
        let d = x - plain.0;
        plain.0 += d / (i + 1) as f32;
        plain.1 += d * (x - plain.0);
    }
    assert_eq!(readings(&moments), (1.5, 0.25));
    let variance = plain.1 / n as f32;
    assert!((variance - 0.25).abs() > 1e-3, "Welford's steps alone would do: {variance}");
}

#[test]
fn law_bits_do_not_depend_on_threads_or_layout() {
    let x = Standard::Normal.draw::<f64, _, _>(&mut StdRng::seed_from_u64(2), 300_001);
    let w = x.mapv(f64::abs);
    let one = with_threads(1, || (Moments::of(&x), Moments::of_weighted(&x, &w).unwrap()));
    for threads in [2, 7] {
        assert!(with_threads(threads, || (Moments::of(&x), Moments::of_weighted(&x, &w).unwrap())) == one);
    }
    let mut reversed = x.clone();
    reversed.invert_axis(Axis(0));
    assert_ne!(Moments::of(&reversed), one.0, "another order has other roundings");
    let mut stored = Array1::from_iter(reversed.iter().flat_map(|&x| [x, f64::NAN]));
    stored.slice_axis_inplace(Axis(0), Slice::new(0, None, 2));
    assert_eq!(Moments::of(&stored), Moments::of(&reversed));
}

/// NIST certifies mean 852.4 and sd 79.0105478190518 of the last digits of Michelson's measurements.
#[test]
fn ref_michelson() {
    let x: Vec<f64> = table("michelson1879.csv").iter().map(|row| row.number(2).unwrap()).collect();
    assert_eq!(x.len(), 100);
    for (what, moments) in ways(&x, 33) {
        assert!(ulps(moments.mean().unwrap(), 852.4) <= 1.0, "{what}");
        // 15 digits are certified.
        assert!((moments.unbiased_variance().unwrap().sqrt() / 79.010_547_819_051_8 - 1.0).abs() < 2e-15, "{what}");
    }
}

/// NIST's NumAcc1 to NumAcc4: few digits of many vary. Certified: means 10000002, 1.2, 1000000.2 and
/// 10000000.2, sd 1 and .1. What the decimal digits lose on their way to f64 is half a last place a
/// number, and a variance is off by twice that over the standard deviation.
#[test]
fn ref_numerical_accuracy() {
    let alternating = |first: f64, low: f64, high: f64| -> Vec<f64> {
        std::iter::once(first).chain((0..500).flat_map(|_| [low, high])).collect()
    };
    let sets = [
        (vec![10_000_001.0, 10_000_003.0, 10_000_002.0], 10_000_002.0, 1.0),
        (alternating(1.2, 1.1, 1.3), 1.2, 0.1),
        (alternating(1_000_000.2, 1_000_000.1, 1_000_000.3), 1_000_000.2, 0.1),
        (alternating(10_000_000.2, 10_000_000.1, 10_000_000.3), 10_000_000.2, 0.1),
    ];
    for (x, mean, sd) in sets {
        let read = 0.5 * f64::EPSILON * mean / sd;
        for (what, moments) in ways(&x, 1) {
            assert!(ulps(moments.mean().unwrap(), mean) <= 1.0, "{what}: {}", moments.mean().unwrap());
            let off = moments.unbiased_variance().unwrap().sqrt() / sd - 1.0;
            assert!(off.abs() <= read + CHAIN as f64 * f64::EPSILON, "{what}: {off:e}");
        }
    }
}

#[test]
fn hard_no_rows_and_one() {
    let nothing = Moments::<f64>::new();
    let few = |got, needs| Err(Error::TooFew { name: "x", got, needs });
    assert_eq!((nothing.count(), nothing.weight()), (0, 0.0));
    for reading in [
        Moments::mean,
        Moments::variance,
        Moments::unbiased_variance,
        Moments::std_error,
        Moments::effective_count,
        Moments::scatter,
    ] {
        assert_eq!(reading(&nothing), few(0, 1));
        assert_eq!(reading(&Moments::of(&Array1::zeros(0))), few(0, 1));
    }
    let one: Moments<f64> = [-3.5].into_iter().collect();
    assert_eq!((readings(&one), one.effective_count(), one.scatter()), ((-3.5, 0.0), Ok(1.0), Ok(0.0)));
    assert_eq!(one.unbiased_variance(), few(1, 2));
    assert_eq!(one.std_error(), few(1, 2));
    let mut merged = nothing;
    merged.merge(&one);
    assert_eq!(merged, one);
    merged.merge(&nothing);
    assert_eq!(merged, one);
}

#[test]
fn hard_the_row_of_a_nan() {
    let clean = [1.0, 2.0];
    for (len, at) in [(5, 3), (2000, 1500), (200_000, 130_000)] {
        let x = Array1::from_shape_fn(len, |i| if i >= at && i % 2 == at % 2 { f64::NAN } else { 1.0 });
        let nan = |row| Err(Error::NaN { name: "x", row });
        let mut moments = Moments::of(&x);
        assert_eq!((moments.mean(), moments.count()), (nan(at), len));
        assert_eq!(pushed(x.as_slice().unwrap()).std_error(), nan(at));
        let weights = Array1::from_elem(len, 0.0);
        assert_eq!(Moments::of_weighted(&x, &weights).unwrap().mean(), nan(at), "a weight of 0 does not hide it");
        // Behind others, and before.
        let mut behind: Moments<f64> = clean.into_iter().collect();
        behind.merge(&moments);
        assert_eq!(behind.variance(), nan(at + 2));
        behind.extend([f64::NAN]);
        assert_eq!(behind.variance(), nan(at + 2));
        moments.extend(clean);
        moments.push(f64::NAN);
        assert_eq!((moments.effective_count(), moments.count()), (nan(at), len + 3));
    }
}

#[test]
fn hard_infinities() {
    let inf = f64::INFINITY;
    let cases = [
        (vec![1.0, inf, 2.0], inf),
        (vec![-inf, 3.0], -inf),
        (vec![inf], inf),
        (vec![inf, inf, 1.0], inf),
        (vec![1.0; 3000].into_iter().chain([inf]).chain(vec![1.0; 3000]).collect(), inf),
    ];
    for (x, mean) in cases {
        for (what, moments) in ways(&x, x.len() / 2) {
            assert_eq!(readings(&moments), (mean, inf), "{what} {:?}", x.len());
        }
    }
    for (what, moments) in ways(&[1.0, inf, 2.0, -inf, 3.0], 2) {
        assert!(moments.mean().unwrap().is_nan() && moments.variance() == Ok(inf), "{what}");
    }
    let silent = Moments::of_weighted(&array![inf, 1.0, -inf, 3.0], &array![0.0, 1.0, 0.0, 1.0]).unwrap();
    assert_eq!((readings(&silent), silent.count(), silent.weight()), ((2.0, 1.0), 4, 2.0));
}

/// Sums of these overflow, and squares of these: the mean is a number all the same.
#[test]
fn hard_the_largest_numbers() {
    let max = f64::MAX;
    for x in [vec![max; 5000], vec![max; 3], vec![-max; 2]] {
        for (what, moments) in ways(&x, 1) {
            assert_eq!(readings(&moments), (x[0], 0.0), "{what}");
        }
    }
    for (what, moments) in ways(&[max, -max, max, -max], 1) {
        let (mean, variance) = readings(&moments);
        assert!(mean.abs() <= 4.0 * f64::EPSILON * max && variance == f64::INFINITY, "{what}: {mean}");
    }
    // A square below the largest number, whose sum over the block is not.
    let x: Vec<f64> = (0..4096).map(|i| if i % 2 == 0 { 1e154 } else { -1e154 }).collect();
    for (what, moments) in ways(&x, 1000) {
        let (mean, variance) = readings(&moments);
        assert!(mean.abs() <= 1e139 && ulps(variance, 1e308) < CHAIN as f64, "{what}: {mean} {variance}");
    }
    // And the smallest, whose squares vanish.
    for (what, moments) in ways(&[5e-324, 1e-323, 1.5e-323], 1) {
        assert_eq!(readings(&moments), (1e-323, 0.0), "{what}");
    }
}

#[test]
fn hard_bad_weights() {
    let x = array![1.0, 2.0, 3.0];
    let of = |weights: Array1<f64>| Moments::of_weighted(&x, &weights);
    let shape = Error::Shape { name: "weights", got: vec![2], expected: vec![3] };
    assert_eq!(of(array![1.0, 1.0]), Err(shape));
    assert_eq!(of(array![1.0, f64::NAN, -1.0]), Err(Error::NaN { name: "weights", row: 1 }));
    let expected = "a finite number that is not negative";
    let entry = |index, value| Err(Error::Entry { name: "weights", index: vec![index], value, expected });
    assert_eq!(of(array![1.0, -0.5, f64::NAN]), entry(1, -0.5));
    assert_eq!(of(array![1.0, 1.0, f64::INFINITY]), entry(2, f64::INFINITY));
    let mut moments = Moments::new();
    for value in [-1.0, f64::INFINITY] {
        assert_eq!(moments.push_weighted(1.0, value), Err(Error::Parameter { name: "weight", value, expected }));
    }
    assert!(moments.push_weighted(1.0, f64::NAN).is_err());
    assert_eq!(moments, Moments::new());

    let none = |value| {
        let expected = "weights whose sum is above 0 and finite";
        Err(Error::Parameter { name: "weights", value, expected })
    };
    let zero = of(array![0.0, 0.0, 0.0]).unwrap();
    assert_eq!((zero.mean(), zero.count(), zero.weight()), (none(0.0), 3, 0.0));
    assert_eq!(zero.effective_count(), none(0.0));
    let large = of(array![1e308, 1e308, 1.0]).unwrap();
    assert_eq!(large.mean(), none(f64::INFINITY));
    // One weight of several: a mean, but nothing to compare it with.
    let alone = of(array![0.0, 2.0, 0.0]).unwrap();
    assert_eq!((readings(&alone), alone.effective_count()), ((2.0, 0.0), Ok(1.0)));
    let one = Error::Count { name: "weights", axis: "rows above 0", got: 1, expected: "at least 2".to_owned() };
    assert_eq!(one.to_string(), "`weights` has 1 rows above 0, expected at least 2");
    assert_eq!((alone.unbiased_variance(), alone.std_error()), (Err(one.clone()), Err(one)));
    let row = Moments::of_weighted(&array![1.0], &array![2.0]).unwrap();
    assert_eq!(row.unbiased_variance(), Err(Error::TooFew { name: "x", got: 1, needs: 2 }));
}

/// Moments by their statistics alone are those of the numbers, alone and joined with others.
fn published<F: Real>(x: &[f64], more: &[f64]) {
    let [x, more] = [x, more].map(|x| x.iter().map(|&x| F::of(x)).collect::<Vec<F>>());
    let own = pushed(&x);
    let (mean, variance) = (own.mean().unwrap(), own.unbiased_variance().unwrap());
    let by_variance = Moments::from_mean_variance(x.len(), mean, variance).unwrap();
    let by_sd = Moments::from_mean_sd(x.len(), mean, variance.sqrt()).unwrap();
    let all: Vec<F> = x.iter().chain(&more).copied().collect();
    let spread = all.iter().fold(F::zero(), |most, x| most.max((*x - mean).abs())).as_f64();
    for (what, mut found) in [("variance", by_variance), ("sd", by_sd)] {
        assert_eq!((found.count(), found.weight(), found.mean()), (x.len(), F::count(x.len()), Ok(mean)), "{what}");
        let read = found.unbiased_variance().unwrap();
        assert_eps(read, variance.as_f64(), variance.as_f64(), 4.0, what);
        // The mean that is given was rounded, and the variance that follows has the square of that at most.
        found.merge(&pushed(&more));
        let (e, limit) = (exact(&all, &vec![F::one(); all.len()]), 8.0 * F::epsilon().as_f64());
        let rounded = limit * mean.as_f64().abs();
        let off = found.mean().unwrap().as_f64() - e.mean.to_f64();
        assert!(off.abs() <= rounded + limit * spread * (1.0 + (all.len() as f64).ln()), "{what}: mean {off:e}");
        let off = found.variance().unwrap().as_f64() - e.variance;
        assert!(off.abs() <= 4.0 * limit * e.variance + 2.0 * rounded * spread, "{what}: variance {off:e}");
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_published_statistics_are_moments(x in numbers(2..200), more in numbers(0..40)) {
        published::<f32>(&x, &more);
        published::<f64>(&x, &more);
    }
}

#[test]
fn hard_published_statistics_of_no_numbers() {
    let refused = |name, value, expected| Err(Error::Parameter { name, value, expected });
    let (of, by_sd) = (Moments::<f64>::from_mean_variance, Moments::<f64>::from_mean_sd);
    assert_eq!(
        (of(0, 1.0, 1.0), by_sd(0, 1.0, 1.0)),
        (refused("n", 0.0, "at least 1"), refused("n", 0.0, "at least 1"))
    );
    let finite = "a finite number";
    assert_eq!(of(2, f64::INFINITY, 1.0), refused("mean", f64::INFINITY, finite));
    assert_eq!(by_sd(2, -f64::INFINITY, 1.0), refused("mean", -f64::INFINITY, finite));
    assert_eq!(of(2, f64::NAN, 1.0).unwrap_err().to_string(), "`mean` is NaN, expected a finite number");
    let expected = "a finite number that is not negative";
    for value in [-1.0, f64::INFINITY] {
        assert_eq!(of(2, 1.0, value), refused("unbiased_variance", value, expected));
        assert_eq!(by_sd(2, 1.0, value), refused("sd", value, expected));
    }
    assert!(of(2, 1.0, f64::NAN).is_err() && by_sd(2, 1.0, f64::NAN).is_err());
    let one = "0 where `n` is 1";
    assert_eq!(
        (of(1, 3.0, 2.0), by_sd(1, 3.0, 2.0)),
        (refused("unbiased_variance", 2.0, one), refused("sd", 2.0, one))
    );
    let square = "a number whose square is finite and above 0";
    for value in [1e200, 1e-200] {
        assert_eq!(by_sd(2, 1.0, value), refused("sd", value, square));
    }
    let three: Moments<f64> = [3.0].into_iter().collect();
    assert_eq!((of(1, 3.0, 0.0), by_sd(1, 3.0, 0.0)), (Ok(three), Ok(three)));
    assert_eq!(of(3, 3.0, 0.0), Ok(pushed(&[3.0; 3])));
}

/// A reference is its number, and a slice an array: the same bits.
#[test]
fn law_references_and_slices_are_the_numbers() {
    let x: Vec<f32> = (0..200_000).map(|i| (0.7 * i as f32).sin()).collect();
    let (by_value, by_reference): (Moments<f32>, Moments<f32>) = (x.iter().copied().collect(), x.iter().collect());
    assert_eq!(by_reference, by_value);
    let mut extended = Moments::from(&x[..2048]);
    let mut of_values = extended;
    extended.extend(&x[2048..]);
    of_values.extend(x[2048..].iter().copied());
    assert_eq!(extended, of_values);
    assert_eq!(Moments::from(&x[..]), Moments::of(&Array1::from_vec(x)));
}
