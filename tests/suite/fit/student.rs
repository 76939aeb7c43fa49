use estimand::fit::{Gaussian, Moments, mean_interval, next_interval};
use estimand::ndarray::Array1;
use estimand::noise::Standard;
use estimand::rand::{SeedableRng, rngs::StdRng};
use estimand::{Error, Real};
use proptest::prelude::*;

use super::moments;
use crate::support::quadrature::{integral, rounding};
use crate::support::reference::table;
use crate::support::stats::chance_of_count;
use crate::support::strategy::config;

/// The t of `n` observations: the half-width in standard errors.
fn t<F: Real>(moments: &Moments<F>, level: f64) -> f64 {
    let (low, high) = mean_interval(moments, F::of(level)).unwrap();
    0.5 * (high - low).as_f64() / moments.std_error().unwrap().as_f64()
}

/// Of `n` observations about 0, with a standard error of 1.
fn about_zero<F: Real>(n: usize) -> Moments<F> {
    Moments::from_mean_variance(n, F::zero(), F::count(n)).unwrap()
}

/// A chance that is off moves t by as much over twice the density; and t is read off with two roundings.
///
/// What is computed, the chance inside or that outside, is e^-p times a series, p = degrees ln(1 + t^2 / degrees)
/// / 2, which is rounded by p epsilons at the most. Term n of the series has n times 4 roundings of half an
/// epsilon, and it is largest where n is at most about p. Beside them there are eight more.
fn limit(epsilon: f64, degrees: f64, level: f64, t: f64, density: f64) -> f64 {
    let square = t * t / degrees;
    let off = (4.0 + 1.5 * degrees * square.ln_1p()) * f64::EPSILON;
    let chance = if square <= 1.0 { off * level } else { off * (1.0 - level) + f64::EPSILON };
    chance / (2.0 * density) + 2.0 * epsilon * t
}

#[test]
fn ref_quantiles_agree_with_mpmath() {
    for r in table("student.csv") {
        let [degrees, level, expected, density] = r.numbers::<4>(0);
        let n = degrees as usize + 1;
        let double = t(&about_zero::<f64>(n), level);
        let off = (double - expected).abs();
        assert!(
            off <= limit(f64::EPSILON, degrees, level, expected, density),
            "{degrees} {level}: {double} {expected}"
        );
        let single = t(&about_zero::<f32>(n), level);
        let off = (single - expected).abs();
        assert!(
            off <= limit(f64::from(f32::EPSILON), degrees, level, expected, density),
            "{degrees} {level}: {single} {expected}"
        );
    }
}

proptest! {
    #![proptest_config(config())]

    /// The closed forms of one and of two degrees: tan(pi level / 2), and level sqrt(2 / (1 - level^2)).
    #[test]
    fn law_two_and_three_observations(x in prop::array::uniform3(-3.0..3.0_f64), level in 0.001..0.999_f64) {
        prop_assume!((x[0] - x[1]).abs() > 1e-3);
        let (mean, half) = (0.5 * (x[0] + x[1]), 0.5 * (x[0] - x[1]).abs());
        let (low, high) = mean_interval(&moments(&x[..2]), level).unwrap();
        let tangent = (std::f64::consts::FRAC_PI_2 * level).tan();
        // The slope of the tangent is 1 + t^2.
        let few = 16.0 * f64::EPSILON * ((1.0 + tangent * tangent) * half + mean.abs());
        prop_assert!((low - (mean - tangent * half)).abs() <= few && (high - (mean + tangent * half)).abs() <= few);

        let three = level * (2.0 / (1.0 - level * level)).sqrt();
        let slope = (2.0_f64).sqrt() * (1.0 - level * level).powf(-1.5);
        let found = t(&moments(&x), level);
        let shift = x.iter().sum::<f64>().abs() / moments(&x).std_error().unwrap();
        prop_assert!((found - three).abs() <= 16.0 * f64::EPSILON * (three + slope + shift), "{found} {three}");

        // Of the next observation: |x_1 - x_2| sqrt(3) / 2 for s sqrt(3/2) of two, and s sqrt(4/3) of three, whose
        // s^2 is a sixth of the squared differences of all pairs.
        let (low, high) = next_interval(&moments(&x[..2]), level).unwrap();
        let few = 16.0 * f64::EPSILON * ((1.0 + tangent * tangent) * half + mean.abs());
        let wide = tangent * half * 3.0_f64.sqrt();
        prop_assert!((low - (mean - wide)).abs() <= 2.0 * few && (high - (mean + wide)).abs() <= 2.0 * few);
        let pairs = (x[0] - x[1]).powi(2) + (x[0] - x[2]).powi(2) + (x[1] - x[2]).powi(2);
        let (middle, wide) = (x.iter().sum::<f64>() / 3.0, (pairs / 6.0 * 4.0 / 3.0).sqrt());
        let (low, high) = next_interval(&moments(&x), level).unwrap();
        let few = 16.0 * f64::EPSILON * ((three + slope) * wide + x.iter().map(|x| x.abs()).sum::<f64>());
        prop_assert!((low - (middle - three * wide)).abs() <= few && (high - (middle + three * wide)).abs() <= few);
    }

    /// The chance inside, by the integral of the density where t = sqrt(degrees) sinh u: of cosh(u)^-degrees, for
    /// degrees that weights leave, between whole ones.
    #[test]
    fn law_the_interval_holds_its_level(w in prop::collection::vec(0.2..1.0_f64, 3..500), level in 0.01..0.999_f64) {
        let x = Array1::from_shape_fn(w.len(), |i| (1.7 * i as f64).sin());
        let moments = Moments::of_weighted(&x, &Array1::from_vec(w)).unwrap();
        let degrees = moments.effective_count().unwrap() - 1.0;
        let t = t(&moments, level);
        let density = |u: f64| u.cosh().powf(-degrees);
        // cosh u is above e^u / 2: beyond that there is less than e^-40.
        let (end, all) = ((t / degrees.sqrt()).asinh(), 1.0 + 40.0 / degrees);
        let inside = integral(&[0.0, end], density);
        let mass = inside / (inside + integral(&[end, end.max(0.5 * all), end.max(all)], density));
        // t is read off an interval about a mean of size 1, in standard errors.
        let read = 8.0 * f64::EPSILON * (1.0 + 1.0 / moments.std_error().unwrap());
        prop_assert!((mass - level).abs() <= rounding(3.0) + read, "{degrees} {level}: {mass}");
    }
}

/// Five observations, 40 000 times. The Gaussian interval with the estimated variance is to hold the truth
/// in P(|T| <= z) of them, which is sin a (1 + cos^2 a / 2) with tan a = z/2, for four degrees: 87.8 % and
/// not 95 %. Student's holds it in 95 %. Each count is refused at 1e-9, by Chernoff's bound; a half of a
/// percent is 3.1 standard deviations, and the other's rate is seen on any seed.
#[test]
fn stat_a_variance_from_the_same_observations_makes_intervals_too_narrow() {
    let (n, level) = (40_000, 0.95);
    let mut rng = StdRng::seed_from_u64(21);
    let (mut plugged, mut student) = (0, 0);
    for _ in 0..n {
        let x: Moments<f64> = Standard::Normal.draw::<f64, _, _>(&mut rng, 5).iter().map(|z| 7.0 + 3.0 * z).collect();
        let law = Gaussian::new(x.mean().unwrap(), x.std_error().unwrap().powi(2)).unwrap();
        let holds = |(low, high): (f64, f64)| usize::from(low <= 7.0 && 7.0 <= high);
        plugged += holds(law.interval(level).unwrap());
        student += holds(mean_interval(&x, level).unwrap());
    }
    let angle = (1.959_963_984_540_054_f64 / 2.0).atan();
    let covered = angle.sin() * (1.0 + 0.5 * angle.cos().powi(2));
    assert!((covered - 0.878_440_34).abs() < 1e-8);
    assert!(chance_of_count(plugged, n, covered) > 1e-9, "{plugged} of {n}, expected {covered}");
    assert!(chance_of_count(student, n, level) > 1e-9, "{student} of {n}");
    assert!(chance_of_count(plugged, n, level) < 1e-9 && chance_of_count(student, n, covered) < 1e-9);
}

/// The sixth observation after five, 40 000 times. Student's interval of it is to hold it in 95 %; the Gaussian
/// one with the estimated variance, z s sqrt(6/5), as seldom as the one of the mean holds the mean, in 87.8 %;
/// and where the error of the mean is left out, t s, in the chance of |T| <= t sqrt(5/6), 93.6 %. Each count is
/// refused at 1e-9; of a half of a percent in the level see the test before.
#[test]
fn stat_the_next_observation_is_held_as_often_as_it_says() {
    let (n, level) = (40_000, 0.95);
    let mut rng = StdRng::seed_from_u64(22);
    let (mut student, mut plugged, mut forgotten) = (0, 0, 0);
    for _ in 0..n {
        let all: Vec<f64> = Standard::Normal.draw::<f64, _, _>(&mut rng, 6).iter().map(|z| 7.0 + 3.0 * z).collect();
        let (x, next) = (moments(&all[..5]), all[5]);
        let holds = |(low, high): (f64, f64)| usize::from(low <= next && next <= high);
        student += holds(next_interval(&x, level).unwrap());
        let (mean, variance) = (x.mean().unwrap(), x.unbiased_variance().unwrap());
        plugged += holds(Gaussian::new(mean, variance * 1.2).unwrap().interval(level).unwrap());
        let (low, high) = mean_interval(&x, level).unwrap();
        let half = 0.5 * (high - low) * 5.0_f64.sqrt();
        forgotten += holds((mean - half, mean + half));
    }
    // Of four degrees P(|T| <= t) is sin a (1 + cos^2 a / 2) with tan a = t/2.
    let inside = |t: f64| (0.5 * t).atan().sin() * (1.0 + 0.5 * (0.5 * t).atan().cos().powi(2));
    let (z, t) = (1.959_963_984_540_054_f64, 2.776_445_105_197_799_f64);
    assert!((inside(t) - level).abs() < 1e-12);
    assert!(chance_of_count(student, n, level) > 1e-9, "{student} of {n}");
    assert!(chance_of_count(plugged, n, inside(z)) > 1e-9, "{plugged} of {n}");
    let without = inside(t * (5.0_f64 / 6.0).sqrt());
    assert!(chance_of_count(forgotten, n, without) > 1e-9, "{forgotten} of {n}, expected {without}");
    for wrong in [plugged, forgotten] {
        assert!(chance_of_count(wrong, n, level) < 1e-9, "{wrong} of {n}");
    }
}

/// Of many observations it is the Gaussian's, and wider by (z^2 + 1) / (4 N) of it to first order.
#[test]
fn hard_very_many_observations() {
    let z = Gaussian::new(0.0, 1.0).unwrap().interval(0.95).unwrap().1;
    for n in [1_000_000, 1_000_000_000, usize::MAX >> 1] {
        let wider = t(&about_zero::<f64>(n), 0.95) / z - 1.0;
        let expected = (z * z + 1.0) / (4.0 * n as f64);
        assert!((wider - expected).abs() < 1e-14 + 8.0 * expected / n as f64, "{n}: {wider:e} {expected:e}");
    }
}

#[test]
fn hard_levels_at_both_ends() {
    // Of two observations: 2 / (pi (1 - level)), and pi level / 2.
    let two = about_zero::<f64>(2);
    let far = t(&two, 1.0 - f64::EPSILON);
    assert!((far * std::f64::consts::FRAC_PI_2 * f64::EPSILON - 1.0).abs() < 0.3, "{far:e}");
    assert!((t(&two, 1e-200) / 1e-200 / std::f64::consts::FRAC_PI_2 - 1.0).abs() < 1e-14);
    let (low, high) = mean_interval(&about_zero::<f64>(1000), 1.0 - f64::EPSILON).unwrap();
    assert!(low == -high && high > 8.2 && high < 9.0, "{high}");
    // Of a fiftieth of a degree, where t^2 is no number: the chance outside falls as t^(-1/50).
    let few = Moments::of_weighted(&Array1::from(vec![1.0, 2.0]), &Array1::from(vec![1.0, 0.01])).unwrap();
    let degrees = few.effective_count().unwrap() - 1.0;
    let [near, far] = [10, 11].map(|k| t(&few, 1.0 - 2.0_f64.powi(-k)).log2());
    assert!(near < 512.0 && far > 512.0, "{near} {far}");
    // The chance is known to an epsilon of 1, which is 2048 of what is outside.
    assert!(((far - near) * degrees - 1.0).abs() < 8.0 * 2048.0 * f64::EPSILON, "{degrees} {near} {far}");
    // All the weight is one row's, nearly: no interval is wide enough.
    let lone = Moments::of_weighted(&Array1::from(vec![1.0, 2.0]), &Array1::from(vec![1.0, 1e-200])).unwrap();
    let everywhere = Ok((f64::NEG_INFINITY, f64::INFINITY));
    assert_eq!((mean_interval(&lone, 0.5), next_interval(&lone, 0.5)), (everywhere.clone(), everywhere));
}

/// Two observations, c and -c: tan(pi / 4) c sqrt(3), also where s^2 (1 + 1/N), 3 c^2, is no number.
#[test]
fn hard_the_next_of_very_close_and_very_far_observations() {
    for scale in [1e-150, 9e153] {
        let two: Moments<f64> = [-scale, scale].into_iter().collect();
        let (low, high) = next_interval(&two, 0.5).unwrap();
        assert!((high / (scale * 3.0_f64.sqrt()) - 1.0).abs() <= 32.0 * f64::EPSILON, "{scale:e}: {high:e}");
        assert_eq!(low, -high);
    }
}

#[test]
fn hard_what_has_no_interval() {
    refuses(mean_interval);
    refuses(next_interval);
}

fn refuses(interval: impl Fn(&Moments<f64>, f64) -> estimand::Result<(f64, f64)>) {
    let x = moments(&[1.0, 2.0, 4.0]);
    let between = "a number between 0 and 1, both excluded";
    for value in [0.0, 1.0, -0.5, 95.0, f64::INFINITY] {
        assert_eq!(interval(&x, value), Err(Error::Parameter { name: "level", value, expected: between }));
    }
    let nan = interval(&x, f64::NAN).unwrap_err().to_string();
    assert_eq!(nan, "`level` is NaN, expected a number between 0 and 1, both excluded");
    let few = |got, needs| Err(Error::TooFew { name: "x", got, needs });
    assert_eq!((interval(&moments(&[]), 0.5), interval(&moments(&[3.0]), 0.5)), (few(0, 1), few(1, 2)));
    let expected = "observations that are not all equal";
    assert_eq!(interval(&moments(&[0.1; 4]), 0.5), Err(Error::Parameter { name: "variance", value: 0.0, expected }));
    assert_eq!(interval(&moments(&[1.0, f64::NAN]), 0.5), Err(Error::NaN { name: "x", row: 1 }));
    let infinite = Error::Parameter { name: "x", value: f64::INFINITY, expected: "a finite number" };
    assert_eq!(interval(&moments(&[1.0, f64::INFINITY]), 0.5), Err(infinite));
}
